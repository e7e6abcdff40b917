"""The figures of metrics.json, and that the shipped ones are what evaluate computes."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from core import VAE, load_checkpoint
from core.checkpoint import describe
from core.data import load_dataset
from core.journal import Journal
from core.metrics import block_sums, evaluate, psnr, ssim
from core.objective import elbo
from core.processes import Processes


def test_figures_are_means_over_the_images(tiny: VAE, images: torch.Tensor) -> None:
    result = evaluate(tiny, images, samples=50)
    terms = elbo(tiny, images, samples=50, generator=torch.Generator().manual_seed(1))
    assert result["neg_elbo"] == pytest.approx(terms.neg_elbo.mean().item(), abs=0.6)  # Monte Carlo
    assert result["kl"] == pytest.approx(sum(result["kl_per_dim"]))
    assert result["neg_elbo"] == pytest.approx(result["reconstruction"] + result["kl"])
    recon = tiny.decode(tiny.encode(images)[0])
    assert result["recon_mse"] == pytest.approx((recon - images).square().mean().item(), rel=1e-5)
    assert result["images"] == 40


def test_active_units_need_a_mean_that_varies(tiny: VAE, images: torch.Tensor) -> None:
    tiny.fc2.weight[:] = 0
    assert evaluate(tiny, images)["active_units"] == 0
    tiny.fc2.weight[1] = 1
    assert evaluate(tiny, images)["active_units"] == 1


def test_same_seed_same_figures_and_progress(tiny: VAE, images: torch.Tensor) -> None:
    steps: list[tuple[int, int]] = []
    first = evaluate(tiny, images, nll=3, on_step=lambda *step: steps.append(step))
    assert first == evaluate(tiny, images, nll=3)
    assert first["nll"] != evaluate(tiny, images, nll=3, seed=1)["nll"]
    assert steps == [(10, 40), (20, 40), (30, 40), (40, 40), (40, 40)]
    assert first["nll_samples"] == 3 and first["nll"] > 0


@pytest.fixture
def many(images: torch.Tensor) -> torch.Tensor:
    """230 images: three blocks, the last one shorter."""
    return images.repeat(6, 1, 1, 1)[:230]


def test_binarised_figures_are_of_the_same_images(tiny: VAE, many: torch.Tensor) -> None:
    """With one sample, the importance-weighted bound is the ELBO."""
    result = evaluate(tiny, many, nll=1, samples=1)
    assert result["neg_elbo_binarized"] == pytest.approx(result["nll"], abs=3)  # Monte Carlo
    assert evaluate(tiny, many, nll=200)["nll"] < result["neg_elbo_binarized"]
    assert "neg_elbo_binarized" in evaluate(tiny, many)


def test_blocks_are_binarised_each_in_its_own_way(tiny: VAE, images: torch.Tensor) -> None:
    first, second = (block_sums(tiny, images, block, 0, 1, 2) for block in (0, 1))
    assert first["kl_per_dim"] == second["kl_per_dim"]
    for key in ("reconstruction", "neg_elbo_binarized", "nll"):
        assert first[key] != second[key]


def test_another_likelihood_is_not_binarised(images: torch.Tensor) -> None:
    torch.manual_seed(1)
    model = VAE(h_dim=16, z_dim=3, likelihood="gaussian").requires_grad_(False)
    result = evaluate(model, images, nll=2)
    assert "neg_elbo_binarized" not in result and math.isfinite(result["nll"])


class Killed(Exception):
    """The process ends in the middle of a block."""


@pytest.mark.parametrize("images_done", [10, 110, 230])
def test_an_evaluation_goes_on_where_it_was_killed(
    tiny: VAE, many: torch.Tensor, tmp_path: Path, images_done: int
) -> None:
    def stop(done: int, total: int) -> None:
        if done >= images_done:
            raise Killed

    with pytest.raises(Killed):
        journal = Journal(tmp_path, "evaluation", {"seed": 0})
        evaluate(tiny, many, nll=3, journal=journal, on_step=stop)
    journal = Journal(tmp_path, "evaluation", {"seed": 0})
    assert len(journal.known) == images_done // 100
    steps: list[int] = []
    again = evaluate(
        tiny, many, nll=3, journal=journal, on_step=lambda done, total: steps.append(done)
    )
    assert steps[0] > 100 * (images_done // 100), "what was done counts"
    assert again == evaluate(tiny, many, nll=3)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_shares_of_processes_make_up_the_whole(
    tiny: VAE, many: torch.Tensor, tmp_path: Path, count: int
) -> None:
    """Each process alone writes its blocks; a last one finds all of them done."""

    class Lonely(Processes):
        def gather(self, done: Mapping[int, object]) -> list:
            return [done[block] for block in sorted(done)]

        def on_main(self, work: Callable[[], Any]) -> Any:
            return {}

    for index in range(count):
        journal = Journal(tmp_path, "evaluation", {}, index)
        mine = Lonely(index, count)
        if mine.share([0, 1, 2]):
            evaluate(tiny, many, nll=3, journal=journal, processes=mine)
    whole = Journal(tmp_path, "evaluation", {})
    assert sorted(whole.known) == [0, 1, 2]
    assert evaluate(tiny, many, nll=3, journal=whole) == evaluate(tiny, many, nll=3)


@pytest.mark.parametrize("name", ["mnist-mlp-20", "mnist-mlp-2", "mnist-conv-32"])
def test_the_shipped_metrics_are_reproduced(name: str) -> None:
    shipped = describe(name).metrics
    assert shipped is not None
    images = load_dataset("mnist", "test").images
    again = evaluate(load_checkpoint(name), images, seed=shipped["seed"])
    for key in ("neg_elbo", "reconstruction", "kl", "recon_mse", "active_units", "images"):
        assert again[key] == pytest.approx(shipped[key], rel=1e-4), key


def test_psnr_is_the_mean_squared_error_in_decibels() -> None:
    x = torch.zeros(1, 28, 28)
    y = x.clone()
    y[0, :14] = 0.1
    assert psnr(x, y) == pytest.approx(-10 * math.log10(0.005), abs=1e-4)
    assert psnr(x, y, y > 0) == pytest.approx(20, abs=1e-4)
    assert psnr(x, x) == math.inf
    assert psnr(x, y, y > 1) == psnr(x, y)  # no pixels to compare: all of them


def test_ssim_is_one_for_the_same_picture_only(images: torch.Tensor) -> None:
    assert ssim(images[0], images[0]) == pytest.approx(1)
    assert ssim(images[0], images[1]) < 0.2
    assert ssim(images[0], 0.9 * images[0] + 0.05) > 0.9
