"""One image through the model."""

import torch

from core import VAE
from core.reconstruct import reconstruct


def test_terms_and_samples(tiny: VAE, images: torch.Tensor) -> None:
    found = reconstruct(tiny, images[:1], samples=5)
    assert found.samples.shape == (5, 1, 28, 28)
    assert torch.equal(found.x_recon, tiny.decode(found.mu[None])[0])
    assert found.neg_elbo == found.nll + found.kl
    assert found.kl > 0 and found.kl_per_dim.shape == (3,)
    assert found.samples.std(0).max() > 0


def test_the_same_image_gives_the_same_answer(tiny: VAE, images: torch.Tensor) -> None:
    one, other = (reconstruct(tiny, images[:1]) for _ in range(2))
    assert torch.equal(one.samples, other.samples) and one.nll == other.nll
