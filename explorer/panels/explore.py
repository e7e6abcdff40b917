"""Explore: drag the latent sliders and the decoded digit follows; walk the map of the test set."""

import functools
from urllib.parse import quote

import numpy as np
import streamlit as st

from core.projection import LinearProjection
from explorer import caches, state
from explorer.components import (
    Dimension,
    Live,
    Plane,
    decoded_image,
    latent_map,
    latent_sliders,
)

PROJECTIONS = {"pca": "Principal components", "dimensions": "Two latent dimensions"}


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
        _map(live)


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


def _map(live: Live) -> None:
    name = state.checkpoint()
    z_dim = caches.model(name).z_dim
    if z_dim < 2:
        st.info("A map needs at least two latent dimensions; this model has one.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Projection", PROJECTIONS, format_func=PROJECTIONS.__getitem__, key=state.PROJECTION,
            required=True,
        )  # fmt: skip
        projection = st.session_state[state.PROJECTION]
        if projection == "dimensions":
            x = _axis("across", state.AXIS_X, z_dim, other=st.session_state[state.AXIS_Y])
            y = _axis("up", state.AXIS_Y, z_dim, other=x)
            projection = f"{x},{y}"
    plane = caches.projection(name, projection)
    assert isinstance(plane, LinearProjection)
    path = quote(name)
    latent_map(
        live,
        figure=f"map/{path}/{projection}/test.json",
        encoded=f"encoded/{path}/test.f32",
        pictures=f"pictures/{path}/test.u8",
        plane=Plane(
            origin=plane.origin.tolist(), axes=plane.axes.tolist(), lifts=plane.lifts.tolist()
        ),
        key=state.MAP,
        on_z_change=functools.partial(state.commit_z, state.MAP),
    )


def _axis(label: str, key: str, z_dim: int, *, other: int) -> int:
    choices = [d for d in caches.latent_map(state.checkpoint()).order if d != other]
    return st.selectbox(label, choices, format_func=lambda d: f"z{d}", key=key, width=90)


def _random_digit() -> None:
    latent = caches.latent_map(state.checkpoint())
    state.set_z(latent.mu[np.random.default_rng().integers(len(latent.mu))].tolist())


def _random_prior() -> None:
    state.set_z(np.random.default_rng().standard_normal(len(state.z())).tolist())


def _reset() -> None:
    state.set_z([0.0] * len(state.z()))
