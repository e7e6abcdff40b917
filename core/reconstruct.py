"""What a model makes of one image: its reconstruction, the terms of its ELBO, posterior samples."""

from typing import NamedTuple

import torch
from torch import Tensor

from core.model import VAE
from core.objective import elbo, kl_per_dim, reconstruction_nll
from core.pixels import LIKELIHOODS


class Reconstruction(NamedTuple):
    """One image through the model. Nats; C, H, W of the model, D latent dimensions."""

    x: Tensor  # (C, H, W), the input
    x_recon: Tensor  # (C, H, W), decode(mu)
    mu: Tensor  # (D,)
    nll: float  # E_q[-log p(x | z)], the reconstruction term
    kl_per_dim: Tensor  # (D,)
    samples: Tensor  # (n, C, H, W), decode(z) for z ~ q(z | x)

    @property
    def kl(self) -> float:
        return float(self.kl_per_dim.sum())

    @property
    def neg_elbo(self) -> float:
        return self.nll + self.kl


@torch.no_grad()
def reconstruct(
    model: VAE, x: Tensor, *, samples: int = 8, draws: int = 64, seed: int = 0
) -> Reconstruction:
    """x (1, C, H, W) in [0, 1]. The reconstruction term is a mean over `draws` of z."""
    generator = torch.Generator().manual_seed(seed)
    terms = elbo(model, x, samples=draws, generator=generator)
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu.expand(samples, -1), log_var.expand(samples, -1), generator)
    return Reconstruction(
        x=x[0],
        x_recon=model.decode(mu)[0],
        mu=mu[0],
        nll=float(terms.reconstruction[0]),
        kl_per_dim=terms.kl_per_dim[0],
        samples=model.decode(z),
    )


@torch.no_grad()
def with_belief(
    model: VAE, x: Tensor, mu: Tensor, log_var: Tensor, epsilon: Tensor
) -> Reconstruction:
    """The same for another q(z) than the encoder's, N(mu, exp(log_var)), each (D,), at the draws
    mu + sigma * epsilon, epsilon (n, D): these are the samples and what the reconstruction term is
    the mean over. x (1, C, H, W) in [0, 1]."""
    logits = model.decode_logits(mu + torch.exp(0.5 * log_var) * epsilon)
    nll = reconstruction_nll(logits, x.expand_as(logits), model.likelihood, model.log_sigma)
    return Reconstruction(
        x=x[0],
        x_recon=model.decode(mu[None])[0],
        mu=mu,
        nll=float(nll.mean()),
        kl_per_dim=kl_per_dim(mu, log_var),
        samples=LIKELIHOODS[model.likelihood].mean(logits),
    )
