"""What a run leaves in its folder when the disk, the clock or the numbers fail."""

import dataclasses
import errno
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core import load_checkpoint, runs, train
from core.config import TrainConfig
from core.runs import ProgressFile
from core.train import Progress, TrainingError

CONFIG = TrainConfig(h_dim=8, z_dim=2, epochs=3, batch_size=20, ema=0.9, seed=5)


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def failing(after: int, number: int) -> Callable[[int], None]:
    """os.fsync of a disk that refuses everything after so many files."""
    left, real = after, os.fsync

    def fsync(file: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(number, os.strerror(number))
        real(file)

    return fsync


@pytest.mark.parametrize("after", range(0, 19, 2))
@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "Free some space"), (errno.EROFS, "folder writable")]
)
def test_a_full_disk_keeps_what_was_saved_and_says_what_to_do(
    pictures: torch.Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    number: int,
    advice: str,
) -> None:
    """Whichever file it is that does not fit: of the first save (4), of an epoch (7)."""
    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(after, number))
        with pytest.raises(TrainingError, match=f"could not be saved in .*{advice}.*--resume"):
            train.train(CONFIG, pictures, folder)
    assert not list(folder.rglob("*.tmp"))
    if after >= 4:
        load_checkpoint(folder)
    if (folder / "training.pt").exists():
        resumed = train.train(CONFIG, pictures, folder, resume=True)
        whole = train.train(CONFIG, pictures, tmp_path / "whole")
        for x, y in zip(resumed.parameters(), whole.parameters(), strict=True):
            assert torch.equal(x, y)


def test_progress_is_written_as_well_as_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ProgressFile(tmp_path)
    file.write("running")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        file.write("failed", "The disk is full.")
    assert json.loads((tmp_path / "progress.json").read_text())["state"] == "running"
    file.write("failed", "The disk is full.")
    value = json.loads((tmp_path / "progress.json").read_text())
    assert value["state"] == "failed" and value["reason"] == "The disk is full."
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


@pytest.mark.parametrize("jump", [-1e9, 1e9])
def test_the_clock_may_jump(
    pictures: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    """Set by hand or by a server, while training: speed, ETA and pauses come from another clock."""
    real, calls = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + jump * (next(calls) % 2))
    monkeypatch.setattr(runs, "PROGRESS_EVERY", 0.0)
    file, etas = ProgressFile(tmp_path), []

    def on_step(progress: Progress) -> None:
        file.update(progress)
        etas.append(json.loads(file.file.read_text())["eta"])

    train.train(CONFIG, pictures, tmp_path, report_every=1, on_step=on_step)
    assert len(etas) == 6 and all(0 <= eta < 1000 for eta in etas) and etas[-1] == 0
    rows = json.loads((tmp_path / "history.json").read_text())["epochs"]
    assert all(0 < row["seconds"] < 1000 and row["images_per_second"] > 0 for row in rows)


def poisoned(real: Callable, epoch: int) -> Callable:
    """core.train.batches, whose last batch of one epoch makes the loss no number."""

    def batches(config: TrainConfig, now: int, images: torch.Tensor) -> object:
        steps = list(real(config, now, images))
        if now == epoch:
            x, epsilon, beta = steps[-1]
            steps[-1] = (x, epsilon * math.nan, beta)
        return iter(steps)

    return batches


def assert_kept(folder: Path, pictures: torch.Tensor, epoch: int) -> None:
    """What the folder holds is the run after `epoch`, loadable and resumable."""
    config = json.loads((folder / "config.json").read_text())
    assert config["training"]["epochs_done"] == epoch
    assert len(json.loads((folder / "history.json").read_text())["epochs"]) == epoch
    assert all(weight.isfinite().all() for weight in load_checkpoint(folder).parameters())
    train.train(CONFIG, pictures, folder, resume=True)


@pytest.mark.parametrize("report_every", [1, 25])
def test_a_loss_that_is_no_number_ends_the_run(
    pictures: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report_every: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(train, "batches", poisoned(train.batches, epoch=2))
        with pytest.raises(TrainingError, match="loss is no .* .epoch 2, step 2.*epoch 1"):
            train.train(CONFIG, pictures, tmp_path, report_every=report_every)
    assert_kept(tmp_path, pictures, 1)


def test_weights_that_the_last_step_spoils_are_not_kept(
    pictures: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of an epoch is of the weights before its last step."""
    config = dataclasses.replace(CONFIG, batch_size=40)  # one step an epoch
    with monkeypatch.context() as patched:
        patched.setattr(
            train, "learning_rate", lambda c, epoch: math.inf if epoch == 2 else c.learning_rate
        )
        with pytest.raises(TrainingError, match="weights .* no finite numbers .epoch 2.*epoch 1"):
            train.train(config, pictures, tmp_path)
    assert_kept(tmp_path, pictures, 1)


def test_a_moving_average_that_is_spoilt_is_not_kept(
    pictures: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiling(decay: float) -> Callable[..., None]:
        update = real(decay)

        def spoilt(averaged: list[torch.Tensor], weights: list[torch.Tensor], n: object) -> None:
            update(averaged, weights, n)
            if n == 3:  # the fourth step, the last of epoch 2
                averaged[0].fill_(math.nan)

        return spoilt

    real = train.moving_average
    with monkeypatch.context() as patched:
        patched.setattr(train, "moving_average", spoiling)
        with pytest.raises(TrainingError, match="weights fc1.* no finite numbers .epoch 2"):
            train.train(CONFIG, pictures, tmp_path)
    assert_kept(tmp_path, pictures, 1)


def test_a_learning_rate_far_too_high_is_said(pictures: torch.Tensor, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, learning_rate=1e30)
    with pytest.raises(TrainingError, match="Start a new run with a lower learning_rate"):
        train.train(config, pictures, tmp_path)
    assert all(weight.isfinite().all() for weight in load_checkpoint(tmp_path).parameters())


def test_a_run_is_not_overwritten_from_python_either(
    pictures: torch.Tensor, tmp_path: Path
) -> None:
    train.train(CONFIG, pictures, tmp_path)
    before = (tmp_path / "training.pt").read_bytes()
    with pytest.raises(runs.CheckpointError, match="already holds a model"):
        train.train(CONFIG, pictures, tmp_path)
    assert (tmp_path / "training.pt").read_bytes() == before


def test_resuming_a_finished_run_keeps_its_figures(pictures: torch.Tensor, tmp_path: Path) -> None:
    """They may have taken an hour."""
    train.train(CONFIG, pictures, tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    train.train(CONFIG, pictures, tmp_path, resume=True)
    assert (tmp_path / "metrics.json").exists()
    train.train(dataclasses.replace(CONFIG, epochs=4), pictures, tmp_path, resume=True)
    assert not (tmp_path / "metrics.json").exists()
