"""Repair: what a damaged picture may have been, by conditioning on what is seen of it.

    seen = left_half(observe(x), generator)                 # x (1, 1, 28, 28)
    answer = repair(model, seen, generator=generator, posterior=load_posterior(folder))
    answer.completions, answer.weights                      # (16, 1, 28, 28), (16,)

Feeding the damaged picture through the VAE (the plain pass) asks the encoder about a picture it
never saw the like of. Every other method here draws from p(z | seen), each in its own way and all
from one `Job`: a frozen model, one observation, how many answers K, how many steps, a generator.
Shapes: K answers, N particles, D latent dimensions.
"""

import time
from typing import NamedTuple

import torch
from torch import Tensor

from core.damage import Observation
from core.latent import LatentMap, nearest_labels
from core.likelihood import Likelihood, estimate_levels, pixel_logits
from core.limits import REPAIR_ANSWERS, REPAIR_STEPS
from core.methods import METHODS, Job, RepairError, default_method
from core.model import VAE
from core.posterior import PartialEncoder
from core.sampling import OnStep


class Repair(NamedTuple):
    """The answers to one observation, and how sure they are."""

    completions: Tensor  # (K, C, H, W) in [0, 1]; pixels that are known for certain are kept
    weights: Tensor  # (K,) sum 1, largest first
    # (C, H, W), the point estimate of E[x | seen]: the weighted completions, with the default
    # method averaged with the partial encoder's own estimate
    mean: Tensor
    std: Tensor  # (C, H, W), standard deviation of each pixel given what is seen
    z: Tensor  # (K, D)
    labels: Tensor | None  # (K,) int64, the class of each; None when nobody knows classes
    ess: float  # effective sample size of the particles that the answers were chosen from
    milliseconds: float
    # (T, C, H, W), the picture at one chain's place after each step (of MAP the best one so far);
    # None without steps
    trajectory: Tensor | None
    seen: Observation  # with the levels of noise that were estimated filled in


class Group(NamedTuple):
    """Answers that are the same thing."""

    label: int | None
    weight: float
    members: list[int]  # indices into completions, the most typical first


class Glimpse(NamedTuple):
    """What can be said in a few milliseconds, while a brush moves."""

    plain: Tensor  # (C, H, W), the plain pass
    mean: Tensor  # (C, H, W)
    std: Tensor  # (C, H, W)


FILLINGS = 11  # passes of a first estimate where there is no partial encoder
# A pixel of mean m that is black or white has a standard deviation of sqrt(m (1 - m)); real ones
# are grey too. Measured on training digits: 0.52 (noise) to 0.66 (half missing) of that.
GLIMPSE_SPREAD = 0.6


@torch.no_grad()
def repair(
    model: VAE,
    seen: Observation,
    *,
    method: str | None = None,
    k: int = 16,
    steps: int | None = None,
    generator: torch.Generator,
    posterior: PartialEncoder | None = None,
    encoded: LatentMap | None = None,
    on_step: OnStep = lambda done, total: None,
) -> Repair:
    """K answers to one observation (B = 1) by one of METHODS, the best possible one by default.

    Levels of noise that `seen` does not know are estimated. With nothing observed the answers are
    draws from the prior. `encoded`, a labelled data set, names the answers where no partial encoder
    can. on_step(done, total) counts steps. Raises RepairError.
    """
    start = time.perf_counter()
    method = default_method(posterior) if method is None else method
    if method not in METHODS:
        raise RepairError(f"There is no method {method!r}; known are: {', '.join(METHODS)}.")
    steps = METHODS[method].steps if steps is None else steps
    _check(model, seen, posterior, k, steps)
    if steps < 1 and METHODS[method].steps and method != "posterior":
        raise RepairError(f"{METHODS[method].label} needs at least one step.")
    belief = posterior(seen.image, seen.mask) if posterior is not None else None
    if seen.noise is None or seen.salt is None:
        mean = _first_mean(model, seen, None if belief is None else belief.mean_logits)
        seen = estimate_levels(seen, mean)
    job = Job(model, seen, k, steps, generator, posterior, belief, on_step)
    z, weights, ess, path = METHODS[method].draw(job)
    order = weights.argsort(descending=True, stable=True)
    z, weights = z[order], weights[order]
    likelihood, logits = Likelihood(seen), pixel_logits(model, z)
    completions = torch.sigmoid(logits) if method == "plain" else likelihood.complete(logits)
    mean = torch.einsum("k,kchw->chw", weights, completions)
    # Law of total variance: what the answers disagree on and what each of them leaves open.
    second = completions.square() + likelihood.variance(logits)
    variance = torch.einsum("k,kchw->chw", weights, second) - mean.square()
    if method == "posterior" and belief is not None:
        # Two estimates of one mean with different errors: the head's bias, the draws' chance.
        head = torch.sigmoid(belief.mean_logits)
        mean = 0.5 * (mean + torch.where(likelihood.exact, seen.image, head)[0])
    if method == "plain":
        mean = model.decode(model.encode(seen.image)[0])[0]
    return Repair(
        completions=completions,
        weights=weights,
        mean=mean,
        std=variance.clamp_min(0).sqrt() * ~likelihood.exact[0],  # no rounding where it is known
        z=z,
        labels=_read(model, completions, posterior, encoded),
        ess=ess,
        milliseconds=1e3 * (time.perf_counter() - start),
        trajectory=likelihood.complete(torch.stack(path)) if path else None,
        seen=seen,
    )


@torch.no_grad()
def glimpse(model: VAE, seen: Observation, posterior: PartialEncoder | None) -> Glimpse:
    """The posterior mean and its spread in one pass of the partial encoder; without one, a few
    rounds of filling in and encoding. Raises RepairError."""
    _check(model, seen, posterior, 1, 0)
    plain = model.decode(model.encode(seen.image)[0])
    logits = posterior.mean_logits(seen.image, seen.mask) if posterior is not None else None
    mean = _first_mean(model, seen, logits)
    if seen.noise is None or seen.salt is None:
        seen = estimate_levels(seen, mean)
    exact = Likelihood(seen).exact
    mean = torch.where(exact, seen.image, mean)
    std = GLIMPSE_SPREAD * (mean * (1 - mean)).clamp_min(0).sqrt() * ~exact
    return Glimpse(plain[0], mean[0], std[0])


@torch.no_grad()
def iterated_passes(model: VAE, seen: Observation, passes: int) -> list[Tensor]:
    """What encode and decode make of the picture after 1 to `passes` passes, (1, C, H, W) each:
    from the second on, what is missing is filled with what the pass before made of it.

    The means of Rezende et al. 2014, appendix F, whose chain samples: it ends where it no longer
    changes, which need not be near what was there.
    """
    made = [model.decode(model.encode(seen.image)[0])]
    while len(made) < passes:
        made.append(model.decode(model.encode(torch.where(seen.mask > 0, seen.image, made[-1]))[0]))
    return made


def over_channels(std: Tensor) -> Tensor:
    """One standard deviation for every pixel, (1, H, W): the root mean square of (C, H, W)."""
    return std.square().mean(0, keepdim=True).sqrt()


def groups(answer: Repair) -> list[Group]:
    """The answers by class, heaviest first, and in each the most typical first: the one nearest to
    the group's mean. Without classes each answer is its own group."""
    if answer.labels is None:
        return [Group(None, weight, [n]) for n, weight in enumerate(answer.weights.tolist())]
    found = []
    for label in answer.labels.unique().tolist():
        index = torch.nonzero(answer.labels == label)[:, 0]
        weights, pictures = answer.weights[index], answer.completions[index].flatten(1)
        mean = (weights[:, None] * pictures).sum(0) / weights.sum().clamp_min(1e-30)
        order = (pictures - mean).square().sum(1).argsort(stable=True)
        found.append(Group(label, float(weights.sum()), index[order].tolist()))
    return sorted(found, key=lambda group: -group.weight)


def _first_mean(model: VAE, seen: Observation, logits: Tensor | None) -> Tensor:
    """A first estimate of the picture, (1, C, H, W): the partial encoder's, when it has one."""
    if logits is not None:
        return torch.sigmoid(logits)
    return iterated_passes(model, seen, FILLINGS)[-1]


def _read(
    model: VAE, completions: Tensor, posterior: PartialEncoder | None, encoded: LatentMap | None
) -> Tensor | None:
    """The class of each completion (K, C, H, W): what the partial encoder makes of it when it sees
    the whole, or else that of the encoded pictures nearest to it."""
    if posterior is not None and posterior.classes > 1:
        return posterior(completions, torch.ones_like(completions)).z.class_weight.argmax(-1)
    if encoded is not None:
        return nearest_labels(model.encode(completions)[0], encoded)
    return None


def _check(
    model: VAE, seen: Observation, posterior: PartialEncoder | None, k: int, steps: int
) -> None:
    """RepairError when the request cannot be done."""
    if {seen.image.device.type, next(model.parameters()).device.type} != {"cpu"}:
        raise RepairError("Repair runs on the CPU: bring the model and the picture there.")
    if posterior is not None and (1, posterior.side, posterior.z_dim) != (
        model.image_shape[0], model.image_shape[2], model.z_dim,
    ):  # fmt: skip
        raise RepairError(
            "This partial encoder belongs to another model. Train one with "
            "`python -m core train-repair NAME`."
        )
    for what, asked, least, limit in (
        ("answers", k, 1, REPAIR_ANSWERS), ("steps", steps, 0, REPAIR_STEPS),
    ):  # fmt: skip
        if not least <= asked <= limit.most:
            raise RepairError(
                f"The number of {what} must lie between {least} and {limit}; got {asked}."
            )
    shape = (1, *model.image_shape)
    if tuple(seen.image.shape) != shape or tuple(seen.mask.shape) != shape:
        raise RepairError(
            f"This model repairs one picture of {shape[2]} x {shape[3]} pixels with a mask of the "
            f"same size; got {tuple(seen.image.shape)} and {tuple(seen.mask.shape)}."
        )
    if not (seen.image.isfinite().all() and seen.image.min() >= 0 and seen.image.max() <= 1):
        raise RepairError("The picture's pixels must lie between 0 and 1.")
    if not ((seen.mask == 0) | (seen.mask == 1)).all():
        raise RepairError("The mask must be 1 where a pixel is known and 0 where it is missing.")
    for name, level, most in (("noise", seen.noise, 5.0), ("salt and pepper", seen.salt, 0.999)):
        if level is not None and not 0 <= level <= most:
            raise RepairError(f"The level of {name} must lie between 0 and {most}; got {level}.")
    if not 0 <= seen.blur <= 10:
        raise RepairError(f"Blur must lie between 0 and 10 pixels; got {seen.blur}.")
    if seen.factor < 1 or shape[2] % seen.factor or shape[3] % seen.factor:
        raise RepairError(
            f"Blocks of low resolution must divide {shape[2]} x {shape[3]} pixels; got blocks "
            f"of {seen.factor}."
        )
