"""What Learn knows of a session: its language, what it has done, the picture that it looks at."""

import streamlit as st
from torch import Tensor

from core import digits
from explorer import caches, sources, state
from explorer.lessons import LESSONS, words

PICTURES = ("test", "draw")  # where the picture comes from
PICK_PX = 330  # of the number and its button


def said(key: str, **values: object) -> str:
    """explorer.lessons.words.said in the session's language."""
    return words.said(st.session_state[state.LANGUAGE], key, **values)


def noun() -> str:
    """What one picture of the open model is called in that language."""
    return words.noun(st.session_state[state.LANGUAGE], state.subject().noun)


def ticked(step: str) -> set[str]:
    """The tasks of a step that were done."""
    return {task for of, task in st.session_state[state.LEARNT] if of == step}


def tick(step: str, task: str) -> None:
    """A task is done."""
    st.session_state[state.LEARNT] |= {(step, task)}


def done(component: str) -> None:
    """The browser has noticed that a task is done."""
    told = st.session_state[component].done
    if told and told.get("step") in LESSONS and told.get("task") in words.tasks(told["step"]):
        tick(told["step"], told["task"])


def named(step: str) -> str:
    """The number and name of a step, with a tick once all its tasks are done."""
    number, name = list(LESSONS).index(step) + 1, said(f"{step}.name")
    whole = ticked(step) >= set(words.tasks(step))
    return f"{number} {name}" + (" :material/check:" if whole else "")


def picture() -> Tensor | None:
    """The test picture or the drawing that steps are about, (1, C, H, W); None while there is
    nothing drawn. DataError, DigitError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            said("panel.from", noun=noun()).capitalize(), PICTURES, key=state.LEARN_SOURCE,
            required=True, format_func=lambda kind: said(f"panel.{kind}", noun=noun()),
        )  # fmt: skip
        if kind == "test":
            with st.container(width=PICK_PX):
                index = sources.test_index(
                    state.LEARN_INDEX, said("panel.which", most="{most}"), said("panel.another")
                )
            if index != state.DEFAULTS[state.LEARN_INDEX]:
                tick("compress", "pick")
            return caches.test_set(state.checkpoint()).images[index][None]
    language = st.session_state[state.LANGUAGE]
    drawn = sources.drawing(state.LEARN_CANVAS, words.for_browser(language, "draw"))
    if drawn is None:
        return None
    tick("compress", "pick")
    shape = caches.model(state.checkpoint()).image_shape
    return sources.read(digits.to_input, drawn, shape, ink=state.subject().ink)
