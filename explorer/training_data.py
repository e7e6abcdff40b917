"""What a training may learn from: data sets by name, and folders of images below data/.

No path is ever typed on the page: whoever sits at it may be anybody, and the server's disk is not
theirs. A folder gets into data/ by whoever runs the server. Knows no Streamlit.
"""

import gzip
import itertools
import struct
from collections.abc import Iterator
from pathlib import Path

from core import data

ROOT = Path(__file__).parent.parent
ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
MOST_LOOKED_AT = 100_000  # files of a folder
HOW = (
    "A folder of images, with or without a folder for each class, is offered here once it lies in "
    "data/ on the machine that runs this page."
)


def offered() -> list[str]:
    """The data sets by name, then the folders, as `python -m core train --dataset` takes them."""
    return [*data.SOURCES, *folders()]


def folders() -> list[str]:
    """Folders of images just below data/, as "data/NAME"."""
    theirs = {source.folder for source in data.SOURCES.values()}
    if not data.DATA.is_dir():
        return []
    return [
        _shown(path)
        for path in sorted(data.DATA.iterdir())
        if path.is_dir()
        and path.name not in theirs
        and not path.name.startswith(".")
        and any(_images(path))
    ]


def is_folder(name: str) -> bool:
    return name not in data.SOURCES


def label(name: str) -> str:
    """What a data set is called in a sentence."""
    return Path(name).name if is_folder(name) else str(name)


def problem(name: str) -> str | None:
    """Why it cannot be learnt from now, with what to do about it; None if it can."""
    if is_folder(name):
        if name in folders():
            return None
        return f"dataset {name!r} is no folder of images below data/. {HOW}"
    source = data.SOURCES[name]
    files = [file for split in source.files.values() for file in split]
    missing = [file[0] for file in files if not (_raw(name) / file[0]).is_file()]
    if not missing:
        return None
    return (
        f"dataset {name} is not on this machine yet: {missing[0]} is missing. Fetch it, or run "
        f"`python -m core fetch {name}`."
    )


def training_images(name: str) -> int | None:
    """How many there are, as far as it can be told without reading them: of a folder the pictures
    of both splits; None where nothing tells."""
    if is_folder(name):
        return sum(1 for _ in _images(_path(name)))
    file = _raw(name) / data.SOURCES[name].files["train"][0][0]
    try:
        with gzip.open(file) as content:  # an IDX file's second number, after its magic one
            return int(struct.unpack(">i", content.read(8)[4:])[0])
    except (OSError, EOFError, struct.error):
        return None  # of another format, or damaged: whoever reads it says so


def _raw(name: str) -> Path:
    return data.DATA / data.SOURCES[name].folder / "raw"


def _path(name: str) -> Path:
    return ROOT / name  # an absolute name stays as it is


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path)


def _images(path: Path) -> Iterator[Path]:
    files = itertools.islice(path.rglob("*"), MOST_LOOKED_AT)
    return (file for file in files if file.suffix.lower() in ENDINGS)
