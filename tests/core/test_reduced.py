"""Averaging strip by strip gives what averaging the whole gives, in a part of its memory."""

import numpy as np
import pytest
from PIL import Image

from core import reduced as module
from core.reduced import reduced


def noise(mode: str = "L", width: int = 90, height: int = 70) -> Image.Image:
    shape = (height, width, len(Image.new(mode, (1, 1)).getbands()))
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    return Image.frombytes(mode, (width, height), pixels.tobytes())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
def test_strips_and_the_whole_are_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRIP", 4)  # several of them, the last one not full
    image = noise(mode)
    wanted = (image.convert("RGBA") if mode == "LA" else image).reduce(3)
    found = reduced(image, 30)
    assert found.size == (30, 24) and np.array_equal(np.asarray(found), np.asarray(wanted))


def test_a_small_picture_is_left_alone() -> None:
    image = noise()
    assert reduced(image, 90) is image


def test_modes_that_have_no_mean() -> None:
    deep = Image.fromarray(np.asarray(noise(), np.uint16) * 257)
    assert (
        np.abs(np.asarray(reduced(deep, 45), int) / 257 - np.asarray(reduced(noise(), 45))).max()
        < 1
    )
    assert reduced(noise().convert("1"), 45).mode == "L"
    palette = noise("RGB").quantize()
    assert np.array_equal(reduced(palette, 45), reduced(palette.convert("RGB"), 45))


def test_transparency_by_colour_becomes_alpha_and_exif_is_kept() -> None:
    image = Image.new("RGB", (90, 70), (9, 9, 9))
    image.info = {"transparency": (9, 9, 9), "exif": b"kept"}
    found = reduced(image, 45)
    assert found.mode == "RGBA" and found.getextrema()[3] == (0, 0)
    assert found.info == {"exif": b"kept"}
