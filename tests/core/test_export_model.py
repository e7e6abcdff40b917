"""What is exported computes what the model computes, for any number of images at once."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from core import VAE, __main__, checkpoint, load_checkpoint
from core.architectures import ARCHITECTURES
from core.checkpoint import load_map
from core.export_model import ExportError, export_onnx, export_safetensors, export_torch
from core.foreign import ForeignVAE
from core.pixels import LIKELIHOODS

MODELS = [
    *((name, "bernoulli", 1) for name in ARCHITECTURES),
    *(("VAE", likelihood, 1) for likelihood in LIKELIHOODS if likelihood != "bernoulli"),
    ("ConvVAE", "gaussian", 3),
]


def network(architecture: str, likelihood: str, channels: int) -> VAE:
    torch.manual_seed(0)
    model = ARCHITECTURES[architecture](
        image_size=channels * 28**2, channels=channels, likelihood=likelihood, h_dim=32, z_dim=5
    )
    return model.requires_grad_(False).eval()


def assert_onnx_agrees(model: VAE, folder: Path) -> None:
    encoder, decoder = (
        onnxruntime.InferenceSession(folder / f"{half}.onnx") for half in ("encoder", "decoder")
    )
    assert [x.name for x in encoder.get_inputs()] == ["x"]
    assert [x.name for x in encoder.get_outputs()] == ["mu", "log_var"]
    assert [x.name for x in decoder.get_inputs()] == ["z"]
    assert [x.name for x in decoder.get_outputs()] == ["x_recon"]
    for n in (1, 7):
        x, z = torch.rand(n, *model.image_shape), 2 * torch.randn(n, model.z_dim)
        found = encoder.run(None, {"x": x.numpy()}) + decoder.run(None, {"z": z.numpy()})
        for ours, theirs in zip([*model.encode(x), model.decode(z)], found, strict=True):
            assert theirs.shape == tuple(ours.shape)
            np.testing.assert_allclose(theirs, ours.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("architecture", "likelihood", "channels"), MODELS)
def test_onnx_agrees_with_torch(
    tmp_path: Path, architecture: str, likelihood: str, channels: int
) -> None:
    model = network(architecture, likelihood, channels)
    files = export_onnx(model, tmp_path)
    assert [file.name for file in files] == ["encoder.onnx", "decoder.onnx"]
    assert sorted(tmp_path.iterdir()) == sorted(files)  # no weights beside them
    assert_onnx_agrees(model, tmp_path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_torch_export_agrees_with_torch(tmp_path: Path, architecture: str) -> None:
    model = network(architecture, "bernoulli", 1)
    encoder, decoder = (torch.export.load(file).module() for file in export_torch(model, tmp_path))
    for n in (1, 7):
        x, z = torch.rand(n, 1, 28, 28), torch.randn(n, 5)
        for ours, theirs in zip(
            [*model.encode(x), model.decode(z)], [*encoder(x), decoder(z)], strict=True
        ):
            torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-5)


class Theirs(nn.Module):
    """Flat, as `module:factory` may give it."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(784, 4), nn.Linear(2, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, log_var = self.enter(x.view(-1, 784)).chunk(2, 1)
        return mu, log_var

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.leave(z))


def test_a_persons_own_model(tmp_path: Path) -> None:
    model = ForeignVAE(Theirs(), "theirs:make")
    export_onnx(model, tmp_path)
    assert_onnx_agrees(model, tmp_path)
    encoder = torch.export.load(export_torch(model, tmp_path)[0]).module()
    x = torch.rand(3, 1, 28, 28)
    assert torch.equal(encoder(x)[0], model.encode(x)[0])
    with pytest.raises(ExportError, match="theirs is code.*onnx or torch-export"):
        export_safetensors(model, tmp_path, "theirs", {})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_folder_for_the_hub_opens_again(tmp_path: Path, architecture: str) -> None:
    model = network(architecture, "continuous_bernoulli", 1)
    export_safetensors(model, tmp_path, "mine", {"dataset": "mnist"})
    for again in (load_checkpoint(tmp_path), type(model).from_pretrained(tmp_path)):
        assert type(again) is type(model) and again.config() == model.config()
        assert all(
            torch.equal(value, model.state_dict()[name])
            for name, value in again.state_dict().items()
        )
    card = (tmp_path / "README.md").read_text()
    assert f"trained on mnist: {architecture} (image_size 784" in card
    assert "figure" not in card  # none was measured


def test_a_checkpoint_takes_map_and_metrics_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "mnist-mlp-20", "--format", "safetensors", "--out", str(tmp_path))
    assert "model.safetensors" in capsys.readouterr().out
    assert load_map(tmp_path) is not None  # made with these very weights
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (
        f"| negative ELBO, nats per image | {metrics['neg_elbo']:.4f} |"
        in (tmp_path / "README.md").read_text()
    )
    config = checkpoint.describe("mnist-mlp-20").config
    assert config.items() <= json.loads((tmp_path / "config.json").read_text()).items()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["python -m core", "export", *arguments])
    __main__.main()


def test_the_command_of_a_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "mnist-res-32")
    assert_onnx_agrees(load_checkpoint("mnist-res-32"), tmp_path / "exports" / "mnist-res-32")
    with pytest.raises(SystemExit, match="encoder.onnx exists already. Choose another --out"):
        run(monkeypatch, "mnist-res-32")


def test_without_the_packages_a_sentence(
    tmp_path: Path, tiny: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ExportError, match="pip install onnx onnxscript"):
        export_onnx(tiny, tmp_path)


def test_what_cannot_be_traced_leaves_no_file(tmp_path: Path) -> None:
    class Branching(Theirs):
        def decode(self, z: Tensor) -> Tensor:
            return super().decode(z if float(z.sum()) > 0 else -z)

    model = ForeignVAE(Branching(), "theirs:make")
    with pytest.raises(ExportError, match="decoder cannot be traced"):
        export_torch(model, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.pt2"]
