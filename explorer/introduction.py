"""The introduction of a first visit: where it stands, and the way back to it."""

import streamlit as st

from explorer import state
from explorer.components import introduction


def render() -> None:
    """Above Explore's columns. Nothing to see once it was dismissed."""
    introduction(
        state.subject().noun, len(state.z()), again=st.session_state[state.INTRODUCED],
        key=state.INTRODUCTION,
    )  # fmt: skip


def link() -> None:
    """For who wants to see it again, from any panel."""
    st.button(":small[Show the introduction again]", type="tertiary", on_click=_again)


def _again() -> None:
    st.session_state[state.INTRODUCED] += 1
    st.session_state[state.GO_TO] = "explore"
