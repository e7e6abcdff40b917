"""Reading named tensors: what the file is, how the network wants them laid out."""

from pathlib import Path

import pytest
import torch

from core import load_checkpoint, save_checkpoint
from core.conv import ConvVAE
from core.weights import CheckpointError, read_state_dict, unwrapped


def test_convolutions_stay_channels_last(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, ConvVAE(h_dim=4, z_dim=2))
    loaded = load_checkpoint(tmp_path)
    assert loaded.decoder_half[0].first.weight.is_contiguous(memory_format=torch.channels_last)
    assert not loaded.decoder_half[0].first.weight.is_contiguous()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state_dict(tmp_path / "gone.pt", "gone.pt")


def test_the_innermost_wrapper_is_not_searched_for_twice() -> None:
    weights = {"model": torch.zeros(2)}  # a tensor of that name is no wrapper
    assert unwrapped(weights, "this") == weights


def test_what_a_script_kept_beside_the_weights_must_be_plain(tmp_path: Path) -> None:
    torch.save({"state_dict": {"fc1.weight": torch.zeros(1)}, "folder": tmp_path}, tmp_path / "a")
    with pytest.raises(CheckpointError, match="holds pickled objects, which could run code"):
        read_state_dict(tmp_path / "a", "a")
