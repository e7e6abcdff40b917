"""Which images of a map, as a bit mask in base64: 12,000 characters for any of 70,000."""

import base64
from collections.abc import Sequence

import numpy as np

from core.limits import MAP_POINTS

MOST_CHARACTERS = 4 * -(-MAP_POINTS.most // 24)


def to_mask(indices: Sequence[int] | np.ndarray) -> str:
    """The mask of ascending indices; "" of none."""
    if not len(indices):
        return ""
    bits = np.zeros(int(indices[-1]) + 1, np.uint8)
    bits[np.asarray(indices, int)] = 1
    return base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()


def from_mask(mask: str) -> np.ndarray:
    """The ascending indices, (M,) int32, of a mask. Raises ValueError, TypeError.

    Its length is looked at first: a bit becomes many bytes before it is known which are set.
    """
    if len(mask) > MOST_CHARACTERS:
        raise ValueError(f"The mask speaks of more than {MAP_POINTS} images.")
    raw = np.frombuffer(base64.b64decode(mask, validate=True), np.uint8)
    return np.flatnonzero(np.unpackbits(raw, bitorder="little")).astype(np.int32)
