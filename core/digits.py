"""A photo, drawing or upload -> one 28x28 digit, made the way MNIST was made.

MNIST (LeCun et al., 1998, section III-A) took bilevel scans, scaled each digit into a 20x20 box
with its aspect kept and its edges anti-aliased, and moved its centre of mass to the middle of a
28x28 field. `to_digit` first earns the bilevel scan (paper, shadows, ruled lines and specks taken
off), then does the same, and returns every stage as a `Step` that a page can show.

Arrays here are (H, W) float32 in [0, 1]. All the ink in a picture is read as one digit: nothing is
cut into characters. A printed frame around the digit is ink like any other.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy  # scipy.ndimage loads at its first use
import torch
from PIL import Image
from PIL.Image import Resampling

from core.fitting import FitError, fitted_picture
from core.images import from_array
from core.ink import BLUR, find_ink, fitted, ink_strength, without_rows
from core.photo import LONG, DigitError, checked, decoded, grey_channel, open_image, plain_grey
from core.sheet import sheet

__all__ = ["Digit", "DigitError", "Step", "open_image", "to_digit", "to_input", "to_picture"]

SIDE, BOX = 28, 20  # pixels: MNIST's field, and the box that its digits are scaled into
CENTRE = 14.5  # of the field, from its edge: measured, MNIST's mass lies in the middle of pixel 14
THIN, PEN = 1.8, 2.3  # pixels: strokes under THIN are drawn PEN wide, MNIST's median
FINE = 10  # before the final scaling a pixel of MNIST is at least so many pixels wide


class Step(NamedTuple):
    """One stage on the way from photo to digit; `image` is (H, W), white for ink once cut out."""

    name: str
    explanation: str
    image: np.ndarray


class Digit(NamedTuple):
    """White ink on black: `image` is (1, 1, 28, 28), and the last of `steps` shows the same."""

    image: torch.Tensor
    steps: tuple[Step, ...]


def to_input(source: bytes, shape: tuple[int, int, int], *, ink: bool = True) -> torch.Tensor:
    """A file as (1, C, H, W) for a model of `shape` (C, H, W). Raises DigitError.

    With `ink`, a model of handwriting, the digit that is found in it; else the picture as it is,
    fitted by core.fitting: upright, scaled, nothing inverted.
    """
    if ink and shape == (1, SIDE, SIDE):
        return to_digit(source).image
    try:
        return fitted_picture(checked(source), shape)
    except FitError as error:
        raise DigitError(f"The picture cannot be read: {error}. Choose another.") from None


def to_picture(source: bytes, shape: tuple[int, int, int], *, ink: bool = True) -> torch.Tensor:
    """The same for a damaged picture: pixel for pixel when it has the model's size, damage and
    all. Raises DigitError."""
    if ink and shape[0] == 1:
        picture = open_image(source)
        if picture.size == (shape[2], shape[1]):
            return from_array(plain_grey(picture))[None]
    return to_input(source, shape, ink=ink)


def to_digit(image: Image.Image | bytes) -> Digit:
    """Draw the ink in `image` as MNIST would have. `DigitError` if no ink is found.

    Dark on light and light on dark both work; a 28x28 picture that already is an MNIST digit comes
    back unchanged. Deterministic.
    """
    grey = grey_channel(open_image(image) if isinstance(image, bytes) else decoded(image))
    steps = [Step("Upright, grey", "Colour and transparency are gone.", grey)]
    digit = _mnist(grey)
    if digit is None:
        page = sheet(grey)
        strength = ink_strength(fitted(page, max(LONG // 2, *page.shape), Resampling.BICUBIC))
        plain = without_rows(without_rows(strength).T).T
        threshold, mask = find_ink(plain, max(BLUR, 2 / max(grey.shape)))
        fine = _bilevel(plain * scipy.ndimage.binary_dilation(mask, iterations=2), threshold)
        digit = _field(fine)
        ink, crop = mask.astype(np.float32), fine.astype(np.float32)
        steps += [
            Step("Even ground", "Paper and shadows are divided out: ink is bright.", strength),
            Step("Unruled", "Thin lines across the whole page are taken off.", plain),
            Step("Ink", "What is dark enough; specks and edges are dropped.", ink),
            Step("Crop", "Cut to the ink; the line of a thin pen is thickened.", crop),
        ]
    steps.append(Step("28 x 28", "Scaled into 20 x 20, centre of mass in the middle.", digit))
    return Digit(torch.from_numpy(digit.copy())[None, None], tuple(steps))


def _mnist(grey: np.ndarray) -> np.ndarray | None:
    """`grey`, or its negative, if it already is a digit placed as MNIST places them."""
    if grey.shape != (SIDE, SIDE):
        return None
    for digit in (grey, 1 - grey):
        ink = digit > 0.1
        off = np.abs(_mass(digit) - CENTRE).max() if ink.any() else SIDE
        if off < 1 and BOX - 3 <= np.ptp(_bounds(ink), axis=1).max() <= BOX:
            return digit
    return None


def _bilevel(strength: np.ndarray, threshold: float) -> np.ndarray:
    """The ink cut out as bool, enlarged if need be, its stroke no thinner than MNIST's."""
    (top, bottom), (left, right) = _bounds(strength > threshold)
    crop = strength[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2]
    fine = fitted(crop, max(BOX * FINE, *crop.shape), Resampling.BICUBIC) > threshold
    pixel = max(fine.shape) / BOX
    fine = np.pad(fine, math.ceil(pixel))
    # Across a stroke the distance to its edge, half a pixel off, averages a quarter of its width.
    width = 4 * (scipy.ndimage.distance_transform_edt(fine)[fine].mean() - 0.5) / pixel
    if width < THIN:
        grown = (PEN - width) / (1 - PEN / BOX) / 2  # on each side; the box grows with it
        fine = scipy.ndimage.distance_transform_edt(~fine) <= grown * pixel
    return fine


def _field(fine: np.ndarray) -> np.ndarray:
    """The bilevel ink area-averaged into BOX and placed by its centre of mass: (28, 28)."""
    low, high = _bounds(fine).T
    pixel = (high - low).max() / BOX
    # A lopsided shape would hang over the edge of the field: then it moves only up to the edge.
    y, x = np.clip(_mass(fine) - CENTRE * pixel, high - SIDE * pixel, low)
    pad = math.ceil(SIDE * pixel)
    image = Image.fromarray(np.pad(np.float32(fine), pad))
    window = (x + pad, y + pad, x + pad + SIDE * pixel, y + pad + SIDE * pixel)
    digit = np.asarray(image.resize((SIDE, SIDE), Resampling.BOX, window))
    return np.clip(digit / digit.max(), 0, 1)


def _mass(x: np.ndarray) -> np.ndarray:
    """Centre of mass as (y, x), counted from the outer edge of the first pixel."""
    return np.array(scipy.ndimage.center_of_mass(x)) + 0.5


def _bounds(mask: np.ndarray) -> np.ndarray:
    """The box round all of `mask`: ((top, bottom), (left, right)), ends excluded."""
    return np.array([(s.start, s.stop) for s in scipy.ndimage.find_objects(mask.astype(int))[0]])
