"""A checkpoint is a folder: config.json, model.safetensors, metrics.json, map.npz. No pickles.

config.json holds what builds the network again (`architecture` and its arguments) and where it
comes from (`dataset`, `training`, `versions`). metrics.json is written by `python -m core
evaluate` only; map.npz is the encoded test set with its UMAP and t-SNE, and says which weights it
was made with. Every file is replaced atomically.
"""

import hashlib
import json
import os
import pickle
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.architectures import ARCHITECTURES
from core.latent import LatentMap
from core.model import VAE, Config

# What config.json says since later than others do: without it, this was meant.
LATER_FIELDS: Config = {"channels": 1, "likelihood": "bernoulli"}
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message names the file, the field and what to do."""


class Checkpoint(NamedTuple):
    """What a checkpoint's folder says about itself, without its weights."""

    name: str
    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any] | None  # None until `python -m core evaluate` has run


def find_checkpoint(path_or_name: str | Path, root: Path = CHECKPOINTS) -> Path:
    """The folder (or tutorial's state_dict file) that a path or a name below `root` means."""
    for path in (Path(path_or_name), root / path_or_name):
        if path.is_file() or (path / "config.json").is_file():
            return path
    names = list_checkpoints(root)
    known = f"known are: {', '.join(names)}" if names else f"there are none in {root} yet"
    raise CheckpointError(
        f"There is no checkpoint {str(path_or_name)!r} (a folder with a config.json); {known}. "
        "Train one with `python -m core train`."
    )


def find_folder(path_or_name: str | Path) -> Path:
    """The folder of a checkpoint that something is to be written into."""
    folder = find_checkpoint(path_or_name)
    if folder.is_file():
        raise CheckpointError(f"{folder} is a bare file of weights; this takes a folder.")
    return folder


def list_checkpoints(root: Path = CHECKPOINTS) -> list[str]:
    """Names of all checkpoints below `root`, in alphabetical order."""
    return sorted(path.parent.name for path in root.glob("*/config.json"))


def fingerprint(path: Path) -> tuple[int, ...]:
    """Changes whenever a file that a page is made of is replaced; for caches."""
    files = [path / name for name in ("model.safetensors", "map.npz", "repair.safetensors")]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def describe(path_or_name: str | Path, root: Path = CHECKPOINTS) -> Checkpoint:
    """Config and metrics of a checkpoint folder."""
    path = find_checkpoint(path_or_name, root)
    metrics = path / "metrics.json"
    return Checkpoint(
        path.resolve().name,
        path,
        _read_json(path / "config.json"),
        _read_json(metrics) if metrics.exists() else None,
    )


def save_checkpoint(path: Path, model: VAE, **provenance: object) -> None:
    """Write config.json and model.safetensors into the folder `path`.

    `provenance` (dataset, training, ...) goes into config.json beside the architecture.
    """
    path.mkdir(parents=True, exist_ok=True)
    (path / "metrics.json").unlink(missing_ok=True)  # figures of the weights that go now
    config = {
        "architecture": type(model).__name__,
        **model.config(),
        **provenance,
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
    }
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    replace(path / "model.safetensors", lambda temporary: save_file(weights, temporary))
    write_json(path / "config.json", config)


def load_checkpoint(path_or_name: str | Path, root: Path = CHECKPOINTS) -> VAE:
    """The model of a checkpoint: on the CPU, frozen, in eval mode; strict.

    Takes a name below `root`, a folder, or the plain state_dict file (fc1 ... fc5) that the
    tutorials save. Raises CheckpointError naming the file and the field at fault. Shapes are
    compared before memory is taken, so a config.json cannot ask for more than the weights hold.
    """
    path = find_checkpoint(path_or_name, root)
    if path.is_file():
        weights = _read_state_dict(path)
        sizes: Config = {
            "image_size": weights["fc1.weight"].shape[1],
            "h_dim": weights["fc1.weight"].shape[0],
            "z_dim": weights["fc2.weight"].shape[0],
        }
        return _assemble(VAE, sizes, weights, path, path)
    config_file, weights_file = path / "config.json", path / "model.safetensors"
    config = _read_json(config_file)
    name = config.get("architecture")
    if name not in ARCHITECTURES:
        raise CheckpointError(
            f"{config_file}: field 'architecture' is {name!r}; known are: "
            f"{', '.join(ARCHITECTURES)}."
        )
    architecture = ARCHITECTURES[name]
    with torch.device("meta"):
        defaults = architecture().config()
    config = LATER_FIELDS | config
    for field, default in defaults.items():
        if type(config.get(field)) is not type(default):
            kind = "a whole number" if isinstance(default, int) else "a word"
            raise CheckpointError(
                f"{config_file}: field {field!r} must be {kind}; it is {config.get(field)!r}."
            )
    arguments: Config = {field: config[field] for field in defaults}
    return _assemble(
        architecture, arguments, _read_weights(weights_file), weights_file, config_file
    )


def _assemble(
    architecture: type[VAE],
    arguments: Config,
    weights: dict[str, Tensor],
    weights_file: Path,
    config_file: Path,
) -> VAE:
    try:
        with torch.device("meta"):  # no memory yet: shapes only
            model = architecture(**arguments)  # type: ignore[arg-type]  # checked by the caller
        expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    except (ValueError, RuntimeError, TypeError, OverflowError) as error:
        raise CheckpointError(
            f"{config_file}: no network has these sizes. {_first_line(error)}"
        ) from None
    for name in sorted(expected.keys() | weights.keys()):
        if name not in weights:
            raise CheckpointError(f"{weights_file}: tensor {name!r} is missing.")
        if name not in expected:
            raise CheckpointError(f"{weights_file}: tensor {name!r} is none of this architecture.")
        found = tuple(weights[name].shape)
        if found != expected[name]:
            raise CheckpointError(
                f"{weights_file}: tensor {name!r} has shape {found} where {config_file.name} asks "
                f"for {expected[name]}."
            )
        if not weights[name].is_floating_point() or not weights[name].isfinite().all():
            raise CheckpointError(
                f"{weights_file}: tensor {name!r} holds values that are not finite numbers. "
                "Restore the file or train again."
            )
    weights = {name: value.float() for name, value in weights.items()}
    model.load_state_dict(weights, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def weights_digest(path: Path) -> str:
    """SHA-256 of a checkpoint's weights: what is derived from them carries it."""
    file = path / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def save_map(path: Path, latent: LatentMap, *, weights: str | None = None) -> None:
    """Write map.npz, the encoded data set, into a checkpoint's folder.

    `weights` is the weights_digest of what it was encoded with, taken before encoding: in the
    minutes between, a training may have replaced the file. Raises CheckpointError if one has.
    """
    present = weights_digest(path)
    if weights not in (None, present):
        raise CheckpointError(
            f"{path / 'model.safetensors'} was replaced meanwhile; the map of the old weights was "
            "not kept. Try again."
        )
    arrays = {
        "mu": latent.mu.numpy(),
        "labels": latent.labels.to(torch.uint8).numpy(),
        "kl_per_dim": latent.kl_per_dim.numpy(),
        "weights": np.array(present),
        **{f"embedding_{name}": xy.numpy() for name, xy in latent.embeddings.items()},
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # a file object: savez would append .npz to a name
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    replace(path / "map.npz", write)


def load_map(path: Path) -> LatentMap | None:
    """The encoded data set of a checkpoint's folder, or None when there is no map.npz.

    Raises CheckpointError when the file is damaged or was made with other weights.
    """
    file = path / "map.npz"
    if not file.exists():
        return None
    again = f"Write it again with `python -m core evaluate {path.name}`."
    try:
        with np.load(file, allow_pickle=False) as arrays:
            latent = LatentMap(
                torch.from_numpy(arrays["mu"]),
                torch.from_numpy(arrays["labels"]).long(),
                torch.from_numpy(arrays["kl_per_dim"]),
                {
                    name.removeprefix("embedding_"): torch.from_numpy(arrays[name])
                    for name in arrays.files
                    if name.startswith("embedding_")
                },
            )
            weights = str(arrays["weights"]) if "weights" in arrays.files else ""
        n, d = latent.mu.shape
        if latent.labels.shape != (n,) or latent.kl_per_dim.shape != (d,):
            raise ValueError("its arrays do not fit each other")
        if any(xy.shape != (n, 2) for xy in latent.embeddings.values()):
            raise ValueError("its embeddings do not fit its points")
    except Exception as error:  # np.load raises whatever zipfile, zlib or the parser raise
        raise CheckpointError(f"{file} is damaged ({error}). {again}") from None
    if weights != weights_digest(path):
        raise CheckpointError(f"{file} was made with other weights. {again}")
    return latent


def write_json(file: Path, value: object) -> None:
    """Replace a JSON file atomically."""
    text = json.dumps(value, indent=2) + "\n"
    replace(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def replace(file: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `file`, flush it to disk, then swap it in.

    A reader, or whoever comes after a crash, sees the old file or the new one, never a part.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise CheckpointError(f"{file} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{file} must hold a JSON object; it holds a {type(value).__name__}.")
    return value


def _read_weights(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(str(file), "pt", device="cpu") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(
            f"{file} is missing: the folder has a config but no weights."
        ) from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{file} is no intact safetensors file ({error}). Pickled or truncated weights are "
            "refused; restore the file or train again."
        ) from None


def _read_state_dict(file: Path) -> dict[str, Tensor]:
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError):
        raise CheckpointError(
            f"{file} is no state_dict: it is damaged, or holds pickled objects, which could run "
            "code and are refused. Save `model.state_dict()` and try again."
        ) from None
    if not isinstance(weights, dict) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise CheckpointError(f"{file} is no state_dict: it must map names to tensors.")
    for name in ("fc1.weight", "fc2.weight"):
        if name not in weights or weights[name].ndim != 2:
            raise CheckpointError(f"{file}: tensor {name!r} is missing or no matrix.")
    return weights
