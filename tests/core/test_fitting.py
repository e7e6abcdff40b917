"""One picture file -> a square of pixels: every mode, upright, whole, and nothing unsafe."""

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core import fitting
from core.fitting import FitError, fitted, fitted_file, fitted_picture


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))


def test_a_picture_of_the_right_size_comes_back_pixel_for_pixel() -> None:
    grey, colour = noise(28, 28, "L"), noise(64, 64)
    assert (fitted_file(encoded(grey), 28, 1)[0] == np.asarray(grey)).all()
    assert (fitted_file(encoded(colour), 64, 3) == np.moveaxis(np.asarray(colour), 2, 0)).all()


def test_reducing_takes_the_mean_of_what_falls_into_a_pixel() -> None:
    big = noise(56, 56, "L")
    means = np.asarray(big, np.float64).reshape(28, 2, 28, 2).mean((1, 3))
    assert np.abs(fitted(big, 28, 1)[0] - means).max() <= 1  # it rounds twice


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([28, 32, 64]))
def test_the_whole_picture_is_kept_and_framed_in_its_own_colour(w: int, h: int, side: int) -> None:
    """A plain picture stays plain, whatever its shape."""
    for channels, colour in ((1, 37), (3, (200, 30, 90))):
        image = Image.new("L" if channels == 1 else "RGB", (w, h), colour)
        x = fitted(image, side, channels)
        assert x.shape == (channels, side, side) and x.dtype == np.uint8
        assert (x == np.reshape(colour, (-1, 1, 1))).all()


def test_nothing_is_cut_off() -> None:
    """A wide picture's two ends are still there, and above and below lies its edge's colour."""
    wide = np.zeros((16, 64), np.uint8)
    wide[:, :8] = wide[:, -8:] = 255
    x = fitted(Image.fromarray(wide), 32, 1)[0]
    assert (x[12:20, 0] == 255).all() and (x[12:20, -1] == 255).all()
    assert (x[:12] == 0).all() and (x[20:] == 0).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_opens(mode: str, channels: int) -> None:
    half = Image.new("RGB", (40, 40), "white")
    half.paste("black", (0, 0, 20, 40))
    if mode == "LAB":
        lab = np.zeros((40, 40, 3), np.uint8)
        lab[:, 20:, 0] = 255
        image = Image.fromarray(lab, "LAB")
    else:
        image = half.convert(mode)
    x = fitted(image, 28, channels)
    assert x.shape == (channels, 28, 28)
    assert x[:, :, :13].max() < 40 and x[:, :, 15:].min() > 215


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_pictures_are_not_clipped(dtype: type) -> None:
    ramp = np.tile(np.linspace(0, 65535, 28), (28, 1)).astype(dtype)
    x = fitted(Image.fromarray(ramp), 28, 1)[0]
    assert np.abs(x[0] - np.linspace(0, 255, 28)).max() <= 1
    unit = np.tile(np.linspace(0, 1, 28), (28, 1)).astype(np.float32)
    assert np.abs(fitted(Image.fromarray(unit), 28, 1)[0, 0] - np.linspace(0, 255, 28)).max() <= 1


def test_a_black_deep_picture_stays_black() -> None:
    for dtype in (np.uint16, np.int32, np.float32):
        assert (fitted(Image.fromarray(np.zeros((30, 30), dtype)), 28, 1) == 0).all()


def test_what_is_transparent_lies_on_white() -> None:
    image = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 14, 28))
    x = fitted(image, 28, 3)
    assert (x[:, :, 20] == 255).all() and x[:, 0, 5].tolist() == [255, 0, 0]


def test_a_photo_is_turned_upright_by_its_exif() -> None:
    image = Image.new("L", (40, 20), 0)
    image.paste(255, (0, 0, 20, 20))  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees clockwise to see it as it was
    x = fitted_file(encoded(image, "JPEG", exif=exif.tobytes()), 28, 1)[0]
    assert x[2:12, 14].min() > 200 and x[17:26, 14].max() < 60


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "TGA", "JPEG2000"]
)
def test_formats(format: str) -> None:
    x = fitted_file(encoded(Image.new("RGB", (50, 50), (10, 200, 90)), format), 32, 3)
    assert np.abs(x.astype(int) - np.reshape([10, 200, 90], (3, 1, 1))).max() < 8


@pytest.mark.parametrize("format", ["EPS", "PDF"])
def test_formats_that_are_programs_are_no_images(format: str) -> None:
    with pytest.raises(FitError, match="^no image$"):
        fitted_file(encoded(noise(20, 20), format), 28, 1)


def test_bombs_are_refused_on_their_header(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.new("1", (40, 25)))
    monkeypatch.setattr(fitting, "PICTURE_PIXELS", fitting.PICTURE_PIXELS._replace(most=999))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(FitError, match="over 999"):
        fitted_file(content, 28, 1)


@pytest.mark.parametrize("content", [b"", b"no picture", encoded(noise(60, 60))[:900]])
def test_what_cannot_be_read(content: bytes) -> None:
    with pytest.raises(FitError):
        fitted_file(content, 28, 1)


@given(st.binary(max_size=200))
def test_nothing_but_fit_errors(tail: bytes) -> None:
    head = encoded(noise(30, 30), "GIF")
    for content in (tail, head[:40] + tail, head[:-20] + tail):
        with contextlib.suppress(FitError):
            assert fitted_file(content, 28, 3).shape == (3, 28, 28)


def test_files_that_are_gone_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(FitError):
            fitted_file(path, 28, 1)


def test_an_upload_has_the_models_shape() -> None:
    x = fitted_picture(encoded(noise(100, 50)), (3, 64, 64))
    assert x.shape == (1, 3, 64, 64) and x.min() >= 0 and x.max() <= 1


def test_a_tiff_out_of_a_folder_is_turned_as_one_that_is_uploaded(tmp_path: Path) -> None:
    """Pillow maps an uncompressed one into memory when given its path, and turned it wrongly."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(noise(40, 30, "L"), "TIFF", exif=exif)
    (tmp_path / "a.tif").write_bytes(content)
    assert (fitted_file(tmp_path / "a.tif", 28, 1) == fitted_file(content, 28, 1)).all()
