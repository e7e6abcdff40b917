"""What a checkpoint's page is made of, computed once for all sessions and the live channel.

`core` is imported on first use: importing torch takes seconds, in which the server already
answers the browser and sends it the page.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.limits import REPAIR_SECONDS, REPAIRS_KEPT
from explorer import catalogue, datasets
from explorer.caching import Slot, per_checkpoint
from explorer.served import SERVED

if TYPE_CHECKING:
    from torch import Tensor

    from core import VAE
    from core.data import LabelledImages
    from core.latent import LatentMap
    from core.posterior import PartialEncoder
    from core.prior import GaussianMixture
    from core.typicality import Reference
    from core.walk import Walk
    from explorer.repairs import Ask, Completed


@per_checkpoint(max_entries=8)
def model(name: str) -> VAE:
    """The frozen model of a checkpoint. Raises CheckpointError."""
    from core import load_checkpoint

    return SERVED[name].model if name in SERVED else load_checkpoint(catalogue.folder(name))


class StoredMap(NamedTuple):
    """A checkpoint's map.npz, and what was wrong with it, if anything."""

    latent: LatentMap | None
    problem: str | None


@per_checkpoint(max_entries=8)
def stored_map(name: str) -> StoredMap:
    """map.npz; None where the file is missing, damaged or stale."""
    from core.checkpoint import CheckpointError, load_map

    found, problem = None, None
    try:
        found = load_map(catalogue.folder(name))
        if found is not None and (why := datasets.stale(found, facts(name), model(name))):
            raise CheckpointError(
                f"checkpoints/{name}/map.npz {why}. Write it again with "
                f"`python -m core evaluate {name}`."
            )
    except CheckpointError as error:
        found, problem = None, f"The map was computed anew: {error}"
    return StoredMap(found, problem)


class EncodedTestSet(NamedTuple):
    """A checkpoint's map, and what was wrong with its map.npz, if anything."""

    latent: LatentMap
    problem: str | None


@per_checkpoint(max_entries=8)
def encoded_test_set(name: str) -> EncodedTestSet:
    """map.npz, or the test set encoded now where the file is missing, damaged or stale."""
    from core.latent import latent_map as encode

    found, problem = stored_map(name)
    return EncodedTestSet(found or encode(model(name), *test_set(name)), problem)


def latent_map(name: str) -> LatentMap:
    """The encoded test set."""
    return encoded_test_set(name).latent


@per_checkpoint(max_entries=8)
def reference(name: str) -> Reference:
    """What core.typicality compares a z with."""
    from core import typicality

    return typicality.reference(latent_map(name))


@functools.lru_cache(maxsize=4)
def _measures(dataset: str) -> dict[str, Tensor]:
    from core.attributes import measure
    from core.data import load_dataset

    return measure(load_dataset(dataset, "test").images)


@per_checkpoint(max_entries=4)
def _measures_of_kept(name: str) -> dict[str, Tensor]:
    from core.attributes import measure

    return measure(test_set(name).images)


def measures(name: str) -> dict[str, Tensor]:
    """core.attributes.measure of its test pictures: one for all models of a data set. Raises
    DataError, also where the pictures are no handwriting."""
    from core.data import DataError

    if not subject(name).ink:
        raise DataError(datasets.NO_INK)
    if not _test_pictures(name).from_data:
        return _measures_of_kept(name)
    found, count = _measures(dataset_of(name)), len(test_set(name).images)
    if all(len(values) == count for values in found.values()):
        return found
    return {id: values[:count] for id, values in found.items()}


@per_checkpoint(max_entries=4)
def code_noise(name: str) -> np.ndarray:
    """(D,): the standard deviation that the encoder gives a test picture's code, on average."""
    from core.latent import encode_images

    _, log_var = encode_images(model(name), test_set(name).images)
    mean: np.ndarray = log_var.mul(0.5).exp().mean(0).numpy()
    return mean


@per_checkpoint(max_entries=8)
def attribute_correlations(name: str) -> np.ndarray:
    """(A, D): core.attributes.correlations of the test set."""
    from core.attributes import correlations

    return correlations(latent_map(name).mu, measures(name)).numpy()


@per_checkpoint(max_entries=8)
def attribute_directions(name: str) -> tuple[tuple[str, list[float]], ...]:
    """What changes each attribute, by the name of what a digit then becomes; nothing where the
    pictures are no handwriting."""
    from core.attributes import ATTRIBUTES, attribute_direction

    if not subject(name).ink:
        return ()
    mu = latent_map(name).mu
    found = (
        (ATTRIBUTES[id].direction, attribute_direction(mu, values))
        for id, values in measures(name).items()
    )
    return tuple((what, vector.tolist()) for what, vector in found if vector.any())


@per_checkpoint(max_entries=8)
def posterior(name: str) -> PartialEncoder | None:
    """Its partial encoder; None if none was trained. Raises CheckpointError."""
    from core.posterior import load_posterior

    return load_posterior(catalogue.folder(name))


@per_checkpoint(max_entries=8)
def prior_mixture(name: str) -> GaussianMixture | None:
    """Its mixture over the encoded data; None if there is none. Raises CheckpointError."""
    from core.checkpoint import CheckpointError
    from core.prior import load_mixture

    found = load_mixture(catalogue.folder(name))
    if found is not None and found.means.shape[1] != model(name).z_dim:
        raise CheckpointError(f"The prior of {name} has other dimensions than its model.")
    return found


@per_checkpoint(max_entries=REPAIRS_KEPT.most)
def _completion_slot(name: str, ask: Ask) -> Slot[Completed]:
    return Slot()


def completion(
    name: str, ask: Ask, on_step: Callable[[int, int], None] = lambda done, total: None
) -> Completed:
    """A repair, found once for the socket that asks and the page that then shows it.

    on_step(done, total) is heard by the one that computes; one that waits meanwhile for another to
    compute the same hears (0, 1). Raises RepairError, which is not kept, also after REPAIR_SECONDS.
    """
    from core.methods import RepairError
    from explorer import repairs

    end = time.monotonic() + REPAIR_SECONDS.most

    def heed(done: int, total: int) -> None:
        on_step(done, total)
        if time.monotonic() > end:
            at = f", at step {done} of {total}" if done else ""
            raise RepairError(
                f"The repair was stopped after {REPAIR_SECONDS} s{at}, as others wait. Ask for "
                "fewer steps or answers."
            )

    slot: Slot[Completed] = _completion_slot(name, ask)
    return slot.get(lambda: repairs.complete(name, ask, heed), lambda: heed(0, 1))


@per_checkpoint(max_entries=128)
def _walk_slot(name: str, method: str, keys: tuple[tuple[float, ...], ...], n: int) -> Slot[Walk]:
    return Slot()


def walk(
    name: str,
    method: str,
    keys: tuple[tuple[float, ...], ...],
    n: int,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Walk:
    """A walk of n pictures by one of core.walk.METHODS; on_step is heard by whoever computes it."""
    import torch

    from core import walk as walks

    slot: Slot[Walk] = _walk_slot(name, method, keys, n)
    return slot.get(lambda: walks.walk(model(name), method, torch.tensor(keys), n, on_step=on_step))


def has_walk(name: str, method: str, keys: tuple[tuple[float, ...], ...], n: int) -> bool:
    """Whether `walk` would answer at once."""
    return _walk_slot(name, method, keys, n).filled


def facts(name: str) -> dict[str, Any]:
    """Its config.json, with the sizes that its model really has."""
    built = model(name)
    sizes = {"image_size": built.image_size, "channels": built.image_shape[0]}
    return catalogue.described(name).config | sizes


def dataset_of(name: str) -> str:
    """The data set that a checkpoint was trained on: a name, or the path of a folder."""
    return datasets.dataset_of(facts(name))


@per_checkpoint(max_entries=16)
def subject(name: str) -> datasets.Subject:
    """What its pictures are."""
    return datasets.subject(facts(name), stored_map(name).latent)


def classes(name: str) -> tuple[str, ...]:
    """The names of its data set's classes; a single one where images have no labels."""
    return subject(name).classes


def decoded(name: str, z: np.ndarray) -> Tensor:
    """Images of points (N, D), (N, C, H, W)."""
    import torch

    return model(name).decode(torch.from_numpy(np.asarray(z, np.float32)))


def images_of(name: str, split: str) -> LabelledImages:
    """A split of that data set; core.data keeps it in memory. Raises DataError."""
    from core.data import load_split

    return load_split(facts(name), split)


@per_checkpoint(max_entries=4)
def _test_pictures(name: str) -> datasets.TestPictures:
    return datasets.test_pictures(facts(name), stored_map(name).latent)


def test_set(name: str) -> LabelledImages:
    """Its test pictures, in the order of `latent_map`: those of the data set or those that map.npz
    keeps. Raises DataError when there are neither."""
    return _test_pictures(name).pictures


def no_training(name: str) -> str | None:
    """Why the training pictures are not at hand, without reading them; None when they are."""
    from core.data import missing

    return missing(dataset_of(name), "train")
