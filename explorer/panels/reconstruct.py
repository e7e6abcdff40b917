"""Reconstruct: a test digit, an upload or a drawing beside what the model makes of it."""

import base64
import binascii
import functools

import numpy as np
import streamlit as st
from torch import Tensor

from core import digits, images
from core.data import DataError
from core.reconstruct import Reconstruction, reconstruct
from explorer import caches, figures, state
from explorer.components import Picture, draw_canvas, image_input, picture_row

DIGIT_PX, STEP_PX, SAMPLE_PX = 200, 96, 68  # on screen


def render() -> None:
    """Where the digit comes from on the left; how well the model knows it on the right."""
    st.markdown(
        "#### Reconstruct a digit\n"
        "Encode a digit to its posterior, decode the mean, and see what was kept and what was lost."
    )
    source, result = st.columns([28, 72], gap="large")
    with source:
        kind = st.segmented_control(
            "Digit from", list(SOURCES), key=state.SOURCE, required=True, width="stretch"
        )
        try:
            digit = SOURCES[str(kind)]()
        except (digits.DigitError, DataError) as error:
            st.error(str(error))
            digit = None
    with result:
        if digit is not None:
            _result(digit)


def _test_digit() -> digits.Digit:
    test = caches.test_set(state.checkpoint())
    last = len(test.images) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = st.number_input(f"Which one, 0 to {last}", 0, last, key=state.TEST_INDEX)
        st.button("Another", on_click=_another, args=(last,))
    st.caption(f"Label: {int(test.labels[index])}")
    return digits.Digit(test.images[index][None], ())


def _another(last: int) -> None:
    st.session_state[state.TEST_INDEX] = int(np.random.default_rng().integers(last + 1))


def _upload() -> digits.Digit | None:
    upload = st.session_state[state.UPLOAD]
    image_input(
        upload and upload["name"],
        key=state.UPLOAD_INPUT,
        testid="reconstruct-upload",
        max_bytes=digits.MAX_BYTES,
        on_file_change=_take_upload,
    )
    st.caption("A photo of a handwritten digit, a scan or a drawing, dark on light or reverse.")
    if upload is None:
        return None
    if "error" in upload:
        raise digits.DigitError(upload["error"])
    return digits.to_digit(upload["content"])


def _take_upload() -> None:
    told = st.session_state[state.UPLOAD_INPUT].file
    if not told:
        return
    if "content" in told:
        try:
            told = {**told, "content": base64.b64decode(told["content"], validate=True)}
        except binascii.Error:
            told = {**told, "error": "The upload arrived damaged. Try again."}
    st.session_state[state.UPLOAD] = told


def _drawing() -> digits.Digit | None:
    drawing = st.session_state[state.DRAWING]
    draw_canvas(drawing, key=state.CANVAS, on_png_change=_take_drawing)
    return None if drawing is None else digits.to_digit(drawing)


def _take_drawing() -> None:
    png = st.session_state[state.CANVAS].png
    st.session_state[state.DRAWING] = base64.b64decode(png) if png else None


SOURCES = {"Test digit": _test_digit, "Upload": _upload, "Draw": _drawing}


def _result(digit: digits.Digit) -> None:
    found = reconstruct(caches.model(state.checkpoint()), digit.image)
    if digit.steps:
        st.markdown("**From your picture to a digit**")
        picture_row([_step(step) for step in digit.steps], key=state.STEPS)
    difference = images.signed_difference(found.x, found.x_recon)
    picture_row(
        [
            _picture(found.x, DIGIT_PX, "Input"),
            _picture(found.x_recon, DIGIT_PX, "Reconstruction, decode(μ)"),
            _picture(difference, DIGIT_PX, "Difference: red lost, blue added"),
        ],
        key=state.PAIR,
    )
    st.button("Open in Explore", on_click=functools.partial(_open, found.mu), type="primary")
    _terms(found)
    st.markdown("**Eight samples of the posterior** q(z | x), decoded")
    picture_row(
        [
            Picture(images.to_png(sample), SAMPLE_PX, f"Posterior sample {n}")
            for n, sample in enumerate(found.samples, 1)
        ],
        key=state.SAMPLES,
    )


def _picture(image: Tensor, width: int, caption: str) -> Picture:
    return Picture(images.to_png(image), width, caption, caption)


def _step(step: digits.Step) -> Picture:
    """All steps have one height; a wide photo is wider."""
    image = images.from_array(step.image)
    width = min(2 * STEP_PX, round(STEP_PX * image.shape[2] / image.shape[1]))
    png = images.to_png(images.shrunk(image, 2 * width))
    return Picture(png, width, step.name, step.name, step.explanation)


def _terms(found: Reconstruction) -> None:
    mean = caches.latent_map(state.checkpoint()).kl_per_dim
    with st.container(horizontal=True, gap="large"):
        st.metric("Reconstruction (nats)", f"{found.nll:.1f}")
        st.metric("\\+ KL (nats)", f"{found.kl:.1f}")
        st.metric("= negative ELBO (nats)", f"{found.neg_elbo:.1f}")
    st.plotly_chart(
        figures.kl_bars(found.kl_per_dim.numpy(), mean.numpy()), config={"displayModeBar": False}
    )


def _open(mu: Tensor) -> None:
    state.set_z(mu.tolist())
    st.session_state[state.GO_TO] = "explore"
