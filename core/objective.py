"""The objective in nats per image: reconstruction + KL = negative ELBO, and log p(x).

What a pixel costs is said by the model's likelihood (core.pixels). Sums run over pixels and latent
dimensions; only the batch is averaged, and only by the caller.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.model import VAE
from core.pixels import LIKELIHOODS


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


def reconstruction_nll(
    logits: Tensor, x: Tensor, likelihood: str = "bernoulli", log_sigma: Tensor | None = None
) -> Tensor:
    """-log p(x | z) summed over pixels, (B,) nats, from the decoder's output of x's size."""
    logits = logits.flatten(1).float()  # mixed precision ends here: the sum needs all its digits
    return LIKELIHOODS[likelihood].nll(logits, x.reshape_as(logits), log_sigma).sum(1)


def kl_per_dim(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)), (B, D) nats (Kingma and Welling 2014, appendix B)."""
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var)


class Loss(NamedTuple):
    """What a training step descends, and what it reports, for every image."""

    loss: Tensor  # (B,) nats
    reconstruction: Tensor  # (B,) nats, mean over the samples of z
    kl_per_dim: Tensor  # (B, D) nats

    @property
    def totals(self) -> Tensor:
        """(1 + D,) nats over all images: the reconstruction, then the KL of every dimension."""
        totals = torch.cat([self.reconstruction.sum().view(1), self.kl_per_dim.sum(0)])
        return totals.detach()


class Objective(nn.Module):
    """The training loss, as a module so that it can be wrapped for several processes.

    With one sample of z for each image, reconstruction + beta KL (Higgins et al. 2017), where a
    dimension costs at least `free_bits` nats (Kingma et al. 2016, for each image rather than a
    batch's mean, so that a batch may be split). With more, the importance-weighted bound of Burda
    et al. 2016, eq. 8, whose log p(z) - log q(z | x) is taken times beta.
    """

    def __init__(self, model: VAE, free_bits: float = 0.0) -> None:
        super().__init__()
        self.model, self.free_bits = model, free_bits

    def forward(self, x: Tensor, epsilon: Tensor, beta: float = 1.0) -> Loss:
        """x (B, C, H, W) or flat, epsilon (B, D) or, for K samples, (B, K, D) from N(0, I)."""
        model = self.model
        # Under mixed precision 8 bits: of a dimension that is near the prior, none of the KL's.
        mu, log_var = (part.float() for part in model.encode(x))
        kl = kl_per_dim(mu, log_var)
        if epsilon.ndim == 2:
            logits = model.decode_logits(mu + torch.exp(0.5 * log_var) * epsilon)
            nll = reconstruction_nll(logits, x, model.likelihood, model.log_sigma)
            paid = kl.clamp_min(self.free_bits) if self.free_bits else kl
            return Loss(nll + beta * paid.sum(1), nll, kl)
        log_ratio, nll = importance_terms(model, x, mu, log_var, epsilon.transpose(0, 1))
        bound = torch.logsumexp(beta * log_ratio - nll, 0) - math.log(len(nll))
        return Loss(-bound, nll.mean(0), kl)


def elbo(
    model: VAE, x: Tensor, *, samples: int = 1, generator: torch.Generator | None = None
) -> Elbo:
    """Both terms with the expectation over q(z | x) taken by `samples` draws."""
    mu, log_var = model.encode(x)
    draws = [
        reconstruction_nll(
            model.decode_logits(model.reparameterize(mu, log_var, generator)),
            x, model.likelihood, model.log_sigma,
        )
        for _ in range(samples)
    ]  # fmt: skip
    return Elbo(torch.stack(draws).mean(0), kl_per_dim(mu, log_var))


def importance_terms(
    model: VAE, x: Tensor, mu: Tensor, log_var: Tensor, epsilon: Tensor
) -> tuple[Tensor, Tensor]:
    """log p(z) - log q(z | x) and -log p(x | z), each (K, B) nats, for epsilon (K, B, D)."""
    z = mu + torch.exp(0.5 * log_var) * epsilon
    # The normalising constants of the two Gaussians cancel.
    log_ratio = 0.5 * (epsilon.square() + log_var - z.square()).sum(-1)
    logits = model.decode_logits(z.flatten(0, 1)).view(*z.shape[:2], -1).float()  # (K, B, C*H*W)
    nll = LIKELIHOODS[model.likelihood].nll(logits, x.flatten(1), model.log_sigma).sum(-1)
    return log_ratio, nll


@torch.no_grad()
def importance_log_likelihood(
    model: VAE,
    x: Tensor,
    k: int,
    *,
    generator: torch.Generator | None = None,
    max_decodes: int = 1000,
) -> Tensor:
    """log p(x) in nats, (B,), by importance sampling with k samples (Burda et al. 2016, eq. 8).

    log 1/k sum_i p(x | z_i) p(z_i) / q(z_i | x), z_i ~ q(z | x). The k samples are taken in
    chunks that decode at most `max_decodes` images at once: memory does not grow with k, and what
    a chunk computes stays in the processor's cache.
    """
    if k < 1:
        raise ValueError(f"The number of importance samples must be at least 1; got {k}.")
    mu, log_var = model.encode(x)  # (B, D)
    chunk = max(1, max_decodes // len(x))
    total = x.new_full((len(x),), -math.inf)
    for start in range(0, k, chunk):
        n = min(chunk, k - start)
        epsilon = torch.randn(n, *mu.shape, generator=generator, device=mu.device)  # (n, B, D)
        log_ratio, nll = importance_terms(model, x, mu, log_var, epsilon)
        total = torch.logaddexp(total, torch.logsumexp(log_ratio - nll, 0))
    return total - math.log(k)
