"""Traversals move one dimension; sheet and film show every step."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from core import VAE
from core.traversal import LABEL, SCALE, traversal, traversal_gif, traversal_sheet

RANGES = torch.tensor([[-1.0, 1.0], [-2.0, 4.0], [0.0, 3.0]])


def test_only_the_dimension_of_the_row_moves() -> None:
    z = torch.tensor([0.5, 0.25, -0.5])
    points = traversal(z, [2, 1], RANGES, steps=4)
    assert points.shape == (2, 4, 3)
    torch.testing.assert_close(points[0, :, 2], torch.tensor([0.0, 1.0, 2.0, 3.0]))
    torch.testing.assert_close(points[1, :, 1], torch.tensor([-2.0, 0.0, 2.0, 4.0]))
    assert (points[0, :, :2] == z[:2]).all() and (points[1, :, [0, 2]] == z[[0, 2]]).all()


@pytest.mark.parametrize(("dimensions", "steps"), [([3], 4), ([-1], 4), ([0], 1)])
def test_impossible_traversals_are_refused(dimensions: list[int], steps: int) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        traversal(torch.zeros(3), dimensions, RANGES, steps=steps)


def test_the_sheet_has_a_row_for_each_dimension_and_its_name(tiny: VAE) -> None:
    points = traversal(torch.zeros(3), [0, 2], RANGES, steps=5)
    sheet = Image.open(io.BytesIO(traversal_sheet(tiny, points, ["a very long name indeed", "z2"])))
    assert sheet.width == LABEL + SCALE * (5 * 30 + 2) and sheet.height == SCALE * (2 * 30 + 2)
    names = np.asarray(sheet.convert("L"))[:, :LABEL]
    assert (names[: sheet.height // 2] < 128).any() and (names[sheet.height // 2 :] < 128).any()
    shown = np.asarray(sheet)[SCALE * 2 :: SCALE, LABEL + SCALE * 2 :: SCALE, 0][:28, :28]
    expected = tiny.decode(points[0, :1])[0, 0].mul(255).add(0.5).byte().numpy()
    np.testing.assert_array_equal(shown, expected)


def test_the_film_runs_there_and_back(tiny: VAE) -> None:
    points = traversal(torch.zeros(3), [1], RANGES * 20, steps=6)[0]
    film = Image.open(io.BytesIO(traversal_gif(tiny, points)))
    assert film.n_frames == 10 and film.info["loop"] == 0  # type: ignore[attr-defined]
