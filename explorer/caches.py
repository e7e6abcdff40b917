"""The only caches: what a checkpoint's page is made of, shared by sessions and live channel.

Keyed on a checkpoint's id and the fingerprint of its files, so that a replaced checkpoint is read
again. functools and not st.cache_resource, because the live channel runs outside any session.
`core` is imported on first use: importing torch takes seconds, in which the server already
answers the browser and sends it the page.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from core import VAE
    from core.data import LabelledImages
    from core.latent import LatentMap, LinearProjection
    from core.posterior import PartialEncoder
    from explorer.repairs import Ask, Completed

T = TypeVar("T")

DEFAULT_CHECKPOINT = "mnist-mlp-20"
SPRITE_COLUMNS = 100  # 10,000 digits of 28 px make a sheet of 2,800 px square


def per_checkpoint(max_entries: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Cache a function whose first argument is a checkpoint's id."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.lru_cache(maxsize=max_entries)
        def cached(name: str, _fingerprint: tuple[int, ...], *rest: object) -> T:
            return function(name, *rest)

        @functools.wraps(function)
        def call(name: str, *rest: object) -> T:
            from core.checkpoint import CHECKPOINTS, CheckpointError, fingerprint, list_checkpoints

            if name not in list_checkpoints():  # an id out of the list, never a path
                raise CheckpointError(f"There is no checkpoint {name!r}.")
            return cached(name, fingerprint(CHECKPOINTS / name), *rest)

        return call

    return decorate


@per_checkpoint(max_entries=8)
def model(name: str) -> VAE:
    """The frozen model of a checkpoint. Raises CheckpointError."""
    from core import load_checkpoint

    return load_checkpoint(name)


@per_checkpoint(max_entries=8)
def latent_map(name: str) -> LatentMap:
    """Its encoded test set: map.npz, or computed now when it has none."""
    from core.checkpoint import CHECKPOINTS, CheckpointError, load_map
    from core.latent import latent_map as encode

    found = load_map(CHECKPOINTS / name)
    if found is None:
        found = encode(model(name), *test_set(name))
    if found.mu.shape[1] != model(name).z_dim:
        raise CheckpointError(
            f"checkpoints/{name}/map.npz: field 'mu' has {found.mu.shape[1]} dimensions, the model "
            f"{model(name).z_dim}. Write it again with `python -m core evaluate {name}`."
        )
    return found


@per_checkpoint(max_entries=64)
def plane(name: str, projection: str) -> LinearProjection:
    """The plane that a projection's id names: "pca", or "i,j" for two latent dimensions."""
    from core.latent import dimension_plane, principal_plane

    if projection == "pca":
        return principal_plane(latent_map(name).mu)
    try:
        i, j = (int(part) for part in projection.split(","))
    except ValueError:
        raise ValueError(f"There is no projection {projection!r}.") from None
    return dimension_plane(model(name).z_dim, i, j)


@per_checkpoint(max_entries=16)
def map_figure(name: str, projection: str) -> str:
    """The map as the JSON of a plotly figure."""
    from explorer import figures

    latent, flat = latent_map(name), plane(name, projection)
    from core.data import find_source

    return figures.latent_map(
        flat.project(latent.mu.numpy()),
        latent.labels.numpy(),
        find_source(dataset_of(name)).classes,
        flat.names,
    ).to_json()


@per_checkpoint(max_entries=2)
def sprites(name: str) -> bytes:
    """All test digits as one PNG, SPRITE_COLUMNS a row."""
    from core.images import sprite_sheet

    return sprite_sheet(test_set(name).images, columns=SPRITE_COLUMNS)


class ShadowMap(NamedTuple):
    """The encoded test set as a picture to lie under something else."""

    png: bytes
    bounds: tuple[float, float, float, float]  # of the "pca" plane: left, right, bottom, top


@per_checkpoint(max_entries=8)
def shadow_map(name: str) -> ShadowMap:
    """The test set on its principal plane, faint. ValueError for a model of one dimension."""
    from explorer import figures

    latent = latent_map(name)
    if latent.mu.shape[1] < 2:
        raise ValueError("A map needs at least two latent dimensions; this model has one.")
    xy = plane(name, "pca").project(latent.mu.numpy())
    bounds = figures.bounds(xy)
    return ShadowMap(figures.shadow_map(xy, latent.labels.numpy(), bounds), bounds)


@per_checkpoint(max_entries=8)
def posterior(name: str) -> PartialEncoder | None:
    """Its partial encoder; None if none was trained. Raises CheckpointError."""
    from core.checkpoint import CHECKPOINTS
    from core.posterior import load_posterior

    return load_posterior(CHECKPOINTS / name)


class _Slot:
    """A place for one result. Whoever comes second waits for the first and finds it there."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.completed: Completed | None = None


@per_checkpoint(max_entries=64)
def _completion_slot(name: str, ask: Ask) -> _Slot:
    return _Slot()


def completion(
    name: str, ask: Ask, on_step: Callable[[int, int], None] = lambda done, total: None
) -> Completed:
    """A repair, found once for the socket that asks and the page that then shows it.

    on_step is heard by the one that computes. Raises RepairError, which is not kept.
    """
    from explorer import repairs

    slot: _Slot = _completion_slot(name, ask)
    with slot.lock:
        if slot.completed is None:
            slot.completed = repairs.complete(name, ask, on_step)
        return slot.completed


def dataset_of(name: str) -> str:
    """The data set that a checkpoint was trained on."""
    from core.checkpoint import describe

    return describe(name).config.get("dataset", "mnist")


def test_set(name: str) -> LabelledImages:
    """The test split of that data set; core.data keeps it in memory. Raises DataError."""
    from core.data import load_dataset

    return load_dataset(dataset_of(name), "test")


def checkpoints() -> list[str]:
    """The ids of all checkpoints; never cached, a training may just have made one."""
    from core import list_checkpoints

    return list_checkpoints()
