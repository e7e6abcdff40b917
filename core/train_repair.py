"""Training of the partial encoder on a frozen VAE: pictures are damaged anew in every step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from core.augment import epoch_generator
from core.damage import (
    Observation,
    blot,
    blur,
    bottom_half,
    centre_box,
    down_sampling,
    gaussian_noise,
    left_half,
    lines,
    mixed,
    mixture_kinds,
    observe,
    random_box,
    random_pixels,
    random_rectangle,
    right_half,
    salt_and_pepper,
    scribbles,
    top_half,
)
from core.latent import encode_images
from core.model import VAE
from core.posterior import PartialEncoder
from core.train import half_cosine


@dataclass(frozen=True)
class RepairConfig:
    """How a partial encoder is made; it is kept in the header of repair.safetensors."""

    epochs: int = 50  # passes over the training images
    batch_size: int = 256  # images a step
    learning_rate: float = 1e-3  # of AdamW at the start; half a cosine down to 0
    weight_decay: float = 1e-2
    width: int = 32  # channels of the first convolution
    h_dim: int = 512  # units of the layer that sees everything
    components: int = 4  # Gaussians per class
    mean_weight: float = 2.0  # of the squared error of E[x | seen] beside the nats of q(z | seen)
    precision: Literal["bf16", "no"] = "bf16"  # of the matrix products; "no" for float32
    seed: int = 0  # of the weights, the shuffles, the damage and z
    start_from: str | None = None  # another checkpoint, whose partial encoder knows damage already

    def __post_init__(self) -> None:
        for field in ("epochs", "batch_size", "learning_rate", "width", "h_dim", "components"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} must be above 0; it is {getattr(self, field)}.")


class RepairProgress(NamedTuple):
    """Where a run stands: after `step` of `steps` in `epoch` (from 1) of `epochs`."""

    epoch: int
    epochs: int
    step: int
    steps: int
    nats: float  # -log q(z, class | seen), mean over the epoch so far
    squared_error: float  # of E[x | seen], summed over the pixels


def train_posterior(
    model: VAE,
    images: Tensor,
    labels: Tensor | None,
    config: RepairConfig,
    *,
    start: PartialEncoder | None = None,
    on_step: Callable[[RepairProgress], None] = lambda progress: None,
    on_epoch: Callable[[PartialEncoder, RepairProgress], None] = lambda posterior, progress: None,
) -> PartialEncoder:
    """Posterior matching (Strauss and Oliva 2022) on images (N, 1, H, W) in [0, 1].

    `labels` (N,) give every class its own components; None makes one class of all. All
    randomness of an epoch comes from (seed, epoch). `start` is the partial encoder of another VAE
    of the same pictures: what it has learnt of damage is no matter of the latent space, and only
    the head that speaks of z begins anew, so that a tenth of the epochs do.
    """
    if not len(images):
        raise ValueError("There are no training images to learn repair from.")
    device = next(model.parameters()).device
    classes = 1 if labels is None else int(labels.max()) + 1
    target = torch.zeros(len(images), dtype=torch.long) if labels is None else labels
    torch.manual_seed(config.seed)  # the layers' initial weights know no other generator
    posterior = PartialEncoder(
        images.shape[-1], model.z_dim, classes, config.components * (10 if labels is None else 1),
        config.width, config.h_dim,
    )  # fmt: skip
    if start is not None:
        _take_over(posterior, start)
    posterior.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        posterior.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    mu, log_var = encode_images(model, images)
    steps = -(-len(images) // config.batch_size)
    for epoch in range(1, config.epochs + 1):
        generator = epoch_generator(config.seed, epoch)
        order = torch.randperm(len(images), generator=generator)
        sums = torch.zeros(2)
        for step in range(1, steps + 1):
            done = (epoch - 1) * steps + step - 1
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * half_cosine(done / (config.epochs * steps))
            index = order[(step - 1) * config.batch_size : step * config.batch_size]
            x = images[index]
            z = mu[index] + torch.exp(0.5 * log_var[index]) * torch.randn(
                len(index), model.z_dim, generator=generator
            )
            seen = damaged_at_random(x, generator)
            with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
                belief = posterior(seen.image.to(device), seen.mask.to(device))
            joint = belief.z.class_log_prob(z.to(device)[:, None])[:, 0]  # (B, classes)
            nats = -joint.gather(1, target[index, None].to(device)).mean()
            error = (torch.sigmoid(belief.mean_logits) - x.to(device)).square().flatten(1).sum(1)
            optimizer.zero_grad()
            (nats + config.mean_weight * error.mean()).backward()
            torch.nn.utils.clip_grad_norm_(posterior.parameters(), 100.0)
            optimizer.step()
            sums += len(index) * torch.stack([nats.detach(), error.mean().detach()]).cpu()
            if step % 25 == 0 or step == steps:
                seen_images = min(step * config.batch_size, len(images))
                nats_mean, error_mean = (sums / seen_images).tolist()
                progress = RepairProgress(epoch, config.epochs, step, steps, nats_mean, error_mean)
                on_step(progress)
        on_epoch(posterior, progress)
    return posterior.cpu().requires_grad_(False).eval()


def _take_over(posterior: PartialEncoder, start: PartialEncoder) -> None:
    """All weights but those of the head. Raises ValueError when the networks differ."""
    known = {k: v for k, v in start.state_dict().items() if not k.startswith("head.")}
    own = posterior.state_dict()
    for name, value in known.items():
        if own[name].shape != value.shape:
            raise ValueError(
                f"start_from: its partial encoder has {name} of shape {tuple(value.shape)}, this "
                f"one {tuple(own[name].shape)}. Choose one for pictures of the same size, with the "
                "same width and h_dim."
            )
    posterior.load_state_dict(known, strict=False)


def damaged_at_random(x: Tensor, generator: torch.Generator) -> Observation:
    """Every kind of damage in one batch (B, 1, H, W), each on its own part, levels at random.

    The levels differ within the batch, so `noise` and `salt` of the result say nothing.
    """
    parts = [observe(part) for part in x.tensor_split(len(RECIPES))]
    done = [
        recipe(part, generator) if len(part.image) else part
        for part, recipe in zip(parts, RECIPES, strict=True)
    ]
    return Observation(torch.cat([d.image for d in done]), torch.cat([d.mask for d in done]))


Recipe = Callable[[Observation, torch.Generator], Observation]


def _between(generator: torch.Generator, least: float, most: float) -> float:
    return least + (most - least) * float(torch.rand(1, generator=generator))


def _one_of(*choices: tuple[Callable[..., Observation], float, float]) -> Recipe:
    """One kind of damage drawn from (kind, least strength, most strength)."""

    def recipe(seen: Observation, generator: torch.Generator) -> Observation:
        kind, least, most = choices[int(torch.randint(len(choices), (1,), generator=generator))]
        return kind(seen, generator, _between(generator, least, most))

    return recipe


def _in_turn(*recipes: Recipe) -> Recipe:
    """One kind of damage after the other."""

    def recipe(seen: Observation, generator: torch.Generator) -> Observation:
        for each in recipes:
            seen = each(seen, generator)
        return seen

    return recipe


def _holes(seen: Observation, generator: torch.Generator) -> Observation:
    """The kinds of the published mixture, but rectangles of any size: small holes are common."""
    kinds = mixture_kinds(len(seen.image), generator)
    return mixed(
        seen, kinds,
        random_pixels(seen, generator, 0.5),
        *(half(seen, generator, 0.5) for half in (top_half, bottom_half, left_half, right_half)),
        random_box(seen, generator, 0.5),
        random_rectangle(seen, generator),
    )  # fmt: skip


HALVES = _one_of(*((half, 0.2, 0.7) for half in (top_half, bottom_half, left_half, right_half)))
HALF = _one_of(*((half, 0.5, 0.5) for half in (top_half, bottom_half, left_half, right_half)))
BOX = _one_of((centre_box, 0.3, 0.65), (random_box, 0.3, 0.65))
CENTRE = _one_of((centre_box, 0.5, 0.5), (random_box, 0.5, 0.5))
PIXELS = _one_of((random_pixels, 0.3, 1.0), (random_pixels, 0.7, 0.9))
SPARSE = _one_of((random_pixels, 0.7, 0.9), (random_pixels, 0.9, 1.0), (random_pixels, 1.0, 1.0))
STROKES = _one_of((scribbles, 0.1, 0.6), (lines, 0.1, 0.6), (blot, 0.15, 0.45))
NOISE = _one_of((gaussian_noise, 0.1, 0.9))
SALT = _one_of((salt_and_pepper, 0.05, 0.6))
OPTICS = _one_of((blur, 0.05, 0.4), (down_sampling, 0.5, 0.86))
RECIPES: tuple[Recipe, ...] = (
    HALVES, HALF, BOX, CENTRE, PIXELS, SPARSE, STROKES, STROKES, NOISE, NOISE, SALT, SALT,
    _holes, OPTICS, _in_turn(HALVES, NOISE), _in_turn(STROKES, SALT),
)  # fmt: skip
