"""Damage: what each kind hides, how kinds combine, and the guess of what is damaged."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.damage import (
    KINDS,
    blur,
    centre_box,
    down_sampling,
    gaussian_noise,
    guess_mask,
    hide,
    left_half,
    mnist_mask_generator,
    observe,
    random_pixels,
    right_half,
    salt_and_pepper,
    top_half,
)
from core.data import load_dataset


@pytest.fixture
def digits() -> Tensor:
    return load_dataset("mnist", "test").images[:200]


@given(kind=st.sampled_from(sorted(KINDS)), seed=st.integers(0, 2**31), where=st.floats(0, 1))
def test_every_kind_keeps_shape_range_and_the_known_pixels(
    kind: str, seed: int, where: float
) -> None:
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    found = KINDS[kind]
    strength = found.least + where * (found.most - found.least)
    seen = found.apply(observe(x), torch.Generator().manual_seed(seed), strength)
    again = found.apply(observe(x), torch.Generator().manual_seed(seed), strength)
    assert seen.image.shape == seen.mask.shape == x.shape
    assert seen.image.min() >= 0 and seen.image.max() <= 1
    assert set(seen.mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(seen.image, again.image) and torch.equal(seen.mask, again.mask)
    assert (seen.image[seen.mask == 0] == 0).all()
    if not (seen.noise or seen.salt or seen.has_optics):
        assert torch.equal(seen.image, x * seen.mask)
        assert seen.mask.mean() < 1


def test_halves_and_box_hide_exactly_their_part(images: Tensor, generator: torch.Generator) -> None:
    assert not top_half(observe(images), generator).mask[:, :, :14].any()
    assert top_half(observe(images), generator).mask[:, :, 14:].all()
    left = left_half(observe(images), generator).mask
    assert torch.equal(left, 1 - right_half(observe(images), generator).mask)
    box = centre_box(observe(images), generator).mask[0, 0]
    assert not box[7:21, 7:21].any() and box.sum() == 28 * 28 - 14 * 14


def test_the_share_of_random_pixels_is_the_strength(
    images: Tensor, generator: torch.Generator
) -> None:
    hidden = 1 - random_pixels(observe(images), generator, 0.8).mask
    # 40 x 784 pixels: three standard errors of the mean are 0.007.
    assert hidden.mean().item() == pytest.approx(0.8, abs=0.007)


def test_noise_has_its_level_before_it_is_clipped(generator: torch.Generator) -> None:
    grey = torch.full((50, 1, 28, 28), 0.5)
    seen = gaussian_noise(observe(grey), generator, 0.1)  # five sigma from being clipped
    assert seen.image.std().item() == pytest.approx(0.1, rel=0.02)
    assert seen.noise == 0.1
    with pytest.raises(ValueError, match="comes once"):
        gaussian_noise(seen, generator, 0.1)  # two noises that were clipped are no clipped noise
    with pytest.raises(ValueError, match="before salt and pepper"):
        gaussian_noise(salt_and_pepper(observe(grey), generator), generator)


def test_salt_and_pepper_is_black_and_white_evenly(generator: torch.Generator) -> None:
    grey = torch.full((50, 1, 28, 28), 0.5)
    image = salt_and_pepper(observe(grey), generator, 0.3).image
    for value in (0, 1):
        assert (image == value).float().mean().item() == pytest.approx(0.15, abs=0.006)


def test_the_published_mixture_has_its_weights(generator: torch.Generator) -> None:
    """Half images are 4 of 10 in weight, and nothing else hides exactly one half; every second
    pixel at random is 2 of 10, and nothing else leaves no row and no column whole."""
    seen = mnist_mask_generator(observe(torch.ones(4000, 1, 28, 28)), generator)
    rows = seen.mask[:, 0].all(2) | ~seen.mask[:, 0].any(2)
    columns = seen.mask[:, 0].all(1) | ~seen.mask[:, 0].any(1)
    halves = (seen.mask.flatten(1).sum(1) == 392) & (rows.all(1) | columns.all(1))
    assert halves.float().mean().item() == pytest.approx(0.4, abs=0.035)
    scattered = ~rows.any(1) & ~columns.any(1)
    assert scattered.float().mean().item() == pytest.approx(0.2, abs=0.03)
    # What is left are squares of a fourth and rectangles of at least 0.3, whose mean is known from
    # drawing corners: 0.43 of the picture.
    hidden = (1 - seen.mask).flatten(1).mean(1)
    square = hidden == 0.25
    assert square.float().mean().item() == pytest.approx(0.2, abs=0.03)
    halves |= (seen.mask.flatten(1).sum(1) == 392) & (rows.any(1) | columns.any(1))
    rectangles = hidden[~halves & ~scattered & ~square]
    assert rectangles.min() >= 0.3
    assert rectangles.mean().item() == pytest.approx(0.43, abs=0.03)


def test_kinds_follow_each_other(images: Tensor, generator: torch.Generator) -> None:
    seen = left_half(observe(images), generator)
    seen = salt_and_pepper(gaussian_noise(seen, generator, 0.3), generator, 0.1)
    assert seen.noise == 0.3 and seen.salt == pytest.approx(0.1)
    assert not seen.image[..., :14].any()
    with pytest.raises(ValueError, match="come before noise and missing pixels"):
        blur(seen, generator, 0.1)


def test_low_resolution_keeps_the_mean_of_each_block(
    images: Tensor, generator: torch.Generator
) -> None:
    seen = down_sampling(observe(images), generator, 0.75)
    assert seen.factor == 4
    blocks = images.unfold(2, 4, 4).unfold(3, 4, 4).mean((4, 5))
    assert torch.allclose(seen.image[..., ::4, ::4], blocks, atol=1e-6)
    assert torch.allclose(seen.optics(images), seen.image, atol=1e-6)


def test_hiding_twice_hides_both(images: Tensor, generator: torch.Generator) -> None:
    seen = hide(top_half(observe(images), generator), torch.ones(28, 28).tril()[None, None] > 0)
    assert not seen.mask[:, :, :14].any() and not seen.mask[..., 14, 15:].any()


def test_the_guess_finds_a_sticker_and_specks_and_leaves_digits_alone(
    digits: Tensor, generator: torch.Generator
) -> None:
    clean = torch.stack([guess_mask(x) for x in digits])
    assert (clean == 0).flatten(1).sum(1).float().mean() < 8  # of 784 pixels
    sticker = digits.clone()
    sticker[:, :, 8:18, 6:17] = 0.8
    guessed = torch.stack([guess_mask(x) for x in sticker])
    assert (guessed[:, :, 8:18, 6:17] == 0).all()
    peppered = salt_and_pepper(observe(digits), generator, 0.1).image
    wrong = (peppered - digits).abs() > 0.5
    guessed = torch.stack([guess_mask(x) for x in peppered])
    assert (guessed[wrong] == 0).float().mean() > 0.6
