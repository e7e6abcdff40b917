"""What all tests share: a tiny random VAE, and checkpoints made of it."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch
from driver import Server
from hypothesis import settings

from core import VAE, checkpoint, save_checkpoint
from core.checkpoint import save_map
from core.latent import latent_map
from explorer import training_processes

settings.register_profile("shared-machine", deadline=None)  # a timing is never an assertion
settings.load_profile("shared-machine")
torch.set_num_threads(1)  # tiny tensors: a second thread only waits for the first


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The app as people start it, on a free port of loopback."""
    with Server() as running:
        yield running


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def tiny() -> VAE:
    """An untrained VAE of 28x28 images with 3 latent dimensions, frozen."""
    torch.manual_seed(1)
    return VAE(h_dim=16, z_dim=3).requires_grad_(False).eval()


@pytest.fixture
def images(generator: torch.Generator) -> torch.Tensor:
    """40 images of noise, (40, 1, 28, 28)."""
    return torch.rand(40, 1, 28, 28, generator=generator)


@pytest.fixture
def tiny_checkpoint(tmp_path: Path, tiny: VAE, images: torch.Tensor) -> Path:
    """The tiny VAE as a complete checkpoint folder."""
    folder = tmp_path / "tiny"
    save_checkpoint(folder, tiny, dataset="mnist")
    save_map(folder, latent_map(tiny, images, torch.arange(len(images)) % 10))
    return folder


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the shipped checkpoints/."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", folder)
    return folder


@pytest.fixture
def make_checkpoint(checkpoints: Path, images: torch.Tensor) -> Callable[..., str]:
    """make_checkpoint(z_dim, classes=10) -> the name of an untrained VAE of 40 encoded images."""

    def make(z_dim: int, classes: int = 10) -> str:
        torch.manual_seed(z_dim)
        model = VAE(h_dim=16, z_dim=z_dim).requires_grad_(False).eval()
        model.fc2.weight.mul_(8)  # so that codes differ, as those of a trained network do
        name = f"tiny-{z_dim}"
        save_checkpoint(checkpoints / name, model, dataset="mnist")
        save_map(checkpoints / name, latent_map(model, images, torch.arange(40) % classes))
        return name

    return make


@pytest.fixture
def fake_trainer(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Trainings of explorer.trainings that write files and learn nothing; options of
    fake_trainer.py by name. What still runs at the test's end is ended."""
    script = Path(__file__).parent / "explorer" / "fake_trainer.py"

    def use(**options: object) -> None:
        given = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        command = [sys.executable, str(script), "--root", str(checkpoints), *given]
        monkeypatch.setattr(training_processes, "TRAIN", [*command, "core", "train"])

    use()
    yield use
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(script) in words and str(checkpoints) in words:
            with contextlib.suppress(psutil.Error):
                process.kill()
                process.wait(10)
