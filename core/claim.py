"""One run, one folder: nobody overwrites a run, and no two processes train the same one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.checkpoint import CheckpointError

LOCK = ".train.lock"
# Any of these is somebody's work, also where the others are missing.
OF_A_RUN = ("training.pt", "config.json", "model.safetensors", "history.json")


class TakenError(CheckpointError):
    """The folder is another run's."""


@contextmanager
def claimed(folder: Path, *, resume: bool) -> Iterator[None]:
    """Hold `folder` for one run, as long as the block runs or the process lives.

    Raises TakenError when another process trains there, or when it holds a run that is not to be
    resumed; CheckpointError when it cannot be written.
    """
    # The system takes the lock back when the process dies, however it dies.
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise TakenError(
            f"{folder} is being trained by another process. Stop that one first, or choose another "
            "--name."
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written ({error.strerror}). Make it writable, or choose another "
            "--name."
        ) from None
    try:
        if not resume:
            refuse_to_overwrite(folder)
        yield
    finally:
        lock.release()


def refuse_to_overwrite(folder: Path) -> None:
    """Raises TakenError when `folder` holds a run or a part of one."""
    if found := started(folder):
        raise TakenError(
            f"{folder} already holds a model ({', '.join(found)}). Choose another --name, or "
            "continue it with --resume."
        )


def started(folder: Path) -> list[str]:
    """What there is of a run; nothing where one ended before its first line, for want of data."""
    return [name for name in OF_A_RUN if (folder / name).exists()]
