"""Named points of the latent space as files that other programs read: CSV and NPZ."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

Points = Sequence[tuple[str, Sequence[float]]]  # (name, z), every z of the same length


def to_csv(points: Points, names: Mapping[int, str] | None = None) -> bytes:
    """A line a point: its name, then z0 ... ; renamed dimensions have their name in the header.

    Every number has the digits that give back the same float32.
    """
    names = names or {}
    text = io.StringIO()
    writer = csv.writer(text)
    size = len(points[0][1]) if points else 0
    writer.writerow(
        ["name", *(f"z{d} ({names[d]})" if d in names else f"z{d}" for d in range(size))]
    )
    for name, z in points:
        writer.writerow([name, *(repr(float(value)) for value in np.asarray(z, np.float32))])
    return text.getvalue().encode()


def to_npz(points: Points, names: Mapping[int, str] | None = None) -> bytes:
    """Arrays `z` (N, D) float32, `names` (N,) and `dimensions` (D,): z0 or what it was renamed."""
    names = names or {}
    z = np.array([point for _, point in points], np.float32).reshape(len(points), -1)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        z=z,
        names=np.array([name for name, _ in points], str),
        dimensions=np.array([names.get(d, f"z{d}") for d in range(z.shape[1])], str),
    )
    return buffer.getvalue()
