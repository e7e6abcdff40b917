"""Jobs: progress from printed lines, one at a time, stopped at once, failures as sentences."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from driver import Server

from explorer import jobs


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    yield
    if job := jobs.current():
        job.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_progress_and_a_good_end() -> None:
    job = jobs.start(
        "Counting", python("print('umap 3 12', flush=True); input() if 0 else None; print('x')")
    )
    wait(lambda: not job.running and job.total > 0)
    assert (job.done, job.total, job.share) == (3, 12, 0.25)
    assert job.error is None and not job.stopped
    assert jobs.current() is job


def test_only_one_at_a_time_and_stop_ends_it() -> None:
    job = jobs.start("Sleeping", python("import time; print('a 1 9'); time.sleep(60)"))
    with pytest.raises(jobs.Busy, match="Sleeping is being computed"):
        jobs.start("Another", python("pass"))
    wait(lambda: job.total == 9)
    job.stop()
    assert not job.running and job.stopped and job.error is None
    assert jobs.start("Another", python("pass")) is not job


def test_a_failure_is_the_commands_own_sentence() -> None:
    job = jobs.start("Failing", python("import sys; sys.exit('error: The disk is full.')"))
    wait(lambda: not job.running)
    assert job.error == "Failing failed: The disk is full."
    job = jobs.start("Silent", python("import sys; sys.exit(3)"))
    wait(lambda: not job.running)
    assert job.error == "Silent failed: it gave no reason."


@pytest.mark.skipif(not hasattr(jobs.os, "getpriority"), reason="POSIX only")
def test_it_is_niced() -> None:
    job = jobs.start("Nice", python("import time; time.sleep(60)"))
    assert jobs.os.getpriority(jobs.os.PRIO_PROCESS, job._process.pid) >= jobs.NICE


@pytest.fixture
def first_look(monkeypatch: pytest.MonkeyPatch, checkpoints: Path) -> Path:
    """Where notes lie, for a server that has just been started."""
    monkeypatch.setattr(jobs, "_current", None)
    monkeypatch.setattr(jobs, "_looked", False)
    return checkpoints / ".trainings"


def test_a_job_of_a_killed_server_is_ended_and_said(first_look: Path) -> None:
    sleep = "import time; print('a 1 9', flush=True); time.sleep(60)"
    server = (
        "import os, sys; from core import checkpoint; from pathlib import Path; "
        f"checkpoint.CHECKPOINTS = Path({str(first_look.parent)!r}); from explorer import jobs; "
        f"job = jobs.start('UMAP of x', [sys.executable, '-u', '-c', {sleep!r}]); "
        "print(job._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    said = subprocess.run(
        [sys.executable, "-c", server], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    orphan = psutil.Process(int(said.stdout))
    job = jobs.current()
    assert job and not job.running and job.title == "UMAP of x"
    assert job.error and job.error.startswith("UMAP of x was interrupted: the server ended")
    wait(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)
    assert not list(first_look.glob("job-*"))
    assert isinstance(jobs.start("Another", python("pass")), jobs.Job), "it blocks nothing"


APP = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from core import checkpoint
checkpoint.CHECKPOINTS = Path({checkpoints!r})
from explorer import jobs, live
import streamlit as st
app = st.App({page!r}, routes=live.routes(), lifespan=live.lifespan)
if jobs.current() is None:
    jobs.start("Sleeping", [sys.executable, "-c", "import time; time.sleep(600)"])
"""


def test_a_job_ends_with_a_server_that_is_asked_to_end(first_look: Path, tmp_path: Path) -> None:
    """By SIGTERM, as systemd does, whose other processes are left alone."""
    script = tmp_path / "app.py"
    root, page = str(jobs.ROOT), str(jobs.ROOT / "explorer" / "app.py")
    script.write_text(APP.format(root=root, checkpoints=str(first_look.parent), page=page))
    with Server(script):
        (note,) = first_look.glob("job-*.json")
        job = psutil.Process(int(note.stem.removeprefix("job-")))
        assert job.is_running()
    try:
        wait(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE)
        assert not list(first_look.glob("job-*"))
    finally:
        with contextlib.suppress(psutil.Error):
            job.kill()


def test_a_job_of_a_server_beside_is_left_alone(first_look: Path) -> None:
    job = jobs.start("UMAP of x", python("import time; time.sleep(60)"))
    jobs._current = None  # as another server sees it
    assert jobs.current() is None and job.running
    job.stop()
    wait(lambda: not list(first_look.glob("job-*")))
