"""The command line: python -m core train | evaluate | sample | repair | export | ...

Every command is one function; tyro turns its arguments into flags. What goes wrong is one
sentence on standard error and exit status 1.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from tqdm import tqdm

from core import data, digits, embedding, images, latent
from core.checkpoint import (
    CheckpointError,
    describe,
    find_folder,
    load_checkpoint,
    load_map,
    open_model,
    save_map,
    weights_digest,
)
from core.evaluate_command import evaluate_command, kept_embeddings
from core.export_command import export_command
from core.prior import NAMES, better_prior, load_mixture, sample_prior
from core.processes import ProcessError, is_main
from core.repair_commands import of_ink, repair_command, train_repair_command
from core.train import TrainingError
from core.train_command import train_command


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
        kept = dict(kept_embeddings(folder, found.mu)) | {method: xy}
        save_map(folder, found._replace(embeddings=kept), weights=weights)


def sample_command(
    name: tyro.conf.Positional[str],
    count: int = 64,
    seed: int = 0,
    prior: Literal["better", "normal", "mixture"] = "better",
    out: Path = Path("samples.png"),
) -> None:
    """Decode draws from the prior into one picture, and say from which.

    Args:
        name: A checkpoint's name or folder, owner/name on the Hub, a file, or module:factory.
        count: How many images.
        seed: Of the draws.
        prior: normal is N(0, I), mixture the Gaussian mixture over the encoded training images
            that `evaluate` leaves, better the one of them whose samples it found nearer to the
            test images.
        out: The PNG file to write.
    """
    if not 1 <= count <= 10_000:
        raise ValueError(f"--count must lie between 1 and 10000; it is {count}.")
    model, folder, _, _ = open_model(name)
    mixture = load_mixture(folder) if folder and prior != "normal" else None
    if prior == "mixture" and mixture is None:
        raise CheckpointError(
            f"{name} has no mixture of its present weights. Make one with `python -m core evaluate "
            f"{name}`."
        )
    if prior == "better" and folder and better_prior(describe(folder).metrics) == "normal":
        mixture = None
    z = sample_prior(model.z_dim, count, torch.Generator().manual_seed(seed), mixture)
    print(f"Drawn from {NAMES['normal' if mixture is None else 'mixture']}.")
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
    model, _, _, config = open_model(name)
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
        # What is wrong with a setting is wrong for every process of a launch; one says it.
        sys.exit(f"error: {error}" if is_main() or not isinstance(error, ValueError) else 1)
    except KeyboardInterrupt:
        sys.exit("Stopped." if is_main() else 1)


if __name__ == "__main__":
    main()
