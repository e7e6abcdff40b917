"""Any folder of images -> uint8 pixels, labels and a split that is the same every time.

Every picture is used as it is: turned upright by its EXIF, made grey or RGB, and scaled by area
into a square with its aspect kept. What is left of the square gets the colour that most of the
picture's own edge has: nothing is cut off, since in a scan or a product photo the subject may lie
at the edge, and a frame in its own colour costs a VAE next to nothing. Transparent parts are laid
on white. Nothing is inverted: a model of black ink on white paper draws black ink on white paper.

Class folders: the folders just below the given one name the classes. With fewer than two of them,
or when most pictures lie beside them, all are one class, "image".
"""

import hashlib
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.fitting import FitError, fitted_file
from core.limits import CLASSES, FOLDER_BYTES
from core.sources import DataError

SIDES, CHANNELS = (28, 32, 64), (1, 3)
SUFFIXES = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
        ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".avif", ".jp2",
    }
)  # fmt: skip
TEST_SHARE = 0.1
NAMED = 3  # files that a sentence names; the rest is counted
ONE_CLASS = ("image",)
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}

OnStep = Callable[[int, int], None]


class Scan(NamedTuple):
    """The picture files of a folder by their names alone."""

    files: tuple[str, ...]  # relative, with "/"
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    problems: tuple[str, ...]


class FolderImages(NamedTuple):
    """All pictures of a folder that can be read, in an order that has nothing to do with their
    names, so that the first few of them are a fair sample."""

    pixels: Tensor  # (N, C, H, W) uint8
    labels: Tensor  # (N,) int64
    is_test: Tensor  # (N,) bool
    names: tuple[str, ...]  # relative paths
    classes: tuple[str, ...]
    problems: tuple[str, ...]  # a sentence each: what was left out, and why


def read_folder(
    path: str, side: int, channels: int, on_step: OnStep = lambda done, total: None
) -> FolderImages:
    """The pictures of an absolute path; read once per process. Raises DataError.

    on_step(done, total) counts files.
    """
    if side not in SIDES or channels not in CHANNELS:
        raise DataError(
            f"Images of a folder are made {', '.join(map(str, SIDES))} pixels wide in 1 or 3 "
            f"channels; asked for {side} pixels and {channels} channels."
        )
    key = (path, side, channels)
    with _reading:  # whoever comes second waits and finds it there
        if key not in _known:
            read = _read_folder(*key, on_step)
            while len(_known) >= MOST_KNOWN:
                del _known[next(iter(_known))]
            _known[key] = read
        return _known[key]


MOST_KNOWN = 2
_reading = threading.Lock()
_known: dict[tuple[str, int, int], FolderImages] = {}


def _read_folder(path: str, side: int, channels: int, on_step: OnStep) -> FolderImages:
    found = scan(path)
    _check_memory(path, len(found.files), side, channels)
    pixels = np.empty((len(found.files), channels, side, side), np.uint8)
    failed: dict[int, str] = {}

    def read(n: int) -> None:
        try:
            pixels[n] = fitted_file(Path(path, found.files[n]), side, channels)
        except FitError as error:
            failed[n] = str(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow decodes without the GIL
        for done, _ in enumerate(pool.map(read, range(len(found.files))), 1):
            on_step(done, len(found.files))
    kept = [n for n in range(len(found.files)) if n not in failed]
    problems = [*_unread(found.files, failed), *found.problems]
    if len(kept) < 2:
        raise DataError(_too_few(path, [found.files[n] for n in kept], problems))
    kept.sort(key=lambda n: (_chance(found.files[n]), found.files[n]))
    labels = [found.labels[n] for n in kept]
    names = tuple(found.files[n] for n in kept)
    return FolderImages(
        torch.from_numpy(pixels[kept]),
        torch.tensor(labels),
        torch.tensor(split(names, labels)),
        names,
        found.classes,
        (*problems, *_alone(labels, found.classes)),
    )


def check(path: str) -> None:
    """Whether there is such a folder, whatever is in it. Raises DataError."""
    if not os.path.exists(path):  # of a name that no file can have, Path.exists raises OSError
        raise DataError(f"There is no folder {Path(path)}. Check the path.")
    if not os.path.isdir(path):
        raise DataError(f"{Path(path)} is a file; a data set is a folder of images.")


def scan(path: str) -> Scan:
    """Names of the pictures below a folder, links followed, hidden ones left out. DataError."""
    root = Path(path)
    check(path)
    files, others, problems = _walk(root)
    if not files:
        what = "holds no images" if others else "is empty"
        raise DataError(
            f"The folder {root} {what}. " + " ".join(problems)
            + ("Its files end in " + _listed(others) + "; known are: " if others
               else "Put images into it: ")
            + f"{', '.join(sorted(suffix[1:] for suffix in SUFFIXES))}."
        )  # fmt: skip
    if others:
        count = sum(others.values())
        problems.append(f"{count:,} {_files(count)} no image and left out ({_listed(others)}).")
    tops = [file.partition("/")[0] if "/" in file else "" for file in files]
    classes = tuple(sorted({top for top in tops if top}))
    if len(classes) < 2 or tops.count("") > len(files) / 2:
        return Scan(tuple(files), (0,) * len(files), ONE_CLASS, tuple(problems))
    if len(classes) > CLASSES.most:
        problems.append(
            f"There are {len(classes):,} class folders; at most {CLASSES} can be told apart "
            f"({CLASSES.why}), so all images are one class."
        )
        return Scan(tuple(files), (0,) * len(files), ONE_CLASS, tuple(problems))
    if beside := tops.count(""):
        problems.append(
            f"{beside:,} {'image lies' if beside == 1 else 'images lie'} beside the class folders "
            "and belong to none; left out."
        )
    if {name.lower() for name in classes} <= PARTS:
        problems.append(
            f"The class folders are called {' and '.join(classes)}, as parts of a data set are. If "
            "they are, give one of them: the split into training and test is made here."
        )
    within = [(file, top) for file, top in zip(files, tops, strict=True) if top]
    numbers = {name: n for n, name in enumerate(classes)}
    return Scan(
        tuple(file for file, _ in within), tuple(numbers[top] for _, top in within), classes,
        tuple(problems),
    )  # fmt: skip


def _walk(root: Path) -> tuple[list[str], Counter[str], list[str]]:
    """Relative names of pictures, how many other files end in what, and what went wrong."""
    files: list[str] = []
    others: Counter[str] = Counter()
    problems: list[str] = []
    been = {os.path.realpath(root)}

    def refused(error: OSError) -> None:
        problems.append(f"The folder {error.filename} cannot be opened ({error.strerror}).")

    for folder, below, names in os.walk(root, onerror=refused, followlinks=True):
        fresh = []
        for name in sorted(below):
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith((".", "__MACOSX")) and real not in been:  # a link may lead back
                been.add(real)
                fresh.append(name)
        below[:] = fresh
        for name in sorted(names):
            suffix, path = os.path.splitext(name)[1].lower(), os.path.join(folder, name)
            if name.startswith(".") or name in ("Thumbs.db", "desktop.ini"):
                continue
            if suffix in SUFFIXES and not _special(path):
                files.append(os.path.relpath(path, root).replace(os.sep, "/"))
            else:
                others[suffix or "no suffix"] += 1
    return files, others, problems


def _special(path: str) -> bool:
    """A pipe or device, which reading would wait for; a broken link is a file that cannot be
    read."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def split(names: tuple[str, ...], labels: list[int]) -> list[bool]:
    """Which are test images: about a tenth, by a hash of the relative name, so that it is the same
    in every process and does not change when other files come or go.

    Every class has a training image, as far as it has any, and at least one image is for the test.
    """
    is_test = [_chance(name) < TEST_SHARE for name in names]
    by_class: dict[int, list[int]] = {}
    for n, label in enumerate(labels):
        by_class.setdefault(label, []).append(n)
    for members in by_class.values():
        if all(is_test[n] for n in members):
            is_test[max(members, key=lambda n: _chance(names[n]))] = False
    if not any(is_test):
        several = [n for members in by_class.values() if len(members) > 1 for n in members]
        is_test[min(several or range(len(names)), key=lambda n: _chance(names[n]))] = True
    return is_test


def _chance(name: str) -> float:
    """A number in [0, 1) that a name always gets."""
    digest = hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _check_memory(path: str, count: int, side: int, channels: int) -> None:
    """DataError when the pictures would not fit."""
    most, needed = FOLDER_BYTES.most, count * channels * side * side * 4
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        most = min(most, memory // 4)
    if needed > most:
        raise DataError(
            f"The folder {path} holds {count:,} images, which take {needed / 2**30:.1f} GiB of "
            f"memory at {side} x {side} pixels in {channels} channels; {FOLDER_BYTES.why}, so "
            f"at most {most / 2**30:.1f} GiB are taken here. Use smaller images, one "
            "channel or fewer files."
        )


def _unread(files: tuple[str, ...], failed: dict[int, str]) -> list[str]:
    if not failed:
        return []
    shown = [f"{files[n]} ({failed[n]})" for n in sorted(failed)[:NAMED]]
    more = f", and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
    count = len(failed)
    return [f"{count:,} {_files(count)} not readable and left out: {', '.join(shown)}{more}."]


def _files(count: int) -> str:
    return "file is" if count == 1 else "files are"


def _listed(others: Counter[str]) -> str:
    return ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(NAMED))


def _alone(labels: list[int], classes: tuple[str, ...]) -> list[str]:
    """Classes that no image is left of, and those of a single one."""
    counts = Counter(labels)
    said = []
    for number, what in ((0, "no image that can be read"), (1, "one image, for training only")):
        names = [name for n, name in enumerate(classes) if counts[n] == number]
        if names and len(classes) > 1:
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            said.append(f"Classes with {what}: {', '.join(names[:NAMED])}{more}.")
    return said


def _too_few(path: str, kept: list[str], problems: list[str]) -> str:
    what = f"holds only one image, {kept[0]}" if kept else "holds no image that can be read"
    return (
        f"The folder {path} {what}; training and test take at least one each."
        + "".join(f" {problem}" for problem in problems)
    )  # fmt: skip
