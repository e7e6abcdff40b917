"""Statistics of the encoded data: which dimensions are used, in what order, over which range.

Shapes: N images, D latent dimensions. Everything here is a plain value: no files, no figures.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from core.model import VAE
from core.objective import kl_per_dim
from core.processes import Processes

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016: a unit is active when Var_x(mu_d) is above this
BLOCK = 1000  # images that a process encodes at a time
RANGE = (0.005, 0.5, 0.995)  # quantiles of mu_d: where a slider begins, its middle, where it ends


class LatentMap(NamedTuple):
    """An encoded data set: what the map, the slider ranges and their order are made of."""

    mu: Tensor  # (N, D) float32
    labels: Tensor  # (N,) int64
    kl_per_dim: Tensor  # (D,) nats, mean over the data
    embeddings: Mapping[str, Tensor] = MappingProxyType({})  # "umap", "tsne": (N, 2) float32
    images: Tensor | None = None  # (N, C, H, W) uint8, where they are kept beside their codes

    @property
    def active(self) -> Tensor:
        """(D,) bool: which dimensions carry information about the image."""
        return self.mu.var(0, correction=0) > ACTIVE_VARIANCE

    @property
    def order(self) -> list[int]:
        """Dimensions by decreasing KL: the useful ones first."""
        return torch.argsort(self.kl_per_dim, descending=True, stable=True).tolist()

    @property
    def ranges(self) -> Tensor:
        """(D, 3): the 0.5% quantile of mu, its median and its 99.5% quantile in each dimension.

        A dimension that carries nothing has no range to speak of; it gets the prior's, so that it
        can be moved and seen to do nothing.
        """
        quantiles = self.mu.quantile(torch.tensor(RANGE, dtype=self.mu.dtype), dim=0).T
        prior = torch.tensor([-3.0, 0.0, 3.0])
        return torch.where(self.active[:, None], quantiles, prior)

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


def latent_map(
    model: VAE,
    images: Tensor,
    labels: Tensor,
    *,
    processes: Processes = Processes(),  # noqa: B008  an immutable value
) -> LatentMap:
    """Encode a labelled data set; each of `processes` does its share, all return the same."""
    blocks = images.split(BLOCK)
    mine = processes.share(list(range(len(blocks))))
    done = processes.gather({block: encode_images(model, blocks[block]) for block in mine})
    mu, log_var = (torch.cat(column) for column in zip(*done, strict=True))
    return LatentMap(mu, labels, kl_per_dim(mu, log_var).mean(0))


def nearest_labels(mu: Tensor, latent: LatentMap, *, neighbours: int = 10) -> Tensor:
    """The commonest label among the encoded pictures nearest to each of mu (K, D), (K,) int64."""
    nearest = torch.cdist(mu, latent.mu).topk(min(neighbours, len(latent.mu)), largest=False)
    return latent.labels[nearest.indices].mode(1).values
