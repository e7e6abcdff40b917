"""Caches: the same object twice, a replaced checkpoint read anew, only ids out of the list."""

import shutil
from pathlib import Path

import pytest
import torch

from core import VAE, checkpoint, save_checkpoint
from explorer import caches


@pytest.fixture
def root(tmp_path: Path, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints of our own in place of the shipped one."""
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", tiny_checkpoint.parent)
    monkeypatch.setattr(checkpoint.load_checkpoint, "__defaults__", (tiny_checkpoint.parent,))
    monkeypatch.setattr(checkpoint.list_checkpoints, "__defaults__", (tiny_checkpoint.parent,))
    monkeypatch.setattr(checkpoint.describe, "__defaults__", (tiny_checkpoint.parent,))
    return tiny_checkpoint.parent


def test_a_model_is_loaded_once_and_again_when_replaced(root: Path) -> None:
    first = caches.model("tiny")
    assert caches.model("tiny") is first
    torch.manual_seed(9)
    save_checkpoint(root / "tiny", VAE(h_dim=8, z_dim=3), dataset="mnist")
    assert caches.model("tiny").h_dim == 8


def test_a_map_of_another_model_is_refused(root: Path) -> None:
    save_checkpoint(root / "tiny", VAE(h_dim=8, z_dim=5), dataset="mnist")
    with pytest.raises(checkpoint.CheckpointError, match=r"map.npz: field 'mu' has 3 dim"):
        caches.latent_map("tiny")


def test_a_checkpoint_without_a_map_is_encoded(root: Path) -> None:
    (root / "tiny" / "map.npz").unlink()
    assert caches.latent_map("tiny").mu.shape == (10_000, 3)


def test_only_ids_out_of_the_list(root: Path) -> None:
    shutil.copytree(root / "tiny", root / "deeper" / "tiny")
    for name in ("deeper/tiny", "../tiny", str(root / "tiny"), ""):
        with pytest.raises(checkpoint.CheckpointError, match="no checkpoint"):
            caches.model(name)


def test_a_walk_is_found_once_and_a_stopped_one_again(root: Path) -> None:
    keys = ((0.0, 1.0, -1.0), (1.0, -1.0, 0.5))
    heard: list[int] = []

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        caches.walk("tiny", "geodesic", keys, 8, stop)
    assert not caches.has_walk("tiny", "geodesic", keys, 8)
    first = caches.walk("tiny", "geodesic", keys, 8, lambda done, total: heard.append(done))
    assert heard and caches.has_walk("tiny", "geodesic", keys, 8)
    assert caches.walk("tiny", "geodesic", keys, 8, stop) is first
    assert not caches.has_walk("tiny", "geodesic", keys, 9)
    assert not caches.has_walk("tiny", "geodesic", keys[::-1], 8)
