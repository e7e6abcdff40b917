"""What people keep: changed only as asked, and whatever a browser's storage holds is survived."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.limits import BOOKMARKS
from explorer import index_masks, kept, state

MARK = {"id": "a", "name": "seven", "z": [1.0, 2.0]}
EMPTY = {"bookmarks": [], "directions": [], "names": {}, "locked": []}


def _page() -> None:
    import streamlit as st

    from explorer import kept, links

    links.restore()
    links.restore_z()
    kept.add_bookmark("  my   seven ", [0.5] * 20)
    kept.add_bookmark("x" * 200, [1.0] * 20)
    first, second = kept.kept()["bookmarks"]
    kept.rename("bookmarks", first["id"], "eight")
    kept.rename("bookmarks", first["id"], "  ")  # a button is called by it
    kept.remove("bookmarks", second["id"])
    kept.add_direction("thicker", [0.1] * 20)
    kept.name_dimension(4, "slant")
    kept.name_dimension(5, "width")
    kept.name_dimension(5, "")
    kept.lock(3, True)
    kept.lock(2, True)
    kept.lock(3, False)
    st.session_state["names"] = [kept.name_of(4), kept.name_of(5)]


def test_bookmarks_directions_names_and_locks() -> None:
    app = AppTest.from_function(_page, default_timeout=60).run()
    assert not app.exception
    found = app.session_state[state.KEPT]["mnist-mlp-20"]
    assert [mark["name"] for mark in found["bookmarks"]] == ["eight"]
    assert found["bookmarks"][0]["z"] == [0.5] * 20
    assert [entry["name"] for entry in found["directions"]] == ["thicker"]
    assert found["names"] == {"4": "slant"} and found["locked"] == [2]
    assert app.session_state["names"] == ["slant", "z5"]


def test_what_was_stored_comes_back() -> None:
    stored = {
        "bookmarks": [MARK], "directions": [{"id": "d", "name": "up", "vector": [0.0, 1.0]}],
        "names": {"1": "slant"}, "locked": [0],
    }  # fmt: skip
    assert kept.checked(json.dumps(stored), {}) == stored


def test_what_is_new_here_is_joined_with_what_was_stored() -> None:
    mine = EMPTY | {"bookmarks": [MARK | {"name": "renamed"}, MARK | {"id": "b"}], "locked": [1]}
    stored = EMPTY | {"bookmarks": [MARK, MARK | {"id": "c"}], "locked": [0]}
    found = kept.checked(json.dumps(stored), mine)
    assert {mark["id"]: mark["name"] for mark in found["bookmarks"]} == {
        "a": "renamed", "b": "seven", "c": "seven",
    }  # fmt: skip
    assert found["locked"] == [0, 1]


@pytest.mark.parametrize(
    "bad",
    [
        {"bookmarks": [MARK | {"z": []}]},
        {"bookmarks": [MARK | {"z": [1.0, float("nan")]}]},
        {"bookmarks": [MARK | {"z": [True, 1.0]}]},
        {"bookmarks": [MARK | {"z": [1.0, 1e300]}, MARK | {"z": [10**400, 1.0]}]},
        {"bookmarks": [MARK | {"name": 3}, MARK | {"id": None}, "text", None, {}]},
        {"bookmarks": {"0": MARK}, "directions": 3, "names": [], "locked": "01"},
        {"names": {"-1": "no such dimension", "0": 5}, "locked": [-1, "0", True, 10**9]},
        [],
        None,
    ],
)
def test_what_is_none_is_left_out(bad: object) -> None:
    assert kept.checked(json.dumps(bad), {}) == EMPTY


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
)


def _replaced_page() -> None:
    import streamlit as st

    from explorer import kept, links

    links.restore()
    links.restore_z()
    st.session_state["shown"] = dict(kept.kept())
    kept.add_bookmark("new", [0.5] * 20)
    kept.lock(3, True)


def test_what_is_of_other_dimensions_waits() -> None:
    """The model was replaced by one of the same name."""
    of_two = {
        "bookmarks": [MARK], "directions": [{"id": "d", "name": "up", "vector": [0.0, 1.0]}],
        "names": {"25": "far"}, "locked": [30],
    }  # fmt: skip
    app = AppTest.from_function(_replaced_page, default_timeout=60)
    app.session_state[state.KEPT] = {"mnist-mlp-20": of_two}
    app.run()
    assert not app.exception
    assert app.session_state["shown"] == EMPTY
    found = app.session_state[state.KEPT]["mnist-mlp-20"]
    assert [mark["name"] for mark in found["bookmarks"]] == ["new", "seven"]
    assert found["directions"] == of_two["directions"]
    assert found["names"] == of_two["names"] and found["locked"] == [3, 30]


@given(st.text() | st.builds(json.dumps, json_values))
def test_any_storage_is_survived(text: str) -> None:
    assert kept.checked(text, {}).keys() == EMPTY.keys()


@given(st.lists(st.integers(0, 69_999), min_size=1, unique=True).map(sorted))
def test_groups_come_back(indices: list[int]) -> None:
    text = json.dumps(
        {"groups": {"tall": index_masks.to_mask(indices), "broken": "§", "empty": ""}}
    )
    found = kept.checked_groups(text)
    assert list(found) == ["tall"] and found["tall"].tolist() == indices


@given(st.text() | st.builds(json.dumps, json_values))
def test_any_stored_groups_are_survived(text: str) -> None:
    assert kept.checked_groups(text) == {}
    kept.checked_groups(json.dumps({"groups": text}))


def test_an_id_counts_once() -> None:
    found = kept.checked(json.dumps(EMPTY | {"bookmarks": [MARK, MARK]}), {})
    assert found["bookmarks"] == [MARK]


def test_there_is_a_most() -> None:
    stored = EMPTY | {"bookmarks": [MARK | {"id": str(n)} for n in range(2 * BOOKMARKS.most)]}
    assert len(kept.checked(json.dumps(stored), {})["bookmarks"]) == BOOKMARKS.most
