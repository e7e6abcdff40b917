"""Fetching without a network: what is asked for, what is said, what is left alone."""

import gzip
import hashlib
import urllib.error
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torchvision.datasets
from torchvision.datasets import utils

from core import data, sources
from core.data import DataError
from core.fetch import _addresses


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that the downloader went to; nobody answers there."""
    urls: list[str] = []

    def nobody(request: Any, *rest: object, **options: object) -> None:
        urls.append(request.full_url)
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(utils.urllib.request, "urlopen", nobody)
    return urls


@pytest.mark.parametrize("name", sources.SOURCES)
def test_our_checksums_are_those_of_torchvision(name: str) -> None:
    source = sources.SOURCES[name]
    theirs: Any = getattr(torchvision.datasets, source.torchvision)
    if name == "usps":
        known = {entry[1]: entry[2] for entry in theirs.split_list.values()}
    elif name == "qmnist":
        known = {Path(url).name: md5 for part in theirs.resources.values() for url, md5 in part}
    elif name.startswith("emnist"):
        assert name.removeprefix("emnist-") in theirs.splits
        return
    else:
        known = dict(theirs.resources)
    for split, files in source.files.items():
        for original in files:
            assert known[original.name] == original.md5
            assert all(
                url.endswith("/" + original.name) for url in _addresses(source, split, original)
            )


@pytest.mark.parametrize("name", ["kmnist", "fashionmnist", "qmnist", "usps", "emnist-letters"])
def test_without_a_network_a_sentence(name: str, asked: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be fetched.*not known.*Check the network.*md5"):
        data.fetch(name, tmp_path)
    assert asked and all(url.startswith("http") for url in asked)


def test_what_is_intact_is_left_alone_and_what_is_damaged_is_fetched(
    asked: list[str], tmp_path: Path
) -> None:
    import shutil

    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(data.DATA / "MNIST" / "raw", raw, ignore=shutil.ignore_patterns("*-ubyte"))
    data.fetch("mnist", tmp_path)
    assert not asked
    file = raw / "t10k-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match="t10k-labels"):
        data.fetch("mnist", tmp_path)
    assert all("t10k-labels" in url for url in asked) and len(asked) > 1  # every mirror


def test_a_damaged_download_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(url: str, filename: str, **options: object) -> None:
        Path(filename).write_bytes(b"half a file")

    monkeypatch.setattr(utils, "_urlretrieve", damaged)
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    with pytest.raises(DataError, match=r"could not be fetched.*corrupted"):
        data.fetch("kmnist", tmp_path)


def test_emnist_comes_out_of_its_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def archive(url: str, filename: str, **options: object) -> None:
        with zipfile.ZipFile(filename, "w") as file:
            for split in ("letters", "balanced", "byclass"):
                for part in ("train", "test"):
                    for kind in ("images-idx3", "labels-idx1"):
                        name = f"gzip/emnist-{split}-{part}-{kind}-ubyte.gz"
                        file.writestr(name, gzip.compress(b"content"))
        md5 = hashlib.md5(Path(filename).read_bytes()).hexdigest()
        monkeypatch.setattr(torchvision.datasets.EMNIST, "md5", md5)

    archive("", str(tmp_path / "made.zip"))
    packed = (tmp_path / "made.zip").read_bytes()
    monkeypatch.setattr(utils, "_urlretrieve", lambda url, name: Path(name).write_bytes(packed))
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    data.fetch("emnist-letters", tmp_path)
    found = sorted(file.name for file in (tmp_path / "EMNIST" / "raw").iterdir())
    assert len(found) == 8 and all("letters" in name or "balanced" in name for name in found)
    monkeypatch.setattr(utils, "_urlretrieve", lambda url, name: pytest.fail("fetched again"))
    data.fetch("emnist-balanced", tmp_path)


def test_a_folder_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="nothing to fetch"):
        data.fetch(str(tmp_path))
