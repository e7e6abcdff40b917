"""Models that the server was started with, beside those in checkpoints/:

    streamlit run streamlit_app.py -- --model module:factory --dataset mnist

What follows -- is the program's own: here, and nowhere in a page or a link, code may be named.
Each such model is one more id in the list, the first of them the one that the page opens with.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from core import VAE
    from core.checkpoint import Checkpoint


class Served(NamedTuple):
    """A model in memory, and what a folder's files would say of it."""

    model: VAE
    card: Checkpoint


SERVED: dict[str, Served] = {}  # by id; filled before the first request, never written after


def from_command_line(script: Path, argv: Sequence[str]) -> None:
    """Open what `streamlit run SCRIPT -- ...` asks for. What cannot be opened ends the program with
    a sentence; under another launcher, whose arguments are not ours, nothing is read."""
    if not argv or Path(argv[0]).resolve() != script.resolve():
        return
    parser = argparse.ArgumentParser(f"streamlit run {script.name} --", description=__doc__)
    parser.add_argument(
        "--model", action="append", default=[],
        help="module:factory, a folder, owner/name on the Hub, or a state_dict file; may be given "
        "several times",
    )  # fmt: skip
    parser.add_argument(
        "--dataset",
        help="what its map is made of, where the model does not say so itself; mnist when left out",
    )
    asked = parser.parse_args(argv[1:])
    if not asked.model:
        return
    from core.checkpoint import CheckpointError
    from core.data import DataError

    try:
        for spec in asked.model:
            serve(spec, asked.dataset)
    except (CheckpointError, DataError, ValueError) as error:
        sys.exit(f"error: {error}")


def serve(spec: str, dataset: str | None = None) -> str:
    """Open a model and put it into the list; its id. Raises CheckpointError, DataError."""
    from core.checkpoint import (
        CHECKPOINTS,
        Checkpoint,
        CheckpointError,
        describe,
        list_checkpoints,
        open_model,
    )
    from core.data import dataset_id, find_source, is_folder, load_split
    from core.foreign import ForeignVAE

    model, folder, _, config = open_model(spec)
    sizes = {"image_size": model.image_size, "channels": model.image_shape[0]}
    if "dataset" not in config:
        config = {**config, "dataset": dataset_id(dataset or "mnist")}
        load_split(config | sizes, "test")  # raises where they are missing, or of another shape
        if is_folder(config["dataset"]):
            config["classes"] = list(find_source(config["dataset"]).classes)
    name = spec if isinstance(model, ForeignVAE) else Path(spec).resolve().stem
    if name in (*SERVED, *list_checkpoints()):
        raise CheckpointError(
            f"There is a model {name!r} already; give the other one another name."
        )
    made = {
        "architecture": type(model).__name__,
        "z_dim": model.z_dim,
        "likelihood": model.likelihood,
    }
    # Where there is no folder, nothing is found in this one, nor will be: it is no model's name.
    metrics = describe(folder).metrics if folder else None
    place = folder or CHECKPOINTS / ".served" / name
    card = Checkpoint(name, place, made | config | sizes, metrics)
    SERVED[name] = Served(model, card)
    return name
