"""The data sets that have a name: files, checksums, classes, and how a picture of each is read.

A table without code that reads or fetches; core/originals.py reads the files, core/data.py puts
both together. `torchvision` names the class of torchvision.datasets that knows where they lie.
"""

import string
from typing import Literal, NamedTuple

from torch import Tensor


class DataError(Exception):
    """Data are missing, damaged or of no use; the message names them and what mends it."""


class LabelledImages(NamedTuple):
    """A split of a data set in memory."""

    images: Tensor  # (N, C, H, W) float32 in [0, 1]
    labels: Tensor  # (N,) int64


class Original(NamedTuple):
    """One file as its makers published it. Without an md5 of its own it came out of an archive
    that has one, and gzip's CRC-32 guards it from then on. Some mirrors pack files anew: their
    gzip header differs and what is inside does not."""

    name: str
    md5: str | None
    md5_inside: str | None = None


class Source(NamedTuple):
    """What is known of a data set before a file of it is opened."""

    title: str  # as its makers write it
    classes: tuple[str, ...]
    noun: str = "image"  # what one of them is called on the page
    ink: bool = False  # handwriting, white on black: a photo is searched for ink, as MNIST was made
    folder: str = ""  # below data/
    torchvision: str = ""
    format: Literal["idx", "libsvm"] = "idx"
    files: dict[str, tuple[Original, ...]] = {}  # noqa: RUF012 - split -> images, labels; or both
    transposed: bool = False  # columns were stored for rows
    first_label: int = 0  # the label of the first class


DIGITS = tuple(string.digits)


def _idx(
    names: dict[str, tuple[str, str]], *md5: str | None, inside: tuple[str | None, ...] = ()
) -> dict[str, tuple[Original, ...]]:
    """split -> (images, labels) with four checksums in the order of the names."""
    sums = zip(md5, inside or (None,) * len(md5), strict=True)
    return {
        split: tuple(Original(name, *next(sums)) for name in pair) for split, pair in names.items()
    }


MNIST_NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def _emnist(split: str) -> dict[str, tuple[Original, ...]]:
    names: dict[str, tuple[str, str]] = {
        part: (
            f"emnist-{split}-{part}-images-idx3-ubyte.gz",
            f"emnist-{split}-{part}-labels-idx1-ubyte.gz",
        )
        for part in ("train", "test")
    }
    return _idx(names, None, None, None, None)


SOURCES = {
    "mnist": Source(
        "MNIST", DIGITS, "digit", True, "MNIST", "MNIST",
        files=_idx(
            MNIST_NAMES,
            "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashionmnist": Source(
        "Fashion-MNIST",
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
         "Ankle boot"),
        folder="FashionMNIST", torchvision="FashionMNIST",
        files=_idx(
            MNIST_NAMES,
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
            inside=(
                "f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9",
                "8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965",
            ),
        ),
    ),
    "kmnist": Source(
        "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"), "character", True,
        "KMNIST", "KMNIST",
        files=_idx(
            MNIST_NAMES,
            "bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    # Their archive is checked when it is fetched. Labels of the letters count from 1.
    "emnist-letters": Source(
        "EMNIST letters", tuple(string.ascii_lowercase), "letter", True, "EMNIST", "EMNIST",
        files=_emnist("letters"), transposed=True, first_label=1,
    ),
    # Letters whose two cases look alike are one class, under the capital's name.
    "emnist-balanced": Source(
        "EMNIST balanced", (*DIGITS, *string.ascii_uppercase, *"abdefghnqrt"), "character", True,
        "EMNIST", "EMNIST", files=_emnist("balanced"), transposed=True,
    ),
    "qmnist": Source(
        "QMNIST", DIGITS, "digit", True, "QMNIST", "QMNIST",
        files=_idx(
            {
                "train": ("qmnist-train-images-idx3-ubyte.gz", "qmnist-train-labels-idx2-int.gz"),
                "test": ("qmnist-test-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz"),
            },
            "ed72d4157d28c017586c42bc6afe6370", "0058f8dd561b90ffdd0f734c6a30e5e4",
            "1394631089c404de565df7b7aeaf9412", "5b5b05890a5e13444e108efe57b788aa",
        ),
    ),
    "usps": Source(
        "USPS", DIGITS, "digit", True, "USPS", "USPS", "libsvm",
        files={
            "train": (Original("usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"),),
            "test": (Original("usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"),),
        },
        first_label=1,
    ),
}  # fmt: skip
