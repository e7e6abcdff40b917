"""Repair: a damaged picture, what the plain pass makes of it, and what it may have been."""

import functools
import hashlib
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from core import digits, exports, images, methods, repair
from core.checkpoint import CheckpointError
from core.data import DataError
from core.limits import REPAIR_STEPS
from explorer import (
    board,
    caches,
    damages,
    explained,
    figures,
    map_data,
    priors,
    repairs,
    sources,
    state,
)
from explorer.components import (
    BackgroundMap,
    BoardAnswer,
    Damaged,
    Picture,
    picture_row,
    repair_board,
)

FRAMES, FRAME_PX = 12, 72  # of a trajectory on screen


def render() -> None:
    """Where the picture comes from and what befell it; the board; how it is repaired."""
    noun = state.subject().noun
    st.markdown(
        f"#### Repair a damaged {noun}\n"
        f"Inpainting and denoising: paint over the {noun} and watch. A VAE's encoder never saw a "
        "hole, so encoding and decoding what is left, the plain pass, draws a ghost; here only the "
        "pixels that are known are believed."
    )
    source, harm = st.columns(2, gap="large")
    with source:
        state.one_of(state.REPAIR_SOURCE, SOURCES)
        kind = st.segmented_control(
            f"{noun.capitalize()} from", list(SOURCES), key=state.REPAIR_SOURCE, required=True,
            format_func=sources.called,
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
        start = damages.damaged(picture)
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
    if not state.subject().ink:
        sources.note()
    if content is None:
        return None
    return sources.read(digits.to_picture, content, _shape(), ink=state.subject().ink)[0]


def _drawing() -> Tensor | None:
    drawn = sources.drawing(state.REPAIR_CANVAS)
    if drawn is None:
        return None
    return sources.read(digits.to_input, drawn, _shape(), ink=state.subject().ink)[0]


def _explored() -> Tensor:
    st.caption(f"The {state.subject().noun} that Explore shows.")
    return _decoded(torch.tensor(state.z()))


def _prior_sample() -> Tensor:
    st.button("Another", on_click=sources.random_number, args=(state.PRIOR_SEED, 2**31))
    st.caption(priors.described(state.checkpoint()))
    return _decoded(
        torch.tensor(priors.draw(state.checkpoint(), st.session_state[state.PRIOR_SEED]))
    )


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


def _method() -> dict[str, Any]:
    """How it is repaired: what the live channel is told beside the picture. CheckpointError."""
    name = state.checkpoint()
    posterior = caches.posterior(name)
    possible = [id for id in methods.METHODS if posterior is not None or id != "posterior"]
    if st.session_state[state.METHOD] not in possible:
        st.session_state[state.METHOD] = methods.default_method(posterior)
        _method_changed()
    if posterior is None:
        how = f" `python -m core train-repair {name}` trains one." if _shape()[0] == 1 else ""
        st.caption(
            f"This model has no partial encoder, so it is repaired by an iterative method.{how}"
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
                steps = st.number_input("Steps", 0, REPAIR_STEPS.most, key=state.METHOD_STEPS)
    return {"method": chosen, "k": k, "steps": steps, "seed": 0}


def _method_changed() -> None:
    st.session_state[state.METHOD_STEPS] = methods.METHODS[st.session_state[state.METHOD]].steps


def _board(start: damages.Start, method: dict[str, Any]) -> repairs.Completed | None:
    """The board with the answers to the committed damage; what cannot be repaired is said."""
    name = state.checkpoint()
    digest = hashlib.sha256(start.image + start.mask + start.original).hexdigest()
    now = board.begin_damage((name, digest), start.image, start.mask)
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
    if map_data.has_plane(name):
        shadow = map_data.shadow_map(name)
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
        on_damage_change=board.commit_damage,
        on_open_change=state.open_answer,
    )
    explained.about("repair")
    return completed


def _progress(place: Any) -> Callable[[int, int], None]:
    """A bar for what takes long; it moves at most fifty times, since moving it takes time too."""

    def on_step(done: int, total: int) -> None:
        if done * 50 // total != (done - 1) * 50 // total:
            step = f": step {done} of {total}" if done else ""  # 0: another page is at it
            place.progress(done / total, f"Repairing{step}")

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
