"""Picture files of few bytes or many that would take all memory or all time.

What is announced and not there, the largest that is taken, films, and codes that go on and on.
"""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from core.limits import PICTURE_BYTES
from tests.torture.pictures import PAGE, File, bad, in_mode, page, written

HUGE = ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1), (40_000_001, 1), (6325, 6325))
SHORT = ((16_383, 16_383), (65_500, 65_500), (65_535, 611))  # where a side has 14 or 16 bits
FULL = (6324, 6324)  # just below the limit of pixels: the most that is decoded


def bombs() -> Iterator[File]:
    """Those that take a second or more to make or to read."""
    for make in (_full, _frames, _jpegs, _others):
        yield from make()


def largest() -> File:
    """The valid one that takes the most memory to read, and few bytes."""
    webp = written(page(FULL), "WEBP", lossless=True, method=0)
    return File("WEBP L of all pixels", webp or b"", "WEBP", FULL, exact=True)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def png(
    width: int, height: int, *extra: bytes, depth: int = 8, colour: int = 0, interlace: int = 0
) -> bytes:
    """A PNG that claims any size and has few bytes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = [png_chunk(b"IHDR", header), *extra, png_chunk(b"IDAT", zlib.compress(bytes(100)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")


def tiff_header(w: int, h: int, *, tile: bool = False, **tags: int) -> bytes:
    """A TIFF of one strip or of tiles as large as itself."""
    values = {256: w, 257: h, 258: 8, 259: 1, 262: 1, 277: 1}
    values |= {322: w, 323: h, 324: 8, 325: 9} if tile else {273: 8, 278: h, 279: 9}
    values |= {int(name[1:]): value for name, value in tags.items()}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, value % 2**32) for tag, value in sorted(values.items())
    )
    return b"II*\x00" + struct.pack("<IH", 8, len(values)) + entries + bytes(64)


def headers() -> Iterator[File]:
    """Sizes that nothing in the file bears out."""
    for w, h in HUGE:
        for depth, colour, interlace in ((8, 0, 0), (16, 6, 1), (1, 3, 0)):
            yield bad(
                f"PNG header {w}x{h} {depth} {colour}",
                png(w, h, depth=depth, colour=colour, interlace=interlace),
            )
        for sign in (1, -1):
            header = struct.pack("<IiiHHIIiiII", 40, w, sign * h, 1, 24, 0, 0, 0, 0, 0, 0)
            yield bad(
                f"BMP header {w}x{sign * h}",
                b"BM" + struct.pack("<IHHI", 99, 0, 0, 54) + header + bytes(50),
            )
        yield bad(f"PPM header {w}x{h}", b"P6 %d %d 255\n" % (w, h) + bytes(50))
        yield bad(f"plain PGM header {w}x{h}", b"P2 %d %d 65535\n" % (w, h) + b"1 " * 50)
        siz = struct.pack(">HHIIIIIIIIH", 41, 0, w, h, 0, 0, w, h, 0, 0, 1) + b"\x07\x01\x01"
        yield bad(f"JPEG 2000 header {w}x{h}", b"\xff\x4f\xff\x51" + siz + bytes(50))
        for tile in (False, True):
            yield bad(f"TIFF header {w}x{h} tiles {tile}", tiff_header(w, h, tile=tile))
    for w, h in SHORT:
        frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, w, h, 0) + b"\x02\x02\x4c\x01\x00\x3b"
        yield bad(
            f"GIF header {w}x{h}",
            b"GIF89a" + struct.pack("<HHBBB", w, h, 0x80, 0, 0) + bytes(6) + frame,
        )
        grown = b"\x2c" + struct.pack("<HHHHB", w, h, w, h, 0) + b"\x02\x02\x4c\x01\x00\x3b"
        yield bad(
            f"GIF frame {w}x{h} outside",
            b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0x80, 0, 0) + bytes(6) + grown,
        )
        sof = b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 11, 8, h, w, 1) + b"\x01\x11\x00"
        yield bad(
            f"JPEG header {w}x{h}", sof + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(50)
        )
        tga = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, w, h, 24, 0)
        yield bad(f"TGA header {w}x{h}", tga + bytes(50))
        for name, body in (
            (
                "VP8X",
                struct.pack("<I", 0x12)
                + struct.pack("<I", w - 1)[:3]
                + struct.pack("<I", h - 1)[:3],
            ),
            (
                "VP8L",
                b"\x2f" + struct.pack("<I", (min(w, 16_383) - 1) | (min(h, 16_383) - 1) << 14),
            ),
            (
                "VP8 ",
                b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", min(w, 16_383), min(h, 16_383)),
            ),
        ):
            chunk = (
                name.encode()
                + struct.pack("<I", len(body))
                + body
                + bytes(len(body) % 2)
                + bytes(64)
            )
            yield bad(
                f"WebP {name} {w}x{h}",
                b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk,
            )


def _full() -> Iterator[File]:
    """As large as is taken, of one colour or written on: what memory and time are for."""
    plain = page(FULL)
    for mode in ("L", "RGBA", "CMYK", "I;16", "1", "LA", "P"):
        image = in_mode(plain, mode)
        for format, options in (
            ("PNG", {"compress_level": 1}),
            ("JPEG", {"quality": 60}),
            ("TIFF", {"compression": "packbits"}),
        ):
            content = written(image, format, **options)
            if content and len(content) < PICTURE_BYTES.most:
                name = f"{format} {mode} of all pixels"
                yield File(name, content, format, FULL, exact=format != "JPEG")
    wide = Image.new("L", (40_000_000, 1), 255)
    yield bad("PNG of one row of all pixels", written(wide, "PNG", compress_level=1) or b"")
    rows = struct.pack("<IiiHHIIiiII", 40, 40_000_000, 1, 1, 8, 1, 0, 0, 0, 0, 0)
    yield bad(
        "BMP, a row of RLE",
        b"BM" + struct.pack("<IHHI", 99, 0, 0, 54) + rows + b"\x00\x02\xff\xff" * 9999,
    )
    yield largest()


def _frames() -> Iterator[File]:
    """Films without end: only the first picture counts."""
    small = page()
    others = [Image.new("L", PAGE, n % 256) for n in range(600)]
    for format in ("GIF", "PNG", "WEBP", "TIFF"):
        content = written(
            small,
            format,
            save_all=True,
            append_images=others,
            **({"lossless": True} if format == "WEBP" else {}),
        )
        yield File(f"{format} of 601 frames", content or b"", format, exact=True)
    gif = written(small, "GIF") or b""
    tiny = (
        b"\x21\xf9\x04\x00\x00\x00\x00\x00\x2c"
        + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
        + b"\x02\x02\x4c\x01\x00"
    )
    yield File("GIF of 100,001 frames", gif[:-1] + tiny * 100_000 + b";", "GIF", exact=True)
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 40_000 + b"\x00"
    yield File("GIF with a comment of 10 MB", gif[:-1] + comment + b";", "GIF", exact=True)
    head = 13 + 3 * 2 ** ((gif[10] & 7) + 1)
    yield File(
        "GIF with a comment of 10 MB in front", gif[:head] + comment + gif[head:], "GIF", exact=True
    )


def _jpegs() -> Iterator[File]:
    """Few bytes that take long."""
    for size, name in ((PAGE, "small"), (FULL, "large")):
        content = written(page(size), "JPEG", progressive=True) or b""
        scan = content[content.rindex(b"\xff\xda") : -2]
        for count in (300, 30_000):
            bomb = content[:-2] + scan * count
            if len(bomb) < PICTURE_BYTES.most:
                yield bad(f"JPEG of {count} scans, {name}", bomb + b"\xff\xd9")
                hidden = content[:-2] + (b"\xff\x01" + scan) * count  # a marker without a length
                yield bad(f"JPEG of {count} scans, {name}, half hidden", hidden + b"\xff\xd9")
    good = written(page(), "JPEG") or b""
    yield File(
        "JPEG with 9,000 segments", good[:2] + b"\xff\xe5\x00\x08abcdef" * 9_000 + good[2:], "JPEG"
    )
    yield File("JPEG and a film", good + b"\xff\xda\x12" * 90_000, "JPEG")  # as phones append it
    for name, old, new in (
        ("arithmetic", b"\xff\xc0", b"\xff\xc9"),
        ("lossless", b"\xff\xc0", b"\xff\xc3"),
    ):
        yield bad(f"JPEG said to be {name}", good.replace(old, new, 1))
    yield bad("JPEG of two frames", good[:-2] + good[2:])
    yield bad("JPEG of two starts", good[:2] + good)


def _others() -> Iterator[File]:
    head = struct.pack("<IiiHHIIiiII", 40, 6324, 6324, 1, 8, 1, 0, 0, 0, 256, 0)
    bmp = b"BM" + struct.pack("<IHHI", 99, 0, 0, 54 + 1024) + head + bytes(1024)
    for name, code in {
        "ends": b"\x00\x00",
        "moves": b"\x00\x02\x01\x01",
        "runs": b"\x01\x07",
        "nothing": b"\xff\x07",
    }.items():
        yield bad(f"BMP of a million {name}", bmp + code * 1_000_000)
    yield bad("PGM of comments", b"P2\n" + b"# a comment\n" * 500_000 + b"9 9 255\n" + b"1 " * 81)
    yield bad("PGM of a long number", b"P2 9 9 255\n" + b"1" * 10_000_000)
    yield bad("PPM with maximum 0", b"P5 9 9 0\n" + bytes(81))
    yield bad("PFM of NaN", b"Pf 99 99 -1.0\n" + struct.pack("<f", float("nan")) * 99 * 99)
    yield bad("PFM of infinity", b"Pf 99 99 -1.0\n" + struct.pack("<f", float("inf")) * 99 * 99)
