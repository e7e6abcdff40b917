"""Repair: every method against the exact posterior of a VAE small enough to integrate."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core import VAE, methods
from core.damage import (
    Observation,
    blur,
    down_sampling,
    gaussian_noise,
    hide,
    left_half,
    observe,
    salt_and_pepper,
)
from core.latent import latent_map
from core.likelihood import Likelihood, log_pixel_likelihood
from core.methods import METHODS, RepairError, default_method
from core.posterior import PartialEncoder
from core.repair import glimpse, groups, iterated_passes, repair
from core.sampling import Target


@pytest.fixture
def posterior() -> PartialEncoder:
    """Untrained, for the tiny VAE."""
    torch.manual_seed(2)
    return PartialEncoder(28, z_dim=3, width=4, h_dim=8).requires_grad_(False).eval()


@pytest.fixture
def seen(images: Tensor, generator: torch.Generator) -> Observation:
    return left_half(observe(images[:1]), generator)


def test_iterated_passes_fill_in_what_is_missing(tiny: VAE, seen: Observation) -> None:
    first, second = iterated_passes(tiny, seen, 2)
    assert torch.equal(first, tiny.decode(tiny.encode(seen.image)[0]))
    filled = torch.where(seen.mask > 0, seen.image, first)
    assert torch.equal(second, tiny.decode(tiny.encode(filled)[0]))
    assert torch.equal(glimpse(tiny, seen, None).plain, first[0])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_alike(
    method: str, tiny: VAE, seen: Observation, posterior: PartialEncoder
) -> None:
    done = []

    def run(seed: int):  # type: ignore[no-untyped-def]
        return repair(
            tiny, seen, method=method, k=5, steps=3, posterior=posterior,
            generator=torch.Generator().manual_seed(seed),
            on_step=lambda n, total: done.append((n, total)),
        )  # fmt: skip

    answer, again, other = run(0), run(0), run(1)
    assert answer.completions.shape == (5, 1, 28, 28) and answer.z.shape == (5, 3)
    assert answer.mean.shape == answer.std.shape == (1, 28, 28)
    assert answer.weights.sum().item() == pytest.approx(1, abs=1e-5)
    assert (answer.weights.diff() <= 1e-6).all()  # largest first
    assert torch.equal(answer.completions, again.completions)
    assert not torch.equal(answer.z, other.z)
    assert sorted(n for group in groups(answer) for n in group.members) == list(range(5))
    assert sum(group.weight for group in groups(answer)) == pytest.approx(1, abs=1e-5)
    known = seen.mask[0] > 0
    if method == "plain":
        assert answer.trajectory is None and done == []
        assert torch.equal(answer.mean, tiny.decode(tiny.encode(seen.image)[0])[0])
    else:
        assert answer.trajectory is not None and answer.trajectory.shape == (3, 1, 28, 28)
        assert done[:3] == [(1, 3), (2, 3), (3, 3)]
        for completion in answer.completions:
            assert torch.equal(completion[known], seen.image[0][known])
        assert torch.allclose(answer.mean[known], seen.image[0][known], atol=1e-6)
        assert not answer.std[known].any()


@pytest.fixture
def small() -> VAE:
    """8 x 8 pixels and two latent dimensions, with weights large enough to mean something."""
    torch.manual_seed(3)
    model = VAE(image_size=64, h_dim=16, z_dim=2)
    with torch.no_grad():
        for weight in (model.fc4.weight, model.fc5.weight):
            weight.mul_(2.5)
    return model.requires_grad_(False).eval()


def exact_moments(target: Target) -> tuple[Tensor, Tensor]:
    """E[z] and Var[z] under the target by a sum over a grid, each (2,)."""
    axis = torch.linspace(-5, 5, 201)
    z = torch.cartesian_prod(axis, axis)
    weights = target(z)[0].softmax(0)
    mean = weights @ z
    return mean, weights @ (z - mean).square()


def exact_mean(target: Target) -> Tensor:
    return exact_moments(target)[0]


@pytest.fixture
def half_seen(small: VAE, generator: torch.Generator) -> Observation:
    x = torch.bernoulli(small.decode(torch.tensor([[1.0, -0.7]])), generator=generator)
    return left_half(observe(x), generator)


def test_smc_reaches_the_exact_posterior(small: VAE, half_seen: Observation) -> None:
    target = Target(small, half_seen, None, beta=methods.LIKELIHOOD_POWER)
    answer = repair(
        small, half_seen, method="smc", k=256, steps=40, generator=torch.Generator().manual_seed(0)
    )
    mean, variance = exact_moments(target)
    found = answer.weights @ answer.z
    assert torch.allclose(found, mean, atol=0.15)
    assert torch.allclose(answer.weights @ (answer.z - found).square(), variance, rtol=0.25)


def test_smc_weighs_two_hills_rightly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two narrow hills of unequal height: moves alone keep the prior's even halves, so only right
    weights give their masses, which a sum over a grid knows."""
    model = VAE(image_size=64, h_dim=4, z_dim=2).requires_grad_(False).eval()

    def hills(z: Tensor) -> Tensor:
        left, right = torch.tensor([-2.0, 0.0]), torch.tensor([2.0, 0.0])
        return torch.logaddexp(
            -8 * (z - left).square().sum(1), -8 * (z - right).square().sum(1) - 8
        )

    # The decoder hands z through, and the likelihood reads it there.
    monkeypatch.setattr(VAE, "decode_logits", lambda self, z: F.pad(z, (0, 62)).view(-1, 1, 8, 8))
    monkeypatch.setattr(
        Likelihood, "__call__", lambda self, logits: hills(logits.flatten(1)[:, :2])
    )
    seen = observe(torch.full((1, 1, 8, 8), 0.5))
    shares = []
    for seed in range(8):
        answer = repair(
            model, seen, method="smc", k=200, steps=40,
            generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        shares.append(float(answer.weights[answer.z[:, 0] < 0].sum()))
    axis = torch.linspace(-6, 6, 301)
    z = torch.cartesian_prod(axis, axis)
    exact = (-0.5 * z.square().sum(1) + methods.LIKELIHOOD_POWER * hills(z)).softmax(0)
    expected = float(exact[z[:, 0] < 0].sum())
    assert expected > 0.8
    assert sum(shares) / 8 == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("noise", [0.5, 0.0])
def test_gibbs_reaches_the_exact_posterior_of_noisy_pixels(
    noise: float, small: VAE, generator: torch.Generator
) -> None:
    """Pixels are black or white there: the posterior sums over both."""
    x = torch.bernoulli(small.decode(torch.tensor([[1.0, -0.7]])), generator=generator)
    if noise:
        seen = gaussian_noise(observe(x), generator, noise)
    else:
        seen = salt_and_pepper(observe(x), generator, 0.3)
    axis = torch.linspace(-5, 5, 161)
    z = torch.cartesian_prod(axis, axis)
    logits = small.decode_logits(z).flatten(1)
    factor = log_pixel_likelihood(seen.image.flatten(), seen.noise or 0.0, seen.salt or 0.0)
    log_p = torch.logaddexp(F.logsigmoid(logits) + factor[-1], F.logsigmoid(-logits) + factor[0])
    exact = (log_p.sum(1) - 0.5 * z.square().sum(1)).softmax(0) @ z
    answer = repair(
        small, seen, method="metropolis_within_gibbs", k=256, steps=300,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert torch.allclose(answer.z.mean(0), exact, atol=0.15)


def test_gibbs_refuses_a_lens(tiny: VAE, images: Tensor, generator: torch.Generator) -> None:
    seen = blur(observe(images[:1]), generator, 0.1)
    for method in ("pseudo_gibbs", "metropolis_within_gibbs"):
        with pytest.raises(RepairError, match="Choose another method"):
            repair(tiny, seen, method=method, generator=generator)


def test_the_mean_is_half_the_head_s_and_half_the_answers(
    tiny: VAE, seen: Observation, posterior: PartialEncoder, generator: torch.Generator
) -> None:
    answer = repair(tiny, seen, posterior=posterior, generator=generator)
    head = torch.sigmoid(posterior(seen.image, seen.mask).mean_logits)[0]
    answers = torch.einsum("k,kchw->chw", answer.weights, answer.completions)
    hole = seen.mask[0] == 0
    assert torch.allclose(answer.mean[hole], 0.5 * (head + answers)[hole], atol=1e-6)
    assert not torch.allclose(head[hole], answers[hole], atol=1e-2)


def test_the_spread_is_the_law_of_total_variance(
    tiny: VAE, seen: Observation, generator: torch.Generator
) -> None:
    answer = repair(tiny, seen, method="smc", k=8, steps=2, generator=generator)
    inner = Likelihood(seen).variance(tiny.decode_logits(answer.z))
    outer = (answer.completions - answer.mean).square()
    total = torch.einsum("k,kchw->chw", answer.weights, inner + outer)
    assert torch.allclose(answer.std.square(), total, atol=1e-5)


def test_metropolis_within_gibbs_reaches_the_exact_posterior(
    small: VAE, half_seen: Observation
) -> None:
    target = Target(small, half_seen, None)
    answer = repair(
        small, half_seen, method="metropolis_within_gibbs", k=256, steps=400,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert torch.allclose(answer.z.mean(0), exact_mean(target), atol=0.15)


@pytest.mark.parametrize("k", [16, 128])
def test_the_partial_encoder_s_draws_are_weighted_to_their_target(
    k: int, small: VAE, half_seen: Observation
) -> None:
    """Even from an untrained guide the weights lead to the bridge between it and the posterior."""
    torch.manual_seed(4)
    posterior = PartialEncoder(8, z_dim=2, width=4, h_dim=8).requires_grad_(False).eval()
    guide = posterior(half_seen.image, half_seen.mask).z
    target = Target(small, half_seen, posterior, beta=methods.BETA, guide=guide)
    means = []
    for seed in range(60):
        answer = repair(
            small, half_seen, k=k, posterior=posterior,
            generator=torch.Generator().manual_seed(seed),
        )  # fmt: skip
        means.append(answer.weights @ answer.z)
    assert torch.allclose(torch.stack(means).mean(0), exact_mean(target), atol=0.1)


def test_map_climbs_to_the_top(small: VAE, half_seen: Observation) -> None:
    target = Target(small, half_seen, None)
    axis = torch.linspace(-4, 4, 201)
    best = target(torch.cartesian_prod(axis, axis))[0].max()
    answer = repair(
        small, half_seen, method="map", k=16, steps=300, generator=torch.Generator().manual_seed(0)
    )
    assert target(answer.z[:1])[0].item() == pytest.approx(best.item(), abs=0.1)


def test_with_nothing_seen_the_answers_are_the_prior(
    tiny: VAE, images: Tensor, generator: torch.Generator
) -> None:
    nothing = hide(observe(images[:1]), torch.zeros(1, 1, 28, 28))
    answer = repair(tiny, nothing, method="smc", k=256, generator=generator)
    assert torch.allclose(answer.z.mean(0), torch.zeros(3), atol=0.3)
    assert torch.allclose(answer.z.var(0), torch.ones(3), atol=0.4)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"plain"}))
def test_with_everything_seen_the_answer_is_the_picture(
    method: str, tiny: VAE, images: Tensor, posterior: PartialEncoder, generator: torch.Generator
) -> None:
    answer = repair(
        tiny, observe(images[:1]), method=method, k=3, steps=2, posterior=posterior,
        generator=generator,
    )  # fmt: skip
    assert torch.allclose(answer.mean, images[0], atol=1e-6)
    assert torch.equal(answer.completions, images[:1].expand(3, -1, -1, -1))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("x", [0.0, 1.0, None])
def test_all_damage_together_and_empty_pictures(
    method: str, x: float | None, tiny: VAE, images: Tensor, posterior: PartialEncoder,
    generator: torch.Generator,
) -> None:  # fmt: skip
    picture = images[:1] if x is None else torch.full((1, 1, 28, 28), x)
    seen = down_sampling(blur(observe(picture), generator, 0.1), generator, 0.5)
    seen = left_half(
        salt_and_pepper(gaussian_noise(seen, generator, 0.2), generator, 0.1), generator
    )
    through_a_lens = [seen, seen._replace(noise=None, salt=None)]
    for each in [observe(picture), *([] if "gibbs" in method else through_a_lens)]:
        answer = repair(
            tiny, each, method=method, k=2, steps=2, posterior=posterior, generator=generator
        )
        assert answer.seen.noise is not None and answer.seen.salt is not None
        for value in (answer.completions, answer.weights, answer.mean, answer.std):
            assert value.isfinite().all()
        assert answer.completions.min() >= 0 and answer.completions.max() <= 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k": 0}, "between 1 and 256; got 0"),
        ({"k": 10_000}, "between 1 and 256; got 10000"),
        ({"steps": -1}, "number of steps"),
        ({"method": "magic"}, "There is no method 'magic'"),
        ({"method": "posterior"}, "train-repair"),
        ({"method": "smc", "steps": 0}, "at least one step"),
        ({"posterior": PartialEncoder(28, z_dim=4, width=4, h_dim=8)}, "belongs to another model"),
    ],
)
def test_an_impossible_request_is_a_sentence(
    change: dict[str, object],
    sentence: str,
    tiny: VAE,
    seen: Observation,
    generator: torch.Generator,
) -> None:
    with pytest.raises(RepairError, match=sentence):
        repair(tiny, seen, generator=generator, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": torch.zeros(1, 1, 14, 14)}, "28 x 28"),
        ({"mask": torch.zeros(1, 1, 28, 27)}, "28 x 28"),
        ({"image": torch.full((1, 1, 28, 28), math.nan)}, "between 0 and 1"),
        ({"image": torch.full((1, 1, 28, 28), 255.0)}, "between 0 and 1"),
        ({"mask": torch.full((1, 1, 28, 28), 0.5)}, "mask must be 1"),
        ({"noise": -0.1}, "level of noise"),
        ({"noise": 1e9}, "level of noise"),
        ({"noise": math.nan}, "level of noise"),
        ({"salt": 1.0}, "salt and pepper"),
        ({"blur": math.nan}, "Blur must lie"),
        ({"factor": 0}, "must divide 28 x 28"),
        ({"factor": 5}, "must divide 28 x 28"),
    ],
)
def test_an_impossible_observation_is_a_sentence(
    change: dict[str, object],
    sentence: str,
    tiny: VAE,
    seen: Observation,
    generator: torch.Generator,
) -> None:
    broken = seen._replace(**change)  # type: ignore[arg-type]
    with pytest.raises(RepairError, match=sentence):
        repair(tiny, broken, generator=generator)
    with pytest.raises(RepairError, match=sentence):
        glimpse(tiny, broken, None)


@pytest.mark.parametrize("trained", [True, False])
def test_a_glimpse_keeps_what_is_known(
    trained: bool, tiny: VAE, seen: Observation, posterior: PartialEncoder
) -> None:
    plain, mean, std = glimpse(tiny, seen, posterior if trained else None)
    known = seen.mask[0] > 0
    assert torch.equal(mean[known], seen.image[0][known])
    assert torch.equal(plain, tiny.decode(tiny.encode(seen.image)[0])[0])
    assert (std[~known] > 0).all() and not std[known].any()  # grey or not, it is known


def test_groups_put_the_most_typical_answer_first(
    tiny: VAE, seen: Observation, posterior: PartialEncoder, generator: torch.Generator
) -> None:
    answer = repair(tiny, seen, k=4, posterior=posterior, generator=generator)
    pictures = torch.tensor([0.0, 0.5, 0.9, 1.0]).view(4, 1, 1, 1).expand(4, 1, 28, 28)
    answer = answer._replace(
        completions=pictures,
        weights=torch.tensor([0.3, 0.3, 0.2, 0.2]),
        labels=torch.tensor([7, 7, 7, 1]),
    )
    first, second = groups(answer)
    assert (first.label, second.label) == (7, 1)
    assert first.weight == pytest.approx(0.8) and first.members == [1, 0, 2]
    assert groups(answer._replace(labels=None))[0].label is None


def test_the_default_is_the_best_that_the_checkpoint_has(posterior: PartialEncoder) -> None:
    assert default_method(posterior) == "posterior" and default_method(None) == "smc"


def test_answers_are_named_by_the_nearest_encoded_pictures_where_nothing_better_is(
    tiny: VAE, images: Tensor, seen: Observation, generator: torch.Generator
) -> None:
    nobody = repair(tiny, seen, k=4, steps=2, generator=generator)
    assert nobody.labels is None
    encoded = latent_map(tiny, images, torch.full((len(images),), 7))
    named = repair(tiny, seen, k=4, steps=2, generator=generator, encoded=encoded)
    assert named.labels is not None and set(named.labels.tolist()) == {7}
