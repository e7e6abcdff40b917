"""Training: it learns, it resumes bit for bit, and a folder is a checkpoint at every moment."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from core import VAE, load_checkpoint
from core.checkpoint import CheckpointError
from core.config import Architecture
from core.model import ResidualVAE
from core.train import STILL, Progress, TrainConfig, batches, learning_rate, train

CONFIG = TrainConfig(h_dim=16, z_dim=3, epochs=4, batch_size=16, seed=5)


@pytest.fixture
def digits() -> torch.Tensor:
    """100 images with something to learn: a bar at one of four places."""
    images = torch.zeros(100, 1, 28, 28)
    for i, image in enumerate(images):
        image[:, :, 4 + 5 * (i % 4) : 8 + 5 * (i % 4)] = 0.9
    return images


class Stopped(Exception):
    """A crash in the middle of a step."""


def stop_at(epoch: int, step: int) -> Callable[[Progress], None]:
    def on_step(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (epoch, step):
            raise Stopped

    return on_step


def equal(a: VAE, b: VAE) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_it_learns(digits: torch.Tensor, tmp_path: Path) -> None:
    seen: list[Progress] = []
    model = train(dataclasses.replace(CONFIG, epochs=20), digits, tmp_path, on_epoch=seen.append)
    first, last = seen[0], seen[-1]
    assert last.reconstruction + last.kl < 0.5 * (first.reconstruction + first.kl)
    assert last.kl > 0
    assert not model.training and equal(model, load_checkpoint(tmp_path))


@pytest.mark.parametrize("architecture", ["VAE", "ResidualVAE"])  # by hand, and by autograd
def test_without_noise_it_is_a_plain_autoencoder(
    digits: torch.Tensor, tmp_path: Path, architecture: Architecture
) -> None:
    """Its code is mu, whatever epsilon is drawn, and neither training nor saving changes that."""
    config = dataclasses.replace(
        CONFIG, architecture=architecture, noise=False, beta=0.0, epochs=20
    )
    for _, epsilon, beta in batches(config, 1, digits):
        assert not epsilon.any() and beta == 0
    seen: list[Progress] = []
    model = train(config, digits, tmp_path / "plain", on_epoch=seen.append)
    assert seen[-1].reconstruction < 0.5 * seen[0].reconstruction
    mu, log_var = load_checkpoint(tmp_path / "plain").encode(digits)
    assert (log_var == STILL).all() and mu.var(0).min() > 0
    torch.testing.assert_close(
        model.decode(model.reparameterize(mu, log_var)), model.decode(mu), rtol=0, atol=0.02
    )


@pytest.mark.parametrize(("epoch", "step"), [(1, 1), (2, 7), (3, 4), (4, 6)])
def test_a_run_stopped_anywhere_resumes_bit_for_bit(
    digits: torch.Tensor, tmp_path: Path, epoch: int, step: int
) -> None:
    whole = train(CONFIG, digits, tmp_path / "whole")
    with pytest.raises(Stopped):
        train(CONFIG, digits, tmp_path / "parts", report_every=1, on_step=stop_at(epoch, step))
    load_checkpoint(tmp_path / "parts")  # valid in between
    resumed = train(CONFIG, digits, tmp_path / "parts", resume=True)
    assert equal(whole, resumed)


def test_more_epochs_continue_the_same_run(digits: torch.Tensor, tmp_path: Path) -> None:
    whole = train(CONFIG, digits, tmp_path / "whole")
    train(dataclasses.replace(CONFIG, epochs=1), digits, tmp_path / "parts")
    assert equal(whole, train(CONFIG, digits, tmp_path / "parts", resume=True))


def test_seeds_matter(digits: torch.Tensor, tmp_path: Path) -> None:
    one, other = (
        train(dataclasses.replace(CONFIG, epochs=1, seed=seed), digits, tmp_path / str(seed))
        for seed in (0, 1)
    )
    assert not equal(one, other)


def test_every_epoch_leaves_its_pictures(digits: torch.Tensor, tmp_path: Path) -> None:
    train(dataclasses.replace(CONFIG, epochs=2), digits, tmp_path)
    kinds = ("sampled-{}.png", "reconst-{}.png", "codes-{}.npz")
    names = {file.name for file in (tmp_path / "samples").iterdir()}
    assert names == {kind.format(n) for kind in kinds for n in (1, 2)}
    assert Image.open(tmp_path / "samples" / "sampled-1.png").size == (16 * 30 + 2, 8 * 30 + 2)


def test_resuming_nothing_is_said(digits: torch.Tensor, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"training.pt is missing"):
        train(CONFIG, digits, tmp_path, resume=True)


def test_resuming_a_damaged_run_is_said(digits: torch.Tensor, tmp_path: Path) -> None:
    (tmp_path / "training.pt").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"training.pt cannot be resumed"):
        train(CONFIG, digits, tmp_path, resume=True)


@pytest.mark.parametrize("field", ["h_dim", "z_dim", "epochs", "batch_size", "learning_rate"])
def test_impossible_settings_are_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be above 0"):
        TrainConfig(**{field: 0})


def test_the_cosine_ends_near_nothing_and_resumes_bit_for_bit(
    digits: torch.Tensor, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, architecture="ResidualVAE", schedule="cosine")
    rates = [learning_rate(config, epoch) for epoch in range(1, config.epochs + 1)]
    assert rates[0] == config.learning_rate
    assert rates == sorted(rates, reverse=True) and 0 < rates[-1] < 0.2 * rates[0]

    whole = train(config, digits, tmp_path / "whole")
    with pytest.raises(Stopped):
        train(config, digits, tmp_path / "parts", report_every=1, on_step=stop_at(3, 2))
    parts = train(config, digits, tmp_path / "parts", resume=True)
    assert isinstance(parts, ResidualVAE) and equal(whole, parts)


def test_mixed_precision_learns_nearly_the_same(digits: torch.Tensor, tmp_path: Path) -> None:
    seen: dict[str, float] = {}

    def keep(precision: str) -> Callable[[Progress], None]:
        return lambda p: seen.__setitem__(precision, p.reconstruction + p.kl)

    for precision in ("no", "bf16"):
        config = dataclasses.replace(CONFIG, precision=precision)
        train(config, digits, tmp_path / precision, on_epoch=keep(precision))
    assert seen["bf16"] != seen["no"]
    assert seen["bf16"] == pytest.approx(seen["no"], rel=0.02)
