"""Walks as files to keep: a PNG sheet, GIFs and an NPZ, each as bytes."""

import io
from collections.abc import Mapping

import numpy as np
import torch

from core.images import grid, there_and_back, to_gif, to_png
from core.walk import Walk

SCALE = 6  # px a pixel
FRAME, KEY = 120, 600  # ms a picture, and a key


def png_sheet(walks: Mapping[str, Walk]) -> bytes:
    """A row for each walk, all pictures of it from left to right."""
    columns = len(next(iter(walks.values())).images)
    pictures = torch.cat([walk.images for walk in walks.values()])
    return to_png(grid(pictures, columns=columns), scale=SCALE)


def gif(walk: Walk) -> bytes:
    """The walk there and back, without end; it rests at each key."""
    order = there_and_back(len(walk.images))
    durations = [KEY if n in walk.stops else FRAME for n in order]
    return to_gif(walk.images[order], durations, scale=SCALE)


def npz(walks: Mapping[str, Walk]) -> bytes:
    """For each walk NAME_z (N, D), NAME_images (N, C, H, W) and NAME_lengths (N - 1,); and `stops`,
    which of the N points are keys."""
    arrays = {
        f"{name}_{field}": getattr(walk, field).numpy()
        for name, walk in walks.items()
        for field in ("z", "images", "lengths")
    }
    buffer = io.BytesIO()
    stops = np.array(next(iter(walks.values())).stops)
    np.savez_compressed(buffer, stops=stops, **arrays)
    return buffer.getvalue()
