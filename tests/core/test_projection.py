"""Maps of the latent space: lift inverts project; what is outside a plane stays."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.projection import (
    NeighbourProjection,
    available,
    default_projection,
    dimension_plane,
    discriminant_plane,
    histogram_strip,
    only_dimension,
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


def test_discriminants_part_the_classes_and_lift_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % 3
    centres = torch.tensor([[0.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]])
    # The first dimension varies most and says nothing about the class.
    mu = centres[labels] + torch.randn(600, 4, generator=generator) * torch.tensor([9.0, 1, 1, 1])
    plane = discriminant_plane(mu, labels)
    assert np.abs(plane.axes[:, 0]).max() < 0.1 * np.abs(plane.axes).max()
    z, xy = mu[0].numpy(), np.array([2.0, -1.0], np.float32)
    lifted = plane.lift(xy, z)
    np.testing.assert_allclose(plane.project(lifted), xy, atol=1e-4)
    outside = np.eye(4) - np.linalg.pinv(plane.axes) @ plane.axes
    np.testing.assert_allclose(outside @ (lifted - z), 0, atol=1e-4)  # the shortest way there


def test_discriminants_are_those_of_scikit_learn() -> None:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(5, (800,), generator=generator)
    mu = torch.randn(800, 6, generator=generator) * torch.linspace(0.7, 2, 6)
    mu += torch.randn(5, 6, generator=generator)[labels]
    plane = discriminant_plane(mu, labels)
    fitted = LinearDiscriminantAnalysis(solver="eigen").fit(mu.double().numpy(), labels.numpy())
    theirs = fitted.scalings_[:, :2].T
    assert plane.axes == pytest.approx(
        theirs * np.sign((theirs * plane.axes).sum(1, keepdims=True)), rel=1e-2, abs=1e-3
    )
    share = f"{fitted.explained_variance_ratio_[0]:.0%} between classes"
    assert plane.names[0] == f"LD1 ({share})"


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_discriminants_of_classes_that_are_points(spread: float) -> None:
    mu = spread * torch.eye(4)[torch.arange(40) % 4]
    plane = discriminant_plane(mu, torch.arange(40) % 4)
    assert np.isfinite(plane.axes).all() and np.isfinite(plane.lifts).all()


@pytest.mark.parametrize(
    ("z_dim", "classes", "id"),
    [(1, 10, "line"), (2, 10, "dimensions"), (20, 10, "lda"), (20, 2, "pca"), (3, 1, "pca")],
)
def test_the_first_map(z_dim: int, classes: int, id: str) -> None:
    assert default_projection(z_dim, classes) == id
    assert id in available(z_dim, classes, ())


def test_discriminants_leave_out_what_carries_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % 3
    centres = torch.tensor([[0.0, 0, 0], [0, 4, 0], [0, 0, 4]])
    mu = torch.randn(600, 5, generator=generator) * torch.tensor([1, 1, 1, 0.004, 0.004])
    mu[:, :3] += centres[labels]
    mu[:, 3] += 0.002 * labels  # within classes it varies so little that it would count most
    plane = discriminant_plane(mu, labels)
    assert not plane.axes[:, 3:].any() and not plane.lifts[:, 3:].any()
    np.testing.assert_allclose(plane.axes @ plane.lifts.T, np.eye(2), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 5), (50, 1)])
def test_one_image_or_dimension_has_no_components(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="two images and two dimensions"):
        principal_plane(torch.randn(*shape))


def test_two_classes_have_no_discriminant_plane() -> None:
    with pytest.raises(ValueError, match="three classes"):
        discriminant_plane(torch.randn(20, 4), torch.arange(20) % 2)


def test_neighbours_give_encoded_images_back_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    mu, xy = (torch.randn(200, d, generator=generator).numpy() for d in (5, 2))
    flat = NeighbourProjection(mu, xy, ("UMAP 1", "UMAP 2"))
    np.testing.assert_allclose(flat.project(mu), xy, atol=1e-3)
    np.testing.assert_allclose(flat.lift(xy, mu[::-1]), mu, atol=1e-3)
    between = flat.lift(xy[:2].mean(0), mu[0])
    assert between.shape == (5,)
    assert (between >= mu.min(0)).all() and (between <= mu.max(0)).all()


def test_fewer_images_than_neighbours() -> None:
    flat = NeighbourProjection(
        np.eye(3, dtype=np.float32), np.eye(3, 2, dtype=np.float32), ("", "")
    )
    assert np.isfinite(flat.project(np.zeros((4, 3), np.float32))).all()


def test_a_strip_is_a_histogram_of_dots() -> None:
    z = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    places = histogram_strip(z)
    np.testing.assert_array_equal(places[:, 0], z)
    counts, _ = np.histogram(z, 120)
    assert places[:, 1].max() == counts.max() and places[:, 1].min() == 1
    assert len(np.unique(places, axis=0)) == 1000
    assert histogram_strip(np.zeros(5, np.float32))[:, 1].tolist() == [1, 2, 3, 4, 5]


def test_the_only_dimension_moves_across() -> None:
    line = only_dimension()
    lifted = line.lift(np.array([1.5, 40.0], np.float32), np.array([-2.0], np.float32))
    assert lifted.tolist() == [1.5]
