"""What all tests share: a tiny random VAE, and checkpoints made of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from driver import Server
from hypothesis import settings

from core import VAE, save_checkpoint
from core.checkpoint import save_map
from core.latent import latent_map

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
