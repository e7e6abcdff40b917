"""The decoded picture."""

from explorer.components.wrapping import Live, register

_mount = register("decoded_image")


def decoded_image(live: Live, *, key: str, label: str) -> None:
    """The decoded picture with the reading of the live channel. `label` is for screen readers."""
    _mount(key=key, data={"live": live, "label": label})
