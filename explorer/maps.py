"""The map of Explore: which projection, whose dots, what lies under them, what was selected."""

import functools
import secrets
import sys
from urllib.parse import quote

import numpy as np
import streamlit as st

from core import checkpoint as checkpoints
from core.projection import LinearProjection, Projection, available
from explorer import caches, catalogue, explained, jobs, kept, map_data, selections, state
from explorer.changes import REFUSED, writable
from explorer.components import Live, Neighbours, Plane, latent_map
from explorer.job_bar import job_bar
from explorer.served import SERVED

PROJECTIONS = {
    "pca": "PCA", "lda": "LDA", **map_data.EMBEDDING_NAMES, "dimensions": "Dimensions"
}  # fmt: skip
POINTS = {"test": "{:,} test", "all": "+ training"}
UNDERLAYS = {"none": "Dots", "tiles": "Tiles", "density": "Density"}


def render(live: Live) -> None:
    """Controls, map, and the selection below it."""
    name = state.checkpoint()
    latent = caches.latent_map(name)
    z_dim = latent.mu.shape[1]
    _projection_controls(name, z_dim)
    id = state.projection()
    missing = id in map_data.EMBEDDING_NAMES and id not in latent.embeddings
    if not missing:
        try:
            projection = map_data.projection(name, id)
        except (ValueError, np.linalg.LinAlgError) as error:
            st.error(f"This map cannot be drawn. {error} Choose another projection.")
            return
        _layer_controls(projection, len(latent.mu))
        _component(live, id, projection, len(latent.mu))
    _embedding(name, id, missing=missing)
    if not missing:
        selections.render()
    shown = st.session_state[state.PROJECTION]
    explained.about("map", leave_out={"line", *PROJECTIONS} - {shown})


def _projection_controls(name: str, z_dim: int) -> None:
    choices = available(z_dim, len(caches.classes(name)), tuple(map_data.EMBEDDING_NAMES))
    if len(choices) < 2:
        return
    if st.session_state[state.PROJECTION] not in choices:
        st.session_state[state.PROJECTION] = choices[0]
    with st.container(horizontal=True, gap="xsmall"):
        st.segmented_control(
            "Projection", choices, format_func=PROJECTIONS.__getitem__, key=state.PROJECTION,
            required=True, label_visibility="collapsed",
        )  # fmt: skip
        if st.session_state[state.PROJECTION] == "dimensions":
            with st.container(horizontal=True, gap="xsmall", width="content"):
                x = _axis("Across", "↔", state.AXIS_X, other=st.session_state[state.AXIS_Y])
                _axis("Up", "↕", state.AXIS_Y, other=x)


def _axis(label: str, arrow: str, key: str, *, other: int) -> int:
    order = caches.latent_map(state.checkpoint()).order
    names = {d: f"{arrow} {kept.name_of(d)}" for d in order if d != other}
    return st.selectbox(
        label, list(names), format_func=names.__getitem__, key=key, width=110,
        label_visibility="collapsed",
    )  # fmt: skip


def _layer_controls(projection: Projection, test_images: int) -> None:
    line = len(state.z()) == 1
    underlays = [key for key in UNDERLAYS if not (line and key == "density")]
    if st.session_state[state.UNDERLAY] not in underlays:
        st.session_state[state.UNDERLAY] = "none"
    faded = {} if _is_plane(projection) else {"tiles": ":gray[Tiles]"}
    names = UNDERLAYS | faded
    missing = caches.no_training(state.checkpoint())
    points = ["test"] if missing else list(POINTS)
    if st.session_state[state.POINTS] not in points:
        st.session_state[state.POINTS] = "test"
    with st.container(horizontal=True, gap="xsmall"):
        st.segmented_control(
            f"Whose {state.subject().noun}s", points,
            format_func=lambda key: POINTS[key].format(test_images),
            key=state.POINTS, required=True, label_visibility="collapsed",
        )  # fmt: skip
        st.segmented_control(
            "Under the dots", underlays, format_func=names.__getitem__, key=state.UNDERLAY,
            required=True, label_visibility="collapsed",
        )  # fmt: skip
    if missing:
        st.caption(f"Only test {state.subject().noun}s: {missing}")
    if faded and st.session_state[state.UNDERLAY] == "tiles":
        st.caption(
            "Decoded tiles need a plane of the latent space. This map is none; PCA, LDA and "
            "Dimensions are."
        )


def _is_plane(projection: Projection) -> bool:
    return isinstance(projection, LinearProjection)


def _component(live: Live, id: str, projection: Projection, test_images: int) -> None:
    name, points = state.checkpoint(), str(st.session_state[state.POINTS])
    underlay = str(st.session_state[state.UNDERLAY])
    if underlay == "tiles" and not _is_plane(projection):
        underlay = "none"
    # With another map.npz or other weights the browser asks anew.
    version = catalogue.version(name)
    path = quote(name)
    latent_map(
        live,
        view=id,
        points=points,
        figure=f"map/{path}/{id}/{points}.json?v={version}",
        encoded=f"encoded/{path}/{points}.f32?v={version}",
        pictures=f"pictures/{path}/{points}.u8?v={version}",
        plane=_browser_half(projection, f"encoded/{path}/test.f32?v={version}"),
        reference=test_images,
        noun=state.subject().noun,
        line=id == "line",
        underlay=underlay,
        selection=selections.marked(),
        key=state.MAP,
        on_z_change=functools.partial(state.commit_z, state.MAP),
        on_selection_change=selections.take,
    )


def _browser_half(projection: Projection, encoded: str) -> Plane | Neighbours:
    if isinstance(projection, LinearProjection):
        origin, axes, lifts = (part.tolist() for part in projection[:3])
        return Plane(kind="linear", origin=origin, axes=axes, lifts=lifts)
    return Neighbours(kind="neighbours", encoded=encoded)


def _embedding(name: str, id: str, *, missing: bool) -> None:
    """What there is to say and to do about UMAP and t-SNE; a job under way shows on every map."""
    job = jobs.current()
    if job and job.running:
        job_bar()
    if id not in map_data.EMBEDDING_NAMES:
        return
    title = map_data.EMBEDDING_NAMES[id]
    if job and job.error and job.title == f"{title} of {name}":
        st.error(job.error)
    if name in SERVED:
        if missing:
            st.info(f"{title} is kept in a checkpoint's folder; this model has none to keep it in.")
        return
    if missing:
        st.info(
            f"{title} of this model has not been computed yet"
            + ("; it takes about a minute." if writable() else ". " + REFUSED)
        )
    else:
        st.caption(
            f"{title} has no formula: both ways between the map and z go through the "
            f"{caches.model(name).z_dim}-dimensional codes of the 8 nearest test "
            f"{state.subject().noun}s."
        )
    if not writable():
        return
    st.button(
        f"Compute {title}" if missing else f"Recompute {title}",
        icon=":material/refresh:",
        type="primary" if missing else "tertiary",
        help=None if missing else "With another random start; the present map stays until then.",
        on_click=_compute,
        args=(name, id, 0 if missing else secrets.randbelow(1000)),
    )


def _compute(name: str, method: str, seed: int) -> None:
    command = [
        sys.executable, "-m", "core", "embed", str(checkpoints.CHECKPOINTS / name),
        "--methods", method, "--seed", str(seed), "--progress", "lines",
    ]  # fmt: skip
    try:
        jobs.start(f"{map_data.EMBEDDING_NAMES[method]} of {name}", command)
    except jobs.Busy as busy:
        state.notify(str(busy))
