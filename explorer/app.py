"""The page's frame: which model, which panel. A new panel is a file in panels/ and a line here."""

import importlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st
import torch

from core.checkpoint import CheckpointError
from core.data import DataError
from core.plain_json import finite
from explorer import caches, kept, state
from explorer.served import SERVED
from explorer.wording import escaped


def panel(name: str) -> Callable[[], None]:
    """A panel's render, imported when it is first opened: what it needs is not on the start path
    of the others."""
    return lambda: importlib.import_module(f"explorer.panels.{name}").render()


st.set_page_config(
    page_title="Latent explorer", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide"
)

PANELS = {
    "explore": st.Page(
        panel("explore"), title="Explore", icon=":material/tune:", url_path="explore", default=True
    ),
    "repair": st.Page(
        panel("repair"), title="Repair", icon=":material/healing:", url_path="repair"
    ),
    "walk": st.Page(panel("walk"), title="Walk", icon=":material/route:", url_path="walk"),
    "attributes": st.Page(
        panel("attributes"),
        title="Attributes",
        icon=":material/straighten:",
        url_path="attributes",
    ),
    "reconstruct": st.Page(
        panel("reconstruct"),
        title="Reconstruct",
        icon=":material/compare:",
        url_path="reconstruct",
    ),
    "models": st.Page(
        panel("models"), title="Models", icon=":material/database:", url_path="models"
    ),
    "train": st.Page(
        panel("train"), title="Train", icon=":material/model_training:", url_path="train"
    ),
}
NO_MODEL = "There is no model yet. Train one in the panel Train, or with `python -m core train`."
NEED_NO_MODEL = ("train",)  # panels that are of use before there is any


def model_facts(name: str) -> str:
    """One line about a checkpoint, from its own files."""
    card = caches.described(name)
    config, metrics = card.config, card.metrics or {}
    sizes = "-".join(str(config[k]) for k in ("image_size", "h_dim", "z_dim") if k in config)
    title = escaped(caches.subject(name).title)
    if name in SERVED:
        facts = [f"Your model {escaped(name)}, {sizes}, on the test images of {title}"]
    else:
        facts = [f"{type(caches.model(name)).__name__} {sizes}, trained on {title}"]
    if (neg_elbo := finite(metrics.get("neg_elbo"))) is not None:
        facts.append(f"negative ELBO {neg_elbo:.1f} nats on the test set")
    if (units := finite(metrics.get("active_units"))) is not None:
        facts.append(f"{units:.0f} of {caches.model(name).z_dim} dimensions active")
    return "  \n".join(facts)


def main() -> None:
    # Each session runs in a thread of its own, and torch counts threads for each. What a page
    # computes is too little to share; beside a busy neighbour a second thread mostly waits.
    torch.set_num_threads(1)
    page = st.navigation(list(PANELS.values()))
    without = any(page is PANELS[name] for name in NEED_NO_MODEL)
    if not caches.checkpoints():
        state.restore_defaults()
        if without:
            _run(page.run)
        else:
            st.error(NO_MODEL)
        return
    state.restore()
    if target := state.take(state.GO_TO):
        st.switch_page(PANELS[str(target)])
    with st.sidebar:
        st.selectbox("Model", caches.checkpoints(), key=state.CHECKPOINT)
    try:
        with st.sidebar:
            st.caption(model_facts(state.checkpoint()))
        state.restore_z()
    except (CheckpointError, DataError, KeyError) as error:
        st.error(f"This model cannot be used. {error}")
        if without:
            _run(page.run)
        return
    kept.storage()
    try:
        _run(page.run)
    except CheckpointError as error:  # a person's own code may fail wherever it is called
        st.error(f"This model cannot be used here. {error}")
    state.publish()


def _run(render: Callable[[], None]) -> None:
    if notice := state.take(state.NOTICE):
        st.warning(str(notice))
    render()


main()
