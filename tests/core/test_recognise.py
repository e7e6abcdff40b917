"""Sizes are read off shapes; a config and the tensors' names say the same."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import load_checkpoint
from core.architectures import ARCHITECTURES
from core.recognise import RENAMED, SIZES, architecture_of, recognised
from core.weights import CheckpointError


def test_every_architecture_has_its_reader() -> None:
    assert SIZES.keys() == ARCHITECTURES.keys()
    for name, architecture in ARCHITECTURES.items():
        assert architecture_of(architecture(h_dim=4, z_dim=2).state_dict()) == name


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(ARCHITECTURES)), st.sampled_from([8, 28, 32]), st.sampled_from([1, 3]),
    st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.sampled_from([1, 4]),
)  # fmt: skip
def test_sizes_are_read_off_the_shapes(
    name: str, side: int, channels: int, h_dim: int, z_dim: int, blocks: int, width: int
) -> None:
    arguments = {
        "image_size": channels * side**2, "channels": channels, "h_dim": h_dim, "z_dim": z_dim,
        **({"blocks": blocks} if name != "VAE" else {}),
        **({"width": width} if name == "ConvVAE" else {}),
    }  # fmt: skip
    model = ARCHITECTURES[name](**arguments)
    assert recognised(model.state_dict(), "these").config() == model.config()


class PyTorchExample(torch.nn.Module):
    """The layers of the VAE in the examples repository of PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = torch.nn.Linear(784, 400)
        self.fc21, self.fc22 = torch.nn.Linear(400, 20), torch.nn.Linear(400, 20)
        self.fc3, self.fc4 = torch.nn.Linear(20, 400), torch.nn.Linear(400, 784)


def test_a_file_of_the_other_tutorial_opens(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = PyTorchExample()
    assert {name for name, _ in theirs.named_children()} == RENAMED.keys()
    torch.save(theirs.state_dict(), tmp_path / "vae.pth")
    model = load_checkpoint(tmp_path / "vae.pth")
    x = torch.rand(3, 784)
    h = torch.relu(theirs.fc1(x))
    mu, log_var = model.encode(x)
    torch.testing.assert_close(mu, theirs.fc21(h))
    torch.testing.assert_close(log_var, theirs.fc22(h))
    images = torch.sigmoid(theirs.fc4(torch.relu(theirs.fc3(mu))))
    torch.testing.assert_close(model.decode(mu).flatten(1), images)


@pytest.mark.parametrize(
    "changes",
    [
        {"stem.weight": torch.zeros(0, 1, 3, 3)},
        {"stem.weight": torch.zeros(4)},
        {"fc1.weight": torch.zeros(3, 5)},
        {"fc2.weight": torch.zeros(())},
    ],
)
def test_shapes_that_are_no_networks(changes: dict[str, torch.Tensor]) -> None:
    weights = ARCHITECTURES["ConvVAE"](h_dim=3, z_dim=2, width=4).state_dict()
    with pytest.raises(CheckpointError, match="^these: |: no network has"):
        recognised(weights | changes, "these")
