"""Attributes: what the latent dimensions have to do with handwriting, and directions that change
it: built in, or made from two classes, two lassoed groups or two sets of uploads."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
CLASS_KEYS, GROUP_KEYS = (state.CLASS_A, state.CLASS_B), (state.GROUP_A, state.GROUP_B)
UPLOAD_KEYS = (state.UPLOADS_A, state.UPLOADS_B)


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


class Sides(NamedTuple):
    """What a direction is made of."""

    name: str  # what it is called unless it is given another name
    a: Tensor  # mu of the pictures that it leads from, (N, D)
    b: Tensor  # and to


def _new() -> None:
    st.markdown("**Make a direction** from A to B")
    state.one_of(state.DIRECTION_SOURCE, SOURCES)
    source = st.segmented_control("From", SOURCES, key=state.DIRECTION_SOURCE, required=True)
    choose = {
        "Two classes": _choose_classes, "Two groups": _choose_groups,
        "Two sets of uploads": _choose_uploads,
    }  # fmt: skip
    choose[str(source)]()
    try:
        sides = _sides()
    except (DataError, ValueError) as error:  # a group's training images are gone
        st.error(f"These groups make no direction now. {error}")
        return
    if sides is None:
        return
    id = st.segmented_control(
        "Method", list(attributes.METHODS), key=state.DIRECTION_METHOD, required=True,
        format_func=lambda id: attributes.METHODS[id].label,
    )  # fmt: skip
    st.caption(attributes.METHODS[str(id)].explanation)
    try:
        vector = _vector(sides)
    except ValueError as error:
        st.error(str(error))
        return
    _direction(f"{sides.name} ({len(sides.a)} and {len(sides.b)} pictures)", vector, "new")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Name", placeholder=sides.name, max_chars=LABEL_LENGTH.most, key=state.DIRECTION_NAME
        )
        st.button("Keep", type="primary", on_click=_keep)


def _keep() -> None:
    """What is chosen now. The page may not have been drawn with it yet: a press straight after
    typing or choosing ends that run."""
    try:
        if sides := _sides():
            given = str(st.session_state[state.DIRECTION_NAME]).strip()
            kept.add_direction(given or sides.name, _vector(sides))
            st.session_state[state.DIRECTION_NAME] = ""
    except (DataError, ValueError) as error:
        state.notify(f"The direction was not kept: {error}")


def _vector(sides: Sides) -> list[float]:
    """Raises ValueError."""
    method = attributes.METHODS[str(st.session_state[state.DIRECTION_METHOD])]
    vector: list[float] = method.make(sides.a, sides.b).tolist()
    return vector


def _sides() -> Sides | None:
    """As the widgets have been set; None where that makes no direction. Raises DataError,
    ValueError when a group's images are not there any more."""
    name, source = state.checkpoint(), st.session_state[state.DIRECTION_SOURCE]
    if source == "Two classes":
        classes = caches.classes(name)
        return _of_two(CLASS_KEYS, classes, lambda n: attributes.of_class(name, n))
    if source == "Two groups":
        groups = _groups()
        labels = list(groups)
        return _of_two(GROUP_KEYS, labels, lambda n: attributes.of_group(name, groups[labels[n]]))
    a, b = ([code for _, code in side if isinstance(code, Tensor)] for side in _encoded())
    return Sides("A towards B", torch.stack(a), torch.stack(b)) if a and b else None


def _of_two(
    keys: tuple[str, str], labels: Sequence[str], codes: Callable[[int], Tensor]
) -> Sides | None:
    chosen: list[Any] = [st.session_state.get(key) for key in keys]
    a, b = chosen
    if a == b or a not in range(len(labels)) or b not in range(len(labels)):
        return None
    return Sides(f"{labels[a]} towards {labels[b]}", codes(a), codes(b))


def _choose_classes() -> None:
    classes = caches.classes(state.checkpoint())
    if len(classes) < 2:
        st.info("The pictures of this model have no classes. Use groups or uploads instead.")
        return
    _choose_two(CLASS_KEYS, classes)


def _groups() -> dict[str, Sequence[int]]:
    """The lassoed ones of this model."""
    found: dict[str, Sequence[int]] = st.session_state[state.GROUPS].get(state.checkpoint(), {})
    return found


def _choose_groups() -> None:
    groups = _groups()
    if len(groups) < 2:
        st.info(
            f"Two groups of dots are needed; this model has {len(groups)}. Choose the lasso on "
            "Explore's map, draw a line round some dots and give the group a name."
        )
        return
    _choose_two(GROUP_KEYS, list(groups))


def _choose_two(keys: tuple[str, str], labels: Sequence[str]) -> None:
    """Two different ones, by their numbers."""
    choices = list(range(len(labels)))
    for key, default in zip(keys, choices, strict=False):
        if st.session_state.get(key) not in choices:
            st.session_state[key] = default
    with st.container(horizontal=True):
        a, b = (
            st.selectbox(side, choices, format_func=lambda n: labels[n], key=key, width=160)
            for side, key in zip("AB", keys, strict=True)
        )
    if a == b:
        st.info("A and B are the same. Choose two different ones.")


def _choose_uploads() -> None:
    columns = st.columns(2)
    for side, key, column in zip("AB", UPLOAD_KEYS, columns, strict=True):
        column.file_uploader(
            f"Pictures of {side}", accept_multiple_files=True, key=key,
            max_upload_size=PICTURE_BYTES.most // MB,
        )  # fmt: skip
    sides = _encoded()
    for files, column in zip(sides, columns, strict=True):
        for file, code in files:
            if isinstance(code, str):
                column.error(escaped(f"{file} is left out. {code}"))
    if not all(any(isinstance(code, Tensor) for _, code in files) for files in sides):
        st.info("Choose at least one picture of each: a photo, a scan or a drawing.")


def _encoded() -> list[list[tuple[str, Tensor | str]]]:
    """Of each side's uploads the name and mu, (D,), or why there is none. What is no longer
    uploaded is forgotten."""
    name = state.checkpoint()
    known, now = st.session_state[state.UPLOADED], {}
    sides = []
    for key in UPLOAD_KEYS:
        side = []
        for file in st.session_state.get(key) or []:
            content = file.getvalue()
            id = (name, catalogue.version(name), hashlib.sha256(content).hexdigest())
            now[id] = known[id] if id in known else _code(content)
            side.append((file.name, now[id]))
        sides.append(side)
    st.session_state[state.UPLOADED] = now
    return sides


def _code(content: bytes) -> Tensor | str:
    model = caches.model(state.checkpoint())
    try:
        picture = lanes.through_lane(
            "upload", digits.to_picture, content, model.image_shape, ink=state.subject().ink
        )
    except digits.DigitError as error:
        return str(error)
    return encode_images(model, picture)[0][0]


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
