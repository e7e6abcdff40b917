"""Bookmarks of Explore, and two of them compared."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from core import images, metrics
from core.limits import BOOKMARKS
from explorer import caches, dials, explained, kept, state
from explorer.components import Live, Picture, bookmarks, latent_sliders, picture_row
from explorer.coordinates import checked_z
from explorer.wording import escaped

WIDTH = 112  # px of a compared picture


def render(live: Live) -> None:
    """The shelf, and below it A and B when both are chosen."""
    marks = kept.kept()["bookmarks"]
    bookmarks(
        live,
        [(mark["id"], mark["name"]) for mark in marks],
        b"".join(kept.thumbnails([mark["z"] for mark in marks])),
        compared=st.session_state[state.COMPARED],
        full=len(marks) >= BOOKMARKS.most,
        key=state.BOOKMARKS,
        on_event_change=functools.partial(_event, state.BOOKMARKS),
    )
    chosen = [next((m for m in marks if m["id"] == id), None) for id in _compared()]
    if chosen[0] and chosen[1] and chosen[0]["id"] != chosen[1]["id"]:
        _compare(live, chosen[0], chosen[1])


def _compare(live: Live, a: kept.Bookmark, b: kept.Bookmark) -> None:
    """Two bookmarks side by side, what differs, and a slider from one to the other."""
    z = np.array([a["z"], b["z"]], np.float32)
    decoded = caches.decoded(state.checkpoint(), z)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        picture_row(
            [
                Picture(images.to_png(decoded[0]), WIDTH, f"A: {a['name']}", f"A: {a['name']}"),
                Picture(images.to_png(decoded[1]), WIDTH, f"B: {b['name']}", f"B: {b['name']}"),
                Picture(
                    images.to_png(images.signed_difference(decoded[0], decoded[1])), WIDTH,
                    "Difference of A and B", "B minus A", "blue is added, red is missing",
                ),
            ],
            key=state.COMPARISON,
        )  # fmt: skip
    with right:
        gaps = np.abs(z[1] - z[0])
        most = ", ".join(
            f"{escaped(kept.name_of(d))} ({z[1, d] - z[0, d]:+.2f})"
            for d in np.argsort(-gaps)[:4].tolist()
        )
        st.markdown(
            f"**{np.linalg.norm(z[1] - z[0]):.2f}** apart in z, most along {most}; "
            f"PSNR between the pictures **{metrics.psnr(decoded[0], decoded[1]):.1f} dB**."
        )
        latent_sliders(
            live,
            [dials.line_axis("a-b", "A → B", a["z"], b["z"])],
            filmstrips=st.session_state[state.FILMSTRIPS],
            units="z",
            key=state.MIX,
            on_z_change=functools.partial(state.commit_z, state.MIX),
            on_edit_change=lambda: None,
        )
        explained.about("comparison")


def _compared() -> tuple[str | None, str | None]:
    a, b = st.session_state[state.COMPARED]
    return a, b


def _event(component: str) -> None:
    told = st.session_state[component].event
    if not told:
        return
    present = {mark["id"]: mark for mark in kept.kept()["bookmarks"]}
    if told["kind"] == "add":
        _add(told)
    elif told.get("id") not in present:
        return  # removed meanwhile, in another tab
    elif told["kind"] == "go":
        state.set_z(present[told["id"]]["z"])
    elif told["kind"] == "rename":
        kept.rename("bookmarks", told["id"], str(told["name"]))
    elif told["kind"] == "remove":
        kept.remove("bookmarks", told["id"])
    elif told["kind"] == "compare":
        a, b = (None if id == told["id"] else id for id in _compared())
        was = _compared()["AB".index(told["side"])] == told["id"]
        if not was:  # a second press takes it back
            a, b = (told["id"], b) if told["side"] == "A" else (a, told["id"])
        st.session_state[state.COMPARED] = (a, b)


def _add(told: Mapping[str, Any]) -> None:
    if told.get("checkpoint") != state.checkpoint():
        return  # pressed while the page went on to another model, whose z this is not
    try:
        kept.add_bookmark(f"Bookmark {_next_number()}", checked_z(told["z"], len(state.z())))
    except ValueError as error:  # there are too many, by another tab
        state.notify(str(error))


def _next_number() -> int:
    """One more than the highest that a bookmark's own name holds."""
    names = [mark["name"].removeprefix("Bookmark ") for mark in kept.kept()["bookmarks"]]
    return 1 + max((int(name) for name in names if name.isdecimal()), default=0)
