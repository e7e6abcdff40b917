"""The settings of a training as the Train panel shows them; knows no Streamlit.

FIELDS says everything about every field of core.config.TrainConfig but its type and default, which
are the dataclass's own. From what was chosen it makes a config, the first thing that is wrong with
it, and the command line's arguments.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

from core.architectures import short_name, takes
from core.checkpoint import CheckpointError
from core.config import TrainConfig
from explorer import training_data

Settings = Mapping[str, Any]  # a value for every field

DEFAULTS: dict[str, Any] = dataclasses.asdict(TrainConfig())
TYPES = get_type_hints(TrainConfig)
MOST_WORDS = 30  # characters of a data set's name within that of a run
GROUPS = ("Data", "Network", "Objective", "Optimisation")


class Field(NamedTuple):
    """How a field is asked for. Between `low` and `high` lies what is sensible on a page."""

    group: str
    label: str
    help: str
    low: float = 0
    high: float = 0
    step: float = 1
    simple: bool = False  # always in view; the others are folded away
    applies: Callable[[Settings], bool] = lambda settings: True


def _taken(argument: str) -> Callable[[Settings], bool]:
    return lambda settings: takes(settings["architecture"], argument)


def _is_folder(settings: Settings) -> bool:
    return training_data.is_folder(settings["dataset"])


FIELDS: dict[str, Field] = {
    "dataset": Field("Data", "Data set", "What it learns from.", simple=True),
    "image_side": Field(
        "Data", "Side of the images (px)", "Each picture of the folder is resized to this square.",
        simple=True, applies=_is_folder,
    ),
    "channels": Field(
        "Data", "Channels", "1: grey, 3: colour.", simple=True, applies=_is_folder
    ),
    "shift": Field(
        "Data", "Shift (px)",
        "Augmentation: every image is moved by up to so many pixels each way, anew in every epoch.",
        0, 8,
    ),
    "shift_until": Field(
        "Data", "Shift until (share of epochs)",
        "After this share of the epochs the images are left where they are: the last epochs then "
        "fit the data as they are.",
        0, 1, 0.05, applies=lambda settings: settings.get("shift", 0) > 0,
    ),
    "binarize": Field(
        "Data", "Dynamic binarisation",
        "Each pixel is drawn anew as black or white in every epoch, with its grey value as the "
        "chance (Burda et al. 2016). Published log-likelihoods are on images of this kind.",
        applies=lambda settings: settings.get("likelihood", "bernoulli") == "bernoulli",
    ),
    "architecture": Field(
        "Network", "Architecture",
        "VAE: one hidden layer each side, the tutorials' network. ResidualVAE: residual blocks of "
        "the same width. ConvVAE: residual convolutions.",
        simple=True,
    ),
    "z_dim": Field(
        "Network", "Latent dimensions",
        "Two can be looked at as they are; about 20 reconstruct better. Those that the data do "
        "not need stay unused.",
        1, 256, simple=True,
    ),
    "h_dim": Field(
        "Network", "Hidden units", "Units of a hidden layer; of ConvVAE, of the one next to z.",
        1, 4096, 16, simple=True,
    ),
    "blocks": Field(
        "Network", "Residual blocks", "Blocks on each side.", 1, 16,
        applies=_taken("blocks"),
    ),
    "width": Field(
        "Network", "Width (channels)", "Channels of the first convolution.", 1, 256, 4,
        applies=_taken("width"),
    ),
    "likelihood": Field(
        "Objective", "Likelihood p(x | z)",
        "bernoulli: the usual one for digits. continuous_bernoulli: its normalised form for grey "
        "values (Loaiza-Ganem and Cunningham 2019). gaussian: squared error with a learned "
        "variance.",
    ),
    "beta": Field(
        "Objective", "Beta",
        "Weight of the KL (Higgins et al. 2017). 1 is the ELBO. Above 1 more dimensions "
        "fall silent and reconstructions blur; below 1 they get sharper, and samples worse.",
        0, 100, 0.1, simple=True,
    ),
    "noise": Field(
        "Objective", "Noise on the code",
        "Off, and with beta 0, this is a plain autoencoder: no sampling and no KL. The panel Learn "
        "shows what is lost.",
    ),
    "warm_up": Field(
        "Objective", "KL warm-up (epochs)",
        "The KL's weight rises from 0 to beta over so many epochs, so that no dimension is given "
        "up before the decoder can use it (Sønderby et al. 2016).",
        0, 10_000,
    ),
    "free_bits": Field(
        "Objective", "Free bits (nats per dimension)",
        "KL that every latent dimension has for nothing (Kingma et al. 2016).", 0, 10, 0.05,
    ),
    "importance_samples": Field(
        "Objective", "Importance samples K",
        "1: the ELBO. More: the tighter bound of the IWAE (Burda et al. 2016), at K times the "
        "decoder's work.",
        1, 64,
    ),
    "epochs": Field(
        "Optimisation", "Epochs", "Passes over the training images.", 1, 10_000, simple=True
    ),
    "batch_size": Field(
        "Optimisation", "Batch size", "Images a step.", 1, 16_384, 16, simple=True
    ),
    "learning_rate": Field(
        "Optimisation", "Learning rate", "Of Adam.", 1e-6, 0.1, 1e-4, simple=True
    ),
    "schedule": Field(
        "Optimisation", "Schedule", "cosine: the learning rate falls to 0 over all epochs."
    ),
    "ema": Field(
        "Optimisation", "EMA of the weights (decay)",
        "What is kept is a moving average of the weights, usually with 0.999; 0: the weights.",
        0, 0.99999, 0.001,
    ),
    "precision": Field(
        "Optimisation", "Precision", "bf16: mixed; twice as fast where it is native, slower "
        "elsewhere.",
    ),
    "seed": Field(
        "Optimisation", "Seed", "Of the initial weights, the shuffles and the noise.", 0, 2**31
    ),
}  # fmt: skip


def choices(name: str) -> tuple[Any, ...]:
    """The values of a field that has a few named ones; () for the others."""
    if name == "dataset":
        return tuple(training_data.offered())
    return get_args(TYPES[name]) if get_args(TYPES[name]) else ()


def shown(settings: Settings) -> dict[str, Field]:
    """The fields that have a meaning for what is chosen, in the table's order."""
    return {
        name: field
        for name, field in FIELDS.items()
        if name in DEFAULTS and field.applies(settings)
    }


def effective(settings: Settings) -> dict[str, Any]:
    """The settings; those that are not shown are at their defaults, so that they do nothing."""
    visible = shown(settings)
    return {
        name: settings[name] if name in visible else default for name, default in DEFAULTS.items()
    }


class Fault(NamedTuple):
    """What is wrong, and with which field; "" when the sentence names none."""

    field: str
    sentence: str


def fault(settings: Settings) -> Fault | None:
    """The first thing that makes these settings impossible, or None."""
    values = effective(settings)
    missing = next((name for name, value in values.items() if value is None), None)
    if missing:
        return Fault(missing, f"{missing} is empty; it needs a value.")
    try:
        TrainConfig(**values)
    except ValueError as error:
        words = re.findall(r"\w+", str(error))  # its sentence begins with the field at fault
        return Fault(next((word for word in words if word in values), ""), str(error))
    for name, field in shown(settings).items():
        if field.high and not field.low <= values[name] <= field.high:
            return Fault(
                name,
                f"{name} must lie between {field.low:g} and {field.high:g} here; it is "
                f"{values[name]:g}.",
            )
    if problem := training_data.problem(values["dataset"]):
        return Fault("dataset", problem)
    count, name = training_data.training_images(values["dataset"]), values["dataset"]
    if count is not None and values["batch_size"] > count:
        return Fault(
            "batch_size",
            f"batch_size is {values['batch_size']}, but {training_data.label(name)} has only "
            f"{count} training images.",
        )
    return None


def arguments(settings: Settings) -> list[str]:
    """The flags of `python -m core train` that differ from its defaults."""
    flags: list[str] = []
    for name, value in effective(settings).items():
        flag = name.replace("_", "-")
        if value == DEFAULTS[name]:
            continue
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            flags += [f"--{flag}", str(value)]
    return flags


def free_stem(settings: Settings) -> str:
    """What a run of these settings may be called: data set, kind of network, latent dimensions."""
    kind = short_name(settings["architecture"])
    name = Path(settings["dataset"]).name.lower()  # of a folder its last part
    words = re.sub(r"[^a-z0-9-]+", "-", name).strip("-")[:MOST_WORDS]
    return f"{words or 'images'}-{kind}-{settings['z_dim']}"


PRESETS: dict[str, Callable[[], dict[str, Any]]] = {
    "Tutorial (784-400-20)": lambda: dict(DEFAULTS),
    "Two dimensions": lambda: DEFAULTS | {"z_dim": 2},
    "The default model's recipe": lambda: recipe(),
    "Quick look (2 epochs)": lambda: DEFAULTS | {"epochs": 2},
}


def recipe(name: str | None = None) -> dict[str, Any]:
    """The settings that a checkpoint (the default one) was trained with, as its config.json says.

    A field that this does not know keeps its default; so do all when there is no such file.
    """
    from explorer import catalogue

    try:
        config = catalogue.described(name or catalogue.DEFAULT_CHECKPOINT).config
    except CheckpointError:
        return dict(DEFAULTS)
    stored = config.get("training", {}) | {
        key: config[key] for key in ("dataset", "architecture") if key in config
    }
    return DEFAULTS | {key: value for key, value in stored.items() if key in DEFAULTS}
