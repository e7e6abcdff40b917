"""The figures of metrics.json, and that the shipped ones are what evaluate computes."""

import math

import pytest
import torch

from core import VAE, load_checkpoint
from core.checkpoint import describe
from core.data import load_dataset
from core.metrics import evaluate, psnr, ssim
from core.objective import elbo


def test_figures_are_means_over_the_images(tiny: VAE, images: torch.Tensor) -> None:
    result = evaluate(tiny, images, batch_size=7, samples=50)
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
    assert steps[-1] == (80, 80)
    assert first["nll_samples"] == 3 and first["nll"] > 0


@pytest.mark.parametrize("name", ["mnist-mlp-20", "mnist-mlp-2", "mnist-res-32"])
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
