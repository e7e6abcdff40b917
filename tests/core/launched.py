"""What test_distributed starts under a launcher: python -m tests.core.launched WORK FOLDER."""

import atexit
import dataclasses
import json
import os
import sys
from pathlib import Path

import torch

from core.checkpoint import load_checkpoint
from core.config import TrainConfig
from core.journal import Journal
from core.latent import latent_map
from core.metrics import evaluate
from core.processes import Processes, join
from core.train import Progress, TrainingError, train

VAE = TrainConfig(h_dim=16, z_dim=3, epochs=3, batch_size=16, seed=5)
CONV = dataclasses.replace(
    VAE, architecture="ConvVAE", width=4, binarize=True, ema=0.9, importance_samples=3, shift=1,
    schedule="cosine", warm_up=1.5,
)  # fmt: skip
CONFIGS = {"vae": VAE, "conv": CONV}


def made() -> torch.Tensor:
    """60 images of 12 x 12 pixels with something to learn: the last batch of 16 holds 12."""
    images = torch.rand(60, 1, 12, 12, generator=torch.Generator().manual_seed(0)) / 4
    for i, image in enumerate(images):
        image[:, :, 3 * (i % 4) : 3 + 3 * (i % 4)] += 0.7
    return images


def figures(folder: Path, processes: Processes) -> None:
    """Train both, evaluate one, and keep what this process was told."""
    told: dict[str, object] = {}
    for name, config in CONFIGS.items():
        train(config, made(), folder / name)
    model, many = load_checkpoint(folder / "vae"), made().repeat(5, 1, 1, 1)
    journal = Journal(folder, "evaluation", {}, processes.index)
    told["metrics"] = evaluate(model, many, nll=7, processes=processes, journal=journal)
    told["mu"] = latent_map(model, many, torch.arange(300) % 4, processes=processes).mu.tolist()
    told["blocks"] = sorted(Journal(folder, f"evaluation.{processes.index}", {}).known)
    (folder / f"told-{processes.index}.json").write_text(json.dumps(told))


def one_dies(folder: Path, processes: Processes) -> None:
    """The other process is killed in the second epoch."""

    def on_step(progress: Progress) -> None:
        if progress.epoch == 2 and not processes.is_main:
            os._exit(3)

    try:
        with processes.together(TrainingError):
            train(dataclasses.replace(VAE, epochs=1000), made(), folder, on_step=on_step)
    except TrainingError as error:
        sys.exit(str(error))


def main_cannot_write(folder: Path, processes: Processes) -> None:
    """The main process's folder is taken: what it raises is raised in all of them."""
    try:
        train(VAE, made(), folder)
    except Exception as error:
        print(f"{processes.index}: {type(error).__name__}", flush=True)


def main_cannot_save(folder: Path, processes: Processes) -> None:
    """The same in the second epoch; the error holds what trained."""

    def on_epoch(progress: Progress) -> None:
        if processes.is_main:
            (folder / "history.json").unlink()
            (folder / "history.json").mkdir()

    try:
        train(VAE, made(), folder, on_epoch=on_epoch)
    except Exception as error:
        print(f"{processes.index}: {type(error).__name__}", flush=True)


def nothing_talks() -> None:
    """Fail where a thread through which the processes talked is left when Python ends: now and
    then it drops a tensor then, which is SIGABRT."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    if left := [name for name in names if "gloo" in name]:
        print(f"threads are left: {left}", flush=True)
        os._exit(4)


if __name__ == "__main__":
    torch.set_num_threads(1)
    atexit.register(nothing_talks)  # called after what is registered later
    globals()[sys.argv[1]](Path(sys.argv[2]), join())
