"""Which names are taken, also without a folder: a training has its name while it still waits, and a
model that the server was started with needs none."""

import re

from core import checkpoint
from core.checkpoint import CheckpointError
from core.limits import NAME
from explorer import training_queue
from explorer.served import SERVED
from explorer.training_queue import Queue


def taken(queue: Queue | None = None) -> set[str]:
    """The names that a new run must not have."""
    queue = queue or training_queue.read()
    there = {path.name for path in checkpoint.CHECKPOINTS.glob("*") if path.is_dir()}
    waiting = {entry["name"] for entry in queue["waiting"]}
    active = {queue["active"]["name"]} if queue["active"] else set()
    return there | waiting | active | SERVED.keys()


def free_name(stem: str) -> str:
    """`stem`, numbered when it is taken."""
    names = taken()
    if stem not in names:
        return stem
    return next(name for n in range(2, 10_000) if (name := f"{stem}-{n}") not in names)


def why_refused(name: str, queue: Queue | None = None) -> str | None:
    """Why no new run may have this name, or None if it may."""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME.most - 1}}}", name):
        return (
            "A name has letters, digits, dots, dashes and underscores only, begins with a letter "
            f"or digit and has at most {NAME} characters."
        )
    return _already(name) if name in taken(queue) else None


def check_free(name: str) -> None:
    """Before a model gets a name of which core.library looks at the folders only: a run that failed
    before it had one may still begin anew. Raises CheckpointError."""
    queue = training_queue.read()
    if name in taken(queue) | queue["failed"].keys():
        raise CheckpointError(_already(name))


def _already(name: str) -> str:
    return f"There is a run or model called {name} already. Choose another name."
