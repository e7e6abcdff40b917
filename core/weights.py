"""Named tensors from a file or from bytes, and the network that they fill. Never pickled code.

Knows files of weights (safetensors, and the state_dict of torch.save) and shapes; which network a
set of names belongs to says core/recognise.py, what lies in a folder core/checkpoint.py. `origin`
is how a sentence calls the file.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

from core.model import VAE, Config
from core.pickles import swelling
from core.plain_json import parsed

Weights = dict[str, Tensor]


LONGEST = 700  # characters of a sentence, whatever a file has for a name or a value
# Numbers of these become float32. What has 8 bits and fewer says little without its scale.
PRECISIONS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message names the file, the field and what to do.

    It quotes files that anybody may have written: it is one line, ends as a sentence does, and is
    cut in its middle when it is too long.
    """

    def __init__(self, sentence: str) -> None:
        line = "".join(letter if letter.isprintable() else " " for letter in sentence).rstrip()
        if len(line) > LONGEST:
            line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 3 :]}"
        super().__init__(line if line.endswith(".") else f"{line}.")


class Safetensors(NamedTuple):
    """What a safetensors file holds."""

    weights: Weights
    config: dict[str, Any] | None  # ours, if its header has one


def read_safetensors(file: Path) -> Weights:
    """The tensors of a safetensors file. Raises CheckpointError."""
    try:
        with safe_open(str(file), "pt", device="cpu") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(
            f"{file} is missing: the folder has a config but no weights."
        ) from None
    except Exception as error:  # of a damaged header the library raises many kinds
        raise CheckpointError(
            f"{file} is no intact safetensors file ({error}). Pickled or truncated weights are "
            "refused; restore the file or train again."
        ) from None


def parse_safetensors(content: bytes, origin: str) -> Safetensors:
    """The same from bytes, with the config that save_checkpoint leaves in the header."""
    try:
        weights = load(content)
        length = int.from_bytes(content[:8], "little")
        header = parsed(content[8 : 8 + length]).get("__metadata__") or {}
        config = parsed(header["config"]) if "config" in header else None
    except Exception as error:  # as above
        raise CheckpointError(
            f"{origin} is no intact safetensors file ({first_line(error)}). Export or copy it "
            "again."
        ) from None
    if config is not None and not isinstance(config, dict):
        raise CheckpointError(f"{origin}: the config in its header is no JSON object.")
    return Safetensors(weights, config)


def read_state_dict(source: Path | bytes, origin: str) -> Weights:
    """What `torch.save(model.state_dict(), file)` wrote, without running anything that is in it.

    Wrappers that people have are taken off, see `unwrapped`. Raises CheckpointError.
    """
    try:
        if what := swelling(source):
            raise CheckpointError(
                f"{origin} holds {what}, which may take any amount of memory and is in no file of "
                "weights. Save `model.state_dict()` with torch.save and try again."
            )
        content = torch.load(
            io.BytesIO(source) if isinstance(source, bytes) else source,
            map_location="cpu",
            weights_only=True,
        )
    except CheckpointError:
        raise
    except Exception as error:  # the unpickler passes on whatever a damaged file makes it meet
        if isinstance(error, MemoryError | OSError) and not isinstance(error, EOFError):
            raise CheckpointError(f"{origin} cannot be read ({first_line(error)}).") from None
        detail = ""
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            detail = " Of the pickle it wants more than tensors."
        raise CheckpointError(
            f"{origin} is no state_dict: it is damaged, or holds pickled objects, which could run "
            f"code and are refused.{detail} Save `model.state_dict()` and try again."
        ) from None
    return unwrapped(content, origin)


# Under which key training scripts keep the weights beside the optimizer: Lightning and many
# others, pythae and the PyTorch tutorial, and older scripts.
WRAPPERS = ("state_dict", "model_state_dict", "model")
# What wrapping a module puts in front of its names: DataParallel, torch.compile.
PREFIXES = ("module.", "_orig_mod.")


def unwrapped(content: object, origin: str) -> Weights:
    """The mapping of names to tensors in what a training script saved."""
    for key in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if (
        not isinstance(content, Mapping)
        or not content
        or not all(isinstance(name, str) for name in content)
        or not all(isinstance(value, Tensor) for value in content.values())
    ):
        raise CheckpointError(f"{origin} is no state_dict: it must map names to tensors.")
    weights = dict(content)
    while prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in weights)), None):
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    for name, value in weights.items():
        # A view of a few bytes may claim to be terabytes; whoever copies it would need them.
        if (
            type(value) not in (Tensor, torch.nn.Parameter)
            or value.layout != torch.strided
            or value.device.type != "cpu"
            or value.numel() * value.element_size() > value.untyped_storage().nbytes()
        ):
            raise CheckpointError(
                f"{origin}: tensor {name!r} of shape {tuple(value.shape)} is no plain tensor."
            )
    return weights


def assemble(
    architecture: type[VAE],
    arguments: Config,
    weights: Mapping[str, Tensor],
    weights_origin: str,
    sizes_origin: str,
) -> VAE:
    """The network of these arguments with these weights: on the CPU, frozen, in eval mode; strict.

    Shapes are compared before memory is taken. Raises CheckpointError naming the tensor.
    """
    try:
        with torch.device("meta"):  # no memory yet: shapes only
            model = architecture(**arguments)  # type: ignore[arg-type]  # checked by the caller
        expected = model.state_dict()
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"{sizes_origin}: no network has these sizes. {first_line(error)}"
        ) from None
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights:
            raise CheckpointError(f"{weights_origin}: tensor {name!r} is missing.")
        if name not in expected:
            raise CheckpointError(
                f"{weights_origin}: tensor {name!r} is none of this architecture."
            )
        found = tuple(weights[name].shape)
        wanted = tuple(expected[name].shape)
        if found != wanted:
            raise CheckpointError(
                f"{weights_origin}: tensor {name!r} has shape {found} where "
                f"{Path(sizes_origin).name} asks for {wanted}."
            )
        if weights[name].dtype not in PRECISIONS:
            raise CheckpointError(
                f"{weights_origin}: tensor {name!r} is of {weights[name].dtype}; weights are "
                f"{', '.join(map(str, PRECISIONS))}."
            )
    # float32, and laid out as the network wants: convolutions are faster channels last.
    laid_out = {
        name: torch.empty_like(value, device="cpu").copy_(weights[name])
        for name, value in expected.items()
    }
    for name, value in laid_out.items():  # 64 bits may have been finite and be so no more
        if not value.isfinite().all():
            raise CheckpointError(
                f"{weights_origin}: tensor {name!r} holds values that are not finite numbers. "
                "Restore the file or train again."
            )
    model.load_state_dict(laid_out, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
