"""Data sets as tensors in memory: float32 in [0, 1], (N, 1, 28, 28).

The four original files are read directly: parsing IDX takes a dozen lines and half a second,
where importing torchvision, which fetches them, takes seconds that a starting page cannot spare.
"""

import functools
import gzip
import hashlib
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

DATA = Path(__file__).resolve().parent.parent / "data"


class DataError(Exception):
    """A data file is missing or damaged; the message names it and the command that mends it."""


class LabelledImages(NamedTuple):
    """A split of a data set in memory."""

    images: Tensor  # (N, 1, 28, 28) float32 in [0, 1]
    labels: Tensor  # (N,) int64


class Source(NamedTuple):
    """Where a data set lies below data/, who fetches it, and the md5 of its original files."""

    folder: str  # also the name of the class in torchvision.datasets
    files: dict[str, tuple[tuple[str, str], tuple[str, str]]]  # split -> (images, labels)
    classes: tuple[str, ...]


SOURCES = {
    "mnist": Source(
        folder="MNIST",
        files={
            "train": (
                ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
                ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            ),
            "test": (
                ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
                ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
            ),
        },
        classes=tuple("0123456789"),
    ),
}


def load_dataset(name: str, split: str, root: Path = DATA) -> LabelledImages:
    """A split ("train" or "test") of a data set of SOURCES; read once per process.

    Raises DataError when a file is missing or damaged. Callers share the tensors: do not write
    into them.
    """
    source = find_source(name)
    if split not in source.files:
        raise DataError(f"{name} has no split {split!r}; it has {' and '.join(source.files)}.")
    return _load(name, split, Path(root))


def find_source(name: str) -> Source:
    if name not in SOURCES:
        raise DataError(f"There is no data set {name!r}; known are: {', '.join(SOURCES)}.")
    return SOURCES[name]


@functools.lru_cache(maxsize=4)
def _load(name: str, split: str, root: Path) -> LabelledImages:
    raw = root / SOURCES[name].folder / "raw"
    images, labels = (_read_idx(raw / file, md5, name) for file, md5 in SOURCES[name].files[split])
    return LabelledImages(
        torch.from_numpy(images).unsqueeze(1).float().div_(255), torch.from_numpy(labels).long()
    )


def _read_idx(path: Path, md5: str, name: str) -> np.ndarray:
    """One gzipped IDX file of unsigned bytes; its shape is the file's own."""
    mend = f"Run `python -m core fetch {name}` to mend it."
    try:
        compressed = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"The data file {path} is missing. {mend}") from None
    except OSError as error:
        raise DataError(f"The data file {path} cannot be read ({error.strerror}). {mend}") from None
    if hashlib.md5(compressed, usedforsecurity=False).hexdigest() != md5:
        raise DataError(
            f"The data file {path} is damaged: its md5 is not {md5} ({len(compressed)} bytes). "
            + mend
        )
    try:
        content = gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error):  # unreachable unless the md5 above was edited
        raise DataError(f"The data file {path} is no gzip file. {mend}") from None
    ndim = content[3]  # magic number: two zero bytes, the type (8: unsigned byte), the rank
    shape = np.frombuffer(content, ">i4", count=ndim, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * ndim).reshape(shape).copy()


def fetch(name: str, root: Path = DATA) -> None:
    """Bring the original files through torchvision, which checks them and skips intact ones."""
    import torchvision.datasets  # seconds to import: only here

    getattr(torchvision.datasets, find_source(name).folder)(str(root), download=True)
