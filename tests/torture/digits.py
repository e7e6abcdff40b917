"""Photographs of digits: what a classifier trained on MNIST reads after core.digits, and after the
resize-and-invert of the usual demo.

Each must end in a digit or in a sentence. The share that is read rightly is of those photographs
whose glyph is read rightly without any photograph: its path drawn with MNIST's pen, scaled and
centred as MNIST's are, by nothing of core. A photograph that ends in a sentence is not read.

`python -m tests.torture.photo_sheet docs/photos.png` draws a dozen of them.
"""

import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

from core.digits import DigitError, to_digit
from core.frechet import load_classifier
from tests.torture.glyphs import FONTS, SCANS, glyphs
from tests.torture.photographs import conditions, taken
from tests.torture.tally import Row, Tally

COUNTS = dict.fromkeys([file.stem for file in FONTS], 50) | {SCANS: 300}  # photographs at scale 1
LEAST = 0.95  # of what is to be read rightly


class Photo(NamedTuple):
    """One photograph of a digit and what it is read as."""

    name: str  # how to make it again
    digit: int  # what was written
    kinds: tuple[str, ...]  # what is hard about it
    data: bytes  # the JPEG
    clean: np.ndarray  # (28, 28), the digit without a photograph


class Reading(NamedTuple):
    photo: Photo
    clean: int
    demo: int
    ours: int | None  # None after a sentence
    image: np.ndarray | None  # (28, 28), what core.digits made of it

    @property
    def counts(self) -> bool:
        return self.clean == self.photo.digit


def photos(source: str, count: int, seed: int) -> Iterator[Photo]:
    """Photographs of glyphs of one font, or of scans."""
    place = list(source.encode())  # seeds of its own, whatever else there is
    endless = glyphs(source, np.random.default_rng([seed, *place]))
    for index in range(count):
        rng = np.random.default_rng([seed, *place, index])
        glyph, how = next(endless), conditions(rng)
        name = f"{source}, seed {seed}, number {index}"
        yield Photo(name, glyph.digit, how.kinds(), taken(glyph, how, rng), glyph.clean())


def demo(data: bytes) -> np.ndarray:
    """As demos do it, (28, 28): grey, inverted, resized."""
    small = ImageOps.invert(Image.open(io.BytesIO(data)).convert("L")).resize((28, 28))
    return np.asarray(small, np.float32) / 255


def read(classifier: nn.Sequential, image: np.ndarray) -> int:
    return int(classifier(torch.from_numpy(image)[None, None]).argmax())


def reading(photo: Photo, classifier: nn.Sequential) -> Reading:
    """What it is read as by each way. Raises what core.digits should not raise."""
    image, ours = None, None
    try:
        image = to_digit(photo.data).image[0, 0].numpy()
        assert image.shape == (28, 28) and 0 <= image.min() < image.max() <= 1, "no digit's image"
        ours = read(classifier, image)
    except DigitError as error:
        assert str(error).endswith("."), f"no sentence: {error}"
    clean, resized = read(classifier, photo.clean), read(classifier, demo(photo.data))
    return Reading(photo, clean, resized, ours, image)


def share(readings: Sequence[Reading], way: str = "ours") -> float:
    """Read rightly, of those whose clean rendering is."""
    return float(np.mean([getattr(r, way) == r.photo.digit for r in readings if r.counts]))


def rows(scale: float, seed: int) -> Iterator[Row]:
    classifier = load_classifier("mnist")
    assert classifier is not None, "core/classifiers/mnist.safetensors is part of the program"
    everything: list[Reading] = []
    for source, count in COUNTS.items():
        tally, readings = Tally(f"photographs: {source}"), list[Reading]()
        for photo in photos(source, max(1, round(scale * count)), seed):
            with tally.attempt(photo.name):
                readings.append(reading(photo, classifier))
        if any(r.counts for r in readings):
            tally.note = summary(readings)
        everything += readings
        yield tally.row()
    yield together(everything)


def summary(readings: Sequence[Reading]) -> str:
    """ "98.0% of 49 read rightly, 31.0% after resize-and-invert"."""
    ours, theirs = share(readings), share(readings, "demo")
    clean = sum(r.counts for r in readings)
    return f"{ours:.1%} of {clean} read rightly, {theirs:.1%} after resize-and-invert"


def together(readings: Sequence[Reading]) -> Row:
    """All photographs: the demand, and the share under each condition."""
    every = dict.fromkeys(kind for r in readings for kind in r.photo.kinds)
    under = {kind: [r for r in readings if r.counts and kind in r.photo.kinds] for kind in every}
    by_condition = sorted((share(some), kind) for kind, some in under.items() if some)
    note = ", ".join(f"{kind} {part:.0%}" for part, kind in by_condition)
    done = len(readings)
    tally = Tally("photographs: all", done, done, f"{summary(readings)}; {note}")
    wanted = sum(r.counts for r in readings)
    wrong = sum(r.counts and r.ours != r.photo.digit for r in readings)
    tally.demand(
        wrong <= max(1, (1 - LEAST) * wanted),  # one of a handful is chance
        f"{wrong} of {wanted} photographs were not read rightly; {1 - LEAST:.0%} may be.",
    )
    return tally.row()
