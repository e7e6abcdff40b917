"""Trainings: one at a time, in order, never twice; what is dead, reused or silent is noticed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import checkpoint
from core.checkpoint import list_checkpoints
from core.limits import TRAININGS_WAITING
from explorer import (
    changes,
    naming,
    repository,
    run_files,
    training_processes,
    training_queue,
    trainings,
)

Fake = Callable[..., None]
FOREVER = ["--epochs", "1", "--seconds", "60"]


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
        trainings.advance()


def state(name: str) -> str | None:
    run = trainings.find(name)
    return run and run.state


def pid(name: str) -> int:
    run = trainings.find(name)
    assert run and run.progress
    return run.progress.pid


def write_progress(folder: Path, **values: object) -> None:
    folder.mkdir(exist_ok=True)
    told = {"state": "running", "pid": 0, "epoch": 2, "epochs": 5, "step": 1, "steps": 2,
            "reconstruction": 1.0, "kl": 1.0, "images_per_second": 1.0, "eta": 1.0,
            "updated": time.time(), "reason": None}  # fmt: skip
    (folder / "progress.json").write_text(json.dumps(told | values))


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_jumps_loses_no_run(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """The queue's clock is that far from the training's, as after it was set between."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    trainings.enqueue("first", ["--epochs", "2", "--seconds", "0.5"])
    wait(lambda: state("first") == "running")
    run = trainings.find("first")
    assert run and trainings.silence(run) < 5
    wait(lambda: state("first") == "finished")
    assert not json.loads((training_queue.place() / "queue.json").read_text())["failed"]


def test_it_runs_detached_and_low_and_leaves_what_it_found(fake_trainer: Fake) -> None:
    trainings.enqueue("first", ["--epochs", "2", "--seconds", "0.3"])
    assert state("first") in ("starting", "running")  # it may be quick
    wait(lambda: state("first") == "running")
    process = psutil.Process(pid("first"))
    assert process.cmdline() == training_processes.command(
        "first", ["--epochs", "2", "--seconds", "0.3"]
    )
    if os.name == "posix":
        assert process.nice() == training_processes.NICE
        assert os.getsid(process.pid) == process.pid  # the server's end does not reach it
    wait(lambda: state("first") == "finished")
    folder = trainings.folder("first")
    assert [row["epoch"] for row in run_files.history(folder)] == [1, 2]
    assert [shown.epoch for shown in run_files.shown_epochs(folder)] == [1, 2]


def test_one_whose_command_line_is_late_has_begun(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux gives it after Popen has returned: one process of 2,000 beside others at work."""
    real, asked = training_processes._command_line, Counter[int]()

    def late(pid: int) -> list[str]:
        asked[pid] += 1
        return [] if asked[pid] < 4 else real(pid)

    monkeypatch.setattr(training_processes, "_command_line", late)
    trainings.enqueue("first", FOREVER)
    assert state("first") == "starting"
    trainings.advance()
    wait(lambda: state("first") == "running")


def test_while_it_is_being_started_it_is_not_taken_for_dead(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, real = [], training_processes.start

    def start(entry: training_queue.Entry) -> int:
        seen.append(state("first"))  # as another browser sees it
        return real(entry)

    monkeypatch.setattr(training_processes, "start", start)
    trainings.enqueue("first", ["--epochs", "1"])
    assert seen == ["starting"]


def test_the_others_wait_in_order_can_be_moved_and_removed(fake_trainer: Fake) -> None:
    trainings.enqueue("a", FOREVER)
    for name in "bcd":
        trainings.enqueue(name, ["--epochs", "1"])
    wait(lambda: state("a") == "running")
    assert [(run.name, run.position) for run in trainings.runs()] == [
        ("a", 0), ("b", 1), ("c", 2), ("d", 3)
    ]  # fmt: skip
    trainings.move("d", -1)
    trainings.move("b", 5)
    trainings.move("d", -5)
    trainings.remove("c")
    assert [run.name for run in trainings.runs()] == ["a", "d", "b"]
    trainings.stop("a")
    wait(lambda: state("d") == "finished" and state("b") == "finished")
    assert state("a") == "stopped"
    assert pid("d") < pid("b")  # d before b
    assert trainings.find("c") is None


def test_a_taken_name_and_a_bad_one_are_refused(fake_trainer: Fake, checkpoints: Path) -> None:
    (checkpoints / "mine").mkdir()
    with pytest.raises(trainings.Refused, match="called mine already"):
        trainings.enqueue("mine", [])
    for name in ("", "..", "a/b", "-x", ".hidden", "é", "a" * 61, "a b"):
        with pytest.raises(trainings.Refused, match="letters, digits"):
            trainings.enqueue(name, [])
    trainings.enqueue("other", FOREVER)
    for resume in (False, True):
        with pytest.raises(trainings.Refused, match="already"):
            trainings.enqueue("other", [], resume=resume)
    assert naming.free_name("other") == "other-2"
    assert naming.free_name("mine") == "mine-2" and naming.free_name("new") == "new"
    for n in range(TRAININGS_WAITING.most):
        trainings.enqueue(f"n{n}", [])
    with pytest.raises(trainings.Refused, match=f"{TRAININGS_WAITING} trainings wait"):
        trainings.enqueue("one-more", [])


def test_stopped_and_resumed(fake_trainer: Fake) -> None:
    trainings.enqueue("run", ["--epochs", "50", "--seconds", "0.1"])
    wait(lambda: len(run_files.history(trainings.folder("run"))) >= 2)
    trainings.stop("run")
    wait(lambda: state("run") == "stopped")
    done = len(run_files.history(trainings.folder("run")))
    fake_trainer()
    trainings.enqueue("run", ["--resume", "--epochs", str(done + 2)], resume=True)
    wait(lambda: state("run") == "finished")
    assert len(run_files.history(trainings.folder("run"))) == done + 2


def test_stopped_before_it_began_it_is_gone(fake_trainer: Fake) -> None:
    trainings.enqueue("early", FOREVER)
    trainings.stop("early")
    wait(lambda: trainings.find("early") is None or state("early") == "stopped")


def test_one_that_does_not_listen_is_ended_when_asked_again(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings, "PATIENCE", 0.0)
    trainings.enqueue("deaf", FOREVER)
    wait(lambda: state("deaf") == "running")
    process = psutil.Process(pid("deaf"))
    process.suspend()  # SIGTERM is not heard
    trainings.stop("deaf")
    run = trainings.find("deaf")
    assert run and run.alive and trainings.stopping(run)
    trainings.stop("deaf")
    wait(lambda: state("deaf") == "interrupted")


def test_whose_number_was_another_s_is_asked_first(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings, "PATIENCE", 0.0)
    trainings.enqueue("run", FOREVER)
    wait(lambda: state("run") == "running")
    earlier = psutil.Process(pid("run"))
    monkeypatch.setattr(earlier, "_ident", (earlier.pid, 1.0))  # it began long ago
    trainings._asked[earlier] = 0.0
    run = trainings.find("run")
    assert run and not trainings.stopping(run)
    trainings.stop("run")
    wait(lambda: state("run") == "stopped")


def test_killed_it_is_interrupted_and_the_next_one_starts(fake_trainer: Fake) -> None:
    trainings.enqueue("killed", FOREVER)
    trainings.enqueue("next", ["--epochs", "1"])
    wait(lambda: state("killed") == "running")
    os.kill(pid("killed"), signal.SIGKILL)
    wait(lambda: state("next") == "finished")
    assert state("killed") == "interrupted"


@pytest.mark.parametrize(
    "words",
    [
        ["-c", "import time; time.sleep(60)"],  # something else
        ["-c", "import time; time.sleep(60)", "core", "train", "--name", "another"],
        ["-c", "import time; time.sleep(60)", "core", "train", "--name=another"],
    ],
)
def test_a_reused_number_is_no_training(checkpoints: Path, words: list[str]) -> None:
    with subprocess.Popen([sys.executable, *words]) as process:
        write_progress(checkpoints / "old", pid=process.pid)
        try:
            assert state("old") == "interrupted"
        finally:
            process.kill()


def test_one_started_by_hand_is_running_and_the_queue_waits_for_it(
    fake_trainer: Fake, checkpoints: Path
) -> None:
    words = ["-c", "import time; time.sleep(60)", "-m", "core", "train"]
    with subprocess.Popen([sys.executable, *words]) as process:
        write_progress(checkpoints / "by-hand", pid=process.pid)
        assert state("by-hand") == "running"
        trainings.enqueue("mine", ["--epochs", "1"])
        trainings.advance()
        assert state("mine") == "queued"
        process.kill()
    wait(lambda: state("mine") == "finished")
    assert state("by-hand") == "interrupted"


def test_what_died_before_it_wrote_says_its_last_words(fake_trainer: Fake) -> None:
    trainings.enqueue("broken", ["--silent", "The data file is missing. Fetch it."])
    trainings.enqueue("next", ["--epochs", "1"])
    wait(lambda: state("next") == "finished")
    run = trainings.find("broken")
    assert run and run.state == "failed"
    assert run.reason == "The data file is missing. Fetch it."
    trainings.discard("broken")
    assert trainings.find("broken") is None


def test_discarded_the_moment_it_ended_nothing_is_left(fake_trainer: Fake) -> None:
    trainings.enqueue("run", ["--epochs", "1"])
    deadline = time.monotonic() + 120
    while state("run") != "finished":  # and nobody has looked at the queue yet
        assert time.monotonic() < deadline
    trainings.discard("run")
    trainings.advance()
    assert trainings.find("run") is None


def test_a_failure_is_forgotten_when_the_run_goes_on(fake_trainer: Fake) -> None:
    trainings.enqueue("run", ["--epochs", "1"])
    wait(lambda: state("run") == "finished")
    trainings.enqueue("run", ["--resume", "--silent", "Not now."], resume=True)
    wait(lambda: state("run") == "failed")
    trainings.enqueue("run", ["--resume", "--epochs", "2"], resume=True)
    wait(lambda: state("run") == "finished")


def test_a_failure_that_was_written_is_given_as_written(fake_trainer: Fake) -> None:
    trainings.enqueue("nan", ["--epochs", "3", "--fail", "The loss is no number."])
    wait(lambda: state("nan") == "failed")
    run = trainings.find("nan")
    assert run and run.reason == "The loss is no number."
    assert len(run_files.history(trainings.folder("nan"))) == 2


def test_a_command_that_cannot_be_started_is_said(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_processes, "TRAIN", ["/nowhere/python", "core", "train"])
    trainings.enqueue("none", [])
    run = trainings.find("none")
    assert run and run.state == "failed" and "No such file" in str(run.reason)


def test_discard_deletes_only_what_is_at_rest_and_its_own(
    fake_trainer: Fake, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings.enqueue("run", FOREVER)
    with pytest.raises(trainings.Refused, match="stop it first"):
        trainings.discard("run")
    trainings.stop("run")
    wait(lambda: state("run") != "running")
    write_progress(checkpoints / "done", state="finished")
    trainings.discard("done")
    assert not (checkpoints / "done").exists()
    for name in ("../checkpoints", "nothing"):
        with pytest.raises(trainings.Refused, match="There is no run"):
            trainings.discard(name)
    write_progress(checkpoints / "shipped", state="finished")
    monkeypatch.setattr(trainings, "is_committed", lambda name: name == "shipped")
    with pytest.raises(trainings.Refused, match="only git may remove it"):
        trainings.discard("shipped")
    assert (checkpoints / "shipped").exists()


def test_discard_leaves_the_model_that_has_come_by_the_name(
    fake_trainer: Fake, make_checkpoint: Callable[..., str]
) -> None:
    """A training that waits has no folder yet; when its turn comes, it finds it taken."""
    trainings.enqueue("tiny-3", ["--silent", "The folder already holds a model."])
    make_checkpoint(3)
    wait(lambda: state("tiny-3") == "failed")
    assert not trainings.owns("tiny-3")
    trainings.discard("tiny-3")
    assert trainings.find("tiny-3") is None and list_checkpoints() == ["tiny-3"]


def test_the_only_model_is_not_discarded(make_checkpoint: Callable[..., str]) -> None:
    name = make_checkpoint(3)
    write_progress(trainings.folder(name), state="finished")
    with pytest.raises(trainings.Refused, match="the last one cannot be deleted"):
        trainings.discard(name)
    make_checkpoint(2)
    trainings.discard(name)
    assert list_checkpoints() == ["tiny-2"]


def test_git_knows_the_shipped_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another user has cloned them; it is not asked again by every page that looks."""
    monkeypatch.setattr(repository, "AGAIN", 1e9)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert trainings.is_committed("mnist-mlp-20")
    assert not trainings.is_committed("no-such-run")
    monkeypatch.setattr(subprocess, "run", None)
    assert trainings.is_committed("mnist-mlp-20")


def _press_start(root: Path, train: list[str], names: list[str], gate: object) -> None:
    checkpoint.CHECKPOINTS, training_processes.TRAIN = root, train
    gate.wait()  # type: ignore[attr-defined]
    for name in names:
        trainings.enqueue(name, ["--epochs", "1", "--seconds", "0"])
        trainings.advance()


def test_servers_that_race_start_each_training_once(
    fake_trainer: Fake, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four processes press Start and look at the queue at the same time."""
    # A page that AppTest ran stays behind as the main module, which each of them would run again.
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    names = [[f"p{p}-{n}" for n in range(4)] for p in range(4)]
    servers = [
        context.Process(
            target=_press_start, args=(checkpoints, training_processes.TRAIN, mine, gate)
        )
        for mine in names
    ]
    for server in servers:
        server.start()
    most = 0
    while any(server.is_alive() for server in servers):
        most = max(most, sum(run.alive for run in trainings.runs()))
        time.sleep(0.01)
    assert [server.exitcode for server in servers] == [0] * 4
    everything = {name for mine in names for name in mine}
    wait(lambda: {r.name for r in trainings.runs() if r.state == "finished"} == everything)
    assert most <= 1
    for name in everything:  # started twice, it would have two epochs, or have failed
        assert len(run_files.history(trainings.folder(name))) == 1


def test_a_server_that_died_while_starting_one_does_not_start_it_again(
    fake_trainer: Fake, checkpoints: Path
) -> None:
    place = checkpoints / ".trainings"
    place.mkdir()
    begun = {"name": "half", "arguments": [], "pid": None, "before": None}
    (place / "queue.json").write_text(json.dumps({"active": begun, "waiting": [], "failed": {}}))
    trainings.advance()
    run = trainings.find("half")
    assert run and run.state == "failed"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = ("state", "pid", "epoch", "steps", "kl", "updated", "reason", "epochs")


@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_no_content_of_the_files_breaks_the_page(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    for file in ("progress.json", "history.json"):
        (folder / file).write_text(json.dumps(value))
    found = run_files.progress(folder)
    assert found is None or isinstance(found.state, str)
    for row in run_files.history(folder):
        assert row.keys() == set(run_files.HISTORY)
    (folder / "progress.json").write_text(json.dumps(value)[:-1])
    assert run_files.progress(folder) is None


def test_the_command_shown_is_the_command_run() -> None:
    import shlex

    words = shlex.split(training_processes.shown_command("it's", ["--z-dim", "2"]))
    assert words[1:] == training_processes.command("it's", ["--z-dim", "2"])[1:]
    assert training_processes.ROOT / words[0] == Path(sys.executable)


def write_queue(**values: object) -> None:
    training_queue.place().mkdir(parents=True, exist_ok=True)
    queue = {"active": None, "waiting": [], "failed": {}} | values
    (training_queue.place() / "queue.json").write_text(json.dumps(queue))


def test_a_read_only_server_begins_nothing_that_waits(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_queue(waiting=[{"name": "one", "arguments": []}])
    monkeypatch.setenv(changes.READ_ONLY, "1")
    trainings.advance()
    assert state("one") == "queued"
    monkeypatch.delenv(changes.READ_ONLY)
    trainings.advance()
    assert state("one") != "queued"


@pytest.mark.parametrize("active", [{"x": 1}, {"name": "a", "arguments": [], "pid": "7"}, [], 3])
def test_a_queue_edited_by_hand_goes_on_with_what_can_be_read(
    fake_trainer: Fake, active: object
) -> None:
    write_queue(active=active, waiting=[3, {"name": 4}, {"name": "one", "arguments": []}])
    trainings.advance()
    assert state("one") in ("starting", "running", "finished")
