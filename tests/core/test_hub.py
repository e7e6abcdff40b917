"""Models of the Hub: a local snapshot opens; a download's failures are sentences. No network."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import huggingface_hub
import pytest
import torch
from huggingface_hub import errors

from core import VAE, load_checkpoint
from core.architectures import ARCHITECTURES
from core.checkpoint import CheckpointError, describe, find_folder, open_model
from core.hub import is_repo_id
from core.pixels import LIKELIHOODS

SMALL = {"h_dim": 12, "z_dim": 3}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_snapshot_written_by_save_pretrained_opens(
    tmp_path: Path, architecture: str, likelihood: str
) -> None:
    model = ARCHITECTURES[architecture](likelihood=likelihood, **SMALL)
    model.save_pretrained(tmp_path)
    assert "architecture" not in json.loads((tmp_path / "config.json").read_text())
    loaded = load_checkpoint(tmp_path)
    assert type(loaded) is type(model) and loaded.config() == model.config()
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_snapshot_of_another_program(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="no intact safetensors file"):
        load_checkpoint(tmp_path)
    VAE(**SMALL).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="field 'architecture' is missing"):
        load_checkpoint(tmp_path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A download that gives this folder, which holds a model."""
    folder = tmp_path / "snapshot"
    VAE(**SMALL).save_pretrained(folder)

    def snapshot_download(repo_id: str, allow_patterns: list[str]) -> str:
        assert repo_id == "someone/their-vae"
        assert "model.safetensors" in allow_patterns and not any("*" in p for p in allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return folder


def test_a_repository_is_fetched(hub: Path) -> None:
    assert load_checkpoint("someone/their-vae").z_dim == 3
    assert describe("someone/their-vae").config["h_dim"] == 12
    opened = open_model("someone/their-vae")
    assert opened.folder == hub and not opened.ours and opened.config["z_dim"] == 3
    with pytest.raises(CheckpointError, match="copy here is not for writing into"):
        find_folder("someone/their-vae")


def test_what_a_repository_lacks_is_named(hub: Path) -> None:
    (hub / "config.json").unlink()
    with pytest.raises(CheckpointError, match="'someone/their-vae' has no config.json, which"):
        load_checkpoint("someone/their-vae")
    shutil.rmtree(hub)
    with pytest.raises(CheckpointError, match="no config.json and no model.safetensors"):
        load_checkpoint("someone/their-vae")


class Answer:
    """As much of an HTTP answer as the Hub's errors read."""

    headers: Mapping[str, str] = MappingProxyType({})
    request = None
    status_code = 404
    text = ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.RepositoryNotFoundError("404", response=Answer()), "no model on the Hub that you"),
        (errors.GatedRepoError("403", response=Answer()), "is gated: ask for access"),
        (errors.LocalEntryNotFoundError("offline"), "the Hub cannot be reached, and this machine"),
        (errors.HfHubHTTPError("500 broken", response=Answer()), "could not be fetched: 500 brok"),
        (errors.HFValidationError("bad id\nmore"), "could not be fetched: bad id\\.$"),
        (OSError(28, "No space left on device"), "could not be fetched.*No space left"),
    ],
)  # fmt: skip
def test_why_a_download_failed(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def snapshot_download(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(CheckpointError, match=f"'someone/their-vae'.*{sentence}"):
        load_checkpoint("someone/their-vae")


def test_a_folders_misspelt_path_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    assert not is_repo_id("checkpoints/mnsit") and is_repo_id("someone/mnist")
    for path in ("mnist", "./a/b", "a/b/c", "/tmp/x", "a/", "../b"):
        assert not is_repo_id(path)
    with pytest.raises(CheckpointError, match="no checkpoint 'checkpoints/mnsit'"):
        load_checkpoint("checkpoints/mnsit")
