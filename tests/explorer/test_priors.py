"""explorer/priors.py: the better prior is drawn from, and it is said which."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.checkpoint import write_json
from core.prior import FILE, GaussianMixture, save_mixture
from explorer import priors


@pytest.fixture
def far(make_checkpoint: Callable[..., str], checkpoints: Path) -> str:
    """A model whose mixture lies about 50 in every dimension: no mistaking it for N(0, I)."""
    name = make_checkpoint(3)
    mixture = GaussianMixture(torch.ones(1), torch.full((1, 3), 50.0), torch.eye(3)[None])
    save_mixture(checkpoints / name, mixture)
    return name


def test_without_a_mixture_it_is_the_normal(make_checkpoint: Callable[..., str]) -> None:
    name = make_checkpoint(3)
    assert priors.described(name) == "Drawn from N(0, I)."
    assert all(abs(value) < 6 for value in priors.draw(name))


def test_a_seed_gives_the_same_point(far: str) -> None:
    assert priors.draw(far, 3) == priors.draw(far, 3) != priors.draw(far, 4)
    assert priors.draw(far) != priors.draw(far)


@pytest.mark.parametrize(
    ("normal", "mixture", "sentence"),
    [
        (None, None, "Drawn from a Gaussian mixture fitted"),
        (20.0, 5.0, "Fréchet distance 5.0) than those of N(0, I) (20.0)"),
        (5.0, 20.0, "Drawn from N(0, I). Its samples lie nearer"),
    ],
)
def test_the_better_one_is_taken_and_named(
    far: str, checkpoints: Path, normal: float | None, mixture: float | None, sentence: str
) -> None:
    if normal is not None:
        metrics = {"frechet_prior": normal, "frechet_mixture": mixture}
        write_json(checkpoints / far / "metrics.json", metrics)
    assert sentence in priors.described(far)
    from_mixture = normal != 5.0
    assert all((value > 40) == from_mixture for value in priors.draw(far))


def test_a_damaged_mixture_leaves_the_normal(far: str, checkpoints: Path) -> None:
    (checkpoints / far / FILE).write_bytes(b"no tensors")
    assert priors.described(far) == "Drawn from N(0, I)."
    assert all(abs(value) < 6 for value in priors.draw(far))
