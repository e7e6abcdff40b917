"""How an epoch goes: its sums over steps and processes, its speed, and where it loses its way."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from core.config import TrainConfig


class TrainingError(Exception):
    """A run cannot go on; the message says why, what is kept and what to do."""


class Progress(NamedTuple):
    """Where a run stands: after `step` of `steps` in `epoch` (from 1) of `epochs`."""

    epoch: int
    epochs: int
    step: int
    steps: int
    reconstruction: float  # nats per image, mean over the epoch so far
    kl: float
    images: int  # seen in this epoch
    images_per_second: float

    @property
    def eta(self) -> float:
        """Seconds until the end at the present speed."""
        steps_left = (self.epochs - self.epoch + 1) * self.steps - self.step
        return steps_left * (self.images / self.step) / self.images_per_second


def lost(what: str, epoch: int) -> TrainingError:
    """A run that computes no numbers any more, in `epoch`."""
    return TrainingError(
        f"{what}. The checkpoint holds epoch {epoch - 1}. Start a new run with a lower "
        "learning_rate or with warm_up."
    )


class Reporter:
    """Sums over an epoch, reported every few steps and reduced over processes at its end."""

    def __init__(
        self,
        config: TrainConfig,
        epoch: int,
        count: int,
        accelerator: Accelerator,
        every: int,
        on_step: Callable[[Progress], None],
    ) -> None:
        self.config, self.epoch, self.count = config, epoch, count
        self.accelerator, self.every, self.on_step = accelerator, every, on_step
        self.steps, self.step = -(-count // config.batch_size), 0
        self.sums = torch.zeros(1 + config.z_dim, device=accelerator.device, dtype=torch.float64)
        self.started = time.monotonic()

    def add(self, totals: Tensor) -> None:
        """Loss.totals of one step, of this process's part of the batch; nothing waits for it."""
        self.sums += totals
        self.step += 1
        if self.step % self.every == 0 and self.step < self.steps:
            self.on_step(self._progress(self.sums * self.accelerator.num_processes))

    def finish(self) -> tuple[Progress, list[float]]:
        """The epoch's figures, and its KL of every latent dimension."""
        sums = self.accelerator.reduce(self.sums, "sum")
        progress = self._progress(sums)
        self.on_step(progress)
        return progress, (sums[1:] / self.count).tolist()

    def _progress(self, sums: Tensor) -> Progress:
        """Also where a run notices that it has lost its way."""
        seen = min(self.step * self.config.batch_size, self.count)
        reconstruction, kl = float(sums[0]) / seen, float(sums[1:].sum()) / seen
        if not math.isfinite(reconstruction + kl):
            raise lost(
                f"The loss is no finite number (epoch {self.epoch}, step {self.step})", self.epoch
            )
        rate = seen / max(time.monotonic() - self.started, 1e-9)
        return Progress(
            self.epoch, self.config.epochs, self.step, self.steps, reconstruction, kl, seen, rate
        )
