"""p(x | z) of a pixel, for every likelihood that a VAE may have: its mean and its nats.

The decoder gives one number l for each pixel, (B, C, H, W); what it means is said here, and
nowhere else. Pixels x lie in [0, 1].
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NEAR_ZERO = 0.1  # below it the closed forms lose digits, and four terms of the series have them all


class PixelLikelihood(NamedTuple):
    """What a decoder's output stands for."""

    mean: Callable[[Tensor], Tensor]  # l -> E[x | z] in [0, 1]
    nll: Callable[[Tensor, Tensor, Tensor | None], Tensor]  # (l, x, log_sigma) -> nats a pixel


def bernoulli_nll(logits: Tensor, x: Tensor, log_sigma: Tensor | None = None) -> Tensor:
    """Binary cross-entropy (Kingma and Welling 2014, appendix C.1).

    softplus(l) - l x is -x log s(l) - (1 - x) log(1 - s(l)): exact where the sigmoid saturates,
    and one pass over the pixels less than binary_cross_entropy_with_logits takes on a CPU.
    """
    return F.softplus(logits) - logits * x


def continuous_bernoulli_nll(logits: Tensor, x: Tensor, log_sigma: Tensor | None = None) -> Tensor:
    """-log of exp(l x) / integral of exp(l t) over [0, 1] (Loaiza-Ganem and Cunningham 2019).

    The Bernoulli's formula with a density's own normaliser: log((e^l - 1) / l).
    """
    small = logits.abs() < NEAR_ZERO
    safe = torch.where(small, 1.0, logits)  # the branch not taken must not make NaN gradients
    size = safe.abs()
    large = F.relu(safe) + torch.log(-torch.expm1(-size)) - size.log()
    square = logits.square()
    series = logits / 2 + square / 24 - square.square() / 2880
    return torch.where(small, series, large) - logits * x


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """1 / (1 - e^-l) - 1 / l, the derivative of that normaliser."""
    small = logits.abs() < NEAR_ZERO
    safe = torch.where(small, 1.0, logits)
    large = -1 / torch.expm1(-safe) - 1 / safe
    series = 0.5 + logits / 12 - logits**3 / 720
    return torch.where(small, series, large).clamp(0, 1)  # the clamp: rounding only


def gaussian_nll(logits: Tensor, x: Tensor, log_sigma: Tensor | None) -> Tensor:
    """-log N(x; sigmoid(l), sigma^2), one learned sigma for all pixels (Rybkin et al. 2021)."""
    if log_sigma is None:
        raise ValueError("A Gaussian likelihood needs the model's log_sigma.")
    error = (x - torch.sigmoid(logits)) * torch.exp(-log_sigma)
    return 0.5 * error.square() + log_sigma + 0.5 * math.log(2 * math.pi)


# Every likelihood that a config.json may name.
LIKELIHOODS: dict[str, PixelLikelihood] = {
    "bernoulli": PixelLikelihood(torch.sigmoid, bernoulli_nll),
    "continuous_bernoulli": PixelLikelihood(continuous_bernoulli_mean, continuous_bernoulli_nll),
    "gaussian": PixelLikelihood(torch.sigmoid, gaussian_nll),
}
