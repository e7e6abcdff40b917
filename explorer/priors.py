"""Random points for every panel that wants one, of the prior whose samples lie nearer to data."""

import torch

from core.checkpoint import CheckpointError
from core.prior import GaussianMixture, better_prior, frechet_distances, sample_prior
from explorer import caches, catalogue


def draw(name: str, seed: int | None = None) -> list[float]:
    """A z for a checkpoint; the same one for the same seed."""
    generator = torch.Generator()
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    better = better_prior(catalogue.described(name).metrics)
    mixture = _mixture(name) if better == "mixture" else None
    return sample_prior(caches.model(name).z_dim, 1, generator, mixture)[0].tolist()


def described(name: str) -> str:
    """Which prior that is, and why, in a sentence or two."""
    if _mixture(name) is None:
        return "Drawn from N(0, I)."
    metrics = catalogue.described(name).metrics
    normal, mixture = frechet_distances(metrics)
    if normal is None or mixture is None:
        return "Drawn from a Gaussian mixture fitted to the encoded training images."
    if better_prior(metrics) == "normal":
        return (
            "Drawn from N(0, I). Its samples lie nearer to the test images (Fréchet distance "
            f"{normal:.1f}) than those of a Gaussian mixture over the encoded ones ({mixture:.1f})."
        )
    return (
        "Drawn from a Gaussian mixture fitted to the encoded training images. Its samples lie "
        f"nearer to the test images (Fréchet distance {mixture:.1f}) than those of N(0, I) "
        f"({normal:.1f})."
    )


def _mixture(name: str) -> GaussianMixture | None:
    try:
        return caches.prior_mixture(name)
    except CheckpointError:  # a damaged file is no reason to be without random digits
        return None
