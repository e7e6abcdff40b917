"""The queue of trainings: a file in checkpoints/.trainings/, changed by one at a time.

So a reload, a second browser, a second server and a restart see the same.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict, TypeGuard, cast

from filelock import FileLock, Timeout

from core import checkpoint
from core.checkpoint import write_json
from explorer.run_files import read_json

LOCK_TIMEOUT = 20  # s


class Refused(Exception):
    """This cannot be done now; the message says why, and what can be done."""


class Entry(TypedDict):
    """What is to be run: `python -m core train --name NAME ARGUMENTS`."""

    name: str
    arguments: list[str]


class Started(Entry):
    pid: int | None  # None: it is being started, or who did so died; trainings._settle tells
    # When progress.json, if there was one, had been written before: what says the same is an
    # earlier run's. No other time is compared with it, as clocks are set back and forth.
    before: float | None


class Queue(TypedDict):
    """queue.json."""

    active: Started | None
    waiting: list[Entry]
    failed: dict[str, str]  # name -> what a process said that died before it wrote anything


def place() -> Path:
    """The folder of the queue, and of what else is noted of trainings and jobs."""
    return checkpoint.CHECKPOINTS / ".trainings"


def read() -> Queue:
    """Empty where there is none yet, or none that can be read."""
    value: dict[str, Any] = read_json(place() / "queue.json") or {}
    active, waiting, failed = (value.get(key) for key in ("active", "waiting", "failed"))
    queue = Queue(active=None, waiting=[], failed={})
    if _is_entry(active) and isinstance(active.get("pid"), int | None):
        # A server of an earlier version may have begun it.
        queue["active"] = cast(Started, {"before": None} | active)
    if isinstance(waiting, list):
        queue["waiting"] = [cast(Entry, entry) for entry in waiting if _is_entry(entry)]
    if isinstance(failed, dict):
        queue["failed"] = {name: str(reason) for name, reason in failed.items()}
    return queue


def _is_entry(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it names a training and its arguments; a file may have been edited by hand."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return False
    arguments = value.get("arguments")
    return isinstance(arguments, list) and all(isinstance(word, str) for word in arguments)


def write(queue: Queue) -> None:
    """Raises Refused."""
    try:
        write_json(place() / "queue.json", queue)
    except OSError as error:
        raise Refused(
            f"The queue of trainings cannot be written ({error.strerror or error}). Free some "
            "space, or make checkpoints/ writable, and try again."
        ) from None


@contextlib.contextmanager
def changing() -> Iterator[Queue]:
    """The queue, to be changed by nobody else meanwhile: no other thread, process or server.

    Raises Refused.
    """
    lock = FileLock(place() / "lock", timeout=LOCK_TIMEOUT)
    try:
        place().mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise Refused("The queue is being changed by somebody else. Try again.") from None
    except OSError as error:
        raise Refused(f"{place()} cannot be written ({error.strerror or error}).") from None
    try:
        queue, before = read(), read()
        yield queue
        if queue != before:
            write(queue)
    finally:
        lock.release()
