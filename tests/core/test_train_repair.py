"""Training of the partial encoder: it learns, and a seed makes it the same again."""

import pytest
import torch
from torch import Tensor

from core import VAE
from core.posterior import PartialEncoder
from core.train_repair import RepairConfig, RepairProgress, damaged_at_random, train_posterior

SMALL = RepairConfig(
    epochs=3, batch_size=16, width=4, h_dim=8, components=1, precision="no", seed=5
)


def test_it_learns_and_is_deterministic(tiny: VAE, images: Tensor) -> None:
    labels = torch.arange(len(images)) % 3
    seen: list[RepairProgress] = []

    def run() -> PartialEncoder:
        seen.clear()
        return train_posterior(
            tiny, images, labels, SMALL, on_epoch=lambda posterior, progress: seen.append(progress)
        )

    first, second = run(), run()
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert [p.epoch for p in seen] == [1, 2, 3]
    assert seen[-1].nats < seen[0].nats and seen[-1].squared_error < seen[0].squared_error
    assert first.classes == 3 and not first.training


def test_pictures_without_labels_have_one_class(tiny: VAE, images: Tensor) -> None:
    posterior = train_posterior(tiny, images, None, SMALL)
    assert posterior.classes == 1 and posterior.mixture == 10


def test_posterior_matching_finds_the_aggregate_posterior(images: Tensor) -> None:
    """With one Gaussian and nothing seen, q(z) has the mean and spread of the encoded pictures."""
    torch.manual_seed(0)
    model = VAE(h_dim=16, z_dim=2).requires_grad_(False).eval()
    config = RepairConfig(epochs=150, batch_size=40, width=4, h_dim=8, components=1,
                          learning_rate=1e-2, precision="no")  # fmt: skip
    posterior = train_posterior(model, images, torch.zeros(len(images), dtype=torch.long), config)
    mu, log_var = model.encode(images)
    nothing = torch.zeros(1, 1, 28, 28)
    learned = posterior(nothing, nothing).z
    spread = (mu.var(0) + log_var.exp().mean(0)).sqrt()
    assert torch.allclose(learned.mean[0, 0], mu.mean(0), atol=0.3)
    assert torch.allclose(learned.log_sigma[0, 0].exp(), spread, rtol=0.3)


def test_a_batch_holds_every_kind_of_damage(images: Tensor, generator: torch.Generator) -> None:
    seen = damaged_at_random(images, generator)
    assert seen.image.shape == images.shape
    hidden = (seen.mask == 0).flatten(1).any(1)
    assert 0.4 < hidden.float().mean() < 0.9
    assert damaged_at_random(images[:1], generator).image.shape == (1, 1, 28, 28)


@pytest.mark.parametrize("field", ["epochs", "batch_size", "learning_rate", "width", "components"])
def test_impossible_settings_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be above 0"):
        RepairConfig(**{field: 0})


def test_it_starts_from_what_another_has_learnt_of_damage(tiny: VAE, images: Tensor) -> None:
    """Another latent space, one epoch: the pictures' head goes on, the one for z begins anew."""
    labels = torch.arange(len(images)) % 3
    epochs: dict[str, list[RepairProgress]] = {"start": [], "fresh": [], "other": []}

    def run(name: str, model: VAE, start: PartialEncoder | None = None) -> PartialEncoder:
        return train_posterior(
            model, images, labels, SMALL, start=start,
            on_epoch=lambda posterior, progress: epochs[name].append(progress),
        )  # fmt: skip

    start = run("start", tiny)
    torch.manual_seed(2)
    other = VAE(h_dim=16, z_dim=5).requires_grad_(False).eval()
    run("fresh", other)
    assert run("other", other, start).z_dim == 5
    assert epochs["other"][0].squared_error < epochs["fresh"][0].squared_error


def test_a_start_of_another_size_is_refused(tiny: VAE, images: Tensor) -> None:
    start = PartialEncoder(28, 3, 1, 10, width=8, h_dim=8)
    with pytest.raises(ValueError, match=r"start_from: .* same width and h_dim"):
        train_posterior(tiny, images, None, SMALL, start=start)
