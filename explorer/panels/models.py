"""Models: every one with its figures, two side by side, their dimensions and training, and what
is done to them."""

import functools
from collections.abc import Callable

import streamlit as st

from core import library
from core.checkpoint import CheckpointError
from core.data import DataError
from explorer import (
    caches,
    catalogue,
    compare,
    datasets,
    explained,
    kept,
    manage,
    model_figures,
    overview,
    state,
)  # fmt: skip
from explorer.wording import escaped

PLAIN = {"displayModeBar": False}


def render() -> None:
    """What there is on top, then the view that was chosen."""
    st.markdown(
        "#### Models\n"
        "What each model scores, what two make of the same pictures, and where their nats go."
    )
    state.one_of(state.MODELS_VIEW, VIEWS)
    view = st.segmented_control(
        "View", list(VIEWS), key=state.MODELS_VIEW, required=True, label_visibility="collapsed"
    )
    VIEWS[str(view)]()


def _other(*, needed: bool) -> str | None:
    """The model beside the open one, if any."""
    mine = state.checkpoint()
    others = [name for name in catalogue.checkpoints() if name != mine]
    if not others:
        if needed:
            st.info("There is only one model. Train another, or upload one under Manage.")
        return None
    if st.session_state[state.OTHER] not in others:
        st.session_state[state.OTHER] = min(others, key=functools.partial(_strangeness, mine))
    return str(st.selectbox(f"Compare {mine} with", others, key=state.OTHER, width=320))


def _strangeness(mine: str, other: str) -> tuple[bool, bool]:
    """Other data first of all, then no VAE: what is compared least. By their cards, which need no
    weights; one that cannot be read comes last."""
    try:
        card, own = catalogue.described(other).config, catalogue.described(mine).config
    except CheckpointError:
        return True, True
    alike = datasets.dataset_of(card) == datasets.dataset_of(own)
    return not alike, datasets.is_plain_autoencoder(card)


def _compare() -> None:
    other = _other(needed=True)
    if other:
        compare.render(other)


def _dimensions() -> None:
    other = _other(needed=False)
    st.markdown(
        "**Where the nats go**: the KL that every latent dimension spends, and how much its mean μ "
        "moves over the test set. Hatched ones are inactive: the decoder need not look at them."
    )
    for name in filter(None, (state.checkpoint(), other)):
        try:
            latent = caches.latent_map(name)
        except (CheckpointError, DataError) as error:
            st.error(f"{escaped(name)} cannot be shown. {error}")
            continue
        active, total = int(latent.active.sum()), len(latent.active)
        st.markdown(
            f"**{escaped(name)}** :small[:gray[{active} of {total} dimensions active, "
            f"{float(latent.kl_per_dim.sum()):.2f} nats together]]"
        )
        mine = name == state.checkpoint()
        names = [kept.name_of(d) if mine else f"z{d}" for d in range(total)]
        st.plotly_chart(
            model_figures.dimension_bars(
                latent.kl_per_dim.numpy(), latent.mu.var(0, correction=0).numpy(), names
            ),
            config=PLAIN,
            key=f"{state.DIMENSION_BARS}_{name}",
            alt=f"KL of the dimensions of {name}, the largest first: {active} of {total} active",
        )
    explained.about("bars")


def _training() -> None:
    other = _other(needed=False)
    runs = {}
    for name in filter(None, (state.checkpoint(), other)):
        try:
            epochs = library.read_history(catalogue.folder(name))
        except CheckpointError as error:
            st.error(str(error))
            continue
        if epochs:
            runs[name] = epochs
        else:
            st.info(
                f"{escaped(name)} has no training curves: its folder has no history.json, which "
                "trainings of this program write after every epoch."
            )
    if runs:
        st.markdown("**Training curves**, means over the training images of each epoch")
        st.plotly_chart(
            model_figures.training_curves(runs), config=PLAIN, key=state.CURVES,
            alt=f"Training curves of {' and '.join(runs)}",
        )  # fmt: skip
        explained.about("history")


VIEWS: dict[str, Callable[[], None]] = {
    "Figures": overview.render,
    "Side by side": _compare,
    "Dimensions": _dimensions,
    "Training": _training,
    "Manage": manage.render,
}
