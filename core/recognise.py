"""Which network a set of named tensors belongs to: said by a config, or read off names and shapes.

The names of the tutorials' two networks are translated; everything else must be one of ours.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from core.architectures import ARCHITECTURES
from core.model import VAE, Config
from core.plain_json import shown
from core.weights import CheckpointError, Weights, assemble

# The VAE of the examples repository of PyTorch, whose layers do what ours of the other name do.
# Those that call them fc1 ... fc5 need no translation.
RENAMED = {"fc1": "fc1", "fc21": "fc2", "fc22": "fc3", "fc3": "fc4", "fc4": "fc5"}
# What config.json says since later than others do: without it, this was meant.
LATER_FIELDS: Config = {"channels": 1, "likelihood": "bernoulli"}
NAMED = 12  # names of tensors that a sentence gives


def from_config(
    config: Mapping[str, Any], weights: Weights, config_origin: str, weights_origin: str
) -> VAE:
    """The network that `config` describes. Raises CheckpointError naming the field.

    What `save_pretrained` of the Hub writes holds the arguments alone: then the names of the
    tensors say which architecture they are of.
    """
    name = config.get("architecture")
    if "architecture" not in config and "image_size" in config:
        name = architecture_of(weights)
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise CheckpointError(
            f"{config_origin}: field 'architecture' is {shown(name)}; known are: "
            f"{', '.join(ARCHITECTURES)}."
        )
    architecture = ARCHITECTURES[name]
    with torch.device("meta"):
        defaults = architecture().config()
    arguments: Config = {}
    for field, default in defaults.items():
        value = config.get(field, LATER_FIELDS.get(field))
        if type(value) is not type(default):
            wanted = "a whole number" if type(default) is int else "a word"
            raise CheckpointError(
                f"{config_origin}: field {field!r} must be {wanted}; it is {shown(value)}."
            )
        arguments[field] = value
    return assemble(architecture, arguments, weights, weights_origin, config_origin)


def recognised(weights: Weights, origin: str) -> VAE:
    """The network that these tensors fill, its sizes read off their shapes. CheckpointError."""
    if _layers(weights) == set(RENAMED):
        weights = {
            f"{RENAMED[layer]}.{kind}": value
            for name, value in weights.items()
            for layer, _, kind in [name.partition(".")]
        }
    name = architecture_of(weights)
    if name is None:
        names = sorted(weights)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        raise CheckpointError(
            f"{origin}: these tensors are of none of the networks known here, which are "
            f"{', '.join(ARCHITECTURES)}. Found: {', '.join(names[:NAMED])}{more}. Any other model "
            "can be opened from the command line as module:factory."
        )
    try:
        arguments = SIZES[name](weights)
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        missing = f"{error}" if isinstance(error, KeyError) else "a tensor's dimension"
        raise CheckpointError(
            f"{origin}: tensors of a {name}, but {missing} is missing, from which its sizes are "
            "read."
        ) from None
    if "log_sigma" in weights:  # only a Gaussian likelihood has one
        arguments["likelihood"] = "gaussian"
    return assemble(ARCHITECTURES[name], arguments, weights, origin, "the other tensors")


def architecture_of(weights: Mapping[str, Tensor]) -> str | None:
    """The architecture whose layers these are, by the one that no other has; None: unknown."""
    layers = _layers(weights)
    if not layers >= {"fc1", "fc2", "fc3", "fc4", "fc5"}:
        return None
    if "stem" in layers:
        return "ConvVAE"
    if "encoder_blocks" in layers:
        return "ResidualVAE"
    return "VAE" if layers <= {"fc1", "fc2", "fc3", "fc4", "fc5", "log_sigma"} else None


def _layers(weights: Mapping[str, Tensor]) -> set[str]:
    return {name.partition(".")[0] for name in weights}


def _vector_sizes(weights: Mapping[str, Tensor]) -> Config:
    """Of the VAE: n pixels are n = s^2 grey or n = 3 s^2 coloured ones, never both."""
    n = weights["fc1.weight"].shape[1]
    grey = math.isqrt(n) ** 2 == n
    return {
        "image_size": n,
        "h_dim": weights["fc1.weight"].shape[0],
        "z_dim": weights["fc2.weight"].shape[0],
        **({} if grey else {"channels": 3}),
    }


def _residual_sizes(weights: Mapping[str, Tensor]) -> Config:
    return _vector_sizes(weights) | {"blocks": _count(weights, "encoder_blocks")}


def _convolutional_sizes(weights: Mapping[str, Tensor]) -> Config:
    """Of the ConvVAE: fc1 reads 2 width channels at a quarter of the resolution."""
    width, channels = weights["stem.weight"].shape[:2]
    side = 4 * math.isqrt(weights["fc1.weight"].shape[1] // (2 * width))
    return {
        "image_size": channels * side**2,
        "h_dim": weights["fc1.weight"].shape[0],
        "z_dim": weights["fc2.weight"].shape[0],
        "blocks": _count(weights, "encoder_half"),
        "width": width,
        "channels": channels,
    }


def _count(weights: Mapping[str, Tensor], stack: str) -> int:
    """How many blocks a stack has."""
    return len({name.split(".")[1] for name in weights if name.startswith(f"{stack}.")})


SIZES = {
    "VAE": _vector_sizes,
    "ResidualVAE": _residual_sizes,
    "ConvVAE": _convolutional_sizes,
}
