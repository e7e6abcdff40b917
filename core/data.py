"""Data sets as tensors in memory: float32 in [0, 1], (N, C, H, W), by name or from a folder.

    images, labels = load_dataset("mnist", "train")
    images, labels = load_dataset("~/pictures", "test", side=64, channels=3)

Names are those of core.sources.SOURCES; anything else is taken for the path of a folder of images,
which core/folder.py reads.
"""

import functools
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import folder
from core.originals import read_split
from core.sources import SOURCES, DataError, LabelledImages, Source

__all__ = [
    "DATA", "SOURCES", "DataError", "LabelledImages", "Source", "dataset_id", "fetch",
    "find_source", "is_folder", "is_ink", "load_dataset", "load_split", "missing",
    "problems", "short_name",
]  # fmt: skip

DATA = Path(__file__).resolve().parent.parent / "data"
SPLITS = ("train", "test")


def load_dataset(
    name: str,
    split: str,
    root: Path = DATA,
    *,
    side: int = folder.SIDES[0],
    channels: int = 1,
    on_step: folder.OnStep = lambda done, total: None,
) -> LabelledImages:
    """A split ("train" or "test") of a data set; read once per process.

    `side` and `channels` are for folders only: a named data set has its own. on_step(done, total)
    counts the files of a folder while they are read. Raises DataError when data are missing,
    damaged or of no use. Callers share the tensors: do not write into them.
    """
    if split not in SPLITS:
        raise DataError(f"{name} has no split {split!r}; it has {' and '.join(SPLITS)}.")
    if is_folder(name):
        path = dataset_id(name)
        folder.read_folder(path, side, channels, on_step)
        return _folder_split(path, split, side, channels)
    find_source(name)
    return _load(name, split, Path(root))


def load_split(config: Mapping[str, Any], split: str) -> LabelledImages:
    """A split of what a checkpoint was trained on, by its config.json: images as its model takes
    them. Raises DataError, also when they have another shape or a folder other classes by now."""
    name, channels = str(config.get("dataset", "mnist")), int(config.get("channels", 1))
    side = math.isqrt(int(config["image_size"]) // channels)
    found = load_dataset(name, split, side=side, channels=channels)
    shape = tuple(found.images.shape[1:])
    if shape != (channels, side, side):
        raise DataError(
            f"The images of {name} are {_shown(shape)}; this model takes "
            f"{_shown((channels, side, side))}."
        )
    classes = config.get("classes")
    if is_folder(name) and classes is not None and tuple(classes) != find_source(name).classes:
        raise DataError(
            f"The class folders of {name} are no longer those that this model was trained with "
            f"({', '.join(map(str, classes))})."
        )
    return found


def _shown(shape: tuple[int, ...]) -> str:
    kind = {1: "grey", 3: "colour"}.get(shape[0], f"{shape[0]} channels")
    return f"{shape[2]} x {shape[1]} pixels in {kind}"


def missing(name: str, split: str, root: Path = DATA) -> str | None:
    """Why a split cannot be at hand, found without reading it; None when its files are there, or
    the folder is: what lies in that is not looked through."""
    try:
        if is_folder(name):
            folder.check(dataset_id(name))
            return None
        source = find_source(name)
    except DataError as error:
        return str(error)
    raw = root / source.folder / "raw"
    if all((raw / original.name).is_file() for original in source.files[split]):
        return None
    return f"{source.title} is not at hand. Run `python -m core fetch {name}` to bring it."


def find_source(name: str) -> Source:
    """What is known of a data set without reading its pictures. Raises DataError."""
    if name in SOURCES:
        return SOURCES[name]
    if is_folder(name):
        found = folder.scan(dataset_id(name))
        return Source(short_name(name), found.classes)
    raise DataError(
        f"There is no data set {name!r}; known are: {', '.join(SOURCES)}, and the path of any "
        "folder of images."
    )


def is_ink(name: str) -> bool:
    """Whether its pictures are handwriting, white on black: core.digits reads uploads for it."""
    return name in SOURCES and SOURCES[name].ink


def is_folder(name: str) -> bool:
    """Whether this means a folder of images: it looks like a path, or there is such a folder."""
    return name not in SOURCES and (bool(re.search(r"[/\\~]|^\.+$", name)) or os.path.isdir(name))


def dataset_id(name: str) -> str:
    """What a checkpoint keeps: a name as it is, a folder by its absolute path."""
    return str(Path(os.path.expanduser(name)).absolute()) if is_folder(name) else name


def short_name(name: str) -> str:
    """A data set's name for a sentence or a file: of a folder, its last part."""
    return (Path(dataset_id(name)).name or "images") if is_folder(name) else name


def problems(name: str, *, side: int = folder.SIDES[0], channels: int = 1) -> tuple[str, ...]:
    """What a folder holds that is not used, a sentence each; nothing of a named data set."""
    if not is_folder(name):
        return ()
    return folder.read_folder(dataset_id(name), side, channels).problems


@functools.lru_cache(maxsize=4)
def _load(name: str, split: str, root: Path) -> LabelledImages:
    source = SOURCES[name]
    mend = f"Run `python -m core fetch {name}` to mend it."
    return read_split(source, split, root / source.folder / "raw", mend)


@functools.lru_cache(maxsize=4)
def _folder_split(path: str, split: str, side: int, channels: int) -> LabelledImages:
    images = folder.read_folder(path, side, channels)
    chosen = images.is_test if split == "test" else ~images.is_test
    return LabelledImages(images.pixels[chosen].float().div_(255), images.labels[chosen])


def fetch(name: str, root: Path = DATA) -> None:
    """Bring a named data set's original files; intact ones are left alone. Raises DataError."""
    from core.fetch import fetch_originals

    source = find_source(name)
    if not source.files:
        raise DataError(f"{name} is a folder of images; there is nothing to fetch.")
    fetch_originals(source, root / source.folder / "raw")
    _load.cache_clear()
