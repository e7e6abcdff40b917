"""What a run shows of its epochs: its codes as maps, its curves, its pictures."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

import numpy as np

from explorer import catalogue, run_files
from explorer.run_files import Shown

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


class _EpochMaps:
    """The maps of a run's epochs as far as they were asked for; each is turned onto the last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places: dict[Shown, np.ndarray] = {}  # (N, 2) float32


@functools.lru_cache(maxsize=4)
def _epoch_maps(name: str) -> _EpochMaps:
    return _EpochMaps()


def epoch_map(name: str, epoch: int) -> bytes:
    """Where a run's test images lie after an epoch: N pairs of float32, then N labels, a byte
    each. Raises CheckpointError."""
    from core.checkpoint import CheckpointError
    from core.epoch_maps import plane

    folder = catalogue.run_folder(name)
    slot = _epoch_maps(name)
    with slot.lock:
        before: np.ndarray | None = None
        kept: dict[Shown, np.ndarray] = {}
        for shown in run_files.shown_epochs(folder):
            if shown not in slot.places:
                if shown.epoch > epoch:
                    continue
                try:
                    mu, _ = run_files.codes(folder, shown.epoch)
                except CheckpointError:
                    continue  # the others do not lose their maps for it
                same = before is not None and len(before) == len(mu)
                slot.places[shown] = plane(mu, before if same else None)
            kept[shown] = before = slot.places[shown]
        slot.places = kept  # a run of the same name that is gone is forgotten
        found = next((xy for shown, xy in kept.items() if shown.epoch == epoch), None)
    _, labels = run_files.codes(folder, epoch)
    if found is None:
        raise CheckpointError(f"The run {name} has no codes of epoch {epoch}.")
    return found.astype("<f4").tobytes() + labels.tobytes()


@functools.lru_cache(maxsize=16)
def _training_curves(name: str, _written: int, keys: tuple[str, ...]) -> Figure:
    from core.checkpoint import CHECKPOINTS
    from explorer import figures

    return figures.training_curves(run_files.history(CHECKPOINTS / name), keys)


def training_curves(name: str, keys: tuple[str, ...]) -> Figure:
    """explorer.figures.training_curves of a run; made anew only after another epoch, as the page
    asks every second."""
    from core.checkpoint import CHECKPOINTS

    file = CHECKPOINTS / name / "history.json"
    return _training_curves(name, file.stat().st_mtime_ns if file.exists() else 0, keys)


def epoch_picture(name: str, kind: str, epoch: int) -> bytes:
    """The PNG of a run's samples ("sampled") or reconstructions ("reconst") after an epoch."""
    from core.checkpoint import CheckpointError

    if kind not in ("sampled", "reconst"):
        raise ValueError(f"There are no pictures {kind!r}.")
    try:
        return run_files.picture(catalogue.run_folder(name), kind, epoch).read_bytes()
    except OSError:
        raise CheckpointError(f"The run {name} has no pictures of epoch {epoch}.") from None
