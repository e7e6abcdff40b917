"""The page's frame: which model, which panel. A new panel is a file in panels/ and a line here."""

import contextlib
import importlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st
import torch

from core.checkpoint import CheckpointError
from core.data import DataError
from core.plain_json import finite
from explorer import caches, catalogue, datasets, introduction, kept, links, memory, state
from explorer.served import SERVED
from explorer.wording import escaped


def panel(name: str) -> Callable[[], None]:
    """A panel's render, imported when it is first opened: what it needs is not on the start path
    of the others."""
    return lambda: importlib.import_module(f"explorer.panels.{name}").render()


st.set_page_config(
    page_title="Latent explorer", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide"
)

# The panels in their order, each with the name of its Material icon.
ICONS = {
    "explore": "tune",
    "repair": "healing",
    "walk": "route",
    "attributes": "straighten",
    "reconstruct": "compare",
    "learn": "school",
    "models": "database",
    "train": "model_training",
}
PANELS = {
    name: st.Page(
        panel(name), title=name.capitalize(), icon=f":material/{icon}:", url_path=name,
        default=name == "explore",
    )
    for name, icon in ICONS.items()
}  # fmt: skip
NO_MODEL = "There is no model yet. Train one in the panel Train, or with `python -m core train`."
NEED_NO_MODEL = ("train",)  # panels that are of use before there is any


def model_facts(name: str) -> str:
    """One line about a checkpoint, from its own files."""
    card = catalogue.described(name)
    config, metrics = card.config, card.metrics or {}
    sizes = "-".join(str(config[k]) for k in ("image_size", "h_dim", "z_dim") if k in config)
    title = escaped(caches.subject(name).title)
    if name in SERVED:
        facts = [f"Your model {escaped(name)}, {sizes}, on the test images of {title}"]
    else:
        facts = [f"{type(caches.model(name)).__name__} {sizes}, trained on {title}"]
    if datasets.is_plain_autoencoder(config):
        facts.append("a plain autoencoder: no noise on the code, no KL")
        return "  \n".join(facts)
    if (neg_elbo := finite(metrics.get("neg_elbo"))) is not None:
        facts.append(f"negative ELBO {neg_elbo:.1f} nats on the test set")
    if (units := finite(metrics.get("active_units"))) is not None:
        facts.append(f"{units:.0f} of {caches.model(name).z_dim} dimensions active")
    return "  \n".join(facts)


def main() -> None:
    # Each session runs in a thread of its own, and torch counts threads for each. What a page
    # computes is too little to share; beside a busy neighbour a second thread mostly waits.
    torch.set_num_threads(1)
    st.html(Path(__file__).with_name("page.css"))
    page = st.navigation(list(PANELS.values()))
    without = any(page is PANELS[name] for name in NEED_NO_MODEL)
    if not catalogue.checkpoints():
        links.restore_defaults()
        if without:
            _run(page.run)
        else:
            st.error(NO_MODEL)
        return
    links.restore()
    memory.insist()
    target = state.take(state.GO_TO)
    if target and page is not PANELS[str(target)]:
        st.switch_page(PANELS[str(target)])
    with st.sidebar:
        st.selectbox("Model", catalogue.checkpoints(), key=state.CHECKPOINT)
    try:
        with st.sidebar:
            st.caption(model_facts(state.checkpoint()))
            introduction.link()
        links.restore_z()
    except (CheckpointError, DataError, KeyError) as error:
        st.error(f"This model cannot be used. {error}")
        if without:
            _run(page.run)
        return
    kept.storage()
    try:
        _run(page.run)
    # A person's own code may fail wherever it is called, and data go while the page is open.
    except (CheckpointError, DataError) as error:
        st.error(f"This model cannot be used here. {error}")
    links.publish()
    with contextlib.suppress(CheckpointError):  # gone meanwhile: the next run says so
        memory.remember()  # last: what this run has changed is in it


def _run(render: Callable[[], None]) -> None:
    notice = st.session_state[state.NOTICE]
    if notice:
        st.warning(str(notice))
    render()  # a rerun that it asks for ends this one: then the notice is still to be said
    st.session_state[state.SAID] = notice
    if st.session_state[state.NOTICE] == notice:
        st.session_state[state.NOTICE] = None


main()
