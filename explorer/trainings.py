"""Trainings: each in a process of its own, one at a time, the others waiting in a queue.

A training outlives the server that started it. What is known of it is read from files: its own
folder below checkpoints/, and the queue in checkpoints/.trainings/. So a reload, a second browser,
a second server and a restart see the same. Knows nothing of Streamlit, nor of what is trained.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from core import checkpoint, library
from core.limits import TRAININGS_WAITING
from explorer import naming, run_files, training_processes, training_queue
from explorer.changes import refused_by, writable
from explorer.repository import is_committed
from explorer.run_files import Progress
from explorer.training_queue import Entry, Queue, Refused, Started

PATIENCE = 10  # s between asking a training to stop and ending it, when asked again


class Run(NamedTuple):
    """A training as the page shows it."""

    name: str
    # "queued", "starting", "running", "measuring" (all epochs are done, the test set is being
    # encoded), "stopping" (its process is about to end), "finished", "stopped", "failed", or
    # "interrupted": its process is gone unheard.
    state: str
    progress: Progress | None
    position: int  # in the queue, from 1; 0 for what does not wait
    reason: str | None  # why it failed

    @property
    def alive(self) -> bool:
        return self.state in ("starting", "running", "measuring", "stopping")


def folder(name: str) -> Path:
    """Where a run lies."""
    return checkpoint.CHECKPOINTS / name


# ---- what there is


def runs() -> list[Run]:
    """All trainings: the one at work, those that wait, then the others, the latest first."""
    queue = training_queue.read()
    names = [entry["name"] for entry in queue["waiting"]]
    known = {file.parent.name for file in checkpoint.CHECKPOINTS.glob("*/progress.json")}
    known |= queue["failed"].keys() | ({queue["active"]["name"]} if queue["active"] else set())
    found = [_run(name, queue) for name in known - set(names)]
    found.sort(key=lambda run: (-run.alive, -_last_heard(run), run.name))
    alive = sum(run.alive for run in found)
    return [*found[:alive], *(_run(name, queue) for name in names), *found[alive:]]


def find(name: str) -> Run | None:
    """The training of this name, if there is one."""
    return next((run for run in runs() if run.name == name), None)


def _run(name: str, queue: Queue) -> Run:
    progress = run_files.progress(folder(name))
    waiting = [entry["name"] for entry in queue["waiting"]]
    if name in waiting:
        return Run(name, "queued", progress, waiting.index(name) + 1, None)
    active = queue["active"]
    if (
        active
        and active["name"] == name
        and (active["pid"] is None or training_processes.at_work(active))
    ):
        if progress is None or not _heard(progress, active):
            return Run(name, "starting", None, 0, None)
        state = {"running": "running", "finished": "measuring"}.get(progress.state, "stopping")
        return Run(name, state, progress, 0, None)
    if name in queue["failed"]:
        return Run(name, "failed", progress, 0, queue["failed"][name])
    if progress is None:
        return Run(name, "interrupted", None, 0, None)
    state = progress.state
    if state == "running" and not library.trains(progress.pid, name):
        state = "interrupted"
    return Run(name, state, progress, 0, progress.reason)


def _heard(progress: Progress | None, active: Started) -> bool:
    """Whether this start of a run has written anything yet."""
    return progress is not None and progress.updated != active["before"]


def _last_heard(run: Run) -> float:
    if run.progress:
        return run.progress.updated
    with contextlib.suppress(OSError):
        return training_processes.log_file(run.name).stat().st_mtime
    return 0.0


# ---- the queue


@contextlib.contextmanager
def _changing() -> Iterator[Queue]:
    """The queue as it is now, to be changed by nobody else meanwhile. Raises Refused."""
    with training_queue.changing() as queue:
        _settle(queue)
        yield queue


@refused_by(Refused)
def enqueue(name: str, arguments: Sequence[str], *, resume: bool = False) -> None:
    """Put a training at the queue's end; it starts at once when nothing else runs. Refused."""
    with _changing() as queue:
        if not resume and (reason := naming.why_refused(name, queue)):
            raise Refused(reason)
        run = _run(name, queue)
        if run.alive or run.state == "queued":
            raise Refused(f"{name} is {run.state} already.")
        if len(queue["waiting"]) >= TRAININGS_WAITING.most:
            raise Refused(f"{TRAININGS_WAITING} trainings wait already. Remove one first.")
        queue["failed"].pop(name, None)
        queue["waiting"].append(Entry(name=name, arguments=list(arguments)))
        _advance(queue)


@refused_by(Refused)
def remove(name: str) -> None:
    """Take a training that waits out of the queue."""
    with _changing() as queue:
        queue["waiting"] = [entry for entry in queue["waiting"] if entry["name"] != name]


@refused_by(Refused)
def move(name: str, by: int) -> None:
    """Let one that waits come earlier (by < 0) or later."""
    with _changing() as queue:
        waiting = queue["waiting"]
        at = next((i for i, entry in enumerate(waiting) if entry["name"] == name), None)
        if at is not None:
            waiting.insert(max(0, at + by), waiting.pop(at))


def advance() -> None:
    """Start the next training if none runs; called by everyone who looks, as often as they like."""
    queue = training_queue.read()
    if queue["active"] or queue["waiting"]:
        with _changing() as queue:
            _advance(queue)


def _advance(queue: Queue) -> None:
    """With the lock held. On a read-only server what waits goes on waiting."""
    if not writable() or queue["active"] or not queue["waiting"] or _by_hand():
        return
    entry = queue["waiting"].pop(0)
    earlier = run_files.progress(folder(entry["name"]))
    begun = Started(**entry, pid=None, before=earlier.updated if earlier else None)
    queue["active"] = begun
    training_queue.write(queue)  # before it starts: whatever happens now, it is not started twice
    try:
        begun["pid"] = training_processes.start(entry)
    except OSError as error:
        queue["active"] = None
        queue["failed"][entry["name"]] = f"It could not be started: {error.strerror or error}."


def _settle(queue: Queue) -> None:
    """Take note of a process that has ended; what it said if it had no time to write."""
    training_processes.bury()
    active = queue["active"]
    if active is None or training_processes.at_work(active):
        return
    queue["active"] = None
    progress = run_files.progress(folder(active["name"]))
    if not _heard(progress, active):
        queue["failed"][active["name"]] = training_processes.last_words(active["name"])


def _by_hand() -> bool:
    """Whether a training runs that was started in a terminal."""
    for file in checkpoint.CHECKPOINTS.glob("*/progress.json"):
        progress = run_files.progress(file.parent)
        if (
            progress
            and progress.state == "running"
            and library.trains(progress.pid, file.parent.name)
        ):
            return True
    return False


# ---- what can be done to a run

# When each was asked to stop, by time.monotonic. By process and not by number: one that is used
# again would be another's, and its first Stop the last.
_asked: dict[psutil.Process, float] = {}


@refused_by(Refused)
def stop(name: str) -> None:
    """Ask it to stop; it keeps its last complete epoch. Asked again after PATIENCE, it is ended."""
    run, queue = find(name), training_queue.read()
    if run is None or not run.alive:
        return
    active = queue["active"]
    pid = active["pid"] if active and active["name"] == name else run.progress and run.progress.pid
    if not pid:
        return
    if run.state == "starting":
        # It has written nothing that could be kept, and will not say that it was stopped.
        with _changing() as queue:
            active = queue["active"]
            if active and active["name"] == name:
                queue["active"] = None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for gone in [one for one in _asked if not one.is_running()]:
            _asked.pop(gone, None)
        if time.monotonic() > _asked.setdefault(process, time.monotonic()) + PATIENCE:
            process.kill()
        else:
            process.terminate()
    advance()


_news: dict[str, tuple[float, float]] = {}  # run -> its last `updated`, and when it was first seen


def silence(run: Run) -> float:
    """Seconds for which a run has not written anything, as far as this server has looked."""
    if run.progress is None:
        return 0.0
    known = _news.get(run.name)
    if known is None or known[0] != run.progress.updated:
        known = _news[run.name] = run.progress.updated, time.monotonic()
    return time.monotonic() - known[1]


def stopping(run: Run) -> bool:
    """Whether this server has asked it to stop."""
    with contextlib.suppress(psutil.Error):
        return bool(run.alive and run.progress and psutil.Process(run.progress.pid) in _asked)
    return False


def why_kept(run: Run) -> str | None:
    """Why it must not be discarded, or None if it may."""
    if run.alive or run.state == "queued":
        return f"{run.name} is {run.state}; stop it first."
    if is_committed(run.name):
        return f"{run.name} belongs to the repository; only git may remove it."
    if owns(run.name) and checkpoint.list_checkpoints() == [run.name]:
        return f"{run.name} is the only model; the last one cannot be deleted."
    return None


def owns(name: str) -> bool:
    """Whether what lies in a run's folder is the run's. One that failed before it began may have
    found a model there that came by its name: a training writes its progress before all else."""
    path = folder(name)
    return (path / "progress.json").exists() or not (path / "config.json").exists()


@refused_by(Refused)
def discard(name: str) -> None:
    """Delete a run's folder with all it has learnt. Refused for one at work or committed, or when
    it is the only model."""
    run = find(name)
    if run is None:
        raise Refused(f"There is no run {name}.")
    if reason := why_kept(run):
        raise Refused(reason)
    with _changing() as queue:
        run = _run(name, queue)
        if run.alive or run.state == "queued":  # meanwhile
            raise Refused(f"{name} is {run.state}; stop it first.")
        queue["failed"].pop(name, None)
        path = folder(name)
        if path.parent != checkpoint.CHECKPOINTS or path.is_symlink():
            raise Refused(f"{name} does not lie in checkpoints/.")
        if path.exists() and owns(name):
            shutil.rmtree(path)
        training_processes.log_file(name).unlink(missing_ok=True)
