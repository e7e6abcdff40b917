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
from core.model import VAE
from core.pixels import LIKELIHOODS

LEVELS = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])  # v
# Fitted by maximum likelihood to two million pixels of the MNIST training digits, as mnist-res-32
# reconstructs them, by benchmarks/grey_levels.py: 0.18 nats a pixel; an even base, s = 1: 0.29.
BASE = torch.tensor([0.077, 0.246, 0.388, 0.211, 0.078])
SHARPNESS = 4.31  # s
OPTICS_ERROR = 0.1  # standard deviation of a decoded pixel about the true one, behind a lens
IMPOSSIBLE = -30.0  # nats; no minus infinity, whose gradient is not a number
NOISES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0)  # looked at when unknown
# In nats a pixel, against taking what a clean picture has for a little damage: its greys, which lie
# less evenly than LEVELS, for noise, and where the first estimate is wrong for salt and pepper. On
# training digits the least real damage of the grids gains 1.6 and 0.17.
NOISE_COST, SALT_COST = 0.2, 0.03
SALTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7)


def pixel_logits(model: VAE, z: Tensor) -> Tensor:
    """The logits of the decoded pixels, (N, C, H, W), which everything here is written in. Only
    where the decoder's output stands for something else (core.pixels) are they not that output."""
    decoded = model.decode_logits(z)
    if model.likelihood != "continuous_bernoulli":
        return decoded
    return torch.logit(LIKELIHOODS[model.likelihood].mean(decoded), eps=1e-6)


class Likelihood:
    """p(seen | z) of one observation (B = 1), as a function of the decoder's logits.

    `exact` (1, C, H, W) bool: the pixels that are known as they are.
    """

    def __init__(self, seen: Observation) -> None:
        if seen.noise is None or seen.salt is None:
            raise ValueError("Estimate the levels of noise first: core.likelihood.estimate_levels.")
        self.seen, self.noise, self.share = seen, seen.noise, seen.salt
        observed, grey = seen.mask > 0, (seen.image > 0) & (seen.image < 1)
        if seen.has_optics or seen.noise > 0:
            self.exact = torch.zeros_like(observed)
        else:
            # Salt and pepper leave black or white: a grey pixel was spared.
            self.exact = observed & grey if seen.salt > 0 else observed
        self.noisy = observed & ~self.exact & (not seen.has_optics)
        pixels = seen.image[self.noisy]  # (P,), only these need the sum over levels
        self.log_factor = log_pixel_likelihood(pixels, seen.noise, seen.salt)  # (V, P)

    def __call__(self, logits: Tensor) -> Tensor:
        """log p(seen | z) up to a constant, (N,) nats, from logits (N, C, H, W)."""
        if self.seen.has_optics:
            return self._through_optics(torch.sigmoid(logits))
        exact = self.exact * (logits * self.seen.image - F.softplus(logits))
        result = exact.flatten(1).sum(1)
        if self.log_factor.shape[1]:
            alone = self._tilted(logits)
            result = result + ((alone + self.log_factor).logsumexp(1) - alone.logsumexp(1)).sum(1)
        return result

    def complete(self, logits: Tensor) -> Tensor:
        """E[x | z, seen], (N, C, H, W): known pixels kept, missing decoded, noisy weighed.

        Behind a lens no pixel is known by itself, and all are decoded.
        """
        x = torch.where(self.exact, self.seen.image, torch.sigmoid(logits))
        if self.log_factor.shape[1]:
            weights = (self._tilted(logits) + self.log_factor).softmax(1)
            x[self.noisy.expand_as(x)] = torch.einsum("v,nvp->np", LEVELS, weights).flatten()
        return x

    def variance(self, logits: Tensor) -> Tensor:
        """Var[x | z, seen] of every pixel, (N, C, H, W): what one z leaves open."""
        tilted = SHARPNESS * LEVELS * logits[..., None] + BASE.log()  # (N, C, H, W, V)
        result = _variance(tilted.softmax(-1), dim=-1)
        if self.log_factor.shape[1]:
            weights = (self._tilted(logits) + self.log_factor).softmax(1)
            result[self.noisy.expand_as(result)] = _variance(weights, dim=1).flatten()
        return result * ~self.exact

    def complete_binary(self, logits: Tensor) -> Tensor:
        """P(x = 1 | z, seen) where a pixel is black or white, (N, C, H, W).

        What Gibbs sampling has to draw from, since the encoder's and decoder's own model is that.
        """
        if self.seen.has_optics:
            raise ValueError("Behind a lens pixels are not independent given z.")
        evidence = torch.zeros_like(logits)
        noisy = self.noisy.expand_as(logits)
        evidence[noisy] = (self.log_factor[-1] - self.log_factor[0]).repeat(len(logits))
        return torch.where(self.exact, self.seen.image, torch.sigmoid(logits + evidence))

    def _tilted(self, logits: Tensor) -> Tensor:
        """log of base_v exp(s v l) of the P noisy pixels, (N, V, P)."""
        l = logits[self.noisy.expand_as(logits)].view(len(logits), 1, -1)  # noqa: E741
        return SHARPNESS * LEVELS[:, None] * l + BASE.log()[:, None]

    def _through_optics(self, x: Tensor) -> Tensor:
        """A Gaussian about A x, clipped, then salt and pepper; pictures x (N, C, H, W).

        The noise of a block's pixels is independent, the error of its decoded mean is not: it
        counts once for the block.
        """
        spread = math.hypot(self.noise, self.seen.factor * OPTICS_ERROR)
        expected = self.seen.optics(x)
        log_p = _clipped_normal(self.seen.image, expected, spread, clipped=self.noise > 0)
        log_p = _salted(log_p, self.seen.image, self.share)
        return (self.seen.mask * log_p).flatten(1).sum(1)


def _variance(weights: Tensor, *, dim: int) -> Tensor:
    """Variance over the grey levels along `dim`."""
    shape = [-1 if d == dim % weights.ndim else 1 for d in range(weights.ndim)]
    levels = LEVELS.view(shape)
    mean = (weights * levels).sum(dim)
    return ((weights * levels.square()).sum(dim) - mean.square()).clamp_min(0)


def _clipped_normal(y: Tensor, mean: Tensor, spread: float, *, clipped: bool = True) -> Tensor:
    """log density of N(mean, spread^2) at y inside (0, 1); at 0 and 1 log of what lies beyond."""
    z = (y - mean) / spread
    inside = -0.5 * z.square() - math.log(spread * math.sqrt(2 * math.pi))
    if not clipped:
        return inside
    beyond = torch.special.log_ndtr(torch.where(y <= 0, z, -z))
    return torch.where((y <= 0) | (y >= 1), beyond, inside)


def _salted(log_p: Tensor, y: Tensor, share: float) -> Tensor:
    """log p after `share` of the pixels was replaced by 0 or 1, evenly."""
    if share == 0:
        return log_p
    kept = log_p + math.log1p(-share)
    replaced = torch.tensor(math.log(share / 2))
    return torch.where((y <= 0) | (y >= 1), torch.logaddexp(kept, replaced), kept)


def log_pixel_likelihood(y: Tensor, noise: float, salt: float) -> Tensor:
    """log p(y | x = v), (V, P), of pixels y (P,): noise, clipped to [0, 1], then salt and pepper.

    A density inside (0, 1), a probability at 0 and at 1: the same for every v, so that only the
    differences over v matter within a picture, and whole values when levels are compared.
    """
    y, v = y[None], LEVELS[:, None]
    if noise > 0:
        return _salted(_clipped_normal(y, v, noise), y, salt)
    # Without noise a pixel is what it is; the grey levels share all that is grey evenly.
    grey = (v > 0) & (v < 1)
    low, high = torch.where(v > 0.25, v - 0.125, 0.0), torch.where(v < 0.75, v + 0.125, 1.0)
    inside = torch.where(grey & (y > low) & (y <= high), -(high - low).log(), IMPOSSIBLE)
    at_edge = torch.where(y == v, 0.0, IMPOSSIBLE)
    return _salted(torch.where((y <= 0) | (y >= 1), at_edge, inside), y, salt)


def estimate_levels(seen: Observation, mean: Tensor) -> Observation:
    """Fill in the unknown levels by maximum likelihood given a first estimate of the picture,
    `mean` (1, C, H, W): the most likely pair on a grid."""
    observed = seen.mask > 0
    y, expected = seen.image[observed], seen.optics(mean)[observed]
    tilted = SHARPNESS * LEVELS[:, None] * torch.logit(expected, eps=1e-2) + BASE.log()[:, None]
    prior = tilted.log_softmax(0)  # (V, P)

    def score(levels: tuple[float, float]) -> float:
        noise, salt = levels
        if seen.has_optics:
            spread = math.hypot(noise, OPTICS_ERROR)
            log_p = _salted(_clipped_normal(y, expected, spread, clipped=noise > 0), y, salt)
        else:
            log_p = (prior + log_pixel_likelihood(y, noise, salt)).logsumexp(0)
        cost = NOISE_COST * (noise > 0) + SALT_COST * (salt > 0)
        return float(log_p.sum()) - cost * len(y)

    noises = NOISES if seen.noise is None else (seen.noise,)
    salts = SALTS if seen.salt is None else (seen.salt,)
    noise, salt = max(((n, s) for n in noises for s in salts), key=score)
    return seen._replace(noise=noise, salt=salt)
