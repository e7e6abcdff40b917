"""What the live channel computes for the lessons: both terms of the loss, and passes in a row."""

import json
from typing import TYPE_CHECKING

import numpy as np

from explorer import repairs

if TYPE_CHECKING:
    from core import VAE

SAMPLES = 8  # of q: what the reconstruction is the mean over
PASSES = 30


def terms(model: "VAE", belief: np.ndarray, x: bytes) -> tuple[np.ndarray, str]:
    """decode(mu) and SAMPLES draws of q decoded, as planes, and the nats of both terms as JSON.

    `belief` is mu and log_var, (2, D); x the C*H*W levels of a picture. The noise is the same each
    time: what changes is what was moved.
    """
    import torch

    from core.images import to_uint8
    from core.reconstruct import with_belief

    noise = torch.randn(SAMPLES, model.z_dim, generator=torch.Generator().manual_seed(0))
    mu, log_var = torch.tensor(belief)
    found = with_belief(model, repairs.picture(x, model.image_shape), mu, log_var, noise)
    planes = to_uint8(torch.cat([found.x_recon[None], found.samples])).flatten(0, 1).numpy()
    return planes, json.dumps({"reconstruction": found.nll, "kl": found.kl})


def passes(model: "VAE", ask: repairs.Ask) -> tuple[np.ndarray, str]:
    """A damaged picture encoded and decoded 1 to PASSES times, as planes."""
    import torch

    from core.images import to_uint8
    from core.repair import iterated_passes

    made = iterated_passes(model, repairs.observation(ask, model.image_shape), PASSES)
    return to_uint8(torch.cat(made)).flatten(0, 1).numpy(), ""
