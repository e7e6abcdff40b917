"""Picture files to try: valid ones of all that Pillow writes, and what a stranger makes of them.

One page with a 4 in black on white, all pixels 0 or 255, so that every mode of a lossless format
holds exactly the same picture.
"""

import functools
import io
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from PIL.Image import Transpose

LOSSY = {"JPEG", "MPO", "AVIF", "PDF"}
LOSSLESS = {"WEBP": {"lossless": True}}  # what a format needs to be so
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": ({"progressive": True}, {"quality": 30}, {"subsampling": 2, "optimize": True}),
    "PNG": ({"optimize": True}, {"compress_level": 0}, {"dpi": (300, 300)}),
    "WEBP": ({"lossless": True, "method": 6},),
    "TIFF": tuple(
        {"compression": name}
        for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd")
    ),
    "GIF": ({"interlace": 0}, {"optimize": True}),
    "TGA": ({"compression": "tga_rle"},),
    "JPEG2000": ({"num_resolutions": 3}, {"tile_size": (32, 32)}),
}  # fmt: skip
ORIENTATION = 0x0112
# What brings the page into the position that the orientation says is to be undone.
TURNED = {
    1: None, 2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_90, 7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}  # fmt: skip
SIZES = ((28, 28), (96, 80), (1, 1), (1, 300), (300, 1), (7, 90), (61, 256), (320, 240))
PAGE = (96, 80)


class File(NamedTuple):
    """A picture file, and what is right to read from it."""

    name: str
    content: bytes
    format: str = ""  # of the valid ones: as Pillow calls it
    size: tuple[int, int] = PAGE  # of the page, upright
    exact: bool = False  # every pixel is as on the page
    valid: bool = True


def bad(name: str, content: bytes) -> File:
    """No picture, or a broken one."""
    return File(name, content, valid=False)


def page(size: tuple[int, int] = PAGE) -> Image.Image:
    """A 4, off the middle so that no turn leaves it alone; 0 and 255 only."""
    width, height = size
    image = Image.new("1", size, 1)
    points = [(0.7, 0.6), (0.3, 0.6), (0.58, 0.12), (0.58, 0.86)]
    line = [(x * width, y * height) for x, y in points]
    ImageDraw.Draw(image).line(line, fill=0, width=max(1, min(size) // 14), joint="curve")
    return image.convert("L")


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The same picture in another mode of Pillow. ValueError where there is no way."""
    grey = np.asarray(image)
    if mode.startswith("I;16"):
        order = ">u2" if mode.endswith("B") else "<u2"
        return Image.frombytes(
            mode, image.size, (grey.astype(np.uint16) * 257).astype(order).tobytes()
        )
    if mode == "I":
        return Image.fromarray(grey.astype(np.int32) * 257)
    if mode == "F":
        return Image.fromarray(grey.astype(np.float32))
    if mode == "LAB":
        bands = [grey, np.zeros_like(grey), np.zeros_like(grey)]
        return Image.frombytes("LAB", image.size, np.stack(bands, 2).tobytes())
    if mode in ("La", "RGBa"):
        return image.convert("LA" if mode == "La" else "RGBA").convert(mode)
    if mode == "PA":
        return image.convert("P").convert("PA")
    if mode in ("HSV", "YCbCr", "RGBX", "CMYK"):
        return image.convert("RGB").convert(mode)
    return image.convert(mode)


def transparent(image: Image.Image, mode: str) -> Image.Image | None:
    """The ink alone, black, on nothing."""
    ink = Image.eval(image, lambda value: 255 - value)
    if mode in ("LA", "RGBA"):
        bare = Image.new(mode, image.size)
        bare.putalpha(ink)
        return bare
    if mode == "P":  # as GIF has it: index 0 is nothing, index 1 is ink
        bare = Image.fromarray((np.asarray(ink) > 0).astype(np.uint8)).convert("P")
        bare.putpalette([0] * 6)
        bare.info["transparency"] = 0
        return bare
    return None


def written(image: Image.Image, format: str, **options: Any) -> bytes | None:
    """The file, or None where Pillow cannot write that."""
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **(LOSSLESS.get(format, {}) | options))
    except Exception:  # each writer has its own way to say that it cannot
        return None
    return buffer.getvalue()


def valid(rng: random.Random, share: float = 1.0) -> Iterator[File]:
    """A share of: every format x mode x size, every orientation, a format's options, animations."""
    Image.init()
    for format in sorted(Image.SAVE):
        for mode in Image.MODES:
            for make in (*_sizes(format, mode), *_turns(format, mode), *_ways(format, mode)):
                if rng.random() < share and (file := make()) is not None:
                    yield file


Make = Callable[[], File | None]


def _sizes(format: str, mode: str) -> Iterator[Make]:
    """Opaque in every size, and transparent where the mode can be."""

    def opaque(size: tuple[int, int]) -> File | None:
        content = written(in_mode(page(size), mode), format)
        return content and _file(f"{mode} {size[0]}x{size[1]}", content, format, size)

    def bare(size: tuple[int, int]) -> File | None:
        ink = transparent(page(size), mode)
        content = ink and written(ink, format)
        if not content or not _again(content, "has_transparency_data"):
            return None
        return _file(f"{mode} {size[0]}x{size[1]} on nothing", content, format, size)

    yield from (functools.partial(opaque, size) for size in SIZES)
    yield from (functools.partial(bare, size) for size in ((28, 28), PAGE))


def _turns(format: str, mode: str) -> Iterator[Make]:
    """Every orientation, as far as the format keeps it."""

    def turned(orientation: int, turn: Transpose | None) -> File | None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored = page() if turn is None else page().transpose(turn)
        content = written(in_mode(stored, mode), format, exif=exif)
        if not content or (_again(content, "getexif") or {}).get(ORIENTATION) != orientation:
            return None
        return _file(f"{mode} orientation {orientation}", content, format)

    yield from (functools.partial(turned, *item) for item in TURNED.items())


def _ways(format: str, mode: str) -> Iterator[Make]:
    """With the format's options, and moving."""

    def way(what: str, **options: Any) -> File | None:
        content = written(in_mode(page(), mode), format, **options)
        return content and _file(f"{mode} {what}", content, format)

    for options in OPTIONS.get(format, ()):
        if "tile_size" in options and mode.startswith("I;16"):
            continue  # Pillow 13 writes other pixels: it reads them back as wrongly
        yield functools.partial(way, str(options), **options)
    if format in Image.SAVE_ALL:
        later = [in_mode(page().transpose(Transpose.ROTATE_180), mode)] * 2
        yield functools.partial(way, "animated", save_all=True, append_images=later)


def _file(what: str, content: bytes, format: str, size: tuple[int, int] = PAGE) -> File:
    return File(f"{format} {what}", content, format, size, exact=format not in LOSSY)


def _again(content: bytes, ask: str) -> Any:
    """What Pillow says of a file that it wrote; None of one that it cannot read."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            said = getattr(image, ask)
            return said() if callable(said) else said
    except Exception:  # each reader has its own way to say that it cannot
        return None
