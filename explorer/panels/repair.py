"""Repair: a damaged digit, what the plain pass makes of it, and what it may have been."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from core import damage, digits, exports, images, methods, repair
from core.checkpoint import CheckpointError
from core.data import DataError
from explorer import caches, figures, repairs, sources, state
from explorer.components import (
    BackgroundMap,
    BoardAnswer,
    Damaged,
    Picture,
    picture_row,
    repair_board,
)

NO_DAMAGE = "none"
FRAMES, FRAME_PX = 12, 72  # of a trajectory on screen


class Start(NamedTuple):
    """A picture as it comes to the board."""

    image: bytes  # H*W levels, also where nothing is known
    mask: bytes
    original: bytes  # empty: not known
    levels: dict[str, Any]  # noise, salt, blur, factor, as core.damage.Observation has them


def render() -> None:
    """Where the digit comes from and what befell it; the board; how it is repaired."""
    st.markdown(
        "#### Repair a damaged digit\n"
        "Paint over the digit and watch. A VAE's encoder never saw a hole, so the plain pass of "
        "the tutorials draws a ghost; here only the pixels that are known are believed."
    )
    source, harm = st.columns(2, gap="large")
    with source:
        kind = st.segmented_control(
            "Digit from", list(SOURCES), key=state.REPAIR_SOURCE, required=True,
            on_change=_source_changed,
        )  # fmt: skip
        try:
            picture = SOURCES[str(kind)]()
        except (digits.DigitError, DataError) as error:
            st.error(str(error))
            return
    if picture is None:
        return
    if picture.shape != _shape():
        st.error("This model takes pictures of another size. Choose one of the other models.")
        return
    with harm:
        start = _damage(picture)
    place = st.container()
    try:
        method = _method()
    except CheckpointError as error:
        st.error(str(error))
        return
    with place:
        completed = _board(start, method)
    if completed is not None:
        _trajectory(completed.repair)
        _export(completed.repair)


def _test_digit() -> Tensor:
    return caches.test_set(state.checkpoint()).images[sources.test_index(state.REPAIR_INDEX)]


def _upload() -> Tensor | None:
    content = sources.upload(state.REPAIR_INPUT, testid="repair-upload")
    return None if content is None else digits.to_picture(content, _shape())[0]


def _drawing() -> Tensor | None:
    drawn = sources.drawing(state.REPAIR_CANVAS)
    return None if drawn is None else digits.to_digit(drawn).image[0]


def _explored() -> Tensor:
    st.caption("The digit that Explore shows.")
    return _decoded(torch.tensor(state.z()))


def _prior_sample() -> Tensor:
    st.button("Another", on_click=sources.random_number, args=(state.PRIOR_SEED, 2**31))
    generator = torch.Generator().manual_seed(st.session_state[state.PRIOR_SEED])
    return _decoded(torch.randn(len(state.z()), generator=generator))


def _decoded(z: Tensor) -> Tensor:
    with torch.no_grad():
        return caches.model(state.checkpoint()).decode(z[None])[0]


def _shape() -> tuple[int, int, int]:
    return caches.model(state.checkpoint()).image_shape


SOURCES: dict[str, Callable[[], Tensor | None]] = {
    "Test digit": _test_digit,
    "Upload": _upload,
    "Draw": _drawing,
    "z of Explore": _explored,
    "Prior sample": _prior_sample,
}


def _source_changed() -> None:
    """An upload brings its own damage; the others go on with theirs."""
    if st.session_state[state.REPAIR_SOURCE] == "Upload":
        st.session_state[state.KIND_BEFORE] = st.session_state[state.DAMAGE_KIND]
        st.session_state[state.DAMAGE_KIND] = NO_DAMAGE
        st.session_state[state.LEVELS] = "None"
    elif before := state.take(state.KIND_BEFORE):
        st.session_state[state.DAMAGE_KIND] = before
        st.session_state[state.LEVELS] = "Known"


def _kind_changed() -> None:
    if kind := damage.KINDS.get(st.session_state[state.DAMAGE_KIND]):
        st.session_state[state.DAMAGE_STRENGTH] = kind.strength


def _damage(picture: Tensor) -> Start:
    """What befalls the picture before the brush does."""
    chosen = st.selectbox(
        "Damage to begin with", [NO_DAMAGE, *damage.KINDS], key=state.DAMAGE_KIND,
        format_func=lambda id: damage.KINDS[id].label if id in damage.KINDS else "None: paint it",
        on_change=_kind_changed,
    )  # fmt: skip
    if chosen == NO_DAMAGE:
        return _undamaged(picture)
    kind = damage.KINDS[chosen]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        strength = st.slider("Strength", kind.least, kind.most, key=state.DAMAGE_STRENGTH)
        st.button(
            "Again",
            on_click=sources.random_number,
            args=(state.DAMAGE_SEED, 2**31),
            help="Another seed",
        )
    generator = torch.Generator().manual_seed(st.session_state[state.DAMAGE_SEED])
    seen = kind.apply(damage.observe(picture[None]), generator, strength)
    levels = {"noise": seen.noise, "salt": seen.salt, "blur": seen.blur, "factor": seen.factor}
    if chosen in ("noise", "salt") and _estimated():
        levels |= {"noise": None, "salt": None}
    whole = torch.where(seen.mask > 0, seen.image, picture)  # what Restore brings back
    return Start(
        repairs.levels(whole), seen.mask.byte().numpy().tobytes(), repairs.levels(picture), levels
    )


def _undamaged(picture: Tensor) -> Start:
    """As it came. Only of an upload is it unknown what it was before."""
    levels: dict[str, Any] = {"noise": 0.0, "salt": 0.0, "blur": 0.0, "factor": 1}
    mask, original = torch.ones_like(picture), repairs.levels(picture)
    if st.session_state[state.REPAIR_SOURCE] == "Upload":
        original = b""
        if st.toggle("Guess the damage", key=state.GUESS_MASK, help="Correct it with the brushes."):
            mask = damage.guess_mask(picture)
        told = st.segmented_control(
            "Noise in it", ["None", "Estimated", "Known"], key=state.LEVELS, required=True
        )
        if told == "Estimated":
            levels |= {"noise": None, "salt": None}
        elif told == "Known":
            levels["noise"] = st.slider(
                "Standard deviation of the noise", 0.0, 1.0, key=state.NOISE
            )
            levels["salt"] = st.slider("Share of salt and pepper", 0.0, 0.8, key=state.SALT)
    return Start(repairs.levels(picture), mask.byte().numpy().tobytes(), original, levels)


def _estimated() -> bool:
    if st.session_state[state.LEVELS] == "None":
        st.session_state[state.LEVELS] = "Known"
    options = ["Known", "Estimated"]
    return st.segmented_control("Level", options, key=state.LEVELS, required=True) == "Estimated"


def _method() -> dict[str, Any]:
    """How it is repaired: what the live channel is told beside the picture. CheckpointError."""
    name = state.checkpoint()
    posterior = caches.posterior(name)
    possible = [id for id in methods.METHODS if posterior is not None or id != "posterior"]
    if st.session_state[state.METHOD] not in possible:
        st.session_state[state.METHOD] = methods.default_method(posterior)
        _method_changed()
    if posterior is None:
        st.caption(
            "This model has no partial encoder, so it is repaired by an iterative method. "
            f"`python -m core train-repair {name}` trains one."
        )
    with st.expander("Method"):
        chosen = st.selectbox(
            "How the answers are found", possible, key=state.METHOD, on_change=_method_changed,
            format_func=lambda id: methods.METHODS[id].label,
        )  # fmt: skip
        method = methods.METHODS[chosen]
        st.caption(f"{method.explanation} *{method.paper}*")
        with st.container(horizontal=True):
            k = st.slider("Answers", 1, 64, key=state.ANSWERS)
            steps = None
            if method.steps:
                steps = st.number_input("Steps", 0, repair.MOST_STEPS, key=state.METHOD_STEPS)
    return {"method": chosen, "k": k, "steps": steps, "seed": 0}


def _method_changed() -> None:
    st.session_state[state.METHOD_STEPS] = methods.METHODS[st.session_state[state.METHOD]].steps


def _board(start: Start, method: dict[str, Any]) -> repairs.Completed | None:
    """The board with the answers to the committed damage; what cannot be repaired is said."""
    name = state.checkpoint()
    digest = hashlib.sha256(start.image + start.mask + start.original).hexdigest()
    now = state.begin_damage((name, digest), start.image, start.mask)
    settings = start.levels | method
    ask = repairs.asked(now.image, now.mask, start.original, **settings)
    completed = None
    place = st.empty()
    try:
        completed = caches.completion(name, ask, _progress(place))
        place.empty()
    except (methods.RepairError, CheckpointError) as error:
        place.error(str(error))
    model = caches.model(name)
    background = None
    if model.z_dim > 1:
        shadow = caches.shadow_map(name)
        background = BackgroundMap(url=f"shadow/{quote(name)}.png", bounds=shadow.bounds)
    repair_board(
        state.live(),
        start=Damaged(start.image, start.mask),
        now=Damaged(now.image, now.mask),
        original=start.original,
        shape=model.image_shape,
        revision=now.revision,
        commit=now.commit,
        settings=settings,
        answer=completed and cast(BoardAnswer, completed.answer.encoded()),
        background=background,
        colours=figures.CLASS_COLOURS,
        key=state.BOARD,
        on_damage_change=state.commit_damage,
        on_open_change=state.open_answer,
    )
    return completed


def _progress(place: Any) -> Callable[[int, int], None]:
    """A bar for what takes long; it moves at most fifty times, since moving it takes time too."""

    def on_step(done: int, total: int) -> None:
        if done * 50 // total != (done - 1) * 50 // total:
            place.progress(done / total, f"Repairing: step {done} of {total}")

    return on_step


def _trajectory(found: repair.Repair) -> None:
    if found.trajectory is None:
        return
    st.markdown("**One answer**, step by step")
    last = len(found.trajectory) - 1
    steps = np.unique(np.linspace(0, last, FRAMES).round().astype(int))
    picture_row(
        [
            Picture(images.to_png(found.trajectory[n]), FRAME_PX, f"Step {n + 1}", f"{n + 1}")
            for n in steps.tolist()
        ],
        key=state.TRAJECTORY,
    )


def _export(found: repair.Repair) -> None:
    """Files are made when they are asked for."""
    with st.container(horizontal=True):
        for label, file, mime, make in (
            ("PNG sheet", "repair.png", "image/png", exports.png_sheet),
            ("GIF", "repair.gif", "image/gif", exports.gif),
            ("NPZ", "repair.npz", "application/zip", exports.npz),
        ):
            st.download_button(
                label, functools.partial(make, found), file, mime, on_click="ignore",
                icon=":material/download:", key=f"{state.EXPORT}_{file}",
            )  # fmt: skip
