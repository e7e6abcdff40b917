"""What Explore lets people take home: pictures, traversals, z and bookmarks. Files are made when
they are asked for."""

import functools
from collections.abc import Callable

import numpy as np
import streamlit as st
import torch

from core import images, points, traversal
from explorer import caches, kept, state

STEPS = 11  # pictures of a row of the sheet
FILM_STEPS = 30
SHEET_ROWS = 16  # dimensions of the sheet at the most, the most informative ones


def render() -> None:
    """A menu of downloads."""
    name, z = state.checkpoint(), state.z()
    latent = caches.latent_map(name)
    is_active = latent.active.tolist()
    active = [d for d in latent.order if is_active[d]] or latent.order
    with st.popover("Save", icon=":material/download:", width="stretch"):
        st.caption("The picture")
        with st.container(horizontal=True):
            side, noun = caches.model(name).image_shape[2], state.subject().noun
            _button(f"PNG {side} px", f"{noun}.png", "image/png", _png, name, z, 1)
            _button("PNG 8×", f"{noun}-8x.png", "image/png", _png, name, z, 8)
        st.caption("Traversals from here: one dimension moves, all others stay")
        called = {d: kept.name_of(d) for d in active}
        film = st.selectbox(
            "Dimension of the film", active, format_func=called.__getitem__,
            key=state.FILM_DIMENSION,
        )  # fmt: skip
        rows = {d: called[d] for d in active[:SHEET_ROWS]}
        with st.container(horizontal=True):
            _button("Sheet PNG", "traversal.png", "image/png", _sheet, name, z, rows)
            _button("Film GIF", "traversal.gif", "image/gif", _film, name, z, film)
        st.caption("z and bookmarks, with the names of dimensions")
        marks = [
            ("current z", z),
            *((mark["name"], mark["z"]) for mark in kept.kept()["bookmarks"]),
        ]
        names = {int(d): text for d, text in kept.kept()["names"].items()}
        with st.container(horizontal=True):
            _button("CSV", "latent.csv", "text/csv", points.to_csv, marks, names)
            _button("NPZ", "latent.npz", "application/zip", points.to_npz, marks, names)


def _button(
    label: str, file: str, mime: str, make: Callable[..., bytes], *arguments: object
) -> None:
    """The file is made in a thread without a session, from what is shown now."""
    st.download_button(
        label, functools.partial(make, *arguments), file, mime, on_click="ignore",
        key=f"{state.EXPORT}_{file}",
    )  # fmt: skip


def _png(name: str, z: list[float], scale: int) -> bytes:
    return images.to_png(caches.decoded(name, np.array([z]))[0], scale=scale)


def _sheet(name: str, z: list[float], rows: dict[int, str]) -> bytes:
    ranges = caches.latent_map(name).ranges[:, [0, 2]]
    steps = traversal.traversal(torch.tensor(z), list(rows), ranges, steps=STEPS)
    return traversal.traversal_sheet(caches.model(name), steps, list(rows.values()))


def _film(name: str, z: list[float], dimension: int) -> bytes:
    ranges = caches.latent_map(name).ranges[:, [0, 2]]
    steps = traversal.traversal(torch.tensor(z), [dimension], ranges, steps=FILM_STEPS)
    return traversal.traversal_gif(caches.model(name), steps[0])
