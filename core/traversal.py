"""Traversals: z moved along one latent dimension at a time, as points, a labelled sheet and a GIF.

Shapes: D latent dimensions, R rows (dimensions traversed), S steps of each.
"""

import io
from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core.images import grid, there_and_back, to_gif, to_pil
from core.model import VAE

SCALE = 3  # px a pixel of the sheet
GIF_SCALE = 8
FRAME = 60  # ms
LABEL = 110  # px beside the sheet for the names


def traversal(z: Tensor, dimensions: Sequence[int], ranges: Tensor, *, steps: int) -> Tensor:
    """Points (R, S, D): z (D,) with one dimension running from ranges[d, 0] to ranges[d, 1].

    ranges is (D, 2). Raises ValueError for fewer than two steps or a dimension that z has not.
    """
    if steps < 2:
        raise ValueError(f"A traversal takes two steps or more; got {steps}.")
    if not all(0 <= d < len(z) for d in dimensions):
        raise ValueError(f"z has {len(z)} dimensions; asked for {list(dimensions)}.")
    points = z.repeat(len(dimensions), steps, 1)
    for row, d in enumerate(dimensions):
        points[row, :, d] = torch.linspace(float(ranges[d, 0]), float(ranges[d, 1]), steps)
    return points


@torch.no_grad()
def traversal_sheet(model: VAE, points: Tensor, names: Sequence[str]) -> bytes:
    """Points (R, S, D) decoded, a row each with its name beside it, as a PNG."""
    rows, steps, _ = points.shape
    pictures = model.decode(points.flatten(0, 1))
    sheet = to_pil(grid(pictures, columns=steps), scale=SCALE)
    labelled = Image.new("RGB", (sheet.width + LABEL, sheet.height), "white")
    labelled.paste(sheet, (LABEL, 0))
    draw, font = ImageDraw.Draw(labelled), ImageFont.load_default(14)
    height = sheet.height / rows
    for row, name in enumerate(names):
        while draw.textlength(name, font) > LABEL - 16:
            name = name[:-2] + "…" if len(name) > 2 else ""
        draw.text((8, (row + 0.5) * height), name, "black", font, anchor="lm")
    buffer = io.BytesIO()
    labelled.save(buffer, "PNG")
    return buffer.getvalue()


@torch.no_grad()
def traversal_gif(model: VAE, points: Tensor) -> bytes:
    """Points (S, D) decoded as a film that runs there and back without end."""
    order = there_and_back(len(points))
    return to_gif(model.decode(points)[order], [FRAME] * len(order), scale=GIF_SCALE)
