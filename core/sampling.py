"""What draws from p(z | seen) are made of: the target and its gradient, Langevin moves, resampling.

Knows likelihoods, not methods. Shapes: N particles, K of them kept, D latent dimensions.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from core.damage import Observation
from core.likelihood import Likelihood, pixel_logits
from core.model import VAE
from core.posterior import Mixture, PartialEncoder

STEP_SIZE = 0.05  # of MALA at its start, adapted towards ACCEPTANCE
ACCEPTANCE = 0.574  # optimal for MALA (Roberts and Rosenthal 1998)

OnStep = Callable[[int, int], None]


class Target:
    """The logarithm of what a method draws from, but for a constant, and its gradient.

    It is log p(z) + beta log p(seen | z). The prior is the aggregate posterior as the partial
    encoder learned it, where there is one, and N(0, I) otherwise. With `guide`, the mixture
    q(z | seen), it is the bridge (1 - beta) log q(z | seen) + beta (log p(z) + log p(seen | z)):
    a likelihood of hundreds of pixels is surer than its model is right, and q is not.
    """

    def __init__(
        self,
        model: VAE,
        seen: Observation,
        posterior: PartialEncoder | None,
        *,
        beta: float = 1.0,
        guide: Mixture | None = None,
    ) -> None:
        self.model, self.likelihood = model, Likelihood(seen)
        self.beta, self.guide = beta, guide
        self.prior: Mixture | None = None
        if posterior is not None:
            nothing = torch.zeros_like(seen.image)
            self.prior = posterior(nothing, nothing).z

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The value at z (N, D), (N,) nats, and the decoder's logits (N, C, H, W)."""
        logits = pixel_logits(self.model, z)
        log_likelihood = self.likelihood(logits)
        if self.guide is None:
            return self.log_prior(z) + self.beta * log_likelihood, logits
        exact = self.log_prior(z) + log_likelihood
        return (1 - self.beta) * self.guide.log_prob(z[None])[0] + self.beta * exact, logits

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), (N,) nats."""
        if self.prior is not None:
            return self.prior.log_prob(z[None])[0]
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def from_prior(self, n: int, generator: torch.Generator) -> Tensor:
        """n draws from p(z), (n, D)."""
        if self.prior is not None:
            return self.prior.sample(n, generator)[0]
        return torch.randn(n, self.model.z_dim, generator=generator)

    def gradient(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The value (N,), its gradient (N, D) and the logits."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value, logits = self(z)
            (gradient,) = torch.autograd.grad(value.sum(), z)
        return value.detach(), gradient, logits.detach()


def thinned(weights: Tensor, k: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """K of N weighted particles, all different, and their weights, unbiased: heavy ones are kept as
    they are, the others drawn and set to one weight (Fearnhead and Clifford 2003)."""
    n = len(weights)
    if k >= n:
        return torch.arange(n), weights
    ordered = weights.sort(descending=True).values
    tail = ordered.flip(0).cumsum(0).flip(0)  # tail[i]: the sum from i on
    # The threshold c solves sum_i min(w_i / c, 1) = K: with A weights above it, c = tail / (K - A).
    above = torch.arange(k)
    c = tail[:k] / (k - above)
    a = int((ordered[:k] > c).long().cumprod(0).sum()) if k else 0
    threshold = float(tail[a] / (k - a)) if a < k else 0.0
    heavy = weights > threshold if a else torch.zeros_like(weights, dtype=torch.bool)
    light = torch.nonzero(~heavy)[:, 0]
    light = light[torch.randperm(len(light), generator=generator)]
    rest = weights[light] if weights[light].sum() > 0 else torch.ones(len(light))  # underflown
    drawn = light[resampled(rest, k - int(heavy.sum()), generator)]
    chosen = torch.cat([torch.nonzero(heavy)[:, 0], drawn])
    kept = torch.where(heavy[chosen], weights[chosen], threshold)
    return chosen, kept / kept.sum()


def mala(
    target: Target, z: Tensor, steps: int, *, size: float = STEP_SIZE, generator: torch.Generator,
    on_step: OnStep = lambda done, total: None,
) -> tuple[Tensor, list[Tensor], float]:  # fmt: skip
    """Move z (N, D) by the Metropolis-adjusted Langevin algorithm (Roberts and Tweedie 1996).

    `size` is epsilon^2 of the proposal N(z + size/2 gradient, size I), adapted on the way. Also
    the first particle's logits after each step, and the size at the end.
    """
    if not steps:
        return z, [], size
    value, gradient, logits = target.gradient(z)
    path = []
    for step in range(1, steps + 1):
        noise = torch.randn(z.shape, generator=generator)
        proposal = z + 0.5 * size * gradient + math.sqrt(size) * noise
        value_there, gradient_there, logits_there = target.gradient(proposal)
        back = z - proposal - 0.5 * size * gradient_there
        log_ratio = value_there - value + 0.5 * (noise.square().sum(1)
                                                 - back.square().sum(1) / size)  # fmt: skip
        log_ratio = log_ratio.nan_to_num(nan=-math.inf)  # a leap to where nothing is a number
        accepted = torch.rand(len(z), generator=generator).log() < log_ratio
        z = torch.where(accepted[:, None], proposal, z)
        gradient = torch.where(accepted[:, None], gradient_there, gradient)
        value = torch.where(accepted, value_there, value)
        logits = torch.where(accepted[:, None, None, None], logits_there, logits)
        size *= math.exp(0.5 * (float(log_ratio.exp().clamp_max(1).mean()) - ACCEPTANCE))
        path.append(logits[0])
        on_step(step, steps)
    return z, path, size


def effective_sample_size(weights: Tensor) -> float:
    """Effective sample size of normalised weights (Kong 1992)."""
    return float(1 / weights.square().sum())


def resampled(weights: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n indices by systematic resampling (Douc et al. 2005, section 2.4)."""
    edges = weights.double().cumsum(0)
    places = (torch.arange(n) + torch.rand(1, generator=generator).double()) / max(n, 1)
    return torch.searchsorted(edges / edges[-1], places).clamp_max(len(weights) - 1)
