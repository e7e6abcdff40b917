"""MNIST as committed, and what is said when a file is missing or damaged."""

import shutil
from pathlib import Path

import pytest
import torch

from core.data import DATA, DataError, load_dataset


@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_mnist_is_complete(split: str, count: int) -> None:
    images, labels = load_dataset("mnist", split)
    assert images.shape == (count, 1, 28, 28) and images.dtype == torch.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.shape == (count,) and labels.bincount(minlength=10).min() > 800


def test_the_second_load_is_the_same_memory() -> None:
    first, second = (load_dataset("mnist", "test").images for _ in range(2))
    assert first.data_ptr() == second.data_ptr()


def test_torchvision_accepts_the_committed_files_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.request

    import torchvision.datasets

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("torchvision went to the network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    shutil.copytree(DATA / "MNIST", tmp_path / "MNIST", ignore=shutil.ignore_patterns("*-ubyte"))
    theirs = torchvision.datasets.MNIST(str(tmp_path), train=False, download=True)
    ours = load_dataset("mnist", "test")
    assert torch.equal(theirs.data.float().div(255), ours.images[:, 0])
    assert torch.equal(theirs.targets, ours.labels)


def test_a_missing_file_is_named_with_its_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images.*is missing.*core fetch mnist"):
        load_dataset("mnist", "train", tmp_path)


def test_a_damaged_file_is_named_with_its_mend(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    shutil.copytree(DATA / "MNIST" / "raw", raw, ignore=shutil.ignore_patterns("*-ubyte"))
    file = raw / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"t10k-images.*damaged.*core fetch mnist"):
        load_dataset("mnist", "test", tmp_path)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DataError, match="no data set 'mnits'; known are: mnist"):
        load_dataset("mnits", "train")
    with pytest.raises(DataError, match="no split 'dev'"):
        load_dataset("mnist", "dev")
