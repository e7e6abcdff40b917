"""The step written out by hand against autograd and torch's Adam; and where it does not apply."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from core import VAE, train
from core.config import TrainConfig
from core.fast_step import CHUNK, FastStep, applies
from core.model import ResidualVAE
from core.objective import Loss, Objective

CPU = torch.device("cpu")
SMALL = TrainConfig(h_dim=16, z_dim=3, epochs=3, batch_size=16, seed=5)


def adam(model: VAE) -> torch.optim.Adam:
    return torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)


def by_autograd(model: VAE, x: torch.Tensor, epsilon: torch.Tensor, beta: float) -> Loss:
    model.zero_grad()
    terms = Objective(model)(x, epsilon, beta)
    terms.loss.mean().backward()
    return terms


@given(
    side=st.integers(1, 6), channels=st.sampled_from([1, 3]), h_dim=st.integers(1, 9),
    z_dim=st.integers(1, 5), batch=st.integers(1, 2 * CHUNK + 1), beta=st.floats(0, 4),
    scale=st.sampled_from([0.1, 1.0, 5.0]), seed=st.integers(0, 1000),
)  # fmt: skip
def test_gradients_and_totals_are_autograds(
    side: int, channels: int, h_dim: int, z_dim: int, batch: int, beta: float, scale: float,
    seed: int,
) -> None:  # fmt: skip
    """In double precision, where a wrong formula cannot hide behind rounding; Objective itself
    takes its logits in single precision, so torch's own losses stand for it."""
    torch.manual_seed(seed)
    model = VAE(channels * side * side, h_dim, z_dim, channels).double()
    for parameter in model.parameters():
        parameter.data.mul_(scale)
    x = torch.rand(batch, channels, side, side, dtype=torch.float64)
    epsilon = torch.randn(batch, z_dim, dtype=torch.float64)
    reference = copy.deepcopy(model)
    mu, log_var = reference.encode(x)
    logits = reference.decode_logits(mu + torch.exp(0.5 * log_var) * epsilon)
    nll = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = kl_divergence(Normal(mu, torch.exp(0.5 * log_var)), Normal(0.0, 1.0)).sum(0)
    ((nll + beta * kl.sum()) / batch).backward()

    totals = FastStep(model, adam(model)).gradients(x.flatten(1), epsilon, beta)
    expected = torch.cat([nll.view(1), kl]).detach()
    torch.testing.assert_close(totals, expected, rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("magnitude", [1.0, 30.0, 1e4])
def test_saturated_pixels_cost_what_they_cost(magnitude: float) -> None:
    """Logits as large as floats are, and images that contradict them: nothing overflows."""
    torch.manual_seed(0)
    model = VAE(16, 5, 2)
    model.fc5.bias.data = magnitude * torch.tensor([1.0, -1.0]).repeat(8)
    x, epsilon = torch.rand(300, 1, 4, 4).round(), torch.randn(300, 2)
    expected = by_autograd(copy.deepcopy(model), x, epsilon, 1.0)
    totals = FastStep(model, adam(model)).gradients(x.flatten(1), epsilon)
    torch.testing.assert_close(totals, expected.totals, rtol=1e-5, atol=1e-3)


def test_steps_are_those_of_autograd_and_adam(images: torch.Tensor) -> None:
    torch.manual_seed(3)
    model = VAE(h_dim=16, z_dim=3)
    reference = copy.deepcopy(model)
    step, optimizer = FastStep(model, adam(model)), adam(reference)
    for i in range(20):
        epsilon, beta = torch.randn(len(images), 3), i / 20
        step.optimizer.param_groups[0]["lr"] = optimizer.param_groups[0]["lr"] = 1e-2 / (1 + i)
        totals = step(images, epsilon, beta)
        expected = by_autograd(reference, images, epsilon, beta)
        optimizer.step()
        torch.testing.assert_close(totals, expected.totals, rtol=1e-5, atol=1e-3)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    ours, theirs = step.optimizer.state_dict()["state"], optimizer.state_dict()["state"]
    assert all(int(state["step"]) == 20 for state in ours.values())
    for index, state in theirs.items():
        torch.testing.assert_close(ours[index]["exp_avg"], state["exp_avg"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "ResidualVAE"},
        {"likelihood": "continuous_bernoulli"},
        {"likelihood": "gaussian"},
        {"free_bits": 0.1},
        {"importance_samples": 4},
        {"precision": "bf16"},
    ],
)
def test_everything_else_goes_through_the_objective(
    change: dict[str, object], images: torch.Tensor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object) -> None:
        raise AssertionError("the fast step was taken")

    monkeypatch.setattr(FastStep, "__call__", refuse)
    config = dataclasses.replace(SMALL, epochs=1, **change)  # type: ignore[arg-type]
    train.train(config, images, tmp_path / "other")
    with pytest.raises(AssertionError, match="was taken"):
        train.train(SMALL, images, tmp_path / "fast")


def test_not_on_other_devices_nor_in_several_processes() -> None:
    model = VAE(16, 5, 2)
    assert applies(SMALL, model, CPU, 1)
    assert not applies(SMALL, model, torch.device("cuda"), 1)
    assert not applies(SMALL, model, CPU, 2)
    assert not applies(SMALL, ResidualVAE(16, 5, 2), CPU, 1)


@pytest.mark.parametrize(
    "change",
    [{}, {"beta": 3.0, "warm_up": 2.0, "ema": 0.9, "schedule": "cosine"},
     {"binarize": True, "shift": 2}],
)  # fmt: skip
def test_a_run_ends_where_the_other_way_ends(
    change: dict[str, object], images: torch.Tensor, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = dataclasses.replace(SMALL, **change)  # type: ignore[arg-type]
    fast = train.train(config, images, tmp_path / "fast")
    monkeypatch.setattr(train, "applies", lambda *_: False)
    slow = train.train(config, images, tmp_path / "slow")
    for ours, theirs in zip(fast.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


def test_a_run_begun_one_way_goes_on_the_other(
    images: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """training.pt is the same: a run may be resumed with more processes, say."""
    whole = train.train(SMALL, images, tmp_path / "whole")
    train.train(dataclasses.replace(SMALL, epochs=1), images, tmp_path / "parts")
    monkeypatch.setattr(train, "applies", lambda *_: False)
    parts = train.train(SMALL, images, tmp_path / "parts", resume=True)
    for ours, theirs in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
