"""The network: the tutorial's lines run unchanged, encode is deterministic, shapes are checked."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from core import VAE, load_checkpoint, save_checkpoint
from core.model import ResidualVAE


def test_defaults_are_the_tutorial_network() -> None:
    shapes = {name: tuple(p.shape) for name, p in VAE().named_parameters() if "weight" in name}
    assert shapes == {
        "fc1.weight": (400, 784),
        "fc2.weight": (20, 400),
        "fc3.weight": (20, 400),
        "fc4.weight": (400, 20),
        "fc5.weight": (784, 400),
    }


def test_tutorial_lines_run_unchanged() -> None:
    model = VAE()
    x = torch.rand(128, 1, 28, 28)
    z = torch.randn(128, 20)
    out = model.decode(z).view(-1, 1, 28, 28)
    assert out.shape == (128, 1, 28, 28)
    out, _, _ = model(x.view(-1, 784))
    joined = torch.cat([x.view(-1, 1, 28, 28), out.view(-1, 1, 28, 28)], dim=3)
    assert joined.shape == (128, 1, 28, 56)
    assert model.decode(torch.randn(1, 20)).reshape(28, 28).shape == (28, 28)


def test_tutorial_training_step_runs_unchanged() -> None:
    model = VAE()
    x = torch.rand(16, 784)
    x_recon, mu, log_var = model(x)
    loss = F.binary_cross_entropy(x_recon, x, reduction="sum")
    loss = loss - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_tutorial_state_dict_loads(tmp_path: Path) -> None:
    class Tutorial(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = torch.nn.Linear(784, 400)
            self.fc2 = torch.nn.Linear(400, 20)
            self.fc3 = torch.nn.Linear(400, 20)
            self.fc4 = torch.nn.Linear(20, 400)
            self.fc5 = torch.nn.Linear(400, 784)

    theirs, ours = Tutorial(), VAE()
    torch.save(theirs.state_dict(), tmp_path / "model.ckpt")
    ours.load_state_dict(torch.load(tmp_path / "model.ckpt", weights_only=True))
    x = torch.rand(4, 784)
    expected = theirs.fc2(F.relu(theirs.fc1(x)))
    torch.testing.assert_close(ours.encode(x)[0], expected)


def test_encode_is_deterministic_and_takes_both_layouts(tiny: VAE, images: torch.Tensor) -> None:
    for first, second in zip(tiny.encode(images), tiny.encode(images.flatten(1)), strict=True):
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_decode_is_an_image_in_0_1(tiny: VAE) -> None:
    x = tiny.decode(10 * torch.randn(5, 3))
    assert x.shape == (5, 1, 28, 28)
    assert x.min() >= 0 and x.max() <= 1


def test_reparameterize_follows_the_posterior(tiny: VAE, generator: torch.Generator) -> None:
    mu, log_var = torch.tensor([[1.0, -2.0, 0.0]]), torch.tensor([[0.0, 2.0, -2.0]])
    z = tiny.reparameterize(mu.expand(40_000, 3), log_var.expand(40_000, 3), generator)
    torch.testing.assert_close(z.mean(0), mu[0], rtol=0, atol=0.06)
    torch.testing.assert_close(z.var(0).log(), log_var[0], rtol=0, atol=0.06)


def test_same_seed_same_sample(tiny: VAE) -> None:
    mu = torch.zeros(4, 3)
    first, second = (
        tiny.reparameterize(mu, mu, torch.Generator().manual_seed(7)) for _ in range(2)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize("shape", [(2, 783), (2, 1, 27, 28), (784,)])
def test_encode_names_a_wrong_shape(tiny: VAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="784 pixels"):
        tiny.encode(torch.zeros(shape))


def test_decode_names_a_wrong_shape(tiny: VAE) -> None:
    with pytest.raises(ValueError, match=r"\(B, 3\)"):
        tiny.decode(torch.zeros(2, 4))


@pytest.mark.parametrize("sizes", [(783, 16, 3), (784, 0, 3), (784, 16, 0), (-1, 16, 3)])
def test_impossible_sizes_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="image_size"):
        VAE(*sizes)


def test_from_pretrained_reads_our_checkpoints(tiny_checkpoint: Path, tiny: VAE) -> None:
    model = VAE.from_pretrained(tiny_checkpoint)
    z = torch.randn(2, 3)
    torch.testing.assert_close(model.decode(z), tiny.decode(z))


def test_the_residual_network_is_the_same_vae_but_deeper(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ResidualVAE(h_dim=16, z_dim=4, blocks=2)
    x = torch.rand(5, 1, 28, 28)
    mu, log_var = model.encode(x)
    assert mu.shape == log_var.shape == (5, 4)
    assert model.decode(mu).shape == x.shape
    names = {name.partition(".")[0] for name in model.state_dict()}
    assert names == {"fc1", "fc2", "fc3", "fc4", "fc5", "encoder_blocks", "decoder_blocks"}
    save_checkpoint(tmp_path, model)
    loaded = load_checkpoint(tmp_path)
    assert isinstance(loaded, ResidualVAE) and loaded.config() == model.config()
    assert torch.equal(loaded.decode(mu), model.decode(mu))


def test_every_block_is_used() -> None:
    model = ResidualVAE(h_dim=16, z_dim=4, blocks=2)
    logits = model.decode_logits(model.encode(torch.rand(3, 784))[0])
    logits.sum().backward()
    for name, parameter in model.named_parameters():
        if not name.startswith("fc3"):  # log_var, which this output does not need
            assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("blocks", [0, -1, 10**12])
def test_an_impossible_number_of_blocks_is_refused_at_once(blocks: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 64"):
        ResidualVAE(blocks=blocks)
