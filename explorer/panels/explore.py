"""Explore: drag the latent sliders and the decoded digit follows; walk the map of the test set."""

import functools

import numpy as np
import streamlit as st

from explorer import caches, maps, state
from explorer.components import (
    Dimension,
    Live,
    decoded_image,
    latent_sliders,
)


def render() -> None:
    """Picture, sliders and map, left to right as on the screen."""
    live = state.live()
    st.markdown(
        "#### Explore the latent space\n"
        "Drag a slider and the digit follows while the mouse is down. "
        "Every dot of the map is a test digit: click one, or drag the ring."
    )
    picture, sliders, chart = st.columns([27, 32, 44], gap="medium")
    with picture:
        decoded_image(live, key=state.PICTURE, label="The digit decoded from the current z")
        st.button("Random test digit", on_click=_random_digit, width="stretch")
        st.button("Random from the prior", on_click=_random_prior, width="stretch")
        st.button("Reset to z = 0", on_click=_reset, width="stretch", disabled=not any(state.z()))
    with sliders:
        _sliders(live)
    with chart:
        maps.render(live)


def _sliders(live: Live) -> None:
    latent = caches.latent_map(state.checkpoint())
    active = latent.active.tolist()
    latent_sliders(
        live,
        [Dimension(dimension=d, kl=latent.kl_per_dim[d].item(), active=active[d])
         for d in latent.order],
        radius=round(latent.radius, 1),
        key=state.SLIDERS,
        on_z_change=functools.partial(state.commit_z, state.SLIDERS),
    )  # fmt: skip
    st.caption(
        "Ordered by KL, the nats a dimension spends on a digit (the grey bar); the first ones "
        "matter most. Double-click sets one to 0."
    )


def _random_digit() -> None:
    latent = caches.latent_map(state.checkpoint())
    state.set_z(latent.mu[np.random.default_rng().integers(len(latent.mu))].tolist())


def _random_prior() -> None:
    state.set_z(np.random.default_rng().standard_normal(len(state.z())).tolist())


def _reset() -> None:
    state.set_z([0.0] * len(state.z()))
