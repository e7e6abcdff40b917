"""Reconstruct: a test picture, an upload or a drawing beside what the model makes of it."""

import functools

import streamlit as st
from torch import Tensor

from core import digits, images
from core.data import DataError
from core.reconstruct import Reconstruction, reconstruct
from explorer import caches, explained, figures, sources, state
from explorer.components import Picture, picture_row
from explorer.wording import escaped

DIGIT_PX, STEP_PX, SAMPLE_PX = 200, 96, 68  # on screen


def render() -> None:
    """Where the picture comes from on the left; how well the model knows it on the right."""
    subject = state.subject()
    st.markdown(
        f"#### Reconstruct {subject.a_noun}\n"
        f"Encode {subject.a_noun} to its posterior, decode the mean, and see what was kept and "
        "what was lost."
    )
    source, result = st.columns([28, 72], gap="large")
    with source:
        state.one_of(state.SOURCE, SOURCES)
        kind = st.segmented_control(
            f"{subject.noun.capitalize()} from", list(SOURCES), key=state.SOURCE, required=True,
            width="stretch", format_func=sources.called,
        )  # fmt: skip
        try:
            digit = SOURCES[str(kind)]()
        except (digits.DigitError, DataError) as error:
            st.error(str(error))
            digit = None
    with result:
        if digit is not None:
            _result(digit)


def _test_digit() -> digits.Digit:
    index = sources.test_index(state.TEST_INDEX)
    test = caches.test_set(state.checkpoint())
    classes = state.subject().classes
    if len(classes) > 1:
        st.caption(f"Label: {escaped(classes[int(test.labels[index])])}")
    return digits.Digit(test.images[index][None], ())


def _upload() -> digits.Digit | None:
    content = sources.upload(state.UPLOAD_INPUT, testid="reconstruct-upload")
    sources.note()
    return None if content is None else _read(content)


def _drawing() -> digits.Digit | None:
    drawn = sources.drawing(state.CANVAS)
    return None if drawn is None else _read(drawn)


def _read(content: bytes) -> digits.Digit:
    """Handwriting step by step as MNIST was made; any other picture as it is."""
    shape = caches.model(state.checkpoint()).image_shape
    if state.subject().ink:
        return sources.read(digits.to_digit, content)
    return digits.Digit(sources.read(digits.to_input, content, shape, ink=False), ())


SOURCES = {"Test digit": _test_digit, "Upload": _upload, "Draw": _drawing}


def _result(digit: digits.Digit) -> None:
    found = reconstruct(caches.model(state.checkpoint()), digit.image)
    if digit.steps:
        st.markdown(f"**From your picture to {state.subject().a_noun}**")
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
    explained.about("reconstruct", leave_out=() if digit.steps else ("preparation",))


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
        figures.kl_bars(
            found.kl_per_dim.numpy(), mean.numpy(), noun=state.subject().noun
        ),
        config={"displayModeBar": False},
        alt=f"KL of every latent dimension for this {state.subject().noun}, and its mean over the "
        "test set",
    )  # fmt: skip


def _open(mu: Tensor) -> None:
    state.set_z(mu.tolist())
    st.session_state[state.GO_TO] = "explore"
