"""The methods of repair: each draws weighted points z from p(z | seen), from one `Job`.

Knows nothing of pictures' completions; core.repair makes those. Shapes: K answers, N particles, D
latent dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from core.damage import Observation
from core.likelihood import Likelihood, pixel_logits
from core.model import VAE
from core.objective import reconstruction_nll
from core.posterior import Belief, PartialEncoder
from core.sampling import (
    STEP_SIZE,
    OnStep,
    Target,
    effective_sample_size,
    mala,
    resampled,
    thinned,
)

DRAWS = 128  # from q(z | seen), of which the answers are chosen
PARTICLES = 64  # of annealed SMC
BETA = 0.5  # from q(z | seen), 0, to the exact posterior, 1; `benchmarks/repair.py --tune`
LIKELIHOOD_POWER = 0.25  # where there is no q(z | seen) to bridge from: SMC, the weights of MAP


class RepairError(ValueError):
    """A repair that cannot be done: a sentence that says why and what to do."""


@dataclass(frozen=True)
class Job:
    """What every method is given, checked: the levels of noise are known, K and steps are sane."""

    model: VAE
    seen: Observation  # B = 1
    k: int
    steps: int
    generator: torch.Generator
    posterior: PartialEncoder | None
    belief: Belief | None  # what the posterior makes of `seen`
    on_step: OnStep


class Draws(NamedTuple):
    """What a method gives back: weighted points, from which everything else follows."""

    z: Tensor  # (K, D)
    weights: Tensor  # (K,)
    ess: float  # of SMC since its last resampling; K for the equal weights of chains
    path: list[Tensor]  # the decoder's logits of one point after each step, each (C, H, W)


class Method(NamedTuple):
    """A method as a tool offers it."""

    label: str
    explanation: str
    paper: str
    steps: int  # by default; 0 when it has none. Of SMC each holds two Langevin moves
    draw: Callable[[Job], Draws]


def partial_posterior(job: Job) -> Draws:
    """Draws from the partial encoder (Strauss and Oliva 2022), weighted by importance, thinned to K
    without losing a mode (Fearnhead and Clifford 2003), then moved by MALA on the same target."""
    if job.belief is None:
        raise RepairError(
            "This model has no partial encoder. Choose an iterative method, or train one with "
            "`python -m core train-repair NAME`."
        )
    guide = job.belief.z
    target = Target(job.model, job.seen, job.posterior, beta=BETA, guide=guide)
    z = guide.sample(max(DRAWS, job.k), job.generator)  # (1, N, D)
    weights = (target(z[0])[0] - guide.log_prob(z)[0]).softmax(0)
    chosen, kept = thinned(weights, job.k, job.generator)
    moved, path, _ = mala(
        target, z[0, chosen], job.steps, generator=job.generator, on_step=job.on_step
    )
    return Draws(moved, kept, effective_sample_size(weights), path)


def annealed_smc(job: Job) -> Draws:
    """Particles from the prior to the posterior through powers of the likelihood, resampled when
    few carry the weight and moved by MALA (Neal 2001; Del Moral et al. 2006)."""
    target = Target(job.model, job.seen, job.posterior, beta=0.0)
    n = max(PARTICLES, job.k)
    z, log_weight, size, path = target.from_prior(n, job.generator), torch.zeros(n), STEP_SIZE, []
    for step in range(1, job.steps + 1):
        log_likelihood = target.likelihood(pixel_logits(job.model, z))
        beta = LIKELIHOOD_POWER * (step / job.steps) ** 3  # at small powers the mass moves most
        log_weight = log_weight + (beta - target.beta) * log_likelihood
        target.beta = beta
        weights = log_weight.softmax(0)
        if effective_sample_size(weights) < n / 2 and step < job.steps:
            z, log_weight = z[resampled(weights, n, job.generator)], torch.zeros(n)
        z, frames, size = mala(target, z, 2, size=size, generator=job.generator)
        path.append(frames[-1])
        job.on_step(step, job.steps)
    weights = log_weight.softmax(0)
    chosen, kept = thinned(weights, job.k, job.generator)
    return Draws(z[chosen], kept, effective_sample_size(weights), path)


def maximum_a_posteriori(job: Job) -> Draws:
    """Adam on log p(z | seen) from K random starts (Bora et al. 2017), weighted by the height that
    each reaches."""
    target = Target(job.model, job.seen, job.posterior)
    z = target.from_prior(job.k, job.generator)
    path = []
    with torch.enable_grad():
        z.requires_grad_()
        optimizer = torch.optim.Adam([z], lr=0.1)
        for step in range(1, job.steps + 1):
            value, logits = target(z)
            # Not backward(): that would leave gradients in a model that is not frozen.
            (z.grad,) = torch.autograd.grad(-value.sum(), z)
            optimizer.step()
            path.append(logits[int(value.argmax())].detach())
            job.on_step(step, job.steps)
    z = z.detach()
    weights = (LIKELIHOOD_POWER * target(z)[0]).softmax(0)
    return Draws(z, weights, effective_sample_size(weights), path)


def pseudo_gibbs(job: Job) -> Draws:
    """K chains that alternate between filling the picture in and encoding it (Rezende et al. 2014,
    appendix F)."""
    return _gibbs(job, metropolis=False)


def metropolis_within_gibbs(job: Job) -> Draws:
    """Pseudo-Gibbs with a Metropolis test of each encoder's draw, so that the chain has the right
    limit (Mattei and Frellsen 2018, algorithm 1)."""
    return _gibbs(job, metropolis=True)


def _gibbs(job: Job, *, metropolis: bool) -> Draws:
    model, generator = job.model, job.generator
    if job.seen.has_optics:
        raise RepairError(
            "Gibbs sampling fills in single pixels, which blur and low resolution have mixed. "
            "Choose another method."
        )
    likelihood = Likelihood(job.seen)
    z = model.reparameterize(*_repeated(model.encode(job.seen.image), job.k), generator)
    logits, path = pixel_logits(model, z), []
    for step in range(1, job.steps + 1):
        drawn = torch.bernoulli(likelihood.complete_binary(logits), generator=generator)
        x = torch.where(likelihood.exact, job.seen.image, drawn)
        mu, log_var = model.encode(x)
        proposal = model.reparameterize(mu, log_var, generator)
        there = pixel_logits(model, proposal)
        if metropolis:
            # log p(x, z) - log q(z | x) at the proposal and where the chain is.
            log_here, log_there = (
                0.5 * ((point - mu).square() / log_var.exp() - point.square()).sum(1)
                - reconstruction_nll(decoded, x)
                for point, decoded in ((z, logits), (proposal, there))
            )
            accepted = torch.rand(job.k, generator=generator).log() < log_there - log_here
            z = torch.where(accepted[:, None], proposal, z)
            logits = torch.where(accepted[:, None, None, None], there, logits)
        else:
            z, logits = proposal, there
        path.append(logits[0])
        job.on_step(step, job.steps)
    return Draws(z, torch.full((job.k,), 1 / job.k), float(job.k), path)


def plain_pass(job: Job) -> Draws:
    """Encode the damaged picture and decode: what tutorials do, kept for contrast. Missing pixels
    go in as ink-free paper, and known ones come out changed."""
    mu, log_var = _repeated(job.model.encode(job.seen.image), job.k)
    z = job.model.reparameterize(mu, log_var, job.generator)
    return Draws(z, torch.full((job.k,), 1 / job.k), float(job.k), [])


METHODS: dict[str, Method] = {
    "posterior": Method(
        "Partial encoder",
        "A network that was trained on damaged pictures names the z that fit; the likelihood of "
        "the known pixels weighs and moves them.",
        "Strauss and Oliva 2022, Posterior Matching for Arbitrary Conditioning",
        8,
        partial_posterior,
    ),
    "smc": Method(
        "Annealed sequential Monte Carlo",
        "A crowd of z drifts from the prior towards what the known pixels allow, slowly enough to "
        "keep every possibility.",
        "Del Moral, Doucet and Jasra 2006, Sequential Monte Carlo Samplers",
        30,
        annealed_smc,
    ),
    "map": Method(
        "Optimisation with restarts",
        "Gradient ascent on the posterior from several random z; each ends on some hill.",
        "Bora et al. 2017, Compressed Sensing using Generative Models",
        100,
        maximum_a_posteriori,
    ),
    "metropolis_within_gibbs": Method(
        "Metropolis within Gibbs",
        "Fill in, encode, and test each step, so that the chain ends where the model says.",
        "Mattei and Frellsen 2018, Leveraging the Exact Likelihood of Deep Latent Variable Models",
        50,
        metropolis_within_gibbs,
    ),
    "pseudo_gibbs": Method(
        "Pseudo-Gibbs",
        "Fill in, encode, decode, again and again: cheap, and stuck where the first guess was bad.",
        "Rezende, Mohamed and Wierstra 2014, Stochastic Backpropagation, appendix F",
        50,
        pseudo_gibbs,
    ),
    "plain": Method(
        "Plain pass",
        "Encode the damaged picture and decode it, as tutorials do. It repairs nothing.",
        "Kingma and Welling 2014, Auto-Encoding Variational Bayes",
        0,
        plain_pass,
    ),
}


def default_method(posterior: PartialEncoder | None) -> str:
    """The id of the best method that a checkpoint can run."""
    return "posterior" if posterior is not None else "smc"


def _repeated(posterior: tuple[Tensor, Tensor], k: int) -> tuple[Tensor, Tensor]:
    """mu and log_var of one picture for K chains, each (K, D)."""
    return posterior[0].expand(k, -1), posterior[1].expand(k, -1)
