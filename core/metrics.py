"""How good a model is (the figures of metrics.json), and how close two pictures are."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core.augment import binarize
from core.latent import ACTIVE_VARIANCE
from core.model import VAE
from core.objective import elbo, importance_log_likelihood


@torch.no_grad()
def evaluate(
    model: VAE,
    images: Tensor,
    *,
    seed: int = 0,
    samples: int = 8,
    nll: int = 0,
    batch_size: int = 500,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Means over `images` (N, 1, H, W) in nats per image; a dict that goes into metrics.json.

    The ELBO is on the grey images, with `samples` draws of z an image. `nll` > 0 adds the
    importance-weighted -log p(x) with that many samples on dynamically binarised images.
    on_step(done, total) counts images.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    total = len(images) * (2 if nll else 1)
    terms, mus, squares = [], [], 0.0
    for start in range(0, len(images), batch_size):
        x = images[start : start + batch_size].to(device)
        terms.append(elbo(model, x, samples=samples, generator=generator))
        mus.append(model.encode(x)[0])
        squares += (model.decode(mus[-1]) - x).square().sum().item()
        on_step(start + len(x), total)
    reconstruction = torch.cat([term.reconstruction for term in terms]).double().mean().item()
    kl_per_dim = torch.cat([term.kl_per_dim for term in terms]).double().mean(0)
    result: dict[str, Any] = {
        "neg_elbo": reconstruction + kl_per_dim.sum().item(),
        "reconstruction": reconstruction,
        "kl": kl_per_dim.sum().item(),
        "kl_per_dim": kl_per_dim.tolist(),
        "active_units": int((torch.cat(mus).var(0) > ACTIVE_VARIANCE).sum()),
        "recon_mse": squares / images.numel(),
        "images": len(images),
        "elbo_samples": samples,
        "seed": seed,
    }
    if nll:
        noise = torch.Generator().manual_seed(seed)
        binary = binarize(images, noise)
        log_p = []
        for start in range(0, len(images), 100):
            x = binary[start : start + 100].to(device)
            log_p.append(importance_log_likelihood(model, x, nll, generator=generator))
            on_step(len(images) + start + len(x), total)
        result["nll"] = -torch.cat(log_p).double().mean().item()
        result["nll_samples"] = nll
    return result


def psnr(x: Tensor, y: Tensor, where: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1], infinite when they are equal.

    `where`, of the same shape, bool: only these pixels count; all when it is None or empty.
    """
    error = (x - y).square()
    if where is not None and where.any():
        error = error[where]
    mse = float(error.mean())
    return math.inf if mse == 0 else -10 * math.log10(mse)


def ssim(x: Tensor, y: Tensor) -> float:
    """Structural similarity of two pictures (1, H, W) in [0, 1] (Wang et al. 2004), at most 1."""
    from skimage.metrics import structural_similarity  # half a second: not on the page's start path

    return float(structural_similarity(x[0].numpy(), y[0].numpy(), data_range=1.0))
