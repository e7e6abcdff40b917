"""core/augment.py: moved pictures, binary pictures, an epoch's randomness."""

import pytest
import torch

from core.augment import binarize, epoch_generator, shifted


def test_binarize_keeps_the_mean(generator: torch.Generator) -> None:
    grey = torch.full((1, 1, 200, 200), 0.3)
    binary = binarize(grey, generator)
    assert set(binary.unique().tolist()) == {0.0, 1.0}
    assert binary.mean().item() == pytest.approx(0.3, abs=0.01)


def test_a_shift_moves_whole_pictures_and_brings_in_black(generator: torch.Generator) -> None:
    images = torch.rand(200, 3, 8, 8, generator=generator)
    moved = shifted(images, 2, generator)
    seen = set()
    for before, after in zip(images, moved, strict=True):
        padded = torch.nn.functional.pad(before, [2] * 4)
        places = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.equal(padded[:, down : down + 8, right : right + 8], after)
        ]
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) == 25  # every place comes: 200 draws miss one of 25 with a chance of 0.7%
    assert torch.equal(shifted(images, 0, generator), images)


def test_an_epochs_randomness_is_its_own() -> None:
    def first(*seeds: int) -> float:
        return torch.rand(1, generator=epoch_generator(*seeds)).item()

    assert first(0, 3) == first(0, 3)
    assert len({first(0, 3), first(0, 4), first(1, 3), first(0, 3, 1)}) == 4
