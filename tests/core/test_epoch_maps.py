"""Maps of epochs: principal axes, turned onto the epoch before and never stretched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from core.epoch_maps import plane


def codes(seed: int, dims: int, n: int = 60) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, dims)) * np.linspace(3, 0.5, dims)


@given(st.integers(0, 1000), st.integers(2, 8))
def test_a_turned_and_mirrored_cloud_stays_where_it_was(seed: int, dims: int) -> None:
    mu = codes(seed, dims)
    turn, _ = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(dims, dims)))
    first = plane(mu)
    np.testing.assert_allclose(plane(mu @ turn + 5, first), first, atol=1e-4)


@given(st.integers(0, 1000), st.integers(2, 8))
def test_it_is_the_principal_plane_and_the_best_turn(seed: int, dims: int) -> None:
    mu, before = codes(seed, dims), codes(seed + 1, 2).astype(np.float32)
    centred = mu - mu.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    components = (u * s)[:, :2]
    found = plane(mu, before)
    np.testing.assert_allclose(found @ found.T, components @ components.T, atol=1e-3)
    best, _ = orthogonal_procrustes(components, before)
    np.testing.assert_allclose(found, components @ best, atol=1e-4)


def test_one_dimension_lies_on_a_line() -> None:
    mu = codes(0, 1)
    xy = plane(mu)
    assert xy.shape == (60, 2) and not xy[:, 1].any()
    np.testing.assert_allclose(np.abs(xy[:, 0]), np.abs(mu - mu.mean())[:, 0], rtol=1e-5)
    np.testing.assert_allclose(plane(-mu, xy), xy, atol=1e-5)


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="60 codes, the one before 59"):
        plane(codes(0, 3), codes(0, 2, n=59))
