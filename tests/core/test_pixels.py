"""core/pixels.py against torch.distributions and quadrature."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.distributions import Bernoulli, Normal

from core.pixels import LIKELIHOODS, NEAR_ZERO

logits = st.floats(-30, 30)
pixels = st.floats(0, 1)


def double(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


def nll(name: str, logit: float, x: float, log_sigma: float = -1.0) -> float:
    return float(LIKELIHOODS[name].nll(double(logit), double(x), double(log_sigma)))


@given(logits, pixels)
@example(20.5, 0.0)
def test_bernoulli_is_the_one_of_torch(logit: float, x: float) -> None:
    reference = Bernoulli(logits=double(logit), validate_args=False).log_prob(double(x))
    # torch's softplus is the identity above 20, which leaves out 2e-9.
    assert nll("bernoulli", logit, x) == pytest.approx(-float(reference), abs=1e-8)


@given(logits, pixels, st.floats(-3, 1))
def test_gaussian_is_the_one_of_torch(logit: float, x: float, log_sigma: float) -> None:
    reference = Normal(double(logit).sigmoid(), math.exp(log_sigma)).log_prob(double(x))
    assert nll("gaussian", logit, x, log_sigma) == pytest.approx(-float(reference), abs=1e-9)


@given(logits)
def test_continuous_bernoulli_is_a_density_with_that_mean(logit: float) -> None:
    x = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    density = torch.exp(-LIKELIHOODS["continuous_bernoulli"].nll(double(logit), x, None))
    assert float(torch.trapezoid(density, x)) == pytest.approx(1, abs=1e-5)
    mean = float(LIKELIHOODS["continuous_bernoulli"].mean(double(logit)))
    assert mean == pytest.approx(float(torch.trapezoid(x * density, x)), abs=1e-5)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_series_meets_the_closed_form(sign: int) -> None:
    below, above = (sign * NEAR_ZERO * (1 + e) for e in (-1e-6, 1e-6))
    likelihood = LIKELIHOODS["continuous_bernoulli"]
    slope = float(likelihood.mean(double(below))) - 0.3  # d nll / d l at x = 0.3
    change = nll("continuous_bernoulli", above, 0.3) - nll("continuous_bernoulli", below, 0.3)
    assert change == pytest.approx(slope * (above - below), abs=1e-9)
    assert float(likelihood.mean(double(above)) - likelihood.mean(double(below))) == pytest.approx(
        (above - below) / 12, abs=1e-7
    )


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_means_are_pictures_and_gradients_are_numbers(name: str) -> None:
    logit = torch.tensor([-90.0, -30, -0.1, -1e-4, 0, 1e-4, 0.1, 30, 90], requires_grad=True)
    mean = LIKELIHOODS[name].mean(logit)
    assert ((mean >= 0) & (mean <= 1)).all() and (mean.diff() >= 0).all()
    LIKELIHOODS[name].nll(logit, torch.full_like(logit, 0.4), torch.tensor(-1.0)).sum().backward()
    assert logit.grad is not None and logit.grad.isfinite().all()


def test_a_gaussian_without_sigma_is_refused() -> None:
    with pytest.raises(ValueError, match="log_sigma"):
        LIKELIHOODS["gaussian"].nll(torch.zeros(1), torch.zeros(1), None)
