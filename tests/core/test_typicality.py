"""How usual a point is: encoded images lie in the data, far points off it."""

import pytest
import torch
from scipy import stats

from core.latent import LatentMap
from core.typicality import reference, typicality


@pytest.fixture
def latent() -> LatentMap:
    mu = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    return LatentMap(mu, torch.zeros(1000), torch.ones(3))


def test_the_data_is_in_and_far_away_is_off(latent: LatentMap) -> None:
    yardstick = reference(latent)
    verdicts = [typicality(z, yardstick).verdict for z in latent.mu[:200]]
    assert verdicts.count("in") >= 185  # 95% of them by definition
    far = typicality(torch.tensor([9.0, 9.0, 9.0]), yardstick)
    assert far.verdict == "off" and far.share == 1.0


def test_an_image_is_not_its_own_neighbour(latent: LatentMap) -> None:
    yardstick = reference(latent)
    shares = torch.tensor([typicality(z, yardstick).share for z in latent.mu[::5]])
    # The shares of what the yardstick is made of are spread evenly.
    assert shares.median() == pytest.approx(0.5, abs=0.06)
    assert (shares > 0.95).float().mean() == pytest.approx(0.05, abs=0.03)


def test_the_nearest_are_the_nearest(latent: LatentMap) -> None:
    z = torch.tensor([0.3, -0.2, 0.1])
    found = typicality(z, reference(latent))
    distances = (latent.mu - z).norm(dim=1)
    assert found.nearest.tolist() == distances.argsort()[:8].tolist()
    torch.testing.assert_close(found.distances, distances.sort().values[:8])
    assert found.distance == pytest.approx(found.distances.mean().item())
    assert typicality(latent.mu[7], reference(latent)).nearest[0] == 7


def test_dimensions_that_carry_nothing_do_not_count() -> None:
    mu = torch.randn(500, 3) * torch.tensor([1.0, 1.0, 0.001])
    yardstick = reference(LatentMap(mu, torch.zeros(500), torch.ones(3)))
    here, there = (typicality(torch.tensor([0.1, 0.2, z]), yardstick) for z in (0.0, 3.0))
    assert here.distance == there.distance


def test_log_p_and_its_percentile_are_the_priors() -> None:
    yardstick = reference(LatentMap(torch.randn(50, 3), torch.zeros(50), torch.ones(3)))
    z = torch.tensor([0.5, -1.0, 2.0])
    found = typicality(z, yardstick)
    normal = torch.distributions.Normal(0.0, 1.0)
    assert found.log_p == pytest.approx(normal.log_prob(z).sum().item(), abs=1e-5)
    assert found.prior_share == pytest.approx(stats.chi2(3).sf(z.square().sum().item()), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_handful_of_images_will_do(n: int) -> None:
    found = typicality(
        torch.zeros(3), reference(LatentMap(torch.randn(n, 3), torch.zeros(n), torch.ones(3)))
    )
    assert len(found.nearest) == n
