"""A repair as files to keep: a PNG sheet, a GIF and an NPZ, each as bytes."""

import io

import numpy as np
import torch

from core.images import grid, to_gif, to_png
from core.repair import Repair, over_channels

SCALE = 6  # px a pixel
FRAME, LAST = 90, 1500  # ms; the last frame stays on


def png_sheet(found: Repair) -> bytes:
    """Damaged, mean and uncertainty, then every completion, the heaviest first, eight a row."""
    spread = 2 * over_channels(found.std).expand_as(found.mean)
    first = torch.stack([found.seen.image[0], found.mean, spread])
    return to_png(grid(torch.cat([first, found.completions]), columns=8), scale=SCALE)


def gif(found: Repair) -> bytes:
    """One answer after every step, or the answers in turn where there are no steps."""
    if found.trajectory is not None:
        pictures, duration = found.trajectory, FRAME
    else:
        pictures, duration = found.completions, 5 * FRAME
    durations = [duration] * (len(pictures) - 1) + [LAST]
    return to_gif(pictures, durations, scale=SCALE)


def npz(found: Repair) -> bytes:
    """Every array, as core.repair.Repair and core.damage.Observation name them."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        completions=found.completions.numpy(), weights=found.weights.numpy(),
        mean=found.mean.numpy(), std=found.std.numpy(), z=found.z.numpy(),
        image=found.seen.image[0].numpy(), mask=found.seen.mask[0].numpy(),
    )  # fmt: skip
    return buffer.getvalue()
