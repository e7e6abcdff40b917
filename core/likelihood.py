"""The likelihood of a damaged picture under a decoded z, for every damage of core.damage.

The decoder's logit l of a pixel stands for p(x = v | z) proportional to base_v exp(s v l) over a
few grey levels v: an exponential family like the Bernoulli of the VAE's objective, whose base and
sharpness s say how real pixels lie about a decoded one. What is seen of the pixel adds a factor
L_v = p(y | x = v):

    log p(y | z)  =  log sum_v base_v L_v exp(s v l)  -  log sum_v base_v exp(s v l)
    E[x | z, y]   =  the mean of v under the first sum

A missing pixel has L_v = 1 and says nothing; a clean one is its own answer and counts as in the
ELBO, y l - softplus(l); a noisy one (Gaussian noise that was clipped, salt and pepper, or both)
lies between, and E[x | z, y] weighs the decoder against the pixel itself, which is the
Rao-Blackwellised estimate. Blur and low resolution mix pixels, so that their likelihood is a
Gaussian about the decoded picture after the same optics.

Shapes: N points z, D latent dimensions, V grey levels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from core.damage import Observation

LEVELS = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])  # v
# Fitted by maximum likelihood to two million pixels of the MNIST training digits as mnist-res-32
# reconstructs them: 0.18 nats a pixel, against 0.29 for an even base with s = 1.
BASE = torch.tensor([0.077, 0.246, 0.388, 0.211, 0.078])
SHARPNESS = 4.31  # s
OPTICS_ERROR = 0.1  # standard deviation of a decoded pixel about the true one, behind a lens
IMPOSSIBLE = -30.0  # nats; no minus infinity, whose gradient is not a number
NOISES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)  # looked at when unknown
# In nats a pixel, against taking the greys of a clean picture, which lie less evenly than LEVELS,
# for a little noise; real noise of 0.05 gains 1.6 or more.
NOISE_COST = 0.2
FLIPS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7)


class Likelihood:
    """p(seen | z) of one observation (B = 1), as a function of the decoder's logits."""

    def __init__(self, seen: Observation) -> None:
        if seen.noise is None or seen.flips is None:
            raise ValueError("Estimate the levels of noise first: core.likelihood.estimate_levels.")
        self.seen = seen
        noisy, inside = seen.noise > 0, (seen.image > 0) & (seen.image < 1)
        observed = seen.mask > 0
        if seen.has_optics or noisy:
            self.exact = torch.zeros_like(observed)
        else:
            # Salt and pepper leave black or white: a grey pixel was spared.
            self.exact = observed & inside if seen.flips > 0 else observed
        self.soft = observed & ~self.exact & (not seen.has_optics)
        pixels = seen.image[self.soft]  # (P,), only these need the sum over levels
        self.log_factor = log_pixel_likelihood(pixels, seen.noise, seen.flips) + BASE.log()[:, None]

    def __call__(self, logits: Tensor) -> Tensor:
        """log p(seen | z) up to a constant, (N,) nats, from logits (N, 1, H, W)."""
        exact = self.exact * (logits * self.seen.image - F.softplus(logits))
        result = exact.flatten(1).sum(1)
        if len(self.log_factor[0]):
            with_seen, alone = self._sums(logits)
            result = result + (with_seen.logsumexp(1) - alone.logsumexp(1)).sum(1)
        if self.seen.has_optics:
            spread = self.seen.noise**2 + OPTICS_ERROR**2  # type: ignore[operator]
            error = (self.seen.image - self.seen.optics(torch.sigmoid(logits))).square()
            # A block of low resolution is one measurement, not factor x factor of them.
            scale = 2 * spread * self.seen.factor**2
            result = result - (self.seen.mask * error).flatten(1).sum(1) / scale
        return result

    def complete(self, logits: Tensor) -> Tensor:
        """E[x | z, seen], (N, 1, H, W): known pixels kept, missing decoded, noisy weighed."""
        x = torch.where(self.exact, self.seen.image, torch.sigmoid(logits))
        if len(self.log_factor[0]):
            posterior = self._sums(logits)[0].softmax(1)
            x[self.soft.expand_as(x)] = torch.einsum("v,nvp->np", LEVELS, posterior).flatten()
        return x

    def _sums(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """The exponents of the two sums, (N, V, P), for the P noisy pixels."""
        l = logits[self.soft.expand_as(logits)].view(len(logits), 1, -1)  # noqa: E741
        tilted = SHARPNESS * LEVELS[:, None] * l
        return tilted + self.log_factor, tilted + BASE.log()[:, None]


def log_pixel_likelihood(y: Tensor, noise: float, flips: float) -> Tensor:
    """log p(y | x = v), (V, P), of pixels y (P,): noise, clipped to [0, 1], then salt and pepper.

    A density inside (0, 1), a probability at 0 and at 1: the same for every v, so that only the
    differences over v matter within a picture, and whole values when levels are compared.
    """
    y, v = y[None], LEVELS[:, None]
    if noise > 0:
        z = (y - v) / noise
        inside = -0.5 * z.square() - math.log(noise * math.sqrt(2 * math.pi))
        edge = torch.where(y <= 0, z, -z)
        at_edge = torch.special.log_ndtr(edge)
    else:
        # Without noise a pixel is what it is; the grey levels share all that is grey evenly.
        grey = (v > 0) & (v < 1)
        low, high = torch.where(v > 0.25, v - 0.125, 0.0), torch.where(v < 0.75, v + 0.125, 1.0)
        inside = torch.where(grey & (y > low) & (y <= high), -(high - low).log(), IMPOSSIBLE)
        at_edge = torch.where(y == v, 0.0, IMPOSSIBLE)
    clipped = (y <= 0) | (y >= 1)
    log_kept = math.log1p(-flips)
    kept = torch.where(clipped, at_edge, inside) + log_kept
    if flips == 0:
        return kept
    return torch.where(clipped, torch.logaddexp(kept, torch.tensor(math.log(flips / 2))), kept)


def estimate_levels(seen: Observation, mean: Tensor) -> Observation:
    """Fill in the unknown levels by maximum likelihood given a first estimate of the picture,
    `mean` (1, 1, H, W): the most likely pair on a grid."""
    observed = seen.mask > 0
    y, logits = seen.image[observed], torch.logit(mean[observed], eps=1e-2)
    prior = (SHARPNESS * LEVELS[:, None] * logits + BASE.log()[:, None]).log_softmax(0)  # (V, P)
    noises = NOISES if seen.noise is None else (seen.noise,)
    flips = FLIPS if seen.flips is None else (seen.flips,)

    def score(levels: tuple[float, float]) -> float:
        value = float((prior + log_pixel_likelihood(y, *levels)).logsumexp(0).sum())
        return value - (NOISE_COST * len(y) if levels[0] > 0 else 0)

    best = max(((noise, flip) for noise in noises for flip in flips), key=score)
    return seen._replace(noise=best[0], flips=best[1])
