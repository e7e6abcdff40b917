"""What the browser commits, and what a link may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer import state


def _page_with_a_commit() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer import state

    state.restore()
    state.restore_z()
    told = {"z": [1.0] * 20, "checkpoint": "mnist-mlp-20", "revision": 1}
    st.session_state["told"] = SimpleNamespace(z=told | st.session_state["changes"])
    state.commit_z("told")


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"revision": 0}, False),
        ({"checkpoint": "mnist-mlp-2", "z": [1.0, 1.0]}, False),
    ],
    ids=["in time", "crossed a move from Python", "of another model"],
)
def test_a_commit_counts_only_for_what_is_on_screen(
    changes: dict[str, object], taken: bool
) -> None:
    app = AppTest.from_function(_page_with_a_commit, default_timeout=60)
    app.session_state["changes"] = changes
    app.run()
    assert not app.exception
    assert app.session_state[state.REVISION] == 1
    assert (app.session_state[state.Z] == [1.0] * 20) is taken


numbers = st.floats(-100, 100, width=32)


@given(st.lists(numbers, min_size=1, max_size=40))
def test_what_is_written_into_a_link_is_read_back(values: list[float]) -> None:
    text = ",".join(f"{value:.5g}" for value in values)
    assert state.parse_z(text, len(values)) == pytest.approx(values, rel=1e-4)


@given(st.text(max_size=40))
def test_any_other_text_is_a_sentence(text: str) -> None:
    try:
        assert len(state.parse_z(text, 3)) == 3
    except ValueError as error:
        assert str(error).endswith(".")
