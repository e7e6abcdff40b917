"""The command that trains: which folder, which settings, what is said, and how a run may end."""

import dataclasses
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from core import checkpoint, data, runs
from core.architectures import short_name
from core.checkpoint import CheckpointError
from core.claim import TakenError, claimed, started
from core.config import TrainConfig
from core.evaluate_command import evaluate_command
from core.processes import Processes, join
from core.train import Progress, TrainingError, train

GRACE = 5.0  # s in which a second signal to stop is the same as the first


def train_command(
    config: Annotated[TrainConfig, tyro.conf.arg(name="")],
    name: str | None = None,
    resume: bool = False,
) -> None:
    """Train a VAE and keep it as checkpoints/NAME.

    Args:
        config: What the run is made of.
        name: Folder below checkpoints/; by default as mnist-mlp-20 or mnist-res-32, numbered when
            taken.
        resume: Continue the run NAME with its own settings; only --epochs may be raised. Under the
            cosine schedule the learning rate then rises to where the longer run would have it.
    """
    processes = join()
    with ExitStack() as held, interruptible():
        if resume:
            config = _resumed(name, config)
        config = dataclasses.replace(config, dataset=data.dataset_id(config.dataset))
        folder = processes.on_main(lambda: _claim(name, config, resume, held))
        train_set, test_set = _both_splits(config, processes)
        _check_size(config, len(train_set.images))
        provenance: dict[str, object] = {}
        if data.is_folder(config.dataset):
            provenance["classes"] = list(data.find_source(config.dataset).classes)
        _train(config, train_set, test_set, folder, processes, resume, provenance)
        # What was measured goes with the weights it was measured of.
        measured = processes.on_main((folder / "metrics.json").exists)
        if processes.is_main:
            if measured:
                print(f"All {config.epochs} epochs were done already; --epochs asks for more.")
            print(f"The model is in {_shown(folder)}, its pictures in {_shown(folder)}/samples.")
        if not measured:
            evaluate_command(str(folder))


def _train(
    config: TrainConfig,
    train_set: data.LabelledImages,
    test_set: data.LabelledImages,
    folder: Path,
    processes: Processes,
    resume: bool,
    provenance: dict[str, object],
) -> None:
    """The run with its bar and its progress.json; what ends it early is said in both."""
    saved, file = 0, runs.ProgressFile(folder, writes=processes.is_main)
    with tqdm(desc="starting", unit="step", **processes.bar) as bar:

        def on_step(p: Progress) -> None:
            file.update(p)
            bar.total = p.epochs * p.steps
            bar.n = (p.epoch - 1) * p.steps + p.step
            bar.set_description(
                f"epoch {p.epoch}/{p.epochs}: reconstruction {p.reconstruction:.2f}"
                f" + KL {p.kl:.2f} = {p.reconstruction + p.kl:.2f} nats"
            )

        def on_epoch(p: Progress) -> None:
            nonlocal saved
            saved = p.epoch
            if processes.is_main:
                bar.write(
                    f"epoch {p.epoch}: reconstruction {p.reconstruction:.2f}, KL {p.kl:.2f}, "
                    f"negative ELBO {p.reconstruction + p.kl:.2f} nats per training image, "
                    f"{p.images_per_second:.0f} images/s"
                )

        file.write("running")
        try:
            with processes.together(TrainingError):
                train(
                    config, train_set.images, folder, held_out=test_set, resume=resume,
                    provenance=provenance, on_step=on_step, on_epoch=on_epoch,
                )  # fmt: skip
        except KeyboardInterrupt:
            bar.close()
            file.write("stopped")
            what = f"Epoch {saved} of {config.epochs}" if saved else "What there was before"
            sys.exit(
                f"Stopped. {what} is saved in {_shown(folder)}; continue with:\n"
                f"  python -m core train --name {folder.name} --resume"
                if processes.is_main
                else 1
            )
        except Exception as error:
            file.write("failed", str(error))
            raise
    file.write("finished")


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is as Ctrl-C: what is kept is said. Launchers send both, and what is being said when
    the second comes is said to its end."""
    last = -GRACE

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() >= last + GRACE:
            last = time.monotonic()
            raise KeyboardInterrupt

    before = [
        (number, signal.signal(number, interrupt)) for number in (signal.SIGTERM, signal.SIGINT)
    ]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _claim(name: str | None, config: TrainConfig, resume: bool, held: ExitStack) -> Path:
    """The folder of this run, which nobody else has or gets; held until `held` is closed."""
    if name:
        folder = checkpoint.CHECKPOINTS / name
        held.enter_context(claimed(folder, resume=resume))
        return folder
    for folder in _free_folders(config):
        try:
            held.enter_context(claimed(folder, resume=False))
        except TakenError:  # a moment ago by somebody else
            continue
        return folder
    raise CheckpointError("Every name is taken. Choose another one with --name.")


def _free_folders(config: TrainConfig) -> Iterator[Path]:
    about = (
        re.sub(r"[^A-Za-z0-9._-]+", "-", data.short_name(config.dataset)).strip(".-") or "images"
    )
    stem = f"{about}-{short_name(config.architecture)}-{config.z_dim}"
    names = [stem, *(f"{stem}-{n}" for n in range(2, 10_000))]
    folders = (checkpoint.CHECKPOINTS / name for name in names)
    return (folder for folder in folders if not started(folder))


def _both_splits(
    config: TrainConfig, processes: Processes
) -> tuple[data.LabelledImages, data.LabelledImages]:
    """Training and test images. What a folder holds that is not used is said."""
    sizes: dict[str, Any] = {"side": config.image_side, "channels": config.channels}
    with tqdm(desc="reading", unit="file", leave=False, **processes.bar) as bar:

        def on_step(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        train_set = data.load_dataset(config.dataset, "train", on_step=on_step, **sizes)
        test_set = data.load_dataset(config.dataset, "test", **sizes)
    for problem in data.problems(config.dataset, **sizes) if processes.is_main else ():
        print(problem, file=sys.stderr)
    return train_set, test_set


def _check_size(config: TrainConfig, images: int) -> None:
    if images < 2:
        raise ValueError(
            f"dataset must hold at least 2 training images; {config.dataset} has {images}."
        )
    if config.batch_size > images:
        raise ValueError(
            f"batch_size must be at most the number of training images, {images}; it is "
            f"{config.batch_size}."
        )


def _resumed(name: str | None, asked: TrainConfig) -> TrainConfig:
    """The settings of the run NAME, with the number of epochs that is asked for, if one is."""
    if name is None:
        known = sorted(file.parent.name for file in checkpoint.CHECKPOINTS.glob("*/training.pt"))
        raise CheckpointError(
            f"Say which run to resume with --name; there are: {', '.join(known) or 'none'}."
        )
    run = runs.stored_config(checkpoint.CHECKPOINTS / name)
    defaults = dataclasses.asdict(TrainConfig())
    for key, value in dataclasses.asdict(asked).items():
        stored = getattr(run, key)
        meant = value != defaults[key] or _typed(key)
        if key == "epochs":
            if _typed(key) and value < run.epochs:
                raise CheckpointError(
                    f"epochs can only be raised; the run {name} was started with {run.epochs}, and "
                    f"{value} are asked for."
                )
        elif key == "dataset":
            if meant and data.dataset_id(value) != stored:
                raise _differs(name, key, stored, value)
        elif meant and value != stored:
            raise _differs(name, key, stored, value)
    return dataclasses.replace(run, epochs=asked.epochs) if _typed("epochs") else run


def _differs(name: str, key: str, stored: object, value: object) -> CheckpointError:
    return CheckpointError(
        f"The run {name} was started with {key}={stored}; it cannot be resumed with {key}={value}. "
        f"Leave --{key.replace('_', '-')} out, or start a new run."
    )


def _typed(field: str) -> bool:
    """Whether the person gave this setting: tyro does not tell a default from the same typed."""
    flags = [f"--{prefix}{field}".replace("_", "-") for prefix in ("", "no_")]
    given = [argument.partition("=")[0].replace("_", "-") for argument in sys.argv]
    return any(flag in given for flag in flags)


def _shown(path: Path) -> str:
    """As the person at the prompt would type it."""
    return os.path.relpath(path)
