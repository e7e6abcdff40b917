"""Where a picture comes from, for every panel that takes one: each function draws its widgets and
gives back what was chosen, or None while there is nothing yet."""

import base64
import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import numpy as np
import streamlit as st

from core import digits
from core.limits import PICTURE_BYTES
from explorer import caches, lanes, state
from explorer.components import draw_canvas, image_input

P = ParamSpec("P")
T = TypeVar("T")


def test_index(key: str, which: str = "Which one, 0 to {most}", another: str = "Another") -> int:
    """Which picture of the test set of the model's data; the words may be of another language."""
    count = len(caches.test_set(state.checkpoint()).images)
    # Another model may have fewer; a widget's value beyond its range would be an error.
    st.session_state[key] = min(int(st.session_state[key]), count - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = st.number_input(which.format(most=count - 1), 0, count - 1, key=key)
        st.button(another, on_click=random_number, args=(key, count))
    return int(index)


def called(option: str) -> str:
    """What a source is called: "Test digit" is a test image where pictures are no digits."""
    return option.replace("digit", state.subject().noun)


def upload(component: str, *, testid: str) -> bytes | None:
    """The content of a file. DigitError when the browser refused it or it arrived damaged."""
    given = st.session_state[state.UPLOAD]
    image_input(
        given and given["name"],
        given and given.get("id"),
        key=component,
        testid=testid,
        max_bytes=PICTURE_BYTES.most,
        on_file_change=functools.partial(_take_upload, component),
    )
    if given is None:
        return None
    if "error" in given:
        raise digits.DigitError(given["error"])
    return bytes(given["content"])


def _take_upload(component: str) -> None:
    if isinstance(told := st.session_state[component].file, dict):
        take_upload(told)


def take_upload(told: dict[str, Any]) -> None:
    """What the browser says of a file, as image_input tells it; it may be anything."""
    upload: dict[str, object] = {
        "name": str(told.get("name", "picture")), "id": str(told.get("id")),
    }  # fmt: skip
    try:
        upload["content"] = base64.b64decode(told["content"], validate=True)
    except (KeyError, TypeError, ValueError):
        upload["error"] = str(told.get("error", "The upload arrived damaged. Try again."))
    st.session_state[state.UPLOAD] = upload


def read(how: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """how(*arguments, **options), by which core.digits reads a file: of all sessions one at a time,
    and found again by the reruns of this one until it reads another. Raises DigitError."""
    asked = (how, arguments, options)
    known: tuple[object, T] | None = st.session_state[state.READ]
    if known is None or known[0] != asked:
        with st.spinner("Reading the picture …"):  # shown when it takes half a second or more
            known = asked, lanes.through_lane("upload", how, *arguments, **options)
        st.session_state[state.READ] = known
    return known[1]


def drawing(component: str, words: Mapping[str, str] | None = None) -> bytes | None:
    """What was drawn by hand, as a PNG file; `words` of the canvas in another language."""
    drawn: bytes | None = st.session_state[state.DRAWING]
    draw_canvas(
        drawn, session=st.session_state[state.SESSION], noun=state.subject().a_noun, key=component,
        words=words,
        on_png_change=functools.partial(_take_drawing, component),
    )  # fmt: skip
    return drawn


def _take_drawing(component: str) -> None:
    told = st.session_state[component].png
    if not told:
        return
    try:
        st.session_state[state.DRAWING] = base64.b64decode(told["content"], validate=True) or None
    except (ValueError, TypeError, KeyError):
        return  # no browser of ours says that


def note() -> None:
    """What becomes of a picture from outside."""
    c, h, w = caches.model(state.checkpoint()).image_shape
    subject = state.subject()
    if subject.ink:
        about = f"A photo of a handwritten {subject.noun}, a scan or a drawing, dark on light or "
        st.caption(about + "reverse.")
    else:
        st.caption(
            f"The picture is used as it is, scaled to {w} × {h} pixels "
            f"{'in grey' if c == 1 else 'in colour'}: nothing is cut off and nothing inverted."
        )


def random_number(key: str, below: int) -> None:
    """Another whole number for a key of the session."""
    st.session_state[key] = int(np.random.default_rng().integers(below))
