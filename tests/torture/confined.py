"""A process of its own in which things are tried that may hang, kill it or take all its memory.

    with Confined(patience=60) as process:
        outcome = process.tried(read, content)

`read`, a function of a module, runs there and returns a word for the count; what it raises is a
loss. `peak` is the resident memory that it took over what the process had before, at its highest
moment.
"""

import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

SPARE = 6 * 2**30  # bytes of addresses over what it has: whoever asks for more gets MemoryError
FRESH = 100.0  # s until a process has imported what it needs
SELF = Path("/proc/self")


class Outcome(NamedTuple):
    word: str  # what `read` returned
    lost: str | None  # what went wrong
    seconds: float
    peak: int  # bytes


class Confined:
    def __init__(self, patience: float) -> None:
        """`patience` in seconds is when an attempt is a hang."""
        self.patience = patience
        self.process: subprocess.Popen[bytes] | None = None
        self.begin()

    def begin(self) -> None:
        """Forget how much and how long the attempts so far took."""
        self.most_peak, self.most_seconds = 0, 0.0

    def __enter__(self) -> "Confined":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def tried(self, read: Callable[..., str], *case: Any) -> Outcome:
        """One attempt; a process that hung or died is replaced for the next one."""
        if self.process is None:
            self.process = self._start()
        self.connection.send((read, case))
        started = time.monotonic()
        try:
            if not self.connection.poll(self.patience):
                raise TimeoutError
            outcome = Outcome(*self.connection.recv())
        except TimeoutError:
            outcome = self._gone(f"no end within {self.patience:g} s", started)
        except (EOFError, ConnectionError):
            outcome = self._gone(f"the process died ({self.process.wait(5)})", started)
        self.most_peak = max(self.most_peak, outcome.peak)
        self.most_seconds = max(self.most_seconds, outcome.seconds)
        return outcome

    def _gone(self, lost: str, started: float) -> Outcome:
        self._end()
        return Outcome("", lost, time.monotonic() - started, 0)

    def _start(self) -> subprocess.Popen[bytes]:
        # Not multiprocessing.Process: it runs the caller's __main__ again, and after an AppTest
        # that is the page's script.
        self.connection, theirs = multiprocessing.Pipe()
        with theirs:  # closed here, so that its end is noticed
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        if not self.connection.poll(FRESH):
            process.kill()
            raise RuntimeError("The process that tries things did not start.")
        self.connection.recv()
        return process

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.connection.close()
            self.process = None


def _serve(connection: Connection) -> None:
    limit = memory("VmSize") + SPARE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open(os.devnull, "w") as nowhere:  # decoders say on stderr what they think of a file
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    connection.send("ready")
    while True:
        try:
            read, case = connection.recv()
        except EOFError:
            return
        before = forget_peak()
        word, lost = "", None
        started = time.monotonic()
        try:
            word = read(*case)
        except BaseException as error:
            lost = f"{type(error).__name__}: {error}"[:500]
        connection.send((word, lost, time.monotonic() - started, memory("VmHWM") - before))


def forget_peak(process: Path = SELF) -> int:
    """Start measuring anew: the memory that is resident now, in bytes."""
    if sys.platform == "linux":
        (process / "clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS", process)


def memory(field: str, process: Path = SELF) -> int:
    """A figure of a process, in bytes; elsewhere than on Linux nothing tells."""
    if sys.platform != "linux":
        return 0
    for line in (process / "status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{process}/status says nothing of {field}.")


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
