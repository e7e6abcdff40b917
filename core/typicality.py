"""How usual a point of the latent space is: its distance to the encoded data, and log p(z).

A decoder answers any z; whether the answer means anything depends on whether z lies where the
encoder puts images. Only active dimensions count: along the others the decoder does not change.

Shapes: N images, D latent dimensions.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from core.latent import LatentMap

NEIGHBOURS = 8  # whose mean distance is taken
SAMPLE = 2000  # encoded images whose own distances say what is usual
ITSELF = 1e-4  # nearer than this, z is that image
IN, NEAR = 0.95, 0.995  # shares of the encoded images: up to here "in", up to here "near"


class Reference(NamedTuple):
    """What a z is compared with."""

    mu: Tensor  # (N, D) of active dimensions only
    columns: Tensor  # (D,) which those are
    usual: Tensor  # (SAMPLE,) ascending: the distances of encoded images to the others


class Typicality(NamedTuple):
    """Where one z lies among the encoded images."""

    nearest: Tensor  # (NEIGHBOURS,) int64 indices, the nearest first
    distances: Tensor  # (NEIGHBOURS,) to them
    distance: float  # the mean to the NEIGHBOURS nearest others: an encoded image is not its own
    share: float  # of the encoded images that lie closer to the others than z does
    verdict: str  # "in", "near" or "off" the data
    log_p: float  # log N(z; 0, I), nats
    prior_share: float  # of draws from the prior with a smaller log p(z)


def reference(latent: LatentMap) -> Reference:
    """Distances of encoded images to their nearest others, the yardstick of `typicality`."""
    columns = latent.active.nonzero()[:, 0]
    if not len(columns):  # a collapsed model: all images lie at one place
        columns = torch.arange(latent.mu.shape[1])
    mu = latent.mu[:, columns].contiguous()
    sample = torch.linspace(0, len(mu) - 1, min(SAMPLE, len(mu))).long()
    neighbours = min(NEIGHBOURS, len(mu) - 1)
    usual = [
        torch.cdist(part, mu)
        .topk(neighbours + 1, largest=False)
        .values[:, 1:]
        .mean(1)  # not itself
        for part in mu[sample].split(250)
    ]
    return Reference(mu, columns, torch.cat(usual).nan_to_num().sort().values)


def typicality(z: Tensor, reference: Reference) -> Typicality:
    """z (D,) of all dimensions."""
    distances = torch.linalg.vector_norm(reference.mu - z[reference.columns], dim=1)
    nearest = distances.topk(min(NEIGHBOURS + 1, len(distances)), largest=False)
    itself = int(nearest.values[0] < ITSELF and len(distances) > 1)
    distance = nearest.values[itself : itself + NEIGHBOURS].mean()
    closer = torch.searchsorted(reference.usual, distance)
    share = closer.item() / len(reference.usual)
    half_d, half_square = torch.tensor(len(z) / 2.0), z.double().square().sum() / 2
    return Typicality(
        nearest.indices[:NEIGHBOURS],
        nearest.values[:NEIGHBOURS],
        distance.item(),
        share,
        "in" if share <= IN else "near" if share <= NEAR else "off",
        -half_square.item() - half_d.item() * torch.log(torch.tensor(2 * torch.pi)).item(),
        # |z|^2 of the prior is chi-squared with D degrees of freedom.
        torch.special.gammaincc(half_d.double(), half_square).item(),
    )
