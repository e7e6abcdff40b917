"""The film of a training: samples, reconstructions and map of every epoch, to be played."""

from collections.abc import Sequence

from explorer.components.wrapping import register

_mount = register("epoch_film")


def epoch_film(
    name: str,
    epochs: Sequence[tuple[int, int]],
    *,
    total: int,
    classes: Sequence[str],
    colours: Sequence[str],
    running: bool,
    key: str,
) -> None:
    """`epochs` are (epoch, version of its files); the browser fetches what it shows by itself.

    While `running` the newest epoch is followed unless the hand has gone back to an older one.
    """
    data = {
        "name": name, "epochs": [list(epoch) for epoch in epochs], "total": total,
        "classes": list(classes), "colours": list(colours), "running": running,
    }  # fmt: skip
    _mount(key=key, data=data)
