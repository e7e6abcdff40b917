"""What z may be, and how it is written into an address."""

import base64
from collections.abc import Sequence

import numpy as np

from core.limits import COORDINATE


def packed_z(values: Sequence[float]) -> str:
    """z for a URL: "~" and its float32 bytes in URL-safe base64, 343 characters for 64 numbers."""
    return "~" + base64.urlsafe_b64encode(np.asarray(values, "<f4").tobytes()).decode().rstrip("=")


def unpacked_z(text: str, z_dim: int) -> list[float]:
    """What `packed_z` made, or numbers with commas between them. Raises ValueError."""
    if not text.startswith("~"):
        return parse_z(text, z_dim)
    try:
        raw = base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), altchars="-_", validate=True)
        values = np.frombuffer(raw, "<f4")
    except ValueError:  # binascii.Error is one
        raise ValueError("it is no point that this program has packed.") from None
    return checked_z(values.tolist(), z_dim)


def parse_z(text: str, z_dim: int) -> list[float]:
    """Comma-separated numbers. Raises ValueError with a sentence."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError("it must be numbers with commas between them.") from None
    return checked_z(values, z_dim)


def checked_z(values: Sequence[float], z_dim: int) -> list[float]:
    """z_dim finite numbers, or ValueError with a sentence."""
    if len(values) != z_dim:
        raise ValueError(f"it has {len(values)} numbers; this model has {z_dim} dimensions.")
    if not all(is_coordinate(value) for value in values):
        raise ValueError(f"it holds a value that is not a finite number within ±{COORDINATE}.")
    return [float(value) for value in values]


def is_coordinate(value: object) -> bool:
    """Whether z may have this value: beyond it, float32 and squares of it are no numbers."""
    return type(value) in (int, float) and abs(value) <= COORDINATE.most  # type: ignore[arg-type]
