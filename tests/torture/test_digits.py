"""The short version of the photographs: two of every font, nine scans."""

from itertools import islice

import numpy as np
import pytest

from tests.torture.digits import COUNTS, photos, rows
from tests.torture.glyphs import SCANS, glyphs


def test_photographs_end_in_a_digit() -> None:
    table = list(rows(0.03, seed=1))
    assert [row.tried for row in table] == [2] * (len(COUNTS) - 1) + [9, 21]
    for row in table:
        assert row.held, row.lost


def test_a_photograph_can_be_made_again() -> None:
    first, again = (list(photos("caveat", 2, seed=3)) for _ in range(2))
    assert [photo.data for photo in first] == [photo.data for photo in again]
    assert first[0].data != first[1].data
    assert first[0].data != next(photos("caveat", 1, seed=4)).data


@pytest.mark.parametrize("source", COUNTS)
def test_a_clean_glyph_is_placed_as_mnist_places_it(source: str) -> None:
    for photo in photos(source, 2, seed=1):
        rows, columns = np.nonzero(photo.clean > 0.1)
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        y, x = np.average(np.indices((28, 28)).reshape(2, -1), axis=1, weights=photo.clean.ravel())
        assert abs(y - 14) < 1 and abs(x - 14) < 1


def test_the_scans_are_real_writing() -> None:
    scans = islice(glyphs(SCANS, np.random.default_rng(1)), 20)
    assert len({scan.digit for scan in scans}) > 7, "by chance, not one digit again and again"
