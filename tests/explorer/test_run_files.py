"""What a run's folder says, and what the browser gets of its epochs."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.checkpoint import CheckpointError
from core.epoch_maps import plane
from explorer import live, run_figures, run_files


def leave(folder: Path, epoch: int, mu: np.ndarray, labels: np.ndarray | None = None) -> None:
    """What training leaves after an epoch."""
    samples = folder / "samples"
    samples.mkdir(exist_ok=True)
    labels = np.arange(len(mu)) % 10 if labels is None else labels
    np.savez(samples / f"codes-{epoch}.npz", mu=mu.astype(np.float16), labels=labels)
    for kind in ("sampled", "reconst"):
        (samples / f"{kind}-{epoch}.png").write_bytes(f"{kind} {epoch}".encode())


@pytest.fixture
def run(make_checkpoint: Callable[..., str], checkpoints: Path) -> Path:
    """A run of three epochs."""
    folder = checkpoints / make_checkpoint(3)
    generator = np.random.default_rng(0)
    for epoch in (1, 2, 10):
        leave(folder, epoch, generator.normal(size=(30, 3)) * [3, 2, 1])
    return folder


def test_epochs_are_numbers_and_complete(run: Path) -> None:
    leave(run, 11, np.zeros((30, 3)))
    (run / "samples" / "sampled-11.png").unlink()
    (run / "samples" / "codes-x.npz").touch()
    assert [shown.epoch for shown in run_files.shown_epochs(run)] == [1, 2, 10]
    assert run_files.shown_epochs(run.with_name("nothing")) == []


def decoded(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    n = len(content) // 9
    return np.frombuffer(content[: 8 * n], "<f4").reshape(n, 2), np.frombuffer(
        content[8 * n :], np.uint8
    )


def test_each_epoch_lies_on_the_one_before(run: Path) -> None:
    before = None
    for epoch in (1, 2, 10):
        mu, labels = run_files.codes(run, epoch)
        before = plane(mu, before)
    xy, found = decoded(run_figures.epoch_map(run.name, 10))  # asked for the last one first
    np.testing.assert_allclose(xy, before, atol=1e-5)
    np.testing.assert_array_equal(found, labels)
    first, _ = decoded(run_figures.epoch_map(run.name, 1))
    np.testing.assert_allclose(first, plane(run_files.codes(run, 1)[0]), atol=1e-5)


def test_a_run_of_the_same_name_is_another(run: Path) -> None:
    old = run_figures.epoch_map(run.name, 1)
    leave(run, 1, np.random.default_rng(5).normal(size=(40, 3)))
    for file in (run / "samples").glob("*-1.*"):
        os.utime(file, ns=(1, 1))
    assert len(run_figures.epoch_map(run.name, 1)) == 40 * 9 != len(old)


def test_curves_are_drawn_anew_after_an_epoch(run: Path) -> None:
    keys = ("kl",)
    empty = run_figures.training_curves(run.name, keys)
    assert run_figures.training_curves(run.name, keys) is empty and not empty.data[0].x
    row = '{"epoch": 1, "reconstruction": 9, "kl": 2, "neg_elbo": 11, "active_units": 1}'
    (run / "history.json").write_text(f'{{"epochs": [{row}]}}')
    assert run_figures.training_curves(run.name, keys).data[0].y == (2,)


def test_the_browser_gets_maps_and_pictures_and_nothing_else(run: Path) -> None:
    client = TestClient(Starlette(routes=live.ROUTES))
    answer = client.get(f"/live/training/{run.name}/2.map")
    assert answer.content == run_figures.epoch_map(run.name, 2)
    answer = client.get(f"/live/training/{run.name}/reconst-10.png?v=1")
    assert answer.content == b"reconst 10" and answer.headers["content-type"] == "image/png"
    for path in (
        f"{run.name}/3.map", f"{run.name}/sampled-3.png", f"{run.name}/codes-1.png",
        f"{run.name}/sampled-x.png", "nothing/1.map", "..%2f..%2fetc/sampled-1.png",
        f"{run.name}/-1.map",
    ):  # fmt: skip
        assert client.get(f"/live/training/{path}").status_code == 404


def test_damaged_codes_are_a_sentence(run: Path) -> None:
    for mu, labels in (
        (np.zeros((0, 3)), None), (np.full((3, 3), np.nan), None), (np.zeros(5), None),
        (np.zeros((5, 3)), np.zeros(4)),
    ):  # fmt: skip
        leave(run, 10, mu, labels)
        with pytest.raises(CheckpointError, match="codes-10.npz cannot be read"):
            run_files.codes(run, 10)
    (run / "samples" / "codes-10.npz").write_bytes(b"PK no zip")
    with pytest.raises(CheckpointError, match="cannot be read"):
        run_figures.epoch_map(run.name, 10)
    assert run_figures.epoch_map(run.name, 2)  # those before it are seen all the same
