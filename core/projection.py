"""Two-dimensional views of the latent space: where z lies on a map, and which z lies at a place.

A projection is a small class with two methods, project(z) -> xy and lift(xy, z) -> z. For the
linear ones lift is exact: z moves inside the plane and keeps the part of it that lies outside. UMAP
and t-SNE have no inverse; there both directions go through the nearest encoded images. The browser
follows the hand by the same lines: explorer/components/latent_map/projection.js.

Shapes: N images, D latent dimensions, leading dimensions (...) are free.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.latent import ACTIVE_VARIANCE

NEIGHBOURS = 8  # of a NeighbourProjection
SHRINKAGE = 1e-4  # of the covariance within classes towards a sphere, for what hardly varies
STRIP_BINS = 120  # of a histogram strip


class LinearProjection(NamedTuple):
    """A plane through the latent space.

    `axes` are the rows that project; `lifts` the rows by which z moves when xy does, with
    axes @ lifts.T the identity, so that project(lift(xy, z)) == xy and nothing else changes more
    than it must. For orthonormal axes both are the same.
    """

    origin: np.ndarray  # (D,)
    axes: np.ndarray  # (2, D)
    lifts: np.ndarray  # (2, D)
    names: tuple[str, str]

    def project(self, z: np.ndarray) -> np.ndarray:
        """(..., D) -> (..., 2)."""
        return (z - self.origin) @ self.axes.T

    def lift(self, xy: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The z' nearest to z with project(z') == xy: (..., 2), (..., D) -> (..., D)."""
        return z + (xy - self.project(z)) @ self.lifts


class NeighbourProjection(NamedTuple):
    """A map without a formula: places of N encoded images, for all else the mean of neighbours'.

    Both directions weigh the nearest images by their inverse distance (Shepard 1968): an encoded
    image lies exactly where the map has it, and lifting its place gives back its mu. Along
    dimensions that carry nothing, no distance counts.
    """

    mu: np.ndarray  # (N, D)
    xy: np.ndarray  # (N, 2)
    names: tuple[str, str]

    def project(self, z: np.ndarray) -> np.ndarray:
        """(..., D) -> (..., 2)."""
        active = self.mu.var(0) > ACTIVE_VARIANCE
        if not active.any():
            active[:] = True
        return _interpolated(z[..., active], self.mu[:, active], self.xy)

    def lift(self, xy: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The weighted mean of the neighbours' mu; z itself plays no part."""
        del z
        return _interpolated(xy, self.xy, self.mu)


Projection = LinearProjection | NeighbourProjection


def _interpolated(at: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Inverse-distance weighting of the NEIGHBOURS nearest places (N, P): (..., P) -> (..., V)."""
    points = torch.from_numpy(np.ascontiguousarray(at, np.float32)).reshape(-1, places.shape[1])
    known = torch.from_numpy(np.ascontiguousarray(places, np.float32))
    neighbours = min(NEIGHBOURS, len(known))
    found = []
    for chunk in points.split(1024):  # (1024, N) distances at a time
        nearest = torch.cdist(chunk, known).topk(neighbours, largest=False).indices
        # cdist multiplies matrices and finds a place a little off from itself: again, exactly.
        distances = torch.linalg.vector_norm(known[nearest] - chunk[:, None], dim=2)
        weights = 1 / distances.clamp_min(1e-6)
        weights = weights / weights.sum(1, keepdim=True)
        found.append((weights[:, :, None] * torch.from_numpy(values)[nearest]).sum(1))
    return torch.cat(found).numpy().reshape(*at.shape[:-1], values.shape[1])


def dimension_plane(z_dim: int, i: int, j: int) -> LinearProjection:
    """The plane of two latent dimensions as they are."""
    if i == j or not (0 <= i < z_dim and 0 <= j < z_dim):
        raise ValueError(f"A plane takes two different dimensions below {z_dim}; got {i} and {j}.")
    axes = np.zeros((2, z_dim), np.float32)
    axes[0, i] = axes[1, j] = 1
    return LinearProjection(np.zeros(z_dim, np.float32), axes, axes, (f"z{i}", f"z{j}"))


def principal_plane(mu: Tensor) -> LinearProjection:
    """The first two principal components of mu (N, D). Raises ValueError unless N, D are above 1.

    The sign of a component is free; its largest entry is made positive so that maps of the same
    model look the same everywhere.
    """
    if min(mu.shape) < 2:
        n, z_dim = mu.shape
        raise ValueError(
            "Principal components need two images and two dimensions or more; there are "
            f"{n} and {z_dim}."
        )
    origin = mu.mean(0)
    covariance = torch.cov(mu.T.double())
    variances, vectors = torch.linalg.eigh(covariance)  # ascending
    axes = _signed(vectors[:, [-1, -2]].T).float().numpy()  # (2, D)
    share = (variances[[-1, -2]] / variances.sum().clamp_min(1e-30)).tolist()
    names = tuple(f"PC{n} ({part:.0%} of variance)" for n, part in enumerate(share, 1))
    return LinearProjection(origin.numpy(), axes, axes, names)  # type: ignore[arg-type]


def discriminant_plane(mu: Tensor, labels: Tensor) -> LinearProjection:
    """Fisher's linear discriminants: the two directions that best part the classes.

    mu (N, D), D at least 2, labels (N,). Raises ValueError with fewer than three classes, which
    two directions cannot part. Dimensions that carry nothing are left out: next to no variance
    within classes would make them count most, and moving along them changes no picture.
    """
    kinds = labels.unique()
    if len(kinds) < 3:
        raise ValueError(
            f"Linear discriminants need three classes or more; this data has {len(kinds)}."
        )
    active = (mu.var(0, correction=0) > ACTIVE_VARIANCE).nonzero()[:, 0]
    if len(active) < 2:
        active = torch.arange(mu.shape[1])
    # A page opens with this map, and importing scikit-learn for it takes longer than all the rest.
    x = mu[:, active].double()
    total = torch.cov(x.T, correction=0)
    groups = [x[labels == kind] for kind in kinds]
    within = sum((len(g) / len(x) * torch.cov(g.T, correction=0) for g in groups), 0 * total)
    sphere = within.diagonal().mean().clamp_min(1e-12) * torch.eye(len(within))
    shrunk = within + SHRINKAGE * sphere
    whiten = torch.linalg.inv(torch.linalg.cholesky(shrunk))
    ratios, vectors = torch.linalg.eigh(whiten @ (total - within) @ whiten.T)  # ascending
    found = _signed(vectors[:, [-1, -2]].T @ whiten).float().numpy()  # (2, active)
    axes, lifts = np.zeros((2, 2, mu.shape[1]), np.float32)
    axes[:, active] = found
    # They are not orthogonal; the pseudoinverse moves z least.
    lifts[:, active] = np.linalg.pinv(found).T
    share = (ratios[[-1, -2]] / ratios.sum().clamp_min(1e-30)).tolist()
    names = (f"LD1 ({share[0]:.0%} between classes)", f"LD2 ({share[1]:.0%} between classes)")
    return LinearProjection(mu.mean(0).numpy(), axes, lifts, names)


def only_dimension() -> LinearProjection:
    """The line of a model with a single dimension: across it lies z, up nothing."""
    axes = np.array([[1], [0]], np.float32)
    return LinearProjection(np.zeros(1, np.float32), axes, axes, ("z0", "digits"))


def histogram_strip(z: np.ndarray) -> np.ndarray:
    """Places (N, 2) for z (N,): each at its z, stacked upon the others of its bin.

    The outline is the histogram, and every image still has a place of its own.
    """
    low, high = float(z.min()), float(z.max())
    bins = np.minimum(((z - low) / max(high - low, 1e-9) * STRIP_BINS).astype(int), STRIP_BINS - 1)
    order = np.argsort(bins, kind="stable")
    first = np.searchsorted(bins[order], np.arange(STRIP_BINS))
    height = np.empty(len(z), np.float32)
    height[order] = np.arange(len(z)) - first[bins[order]] + 1
    return np.stack([z.astype(np.float32), height], 1)


def _signed(axes: Tensor) -> Tensor:
    """Each row with its largest entry positive."""
    return axes * torch.sign(axes.gather(1, axes.abs().argmax(1, keepdim=True)))


def available(z_dim: int, classes: int, embeddings: Sequence[str]) -> list[str]:
    """Ids of the projections that a model of this size on this data has."""
    if z_dim == 1:
        return ["line"]
    return ["pca", *(["lda"] if classes >= 3 else []), *embeddings, "dimensions"]


def default_projection(z_dim: int, classes: int) -> str:
    """Which of them a model's map opens with: all of it where two dimensions are all; else the
    plane that parts the classes, or, where there are none, the one of the widest spread. Of a VAE
    the latter is next to useless: the KL term makes the codes spread alike in all directions."""
    if z_dim <= 2:
        return "line" if z_dim == 1 else "dimensions"
    return "lda" if classes >= 3 else "pca"
