"""The objective in nats per image: reconstruction + KL = negative ELBO, and log p(x).

Pixels are Bernoulli with the decoder's output as mean (Kingma and Welling 2014, appendix C.1).
Sums run over pixels and latent dimensions; only the batch is averaged, and only by the caller.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.model import VAE


class Elbo(NamedTuple):
    """The two terms for every image, in nats."""

    reconstruction: Tensor  # (B,) -E_q[log p(x | z)]
    kl_per_dim: Tensor  # (B, D) KL(q(z_d | x) || N(0, 1)), never negative

    @property
    def kl(self) -> Tensor:
        return self.kl_per_dim.sum(1)  # (B,)

    @property
    def neg_elbo(self) -> Tensor:
        return self.reconstruction + self.kl  # (B,)


def reconstruction_nll(logits: Tensor, x: Tensor) -> Tensor:
    """Binary cross-entropy summed over pixels, (B,) nats, from logits.

    softplus(l) - l x is -x log s(l) - (1 - x) log(1 - s(l)): exact where the sigmoid saturates,
    and one pass over the pixels less than binary_cross_entropy_with_logits takes on a CPU.
    """
    logits = logits.flatten(1).float()  # mixed precision ends here: the sum needs all its digits
    return (F.softplus(logits) - logits * x.reshape_as(logits)).sum(1)


def kl_per_dim(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)), (B, D) nats (Kingma and Welling 2014, appendix B)."""
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var)


class NegativeElbo(nn.Module):
    """One Monte Carlo sample of both terms, as a module so that it can be wrapped for training."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, epsilon: Tensor) -> Elbo:
        """x (B, C, H, W) or flat, epsilon (B, D) drawn from N(0, I) by the caller."""
        mu, log_var = self.model.encode(x)
        logits = self.model.decode_logits(mu + torch.exp(0.5 * log_var) * epsilon)
        return Elbo(reconstruction_nll(logits, x), kl_per_dim(mu, log_var))


def elbo(
    model: VAE, x: Tensor, *, samples: int = 1, generator: torch.Generator | None = None
) -> Elbo:
    """Both terms with the expectation over q(z | x) taken by `samples` draws."""
    mu, log_var = model.encode(x)
    draws = [
        reconstruction_nll(model.decode_logits(model.reparameterize(mu, log_var, generator)), x)
        for _ in range(samples)
    ]
    return Elbo(torch.stack(draws).mean(0), kl_per_dim(mu, log_var))


@torch.no_grad()
def importance_log_likelihood(
    model: VAE,
    x: Tensor,
    k: int,
    *,
    generator: torch.Generator | None = None,
    max_decodes: int = 8192,
) -> Tensor:
    """log p(x) in nats, (B,), by importance sampling with k samples (Burda et al. 2016, eq. 8).

    log 1/k sum_i p(x | z_i) p(z_i) / q(z_i | x), z_i ~ q(z | x). The k samples are taken in
    chunks that decode at most `max_decodes` images at once, so memory does not grow with k.
    """
    if k < 1:
        raise ValueError(f"The number of importance samples must be at least 1; got {k}.")
    mu, log_var = model.encode(x)  # (B, D)
    chunk = max(1, max_decodes // len(x))
    total = x.new_full((len(x),), -math.inf)
    for start in range(0, k, chunk):
        n = min(chunk, k - start)
        epsilon = torch.randn(n, *mu.shape, generator=generator, device=mu.device)  # (n, B, D)
        z = mu + torch.exp(0.5 * log_var) * epsilon
        # log p(z) - log q(z | x): the normalising constants of the two Gaussians cancel.
        log_ratio = 0.5 * (epsilon.square() + log_var - z.square()).sum(-1)  # (n, B)
        logits = model.decode_logits(z.flatten(0, 1))
        nll = reconstruction_nll(logits, x.repeat(n, *[1] * (x.ndim - 1))).view(n, -1)
        total = torch.logaddexp(total, torch.logsumexp(log_ratio - nll, 0))
    return total - math.log(k)
