"""The partial encoder and its mixture; its file."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from core import VAE, save_checkpoint
from core.checkpoint import CheckpointError
from core.posterior import FILE, Mixture, PartialEncoder, load_posterior, save_posterior


@pytest.fixture
def mixture(generator: torch.Generator) -> Mixture:
    """Two pictures, six components of three classes, four latent dimensions."""
    weight = torch.randn(2, 6, generator=generator).log_softmax(1)
    mean, log_sigma = torch.randn(2, 2, 6, 4, generator=generator)
    return Mixture(weight, 2 * mean, 0.3 * log_sigma, 3)


def test_its_density_is_that_of_torch_distributions(
    mixture: Mixture, generator: torch.Generator
) -> None:
    z = torch.randn(2, 9, 4, generator=generator)
    for b in range(2):
        reference = MixtureSameFamily(
            Categorical(logits=mixture.log_weight[b]),
            Independent(Normal(mixture.mean[b], mixture.log_sigma[b].exp()), 1),
        )
        assert torch.allclose(mixture.log_prob(z)[b], reference.log_prob(z[b]), atol=1e-4)
    classes = mixture.class_log_prob(z)
    assert classes.shape == (2, 9, 3)
    assert torch.allclose(classes.logsumexp(-1), mixture.log_prob(z), atol=1e-5)


def test_draws_have_the_mixtures_moments(mixture: Mixture, generator: torch.Generator) -> None:
    z = mixture.sample(40_000, generator)
    weight, variance = mixture.log_weight.exp()[..., None], mixture.log_sigma.exp().square()
    mean = (weight * mixture.mean).sum(1)
    second = (weight * (variance + mixture.mean.square())).sum(1)
    assert torch.allclose(z.mean(1), mean, atol=0.05)
    assert torch.allclose(z.square().mean(1), second, atol=0.2)


@given(n=st.integers(1, 200), seed=st.integers(0, 2**31))
def test_every_component_gets_its_share_of_the_draws(n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(1, 5, generator=generator).log_softmax(1)
    mean = 100 * torch.arange(5.0).view(1, 5, 1)  # far apart, so a draw shows where it is from
    z = Mixture(weight, mean, torch.zeros(1, 5, 1), 1).sample(n, generator)
    counts = torch.bincount((z[0, :, 0] / 100).round().long(), minlength=5)
    assert ((counts - n * weight[0].exp()).abs() < 1 + 1e-3).all()


@pytest.mark.parametrize("side", [8, 15, 28])
def test_any_side_goes_in_and_comes_out(side: int, generator: torch.Generator) -> None:
    posterior = PartialEncoder(side, z_dim=3, classes=2, components=2, width=4, h_dim=8)
    x = torch.rand(5, 1, side, side, generator=generator)
    belief = posterior(x, torch.ones_like(x))
    assert belief.mean_logits.shape == x.shape
    assert belief.z.mean.shape == (5, 4, 3)
    assert torch.allclose(belief.z.log_weight.logsumexp(1), torch.zeros(5), atol=1e-5)


def test_saved_is_reloaded_to_half_precision(tmp_path: Path) -> None:
    posterior = PartialEncoder(8, z_dim=3, width=4, h_dim=8)
    assert load_posterior(tmp_path) is None
    save_posterior(tmp_path, posterior, {"seed": 0})
    loaded = load_posterior(tmp_path)
    assert loaded is not None and loaded.sizes == posterior.sizes and not loaded.training
    for name, value in posterior.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:200]), "no intact partial encoder"),
        (lambda file: file.write_bytes(b"\x80\x04pickle"), "no intact partial encoder"),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path: Path, damage, sentence: str) -> None:  # type: ignore[no-untyped-def]
    save_posterior(tmp_path, PartialEncoder(8, z_dim=3, width=4, h_dim=8), {})
    damage(tmp_path / FILE)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_posterior(tmp_path)
    assert f"train-repair {tmp_path.name}" in str(caught.value)


def test_an_encoder_of_other_weights_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, VAE(image_size=64, h_dim=4, z_dim=3))
    save_posterior(tmp_path, PartialEncoder(8, z_dim=3, width=4, h_dim=8), {})
    assert load_posterior(tmp_path) is not None
    save_checkpoint(tmp_path, VAE(image_size=64, h_dim=4, z_dim=3))  # trained anew
    with pytest.raises(CheckpointError, match="trained on other weights"):
        load_posterior(tmp_path)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    small = PartialEncoder(8, z_dim=3, width=4, h_dim=8)
    small.sizes["h_dim"] = 10**9  # as a file that asks for more than it holds
    save_posterior(tmp_path, small, {})
    with pytest.raises(CheckpointError, match="missing or of another shape"):
        load_posterior(tmp_path)
