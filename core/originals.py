"""The original files of the data sets -> uint8 arrays: IDX and libsvm, checked before they are
believed.

They are read directly: parsing IDX takes a dozen lines and half a second, where importing
torchvision, which fetches them, takes seconds that a starting page cannot spare.
"""

import bz2
import gzip
import hashlib
import io
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from core.sources import DataError, LabelledImages, Original, Source

IDX_TYPES = {8: ">u1", 12: ">i4"}  # the third byte of an IDX file
USPS_SIDE, USPS_BOX, SIDE = 16, 20, 28  # px


def read_split(source: Source, split: str, raw: Path, mend: str) -> LabelledImages:
    """A split out of its files in `raw`. DataError names the file and ends with `mend`."""
    contents = [_content(raw / original.name, original, mend) for original in source.files[split]]
    if source.format == "libsvm":
        images, labels = _libsvm(contents[0], raw / source.files[split][0].name, mend)
    else:
        images, labels = (
            _idx(content, raw / original.name, mend)
            for content, original in zip(contents, source.files[split], strict=True)
        )
    if labels.ndim == 2:  # QMNIST says in eight columns where a digit comes from; the first is it
        labels = labels[:, 0]
    if source.transposed:
        images = images.transpose(0, 2, 1)
    labels = labels.astype(np.int64) - source.first_label
    known = len(labels) and labels.min() >= 0 and labels.max() < len(source.classes)
    if images.ndim != 3 or len(images) != len(labels) or not known:
        raise DataError(
            f"The data files {', '.join(file.name for file in source.files[split])} in {raw} do "
            f"not fit each other. {mend}"
        )
    pixels = torch.from_numpy(np.array(images, order="C")).unsqueeze(1).float().div_(255)
    if source.format == "libsvm":
        pixels = as_mnist_places(pixels)
    return LabelledImages(pixels, torch.from_numpy(labels))


def as_mnist_places(digits: torch.Tensor) -> torch.Tensor:
    """USPS digits (N, 1, 16, 16) as (N, 1, 28, 28).

    USPS scaled each digit until it filled its 16 x 16 field; MNIST scaled each into a 20 x 20 box
    amid 28 x 28. So the field is enlarged to that box, and a model of the one can read the other.
    """
    box = F.interpolate(digits, (USPS_BOX, USPS_BOX), mode="bicubic").clamp_(0, 1)
    return F.pad(box, [(SIDE - USPS_BOX) // 2] * 4)


def _content(path: Path, original: Original, mend: str) -> bytes:
    """A compressed file's content, once its checksum is right."""
    try:
        compressed = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"The data file {path} is missing. {mend}") from None
    except OSError as error:
        raise DataError(f"The data file {path} cannot be read ({error.strerror}). {mend}") from None
    content = unpacked(compressed, original)
    if content is None:
        sums = f"its md5 is not {original.md5}" if original.md5 else "it cannot be unpacked"
        raise DataError(
            f"The data file {path} is damaged: {sums} ({len(compressed)} bytes). {mend}"
        )
    return content


def unpacked(compressed: bytes, original: Original) -> bytes | None:
    """What is inside a compressed file; None when that is not what its makers put there."""
    as_published = original.md5 in (None, md5_of(compressed))
    if not as_published and original.md5_inside is None:
        return None
    try:
        unpack = bz2.decompress if original.name.endswith(".bz2") else gzip.decompress
        content = unpack(compressed)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return content if as_published or md5_of(content) == original.md5_inside else None


def md5_of(content: bytes) -> str:
    """To tell damage by, not an attack."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _idx(content: bytes, path: Path, mend: str) -> np.ndarray:
    """An IDX file's array, in the file's own shape."""
    try:
        # Magic number: two zero bytes, the type, the rank; then every side as a big-endian int32.
        _, _, kind, rank = content[:4]
        shape = np.frombuffer(content, ">i4", count=rank, offset=4)
        return np.frombuffer(content, IDX_TYPES[kind], offset=4 + 4 * rank).reshape(shape)
    except (ValueError, KeyError) as error:
        raise DataError(f"The data file {path} is no IDX file ({error}). {mend}") from None


def _libsvm(content: bytes, path: Path, mend: str) -> tuple[np.ndarray, np.ndarray]:
    """USPS: a digit a line, 256 values from -1 (paper) to 1 (ink) -> (N, 16, 16) uint8, (N,)."""
    from sklearn.datasets import load_svmlight_file  # seconds to import: only here

    try:
        values, labels = load_svmlight_file(
            io.BytesIO(content), n_features=USPS_SIDE**2, zero_based=False
        )
    except ValueError as error:
        raise DataError(f"The data file {path} is no libsvm file ({error}). {mend}") from None
    ink = (values.toarray().reshape(-1, USPS_SIDE, USPS_SIDE) + 1) / 2
    return np.rint(255 * ink.clip(0, 1)).astype(np.uint8), labels
