"""What a page holds over a restart: it comes back as it was, and nothing else comes in with it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.checkpoint import fingerprint
from explorer import board, caches, catalogue, memory, state, train_fields
from explorer.frames import ALIVE, ANSWER, REQUEST, answered, loaded, understood
from explorer.selections import Selection

VALUES = {
    state.REPAIR_INDEX: 7, state.NOISE: 0.25, state.IN_SD: True, state.METHOD: "laplace",
    state.TRAIN_PRESET: None, state.COMPARED: ("a", None), state.DRAWING: b"\x89PNG",
    state.DAMAGED: board.Damage(("x", "y"), 3, 5, b"\x00\xff", b"\x01\x00"),
    state.WALK_KEYS: {"x": [{"id": "k", "name": "n", "z": [0.5, 1.0]}]},
    state.TRAIN_SETTINGS: train_fields.DEFAULTS | {"h_dim": 48},
}  # fmt: skip


def _packs() -> None:
    import streamlit as st

    from explorer import links, memory

    links.restore()
    st.session_state["text"] = memory.packed()


def packed(**values: object) -> str:
    app = AppTest.from_function(_packs, default_timeout=60)
    for key, value in values.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return str(app.session_state["text"])


def test_what_was_packed_comes_back() -> None:
    selection = Selection("x", np.array([2, 9], np.int32))
    found = memory.unpacked(packed(**VALUES, **{state.SELECTION: selection}))
    assert {key: found[key] for key in VALUES} == VALUES
    assert found[state.SELECTION].indices.tolist() == [2, 9]
    assert found[f"{state.TRAIN_FIELD}_h_dim"] == 48, "the form's own field, too"


def test_nothing_of_another_program_and_no_other_key_comes_in() -> None:
    told = json.loads(packed())
    assert memory.unpacked(json.dumps(told | {"program": 1})) == {}
    told["plain"] |= {state.REPAIR_INDEX: "7", state.CHECKPOINT: "x", state.SOURCE: "x" * 999}
    told["walks"] = {"x": [{"id": "k", "name": "n", "z": [float("inf")]}]}
    found = memory.unpacked(json.dumps(told))
    assert not found.keys() & {state.REPAIR_INDEX, state.CHECKPOINT, state.SOURCE}
    assert found[state.WALK_KEYS] == {"x": []}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
)
parts = st.sampled_from(
    ["plain", "compared", "walks", "training", "drawing", "selection", "damaged"]
)


@given(st.dictionaries(parts, json_values))
def test_any_memory_is_survived(told: dict[str, object]) -> None:
    empty = {"plain": {}, "compared": [None, None], "walks": {}, "training": {}, "drawing": None,
             "selection": None, "damaged": None}  # fmt: skip
    memory.unpacked(json.dumps({"program": memory.PROGRAM} | empty | told))


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{}"])
def test_no_memory_is_none(text: str) -> None:
    assert memory.unpacked(text) == {}


def test_a_sign_of_life_names_the_files() -> None:
    name = "mnist-mlp-20"
    job = understood(caches.model(name), REQUEST.pack(3, ALIVE))
    frame = answered(loaded(name), job)
    sequence, kind, *_ = ANSWER.unpack_from(frame)
    assert (sequence, kind) == (3, ALIVE)
    assert json.loads(frame[ANSWER.size :]) == {"version": catalogue.version(name)}
    assert fingerprint(catalogue.folder(name))[0] > 0


@pytest.mark.parametrize("text", [
    "[" * 200_000,
    json.dumps({"program": memory.PROGRAM, "plain": {}, "learnt": [], "compared": [None, None],
                "walks": {}, "training": {}, "drawing": None, "selection": None,
                "damaged": [[], float("inf"), 0, "", ""]}),
])  # fmt: skip
def test_what_no_page_says_is_left_out(text: str) -> None:
    assert state.DAMAGED not in memory.unpacked(text)


def _with_a_widget() -> None:
    import streamlit as st

    from explorer import links, memory, state

    links.restore()
    memory.insist()
    st.number_input("Which", 0, 9999, key=state.TEST_INDEX)


def test_what_the_page_held_stays_until_the_page_shows_it() -> None:
    """Whatever it says before comes with its widgets' values of before."""
    app = AppTest.from_function(_with_a_widget).run()
    app.session_state[state.UNSEEN] = {state.TEST_INDEX: 7}
    for _ in range(2):
        app.number_input[0].set_value(0).run()
        assert app.number_input[0].value == 7
    app.session_state[state.SEEN] = True
    app.number_input[0].set_value(0).run()
    assert app.number_input[0].value == 7
    app.number_input[0].set_value(3).run()  # the hand's
    assert app.number_input[0].value == 3
