"""The command line: python -m core train | evaluate | sample | repair | export | ...

Every command is one function; tyro turns its arguments into flags. What goes wrong is one
sentence on standard error and exit status 1.
"""

import dataclasses
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from tqdm import tqdm

from core import data, digits, embedding, images, latent
from core.checkpoint import (
    CHECKPOINTS,
    CheckpointError,
    describe,
    find_folder,
    load_checkpoint,
    load_map,
    open_model,
    save_map,
    weights_digest,
)
from core.config import TrainConfig
from core.evaluate_command import evaluate_command, kept_embeddings
from core.export_command import export_command
from core.processes import ProcessError, leave
from core.repair_commands import of_ink, repair_command, train_repair_command
from core.runs import ProgressFile
from core.train import Progress, TrainingError, train


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
        resume: Continue the run NAME with its own settings; only --epochs may be raised.
    """
    folder = CHECKPOINTS / name if name else _free_folder(config)
    if resume:
        config = _resumed(name, config)
    elif (folder / "config.json").exists():
        raise CheckpointError(
            f"{_shown(folder)} already holds a model. Choose another --name, or continue it with "
            "--resume."
        )
    config = dataclasses.replace(config, dataset=data.dataset_id(config.dataset))
    train_set, test_set = _both_splits(config)
    if config.batch_size > len(train_set.images):
        raise ValueError(
            f"batch_size must be at most the number of training images, {len(train_set.images)}; "
            f"it is {config.batch_size}."
        )
    provenance: dict[str, object] = {}
    if data.is_folder(config.dataset):
        provenance["classes"] = list(data.find_source(config.dataset).classes)
    _train(config, train_set, test_set, folder, resume=resume, provenance=provenance)
    print(f"The model is in {_shown(folder)}, its pictures in {_shown(folder / 'samples')}.")
    evaluate_command(folder.name)


def _train(
    config: TrainConfig,
    train_set: data.LabelledImages,
    test_set: data.LabelledImages,
    folder: Path,
    *,
    resume: bool,
    provenance: dict[str, object],
) -> None:
    """The run with its bar and its progress.json; what ends it early is said in both."""
    saved, file = 0, ProgressFile(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is kept is said
    with tqdm(desc="starting", unit="step", dynamic_ncols=True) as bar:

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
            bar.write(
                f"epoch {p.epoch}: reconstruction {p.reconstruction:.2f}, KL {p.kl:.2f}, "
                f"negative ELBO {p.reconstruction + p.kl:.2f} nats per training image, "
                f"{p.images_per_second:.0f} images/s"
            )

        file.write("running")
        try:
            train(
                config, train_set.images, folder, held_out=test_set, resume=resume,
                provenance=provenance, on_step=on_step, on_epoch=on_epoch,
            )  # fmt: skip
        except KeyboardInterrupt:
            bar.close()
            file.write("stopped")
            done = (
                f"Epoch {saved} of {config.epochs}" if saved else "What was there before this call"
            )
            sys.exit(
                f"Stopped. {done} is saved in {_shown(folder)}; continue with:\n"
                f"  python -m core train --name {folder.name} --resume"
            )
        except Exception as error:
            file.write("failed", str(error))
            raise
    file.write("finished")


def _both_splits(config: TrainConfig) -> tuple[data.LabelledImages, data.LabelledImages]:
    """Training and test images. What a folder holds that is not used is said."""
    sizes: dict[str, Any] = {"side": config.image_side, "channels": config.channels}
    with tqdm(desc="reading", unit="file", leave=False, dynamic_ncols=True) as bar:

        def on_step(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        train_set = data.load_dataset(config.dataset, "train", on_step=on_step, **sizes)
        test_set = data.load_dataset(config.dataset, "test", **sizes)
    for problem in data.problems(config.dataset, **sizes):
        print(problem, file=sys.stderr)
    return train_set, test_set


def _free_folder(config: TrainConfig) -> Path:
    kind = {"VAE": "mlp", "ResidualVAE": "res", "ConvVAE": "conv"}[config.architecture]
    about = (
        re.sub(r"[^A-Za-z0-9._-]+", "-", data.short_name(config.dataset)).strip(".-") or "images"
    )
    stem = f"{about}-{kind}-{config.z_dim}"
    names = [stem, *(f"{stem}-{n}" for n in range(2, 10_000))]
    return next(CHECKPOINTS / name for name in names if not (CHECKPOINTS / name).exists())


def _resumed(name: str | None, asked: TrainConfig) -> TrainConfig:
    """The settings of the run NAME, with the number of epochs asked for when that is higher."""
    if name is None:
        runs = sorted(file.parent.name for file in CHECKPOINTS.glob("*/training.pt"))
        raise CheckpointError(
            f"Say which run to resume with --name; there are: {', '.join(runs) or 'none'}."
        )
    config = describe(CHECKPOINTS / name).config
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    stored = {key: value for key, value in config.get("training", {}).items() if key in fields}
    run = TrainConfig(dataset=config.get("dataset", "mnist"), **stored)
    defaults = dataclasses.asdict(TrainConfig())
    for key, value in dataclasses.asdict(asked).items():
        if key != "epochs" and value != defaults[key] and value != getattr(run, key):
            raise CheckpointError(
                f"The run {name} was started with {key}={getattr(run, key)}; it cannot be resumed "
                f"with {key}={value}. Leave --{key.replace('_', '-')} out, or start a new run."
            )
    return dataclasses.replace(run, epochs=max(run.epochs, asked.epochs))


def embed_command(
    name: tyro.conf.Positional[str],
    methods: tuple[Literal["umap", "tsne"], ...] = ("umap", "tsne"),
    seed: int = 0,
    progress: Literal["bar", "lines"] = "bar",
) -> None:
    """Compute UMAP and t-SNE of the encoded test set and keep them in map.npz.

    Args:
        name: A checkpoint's name or folder.
        methods: Which of the two.
        seed: Of their randomness.
        progress: A bar for people, or lines "umap 20 200" for programs.
    """
    folder = find_folder(name)
    weights = weights_digest(folder)
    try:
        found = load_map(folder)
    except CheckpointError:
        found = None
    if found is None:
        test = data.load_split(describe(folder).config, "test")
        found = latent.latent_map(load_checkpoint(folder), test.images, test.labels)
    if found.mu.shape[1] < 2:
        raise ValueError(f"{folder.name} has one latent dimension; its map needs no embedding.")
    for method in dict.fromkeys(methods):
        with tqdm(desc=method, disable=progress == "lines", dynamic_ncols=True) as bar:

            def on_step(done: int, total: int, bar: tqdm = bar, method: str = method) -> None:
                bar.total = total
                bar.update(done - bar.n)
                if progress == "lines":
                    print(method, done, total, flush=True)

            xy = embedding.EMBEDDINGS[method](found.mu, seed=seed, on_step=on_step)
        # Read again: another process may have kept the other method's meanwhile.
        kept = dict(kept_embeddings(folder, len(found.mu))) | {method: xy}
        save_map(folder, found._replace(embeddings=kept), weights=weights)


def sample_command(
    name: tyro.conf.Positional[str], count: int = 64, seed: int = 0, out: Path = Path("samples.png")
) -> None:
    """Decode draws from the prior N(0, I) into one picture.

    Args:
        name: A checkpoint's name or folder, owner/name on the Hub, a file, or module:factory.
        count: How many images.
        seed: Of the draws.
        out: The PNG file to write.
    """
    if not 1 <= count <= 10_000:
        raise ValueError(f"--count must lie between 1 and 10000; it is {count}.")
    model = load_checkpoint(name, trusted=True)
    z = torch.randn(count, model.z_dim, generator=torch.Generator().manual_seed(seed))
    columns = min(count, max(8, round(count**0.5)))
    _write(out, images.to_png(images.grid(model.decode(z), columns=columns), scale=2))


def reconstruct_command(
    name: tyro.conf.Positional[str],
    image: tyro.conf.Positional[Path],
    out: Path = Path("pair.png"),
) -> None:
    """Put a photo or drawing beside its reconstruction: the digit in it, or, for a model of
    anything but handwriting, the picture as it is.

    Args:
        name: A checkpoint's name or folder, owner/name on the Hub, a file, or module:factory.
        image: A PNG, JPEG, WebP, BMP or GIF file.
        out: The PNG file to write: input left, reconstruction right.
    """
    model, _, config = open_model(name)
    x = digits.to_input(image.read_bytes(), model.image_shape, ink=of_ink(config))
    pair = torch.cat([x, model.decode(model.encode(x)[0])])
    _write(out, images.to_png(images.grid(pair, columns=2), scale=8))


def fetch_command(name: tyro.conf.Positional[str] = "mnist") -> None:
    """Download a data set's original files, or mend them, and check them.

    Args:
        name: A data set's name.
    """
    data.fetch(name)
    for split in data.SPLITS:
        print(f"{name} {split}: {len(data.load_dataset(name, split).images)} images, intact")


def _shown(path: Path) -> str:
    """As the person at the prompt would type it."""
    return os.path.relpath(path)


def _write(out: Path, png: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(png)
    print(f"Wrote {out}")


COMMANDS: dict[str, Callable[..., Any]] = {
    "train": train_command,
    "train-repair": train_repair_command,
    "evaluate": evaluate_command,
    "embed": embed_command,
    "sample": sample_command,
    "reconstruct": reconstruct_command,
    "repair": repair_command,
    "export": export_command,
    "fetch": fetch_command,
}


def main() -> None:
    expected = (
        CheckpointError, data.DataError, digits.DigitError, TrainingError, ProcessError, ValueError,
        OSError,
    )  # fmt: skip
    try:
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="python -m core", description=__doc__)
    except expected as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    finally:
        leave()


if __name__ == "__main__":
    main()
