"""Picture files of every kind through every way in: each ends in a right result or in a sentence.

What is right: a valid file reads as the plain page does that it shows, upright, in every mode. Of
any other file a digit, finite and in [0, 1], or a sentence will do. `memory` is what a process
takes over what it had before it opened the file.
"""

import functools
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from core import fitting, folder, photo
from core.digits import DigitError, open_image, to_digit, to_input, to_picture
from tests.torture.confined import Confined
from tests.torture.hostile import hostile
from tests.torture.page_uploads import PANELS, show
from tests.torture.pictures import File, page, valid
from tests.torture.tally import Row, Tally

MB = 2**20
# A picture of 40 megapixels has 160 MB at 4 bytes a pixel. Pillow's decoder of WebP holds four of
# them at once, every other format two or fewer.
MEMORY = 720  # MB
PATIENCE = 90  # s: what takes longer hangs, on however slow a machine
FINE, ROUGH = 0.02, 0.04  # of a digit's pixels: largest difference if exact, mean difference if not
LEVELS, ROUGH_LEVELS = 3, 12  # the same of a picture as it is, of 255
QUICK = 0.2  # a smaller scale goes without the files that take seconds,
LOOK = 0.25  # and tries so many of the others
SUFFIXES = sorted(folder.SUFFIXES)
SHAPES = ((1, 28, 28), (3, 64, 64))
DAMAGED = {
    "cut short": 1300,
    "of changed bits": 1300,
    "of changed bytes": 500,
    "with another's header": 200,
}


def rows(scale: float, seed: int) -> Iterator[Row]:
    """The lines of the table; at scale 1 over 5,000 files."""
    with Confined(PATIENCE) as process:
        yield from _rows(process, scale, seed)


def _rows(process: Confined, scale: float, seed: int) -> Iterator[Row]:
    rng = random.Random(seed)
    good = list(valid(rng, scale))
    yield _row(process, "valid pictures: mode x format x size x orientation", zip(good))
    for kind, count in DAMAGED.items():
        files = damaged(kind, good, max(3, round(count * scale)), seed)
        yield _row(process, f"pictures {kind}", zip(files))
    quick = scale < QUICK
    bad = (file for file in hostile(quick=quick) if not quick or rng.random() < LOOK)
    yield _row(process, "bombs, archives, scripts, polyglots, metadata", zip(bad))

    some = rng.sample(good, min(len(good), round(40 * scale)))
    some += [*damaged("of changed bytes", good, round(20 * scale), seed)] if some else []
    if some:
        first = [(panel, some[0]) for panel in PANELS]  # what a panel loads is no picture's doing
        cases = ((panel, file) for panel in PANELS for file in some)
        yield _row(process, "pictures in the panels that take uploads", cases, show, first)
        yield _folder(good)


def _row(
    process: Confined,
    what: str,
    cases: Iterable[tuple[Any, ...]],
    way: Callable[..., str] | None = None,
    first: Iterable[tuple[Any, ...]] = (),
) -> Row:
    """Each case is the arguments of `way`, a file the last of them; `first` is not counted."""
    tally, way = Tally(what), way or read
    for case in first:
        process.tried(way, *case)
    process.begin()
    for case in cases:
        outcome = process.tried(way, *case)
        with tally.attempt(" ".join(str(part) for part in (*case[:-1], case[-1].name))):
            if outcome.lost:
                raise AssertionError(outcome.lost)
            if outcome.peak > MEMORY * MB:
                raise AssertionError(f"{outcome.peak / MB:.0f} MB of memory")
    peak, slowest = process.most_peak / MB, process.most_seconds
    tally.note = f"memory {peak:.0f} MB of {MEMORY}, slowest {slowest:.1f} s"
    return tally.row()


def _folder(good: list[File]) -> Row:
    """A folder of all of them under names of other formats: what is read is what the name's file
    holds, and what is not is told."""
    tally = Tally("valid pictures of a wrong name, in a folder of images")
    with tempfile.TemporaryDirectory() as path:
        for n, file in enumerate(good):
            suffix = SUFFIXES[n % len(SUFFIXES)]
            (Path(path) / f"{n}{suffix}").write_bytes(file.content)
        found_there = folder.read_folder(path, 28, 1)
    found = {int(Path(name).stem): n for n, name in enumerate(found_there.names)}
    for n, file in enumerate(good):
        with tally.attempt(f"{file.name}, called {SUFFIXES[n % len(SUFFIXES)]}"):
            if _taken(file, fitting.FORMATS):
                wanted = fitting.fitted(page(file.size), 28, 1).astype(np.float32)
                pixels = found_there.pixels[found[n]].numpy().astype(np.float32)
                _alike(pixels, wanted, LEVELS, ROUGH_LEVELS, exact=file.exact)
    tally.demand(
        all(proper(told) for told in found_there.problems), f"no sentences: {found_there.problems}"
    )
    left = len(good) - len(found)
    told = left == 0 or any(f"{left:,} file" in problem for problem in found_there.problems)
    tally.demand(told, f"{left} were left out and not told")
    tally.note = f"{len(found):,} read, {left:,} of other formats told"
    return tally.row()


def damaged(kind: str, good: list[File], count: int, seed: int) -> Iterator[File]:
    """`count` files made of good ones, by hypothesis: the same for the same seed."""
    cases: list[tuple[int, list[tuple[float, int]]]] = []
    places = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8)

    @seeded(seed)
    @settings(
        max_examples=count, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.integers(0, len(good) - 1), places)
    def collect(index: int, places: list[tuple[float, int]]) -> None:
        cases.append((index, places))

    collect()
    for n, (index, places) in enumerate(cases):
        # Hypothesis prefers small numbers; every file is to have its turn.
        file = good[(index + 7919 * n) % len(good)]
        content = _damage(kind, file.content, places, good[(index + n) % len(good)].content)
        yield File(f"{file.name} {kind}: {places}", content, valid=False)


def _damage(kind: str, content: bytes, places: list[tuple[float, int]], other: bytes) -> bytes:
    if kind == "cut short":
        return content[: int(places[0][0] * (len(content) - 1))]
    if kind == "with another's header":
        return other[:16] + content[16:]
    changed = bytearray(content)
    for share, value in places:
        at = int(share * (len(content) - 1))
        if value % 2:  # half of them where headers are
            at %= 64
        at = min(at, len(content) - 1)
        changed[at] = changed[at] ^ 1 << value % 8 if kind == "of changed bits" else value
    return bytes(changed)


def read(file: File) -> str:
    """All ways in for one file. Raises what is wrong; runs in a process of its own."""
    torch.set_num_threads(1)
    words = [_said(_opened, file), _said(_digit, file)]
    words += [_said(functools.partial(_as_it_is, shape=shape), file) for shape in SHAPES]
    words += [_said(functools.partial(_picture, shape=shape), file) for shape in SHAPES]
    return "/".join(words)


def _said(way: Callable[[File], None], file: File) -> str:
    try:
        way(file)
    except DigitError as error:
        sentence = str(error)
        if not proper(sentence):
            raise AssertionError(f"no sentence: {sentence!r}") from None
        return "sentence"
    return "read"


def proper(sentence: str) -> bool:
    """Begins and ends as a sentence and holds nothing out of a program."""
    junk = re.search(r"Traceback|object at 0x|<class|<_io|[a-z]Error\(", sentence)
    return bool(re.fullmatch(r"[A-Z0-9].{10,760}[.]", sentence)) and not junk


def _opened(file: File) -> None:
    image = open_image(file.content)
    assert image.width * image.height <= photo.PICTURE_PIXELS.most


def _digit(file: File) -> None:
    right = _right_digit(file.size) if _taken(file, photo.FORMATS) else None
    try:
        found = _numbers(to_digit(file.content).image, (1, 28, 28))
    except DigitError as error:
        if right is not None and not isinstance(right, DigitError):
            raise AssertionError(f"a valid picture is refused: {error}") from None
        raise
    if isinstance(right, DigitError):
        raise AssertionError(f"a digit was found where there is none: {right}")
    if right is not None:
        _alike(found, right, FINE, ROUGH, exact=file.exact)


def _as_it_is(file: File, shape: tuple[int, int, int]) -> None:
    right = _taken(file, fitting.FORMATS)
    try:
        found = _numbers(to_input(file.content, shape, ink=False), shape)
    except DigitError as error:
        if right:
            raise AssertionError(f"a valid picture is refused: {error}") from None
        raise
    if right:
        wanted = fitting.fitted(page(file.size), shape[1], shape[0])
        wanted = np.asarray(wanted, np.float32)[None] / 255
        _alike(found, wanted, LEVELS / 255, ROUGH_LEVELS / 255, exact=file.exact)


def _picture(file: File, shape: tuple[int, int, int]) -> None:
    """As Repair, Walk and Attributes take it: pixel for pixel when it has the model's size."""
    if file.size != shape[1:] and file.valid:
        return  # the same as one of the others
    found = _numbers(to_picture(file.content, shape), shape)
    if _taken(file, photo.FORMATS):
        wanted = np.asarray(page(file.size), np.float32)[None, None] / 255
        _alike(found, wanted, LEVELS / 255, ROUGH_LEVELS / 255, exact=file.exact)


def _taken(file: File, formats: tuple[str, ...]) -> bool:
    """Whether this must be read, and rightly. An MPO is a JPEG with another behind it."""
    return file.valid and ("JPEG" if file.format == "MPO" else file.format) in formats


def _numbers(image: torch.Tensor, shape: tuple[int, int, int]) -> np.ndarray:
    assert tuple(image.shape) == (1, *shape), f"shape {tuple(image.shape)}"
    assert image.isfinite().all() and 0 <= image.min() <= image.max() <= 1, "not in [0, 1]"
    return image.numpy()


@functools.lru_cache(maxsize=64)
def _right_digit(size: tuple[int, int]) -> np.ndarray | DigitError:
    try:
        return to_digit(page(size)).image.numpy()
    except DigitError as error:
        return error


def _alike(
    found: np.ndarray, wanted: np.ndarray, fine: float, rough: float, *, exact: bool
) -> None:
    off = np.abs(found - wanted)
    if exact:
        assert off.max() <= fine, f"the largest difference is {off.max():.3f}"
    else:
        assert off.mean() <= rough, f"the mean difference is {off.mean():.3f}"
