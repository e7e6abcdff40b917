"""Caches: the same object twice, a replaced checkpoint read anew, only ids out of the list."""

import gzip
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core import VAE, checkpoint, save_checkpoint
from core.limits import MAP_POINTS
from explorer import caches, caching, catalogue, map_data, train_fields


@pytest.fixture
def root(checkpoints: Path, tiny_checkpoint: Path) -> Path:
    """A folder of checkpoints of our own in place of the shipped one."""
    return Path(shutil.copytree(tiny_checkpoint, checkpoints / "tiny")).parent


def test_a_model_is_loaded_once_and_again_when_replaced(root: Path) -> None:
    first = caches.model("tiny")
    assert caches.model("tiny") is first
    torch.manual_seed(9)
    save_checkpoint(root / "tiny", VAE(h_dim=8, z_dim=3), dataset="mnist")
    assert caches.model("tiny").h_dim == 8


def test_a_stale_or_broken_map_is_computed_anew_and_said(root: Path) -> None:
    save_checkpoint(root / "tiny", VAE(h_dim=8, z_dim=5), dataset="mnist")
    found = caches.encoded_test_set("tiny")
    assert found.latent.mu.shape == (10_000, 5)
    assert found.problem and "computed anew" in found.problem and "other weights" in found.problem
    file = root / "tiny" / "map.npz"
    file.write_bytes(b"PK nonsense")
    found = caches.encoded_test_set("tiny")
    assert found.latent.mu.shape == (10_000, 5)
    assert found.problem and "damaged" in found.problem and "core evaluate tiny" in found.problem


def test_a_checkpoint_without_a_map_is_encoded(root: Path) -> None:
    (root / "tiny" / "map.npz").unlink()
    found = caches.encoded_test_set("tiny")
    assert found.latent.mu.shape == (10_000, 3) and found.problem is None


def test_only_ids_out_of_the_list(root: Path) -> None:
    shutil.copytree(root / "tiny", root / "deeper" / "tiny")
    for name in ("deeper/tiny", "../tiny", str(root / "tiny"), ""):
        with pytest.raises(checkpoint.CheckpointError, match="no checkpoint"):
            caches.model(name)


def test_a_name_is_of_the_list_whatever_lies_in_the_working_directory(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "tiny", VAE(h_dim=8, z_dim=5), dataset="kmnist")
    assert caches.model("tiny").z_dim == catalogue.described("tiny").config["z_dim"] == 3
    assert train_fields.recipe("tiny")["dataset"] == "mnist"
    with pytest.raises(checkpoint.CheckpointError, match="There is no checkpoint 'elsewhere'"):
        catalogue.described("elsewhere")


def test_all_points_begin_with_the_test_set() -> None:
    test, everything = (map_data.encoded("mnist-mlp-2", points) for points in ("test", "all"))
    assert everything.mu.shape == (70_000, 2) and everything.labels.shape == (70_000,)
    assert (everything.mu[:10_000] == test.mu).all()
    raw = gzip.decompress(map_data.pictures("mnist-mlp-2", "all"))
    assert len(raw) == 70_000 * 784
    first = caches.test_set("mnist-mlp-2").images[3].mul(255).round().byte().numpy().tobytes()
    assert raw[3 * 784 : 4 * 784] == first
    with pytest.raises(ValueError, match="no points 'half'"):
        map_data.encoded("mnist-mlp-2", "half")


@pytest.mark.parametrize("id", ["pca", "lda", "umap", "tsne", "4,7"])
def test_every_projection_gives_places_back(id: str) -> None:
    projection, mu = map_data.projection("mnist-mlp-20", id), caches.latent_map("mnist-mlp-20").mu
    places = map_data.places("mnist-mlp-20", id, "test")
    assert places.shape == (10_000, 2)
    lifted = projection.lift(places[:50], mu[:50].numpy())
    np.testing.assert_allclose(lifted, mu[:50], atol=2e-2)


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


def test_many_who_ask_at_once_cost_what_one_does(root: Path) -> None:
    made: list[str] = []
    free = threading.Event()

    @caching.per_checkpoint(max_entries=2)
    def slow(name: str, what: str) -> str:
        made.append(what)
        free.wait(30)
        if what == "wrong":
            raise ValueError("not kept")
        return what * 2

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(slow, "tiny", "a") for _ in range(8)]
        free.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert made == ["a"]
    for _ in range(2):
        with pytest.raises(ValueError, match="not kept"):
            slow("tiny", "wrong")
    assert made == ["a", "wrong", "wrong"]


def test_a_map_of_too_many_images_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_data, "MAP_POINTS", MAP_POINTS._replace(most=60_000))
    for function in (map_data.encoded, map_data.pictures):
        with pytest.raises(ValueError, match="at most 60,000 images; .* would have 70,000"):
            function.__wrapped__("mnist-mlp-20", "all")  # whatever is in the cache already
