"""A picture file -> pixels of a given size, used as it is: no ink is looked for, nothing inverted.

For folders of images and for uploads to models of anything but handwriting; digits go through
core/digits.py. The docstring of core/folder.py says what is done and why.
"""

import io
from pathlib import Path
from typing import IO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from PIL.Image import Resampling

from core.limits import PICTURE_PIXELS, PICTURE_SCANS
from core.reduced import reduced
from core.scans import count_scans

# Raster only: PostScript, PDF and metafiles run programs of their own.
FORMATS = (
    "PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "TGA", "AVIF", "JPEG2000"
)  # fmt: skip
DEEP = {"I": None, "F": None, "I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I;16N": 65535}
LARGE = 1024  # pixels on the long side, beyond which a picture is averaged strip by strip at first


class FitError(ValueError):
    """A picture cannot be read; the message is a few words that fit between brackets."""


def fitted_file(source: Path | bytes, side: int, channels: int) -> np.ndarray:
    """The first frame of a file as (channels, side, side) uint8. Raises FitError."""
    try:
        # Of a path Pillow would map an uncompressed TIFF into memory, and turn it wrongly.
        file: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with file, Image.open(file, formats=FORMATS) as opened:
            if opened.width * opened.height > PICTURE_PIXELS.most:
                raise FitError(f"over {PICTURE_PIXELS}")
            if opened.format in ("JPEG", "MPO") and count_scans(file) > PICTURE_SCANS.most:
                raise FitError(f"a JPEG of over {PICTURE_SCANS} scans")
            # A large JPEG comes at a half, a quarter or an eighth, still twice what is wanted.
            opened.draft(None, (2 * side, 2 * side))
            return fitted(opened, side, channels)
    except FitError:
        raise
    except Image.UnidentifiedImageError:
        raise FitError("no image") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FitError(f"over {PICTURE_PIXELS}") from None
    except FileNotFoundError:
        raise FitError("the file is gone") from None
    except PermissionError:
        raise FitError("no permission") from None
    except Exception:  # a damaged file makes Pillow's readers raise nearly anything
        raise FitError("damaged") from None


def fitted(image: Image.Image, side: int, channels: int) -> np.ndarray:
    """A picture upright, grey or RGB, its whole scaled into a square: (channels, side, side)."""
    image.load()
    plain = _upright(_shallow(reduced(image, LARGE), DEEP.get(image.mode)))
    if plain.has_transparency_data:
        ground = Image.new("RGBA", plain.size, "white")
        plain = Image.alpha_composite(ground, plain.convert("RGBA"))
    plain = plain.convert("L" if channels == 1 else "RGB")
    scale = side / max(plain.size)
    width, height = (max(1, round(length * scale)) for length in plain.size)
    if (width, height) != plain.size:
        # BOX is the mean of the pixels that fall into one; enlarged by it a picture were blocks.
        how = Resampling.BOX if scale < 1 else Resampling.BICUBIC
        plain = plain.resize((width, height), how)
    pixels = np.asarray(plain).reshape(height, width, channels)
    square = np.empty((side, side, channels), np.uint8)
    square[:] = _edge_colour(pixels)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return np.moveaxis(square, 2, 0)


def fitted_picture(source: bytes, shape: tuple[int, int, int]) -> torch.Tensor:
    """A file as (1, C, H, W) float in [0, 1] for a model of `shape` (C, H, W). FitError."""
    return torch.from_numpy(fitted_file(source, shape[2], shape[0])).float().div(255)[None]


def _shallow(image: Image.Image, white: int | None) -> Image.Image:
    """What Pillow does not make grey or RGB by itself: 16 and 32 bits a pixel, which it would clip
    at 255, and LAB. `white` is the value of white, where the mode says it."""
    if image.mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
        assert converted is not None  # it is, unless converted in place
        return converted
    if image.mode not in DEEP:
        return image
    values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0).clip(0)
    white = white or next((w for w in (1, 255, 65535) if values.max() <= w), None)
    eight = Image.fromarray(np.rint(255 * values / (white or values.max())).astype(np.uint8))
    eight.info = image.info  # says which way is up
    return eight


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block raises nearly anything, and says nothing of which way
        return image


def _edge_colour(pixels: np.ndarray) -> np.ndarray:
    """The median of the outermost pixels (H, W, C), channel by channel."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.median(edge, axis=0).astype(np.uint8)
