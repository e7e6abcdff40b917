"""The only caches: what a checkpoint's page is made of, shared by sessions and live channel.

Keyed on a checkpoint's id and the fingerprint of its files, so that a replaced checkpoint is read
again. functools and not st.cache_resource, because the live channel runs outside any session.
`core` is imported on first use: importing torch takes seconds, in which the server already
answers the browser and sends it the page.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from core import VAE
    from core.data import LabelledImages
    from core.latent import LatentMap, LinearProjection

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
