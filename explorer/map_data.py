"""What the 2-D map of a model's codes is drawn from: projections, places, pictures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.limits import ID_LENGTH, MAP_POINTS
from explorer import caches
from explorer.caching import per_checkpoint

if TYPE_CHECKING:
    from core.data import LabelledImages
    from core.projection import Projection

EMBEDDING_NAMES = {"umap": "UMAP", "tsne": "t-SNE"}


class LabelledCodes(NamedTuple):
    """Encoded images."""

    mu: np.ndarray  # (N, D) float32
    labels: np.ndarray  # (N,) int64


@per_checkpoint(max_entries=64)
def projection(name: str, id: str) -> Projection:
    """The projection that an id names: "pca", "lda", "umap", "tsne", "line", or "i,j" for two
    latent dimensions. Raises ValueError with a sentence."""
    from core import projection as projections

    latent = caches.latent_map(name)
    if latent.mu.shape[1] == 1:
        if id != "line":
            raise ValueError(f"A model of one dimension has no projection {id!r}.")
        return projections.only_dimension()
    if id == "pca":
        return projections.principal_plane(latent.mu)
    if id == "lda":
        return projections.discriminant_plane(latent.mu, latent.labels)
    if id in latent.embeddings:
        axes = (f"{EMBEDDING_NAMES[id]} 1", f"{EMBEDDING_NAMES[id]} 2")
        return projections.NeighbourProjection(
            latent.mu.numpy(), latent.embeddings[id].numpy(), axes
        )
    if not re.fullmatch("(0|[1-9][0-9]{0,3}),(0|[1-9][0-9]{0,3})", id):  # one spelling of each
        raise ValueError(f"There is no projection {id[: ID_LENGTH.most]!r}.")
    i, j = (int(part) for part in id.split(","))
    return projections.dimension_plane(latent.mu.shape[1], i, j)


def has_plane(name: str) -> bool:
    """Whether the encoded test set has a principal plane, on which the other panels show places. A
    model of one dimension has none, nor has a test set of one image."""
    return min(caches.latent_map(name).mu.shape) > 1


@per_checkpoint(max_entries=4)
def encoded(name: str, points: str) -> LabelledCodes:
    """The encoded images of a map: of the test set ("test") or of training and test set ("all").

    Indices go through the test set first, so that those of "test" hold for both.
    """
    from core.latent import encode_images

    _known(points)
    latent = caches.latent_map(name)
    if points == "test":
        return LabelledCodes(latent.mu.numpy(), latent.labels.numpy())
    train = _training_images(name)
    mu, _ = encode_images(caches.model(name), train.images)
    return LabelledCodes(
        np.concatenate([latent.mu.numpy(), mu.numpy()]),
        np.concatenate([latent.labels.numpy(), train.labels.numpy()]),
    )


def _training_images(name: str) -> LabelledImages:
    """Raises ValueError where a map of them as well would have more than MAP_POINTS."""
    train = caches.images_of(name, "train")
    if (count := len(caches.test_set(name).images) + len(train.images)) > MAP_POINTS.most:
        raise ValueError(
            f"A map takes at most {MAP_POINTS} images; with the training images this one would "
            f"have {count:,}. Those of the test set are on it."
        )
    return train


def _known(points: str) -> None:
    if points not in ("test", "all"):
        raise ValueError(
            f"There are no points {points[: ID_LENGTH.most]!r}: a map has those of 'test' or 'all'."
        )


@per_checkpoint(max_entries=16)
def places(name: str, id: str, points: str) -> np.ndarray:
    """Where a projection puts the encoded images, (N, 2) float32."""
    from core.projection import histogram_strip

    codes = encoded(name, points)
    if id == "line":
        return histogram_strip(codes.mu[:, 0])
    return projection(name, id).project(codes.mu).astype(np.float32)


@per_checkpoint(max_entries=8)
def map_figure(name: str, id: str, points: str) -> str:
    """The map as the JSON of a plotly figure."""
    from explorer import figures

    return figures.latent_map(
        places(name, id, points),
        encoded(name, points).labels,
        caches.classes(name),
        projection(name, id).names,
        square=id != "line",
    ).to_json()


@per_checkpoint(max_entries=4)
def pictures(name: str, points: str) -> bytes:
    """The images of a map as gzipped bytes, (N, C, H, W) row-major, in the order of `encoded`.

    One byte a pixel and no PNG: a sheet of 70,000 digits would take the browser 220 MB to unpack.
    """
    import gzip

    from core.images import to_uint8

    _known(points)
    parts = (
        [caches.test_set(name)]
        if points == "test"
        else [caches.test_set(name), _training_images(name)]
    )
    raw = b"".join(to_uint8(part.images).numpy().tobytes() for part in parts)
    return gzip.compress(raw, 1)


class ShadowMap(NamedTuple):
    """The encoded test set as a picture to lie under something else."""

    png: bytes
    bounds: tuple[float, float, float, float]  # of the "pca" plane: left, right, bottom, top


@per_checkpoint(max_entries=8)
def shadow_map(name: str) -> ShadowMap:
    """The test set on its principal plane, faint. ValueError where it has none."""
    from explorer import figures

    if not has_plane(name):
        raise ValueError("This map needs at least two test images and two latent dimensions.")
    xy = places(name, "pca", "test")
    bounds = figures.bounds(xy)
    labels = encoded(name, "test").labels
    return ShadowMap(figures.shadow_map(xy, labels, bounds), bounds)
