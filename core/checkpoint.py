"""A checkpoint is a folder: config.json, model.safetensors, metrics.json, map.npz. No pickles.

config.json holds what builds the network again (`architecture` and its arguments) and where it
comes from (`dataset`, `training`, `versions`). metrics.json is written by `python -m core
evaluate` only; map.npz is the encoded test set with its UMAP and t-SNE, says which weights it was
made with, and may hold the images themselves, for whoever has not the data set. Every file is
replaced atomically.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save as serialized

from core import foreign, hub
from core.arrays import read_arrays
from core.latent import LatentMap
from core.model import VAE, Config
from core.plain_json import parsed
from core.recognise import from_config, recognised
from core.weights import CheckpointError, read_safetensors, read_state_dict

MOST_LABEL = 2**15 - 1  # save_map writes 16 bits
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"


class Opened(NamedTuple):
    """A model with what a command needs to know of where it comes from."""

    model: VAE
    folder: Path | None  # where its files lie; None: code, or a bare file
    ours: bool  # the folder may be written into; the copy of a model on the Hub may not
    config: dict[str, Any]  # of its config.json; without one, empty


class Checkpoint(NamedTuple):
    """What a checkpoint's folder says about itself, without its weights."""

    name: str
    path: Path
    config: dict[str, Any]
    metrics: dict[str, Any] | None  # None until `python -m core evaluate` has run


def checkpoints_root(root: Path | None) -> Path:
    """Where checkpoints lie by name: `root`, or CHECKPOINTS as it is when this is called."""
    return CHECKPOINTS if root is None else root


def find_checkpoint(path_or_name: str | Path, root: Path | None = None) -> Path:
    """The folder (or tutorial's state_dict file) that a path or a name below `root` means; where
    neither exists, the download of the Hub's repository `owner/name`."""
    root = checkpoints_root(root)
    for path in (Path(path_or_name), root / path_or_name):
        if path.is_file() or (path / "config.json").is_file():
            return path
    if foreign.is_factory(str(path_or_name)):
        raise CheckpointError(
            f"{path_or_name} is code and no folder, so nothing can be kept of it or in it. Models "
            "out of code are for evaluate, sample, reconstruct, repair, export and for the page."
        )
    if hub.is_repo_id(str(path_or_name)):
        return hub.download(str(path_or_name))
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
    if hub.is_repo_id(str(path_or_name)):
        raise CheckpointError(
            f"{path_or_name} is a model on the Hub, whose copy here is not for writing into; copy "
            f"{folder} to checkpoints/{Path(path_or_name).name} and name that."
        )
    return folder


def list_checkpoints(root: Path | None = None) -> list[str]:
    """Names of all checkpoints below `root`, in alphabetical order."""
    return sorted(path.parent.name for path in checkpoints_root(root).glob("*/config.json"))


def fingerprint(path: Path) -> tuple[int, ...]:
    """Changes whenever a file that a page is made of is replaced; for caches.

    Times alone do not tell: copies keep them, and a clock may be set back.
    """
    names = (
        "config.json", "model.safetensors", "map.npz", "repair.safetensors", "prior.safetensors"
    )  # fmt: skip
    return tuple(number for name in names for number in identity(path / name))


def identity(file: Path) -> tuple[int, ...]:
    """Another one whenever the file is replaced; zeros while there is none."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def describe(path_or_name: str | Path, root: Path | None = None) -> Checkpoint:
    """Config and metrics of a checkpoint folder."""
    path = find_checkpoint(path_or_name, root)
    metrics = path / "metrics.json"
    return Checkpoint(
        path.resolve().name,
        path,
        _read_json(path / "config.json"),
        _read_json(metrics) if metrics.exists() else None,
    )


def config_of(model: VAE) -> Config:
    """The part of config.json that builds the network again."""
    return {"architecture": type(model).__name__, **model.config()}


def save_checkpoint(path: Path, model: VAE, **provenance: object) -> None:
    """Write config.json and model.safetensors into the folder `path`.

    `provenance` (dataset, training, ...) goes into config.json beside the architecture.
    """
    config = {
        **config_of(model),
        **provenance,
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
    }
    path.mkdir(parents=True, exist_ok=True)
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    header = {"config": json.dumps(config)}  # so that this file alone is a model
    content, file = serialized(weights, header), path / "model.safetensors"
    if not file.exists() or file.read_bytes() != content:
        (path / "metrics.json").unlink(missing_ok=True)  # figures of the weights that go now
        replace(file, lambda temporary: temporary.write_bytes(content))
    write_json(path / "config.json", config)


def load_checkpoint(
    path_or_name: str | Path, root: Path | None = None, *, trusted: bool = False
) -> VAE:
    """The model of a checkpoint: on the CPU, frozen, in eval mode; strict.

    Takes a name below `root`, a folder, a Hub repository's id or its local snapshot, a state_dict
    file as tutorials save it, and, only from who trusts it, code as `module:factory`. Raises
    CheckpointError naming the file and the field at fault. Shapes are compared before memory is
    taken, so a config.json cannot ask for more than the weights hold.
    """
    if trusted and foreign.is_factory(str(path_or_name)):
        return foreign.open_factory(str(path_or_name))
    path = find_checkpoint(path_or_name, root)
    if path.is_file():
        return recognised(read_state_dict(path, str(path)), str(path))
    config_file, weights_file = path / "config.json", path / "model.safetensors"
    return from_config(
        _read_json(config_file), read_safetensors(weights_file), str(config_file), str(weights_file)
    )


def open_model(path_or_name: str | Path) -> Opened:
    """What a command line names, code included. Raises CheckpointError."""
    model = load_checkpoint(path_or_name, trusted=True)
    if foreign.is_factory(str(path_or_name)):
        return Opened(model, None, False, {})
    path = find_checkpoint(path_or_name)
    if path.is_file():
        return Opened(model, None, False, {})
    ours = not hub.is_repo_id(str(path_or_name))
    return Opened(model, path, ours, _read_json(path / "config.json"))


def weights_digest(path: Path) -> str:
    """SHA-256 of a checkpoint's weights: what is derived from them carries it."""
    file = path / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def same_weights(path: Path, weights: str | None, what: str) -> str:
    """The weights_digest that `what`, about to be written into a checkpoint's folder, carries.

    `weights` is the one that was taken before it was made: in the minutes or hours between, a
    training may have replaced the file. Raises CheckpointError if one has. None: nothing could.
    """
    present = weights_digest(path)
    if weights not in (None, present):
        raise CheckpointError(
            f"{path / 'model.safetensors'} was replaced meanwhile; {what} of the old weights "
            "would not fit the new ones and was not kept. Try again."
        )
    return present


def save_map(path: Path, latent: LatentMap, *, weights: str | None = None) -> None:
    """Write map.npz, the encoded data set, into a checkpoint's folder; `weights` as same_weights
    takes it. Raises CheckpointError."""
    present = same_weights(path, weights, "the map")
    arrays = {
        "mu": latent.mu.numpy(),
        "labels": latent.labels.to(torch.int16).numpy(),
        "kl_per_dim": latent.kl_per_dim.numpy(),
        "weights": np.array(present),
        **{f"embedding_{name}": xy.numpy() for name, xy in latent.embeddings.items()},
        **({} if latent.images is None else {"images": latent.images.numpy()}),
    }

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # a file object: savez would append .npz to a name
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    try:
        replace(path / "map.npz", write)
    except OSError as error:
        raise CheckpointError(
            f"{path / 'map.npz'} cannot be written ({error.strerror or error}). The map that was "
            "there is kept. Free some space, or make the folder writable, and try again."
        ) from None


def load_map(path: Path) -> LatentMap | None:
    """The encoded data set of a checkpoint's folder, or None when there is no map.npz.

    Raises CheckpointError when the file is damaged or was made with other weights.
    """
    file = path / "map.npz"
    if not file.exists():
        return None
    again = f"Write it again with `python -m core evaluate {path.name}`."
    try:
        arrays = read_arrays(file)
        weights = str(arrays.get("weights", ""))
        latent = _latent_map(arrays)
    except Exception as error:  # np.load raises whatever zipfile, zlib or the parser raise
        raise CheckpointError(f"{file} is damaged ({error}). {again}") from None
    if weights != weights_digest(path):
        raise CheckpointError(f"{file} was made with other weights. {again}")
    return latent


def _latent_map(arrays: dict[str, np.ndarray]) -> LatentMap:
    """The arrays of a map.npz, each of the kind that save_map writes. Raises ValueError."""
    mu, labels, kl = (arrays[name] for name in ("mu", "labels", "kl_per_dim"))
    if mu.ndim != 2 or 0 in mu.shape:
        raise ValueError("it holds no points")
    n, d = mu.shape
    embeddings = {
        name.removeprefix("embedding_"): array
        for name, array in arrays.items()
        if name.startswith("embedding_")
    }
    if labels.shape != (n,) or kl.shape != (d,):
        raise ValueError("its arrays do not fit each other")
    if any(xy.shape != (n, 2) for xy in embeddings.values()):
        raise ValueError("its embeddings do not fit its points")
    for array in (mu, kl, *embeddings.values()):
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError("it holds numbers that are no finite float32")
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() <= MOST_LABEL:
        raise ValueError("its labels are not whole numbers of 16 bits")
    images = arrays.get("images")
    if images is not None and (
        images.dtype != np.uint8 or images.ndim != 4 or len(images) != n or 0 in images.shape
    ):
        raise ValueError("its images do not fit its points")
    return LatentMap(
        torch.from_numpy(mu),
        torch.from_numpy(labels.astype(np.int64)),
        torch.from_numpy(kl),
        {name: torch.from_numpy(xy) for name, xy in embeddings.items()},
        None if images is None else torch.from_numpy(images),
    )


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
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = parsed(file.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise CheckpointError(f"{file} is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{file} must hold a JSON object; it holds a {type(value).__name__}.")
    return value
