"""A model that pythae 0.1.2 trained and saved, opened through docs/examples/pythae_model.py."""

from pathlib import Path

import pytest
import torch
from pythae.models import VAE as TheirVAE
from pythae.models import AutoModel, VAEConfig
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig

from core import load_checkpoint
from core.checkpoint import CheckpointError
from core.damage import hide, observe
from core.data import load_dataset
from core.metrics import evaluate
from core.repair import repair

FACTORY = "docs.examples.pythae_model:load"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One epoch on 2,000 digits, saved by pythae's own code."""
    digits = load_dataset("mnist", "train").images[:2000].numpy()
    model = TheirVAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=8, reconstruction_loss="bce"))
    config = BaseTrainerConfig(
        output_dir=str(tmp_path_factory.mktemp("pythae")), num_epochs=1, learning_rate=1e-3,
        per_device_train_batch_size=64, no_cuda=True,
    )  # fmt: skip
    TrainingPipeline(model=model, training_config=config)(train_data=digits)
    return next(Path(config.output_dir).glob("*/final_model"))


def test_it_opens_and_says_the_same_as_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHAE_MODEL", str(folder))
    model = load_checkpoint(FACTORY, trusted=True)
    theirs = AutoModel.load_from_folder(str(folder)).eval()
    assert model.image_shape == (1, 28, 28) and model.z_dim == 8
    test = load_dataset("mnist", "test")
    x = test.images[:20]
    mu, log_var = model.encode(x)
    expected = theirs.encoder(x)
    assert torch.equal(mu, expected.embedding) and torch.equal(log_var, expected.log_covariance)
    assert torch.equal(model.decode(mu), theirs.decoder(mu).reconstruction)
    figures = evaluate(model, test.images[:500])
    assert 100 < figures["neg_elbo"] < 540  # of 784 coins: 543; one short epoch is better
    assert figures["kl"] > 0
    known = torch.ones(1, 1, 28, 28)
    known[..., 10:18, 10:18] = 0
    generator = torch.Generator().manual_seed(0)
    found = repair(model, hide(observe(x[:1]), known), k=4, steps=3, generator=generator)
    assert found.mean.isfinite().all()


def test_a_folder_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHAE_MODEL", str(tmp_path))
    with pytest.raises(CheckpointError, match=f"{FACTORY}: calling load.. failed"):
        load_checkpoint(FACTORY, trusted=True)
