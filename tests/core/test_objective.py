"""The objective against references: torch.distributions, F.binary_cross_entropy, quadrature."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from core import VAE
from core.objective import (
    Objective,
    elbo,
    importance_log_likelihood,
    kl_per_dim,
    reconstruction_nll,
)

finite = st.floats(-8, 8, width=32)


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=8))
def test_kl_is_torchs_and_never_negative(pairs: list[tuple[float, float]]) -> None:
    mu, log_var = torch.tensor(pairs).T.unsqueeze(1)
    ours = kl_per_dim(mu, log_var)
    reference = kl_divergence(Normal(mu, torch.exp(0.5 * log_var)), Normal(0.0, 1.0))
    torch.testing.assert_close(ours, reference, rtol=1e-4, atol=1e-4)
    assert (ours >= -1e-6).all()


def test_reconstruction_is_binary_cross_entropy_summed(generator: torch.Generator) -> None:
    logits = 4 * torch.randn(6, 1, 28, 28, generator=generator).double()
    x = torch.rand(6, 1, 28, 28, generator=generator).double()
    reference = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").sum((1, 2, 3))
    torch.testing.assert_close(reconstruction_nll(logits, x), reference, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(reconstruction_nll(logits, x.flatten(1)), reference)


def test_saturated_logits_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4]])
    assert reconstruction_nll(logits, torch.tensor([[1.0, 0.0]])).item() == 0
    assert reconstruction_nll(logits, torch.tensor([[0.0, 1.0]])).item() == 2e4


def test_elbo_units_are_nats_per_image(tiny: VAE, images: torch.Tensor) -> None:
    """A decoder that says 1/2 everywhere costs 784 ln 2 nats, whatever the batch."""
    tiny.fc5.weight.zero_()
    tiny.fc5.bias.zero_()
    for batch in (images[:1], images):
        terms = elbo(tiny, batch)
        torch.testing.assert_close(
            terms.reconstruction, torch.full((len(batch),), 784 * math.log(2)), rtol=1e-5, atol=1e-3
        )
    torch.testing.assert_close(terms.neg_elbo, terms.reconstruction + terms.kl_per_dim.sum(1))


def test_the_training_module_computes_the_same(tiny: VAE, images: torch.Tensor) -> None:
    epsilon = torch.randn(40, 3, generator=torch.Generator().manual_seed(3))
    terms = Objective(tiny)(images, epsilon)
    reference = elbo(tiny, images, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(terms.loss, reference.neg_elbo)


def exact_log_p(model: VAE, x: torch.Tensor) -> torch.Tensor:
    """log p(x) of a model with one latent dimension, by quadrature over z."""
    z = torch.linspace(-10, 10, 8001)[:, None]
    log_joint = Normal(0.0, 1.0).log_prob(z[:, 0]) + torch.stack(
        [
            -reconstruction_nll(model.decode_logits(z), image.expand(len(z), -1, -1, -1))
            for image in x
        ]
    )
    return torch.logsumexp(log_joint, 1) + math.log(20 / 8000)


def test_importance_weighted_bound_reaches_the_integral(images: torch.Tensor) -> None:
    torch.manual_seed(4)
    model = VAE(h_dim=8, z_dim=1).requires_grad_(False)
    x = images[:5].round()
    exact = exact_log_p(model, x)
    estimate = importance_log_likelihood(model, x, 5000, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(estimate, exact, rtol=0, atol=0.05)
    bound = -elbo(model, x, samples=500, generator=torch.Generator().manual_seed(6)).neg_elbo
    assert (bound < exact + 0.05).all()


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 60), st.integers(1, 70))
def test_chunks_do_not_change_the_kind_of_result(k: int, max_decodes: int) -> None:
    torch.manual_seed(2)
    model = VAE(h_dim=4, z_dim=2).requires_grad_(False)
    x = torch.rand(3, 1, 28, 28)
    result = importance_log_likelihood(model, x, k, max_decodes=max_decodes)
    assert result.shape == (3,) and result.isfinite().all()


def test_one_chunk_equals_many(tiny: VAE, images: torch.Tensor) -> None:
    """With one image the noise is drawn in the same order however it is cut."""
    one, many = (
        importance_log_likelihood(
            tiny, images[:1], 64, generator=torch.Generator().manual_seed(1), max_decodes=size
        )
        for size in (64, 16)
    )
    torch.testing.assert_close(one, many)


def test_no_samples_is_an_error(tiny: VAE, images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        importance_log_likelihood(tiny, images, 0)


def test_mixed_precision_ends_before_the_kl(images: torch.Tensor) -> None:
    """In bfloat16 a dimension near the prior costs less than nothing, or a nat too much."""
    torch.manual_seed(0)
    model = VAE(h_dim=16, z_dim=30)
    x, epsilon = images[:8], torch.zeros(8, 30)
    with torch.autocast("cpu", torch.bfloat16):
        mu, log_var = model.encode(x)
        loss = Objective(model)(x, epsilon)
    assert mu.dtype == torch.bfloat16 and loss.kl_per_dim.dtype == torch.float32
    assert (loss.kl_per_dim >= 0).all()
    torch.testing.assert_close(loss.kl_per_dim, kl_per_dim(mu.double(), log_var.double()).float())
