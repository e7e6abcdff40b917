"""Masks of indices: they come back as they were; a long one is refused before it is unpacked."""

import base64
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.limits import MAP_POINTS
from explorer.index_masks import from_mask, to_mask


@given(st.sets(st.integers(0, MAP_POINTS.most - 1), max_size=50))
def test_they_come_back(indices: set[int]) -> None:
    assert from_mask(to_mask(sorted(indices))).tolist() == sorted(indices)


def test_a_long_one_takes_no_memory() -> None:
    mask = base64.b64encode(b"\xff" * 3_000_000).decode()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 250,000 images"):
            from_mask(mask)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["§", "A", "====", "AA=A"])
def test_no_base64(text: str) -> None:
    with pytest.raises(ValueError):
        from_mask(text)
