"""Long work in a process of its own, one at a time per server: start, progress, stop, outcome.

A job is a command that prints lines ending in "DONE TOTAL". It runs at low priority, so that the
live channel does not feel it. Knows nothing of Streamlit, nor of what the command does.

A job ends with its server. A server that is killed cannot end it and leaves a note (checkpoints/
.trainings/job-PID.json); the next one ends what is left of it and says that it was interrupted.
"""

import atexit
import contextlib
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

from core.checkpoint import write_json
from explorer.changes import refused_by
from explorer.run_files import read_json
from explorer.training_queue import place

ROOT = Path(__file__).parent.parent
NICE = 15  # of 19: after everything that somebody waits for
GRACE = 5  # s between asking a process to end and ending it


class Busy(Exception):
    """Another job is running, or none is to run here; the message says which."""


class Interrupted:
    """A job of a server that was killed; to be read as a Job that failed."""

    running, stopped = False, False
    done = total = 0
    share = 0.0

    def __init__(self, title: str) -> None:
        self.title = title
        self.error = (
            f"{title} was interrupted: the server ended while it was computed. Nothing that was "
            "there before is lost; start it again."
        )

    def stop(self) -> None:
        pass


class Job:
    """A running or ended command. Reading is safe from every thread."""

    def __init__(self, title: str, command: Sequence[str]) -> None:
        self.title = title
        self.done, self.total = 0, 0
        self.stopped = False
        self._reading = threading.Lock()
        # A file and no pipe: nobody need read along, however much is said.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self._errors, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        if hasattr(os, "setpriority"):
            # It may have ended already, or may not be slowed: no reason to give up.
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE)
        _note(title, command, self._process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.search(r"(\d+) (\d+)\s*$", line):
                self.done, self.total = int(found[1]), int(found[2])
        self._process.wait()
        with contextlib.suppress(OSError):
            _note_file(self._process.pid).unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1; 0 until the command has said anything."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def error(self) -> str | None:
        """Why it failed, in the command's own last line; None while it runs or where it went well
        or was stopped."""
        if self.running or self.stopped or self._process.returncode == 0:
            return None
        with self._reading:  # one file, many sessions
            self._errors.seek(0)
            text = self._errors.read()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reason = lines[-1].removeprefix("error: ") if lines else "it gave no reason."
        return f"{self.title} failed: {reason}"

    def stop(self) -> None:
        """End it now; it has written nothing that was not complete."""
        if not self.running:
            return
        self.stopped = True
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(GRACE)  # it takes the note away, and goes no further than this server


_lock = threading.Lock()
_current: Job | Interrupted | None = None
_looked = False  # for what an earlier server has left


def _note_file(pid: int | str) -> Path:
    return place() / f"job-{pid}.json"


def _note(title: str, command: Sequence[str], pid: int) -> None:
    file = _note_file(pid)
    with contextlib.suppress(OSError):  # a full disk: then nobody will know, and that is all
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"title": title, "server": os.getpid(), "command": list(command)})


def _left_behind() -> Interrupted | None:
    """What a server that was killed was computing, brought to its end; of several the latest."""
    found = None
    for file in sorted(_note_file("*").parent.glob("job-*.json"), key=_written):
        note = read_json(file) or {}
        with contextlib.suppress(psutil.Error, ValueError):
            process = psutil.Process(int(file.stem.removeprefix("job-")))
            if process.cmdline() == note.get("command"):
                if process.ppid() == note.get("server"):
                    continue  # of a server beside this one
                process.kill()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
        if isinstance(note.get("title"), str):
            found = Interrupted(note["title"])
    return found


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:  # another server took it
        return 0.0


@refused_by(Busy)
def start(title: str, command: Sequence[str]) -> Job:
    """Run a command. Raises Busy while another runs, and on a read-only server."""
    global _current
    with _lock:
        if _current and _current.running:
            raise Busy(f"{_current.title} is being computed; wait for it or stop it first.")
        _current = Job(title, command)
        return _current


def current() -> Job | Interrupted | None:
    """The newest job, running or ended; at first what an earlier server has left unfinished."""
    global _current, _looked
    with _lock:
        if not _looked:
            _looked = True
            _current = _current or _left_behind()
        return _current


@atexit.register
def end() -> None:
    """With the server. One that is ended by a signal runs no atexit: explorer/live.py calls it."""
    if _current:
        _current.stop()
