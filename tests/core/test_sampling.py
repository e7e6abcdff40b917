"""Langevin moves, thinning and resampling, against what they must leave unchanged."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core import VAE
from core.damage import left_half, observe
from core.posterior import PartialEncoder
from core.sampling import Target, effective_sample_size, mala, resampled, thinned


class Gaussian(Target):
    """A target whose moments are known: N((1, -2), diag(0.25, 4))."""

    def __init__(self) -> None:
        self.mean, self.variance = torch.tensor([1.0, -2.0]), torch.tensor([0.25, 4.0])

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        value = -0.5 * ((z - self.mean).square() / self.variance).sum(1)
        return value, z.new_zeros(len(z), 1, 1, 1)


def test_mala_keeps_its_target(generator: torch.Generator) -> None:
    target = Gaussian()
    start = target.mean + target.variance.sqrt() * torch.randn(4000, 2, generator=generator)
    z, path, size = mala(target, start, 60, generator=generator)
    assert len(path) == 60 and size > 0.05  # from a small step up to the best one
    assert torch.allclose(z.mean(0), target.mean, atol=0.1)
    assert torch.allclose(z.var(0), target.variance, rtol=0.1)


def test_mala_finds_its_target_from_elsewhere(generator: torch.Generator) -> None:
    z, _, _ = mala(Gaussian(), torch.zeros(1000, 2), 400, generator=generator)
    assert torch.allclose(z.mean(0), torch.tensor([1.0, -2.0]), atol=0.2)
    assert torch.allclose(z.var(0), torch.tensor([0.25, 4.0]), rtol=0.2)


def test_no_steps_move_nothing(generator: torch.Generator) -> None:
    z = torch.randn(5, 2, generator=generator)
    moved, path, _ = mala(Gaussian(), z, 0, generator=generator)
    assert torch.equal(moved, z) and path == []


@given(
    n=st.integers(1, 60), k=st.integers(1, 60), sharp=st.floats(0, 300), seed=st.integers(0, 999)
)
def test_thinning_keeps_k_different_ones_and_every_heavy_one(
    n: int, k: int, sharp: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = (sharp * torch.randn(n, generator=generator)).softmax(0)
    chosen, kept = thinned(weights, k, generator)
    assert len(chosen) == len(kept) == min(n, k)
    assert len(set(chosen.tolist())) == len(chosen)
    assert kept.sum().item() == pytest.approx(1, abs=1e-4) and (kept >= 0).all()
    assert set(torch.nonzero(weights > 1.001 / k)[:, 0].tolist()) <= set(chosen.tolist())


def test_thinning_is_unbiased() -> None:
    weights = torch.tensor([0.4, 0.2, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02])
    total = torch.zeros(8)
    for seed in range(4000):
        chosen, kept = thinned(weights, 4, torch.Generator().manual_seed(seed))
        total[chosen] += kept / 4000
    assert torch.allclose(total, weights, atol=0.01)


@given(n=st.integers(1, 100), seed=st.integers(0, 999))
def test_systematic_resampling_gives_each_its_share_to_within_one(n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(7, generator=generator).softmax(0)
    counts = torch.bincount(resampled(weights, n, generator), minlength=7)
    assert ((counts - n * weights).abs() < 1 + 1e-3).all()


def test_a_leap_into_nothing_is_refused(generator: torch.Generator) -> None:
    class Cliff(Gaussian):
        def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
            value, logits = super().__call__(z)
            return torch.where(z[:, 0] > 1.2, torch.nan, value), logits

    z, _, size = mala(Cliff(), torch.zeros(50, 2), 50, generator=generator)
    assert z.isfinite().all() and z.any() and 0 < size < 10


def test_the_effective_sample_size_runs_from_one_to_n() -> None:
    assert effective_sample_size(torch.full((8,), 1 / 8)) == pytest.approx(8)
    assert effective_sample_size(torch.tensor([1.0, 0, 0])) == pytest.approx(1)


@pytest.mark.parametrize("bridge", [False, True])
def test_the_gradient_is_that_of_the_value(
    tiny: VAE, images: Tensor, generator: torch.Generator, bridge: bool
) -> None:
    posterior = PartialEncoder(28, z_dim=3, width=4, h_dim=8).requires_grad_(False)
    seen = left_half(observe(images[:1]), generator)
    guide = posterior(seen.image, seen.mask).z if bridge else None
    target = Target(tiny, seen, posterior, beta=0.3, guide=guide)
    z = torch.randn(4, 3, generator=generator)
    value, gradient, _ = target.gradient(z)
    assert torch.allclose(value, target(z)[0])
    step = 1e-2
    for d in range(3):
        shift = torch.zeros(3)
        shift[d] = step
        slope = (target(z + shift)[0] - target(z - shift)[0]) / (2 * step)
        assert torch.allclose(gradient[:, d], slope, atol=2e-2, rtol=2e-2)
