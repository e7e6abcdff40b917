"""The training loop: epochs over tensors in memory, resumable bit for bit.

    model = train(TrainConfig(epochs=15), images, Path("checkpoints/mine"))

Under `accelerate`'s launchers every process takes its part of each batch, and the result is that
of one process but for the order of float additions.
All randomness of an epoch comes from (seed, epoch), so a run that was stopped after any epoch
continues exactly as if it had not been. Nothing here prints: progress goes to the callbacks.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from core import runs
from core.architectures import ARCHITECTURES, takes
from core.augment import binarize, epoch_generator, shifted
from core.claim import refuse_to_overwrite
from core.config import TrainConfig
from core.data import LabelledImages
from core.fast_step import FastStep, applies
from core.model import VAE
from core.objective import Objective
from core.processes import Processes, join
from core.reporter import Progress, Reporter, TrainingError, lost

HELD_OUT = 2000  # images that are looked at after every epoch
STILL = -14.0  # log variance of a plain autoencoder's code: sigma = 0.0009, which no one sees


@dataclass
class Run:
    """What training changes; all of it is in training.pt."""

    model: VAE
    averaged: AveragedModel | None  # None: nothing is averaged
    optimizer: torch.optim.Adam
    epoch: int  # the last one done
    history: list[dict[str, object]]  # a row an epoch

    @property
    def kept(self) -> VAE:
        """The model that becomes the checkpoint."""
        if self.averaged is None:
            return self.model
        return cast(VAE, self.averaged.module)


def train(
    config: TrainConfig,
    images: Tensor,
    folder: Path,
    *,
    held_out: LabelledImages | None = None,
    resume: bool = False,
    provenance: dict[str, object] | None = None,
    report_every: int = 25,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> VAE:
    """Train on images (N, C, H, W) in [0, 1] and keep `folder` a loadable checkpoint.

    After every epoch the folder holds the weights, what resuming needs, history.json and the
    pictures and codes of core.runs, of `held_out` if given. Stopping at any moment loses at most
    the epoch under way. With `resume` the run in `folder` goes on up to config.epochs.
    `provenance` goes into config.json. Raises TrainingError when the loss is no number any more.
    """
    processes = join()
    accelerator = Accelerator()
    device = accelerator.device
    check_batches(config, len(images), processes)
    run = start(config, images.shape[1:], device)
    if resume:
        runs.restore(folder, run)
    else:
        processes.on_main(lambda: refuse_to_overwrite(folder))
    objective = accelerator.prepare(Objective(run.model, config.free_bits))
    fast = None
    if applies(config, run.model, device, accelerator.num_processes):
        fast = FastStep(run.model, run.optimizer)
    images = images.to(device)
    shown = held_out or LabelledImages(images, torch.zeros(len(images), dtype=torch.long))
    shown = LabelledImages(*(part[:HELD_OUT] for part in shown))

    def keep(row: dict[str, object] | None = None) -> None:
        """`row`: of the epoch that was just done."""
        try:
            codes = runs.encode(run.kept, shown)
            if row is not None:
                run.history.append(row | {"active_units": runs.active_units(codes)})
            runs.save(folder, config, run, provenance or {})
            if run.epoch:
                runs.save_pictures(folder, run.kept, shown, codes, config.seed, run.epoch)
        except OSError as error:
            raise TrainingError(runs.unsaved(folder, run.epoch, error)) from error

    def begin() -> None:
        runs.tidy(folder, run.epoch)
        keep()  # something to resume; or, of a run that goes on, what a crash left undone

    processes.on_main(begin)
    for epoch in range(run.epoch + 1, config.epochs + 1):
        started = time.monotonic()
        reporter = Reporter(config, epoch, len(images), accelerator, report_every, on_step)
        for group in run.optimizer.param_groups:
            group["lr"] = learning_rate(config, epoch)
        for x, epsilon, beta in batches(config, epoch, images):
            if fast:
                totals = fast(x, epsilon, beta)
            else:
                mine = slice(accelerator.process_index, None, accelerator.num_processes)
                # Not accelerate's own switch: that can be set once in a process only.
                mixed = config.precision == "bf16"
                with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                    terms = objective(x[mine], epsilon[mine], beta)
                run.optimizer.zero_grad()
                # Gradients are averaged over processes; each holds its part of the whole batch.
                (terms.loss.sum() * (accelerator.num_processes / len(x))).backward()
                run.optimizer.step()
                totals = terms.totals
            if run.averaged:
                run.averaged.update_parameters(run.model)
            reporter.add(totals)
        progress, kl_per_dim = reporter.finish()
        check_weights(run, epoch)
        run.epoch = epoch
        row: dict[str, object] = {
            "epoch": epoch,
            "reconstruction": progress.reconstruction,
            "kl": progress.kl,
            "neg_elbo": progress.reconstruction + progress.kl,
            "kl_per_dim": kl_per_dim,
            "seconds": time.monotonic() - started,
            "images_per_second": progress.images_per_second,
            "learning_rate": learning_rate(config, epoch),
            "beta": beta,
        }
        processes.on_main(partial(keep, row))
        on_epoch(progress)
    return run.kept.cpu().requires_grad_(False).eval()


def check_weights(run: Run, epoch: int) -> None:
    """The last steps of an epoch may have spoiled what its loss does not show. Raises
    TrainingError."""
    for model in dict.fromkeys((run.model, run.kept)):
        for name, tensor in model.state_dict().items():
            if not tensor.isfinite().all():
                raise lost(f"The weights {name} are no finite numbers (epoch {epoch})", epoch)


def check_batches(config: TrainConfig, count: int, processes: Processes) -> None:
    """Every process has a part of every batch. Raises ValueError."""
    last = count % config.batch_size or config.batch_size
    if min(last, config.batch_size) < processes.count:
        raise ValueError(
            f"batch_size must leave every process an image in every batch; with {config.batch_size}"
            f" for {count} images, the last batch has {last} for {processes.count} processes."
        )


def start(config: TrainConfig, image_shape: torch.Size, device: torch.device) -> Run:
    """A run before its first epoch."""
    torch.manual_seed(config.seed)  # the layers' initial weights know no other generator
    model = build(config, image_shape).to(device)
    if not config.noise:
        still(model)
    averaged = None
    if config.ema:
        averaged = AveragedModel(model, multi_avg_fn=moving_average(config.ema))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    return Run(model, averaged, optimizer, epoch=0, history=[])


@torch.no_grad()
def still(model: VAE) -> None:
    """Give the code a variance of all but none. Nothing moves it when neither noise nor KL is
    trained, so a plain autoencoder is a VAE for all that opens one, and what is measured as its
    reconstruction is an autoencoder's."""
    model.fc3.weight.zero_()
    model.fc3.bias.fill_(STILL)


def build(config: TrainConfig, image_shape: torch.Size) -> VAE:
    """The network that a config describes, with fresh weights, for images (C, H, W)."""
    arguments = {
        "image_size": math.prod(image_shape), "h_dim": config.h_dim, "z_dim": config.z_dim,
        "channels": image_shape[0], "likelihood": config.likelihood,
    }  # fmt: skip
    own = {"blocks": config.blocks, "width": config.width}
    arguments |= {key: value for key, value in own.items() if takes(config.architecture, key)}
    return ARCHITECTURES[config.architecture](**arguments)  # type: ignore[arg-type]


def moving_average(decay: float) -> Callable[..., None]:
    """An update of averaged weights for AveragedModel; shorter memory at first, when they move
    far: the n-th step weighs at least 9 / (10 + n)."""

    @torch.no_grad()
    def update(averaged: list[Tensor], weights: list[Tensor], n: Tensor) -> None:
        short = (1 + float(n)) / (10 + float(n))
        torch._foreach_lerp_(averaged, weights, 1 - min(decay, short))

    return update


def batches(
    config: TrainConfig, epoch: int, images: Tensor
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """One epoch's x (B, C, H, W), epsilon (B, D) or (B, K, D), and beta: on every process alike."""
    generator = epoch_generator(config.seed, epoch)
    order = torch.randperm(len(images), generator=generator).to(images.device)
    k = config.importance_samples
    shape = (len(images), config.z_dim) if k == 1 else (len(images), k, config.z_dim)
    noise = torch.randn(shape, generator=generator).to(images.device)
    if not config.noise:
        noise.zero_()
    pictures = epoch_generator(config.seed, epoch, 1)
    moves = config.shift and epoch <= config.shift_until * config.epochs
    steps = -(-len(images) // config.batch_size)
    for step in range(steps):
        batch = slice(step * config.batch_size, (step + 1) * config.batch_size)
        x = images.index_select(0, order[batch])  # a third of what images[...] takes
        if moves:
            x = shifted(x, config.shift, pictures)
        if config.binarize:
            x = binarize(x, pictures)
        done = epoch - 1 + step / steps
        risen = min(1.0, done / config.warm_up) if config.warm_up else 1.0
        yield x, noise[batch], config.beta * risen


def learning_rate(config: TrainConfig, epoch: int) -> float:
    """Of one epoch (from 1)."""
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * half_cosine((epoch - 1) / config.epochs)


def half_cosine(done: float) -> float:
    """From 1 at the start of a run, done = 0, to 0 at its end (Loshchilov and Hutter 2017)."""
    return 0.5 * (1 + math.cos(math.pi * done))
