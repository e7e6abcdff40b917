"""A second of the class at work, on the server that all tests share."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from driver import Server
from hypothesis import given
from hypothesis import strategies as st

from explorer import live
from tests.torture import load


def test_the_class_is_answered(server: Server) -> None:
    with ThreadPoolExecutor(1) as thread:  # this one's event loop may be the browser tests'
        rows = thread.submit(
            lambda: list(load.rows(0.003, 0, server, models=("mnist-mlp-20",), upload=False))
        ).result()
    for row in rows:
        assert row.held, f"{row.what}: {row.survived} of {row.tried} survived; {row.lost}"


@given(st.floats(0, live.TIDY_EVERY), st.floats(-30, 30), st.floats(0, 200))
def test_the_rise_is_found_under_a_saw(begun: float, rise: float, tooth: float) -> None:
    """In MB, whenever in the saw the five minutes begin."""
    seconds = np.arange(0, load.SECONDS, load.SAMPLE)
    saw = tooth * ((seconds + begun) % live.TIDY_EVERY) / live.TIDY_EVERY
    values = 1e6 * (900 + rise * seconds / 60 + saw)
    sizes = [(float(s), int(value)) for s, value in zip(seconds, values, strict=True)]
    assert load.rise(sizes) == pytest.approx(1e6 * rise, abs=1e6)
