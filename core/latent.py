"""Statistics of the encoded data and the 2-D views of it.

Shapes: N images, D latent dimensions. Everything here is a plain value: no files, no figures.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.model import VAE
from core.objective import kl_per_dim

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016: a unit is active when Var_x(mu_d) is above this


class LatentMap(NamedTuple):
    """An encoded data set: what the map, the slider ranges and their order are made of."""

    mu: Tensor  # (N, D) float32
    labels: Tensor  # (N,) int64
    kl_per_dim: Tensor  # (D,) nats, mean over the data

    @property
    def active(self) -> Tensor:
        """(D,) bool: which dimensions carry information about the image."""
        return self.mu.var(0) > ACTIVE_VARIANCE

    @property
    def order(self) -> list[int]:
        """Dimensions by decreasing KL: the useful ones first."""
        return torch.argsort(self.kl_per_dim, descending=True, stable=True).tolist()

    @property
    def radius(self) -> float:
        """Half-width of a range that holds 99.9% of mu in every dimension and the prior's +-3."""
        return max(3.0, float(self.mu.abs().quantile(0.999, dim=0).max()))


@torch.no_grad()
def encode_images(model: VAE, images: Tensor, *, batch_size: int = 2048) -> tuple[Tensor, Tensor]:
    """mu and log_var of all images, each (N, D), on the images' device."""
    device = next(model.parameters()).device
    parts = [model.encode(batch.to(device)) for batch in images.split(batch_size)]
    mu, log_var = (torch.cat(column).to(images.device) for column in zip(*parts, strict=True))
    return mu, log_var


def latent_map(model: VAE, images: Tensor, labels: Tensor) -> LatentMap:
    """Encode a labelled data set."""
    mu, log_var = encode_images(model, images)
    return LatentMap(mu, labels, kl_per_dim(mu, log_var).mean(0))


def nearest_labels(mu: Tensor, latent: LatentMap, *, neighbours: int = 10) -> Tensor:
    """The commonest label among the encoded pictures nearest to each of mu (K, D), (K,) int64."""
    nearest = torch.cdist(mu, latent.mu).topk(min(neighbours, len(latent.mu)), largest=False)
    return latent.labels[nearest.indices].mode(1).values


class LinearProjection(NamedTuple):
    """A plane through the latent space with orthonormal axes.

    `lift` is exact: it moves z inside the plane and leaves the part of z outside it as it is, so
    project(lift(xy, z)) == xy. `explorer/components/live.js` does the same two lines.
    """

    origin: np.ndarray  # (D,)
    axes: np.ndarray  # (2, D), orthonormal rows
    names: tuple[str, str]

    def project(self, z: np.ndarray) -> np.ndarray:
        """(..., D) -> (..., 2)."""
        return (z - self.origin) @ self.axes.T

    def lift(self, xy: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The z' nearest to z with project(z') == xy: (..., 2), (..., D) -> (..., D)."""
        return z + (xy - self.project(z)) @ self.axes


def dimension_plane(z_dim: int, i: int, j: int) -> LinearProjection:
    """The plane of two latent dimensions as they are."""
    if i == j or not (0 <= i < z_dim and 0 <= j < z_dim):
        raise ValueError(f"A plane takes two different dimensions below {z_dim}; got {i} and {j}.")
    axes = np.zeros((2, z_dim), np.float32)
    axes[0, i] = axes[1, j] = 1
    return LinearProjection(np.zeros(z_dim, np.float32), axes, (f"z{i}", f"z{j}"))


def principal_plane(mu: Tensor) -> LinearProjection:
    """The first two principal components of mu (N, D), D at least 2.

    The sign of a component is free; its largest entry is made positive so that maps of the same
    model look the same everywhere.
    """
    origin = mu.mean(0)
    covariance = torch.cov(mu.T.double())
    variances, vectors = torch.linalg.eigh(covariance)  # ascending
    axes = vectors[:, [-1, -2]].T  # (2, D)
    axes = axes * torch.sign(axes.gather(1, axes.abs().argmax(1, keepdim=True)))
    share = (variances[[-1, -2]] / variances.sum()).tolist()
    return LinearProjection(
        origin.numpy(),
        axes.float().numpy(),
        (f"PC1 ({share[0]:.0%} of variance)", f"PC2 ({share[1]:.0%} of variance)"),
    )
