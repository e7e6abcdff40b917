"""One image through the model."""

import pytest
import torch
import torch.nn.functional as F

from core import VAE
from core.objective import elbo
from core.reconstruct import reconstruct, with_belief


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


def test_with_the_encoders_own_belief_the_terms_are_the_elbos(
    tiny: VAE, images: torch.Tensor
) -> None:
    mu, log_var = (part[0] for part in tiny.encode(images[:1]))
    noise = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    found = with_belief(tiny, images[:1], mu, log_var, noise)
    torch.testing.assert_close(found.kl_per_dim, elbo(tiny, images[:1]).kl_per_dim[0])
    z = mu + torch.exp(0.5 * log_var) * noise
    torch.testing.assert_close(found.samples, tiny.decode(z))
    x = images[:1].expand(3, -1, -1, -1)
    nll = F.binary_cross_entropy(tiny.decode(z), x, reduction="sum") / 3
    assert found.nll == pytest.approx(float(nll), rel=1e-5)


def test_another_belief_costs_something_else(tiny: VAE, images: torch.Tensor) -> None:
    nothing = torch.zeros(3)
    found = with_belief(tiny, images[:1], nothing, nothing, torch.zeros(2, 3))
    assert found.kl == 0
    torch.testing.assert_close(found.samples[1], tiny.decode(nothing[None])[0])
