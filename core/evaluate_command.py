"""The command that measures a checkpoint: metrics.json, map.npz and prior.safetensors."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from tqdm import tqdm

from core import data, images, latent
from core.checkpoint import (
    CheckpointError,
    load_map,
    open_model,
    same_weights,
    save_map,
    weights_digest,
    write_json,
)
from core.data import DataError, LabelledImages
from core.foreign import ForeignVAE
from core.frechet import load_classifier, sample_distances
from core.journal import Journal
from core.metrics import evaluate
from core.model import VAE
from core.prior import fit_mixture, save_mixture
from core.processes import join

SMALL_MAP = 16 * 2**20  # bytes of images that a folder's map keeps without being asked


def evaluate_command(
    name: tyro.conf.Positional[str],
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
    nll: int = 0,
    seed: int = 0,
    dataset: str | None = None,
    keep_images: int | None = None,
    progress: Literal["bar", "lines"] = "bar",
) -> None:
    """Measure a checkpoint on its test set; writes metrics.json, map.npz and prior.safetensors.

    Under torchrun the processes share the work and the figures are the same. An evaluation that
    was stopped goes on where it was when it is called again.

    Args:
        name: A checkpoint's name or folder; or a model on the Hub as owner/name, a state_dict
            file, your own code as module:factory, whose figures are printed and not kept.
        json_: Print the figures as one JSON object on the last line.
        nll: Importance samples for -log p(x) on dynamically binarised images; 0 leaves it out.
        seed: Of the noise and the binarisation.
        dataset: What a model that does not say so was trained on; mnist when left out.
        keep_images: Make the map of the first so many test images and keep them in it, so that
            the page opens where the data set is not; 0 keeps none. By default all of a folder's
            are kept when they are small, and none of a data set that can be fetched.
        progress: A bar for people, or lines "evaluate 500 10000" for programs.
    """
    processes = join()
    model, folder, ours, config = open_model(name)
    folder = folder if ours else None
    if dataset not in (None, config.get("dataset", dataset)):
        raise ValueError(f"{name} was trained on {config['dataset']}; leave --dataset out.")
    sizes = {"image_size": model.image_size, "channels": model.image_shape[0]}
    config = {"dataset": dataset or "mnist", **config, **sizes}
    test = data.load_split(config, "test")
    kept = _images_to_keep(config, test, keep_images)
    weights = weights_digest(folder) if folder else ""
    # MPS has no float64, and a person's own code stays where it was tried.
    on_gpu = processes.device.type == "cuda" and not isinstance(model, ForeignVAE)
    model = model.to(processes.device if on_gpu else "cpu")
    key = {"weights": weights, "images": _digest(test.images), "seed": seed, "nll": nll}
    journal = Journal(folder, "evaluation", key, processes.index) if folder else None
    bars = processes.bar if progress == "bar" else {"disable": True}
    with tqdm(total=len(test.images), desc="evaluate", unit="image", **bars) as bar:

        def on_step(done: int, total: int) -> None:
            bar.update(done - bar.n)
            if progress == "lines" and processes.is_main:
                print("evaluate", done, total, flush=True)

        metrics = evaluate(
            model, test.images, seed=seed, nll=nll, processes=processes, journal=journal,
            on_step=on_step,
        )  # fmt: skip
    mapped = test if kept is None else LabelledImages(*(part[:kept] for part in test))
    found = latent.latent_map(model, *mapped, processes=processes)
    if not processes.is_main:
        return
    if folder:
        found = found._replace(
            embeddings=kept_embeddings(folder, found.mu),
            images=None if kept is None else images.to_uint8(mapped.images),
        )
        save_map(folder, found, weights=weights)
        metrics |= _prior(folder, weights, model.cpu(), config, test, seed)
        metrics["evaluated"] = datetime.date.today().isoformat()
        same_weights(folder, weights, "metrics.json")
        write_json(folder / "metrics.json", metrics)
    if journal:
        journal.remove()
    _print(metrics)
    if not folder:
        print(f"Only printed: {name} has no folder of its own here to keep figures and map in.")
    if json_:
        print(json.dumps(metrics))


def _prior(
    folder: Path,
    weights: str,
    model: VAE,
    config: Mapping[str, Any],
    test: LabelledImages,
    seed: int,
) -> dict[str, float]:
    """Fit the mixture over the encoded training images, keep it, and measure both priors: where
    the training images are not at hand, neither."""
    try:
        train = data.load_split(config, "train")
    except DataError:
        return {}
    mixture = fit_mixture(*latent.encode_images(model, train.images), seed=seed)
    save_mixture(folder, mixture, weights=weights)
    classifier = load_classifier(config["dataset"])
    if classifier is None or model.image_shape != (1, 28, 28):
        return {}
    return sample_distances(model, mixture, test.images, classifier, seed=seed)


def _print(metrics: Mapping[str, Any]) -> None:
    for key, value in metrics.items():
        if not isinstance(value, list):
            shown = f"{value:.4f}" if isinstance(value, float) else str(value)
            print(f"{key:22} {shown}")


def _digest(pictures: torch.Tensor) -> str:
    return hashlib.sha256(pictures.numpy().data).hexdigest()


def _images_to_keep(
    config: Mapping[str, Any], test: LabelledImages, asked: int | None
) -> int | None:
    """How many test images go into the map; None: the map is of all, without their images."""
    if asked is None:
        small = test.images.numel() <= SMALL_MAP and data.is_folder(config["dataset"])
        return len(test.images) if small else None
    if asked and not 2 <= asked <= len(test.images):
        raise ValueError(
            f"--keep-images must be 0 or lie between 2 and {len(test.images)}, the number of test "
            f"images; it is {asked}."
        )
    return asked or None


def kept_embeddings(folder: Path, mu: torch.Tensor) -> Mapping[str, torch.Tensor]:
    """UMAP and t-SNE of a map.npz of the same codes (N, D); they take minutes to make."""
    try:
        before = load_map(folder)
    except CheckpointError:
        return {}
    same = (
        before is not None
        and before.mu.shape == mu.shape
        and torch.allclose(before.mu, mu, atol=1e-3)
    )
    return before.embeddings if before and same else {}
