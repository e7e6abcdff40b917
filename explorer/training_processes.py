"""The process of a training: its command line, how it is started, known again, and what it said.

It outlives the server that started it.
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from core import library
from explorer.training_queue import Entry, Started, place

ROOT = Path(__file__).parent.parent
TRAIN = [sys.executable, "-m", "core", "train"]
NICE = 15  # of 19: after everything that somebody waits for
# A core is left to the page and to whoever drags a slider on it.
THREADS = max(1, (os.cpu_count() or 1) - 1)
BEGIN = 10  # s within which a process has its command line
LAST_WORDS = 20_000  # bytes of what it said last that a reason is looked for in

_children: list[subprocess.Popen[bytes]] = []  # of this server


def log_file(name: str) -> Path:
    """What its process says on standard error."""
    return place() / f"{name}.log"


def command(name: str, arguments: Sequence[str]) -> list[str]:
    """The command line that trains."""
    return [*TRAIN, "--name", name, *arguments]


def shown_command(name: str, arguments: Sequence[str]) -> str:
    """The same to be copied, for a shell in the repository's folder."""
    python, *rest = command(name, arguments)
    with contextlib.suppress(ValueError):
        python = Path(python).relative_to(ROOT).as_posix()
    return shlex.join([python, *rest])


def at_work(active: Started) -> bool:
    """Whether the process that was started for it lives."""
    pid = active["pid"]
    return pid is not None and _command_line(pid) == command(active["name"], active["arguments"])


def _command_line(pid: int) -> list[str]:
    try:
        return library.command_line(pid)
    except psutil.AccessDenied:  # none of ours
        return []


def start(entry: Entry) -> int:
    """The process, in a session of its own: neither Ctrl-C nor the server's end reaches it."""
    # Its bar would fill the log; threads of OpenMP are those that multiply matrices.
    environment = os.environ | {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": str(THREADS)}
    with log_file(entry["name"]).open("wb") as errors:
        process = subprocess.Popen(
            command(entry["name"], entry["arguments"]), cwd=ROOT, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
    _children.append(process)
    # Popen returns a moment before there is the command line that a training is known by: up to
    # 12 ms on a busy machine, and longer at a low priority.
    patience = time.monotonic() + BEGIN
    while process.poll() is None and not _command_line(process.pid):
        if time.monotonic() > patience:
            break
        time.sleep(0.001)
    with contextlib.suppress(psutil.Error, OSError):  # it may have ended already
        psutil.Process(process.pid).nice(NICE if os.name == "posix" else psutil.IDLE_PRIORITY_CLASS)
    return process.pid


def bury() -> None:
    """Ask how children have ended, without which the system keeps an entry of each."""
    _children[:] = [child for child in _children if child.poll() is None]


def last_words(name: str) -> str:
    """The last line on standard error of a process that has ended."""
    try:
        text = log_file(name).read_bytes()[-LAST_WORDS:].decode("utf-8", "replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "It ended without saying why."
