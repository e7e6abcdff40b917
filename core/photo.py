"""An uploaded file -> one upright grey channel, in [0, 1]; what cannot be read is a sentence.

Only raster formats are opened, and sizes are checked on the header before a pixel is decoded.
"""

import contextlib
import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.limits import PICTURE_BYTES, PICTURE_PIXELS, PICTURE_SCANS
from core.reduced import reduced
from core.scans import count_scans

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # raster only; TIFF and PostScript decode too much

JPEG = b"\xff\xd8"
LEAST, SLIM = 8, 40  # the fewest pixels on a side, and how many times longer the other may be
LONG = 640  # the most pixels on a long side while working: a digit is read in 0.1 s

DAMAGED = "The picture is damaged or cut short. Save or send it again."
TOO_LARGE = f"The picture has over {PICTURE_PIXELS}, {PICTURE_PIXELS.why}. Choose a smaller one."
MANY_SCANS = (
    f"The JPEG goes over its picture more than {PICTURE_SCANS} times, which no camera's does. Save "
    "it again with another program."
)


class DigitError(ValueError):
    """No digit can be had from this picture; the message tells its owner why and what to do."""


def open_image(data: bytes) -> Image.Image:
    """Decode an uploaded file: its first frame, turned upright. `DigitError` if that cannot be.

    Size and scans are checked before a pixel is decoded; a large JPEG comes at reduced scale.
    """
    content = io.BytesIO(checked(data))
    try:
        opened = Image.open(content, formats=FORMATS)
    except UnidentifiedImageError:
        raise DigitError(
            "The file is not a picture that can be read. Choose a PNG, JPEG, WebP, BMP or GIF file."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DigitError(TOO_LARGE) from None
    except Exception:  # a damaged header makes Pillow's readers raise nearly anything
        raise DigitError(DAMAGED) from None
    if data.startswith(JPEG) and count_scans(content) > PICTURE_SCANS.most:
        raise DigitError(MANY_SCANS)
    return _upright(decoded(opened))


def checked(data: bytes) -> bytes:
    """An upload whose length is sane. `DigitError` otherwise."""
    if not data:
        raise DigitError("The file is empty. Choose a picture.")
    if len(data) > PICTURE_BYTES.most:
        raise DigitError(f"The file is over {PICTURE_BYTES}. Choose a smaller picture.")
    return data


def decoded(image: Image.Image) -> Image.Image:
    """`image` with its pixels in memory, its size checked first. `DigitError` if damaged."""
    if image.width * image.height > PICTURE_PIXELS.most:
        raise DigitError(TOO_LARGE)
    if min(image.size) < max(LEAST, max(image.size) / SLIM):
        raise DigitError("The picture is too small or too narrow to show a digit. Choose another.")
    image.draft(None, (LONG, LONG))  # a large JPEG is decoded at a half, a quarter or an eighth
    try:
        image.load()
    except Exception:  # as above
        raise DigitError(DAMAGED) from None
    return image


def _upright(image: Image.Image) -> Image.Image:
    with contextlib.suppress(Exception):  # a broken EXIF block raises nearly anything, and says
        ImageOps.exif_transpose(image, in_place=True)  # nothing of which way; a copy takes memory
    return image


def grey_channel(image: Image.Image) -> np.ndarray:
    """Any mode as one upright channel in [0, 1], the long side reduced to LONG at most."""
    image = _upright(reduced(image, LONG).copy())  # the caller's own stays as it is
    if _is_deep(image):
        return _deep(image)
    colour = _opaque(image)
    # Along the axis of most contrast, red ink on green paper shows as well as black on white.
    some = colour[::4, ::4].reshape(-1, 3)
    axis = np.linalg.eigh(np.cov(some.T))[1][:, -1].astype(np.float32)
    axis *= 1 if axis.sum() > 0 else -1
    black, white = axis.clip(max=0).sum(), axis.clip(min=0).sum()
    return np.clip((colour @ axis - black) / (white - black), 0, 1)


def plain_grey(image: Image.Image) -> np.ndarray:
    """Any mode as its brightness, pixel for pixel, in [0, 1]."""
    if _is_deep(image):
        return _deep(image)
    levels = Image.fromarray(np.rint(255 * _opaque(image)).astype(np.uint8)).convert("L")
    return np.asarray(levels, np.float32) / 255


def _is_deep(image: Image.Image) -> bool:
    """16 and 32 bits a pixel, which Pillow would clip at 255."""
    return image.mode.startswith(("I", "F"))


def _deep(image: Image.Image) -> np.ndarray:
    """(H, W) in [0, 1] of 16 or 32 bits a pixel, whose white is 1, 255, 65535 or its maximum."""
    values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
    white = next((w for w in (1, 255, 65535) if values.max() <= w), values.max())
    return np.clip(values / white, 0, 1)


def _opaque(image: Image.Image) -> np.ndarray:
    """(H, W, 3) in [0, 1], with something beneath what is transparent."""
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB"), np.float32) / 255
    image = image.convert("RGBA")
    colour = np.asarray(image.convert("RGB"), np.float32) / 255
    alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / 255
    return colour * alpha + _backdrop(colour.mean(axis=2), alpha[..., 0]) * (1 - alpha)


def _backdrop(light: np.ndarray, alpha: np.ndarray) -> float:
    """What to lay under a transparent picture: its own paper, or the opposite of bare strokes."""
    seen = light[alpha > 0.5]
    if alpha.mean() > 0.5 and seen.std() > 0.1:
        return float(np.median(seen))
    return float((light * alpha).sum() < 0.5 * alpha.sum())
