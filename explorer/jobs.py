"""Long work in a process of its own, one at a time per server: start, progress, stop, outcome.

A job is a command that prints lines ending in "DONE TOTAL". It runs at low priority, so that the
live channel does not feel it. Knows nothing of Streamlit, nor of what the command does.
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

from explorer.changes import refused_by

ROOT = Path(__file__).parent.parent
NICE = 15  # of 19: after everything that somebody waits for
GRACE = 5  # s between asking a process to end and ending it


class Busy(Exception):
    """Another job is running, or none is to run here; the message says which."""


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
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.search(r"(\d+) (\d+)\s*$", line):
                self.done, self.total = int(found[1]), int(found[2])

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


_lock = threading.Lock()
_current: Job | None = None


@refused_by(Busy)
def start(title: str, command: Sequence[str]) -> Job:
    """Run a command. Raises Busy while another runs, and on a read-only server."""
    global _current
    with _lock:
        if _current and _current.running:
            raise Busy(f"{_current.title} is being computed; wait for it or stop it first.")
        _current = Job(title, command)
        return _current


def current() -> Job | None:
    """The newest job, running or ended."""
    return _current


@atexit.register
def _end() -> None:
    if _current:
        _current.stop()
