"""python -m tests.torture.photo_sheet docs/photos.png: a dozen photographs and what is read.

Two of every source, digits in turn, and so picked by nobody: the photo, what core.digits makes of
it, what resize-and-invert makes of it, and what a classifier reads in each, green when right.
"""

import io
from itertools import islice
from pathlib import Path

import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from core.frechet import load_classifier
from tests.torture.digits import COUNTS, Reading, demo, photos, reading

WIDTH, HEIGHT, SIDE = 190, 150, 56  # pixels: a photo's box, and a digit's side
CELL, GAP, COLUMNS, COUNT = WIDTH + 100, 16, 3, 12
RIGHT, WRONG, GREY = (20, 120, 60), (190, 40, 40), (100, 100, 100)


def cell(result: Reading) -> Image.Image:
    """The photo, and beside it what both ways make of it and what that is read as."""
    picture = Image.new("RGB", (CELL, HEIGHT), "white")
    photo = Image.open(io.BytesIO(result.photo.data))
    photo.thumbnail((WIDTH, HEIGHT), Image.Resampling.BOX)
    picture.paste(photo, (WIDTH - photo.width, (HEIGHT - photo.height) // 2))
    ways = ("core.digits", result.image, result.ours), (
        "resize, invert", demo(result.photo.data), result.demo,
    )  # fmt: skip
    draw = ImageDraw.Draw(picture)
    for (name, image, found), top in zip(ways, (0, HEIGHT // 2), strict=True):
        if image is not None:
            shown = Image.fromarray(np.uint8(255 * image)).resize((SIDE, SIDE))
            picture.paste(shown, (WIDTH + 8, top))
        said = "-" if found is None else str(found)
        colour = RIGHT if found == result.photo.digit else WRONG
        draw.text((WIDTH + SIDE + 16, top + 14), said, colour, ImageFont.load_default(24))
        draw.text((WIDTH + 8, top + SIDE + 1), name, GREY, ImageFont.load_default(10))
    return picture


def main(to: Path, /, seed: int = 0) -> None:
    """Draw the sheet.

    Args:
        to: a PNG file.
        seed: of the photographs.
    """
    classifier = load_classifier("mnist")
    assert classifier is not None, "core/classifiers/mnist.safetensors is part of the program"
    # The n-th source shows its n-th digit and the fifth after that: together all ten.
    chosen = [
        photo
        for n, source in enumerate(COUNTS)
        for photo in islice(photos(source, 10, seed), n, 10, 5)
    ]
    rows = -(-COUNT // COLUMNS)
    size = COLUMNS * (CELL + GAP) - GAP, rows * (HEIGHT + GAP) - GAP
    picture = Image.new("RGB", size, "white")
    for i, photo in enumerate(chosen[:COUNT]):
        at = i % COLUMNS * (CELL + GAP), i // COLUMNS * (HEIGHT + GAP)
        picture.paste(cell(reading(photo, classifier)), at)
    # The palette of the widest range keeps the green and the red of the readings.
    palette = picture.quantize(256, Image.Quantize.MAXCOVERAGE)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(to, optimize=True)


if __name__ == "__main__":
    tyro.cli(main)
