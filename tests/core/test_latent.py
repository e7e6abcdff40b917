"""Statistics and planes: lift is exact and leaves the rest of z alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core import VAE
from core.latent import (
    LatentMap,
    dimension_plane,
    encode_images,
    latent_map,
    principal_plane,
)

coordinates = st.floats(-5, 5, width=32)


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, (6,), elements=coordinates),
    hnp.arrays(np.float32, (2,), elements=coordinates),
    st.integers(0, 100),
)
def test_lift_inverts_project_and_keeps_what_is_outside(
    z: np.ndarray, xy: np.ndarray, seed: int
) -> None:
    mu = torch.randn(50, 6, generator=torch.Generator().manual_seed(seed))
    for plane in (principal_plane(mu), dimension_plane(6, 4, 1)):
        np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-5)
        lifted = plane.lift(xy, z)
        np.testing.assert_allclose(plane.project(lifted), xy, atol=1e-4)
        outside = np.eye(6) - plane.axes.T @ plane.axes
        np.testing.assert_allclose(outside @ (lifted - z), 0, atol=1e-4)


def test_principal_plane_finds_the_widest_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    mu = torch.randn(5000, 4, generator=generator) * torch.tensor([0.1, 3.0, 0.2, 1.0])
    plane = principal_plane(mu)
    assert np.abs(plane.axes[0]).argmax() == 1 and np.abs(plane.axes[1]).argmax() == 3
    assert plane.names[0].startswith("PC1 (89%") or plane.names[0].startswith("PC1 (90%")


@pytest.mark.parametrize(("i", "j"), [(1, 1), (0, 6), (-1, 0)])
def test_impossible_planes_are_refused(i: int, j: int) -> None:
    with pytest.raises(ValueError, match="two different dimensions"):
        dimension_plane(6, i, j)


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
