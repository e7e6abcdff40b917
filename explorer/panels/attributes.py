"""Attributes: what the latent dimensions have to do with handwriting, and directions that change
it: built in, or made from two classes, two lassoed groups or two sets of uploads."""

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from core import digits
from core.attributes import ATTRIBUTES
from core.data import DataError
from core.latent import encode_images
from core.limits import LABEL_LENGTH, MB, PICTURE_BYTES
from explorer import attributes, caches, catalogue, explained, figures, kept, lanes, state
from explorer.components import Picture, picture_row
from explorer.datasets import NO_INK
from explorer.wording import escaped

STRIP_PX = 460
SOURCES = ("Two classes", "Two groups", "Two sets of uploads")


def render() -> None:
    """The table on the left; the directions, and how to make one, on the right."""
    subject = state.subject()
    if not subject.ink:
        _without_measures(subject.noun)
        return
    st.markdown(
        "#### Attributes of handwriting\n"
        f"Stroke thickness, slant, width and loop size are measured on every test {subject.noun}. "
        "The table says which latent dimension goes with which; a direction changes one of them."
    )
    try:
        with st.spinner(f"Measuring the test {subject.noun}s, once …"):
            caches.measures(state.checkpoint())
    except DataError as error:
        st.error(str(error))
        return
    table, directions = st.columns([40, 60], gap="large")
    with table:
        _table()
    with directions:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Built-in directions**, two units either way from the z of Explore")
            st.button(f"Another {subject.noun}", help="Moves the z of Explore", on_click=_another)
        for name, vector in attributes.built_in(state.checkpoint()):
            _direction(name, vector, f"built_in_{name}")
        _new()
        _kept()


def _without_measures(noun: str) -> None:
    """Directions alone."""
    st.markdown(
        "#### Directions\n"
        f"A direction changes one thing about {state.subject().a_noun}: from one class to another, "
        "or from one group of pictures to another."
    )
    st.info(f"{NO_INK} Directions are made of groups of pictures all the same.")
    st.button(f"Another {noun}", help="Moves the z of Explore", on_click=_another)
    _new()
    _kept()


def _another() -> None:
    mu = caches.latent_map(state.checkpoint()).mu
    state.set_z(mu[np.random.default_rng().integers(len(mu))].tolist())


def _table() -> None:
    name = state.checkpoint()
    latent = caches.latent_map(name)
    active = latent.active.tolist()
    shown = [d for d in latent.order if active[d]]
    st.markdown("**Correlation** with every latent dimension, by KL")
    st.plotly_chart(
        figures.correlation_table(
            caches.attribute_correlations(name)[:, shown],
            [f"{a.name}<br>({a.unit})" for a in ATTRIBUTES.values()],
            [kept.name_of(d) for d in shown],
        ),
        config={"displayModeBar": False},
        key=state.CORRELATIONS,
        alt="Correlation of every measure of handwriting with every latent dimension",
    )
    hidden = len(active) - len(shown)
    st.caption(
        "Pearson's r over the test set: +1 rising together along a line, −1 one falling as the "
        "other rises, 0 no linear relation. "
        + "  \n".join(f"*{a.name}*: {a.meaning}." for a in ATTRIBUTES.values())
        + (f"  \n{hidden} dimensions that carry nothing are left out." if hidden else "")
    )
    explained.about("correlation")


def _direction(name: str, vector: Sequence[float], key: str) -> None:
    """What is measured at the ends of its strip, and the strip."""
    found = attributes.preview(state.checkpoint(), state.z(), vector)
    with st.container(gap="xsmall"):
        told = f" :small[:gray[{found.said(name)}]]" if found.measured else ""
        st.markdown(f"**{escaped(name)}**{told}")
        picture_row(
            [Picture(found.png, STRIP_PX, f"What {name} does, from -2 to +2 units")],
            key=f"{state.ATTRIBUTE_STRIP}_{key}",
        )


def _new() -> None:
    st.markdown("**Make a direction** from A to B")
    state.one_of(state.DIRECTION_SOURCE, SOURCES)
    source = st.segmented_control("From", SOURCES, key=state.DIRECTION_SOURCE, required=True)
    groups = {"Two classes": _classes, "Two groups": _groups, "Two sets of uploads": _uploads}
    found = groups[str(source)]()
    if found is None:
        return
    suggestion, a, b = found
    id = st.segmented_control(
        "Method", list(attributes.METHODS), key=state.DIRECTION_METHOD, required=True,
        format_func=lambda id: attributes.METHODS[id].label,
    )  # fmt: skip
    method = attributes.METHODS[str(id)]
    st.caption(method.explanation)
    try:
        vector = method.make(a, b).tolist()
    except ValueError as error:
        st.error(str(error))
        return
    _direction(f"{suggestion} ({len(a)} and {len(b)} pictures)", vector, "new")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name", placeholder=suggestion, max_chars=LABEL_LENGTH.most, key=state.DIRECTION_NAME
        )
        st.button("Keep", type="primary", on_click=_keep, args=(name.strip() or suggestion, vector))


def _keep(name: str, vector: Sequence[float]) -> None:
    try:
        kept.add_direction(name, vector)
    except ValueError as error:
        state.notify(str(error))
        return
    st.session_state[state.DIRECTION_NAME] = ""


Groups = tuple[str, Tensor, Tensor] | None  # a name for the way, mu of A, mu of B


def _classes() -> Groups:
    name = state.checkpoint()
    classes = caches.classes(name)
    if len(classes) < 2:
        st.info("The pictures of this model have no classes. Use groups or uploads instead.")
        return None
    chosen = _two(list(range(len(classes))), state.CLASS_A, state.CLASS_B, classes)
    if chosen is None:
        return None
    a, b = chosen
    return (
        f"{classes[a]} towards {classes[b]}",
        attributes.of_class(name, a),
        attributes.of_class(name, b),
    )


def _groups() -> Groups:
    name = state.checkpoint()
    groups = st.session_state[state.GROUPS].get(name, {})
    if len(groups) < 2:
        st.info(
            f"Two groups of dots are needed; this model has {len(groups)}. Choose the lasso on "
            "Explore's map, draw a line round some dots and give the group a name."
        )
        return None
    names = list(groups)
    chosen = _two(list(range(len(names))), state.GROUP_A, state.GROUP_B, names)
    if chosen is None:
        return None
    first, second = (names[n] for n in chosen)
    a, b = (attributes.of_group(name, groups[group]) for group in (first, second))
    return f"{first} towards {second}", a, b


def _two(
    choices: list[int], key_a: str, key_b: str, labels: Sequence[str]
) -> tuple[int, int] | None:
    """Two different ones of `choices`."""
    for key, default in ((key_a, choices[0]), (key_b, choices[1])):
        if st.session_state.get(key) not in choices:
            st.session_state[key] = default
    with st.container(horizontal=True):
        a = st.selectbox("A", choices, format_func=lambda n: labels[n], key=key_a, width=160)
        b = st.selectbox("B", choices, format_func=lambda n: labels[n], key=key_b, width=160)
    if a == b:
        st.info("A and B are the same. Choose two different ones.")
        return None
    return a, b


def _uploads() -> Groups:
    sides = []
    for side, key, column in zip(
        "AB", (state.UPLOADS_A, state.UPLOADS_B), st.columns(2), strict=True
    ):
        with column:
            files = st.file_uploader(
                f"Pictures of {side}", accept_multiple_files=True, key=key,
                max_upload_size=PICTURE_BYTES.most // MB,
            )  # fmt: skip
            codes = [_encoded(file.name, file.getvalue()) for file in files]
        sides.append([code for code in codes if code is not None])
    if not all(sides):
        st.info("Choose at least one picture of each: a photo, a scan or a drawing.")
        return None
    a, b = (torch.stack(side) for side in sides)
    return "A towards B", a, b


def _encoded(file: str, content: bytes) -> Tensor | None:
    """mu of an upload, (D,); one that cannot be read is said, and the others are used."""
    name = state.checkpoint()
    known: dict[tuple[str, str, str], Tensor | str] = st.session_state[state.UPLOADED]
    id = (name, catalogue.version(name), hashlib.sha256(content).hexdigest())
    if id not in known:
        model = caches.model(name)
        try:
            picture = lanes.through_lane(
                "upload", digits.to_picture, content, model.image_shape, ink=state.subject().ink
            )
            known[id] = encode_images(model, picture)[0][0]
        except digits.DigitError as error:
            known[id] = str(error)
    found = known[id]
    if isinstance(found, str):
        st.error(escaped(f"{file} is left out. {found}"))
        return None
    return found


def _kept() -> None:
    explained.about("directions", leave_out=() if state.subject().ink else ("handwriting",))
    st.markdown("**Kept directions**")
    directions = kept.kept()["directions"]
    if not directions:
        st.caption("None yet. Each one that you keep gets a slider in Explore.")
    for direction in directions:
        id = direction["id"]
        _direction(direction["name"], direction["vector"], id)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            key = f"{state.DIRECTION_NAME}_{id}"
            st.text_input(
                f"Rename {direction['name']}", direction["name"], max_chars=LABEL_LENGTH.most,
                key=key, label_visibility="collapsed",
                on_change=functools.partial(_rename, id, key),
            )  # fmt: skip
            st.button("Remove", key=f"remove_{id}", on_click=kept.remove, args=("directions", id))


def _rename(id: str, key: str) -> None:
    name = st.session_state[key].strip()
    if name:
        kept.rename("directions", id, name)
