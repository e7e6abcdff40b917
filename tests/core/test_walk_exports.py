"""A walk's files open again and hold what they say."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from core import VAE
from core.walk import METHODS, Walk, walk
from core.walk_exports import FRAME, KEY, SCALE, gif, npz, png_sheet


@pytest.fixture
def walks(tiny: VAE) -> dict[str, Walk]:
    keys = 3 * torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    return {method: walk(tiny, method, keys, 7) for method in METHODS}


def test_the_sheet_has_a_row_a_walk(walks: dict[str, Walk]) -> None:
    picture = Image.open(io.BytesIO(png_sheet(walks)))
    assert picture.size == (SCALE * (7 * 30 + 2), SCALE * (3 * 30 + 2))


def test_the_gif_goes_there_and_back_and_rests_at_keys(walks: dict[str, Walk]) -> None:
    found = walks["slerp"]
    picture = Image.open(io.BytesIO(gif(found)))
    assert picture.n_frames == 7 + 5 and picture.info["loop"] == 0
    assert picture.size == (28 * SCALE, 28 * SCALE)
    for n in range(7):
        picture.seek(n)
        assert picture.info["duration"] == (KEY if n in found.stops else FRAME)


def test_the_npz_holds_every_array(walks: dict[str, Walk]) -> None:
    with np.load(io.BytesIO(npz(walks))) as arrays:
        assert tuple(arrays["stops"]) == walks["lerp"].stops
        for method, found in walks.items():
            np.testing.assert_array_equal(arrays[f"{method}_z"], found.z.numpy())
            np.testing.assert_array_equal(arrays[f"{method}_images"], found.images.numpy())
            np.testing.assert_array_equal(arrays[f"{method}_lengths"], found.lengths.numpy())
