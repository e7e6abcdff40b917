"""core/prior.py: the mixture over the encoded data, and which prior is the better one."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from core.checkpoint import CheckpointError, save_checkpoint
from core.model import VAE
from core.prior import (
    FILE,
    GaussianMixture,
    better_prior,
    fit_mixture,
    load_mixture,
    sample_prior,
    save_mixture,
)


@pytest.fixture
def mixture(generator: torch.Generator) -> GaussianMixture:
    a = torch.randn(2, 3, 3, generator=generator)
    cholesky = torch.linalg.cholesky(a @ a.transpose(1, 2) + 0.1 * torch.eye(3))
    means = torch.randn(2, 3, generator=generator)
    return GaussianMixture(torch.tensor([0.3, 0.7]), means, cholesky)


def test_its_density_is_the_one_of_torch(
    mixture: GaussianMixture, generator: torch.Generator
) -> None:
    reference = MixtureSameFamily(
        Categorical(mixture.weights),
        MultivariateNormal(mixture.means, scale_tril=mixture.cholesky),
    )
    z = 2 * torch.randn(50, 3, generator=generator)
    torch.testing.assert_close(mixture.log_prob(z), reference.log_prob(z), rtol=1e-4, atol=1e-4)


def test_samples_have_its_moments(mixture: GaussianMixture, generator: torch.Generator) -> None:
    z = mixture.sample(100_000, generator)
    mean = mixture.weights @ mixture.means
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=0.05)
    parts = mixture.cholesky @ mixture.cholesky.transpose(1, 2)
    offsets = mixture.means - mean
    parts = parts + offsets[:, :, None] * offsets[:, None]
    covariance = (mixture.weights[:, None, None] * parts).sum(0)
    torch.testing.assert_close(z.T.cov(), covariance, rtol=0.05, atol=0.05)


def test_a_fit_finds_two_clusters(generator: torch.Generator) -> None:
    mu = torch.cat([torch.randn(300, 2, generator=generator) * 0.2 + c for c in (-3, 3)])
    found = fit_mixture(mu, torch.full_like(mu, -6.0), components=2)
    assert found.means.mean(1).sort().values.tolist() == pytest.approx([-3, 3], abs=0.1)
    assert found.weights.tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    again = fit_mixture(mu, torch.full_like(mu, -6.0), components=2)
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


def test_few_codes_get_few_components(generator: torch.Generator) -> None:
    mu = torch.randn(45, 2, generator=generator)
    assert len(fit_mixture(mu, torch.zeros_like(mu)).weights) == 2
    assert len(fit_mixture(mu[:3], torch.zeros(3, 2)).weights) == 1


def test_it_is_kept_beside_its_weights_and_with_no_others(
    tmp_path: Path, tiny: VAE, mixture: GaussianMixture
) -> None:
    save_checkpoint(tmp_path, tiny)
    assert load_mixture(tmp_path) is None
    save_mixture(tmp_path, mixture)
    found = load_mixture(tmp_path)
    assert found and all(torch.equal(a, b) for a, b in zip(found, mixture, strict=True))
    save_checkpoint(tmp_path, VAE(h_dim=16, z_dim=3))
    assert load_mixture(tmp_path) is None


def test_a_damaged_file_is_named(tmp_path: Path, tiny: VAE, mixture: GaussianMixture) -> None:
    save_checkpoint(tmp_path, tiny)
    (tmp_path / FILE).write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match=r"prior.safetensors is damaged .*core evaluate"):
        load_mixture(tmp_path)
    save_mixture(tmp_path, mixture._replace(means=torch.zeros(2, 4)))
    with pytest.raises(CheckpointError, match="do not fit each other"):
        load_mixture(tmp_path)
    save_mixture(tmp_path, mixture._replace(means=torch.full((2, 3), torch.nan)))
    with pytest.raises(CheckpointError, match="not finite"):
        load_mixture(tmp_path)


def test_the_better_prior_is_the_one_measured_nearer() -> None:
    assert better_prior({"frechet_prior": 2.0, "frechet_mixture": 1.0}) == "mixture"
    assert better_prior({"frechet_prior": 1.0, "frechet_mixture": 2.0}) == "normal"
    assert better_prior(None) == better_prior({}) == "mixture"


def test_without_a_mixture_samples_come_from_the_normal() -> None:
    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(3)

    assert torch.equal(sample_prior(4, 2, generator()), torch.randn(2, 4, generator=generator()))


def test_codes_that_lie_hundreds_apart_are_fitted(generator: torch.Generator) -> None:
    """As a plain autoencoder's do: in float32 rounding makes covariances that are none."""
    mu = 500 * torch.randn(200, 40, generator=generator) + 3000
    found = fit_mixture(mu, torch.full_like(mu, -14.0))
    assert all(part.isfinite().all() for part in found)
    torch.testing.assert_close(found.weights @ found.means, mu.mean(0), rtol=0.1, atol=1.0)
