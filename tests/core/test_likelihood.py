"""The likelihood of damaged pixels, against sums and integrals done the long way."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core import load_checkpoint
from core.damage import (
    Observation,
    blur,
    down_sampling,
    gaussian_noise,
    hide,
    left_half,
    observe,
    salt_and_pepper,
)
from core.data import load_dataset
from core.likelihood import (
    BASE,
    LEVELS,
    NOISES,
    OPTICS_ERROR,
    SALTS,
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
@pytest.mark.parametrize("salt", [0.0, 0.3])
def test_the_noise_is_a_distribution(noise: float, salt: float) -> None:
    """The density inside (0, 1) and the two clipped ends sum to 1 for every grey level."""
    n = 20_000
    inside = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    density = log_pixel_likelihood(inside.float(), noise, salt).double().exp().mean(1)
    ends = log_pixel_likelihood(torch.tensor([0.0, 1.0]), noise, salt).double().exp().sum(1)
    assert torch.allclose(density + ends, torch.ones(len(LEVELS)).double(), atol=1e-4)


def test_noisy_pixels_are_the_sums_over_grey_levels(generator: torch.Generator) -> None:
    y = torch.rand(1, 1, 4, 4, generator=generator)
    y[0, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    seen = Observation(y, torch.ones_like(y), noise=0.4, salt=0.2)
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
    ("noise", "salt"), [(0.5, 0.0), (0.05, 0.0), (0.0, 0.3), (0.3, 0.1), (0.0, 0.0)]
)
def test_unknown_levels_are_found(noise: float, salt: float, generator: torch.Generator) -> None:
    """From the picture as the model reconstructs it, to within one step of the grid."""
    model = load_checkpoint("mnist-res-32")
    x = load_dataset("mnist", "test").images[:20]
    for picture, mean in zip(x.split(1), model.decode(model.encode(x)[0]).split(1), strict=True):
        seen = observe(picture)
        if noise:
            seen = gaussian_noise(seen, generator, noise)
        if salt:
            seen = salt_and_pepper(seen, generator, salt)
        found = estimate_levels(seen._replace(noise=None, salt=None), mean)
        assert found.noise in neighbours(NOISES, noise)
        assert found.salt in neighbours(SALTS, salt)


def neighbours(grid: tuple[float, ...], level: float) -> tuple[float, ...]:
    """The level and the grid's next ones; that there is none at all is to be found exactly."""
    place = grid.index(level)
    return grid[max(place - 1, 1) : place + 2] if place else grid[:1]


@pytest.mark.parametrize("optics", [blur, down_sampling])
def test_a_lens_is_no_noise(optics, generator: torch.Generator) -> None:  # type: ignore[no-untyped-def]
    x = load_dataset("mnist", "test").images[:20]
    for picture in x.split(1):
        seen = optics(observe(picture), generator, 0.5)
        found = estimate_levels(seen._replace(noise=None, salt=None), picture)
        assert (found.noise, found.salt) == (0.0, 0.0)


def test_behind_a_lens_it_is_a_clipped_gaussian_with_salt(generator: torch.Generator) -> None:
    """Against the same written pixel by pixel, for low resolution, noise and salt together."""
    x = torch.rand(1, 1, 4, 4, generator=generator)
    seen = down_sampling(observe(x), generator, 0.5)
    seen = salt_and_pepper(gaussian_noise(seen, generator, 0.5), generator, 0.3)
    seen = hide(seen, torch.arange(16).view(1, 1, 4, 4) > 2)
    logits = torch.randn(1, 1, 4, 4, generator=generator)
    blocks = F.avg_pool2d(torch.sigmoid(logits), 2)
    normal = torch.distributions.Normal(0.0, math.hypot(0.5, 2 * OPTICS_ERROR))
    total = 0.0
    for i in range(16):
        row, column = divmod(i, 4)
        if not seen.mask[0, 0, row, column]:
            continue
        y, mean = seen.image[0, 0, row, column], blocks[0, 0, row // 2, column // 2]
        if y <= 0:
            p = 0.7 * normal.cdf(y - mean) + 0.15
        elif y >= 1:
            p = 0.7 * (1 - normal.cdf(y - mean)) + 0.15
        else:
            p = 0.7 * normal.log_prob(y - mean).exp()
        total += math.log(float(p))
    assert Likelihood(seen)(logits).item() == pytest.approx(total, abs=1e-3)


def test_the_variance_is_that_of_the_grey_levels(generator: torch.Generator) -> None:
    y = torch.rand(1, 1, 4, 4, generator=generator)
    mask = torch.ones_like(y)
    mask[..., :2] = 0
    logits = torch.randn(2, 1, 4, 4, generator=generator)
    for noise in (0.0, 0.3):
        variance = Likelihood(Observation(y * mask, mask, noise=noise)).variance(logits)
        for n in range(2):
            for row in range(4):
                for column in range(4):
                    weight = BASE * torch.exp(SHARPNESS * LEVELS * logits[n, 0, row, column])
                    if column >= 2:
                        pixel = y[0, 0, row, column].view(1)
                        factor = log_pixel_likelihood(pixel, noise, 0.0)[:, 0].exp()
                        weight = weight * factor if noise else 0 * weight
                    weight = weight / weight.sum().clamp_min(1e-30)
                    mean = (weight * LEVELS).sum()
                    expected = float((weight * LEVELS.square()).sum() - mean.square())
                    assert variance[n, 0, row, column].item() == pytest.approx(expected, abs=1e-5)


def test_black_or_white_pixels_follow_bayes(generator: torch.Generator) -> None:
    y = torch.tensor([0.0, 1.0, 0.3, 0.9]).view(1, 1, 2, 2)
    seen = Observation(y, torch.ones_like(y), noise=0.5, salt=0.1)
    logits = torch.randn(3, 1, 2, 2, generator=generator)
    factor = log_pixel_likelihood(y.flatten(), 0.5, 0.1).exp()
    black, white = factor[0].view(2, 2), factor[-1].view(2, 2)
    p = torch.sigmoid(logits)
    expected = p * white / (p * white + (1 - p) * black)
    assert torch.allclose(Likelihood(seen).complete_binary(logits), expected, atol=1e-5)


def test_known_levels_stay(images: Tensor) -> None:
    seen = one(observe(images))._replace(noise=None, salt=0.2)
    assert estimate_levels(seen, images[:1]).salt == 0.2
    with pytest.raises(ValueError, match="Estimate the levels"):
        Likelihood(seen)
