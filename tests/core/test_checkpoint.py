"""Saved equals reloaded; whatever is wrong with a checkpoint is named with file and field."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from core import VAE, list_checkpoints, load_checkpoint, save_checkpoint
from core.checkpoint import (
    CheckpointError,
    describe,
    fingerprint,
    load_map,
    replace,
    save_map,
    weights_digest,
)


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_saved_equals_reloaded_tensor_by_tensor(tiny_checkpoint: Path, tiny: VAE) -> None:
    loaded = load_checkpoint(tiny_checkpoint)
    for name, value in tiny.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_by_name_below_a_root(tiny_checkpoint: Path) -> None:
    root = tiny_checkpoint.parent
    save_checkpoint(root / "another", VAE(h_dim=4, z_dim=2))
    (root / "no-checkpoint").mkdir()
    assert list_checkpoints(root) == ["another", "tiny"]
    assert load_checkpoint("another", root).z_dim == 2
    assert describe("tiny", root).config["dataset"] == "mnist"
    assert describe("tiny", root).metrics is None


def test_the_shipped_checkpoints_load_and_are_measured() -> None:
    assert {"mnist-mlp-2", "mnist-mlp-20"} <= set(list_checkpoints())
    for name, z_dim in (("mnist-mlp-20", 20), ("mnist-mlp-2", 2)):
        card = describe(name)
        assert load_checkpoint(name).z_dim == z_dim
        assert card.config["training"]["seed"] == 0 and card.config["training"]["epochs_done"] == 15
        assert card.metrics is not None and len(card.metrics["kl_per_dim"]) == z_dim
        latent = load_map(card.path)
        assert latent is not None and latent.mu.shape == (10_000, z_dim)


def test_an_unknown_name_lists_the_known(tiny_checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint 'nope'.*known are: tiny"):
        load_checkpoint("nope", tiny_checkpoint.parent)


def test_a_tutorial_file_loads_by_path(tmp_path: Path, tiny: VAE) -> None:
    torch.save(tiny.state_dict(), tmp_path / "model.ckpt")
    loaded = load_checkpoint(tmp_path / "model.ckpt")
    assert (loaded.h_dim, loaded.z_dim) == (16, 3)
    assert torch.equal(loaded.fc5.weight, tiny.fc5.weight)


class Payload:
    """A pickle that would leave a trace if it were ever executed."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("place", ["model.safetensors", "model.ckpt"])
def test_a_pickle_is_refused_and_never_executed(
    tiny_checkpoint: Path, tmp_path: Path, place: str
) -> None:
    trace = tmp_path / "executed"
    content = pickle.dumps({"fc1.weight": Payload(trace)})
    if place == "model.ckpt":
        target = tmp_path / place
        target.write_bytes(content)
    else:
        target = tiny_checkpoint
        (tiny_checkpoint / place).write_bytes(content)
    with pytest.raises(CheckpointError, match=place):
        load_checkpoint(target)
    assert not trace.exists()


def test_truncated_weights(tiny_checkpoint: Path) -> None:
    file = tiny_checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="model.safetensors is no intact safetensors"):
        load_checkpoint(tiny_checkpoint)


def test_missing_weights(tiny_checkpoint: Path) -> None:
    (tiny_checkpoint / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model.safetensors is missing"):
        load_checkpoint(tiny_checkpoint)


def test_weights_of_another_shape(tiny_checkpoint: Path) -> None:
    edit_config(tiny_checkpoint, z_dim=4)
    with pytest.raises(CheckpointError, match=r"'fc2.bias' has shape \(3,\).*\(4,\)"):
        load_checkpoint(tiny_checkpoint)


def test_a_tensor_too_many_and_one_too_few(tiny_checkpoint: Path) -> None:
    file = tiny_checkpoint / "model.safetensors"
    weights = load_file(file)
    save_file(weights | {"fc9.bias": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match="'fc9.bias' is none of"):
        load_checkpoint(tiny_checkpoint)
    del weights["fc4.bias"]
    save_file(weights, file)
    with pytest.raises(CheckpointError, match="'fc4.bias' is missing"):
        load_checkpoint(tiny_checkpoint)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(tiny_checkpoint: Path, value: float) -> None:
    file = tiny_checkpoint / "model.safetensors"
    weights = load_file(file)
    weights["fc3.bias"][1] = value
    save_file(weights, file)
    with pytest.raises(CheckpointError, match="'fc3.bias'.*not finite"):
        load_checkpoint(tiny_checkpoint)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "os.system"}, "field 'architecture' is \"os.system\""),
        ({"z_dim": "3"}, "field 'z_dim' must be a whole number"),
        ({"z_dim": True}, "field 'z_dim' must be a whole number"),
        ({"z_dim": None}, "field 'z_dim'"),
        ({"image_size": 783}, "no network has these sizes"),
        ({"h_dim": -1}, "no network has these sizes"),
        ({"h_dim": 10**12}, "'fc1.bias' has shape"),  # 3 PB if it were allocated
        ({"h_dim": 10**30}, "no network has these sizes"),
    ],
)
def test_a_config_that_cannot_be(
    tiny_checkpoint: Path, changes: dict[str, object], message: str
) -> None:
    edit_config(tiny_checkpoint, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tiny_checkpoint)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"architecture": NaN}'])
def test_a_config_that_is_no_object(tiny_checkpoint: Path, text: str) -> None:
    (tiny_checkpoint / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json"):
        load_checkpoint(tiny_checkpoint)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_any_damage_to_the_header_is_refused_or_harmless(
    tiny_checkpoint: Path, where: int, bytes_: bytes
) -> None:
    file = tiny_checkpoint / "model.safetensors"
    original = file.read_bytes()
    header = 8 + int.from_bytes(original[:8], "little")
    at = where % header
    file.write_bytes(original[:at] + bytes_ + original[at + len(bytes_) :])
    try:
        assert load_checkpoint(tiny_checkpoint).z_dim == 3
    except CheckpointError:
        pass
    finally:
        file.write_bytes(original)


def test_map_round_trip_and_absence(tiny_checkpoint: Path) -> None:
    latent = load_map(tiny_checkpoint)
    assert latent is not None and latent.mu.shape == (40, 3)
    umap = torch.randn(40, 2)
    save_map(tiny_checkpoint, latent._replace(embeddings={"umap": umap}))
    again = load_map(tiny_checkpoint)
    assert again is not None and list(again.embeddings) == ["umap"]
    assert torch.equal(again.embeddings["umap"], umap)
    for one, other in zip(latent[:3], again[:3], strict=True):
        assert torch.equal(one, other)
    (tiny_checkpoint / "map.npz").unlink()
    assert load_map(tiny_checkpoint) is None


def test_a_map_may_keep_its_images_and_many_classes(tiny_checkpoint: Path) -> None:
    latent = load_map(tiny_checkpoint)
    assert latent is not None and latent.images is None
    images = torch.randint(256, (40, 3, 8, 8), dtype=torch.uint8)
    labels = torch.arange(40) + 250
    save_map(tiny_checkpoint, latent._replace(images=images, labels=labels))
    again = load_map(tiny_checkpoint)
    assert again is not None and again.images is not None and torch.equal(again.images, images)
    assert torch.equal(again.labels, labels)
    save_map(tiny_checkpoint, latent._replace(images=images[:39]))
    with pytest.raises(CheckpointError, match="images do not fit"):
        load_map(tiny_checkpoint)


def test_a_damaged_map_names_its_mend(tiny_checkpoint: Path) -> None:
    file = tiny_checkpoint / "map.npz"
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(CheckpointError, match=r"map.npz is damaged.*core evaluate tiny"):
        load_map(tiny_checkpoint)
    np.savez(file, mu=np.zeros((4, 3)), labels=np.zeros(5), kl_per_dim=np.zeros(3))
    with pytest.raises(CheckpointError, match="do not fit each other"):
        load_map(tiny_checkpoint)


def test_a_map_of_other_weights_is_stale(tiny_checkpoint: Path) -> None:
    torch.manual_seed(2)
    save_checkpoint(tiny_checkpoint, VAE(h_dim=16, z_dim=3))
    with pytest.raises(CheckpointError, match="other weights.*core evaluate tiny"):
        load_map(tiny_checkpoint)


def test_a_map_is_not_kept_when_the_weights_changed_meanwhile(tiny_checkpoint: Path) -> None:
    latent, weights = load_map(tiny_checkpoint), weights_digest(tiny_checkpoint)
    assert latent is not None
    torch.manual_seed(2)
    save_checkpoint(tiny_checkpoint, VAE(h_dim=16, z_dim=3))
    before = (tiny_checkpoint / "map.npz").read_bytes()
    with pytest.raises(CheckpointError, match="replaced meanwhile"):
        save_map(tiny_checkpoint, latent, weights=weights)
    assert (tiny_checkpoint / "map.npz").read_bytes() == before


def test_new_weights_take_the_old_ones_figures_away(tiny_checkpoint: Path, tiny: VAE) -> None:
    (tiny_checkpoint / "metrics.json").write_text('{"neg_elbo": 1}')
    save_checkpoint(tiny_checkpoint, tiny)
    assert describe(tiny_checkpoint).metrics is None


def test_replace_leaves_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace(file, fail)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_fingerprint_changes_with_the_weights(tiny_checkpoint: Path, tiny: VAE) -> None:
    before = fingerprint(tiny_checkpoint)
    save_checkpoint(tiny_checkpoint, tiny)
    assert fingerprint(tiny_checkpoint) != before


@pytest.mark.parametrize("value", [[], {"a": 1}, None, "x" * 10_000, "a\nb"])
def test_an_architecture_that_is_none_is_a_short_sentence(tmp_path: Path, value: object) -> None:
    save_checkpoint(tmp_path, VAE(h_dim=4, z_dim=2))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"architecture": value}))
    with pytest.raises(CheckpointError, match="'architecture' is") as told:
        load_checkpoint(tmp_path)
    assert len(str(told.value)) < 1000 and str(told.value).isprintable()


def test_json_nested_without_end_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match="not valid JSON"):
        describe(tmp_path)
