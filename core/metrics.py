"""How good a model is (the figures of metrics.json), and how close two pictures are."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core.augment import binarize, epoch_generator
from core.journal import Journal
from core.latent import ACTIVE_VARIANCE
from core.model import VAE
from core.objective import elbo, importance_log_likelihood
from core.processes import Processes

BLOCK = 100  # images that share their randomness; also what one process does at a time
AT_ONCE = 10  # images of a block whose log p(x) is estimated at the same time
MAX_DECODES = 500  # at once: what they compute stays in the processor's cache
Sums = dict[str, Any]  # of a block: floats, and lists of one float a latent dimension


@torch.inference_mode()
def evaluate(
    model: VAE,
    images: Tensor,
    *,
    seed: int = 0,
    samples: int = 8,
    nll: int = 0,
    processes: Processes = Processes(),  # noqa: B008  an immutable value
    journal: Journal | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Means over `images` (N, C, H, W) in nats per image; a dict that goes into metrics.json.

    The ELBO is on the images as they are, with `samples` draws of z an image. Of a Bernoulli
    likelihood there is another on dynamically binarised images. `nll` > 0 adds the
    importance-weighted -log p(x) with that many samples, on the same binarised images; of another
    likelihood, on the images as they are.

    Each of `processes` does its share of the blocks, all return the same. What is in the journal is
    not done again. on_step(done, total) counts images.
    """
    blocks = list(range(-(-len(images) // BLOCK)))
    # Read by one: another may have written a block of this very call already.
    done: dict[int, Sums] = processes.on_main(lambda: dict(journal.known) if journal else {})
    mine = processes.share([b for b in blocks if b not in done])
    seen = sum(min(BLOCK, len(images) - BLOCK * b) for b in done)
    for block in mine:
        x = images[BLOCK * block : BLOCK * (block + 1)]

        def on_image(of_block: int, before: int = seen) -> None:
            # The others are about as far.
            on_step(min(before + of_block * processes.count, len(images)), len(images))

        done[block] = block_sums(model, x, block, seed, samples, nll, on_image)
        seen += len(x) * processes.count
        if journal:
            journal.write(block, done[block])
    sums = processes.gather(done)
    on_step(len(images), len(images))
    return figures(sums, model, images) | {
        "images": len(images),
        "elbo_samples": samples,
        **({"nll_samples": nll} if nll else {}),
        "seed": seed,
    }


def block_sums(
    model: VAE,
    x: Tensor,
    block: int,
    seed: int,
    samples: int,
    nll: int,
    on_image: Callable[[int], None] = lambda done: None,
) -> Sums:
    """One block's figures, summed over its images x (B, C, H, W)."""
    device = next(model.parameters()).device

    def noise(purpose: int) -> torch.Generator:
        number = epoch_generator(seed, block, purpose).initial_seed()
        return torch.Generator(device).manual_seed(number)

    grey = x.to(device)
    terms = elbo(model, grey, samples=samples, generator=noise(0))
    mu = model.encode(grey)[0]
    squares = (model.decode(mu) - grey.view(-1, *model.image_shape)).square()
    sums: Sums = {
        "reconstruction": total(terms.reconstruction),
        "kl_per_dim": terms.kl_per_dim.double().sum(0).tolist(),
        "mu": mu.double().sum(0).tolist(),
        "mu_squared": mu.double().square().sum(0).tolist(),
        "squares": total(squares),
    }
    if model.likelihood == "bernoulli":
        grey = binarize(x, epoch_generator(seed, block, 1)).to(device)
        binary = elbo(model, grey, samples=samples, generator=noise(2))
        sums["neg_elbo_binarized"] = total(binary.neg_elbo)
    if nll:
        generator, log_p = noise(3), 0.0
        for start in range(0, len(x), AT_ONCE):
            part = grey[start : start + AT_ONCE]
            log_p += total(
                importance_log_likelihood(
                    model, part, nll, generator=generator, max_decodes=MAX_DECODES
                )
            )
            on_image(start + len(part))
        sums["nll"] = -log_p
    else:
        on_image(len(x))
    return sums


def total(values: Tensor) -> float:
    return values.sum(dtype=torch.float64).item()


def figures(blocks: list[Sums], model: VAE, images: Tensor) -> dict[str, Any]:
    """Means over all images from the sums of their blocks."""
    n = len(images)

    def mean(key: str) -> float:
        return math.fsum(sums[key] for sums in blocks) / n

    def means(key: str) -> list[float]:
        return [math.fsum(column) / n for column in zip(*(b[key] for b in blocks), strict=True)]

    kl_per_dim = means("kl_per_dim")
    reconstruction, kl = mean("reconstruction"), math.fsum(kl_per_dim)
    moments = zip(means("mu"), means("mu_squared"), strict=True)
    optional = [key for key in ("neg_elbo_binarized", "nll") if key in blocks[0]]
    return {
        "neg_elbo": reconstruction + kl,
        "reconstruction": reconstruction,
        "kl": kl,
        "kl_per_dim": kl_per_dim,
        "active_units": sum(square - mu**2 > ACTIVE_VARIANCE for mu, square in moments),
        "recon_mse": mean("squares") / images[0].numel(),
        **{key: mean(key) for key in optional},
    }


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
    """Structural similarity of two pictures (C, H, W) in [0, 1] (Wang et al. 2004), at most 1."""
    from skimage.metrics import structural_similarity  # half a second: not on the page's start path

    return float(structural_similarity(x.numpy(), y.numpy(), data_range=1.0, channel_axis=0))
