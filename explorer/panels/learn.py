"""Learn: from autoencoder to VAE in five steps, each something to try; in English and Chinese."""

import functools
import zlib

import streamlit as st

from core import digits
from core.checkpoint import CheckpointError
from core.data import DataError
from explorer import caches, catalogue, links, state
from explorer.components import lesson
from explorer.lessons import LESSONS, Lesson, stages, words
from explorer.lessons.answers import PASSES
from explorer.lessons.session import done, named, noun, picture, said, ticked
from explorer.wording import escaped


def render() -> None:
    """Which step; what it says and shows; its formula and sources; on to the next."""
    links.restore_lesson(list(LESSONS), list(words.LANGUAGES))
    with st.sidebar:
        st.segmented_control(
            f"{words.said('en', 'panel.language')} · {words.said('zh', 'panel.language')}",
            list(words.LANGUAGES), format_func=words.LANGUAGES.__getitem__, key=state.LANGUAGE,
            required=True,
        )  # fmt: skip
    st.markdown(f"#### {said('panel.title')}\n{said('panel.lead')}")
    step = str(
        st.segmented_control(
            said("panel.step"), list(LESSONS), format_func=named, key=state.LEARN_STEP,
            required=True, label_visibility="collapsed",
        )
    )  # fmt: skip
    links.publish_lesson()
    st.markdown(f"##### {said(f'{step}.title')}\n{said(f'{step}.lead', noun=noun())}")
    try:
        _stage(step, LESSONS[step])
    except (CheckpointError, DataError, digits.DigitError) as error:
        st.error(str(error))
    _formula(step, LESSONS[step])
    _onward(step)


def _stage(step: str, of: Lesson) -> None:
    if of.of_pair is not None:
        missing = [name for name in stages.TRAINED_BY if name not in catalogue.checkpoints()]
        for name in missing:
            command = stages.TRAINED_BY[name]
            st.info(said("panel.missing", name=escaped(name), command=command))
        if not missing:
            _mount(step, of.of_pair(), "pair")
            _distances()
        return
    name = state.checkpoint()
    x = picture()
    if x is None:
        st.info(said("panel.nothing"))
        return
    assert of.of_picture is not None
    content = of.of_picture(name, x)
    _mount(step, content, f"{name} {zlib.crc32(content['x'].encode())}")
    count = caches.model(name).z_dim
    st.caption(said("panel.model", name=escaped(name), count=count))


def _mount(step: str, content: dict[str, object], of: str) -> None:
    key = f"{state.LESSON}_{step}"
    language = st.session_state[state.LANGUAGE]
    lesson(
        state.live(), step, content, of=of,
        words=words.for_browser(language, step, noun=noun(), passes=str(PASSES)),
        done=sorted(ticked(step)),
        key=key, on_done_change=functools.partial(done, key),
    )  # fmt: skip


def _distances() -> None:
    """What the pair's metrics.json say of draws from N(0, I)."""
    found = [
        (catalogue.described(name).metrics or {}).get("frechet_prior")
        for name in (stages.AUTOENCODER, stages.ITS_VAE)
    ]
    told = [said("noise.fair")]
    if all(isinstance(value, float) for value in found):
        ae, vae = (f"{value:.1f}" for value in found)
        told.append(said("noise.distance", ae=ae, vae=vae))
    st.caption(" ".join(told))


def _formula(step: str, of: Lesson) -> None:
    st.markdown(f"**{said('panel.formula')}**")
    st.latex(of.formula)
    st.markdown(said(f"{step}.formula", noun=noun()))
    cited = " · ".join(f"[{source.title}]({source.url})" for source in of.sources)
    st.markdown(f":small[{said('panel.sources')}: {cited}]")


def _onward(step: str) -> None:
    steps = list(LESSONS)
    at = steps.index(step)
    with st.container(horizontal=True):
        for label, to, icon in (
            ("previous", at - 1, "arrow_back"),
            ("next", at + 1, "arrow_forward"),
        ):
            if 0 <= to < len(steps):
                name = said(f"{steps[to]}.name")
                st.button(
                    f"{said(f'panel.{label}')}: {name}", icon=f":material/{icon}:",
                    key=f"learn_{label}", type="primary" if label == "next" else "secondary",
                    on_click=_go, args=(steps[to],),
                )  # fmt: skip


def _go(step: str) -> None:
    st.session_state[state.LEARN_STEP] = step
