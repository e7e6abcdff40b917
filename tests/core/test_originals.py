"""Named data sets out of tiny files as their makers pack them: IDX and libsvm."""

import bz2
import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from core import data, sources
from core.data import DataError, load_dataset
from core.originals import as_mnist_places
from core.sources import Original

CODES = {np.dtype("u1"): 8, np.dtype(">i4"): 12}


def idx(array: np.ndarray) -> bytes:
    sizes = struct.pack(f">{array.ndim}i", *array.shape)
    return bytes([0, 0, CODES[array.dtype], array.ndim]) + sizes + array.tobytes()


def put(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    name: str,
    contents: list[bytes],
    split: str = "test",
) -> list[Path]:
    """A data set's files of one split, and their checksums in place of the real ones."""
    source = sources.SOURCES[name]
    raw = root / source.folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    originals, paths = [], []
    for known, content in zip(source.files[split], contents, strict=True):
        packed = (bz2 if known.name.endswith("bz2") else gzip).compress(content)
        paths.append(raw / known.name)
        paths[-1].write_bytes(packed)
        md5 = known.md5 and hashlib.md5(packed).hexdigest()
        originals.append(known._replace(md5=md5, md5_inside=None))
    changed = source._replace(files=source.files | {split: tuple(originals)})
    monkeypatch.setitem(sources.SOURCES, name, changed)
    return paths


def pictures(n: int, side: int = 28) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, side, side)).astype("u1")


@pytest.mark.parametrize("name", ["fashionmnist", "kmnist"])
def test_idx_files_are_read_as_they_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = pictures(5)
    put(monkeypatch, tmp_path, name, [idx(x), idx(np.arange(5).astype("u1"))])
    images, labels = load_dataset(name, "test", tmp_path)
    assert torch.equal(images, torch.from_numpy(x)[:, None].float() / 255)
    assert labels.tolist() == [0, 1, 2, 3, 4] and labels.dtype == torch.int64
    assert len(data.find_source(name).classes) == 10


@pytest.mark.parametrize(
    ("name", "first", "classes"), [("emnist-letters", 1, 26), ("emnist-balanced", 0, 47)]
)
def test_emnist_is_turned_the_right_way_and_counted_from_zero(
    name: str, first: int, classes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = pictures(3), np.array([first, first + 1, first + classes - 1], "u1")
    put(monkeypatch, tmp_path, name, [idx(x), idx(y)])
    images, labels = load_dataset(name, "test", tmp_path)
    assert torch.equal(images[1, 0], torch.from_numpy(x[1].T.copy()).float() / 255)
    assert labels.tolist() == [0, 1, classes - 1]
    assert len(data.find_source(name).classes) == classes


def test_the_classes_of_emnist_are_torchvisions() -> None:
    from torchvision.datasets import EMNIST

    assert (
        list(data.find_source("emnist-balanced").classes) == EMNIST.classes_split_dict["balanced"]
    )
    assert (
        list(data.find_source("emnist-letters").classes) == EMNIST.classes_split_dict["letters"][1:]
    )


def test_qmnist_keeps_the_class_of_its_eight_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(32).reshape(4, 8).astype(">i4")
    labels[:, 0] = [7, 2, 1, 0]
    put(monkeypatch, tmp_path, "qmnist", [idx(pictures(4)), idx(labels)])
    assert load_dataset("qmnist", "test", tmp_path).labels.tolist() == [7, 2, 1, 0]


def test_usps_lies_where_mnist_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paper -1 becomes 0, ink 1 becomes 1; a value that is left out is 0, half grey."""
    rows = np.full((2, 256), -1.0)
    rows[0] = 1.0
    lines = [
        f"{10 - n} " + " ".join(f"{i + 1}:{v}" for i, v in enumerate(r)) for n, r in enumerate(rows)
    ]
    lines.append("1 " + " ".join(f"{i + 1}:-1" for i in range(255)))
    put(monkeypatch, tmp_path, "usps", ["\n".join(lines).encode()])
    images, labels = load_dataset("usps", "test", tmp_path)
    assert images.shape == (3, 1, 28, 28) and labels.tolist() == [9, 8, 0]
    ink = torch.nn.functional.pad(torch.ones(1, 20, 20), (4, 4, 4, 4))
    torch.testing.assert_close(images[0], ink)
    assert images[1].sum() == 0
    assert 0.3 < images[2, 0, 23, 23] <= 0.7 and images[2, 0, 20:24, 20:24].max() == images[2].max()


def test_usps_keeps_its_ink(generator: torch.Generator) -> None:
    digits = torch.rand(4, 1, 16, 16, generator=generator)
    placed = as_mnist_places(digits)
    share = placed.sum((1, 2, 3)) / digits.sum((1, 2, 3))
    assert ((share - (20 / 16) ** 2).abs() < 0.05).all()


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [idx(pictures(2)), idx(np.zeros(2, "u1"))]
    first, _ = put(monkeypatch, tmp_path, "kmnist", content)
    first.write_bytes(first.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"t10k-images.*damaged.*md5.*core fetch kmnist"):
        load_dataset("kmnist", "test", tmp_path)
    first, _ = put(monkeypatch, tmp_path, "emnist-letters", content)  # no md5: gzip's CRC-32
    packed = bytearray(first.read_bytes())
    packed[-6] ^= 1
    first.write_bytes(bytes(packed))
    with pytest.raises(DataError, match=r"emnist-letters.*damaged.*unpacked.*core fetch"):
        load_dataset("emnist-letters", "test", tmp_path)


def test_a_file_that_a_mirror_packed_anew_is_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = idx(pictures(2)), idx(np.zeros(2, "u1"))
    image_file, _ = put(monkeypatch, tmp_path, "fashionmnist", [x, y])
    source = sources.SOURCES["fashionmnist"]
    files = tuple(
        original._replace(md5_inside=hashlib.md5(content).hexdigest())
        for original, content in zip(source.files["test"], [x, y], strict=True)
    )
    changed = source._replace(files=source.files | {"test": files})
    monkeypatch.setitem(sources.SOURCES, "fashionmnist", changed)
    image_file.write_bytes(gzip.compress(x, 1, mtime=1))
    assert len(load_dataset("fashionmnist", "test", tmp_path).images) == 2
    data._load.cache_clear()
    image_file.write_bytes(gzip.compress(x[:-1] + b"?", 1, mtime=1))
    with pytest.raises(DataError, match="damaged"):
        load_dataset("fashionmnist", "test", tmp_path)


@pytest.mark.parametrize(
    "contents",
    [
        [idx(pictures(3)), idx(np.zeros(2, "u1"))],  # another number of labels
        [idx(pictures(2)), idx(np.full(2, 10, "u1"))],  # a class that there is not
        [idx(np.zeros((2, 28), "u1")), idx(np.zeros(2, "u1"))],  # no pictures
    ],
)
def test_files_that_do_not_fit_each_other(
    contents: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, tmp_path, "kmnist", contents)
    with pytest.raises(DataError, match=r"t10k-images.*do not fit each other"):
        load_dataset("kmnist", "test", tmp_path)


def test_a_file_that_is_no_idx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, tmp_path, "kmnist", [b"nonsense", b""])
    with pytest.raises(DataError, match="is no IDX file"):
        load_dataset("kmnist", "test", tmp_path)


def test_a_checksum_that_was_never_one() -> None:
    """Every md5 of the table is one, and only EMNIST's files go without."""
    for name, source in sources.SOURCES.items():
        for original in [file for files in source.files.values() for file in files]:
            assert isinstance(original, Original)
            assert (original.md5 is None) == name.startswith("emnist")
            assert original.md5 is None or len(bytes.fromhex(original.md5)) == 16
