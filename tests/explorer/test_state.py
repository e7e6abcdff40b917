"""What the browser commits, and what a link may say."""

import re
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from explorer import state
from explorer.coordinates import packed_z, unpacked_z


def _page_with_a_commit() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer import links, state

    links.restore()
    links.restore_z()
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


@given(st.lists(numbers, min_size=1, max_size=70))
def test_what_is_packed_into_a_link_is_read_back_bit_by_bit(values: list[float]) -> None:
    text = packed_z(values)
    assert unpacked_z(text, len(values)) == values
    assert re.fullmatch(r"~[A-Za-z0-9_-]+", text)  # nothing that a URL would have to escape


def test_a_link_of_64_dimensions_is_short() -> None:
    query = {"model": "mnist-mlp-20-a-long-name", "map": "umap", "z": packed_z([0.1] * 64)}
    assert len("https://a-rather-long-host.example.org:8501/explore?" + urlencode(query)) < 500


@given(st.lists(numbers, min_size=1, max_size=40))
def test_numbers_with_commas_are_read_as_well(values: list[float]) -> None:
    text = ",".join(f"{value:.5g}" for value in values)
    assert unpacked_z(text, len(values)) == pytest.approx(values, rel=1e-4)


@given(st.text(max_size=40), st.sampled_from(["", "~"]))
def test_any_other_text_is_a_sentence(text: str, prefix: str) -> None:
    try:
        assert len(unpacked_z(prefix + text, 3)) == 3
    except ValueError as error:
        assert str(error).endswith(".")


def _defaults() -> None:
    from explorer import links

    links.restore_defaults()


def test_what_streamlit_drops_comes_back() -> None:
    """A run that ends before it has written a widget's value back, followed by another panel."""
    app = AppTest.from_function(_defaults).run()
    app.session_state[state.REPAIR_SOURCE] = "Upload"
    app.run()
    del app.session_state[state.REPAIR_SOURCE]
    app.run()
    assert app.session_state[state.REPAIR_SOURCE] == "Upload"


def test_no_session_holds_the_defaults_themselves() -> None:
    app = AppTest.from_function(_defaults).run()
    for key, default in state.DEFAULTS.items():
        if isinstance(default, dict):
            assert app.session_state[key] == default and app.session_state[key] is not default
