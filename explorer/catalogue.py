"""Which checkpoints there are, and what their folders say; nothing of it is kept, as a training may
just have written there.

`core` is imported on first use: importing torch takes seconds, in which the server already answers
the browser and sends it the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from explorer.served import SERVED

if TYPE_CHECKING:
    from core.checkpoint import Checkpoint

DEFAULT_CHECKPOINT = "mnist-conv-32"


def checkpoints() -> list[str]:
    """The ids of all checkpoints; never cached, a training may just have made one.

    Those that the server was started with come first, and keep their names from whatever comes.
    """
    from core import list_checkpoints

    return [*SERVED, *(name for name in list_checkpoints() if name not in SERVED)]


def default_checkpoint() -> str:
    """The id of the model that a page opens with."""
    return next(iter(SERVED), DEFAULT_CHECKPOINT)


def folder(name: str) -> Path:
    """A checkpoint's folder; of a model out of code there is none at this path."""
    from core.checkpoint import CHECKPOINTS

    return SERVED[name].card.path if name in SERVED else CHECKPOINTS / name


def described(name: str) -> Checkpoint:
    """Config and metrics of a checkpoint, or what there is of them. Raises CheckpointError."""
    from core.checkpoint import describe

    return SERVED[name].card if name in SERVED else describe(run_folder(name))


def version(name: str) -> str:
    """Another one whenever a file of the checkpoint is replaced. Raises CheckpointError."""
    from core.checkpoint import CheckpointError, fingerprint

    if name not in checkpoints():
        raise CheckpointError(f"There is no checkpoint {name!r}.")
    return f"{hash(fingerprint(folder(name))) & 0xFFFFFFFF:x}"


def weights(name: str) -> str:
    """Another one whenever the checkpoint's weights are replaced."""
    from core.checkpoint import identity

    return str(identity(folder(name) / "model.safetensors"))


def is_training(name: str) -> bool:
    """Whether a run is writing into the checkpoint."""
    from core import library

    return library.is_training(folder(name))


def run_folder(name: str) -> Path:
    """Of a name out of the list, never a path. Raises CheckpointError."""
    from core.checkpoint import CHECKPOINTS, CheckpointError, list_checkpoints

    if name not in list_checkpoints():
        raise CheckpointError(f"There is no checkpoint {name!r}.")
    return CHECKPOINTS / name
