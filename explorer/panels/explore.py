"""Explore: drag the latent sliders and the decoded picture follows; walk the map of the test
set."""

import functools

import numpy as np
import streamlit as st

from explorer import caches, dials, explained, introduction, kept, maps, priors, saves, shelf, state
from explorer.components import (
    Live,
    decoded_image,
    history,
    typicality,
)


def render() -> None:
    """Picture, sliders and map, left to right as on the screen; below them the bookmarks."""
    live, subject = state.live(), state.subject()
    st.markdown(
        "#### Explore the latent space\n"
        f"Drag a slider and the {subject.noun} follows while the mouse is down. "
        f"Every dot of the map is a test {subject.noun}: click one, or drag anywhere."
    )
    introduction.render()
    picture, sliders, chart = st.columns([24, 40, 42], gap="medium")
    with picture:
        decoded_image(
            live, key=state.PICTURE, label=f"The {subject.noun} decoded from the current z"
        )
    with chart:  # before the rest: what draws it takes longest to come
        maps.render(live)
    with sliders:
        dials.render(live)
    with picture:
        typicality(
            live, noun=subject.noun, named=len(subject.classes) > 1, key=state.TYPICALITY,
            on_load_change=_load_neighbour,
        )  # fmt: skip
        explained.about("picture")
        _moves(live)
    st.divider()
    shelf.render(live)


def _moves(live: Live) -> None:
    history(live, key=state.HISTORY, on_z_change=functools.partial(state.commit_z, state.HISTORY))
    with st.container(horizontal=True):
        st.button(f"Random {state.subject().noun}", on_click=_random_digit, width="stretch")
        st.button(
            "Prior sample",
            on_click=_random_prior,
            width="stretch",
            help=priors.described(state.checkpoint()),
        )
    with st.container(horizontal=True):
        st.button("Reset to z = 0", on_click=_reset, width="stretch", disabled=not any(state.z()))
        saves.render()


def _load_neighbour() -> None:
    index, latent = st.session_state[state.TYPICALITY].load, caches.latent_map(state.checkpoint())
    if isinstance(index, int) and 0 <= index < len(latent.mu):
        state.set_z(latent.mu[index].tolist())


def _random_digit() -> None:
    latent = caches.latent_map(state.checkpoint())
    _randomise(latent.mu[np.random.default_rng().integers(len(latent.mu))].tolist())


def _random_prior() -> None:
    _randomise(priors.draw(state.checkpoint()))


def _randomise(z: list[float]) -> None:
    """Locked dimensions stay."""
    locked, now = kept.kept()["locked"], state.z()
    state.set_z([now[d] if d in locked else value for d, value in enumerate(z)])


def _reset() -> None:
    state.set_z([0.0] * len(state.z()))
