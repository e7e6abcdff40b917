"""What a training leaves in its folder besides the checkpoint: what resuming needs, the history of
its epochs, pictures and codes of every epoch, and how it stands.

    training.pt              weights, optimizer and history; it alone decides where a run resumes
    history.json             a row an epoch: the training curves
    progress.json            how the run stands, about once a second
    samples/sampled-E.png    128 samples of the prior, from the same z after every epoch E
    samples/reconst-E.png    64 held-out images beside their reconstructions
    samples/codes-E.npz      mu (N, D) float16 and labels (N,) of held-out images
"""

import contextlib
import errno
import functools
import io
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.augment import epoch_generator
from core.checkpoint import CheckpointError, describe, replace, save_checkpoint, write_json
from core.config import TrainConfig
from core.data import LabelledImages
from core.images import grid, to_png
from core.latent import ACTIVE_VARIANCE, encode_images
from core.model import VAE

if TYPE_CHECKING:
    from core.train import Progress, Run

PROGRESS_EVERY = 1.0  # s between two writings of progress.json


def save(folder: Path, config: TrainConfig, run: "Run", provenance: dict[str, object]) -> None:
    """Keep the run as it stands after run.epoch; a crash between the files is harmless."""
    folder.mkdir(parents=True, exist_ok=True)
    value = {
        "epoch": run.epoch,
        "model": _on_cpu(run.model),
        "averaged": _on_cpu(run.averaged) if run.averaged else None,
        "optimizer": run.optimizer.state_dict(),
        "history": run.history,
        "config": asdict(config),
    }
    content = io.BytesIO()  # not into the file at once: torch.save hides why a disk refuses it
    torch.save(value, content)
    replace(folder / "training.pt", lambda temporary: temporary.write_bytes(content.getbuffer()))
    training = asdict(config) | {"epochs_done": run.epoch}
    save_checkpoint(
        folder, run.kept, dataset=training.pop("dataset"), **provenance, training=training
    )
    write_json(folder / "history.json", {"epochs": run.history})


def _on_cpu(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.cpu() for name, tensor in model.state_dict().items()}


def unsaved(folder: Path, epoch: int, error: OSError) -> str:
    """The sentence for a save that the disk refused."""
    advice = {
        errno.ENOSPC: "Free some space",
        errno.EDQUOT: "Free some space",
        errno.EFBIG: "Allow larger files (`ulimit -f`)",
    }.get(error.errno or 0, "Make the folder writable")
    kept = "The last epoch that was saved is kept" if epoch else "Nothing was trained"
    return (
        f"Epoch {epoch} could not be saved in {folder} ({error.strerror or error}). {kept}. "
        f"{advice}, then continue with `python -m core train --name {folder.name} --resume`."
    )


def tidy(folder: Path, epoch: int) -> None:
    """Remove what a killed process left half written, and pictures of epochs after `epoch`.

    Only files that nobody but the run itself writes.
    """
    own = ("training.pt", "model.safetensors", "config.json", "history.json", "progress.json")
    half_written = [file for name in own for file in folder.glob(f".{name}.*.tmp")]
    for file in (*half_written, *folder.glob("samples/.*.tmp")):
        file.unlink(missing_ok=True)
    for file in folder.glob("samples/*-*.*"):
        number = file.stem.rpartition("-")[2]
        if number.isdigit() and int(number) > epoch:
            file.unlink(missing_ok=True)


def restore(folder: Path, run: "Run") -> None:
    """Put a fresh run where the one in `folder` stood. Raises CheckpointError."""
    value = _read(folder)
    try:
        run.model.load_state_dict(value["model"])
        if run.averaged:
            run.averaged.load_state_dict(value["averaged"])
        run.optimizer.load_state_dict(value["optimizer"])
        run.history = list(value.get("history", []))  # runs older than the history have none
        run.epoch = int(value["epoch"])
    except Exception as error:  # load_state_dict raises many kinds
        raise _unreadable(folder, error) from None


def stored_config(folder: Path) -> TrainConfig:
    """The settings of the run in `folder`. Raises CheckpointError."""
    value = _read(folder)
    # Runs older than this field have their settings in config.json only.
    stored = value.get("config")
    try:
        if stored is None:
            config = describe(folder).config
            fields = TrainConfig.__dataclass_fields__
            stored = {k: v for k, v in config.get("training", {}).items() if k in fields}
            stored["dataset"] = config.get("dataset", "mnist")
        return TrainConfig(**stored)
    except (TypeError, ValueError) as error:
        raise _unreadable(folder, error) from None


def _read(folder: Path) -> dict[str, Any]:
    file = folder / "training.pt"
    try:
        value = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(value, dict):
            raise ValueError("it holds no run")
        return value
    except FileNotFoundError:
        raise CheckpointError(
            f"There is nothing to resume: {file} is missing. Leave out --resume to start anew."
        ) from None
    except Exception as error:  # torch.load raises many kinds
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{folder / 'training.pt'} cannot be resumed ({str(error).partition(chr(10))[0]}). Leave "
        "out --resume and start a new run under another --name."
    )


def encode(model: VAE, shown: LabelledImages) -> Tensor:
    """mu of the held-out images, (N, D), on the CPU."""
    return encode_images(model, shown.images)[0].cpu()


def active_units(mu: Tensor) -> int:
    """How many latent dimensions say something about the image (Burda et al. 2016)."""
    return int((mu.var(0, correction=0) > ACTIVE_VARIANCE).sum())


@torch.no_grad()
def save_pictures(
    folder: Path, model: VAE, shown: LabelledImages, mu: Tensor, seed: int, epoch: int
) -> None:
    """An epoch's samples, reconstructions and codes of `shown`, whose mu is given."""
    samples = folder / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    z = torch.randn(128, model.z_dim, generator=epoch_generator(seed, 0)).to(device)
    x = shown.images[:64].to(device).view(-1, *model.image_shape)
    pairs = torch.stack([x, model.decode(mu[:64].to(device))], 1).flatten(0, 1)
    codes = io.BytesIO()
    np.savez_compressed(
        codes,
        mu=mu.numpy().astype(np.float16),
        labels=shown.labels.numpy().astype(np.uint8),
    )
    contents = {
        f"sampled-{epoch}.png": to_png(grid(model.decode(z), columns=16)),
        f"reconst-{epoch}.png": to_png(grid(pairs, columns=16)),
        f"codes-{epoch}.npz": codes.getvalue(),
    }
    for name, content in contents.items():
        replace(samples / name, functools.partial(_fill, content=content))


def _fill(temporary: Path, content: bytes) -> None:
    temporary.write_bytes(content)


class ProgressFile:
    """progress.json: for whoever looks from outside, a page above all."""

    def __init__(self, folder: Path, *, writes: bool = True) -> None:
        """Only one of several processes writes."""
        self.file, self.writes = folder / "progress.json", writes
        self.value: dict[str, object] = {}
        self.written = -PROGRESS_EVERY

    def update(self, progress: "Progress") -> None:
        """Where the run stands; written only so often."""
        self.value = {
            **{field: getattr(progress, field) for field in (
                "epoch", "epochs", "step", "steps", "reconstruction", "kl", "images_per_second",
            )},
            "eta": progress.eta,
        }  # fmt: skip
        if time.monotonic() >= self.written + PROGRESS_EVERY:
            self.write("running")

    def write(self, state: str, reason: str | None = None) -> None:
        """`state` is "running", "finished", "stopped" or "failed"; `reason` says why, to people."""
        if not self.writes:
            return
        self.written = time.monotonic()
        value = {
            "state": state, "pid": os.getpid(), **self.value,
            "updated": time.time(), "reason": reason,
        }  # fmt: skip
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}.tmp")
        # A full disk must not end a run that has nothing to save yet. And nothing is flushed:
        # after a crash an old one is as good.
        with contextlib.suppress(OSError):
            try:
                temporary.write_text(json.dumps(value) + "\n", encoding="utf-8")
                os.replace(temporary, self.file)
            finally:
                temporary.unlink(missing_ok=True)
