"""The likelihood of damaged pixels, against sums and integrals done the long way."""

import math

import pytest
import torch
from torch import Tensor

from core.damage import (
    Observation,
    blur,
    down_sampling,
    gaussian_noise,
    left_half,
    observe,
    salt_and_pepper,
)
from core.data import load_dataset
from core.likelihood import (
    BASE,
    LEVELS,
    SHARPNESS,
    Likelihood,
    estimate_levels,
    log_pixel_likelihood,
)
from core.objective import reconstruction_nll


def one(seen: Observation) -> Observation:
    return seen._replace(image=seen.image[:1], mask=seen.mask[:1])


def test_clean_pixels_count_as_in_the_elbo_and_missing_ones_not_at_all(
    images: Tensor, generator: torch.Generator
) -> None:
    logits = torch.randn(5, 1, 28, 28, generator=generator)
    everything = one(observe(images))
    assert torch.allclose(
        Likelihood(everything)(logits),
        -reconstruction_nll(logits, everything.image.expand(5, -1, -1, -1)),
    )
    half = Likelihood(one(left_half(observe(images), generator)))
    changed = logits.clone()
    changed[..., :14] = 3.0
    assert torch.equal(half(logits), half(changed))
    assert torch.equal(half.complete(logits)[..., 14:], images[:1, ..., 14:].expand(5, -1, -1, -1))
    assert torch.equal(half.complete(logits)[..., :14], torch.sigmoid(logits)[..., :14])


@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("flips", [0.0, 0.3])
def test_the_noise_is_a_distribution(noise: float, flips: float) -> None:
    """The density inside (0, 1) and the two clipped ends sum to 1 for every grey level."""
    n = 20_000
    inside = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    density = log_pixel_likelihood(inside.float(), noise, flips).double().exp().mean(1)
    ends = log_pixel_likelihood(torch.tensor([0.0, 1.0]), noise, flips).double().exp().sum(1)
    assert torch.allclose(density + ends, torch.ones(len(LEVELS)).double(), atol=1e-4)


def test_noisy_pixels_are_the_sums_over_grey_levels(generator: torch.Generator) -> None:
    y = torch.rand(1, 1, 4, 4, generator=generator)
    y[0, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    seen = Observation(y, torch.ones_like(y), noise=0.4, flips=0.2)
    logits = torch.randn(3, 1, 4, 4, generator=generator)
    value, x = Likelihood(seen)(logits), Likelihood(seen).complete(logits)
    for n in range(3):
        total = 0.0
        for row in range(4):
            for column in range(4):
                tilt = BASE * torch.exp(SHARPNESS * LEVELS * logits[n, 0, row, column])
                factor = log_pixel_likelihood(y[0, 0, row, column].view(1), 0.4, 0.2)[:, 0].exp()
                total += math.log(float((tilt * factor).sum() / tilt.sum()))
                mean = float((tilt * factor * LEVELS).sum() / (tilt * factor).sum())
                assert x[n, 0, row, column].item() == pytest.approx(mean, abs=1e-5)
        assert value[n].item() == pytest.approx(total, abs=1e-3)


def test_salt_and_pepper_spares_grey_pixels(images: Tensor, generator: torch.Generator) -> None:
    seen = one(salt_and_pepper(observe(images), generator, 0.3))
    likelihood = Likelihood(seen)
    grey = (seen.image > 0) & (seen.image < 1)
    assert torch.equal(likelihood.exact, grey)
    x = likelihood.complete(torch.zeros(1, 1, 28, 28))
    assert torch.equal(x[grey], seen.image[grey])


@pytest.mark.parametrize("optics", [blur, down_sampling])
def test_behind_a_lens_the_true_picture_is_the_likeliest(optics, generator) -> None:  # type: ignore[no-untyped-def]
    x = load_dataset("mnist", "test").images[:10]
    seen = one(optics(observe(x), generator, 0.5))
    value = Likelihood(seen)(torch.logit(x, eps=1e-4))
    assert value.argmax() == 0


@pytest.mark.parametrize(
    ("noise", "flips"), [(0.5, 0.0), (0.05, 0.0), (0.0, 0.3), (0.3, 0.1), (0.0, 0.0)]
)
def test_unknown_levels_are_found(noise: float, flips: float, generator: torch.Generator) -> None:
    x = load_dataset("mnist", "test").images[:20]
    for n in range(20):
        seen = observe(x[n : n + 1])
        if noise:
            seen = gaussian_noise(seen, generator, noise)
        if flips:
            seen = salt_and_pepper(seen, generator, flips)
        found = estimate_levels(seen._replace(noise=None, flips=None), x[n : n + 1])
        # One step of the grid, which is 0.05 at small and 0.15 at large levels.
        assert found.noise == pytest.approx(noise, abs=0.151)
        assert found.flips == pytest.approx(flips, abs=0.101)


def test_known_levels_stay(images: Tensor) -> None:
    seen = one(observe(images))._replace(noise=None, flips=0.2)
    assert estimate_levels(seen, images[:1]).flips == 0.2
    with pytest.raises(ValueError, match="Estimate the levels"):
        Likelihood(seen)
