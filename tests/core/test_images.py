"""Conversions: rounding, layout, and that a sheet can be cut again."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core import images


@given(st.integers(0, 255))
def test_every_level_survives_the_round_trip(level: int) -> None:
    assert images.to_uint8(torch.tensor(level / 255)).item() == level


def test_out_of_range_values_are_clamped() -> None:
    assert images.to_uint8(torch.tensor([-1.0, 2.0])).tolist() == [0, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_pixels_and_enlarges_by_whole_ones(channels: int) -> None:
    image = torch.rand(channels, 5, 7)
    read = np.asarray(Image.open(io.BytesIO(images.to_png(image, scale=3))))
    assert read.shape[:2] == (15, 21)
    small = read[::3, ::3].reshape(5, 7, channels)
    assert (torch.from_numpy(small.copy()).permute(2, 0, 1) == images.to_uint8(image)).all()


def test_grid_holds_every_image() -> None:
    assert images.grid(torch.zeros(10, 1, 28, 28), columns=5).shape == (3, 62, 152)


def test_signed_difference_is_white_where_equal_and_coloured_by_sign() -> None:
    x = torch.tensor([[[0.5, 1.0, 0.0]]])
    equal, lost, added = images.signed_difference(x, torch.tensor([[[0.5, 0.0, 1.0]]]))[:, 0].T
    assert equal.tolist() == [1, 1, 1]
    assert lost[0] > lost[2] and added[2] > added[0]


def test_from_array_takes_grey_and_colour() -> None:
    assert images.from_array(np.zeros((4, 6))).shape == (1, 4, 6)
    assert images.from_array(np.zeros((4, 6, 3))).shape == (3, 4, 6)


def test_shrunk_keeps_the_mean_and_never_enlarges() -> None:
    image = torch.rand(3, 60, 90)
    small = images.shrunk(image, 30)
    assert small.shape == (3, 20, 30)
    torch.testing.assert_close(small.mean((1, 2)), image.mean((1, 2)))
    assert images.shrunk(image, 200) is image
