"""What a training may learn from: data sets by name, and folders of images below data/.

No path is ever typed on the page: whoever sits at it may be anybody, and the server's disk is not
theirs. A folder gets into data/ by whoever runs the server. Knows no Streamlit.
"""

import functools
import gzip
import struct
import time
from pathlib import Path

from core import data
from core.folder import Scan, scan

ROOT = Path(__file__).parent.parent
AGAIN = 2  # s for which what a folder held is believed
HOW = (
    "A folder of images, with or without a folder for each class, is offered here once it lies in "
    "data/ on the machine that runs this page."
)


def offered() -> list[str]:
    """The data sets by name, then the folders, as `python -m core train --dataset` takes them."""
    return [*data.SOURCES, *folders()]


def folders() -> list[str]:
    """Folders just below data/, as "data/NAME"; those of the data sets by name are left out."""
    theirs = {source.folder for source in data.SOURCES.values()}
    if not data.DATA.is_dir():
        return []
    return [
        _shown(path)
        for path in sorted(data.DATA.iterdir())
        if path.is_dir() and path.name not in theirs and not path.name.startswith(".")
    ]


def is_folder(name: str) -> bool:
    return name not in data.SOURCES


def label(name: str) -> str:
    """What a data set is called in the form."""
    return Path(name).name if is_folder(name) else data.SOURCES[name].title


def problem(name: str) -> str | None:
    """Why it cannot be learnt from now, with what to do about it; None if it can, as far as that
    can be told without reading it."""
    if is_folder(name) and name not in folders():
        return f"dataset {name!r} is no folder of images below data/. {HOW}"
    if not is_folder(name):
        return data.missing(name, "train", data.DATA)
    try:
        _scan(name)
    except data.DataError as error:
        return str(error)
    return None


def training_images(name: str) -> int | None:
    """How many there are, as far as it can be told without reading them: of a folder the pictures
    of both splits; None where nothing tells. DataError for a folder of no use."""
    if is_folder(name):
        return len(_scan(name).files)
    source = data.SOURCES[name]
    if source.format != "idx":
        return None
    file = data.DATA / source.folder / "raw" / source.files["train"][0].name
    try:
        with gzip.open(file) as content:  # an IDX file's second number, after its magic one
            return int(struct.unpack(">i", content.read(8)[4:])[0])
    except (OSError, EOFError, struct.error):
        return None  # damaged: whoever reads it says so


def left_out(name: str) -> tuple[str, ...]:
    """What a folder holds that is not learnt from, a sentence each, as far as the names of its
    files tell; what cannot be decoded, the training finds out. Nothing of a data set by name, nor
    of a folder that is of no use: `problem` says that."""
    try:
        return _scan(name).problems if is_folder(name) else ()
    except data.DataError:
        return ()


def _scan(name: str) -> Scan:
    """The folder's files by their names. Raises DataError."""
    path = str(ROOT / name)  # an absolute name stays as it is
    return _scanned(path, int(time.monotonic() / AGAIN))


@functools.lru_cache(maxsize=4)  # a drawing of the form asks three times
def _scanned(path: str, _when: int) -> Scan:
    return scan(path)


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
