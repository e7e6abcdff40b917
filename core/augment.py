"""What a training picture goes through before a step, and the randomness of an epoch."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def binarize(images: Tensor, generator: torch.Generator) -> Tensor:
    """Dynamic binarisation (Burda et al. 2016): each pixel is 1 with its grey value's chance."""
    noise = torch.rand(images.shape, generator=generator, device=generator.device)
    return (noise.to(images.device) < images).to(images.dtype)


def shifted(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Every image (B, C, H, W) moved by up to `pixels` in each direction; black comes in."""
    b, c, h, w = images.shape
    down, right = torch.randint(2 * pixels + 1, (2, b, 1, 1, 1), generator=generator)
    rows = (torch.arange(h).view(1, 1, h, 1) + down).to(images.device)
    columns = (torch.arange(w).view(1, 1, 1, w) + right).to(images.device)
    of = torch.arange(b, device=images.device).view(b, 1, 1, 1)
    channel = torch.arange(c, device=images.device).view(1, c, 1, 1)
    return F.pad(images, [pixels] * 4)[of, channel, rows, columns]


def epoch_generator(*seeds: int) -> torch.Generator:
    """All randomness of an epoch, on the CPU so that every device sees the same."""
    mixed = np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
