"""The sliders of Explore: which axes there are, in what order, over which range."""

import functools
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.data import DataError
from explorer import attributes, caches, explained, kept, state
from explorer.components import Axis, Live, latent_sliders

LEAST_SQUARE = 1e-12  # of a direction's length: a shorter one leads nowhere
MEASURED = (
    "One unit is how the codes move on average when the measure rises by a standard deviation, or "
    "the way from A to B. The pictures follow by about half of that; loops hardly. "
)
SETS = {"dimensions": "Dimensions", "directions": "Directions"}


def render(live: Live) -> None:
    """Sliders with their switches above."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Sliders", SETS, format_func=SETS.__getitem__, key=state.SLIDER_SET, required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        with st.container(horizontal=True, width="content"):
            st.toggle("Filmstrips", key=state.FILMSTRIPS)
            sd = st.toggle(
                "σ", key=state.IN_SD,
                help="Numbers in standard deviations of the encoded test set, from its mean, "
                "instead of raw z.",
            )  # fmt: skip
    directions = st.session_state[state.SLIDER_SET] == "directions"
    axes = direction_axes() if directions else dimension_axes()
    if not axes:
        st.info("There is no direction yet: the panel Attributes makes them.")
        return
    latent_sliders(
        live,
        axes,
        filmstrips=st.session_state[state.FILMSTRIPS],
        units="sd" if sd else "z",
        key=state.SLIDERS,
        on_z_change=functools.partial(state.commit_z, state.SLIDERS),
        on_edit_change=functools.partial(_edited, state.SLIDERS),
    )
    st.caption(
        (MEASURED if state.subject().ink else "One unit is the way from A to B. ")
        + "The panel Attributes makes new ones, and so do two groups lassoed on the map."
        if directions
        else f"Ordered by KL, the nats a dimension spends on {state.subject().a_noun}. A track "
        "shows what lies along it, from the 0.5% to the 99.5% quantile of the encoded test set; "
        "the tick is the median. Double-click sets a slider to 0, names and numbers can be edited."
    )
    explained.about("sliders", leave_out=("kl_per_dim",) if directions else ("direction",))


def dimension_axes() -> list[Axis]:
    """A slider for every latent dimension, by decreasing KL."""
    latent = caches.latent_map(state.checkpoint())
    mean, sd = latent.mu.mean(0), latent.mu.std(0, correction=0).clamp_min(1e-6)
    locked, active = kept.kept()["locked"], latent.active.tolist()
    ranges = latent.ranges.tolist()
    return [
        Axis(
            id=str(d), name=kept.name_of(d), renamable=True, dimension=d, vector=None, origin=None,
            line=False, kl=latent.kl_per_dim[d].item(), active=active[d],
            low=np.floor(100 * low).item() / 100, high=np.ceil(100 * high).item() / 100,
            median=median, mean=mean[d].item(), sd=sd[d].item(), locked=d in locked,
        )
        for d in latent.order
        for low, median, high in [ranges[d]]
    ]  # fmt: skip


def direction_axes() -> list[Axis]:
    """A slider for every direction: those that are built in, then those that were kept."""
    try:
        with st.spinner(
            f"Measuring the strokes of the test {state.subject().noun}s …"
        ):  # once a data set, seconds
            built_in = attributes.built_in(state.checkpoint())
    except DataError as error:
        st.error(str(error))
        built_in = []
    return [
        *(
            direction_axis(f"built-in-{n}", *entry, renamable=False)
            for n, entry in enumerate(built_in)
        ),
        *(
            direction_axis(entry["id"], entry["name"], entry["vector"], renamable=True)
            for entry in kept.kept()["directions"]
            if np.square(entry["vector"]).sum() > LEAST_SQUARE
        ),
    ]


def direction_axis(id: str, name: str, vector: Sequence[float], renamable: bool) -> Axis:
    """Units along `vector` from the mean of the encoded test set, over the same quantiles."""
    mu = caches.latent_map(state.checkpoint()).mu.numpy()
    v, origin = np.asarray(vector, np.float32), mu.mean(0)
    along = (mu - origin) @ v / (v @ v)
    low, median, high = np.quantile(along, [0.005, 0.5, 0.995]).tolist()
    return Axis(
        id=id, name=name, renamable=renamable, dimension=None, vector=v.tolist(),
        origin=origin.tolist(), line=False, kl=None, active=True,
        low=np.floor(100 * low).item() / 100, high=np.ceil(100 * high).item() / 100,
        median=median, mean=0.0, sd=max(float(along.std()), 1e-6), locked=False,
    )  # fmt: skip


def line_axis(id: str, name: str, start: Sequence[float], end: Sequence[float]) -> Axis:
    """From one point to another: 0 is `start`, 1 is `end`, and z lies on the line itself."""
    vector = (np.asarray(end) - np.asarray(start)).tolist()
    return Axis(
        id=id, name=name, renamable=False, dimension=None, vector=vector, origin=list(start),
        line=True, kl=None, active=True, low=0.0, high=1.0, median=0.5, mean=0.0, sd=1.0,
        locked=False,
    )  # fmt: skip


def _edited(component: str) -> None:
    edit = st.session_state[component].edit
    if not edit:
        return
    directions = {entry["id"] for entry in kept.kept()["directions"]}
    if edit["id"] in directions:
        kept.rename("directions", edit["id"], str(edit.get("name", "")))
    elif edit["id"] in {str(d) for d in range(len(state.z()))}:
        if "name" in edit:
            kept.name_dimension(int(edit["id"]), str(edit["name"]))
        else:
            kept.lock(int(edit["id"]), bool(edit["locked"]))
