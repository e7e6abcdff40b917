"""The training loop: epochs over tensors in memory, resumable bit for bit.

    model = train(TrainConfig(epochs=15), images, Path("checkpoints/mine"))

Under `accelerate`'s launchers every process takes its part of each batch, and the result is that
of one process but for the order of float additions.
All randomness of an epoch comes from (seed, epoch), so a run that was stopped after any epoch
continues exactly as if it had not been. Nothing here prints: progress goes to the callbacks.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from core.checkpoint import CheckpointError, replace, save_checkpoint
from core.images import grid, to_png
from core.model import ARCHITECTURES, VAE
from core.objective import NegativeElbo


@dataclass(frozen=True)
class TrainConfig:
    """What a run is made of; it is kept in the checkpoint's config.json."""

    dataset: str = "mnist"  # a name in core.data.SOURCES
    architecture: Literal["VAE", "ResidualVAE"] = "VAE"  # a name in core.model.ARCHITECTURES
    h_dim: int = 400  # units of the hidden layers
    blocks: int = 1  # residual blocks on each side; of ResidualVAE only
    z_dim: int = 20  # latent dimensions
    epochs: int = 15  # passes over the training images
    batch_size: int = 128  # images a step, over all devices together
    learning_rate: float = 1e-3  # of Adam
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: down to 0 over all epochs
    precision: Literal["no", "bf16"] = "no"  # bf16: mixed; twice as fast where it is native
    seed: int = 0  # of the initial weights, the shuffles and the noise

    def __post_init__(self) -> None:
        for field in ("h_dim", "blocks", "z_dim", "epochs", "batch_size", "learning_rate"):
            if not getattr(self, field) > 0:
                raise ValueError(f"{field} must be above 0; it is {getattr(self, field)}.")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative; it is {self.seed}.")


class Progress(NamedTuple):
    """Where a run stands: after `step` of `steps` in `epoch` (from 1) of `epochs`."""

    epoch: int
    epochs: int
    step: int
    steps: int
    reconstruction: float  # nats per image, mean over the epoch so far
    kl: float


def train(
    config: TrainConfig,
    images: Tensor,
    folder: Path,
    *,
    resume: bool = False,
    report_every: int = 25,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> VAE:
    """Train on images (N, 1, H, W) in [0, 1] and keep `folder` a loadable checkpoint.

    After every epoch the folder holds the weights, what resuming needs (training.pt) and
    samples/sampled-<epoch>.png and samples/reconst-<epoch>.png. Stopping at any moment loses at
    most the epoch under way. With `resume` the run in `folder` goes on up to config.epochs.
    """
    accelerator = Accelerator()
    device = accelerator.device
    torch.manual_seed(config.seed)  # the layers' initial weights know no other generator
    model = build(config, images[0].numel()).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    first = _restore(folder, model, optimizer) if resume else 0
    objective = accelerator.prepare(NegativeElbo(model))
    images = images.flatten(1).to(device)
    rank, world = accelerator.process_index, accelerator.num_processes

    def keep(epoch: int) -> None:
        if accelerator.is_main_process:
            _save(folder, config, model, optimizer, epoch)

    if not resume:
        keep(0)  # from here on there is something to resume
    steps = -(-len(images) // config.batch_size)
    for epoch in range(first + 1, config.epochs + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, epoch)
        generator = epoch_generator(config.seed, epoch)
        shuffled = images[torch.randperm(len(images), generator=generator).to(device)]
        noise = torch.randn(len(images), config.z_dim, generator=generator).to(device)
        sums = torch.zeros(2, device=device)
        for step in range(1, steps + 1):
            batch = slice((step - 1) * config.batch_size, step * config.batch_size)
            x, epsilon = shuffled[batch], noise[batch]
            mine = slice(rank, None, world)
            # Not accelerate's own switch: that can be set once in a process only.
            with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
                terms = objective(x[mine], epsilon[mine])
            # Gradients are averaged over processes; each holds its part of the whole batch.
            totals = torch.stack([terms[0].sum(), terms[1].sum()])
            optimizer.zero_grad()
            (totals.sum() * (world / len(x))).backward()
            optimizer.step()
            sums += totals.detach()
            if step % report_every == 0 or step == steps:
                seen = min(step * config.batch_size, len(images)) / world
                reconstruction, kl = (sums / seen).tolist()
                progress = Progress(epoch, config.epochs, step, steps, reconstruction, kl)
                on_step(progress)
        keep(epoch)
        if accelerator.is_main_process:
            _save_samples(folder / "samples", model, images, config.seed, epoch)
        on_epoch(progress)
    return model.cpu().requires_grad_(False).eval()


def build(config: TrainConfig, image_size: int) -> VAE:
    """The network that a config describes, with fresh weights."""
    sizes = {"image_size": image_size, "h_dim": config.h_dim, "z_dim": config.z_dim}
    if config.architecture == "ResidualVAE":
        sizes["blocks"] = config.blocks
    return ARCHITECTURES[config.architecture](**sizes)


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Of one epoch (from 1)."""
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * half_cosine((epoch - 1) / config.epochs)


def half_cosine(done: float) -> float:
    """From 1 at the start of a run, done = 0, to 0 at its end (Loshchilov and Hutter 2017)."""
    return 0.5 * (1 + math.cos(math.pi * done))


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """All randomness of an epoch, on the CPU so that every device sees the same."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))


def _save(
    folder: Path, config: TrainConfig, model: VAE, optimizer: torch.optim.Optimizer, epoch: int
) -> None:
    """training.pt alone decides where a run resumes, so a crash between the files is harmless."""
    folder.mkdir(parents=True, exist_ok=True)
    value = {
        "epoch": epoch,
        "model": {name: tensor.cpu() for name, tensor in model.state_dict().items()},
        "optimizer": optimizer.state_dict(),
    }
    replace(folder / "training.pt", lambda temporary: torch.save(value, temporary))
    training = asdict(config) | {"epochs_done": epoch}
    save_checkpoint(folder, model, dataset=training.pop("dataset"), training=training)


def _restore(folder: Path, model: VAE, optimizer: torch.optim.Optimizer) -> int:
    file = folder / "training.pt"
    try:
        value = torch.load(file, map_location="cpu", weights_only=True)
        model.load_state_dict(value["model"])
        optimizer.load_state_dict(value["optimizer"])
        return int(value["epoch"])
    except FileNotFoundError:
        raise CheckpointError(
            f"There is nothing to resume: {file} is missing. Leave out --resume to start anew."
        ) from None
    except Exception as error:  # torch.load and load_state_dict raise many kinds
        raise CheckpointError(
            f"{file} cannot be resumed ({error}). Leave out --resume and start a new run."
        ) from None


@torch.no_grad()
def _save_samples(folder: Path, model: VAE, images: Tensor, seed: int, epoch: int) -> None:
    """128 prior samples from the same z every epoch, and 64 inputs beside reconstructions."""
    folder.mkdir(parents=True, exist_ok=True)
    device = images.device
    z = torch.randn(128, model.z_dim, generator=epoch_generator(seed, 0)).to(device)
    sampled = grid(model.decode(z), columns=16)
    x = images[:64].view(-1, *model.image_shape)
    pairs = torch.stack([x, model.decode(model.encode(x)[0])], 1).flatten(0, 1)
    (folder / f"sampled-{epoch}.png").write_bytes(to_png(sampled))
    (folder / f"reconst-{epoch}.png").write_bytes(to_png(grid(pairs, columns=16)))
