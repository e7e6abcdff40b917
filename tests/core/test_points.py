"""Points as files: what is read back is what was written."""

import csv
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core import points

numbers = st.floats(-100, 100, width=32)
named = st.lists(st.tuples(st.text(max_size=20), st.tuples(numbers, numbers, numbers)), min_size=1)


@given(named)
def test_csv_gives_the_same_floats_back(marks: list[tuple[str, tuple[float, ...]]]) -> None:
    text = points.to_csv(marks, {1: "slant, left"}).decode()
    header, *lines = csv.reader(io.StringIO(text, newline=""))
    assert header == ["name", "z0", "z1 (slant, left)", "z2"]
    assert [(line[0], tuple(map(float, line[1:]))) for line in lines] == marks


def test_npz_has_names_and_points() -> None:
    raw = points.to_npz([("here", [1.0, 2.0]), ("there", [3.0, 4.0])], {0: "slant"})
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        assert arrays["z"].tolist() == [[1, 2], [3, 4]] and arrays["z"].dtype == np.float32
        assert arrays["names"].tolist() == ["here", "there"]
        assert arrays["dimensions"].tolist() == ["slant", "z1"]
