"""[0, 1] tensors <-> uint8 <-> PNG and GIF: the only place that converts."""

import io
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """Any shape, [0, 1] float -> [0, 255] uint8, rounded to the nearest level."""
    return images.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8)


def shrunk(image: Tensor, width: int) -> Tensor:
    """(C, H, W) made `width` pixels wide by averaging; a narrower image stays as it is."""
    if image.shape[2] <= width:
        return image
    height = max(1, round(width * image.shape[1] / image.shape[2]))
    return F.interpolate(image[None], (height, width), mode="area")[0]


def to_pil(image: Tensor, *, scale: int = 1) -> Image.Image:
    """One image (C, H, W) or (H, W), C = 1 or 3; enlarged by whole pixels, never smoothed."""
    pixels = to_uint8(image.detach().cpu()).numpy()
    if pixels.ndim == 3:
        pixels = pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, 2)
    if scale > 1:
        pixels = pixels.repeat(scale, 0).repeat(scale, 1)
    return Image.fromarray(np.ascontiguousarray(pixels))


def to_png(image: Tensor, *, scale: int = 1) -> bytes:
    """One image as the bytes of a PNG file."""
    buffer = io.BytesIO()
    to_pil(image, scale=scale).save(buffer, "PNG")
    return buffer.getvalue()


def to_gif(images: Tensor, durations: Sequence[int], *, scale: int = 1) -> bytes:
    """Images (N, C, H, W) as a film without end, each for its milliseconds."""
    frames = [to_pil(image, scale=scale) for image in images]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], duration=list(durations), loop=0
    )
    return buffer.getvalue()


def there_and_back(n: int) -> list[int]:
    """Indices of a film that turns round at both ends: 0 ... n - 1 ... 1."""
    return [*range(n), *range(n - 2, 0, -1)]


def grid(images: Tensor, *, columns: int, padding: int = 2) -> Tensor:
    """A contact sheet (C, H', W') of images (N, C, H, W), rows filled left to right."""
    from torchvision.utils import make_grid  # seconds to import: not on the page's start path

    return make_grid(images.detach().cpu(), nrow=columns, padding=padding)


def signed_difference(x: Tensor, x_recon: Tensor) -> Tensor:
    """x_recon - x of (C, H, W) images as colour, (3, H, W): blue added, red missing, white equal.

    Of colour pictures it is the difference in brightness, the mean of the channels. Linear in the
    difference and symmetric about zero; +-1 is the full colour.
    """
    difference = (x_recon - x).mean(0).clamp(-1, 1)
    red = torch.tensor([0.70, 0.09, 0.17]).view(3, 1, 1)  # ColorBrewer RdBu's two ends
    blue = torch.tensor([0.13, 0.40, 0.67]).view(3, 1, 1)
    end = torch.where(difference < 0, red, blue)
    return 1 - difference.abs() * (1 - end)


def from_array(array: np.ndarray) -> Tensor:
    """(H, W) or (H, W, 3) in [0, 1] -> (C, H, W)."""
    tensor = torch.from_numpy(np.ascontiguousarray(array)).float()
    return tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)
