"""Digits as the path of a pen, from handwriting fonts and scikit-learn's 8x8 digits.

A glyph keeps how far each point lies from that path, so that any pen can be drawn along it at any
size with smooth edges.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import scipy
import skimage
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits

FONTS = sorted((Path(__file__).parent / "fonts").glob("*.ttf"))
SCANS = "8x8 digits of scikit-learn"
SIDE, MARGIN = 240, 60  # pixels of the path's longer side, and round it for the widest pen
MEDIAN = 2.3 / 20  # MNIST's pen, as a share of the digit's longer side


class Glyph(NamedTuple):
    source: str
    digit: int
    distance: np.ndarray  # (H, W) to the pen's path, as a share of the digit's longer side

    def drawn(self, side: float, pen: float | np.ndarray) -> np.ndarray:
        """Ink from 0 to 1, `side` pixels on the longer side and a margin; the width of the pen,
        one or of every point like `distance`, as a share of `side`."""
        nearness = np.asarray(pen / 2 - self.distance, np.float32) * side
        how = cv2.INTER_AREA if side < SIDE else cv2.INTER_CUBIC
        return np.clip(
            cv2.resize(nearness, None, fx=side / SIDE, fy=side / SIDE, interpolation=how) + 0.5,
            0,
            1,
        )

    def clean(self) -> np.ndarray:
        """As MNIST would have it, (28, 28): no photograph, and nothing of core."""
        ink = self.drawn(SIDE, MEDIAN)
        (top, bottom), (left, right) = (
            np.flatnonzero(ink.max(axis=axis))[[0, -1]] for axis in (1, 0)
        )
        ink = ink[top : bottom + 1, left : right + 1]
        small = cv2.resize(
            ink, None, fx=20 / max(ink.shape), fy=20 / max(ink.shape), interpolation=cv2.INTER_AREA
        )
        y, x = (round(14 - at) for at in scipy.ndimage.center_of_mass(small))
        field = np.zeros((28 + 40, 28 + 40), np.float32)
        field[20 + y : 20 + y + small.shape[0], 20 + x : 20 + x + small.shape[1]] = small
        return field[20:48, 20:48]


def glyphs(source: str, rng: np.random.Generator) -> Iterator[Glyph]:
    """Without end: a font's ten in turn, or scans of digits by chance."""
    if source == SCANS:
        data = load_digits()
        for index in rng.permutation(len(data.target)):
            yield _glyph(source, int(data.target[index]), _traced(data.images[index] / 16))
    (file,) = (file for file in FONTS if file.stem == source)
    ten = [_glyph(source, digit, _written(file, digit)) for digit in range(10)]
    while True:
        yield from ten


def _written(file: Path, digit: int) -> np.ndarray:
    picture = Image.new("L", (900, 900))
    font = ImageFont.truetype(file, 400)
    ImageDraw.Draw(picture).text((450, 450), str(digit), 255, font, anchor="mm")
    return np.asarray(picture) > 127


def _traced(scan: np.ndarray) -> np.ndarray:
    """The strokes in (8, 8) of [0, 1], smoothly enlarged. A loop that is darker than its
    surroundings by a little is open."""
    pixel, scan = 40, np.float32(np.pad(scan, 2))
    around = scipy.ndimage.gaussian_filter(scan, 1.2)
    fine, around = (
        cv2.resize(x, None, fx=pixel, fy=pixel, interpolation=cv2.INTER_CUBIC)
        for x in (scan, around)
    )
    strokes = np.float32(fine > np.maximum(0.35, 1.15 * around))
    return scipy.ndimage.gaussian_filter(strokes, 0.2 * pixel) > 0.5


def _glyph(source: str, digit: int, shape: np.ndarray) -> Glyph:
    """The path in the middle of the strokes of `shape`, (H, W) bool."""
    rows, columns = np.nonzero(shape)
    cut = np.uint8(shape[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1])
    scale = SIDE / max(cut.shape)
    cut = cv2.resize(cut * 255, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    path = skimage.morphology.skeletonize(np.pad(cut > 127, MARGIN))
    return Glyph(source, digit, scipy.ndimage.distance_transform_edt(~path) / SIDE)
