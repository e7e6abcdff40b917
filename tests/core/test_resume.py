"""Killed at any moment, a run that is resumed ends as if it had never been."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.checkpoint import CheckpointError, load_checkpoint
from core.runs import stored_config
from tests.core import killed_run

ROOT = Path(__file__).parent.parent.parent
KILLS = 20
TIMINGS = ("seconds", "images_per_second")


class Trainings:
    """Starts killed_run.run in children of one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.errors = (folder.parent / "errors.txt").open("w")  # a pipe that nobody empties fills
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.core.killed_run", str(folder)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
            env=os.environ | {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def start(
        self, *, die_at: int | None = None, limit: int | None = None,
        kill_after: tuple[int, float] | None = None,
    ) -> int:  # fmt: skip
        """Train, resuming what there is; how it ended, 0 or the signal. kill_after: so many
        epochs, then seconds."""
        assert self.process.stdin and self.process.stdout
        order = {"resume": (self.folder / "training.pt").exists(), "die_at": die_at, "limit": limit}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        child, epochs = int(self.process.stdout.readline()), 0
        while True:
            if kill_after and epochs == kill_after[0]:
                time.sleep(kill_after[1])
                with contextlib.suppress(ProcessLookupError):  # it has ended already
                    os.kill(child, signal.SIGKILL)
            line = self.process.stdout.readline()
            epochs += 1
            if not line.startswith("epoch"):
                return int(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nobody interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    killed_run.run(folder, resume=False)
    return folder


@pytest.fixture
def trainings(tmp_path: Path) -> Iterator[Trainings]:
    running = Trainings(tmp_path / "run")
    yield running
    running.close()


def without_timings(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if key not in TIMINGS} for row in rows]


def assert_equal(a: object, b: object, where: str = "training.pt") -> None:
    """Of nested dicts and lists, tensors bit for bit."""
    assert type(a) is type(b), where
    if isinstance(a, dict) and isinstance(b, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - set(TIMINGS):
            assert_equal(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list) and isinstance(b, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{where}/{i}")
    elif isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def assert_same_runs(a: Path, b: Path) -> None:
    names = [sorted(str(file.relative_to(x)) for file in x.rglob("*")) for x in (a, b)]
    assert names[0] == names[1], "no file is missing, none is left over"
    assert not [name for name in names[0] if name.endswith(".tmp")]
    for name in names[0]:
        if name.startswith("samples/") or name in ("config.json", "model.safetensors"):
            assert (a / name).read_bytes() == (b / name).read_bytes(), name
    assert_equal(*(torch.load(x / "training.pt", weights_only=True) for x in (a, b)))
    histories = [json.loads((x / "history.json").read_text())["epochs"] for x in (a, b)]
    assert without_timings(histories[0]) == without_timings(histories[1])
    assert len(histories[0]) == killed_run.CONFIG.epochs
    assert json.loads((b / "progress.json").read_text())["state"] == "finished"


def test_killed_at_20_random_moments_it_ends_as_the_whole_run(
    whole: Path, trainings: Trainings
) -> None:
    """Half of the moments are any, half lie within the writing of a file."""
    chance = random.Random(0)
    kills = trainings.start(die_at=1) == signal.SIGKILL  # before anything is written
    for attempt in range(2 * KILLS):
        if attempt % 2:
            ended = trainings.start(die_at=chance.randint(1, 70))
        else:
            ended = trainings.start(kill_after=(chance.randint(0, 2), chance.uniform(0, 0.1)))
        kills += ended == signal.SIGKILL
        if (trainings.folder / "config.json").exists():
            load_checkpoint(trainings.folder)  # whatever the moment
        if kills == KILLS:
            break
    assert kills == KILLS
    assert trainings.start() == 0
    assert_same_runs(whole, trainings.folder)


@pytest.mark.parametrize("operation", range(2, 30, 5))
def test_killed_in_any_writing_of_a_file(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, operation: int, shared: Trainings
) -> None:
    """The first save, and the first epoch's, operation by operation; then once more in its
    resumption."""
    folder = shared.folder
    for file in sorted(folder.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    assert shared.start(die_at=operation) == signal.SIGKILL
    assert shared.start(die_at=max(1, operation - 5)) == signal.SIGKILL
    assert shared.start() == 0
    assert_same_runs(whole, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainings]:
    running = Trainings(tmp_path_factory.mktemp("shared") / "run")
    yield running
    running.close()


def test_training_pt_alone_resumes(whole: Path, tmp_path: Path) -> None:
    """What a kill after the very first file leaves."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "training.pt").write_bytes((whole / "training.pt").read_bytes())
    assert stored_config(folder) == killed_run.CONFIG
    killed_run.run(folder, resume=True)
    load_checkpoint(folder)
    assert (folder / "samples" / f"codes-{killed_run.CONFIG.epochs}.npz").exists()


def test_pictures_of_later_epochs_and_torn_files_go(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "samples").mkdir(parents=True)
    stale = [folder / "samples" / f"sampled-{killed_run.CONFIG.epochs + 1}.png"]
    stale += [folder / "samples" / ".codes-3.npz.123.tmp", folder / ".training.pt.123.tmp"]
    others = [folder / ".metrics.json.123.tmp", folder / "samples" / "mine.png"]
    for file in (*stale, *others):
        file.write_bytes(b"")
    (folder / "training.pt").write_bytes((whole / "training.pt").read_bytes())
    killed_run.run(folder, resume=True)
    assert not [file for file in stale if file.exists()]
    assert all(file.exists() for file in others), "they may be another process's, or a person's"


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_corrupt_training_pt_is_said_and_touches_nothing(
    whole: Path, tmp_path: Path, content: bytes | None
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    whole_file = (whole / "training.pt").read_bytes()
    (folder / "training.pt").write_bytes(whole_file[:-100] if content is None else content)
    (folder / "model.safetensors").write_bytes((whole / "model.safetensors").read_bytes())
    for attempt in (lambda: stored_config(folder), lambda: killed_run.run(folder, resume=True)):
        with pytest.raises(
            CheckpointError, match=r"training.pt cannot be resumed .*another --name"
        ):
            attempt()
    same = (whole / "model.safetensors").read_bytes()
    assert (folder / "model.safetensors").read_bytes() == same


def test_nothing_was_written_yet(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing to resume: .*training.pt is missing"):
        stored_config(tmp_path)


@pytest.mark.parametrize("limit", [2_000, 15_000])
def test_the_system_refuses_larger_files(trainings: Trainings, limit: int) -> None:
    """A disk that is full, for real: at the first save, then at an epoch's."""
    assert trainings.start(limit=limit) == 1 << 8
    said = Path(trainings.errors.name).read_text()
    assert "Epoch 0 could not be saved" in said and "Allow larger files" in said, said
    assert "Nothing was trained" in said
    assert not list(trainings.folder.rglob("*.tmp"))
    assert trainings.start(kill_after=(3, 0.0)) == signal.SIGKILL
    before = (trainings.folder / "training.pt").read_bytes()
    assert trainings.start(limit=limit) == 1 << 8
    assert "The last epoch that was saved is kept" in Path(trainings.errors.name).read_text()
    assert (trainings.folder / "training.pt").read_bytes() == before
    load_checkpoint(trainings.folder)
