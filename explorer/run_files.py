"""What the folder of a run says: progress, history, and which epochs left pictures.

core.train writes these files and nobody else; a file that is missing, half there or of another
kind is as good as none. Knows neither Streamlit nor processes.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SAMPLES = "samples"
HISTORY = ("epoch", "reconstruction", "kl", "neg_elbo", "active_units")


class Progress(NamedTuple):
    """progress.json: where a run stands, or stood when it was last written."""

    state: str  # "running", "finished", "stopped" or "failed"
    pid: int
    epoch: int  # under way, from 1
    epochs: int
    step: int
    steps: int
    reconstruction: float | None  # nats per image, mean over the epoch so far
    kl: float | None
    images_per_second: float | None
    eta: float | None  # s
    updated: float  # unix time
    reason: str | None


class Shown(NamedTuple):
    """An epoch that there is something to see of, and when its files were written (ns)."""

    epoch: int
    version: int


def read_json(file: Path) -> dict[str, Any] | None:
    """A JSON object, or None where there is none that can be read."""
    from core.plain_json import parsed  # core at its first use, as in explorer/caches.py

    try:
        value = parsed(file.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def progress(folder: Path) -> Progress | None:
    from core.plain_json import finite

    value = read_json(folder / "progress.json")
    if value is None or not isinstance(value.get("state"), str):
        return None
    reason = value.get("reason")

    def count(key: str) -> int:
        return int(finite(value.get(key)) or 0)

    return Progress(
        state=value["state"],
        pid=count("pid"),
        epoch=count("epoch"),
        epochs=count("epochs"),
        step=count("step"),
        steps=count("steps"),
        reconstruction=finite(value.get("reconstruction")),
        kl=finite(value.get("kl")),
        images_per_second=finite(value.get("images_per_second")),
        eta=finite(value.get("eta")),
        updated=finite(value.get("updated")) or 0.0,
        reason=reason if isinstance(reason, str) else None,
    )


def history(folder: Path) -> list[dict[str, float]]:
    """The complete epochs of history.json in their order, each with all the keys of HISTORY."""
    from core.plain_json import finite

    value = read_json(folder / "history.json") or {}
    epochs = value.get("epochs")
    found = [row for row in epochs if isinstance(row, dict)] if isinstance(epochs, list) else []
    numbers = [{key: finite(epoch.get(key)) for key in HISTORY} for epoch in found]
    return [
        {key: float(number) for key, number in epoch.items() if number is not None}
        for epoch in numbers
        if None not in epoch.values()
    ]


def shown_epochs(folder: Path) -> list[Shown]:
    """The epochs that left pictures of samples and reconstructions and the codes of a map."""
    found = []
    for codes in (folder / SAMPLES).glob("codes-*.npz"):
        number = codes.stem.removeprefix("codes-")
        files = [codes, *(picture(folder, kind, number) for kind in ("sampled", "reconst"))]
        try:
            versions = [file.stat().st_mtime_ns for file in files]
        except OSError:  # the other files of this epoch are still to come
            continue
        if number.isdecimal():
            found.append(Shown(int(number), max(versions)))
    return sorted(found)


def picture(folder: Path, kind: str, epoch: int | str) -> Path:
    """`kind` is "sampled" or "reconst"."""
    return folder / SAMPLES / f"{kind}-{epoch}.png"


def codes(folder: Path, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """mu (N, D) float16 and labels (N,) uint8 of the test images. CheckpointError."""
    from core.arrays import read_arrays
    from core.checkpoint import CheckpointError

    file = folder / SAMPLES / f"codes-{epoch}.npz"
    try:
        arrays = read_arrays(file)
        mu, labels = arrays["mu"], arrays["labels"].astype(np.uint8)
        if mu.ndim != 2 or not len(mu) or labels.shape != mu.shape[:1] or not np.isfinite(mu).all():
            raise ValueError("its arrays do not fit each other or are no numbers")
    except Exception as error:  # np.load raises whatever zipfile, zlib or the parser raise
        raise CheckpointError(f"{file} cannot be read ({error}).") from None
    return mu, labels
