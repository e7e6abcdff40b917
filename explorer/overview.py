"""Models: all of them with their figures, beside the published ones."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core import library
from core.checkpoint import Checkpoint, CheckpointError
from core.data import short_name
from core.plain_json import finite
from explorer import caches, catalogue, datasets, explained, jobs, model_figures, state
from explorer.components import Cell, Column, ModelRow, model_table
from explorer.model_figures import Dot
from explorer.published import PUBLISHED
from explorer.served import SERVED
from explorer.wording import escaped

COLUMNS: tuple[Column, ...] = (
    Column(key="data", label="data set", hint="What it was trained on"),
    Column(key="network", label="network", hint="Architecture: pixels, units, latent dimensions"),
    Column(key="parameters", label="parameters", hint="Numbers in its weights"),
    Column(key="size", label="MB", hint="Size of model.safetensors, 1 MB = 10⁶ bytes"),
    Column(key="epochs", label="epochs", hint="Passes over the training images"),
    Column(
        key="neg_elbo", label="negative\nELBO (nats)",
        hint="Reconstruction + KL, on the grey test images",
    ),
    Column(key="reconstruction", label="recon-\nstruction", hint="Nats an image"),
    Column(key="kl", label="KL", hint="Nats an image"),
    Column(key="active_units", label="active\nunits", hint="Dimensions with Var(μ) above 0.01"),
    Column(key="recon_mse", label="MSE of\na pixel", hint="Between a test image and decode(μ)"),
    Column(
        key="neg_elbo_binarized", label="neg. ELBO\nbinarised",
        hint="In nats, on dynamically binarised test images, as papers report it",
    ),
    Column(
        key="nll", label="−log p(x)\n(nats)",
        hint="Importance-weighted, on dynamically binarised test images; K samples an image",
    ),
    Column(
        key="frechet_prior", label="Fréchet\nN(0, I)",
        hint="Distance of 10,000 prior samples from test images, in a classifier's features",
    ),
    Column(
        key="frechet_mixture", label="Fréchet\nmixture",
        hint="The same with z from a mixture fitted to the encoded training images",
    ),
    Column(key="evaluated", label="measured\non", hint="When `evaluate` has run"),
)  # fmt: skip
MEASURED = {
    "neg_elbo": "{:.2f}", "reconstruction": "{:.2f}", "kl": "{:.2f}", "recon_mse": "{:.4f}",
    "neg_elbo_binarized": "{:.2f}",
    "frechet_prior": "{:.2f}", "frechet_mixture": "{:.2f}",
}  # fmt: skip
# Not of every model: without a classifier of its data, or with another likelihood, there are none.
OPTIONAL = ("frechet_prior", "frechet_mixture", "neg_elbo_binarized")
NLL_SAMPLES = 5000  # as published

NONE = Cell(text="–", value=None, command=None)  # there is no such figure


def render() -> None:
    """The dot plot, then the table."""
    cards = [_card(name) for name in catalogue.checkpoints()]
    st.markdown(
        "**−log p(x) of MNIST** beside published figures of models with a single layer of latent "
        "variables"
    )
    rows = dots(cards)
    st.plotly_chart(
        model_figures.nll_dots(rows),
        config={"displayModeBar": False},
        key=state.NLL_DOTS,
        alt="; ".join(f"{dot.label} {dot.source}: {dot.nll or dot.note}" for dot in rows),
    )
    others = [name for name, card in cards if card and not _is_comparable(card.config)]
    if others:
        st.caption(
            "Left out, as their −log p(x) is of other data or another likelihood, or as they are "
            "plain autoencoders, which have none: "
            f"{escaped(', '.join(others))}."
        )
    _sources()
    st.markdown("**All models** :small[:gray[a heading sorts, a name opens Explore]]")
    model_table(
        COLUMNS,
        [table_row(name, card) for name, card in cards],
        key=state.MODEL_TABLE,
        on_open_change=functools.partial(_open, state.MODEL_TABLE),
    )
    st.caption(
        "Nats per image over the test set, as `python -m core evaluate NAME` writes them into "
        "metrics.json. Only what is of binarised images, −log p(x) and that ELBO, compares with "
        "papers."
    )
    explained.about("scores")


def open_in_explore(name: str) -> None:
    """Switch the whole page to a model. During callbacks only."""
    if name in catalogue.checkpoints():
        st.session_state[state.CHECKPOINT] = name
        st.session_state[state.GO_TO] = "explore"


def _open(component: str) -> None:
    open_in_explore(str(st.session_state[component].open))


Card = tuple[str, Checkpoint | None]  # None: its files cannot be read


def _card(name: str) -> Card:
    try:
        return name, catalogue.described(name)
    except CheckpointError:
        return name, None


def evaluate_command(name: str, *, nll: bool = False) -> str:
    """What a person types to measure a model."""
    return f"python -m core evaluate {name}" + (f" --nll {NLL_SAMPLES}" if nll else "")


def number(of: Mapping[str, Any] | None, key: str) -> float | None:
    """A finite number of a JSON object, or None."""
    return finite((of or {}).get(key))


def table_row(name: str, card: Checkpoint | None) -> ModelRow:
    """What the table says of a model."""
    row = ModelRow(
        name=name, is_open=name == state.checkpoint(), note=busy_with(name), problem=None, cells={}
    )
    try:
        card = card or catalogue.described(name)  # says why it cannot be read
        row["cells"] = _cells(name, card)
    except CheckpointError as error:
        row["problem"] = str(error)
    return row


def busy_with(name: str) -> str | None:
    """What keeps a model from being changed."""
    job = jobs.current()
    if job and job.running and job.title.endswith(f" of {name}"):
        return f"{job.title.removesuffix(f' of {name}')}: {job.share:.0%}"
    return "being trained now" if library.is_training(catalogue.folder(name)) else None


def _cells(name: str, card: Checkpoint) -> dict[str, Cell]:
    config, metrics = card.config, card.metrics
    # One command for all that is missing, so that neighbours in the table are one cell.
    nll = number(metrics, "nll")
    missing = Cell(text="", value=None, command=evaluate_command(name, nll=nll is None))
    cells = {
        "data": _word(dataset(config)),
        "network": _word(network(config)),
        **_weight(name, card),
        "epochs": _epochs(config),
    }
    for key, form in MEASURED.items():
        value = number(metrics, key)
        if value is None and key in OPTIONAL and "evaluated" in (metrics or {}):
            cells[key] = NONE
        else:
            cells[key] = missing if value is None else _figure(value, form)
    units = number(metrics, "active_units")
    cells["active_units"] = missing
    if units is not None:
        cells["active_units"] = _figure(units, f"{{:.0f}} of {config.get('z_dim', '?')}")
    cells["nll"] = missing
    if nll is not None:
        cells["nll"] = _figure(nll, f"{{:.2f}} (K = {metrics_samples(metrics)})")
    cells["evaluated"] = missing
    if metrics:
        cells["evaluated"] = _word(str(metrics.get("evaluated", "date not kept")))
    return cells


def metrics_samples(metrics: Mapping[str, Any] | None) -> str:
    """With how many importance samples -log p(x) was measured."""
    samples = number(metrics, "nll_samples")
    return "?" if samples is None else f"{samples:.0f}"


def dataset(config: Mapping[str, Any]) -> str:
    """The data set of a checkpoint: a name, or the last part of a folder's path."""
    return short_name(str(config.get("dataset", "mnist")))


def network(config: Mapping[str, Any]) -> str:
    """Architecture and sizes, as "VAE 784-400-20"; a likelihood that is not Bernoulli's, too."""
    sizes = [str(config[key]) for key in ("image_size", "h_dim", "z_dim") if key in config]
    blocks = f", {config['blocks']} blocks" if "blocks" in config else ""
    likelihood = str(config.get("likelihood", "bernoulli")).replace("_", " ")
    other = "" if likelihood == "bernoulli" else f", {likelihood}"
    plain = ", plain autoencoder" if datasets.is_plain_autoencoder(config) else ""
    return f"{config.get('architecture', '?')} {'-'.join(sizes)}{blocks}{other}{plain}"


def _weight(name: str, card: Checkpoint) -> dict[str, Cell]:
    """Numbers and bytes of its weights."""
    if name in SERVED:  # a person's own code, in memory
        count = sum(p.numel() for p in caches.model(name).parameters())
        return {"parameters": _thousands(count), "size": NONE}
    count = library.parameter_count(card.path)
    size = (card.path / "model.safetensors").stat().st_size
    return {"parameters": _thousands(count), "size": _figure(size / 1e6, "{:.1f}")}


def _epochs(config: Mapping[str, Any]) -> Cell:
    training = config.get("training")
    run = training if isinstance(training, dict) else {}
    done, wanted = number(run, "epochs_done"), number(run, "epochs")
    if done is None:
        return Cell(text="not recorded", value=None, command=None)
    return _figure(done, "{:.0f}" if done == wanted else f"{{:.0f}} of {wanted or 0:.0f}")


def _word(text: str) -> Cell:
    return Cell(text=text, value=text, command=None)


def _thousands(value: int) -> Cell:
    return Cell(text=f"{value:,}", value=value, command=None)


def _figure(value: float, form: str) -> Cell:
    return Cell(text=form.format(value), value=value, command=None)


def _is_comparable(config: Mapping[str, Any]) -> bool:
    """Whether its -log p(x) is of what the published figures are of."""
    return (
        config.get("dataset", "mnist") == "mnist"
        and config.get("likelihood", "bernoulli") == "bernoulli"
        and not datasets.is_plain_autoencoder(config)
    )


def dots(cards: Sequence[Card]) -> list[Dot]:
    """Ours and the published ones, each group by its figures, the unmeasured of ours at its end."""
    ours = []
    for name, card in cards:
        if card is None or not _is_comparable(card.config):
            continue
        nll = number(card.metrics, "nll")
        note = f"measured here with K = {metrics_samples(card.metrics)}"
        if nll is None:
            note = f"not measured: run {evaluate_command(name, nll=True)}"
        ours.append(Dot(name, nll, "", note, "ours"))
    ours.sort(key=lambda dot: (dot.nll is None, dot.nll or 0.0))
    published = [
        Dot(p.method, p.nll, p.source, f"{p.source}, K = {p.samples}", p.protocol)
        for p in sorted(PUBLISHED, key=lambda p: (p.protocol, p.nll))
    ]
    return [*ours, *published]


def _sources() -> None:
    with st.expander("Where the published figures are from"):
        st.markdown(
            "All of one layer of latent variables that is a plain vector, on the 10,000 test "
            "images, by importance sampling. The open diamonds are of the same test as ours: each "
            "pixel is drawn anew with its grey value's chance (dynamic binarisation). The crosses "
            "are of the fixed binarisation of Larochelle and Murray (2011), on which models score "
            "about 2 nats worse; they stand here because they are quoted a lot, and do not compare."
            "\n\n| −log p(x) | model | measured by | K | binarisation |\n|---|---|---|---|---|\n"
            + "\n".join(
                f"| {p.nll:.2f} | {p.method} | [{p.source}]({p.url}) | {p.samples} | {p.protocol} |"
                for p in sorted(PUBLISHED, key=lambda p: (p.protocol, p.nll))
            )
        )
