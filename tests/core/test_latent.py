"""Statistics of the encoded data."""

import torch

from core import VAE
from core.latent import LatentMap, encode_images, latent_map


def test_encoding_in_batches_changes_nothing(tiny: VAE, images: torch.Tensor) -> None:
    whole, parts = encode_images(tiny, images), encode_images(tiny, images, batch_size=7)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


def test_order_and_activity() -> None:
    mu = torch.randn(1000, 3) * torch.tensor([1.0, 0.01, 0.5])
    latent = LatentMap(mu, torch.zeros(1000), torch.tensor([2.0, 0.0, 3.0]))
    assert latent.order == [2, 0, 1]
    assert latent.active.tolist() == [True, False, True]
    assert latent.radius >= 3


def test_latent_map_of_a_model(tiny: VAE, images: torch.Tensor) -> None:
    latent = latent_map(tiny, images, torch.zeros(40, dtype=torch.int64))
    assert latent.mu.shape == (40, 3) and (latent.kl_per_dim >= 0).all()


def test_ranges_are_quantiles_and_the_priors_where_nothing_is_carried() -> None:
    mu = torch.linspace(-1, 3, 1001)[:, None] * torch.tensor([1.0, 0.0])
    ranges = LatentMap(mu, torch.zeros(1001), torch.zeros(2)).ranges
    torch.testing.assert_close(ranges[0], torch.tensor([-0.98, 1.0, 2.98]), atol=1e-3, rtol=0)
    assert ranges[1].tolist() == [-3, 0, 3]
