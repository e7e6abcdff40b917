"""A drawn seven, and how like two digits are."""

import numpy as np
from PIL import Image, ImageDraw

from core.digits import to_digit


def drawing(ink: tuple[int, ...] | int, ground: tuple[int, ...] | int, mode: str) -> Image.Image:
    """A seven in one colour on another."""
    image = Image.new(mode, (200, 200), ground)
    ImageDraw.Draw(image).line([(50, 50), (150, 50), (90, 160)], fill=ink, width=18)
    return image


def digit_of(image: Image.Image | bytes) -> np.ndarray:
    return to_digit(image).image[0, 0].numpy()


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


SEVEN = drawing(0, 255, "L")
