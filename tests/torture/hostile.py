"""Files that somebody may call a picture: bombs, archives, scripts, polyglots, broken metadata."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

from core.limits import PICTURE_BYTES
from tests.torture.bombs import bombs, headers, png_chunk, tiff_header
from tests.torture.pictures import File, bad, page, written

SCRIPT = b"<script>alert(document.cookie)</script>"


def hostile(*, quick: bool = False) -> Iterator[File]:
    """All of them, or without those that take long to make; those that hold the page must still be
    read rightly."""
    for make in (headers, _polyglots, _exif, _tiffs):
        yield from make()
    if not quick:
        for make in (_png_chunks, _strangers, bombs):
            yield from make()


def _archive(kind: str, name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _strangers() -> Iterator[File]:
    """No pictures at all."""
    picture = written(page(), "PNG") or b""
    for count in (0, 1, 2, 8, 64, 4096, PICTURE_BYTES.most, PICTURE_BYTES.most + 1):
        for byte in (b"\x00", b"\xff"):
            yield bad(f"{count} bytes {byte.hex()}", byte * count)
    for kind in ("zip", "tar"):
        yield bad(f"{kind} with a picture", _archive(kind, "a.png", picture))
        yield bad(f"{kind} that climbs", _archive(kind, "../../a.png", picture))
        yield bad(f"{kind} bomb", _archive(kind, "a.png", bytes(15 * 2**20)))
    zipped = _archive("zip", "a.png", bytes(64 * 2**20))
    yield bad("zip bomb in zips", _archive("zip", "a.zip", _archive("zip", "b.zip", zipped)))
    for pack in (gzip, bz2, lzma):
        yield bad(f"{pack.__name__} of a picture", pack.compress(picture))
        yield bad(f"{pack.__name__} bomb", pack.compress(bytes(64 * 2**20)))
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'>%s</svg>"
    laughs = b"<!ENTITY a 'ha'>" + b"".join(
        b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    start_of_eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"
    for name, content in {
        "SVG": svg % b"<rect width='9' height='9'/>",
        "SVG with a script": svg % SCRIPT,
        "SVG with an event": svg % b"<image href='x' onerror='alert(1)'/>",
        "SVG that reads a file": b"<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
        + svg % b"&x;",
        "SVG of a billion laughs": b"<!DOCTYPE s [%s]>" % laughs + svg % b"&j;",
        "HTML": b"<!doctype html><html><body>" + SCRIPT + b"</body></html>",
        "PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n",
        "PostScript": start_of_eps + b"(%pipe%id) (r) file closefile\nshowpage\n",
        "PostScript without end": start_of_eps + b"{} loop\n",
        "WMF": b"\xd7\xcd\xc6\x9a" + bytes(99),
        "EMF": b"\x01\x00\x00\x00" + bytes(36) + b" EMF" + bytes(99),
        "XPM": b'/* XPM */\nstatic char *x[] = {"99999 99999 1 1", "a c #000"};',
        "XBM": b"#define x_width 99999\n#define x_height 99999\nstatic char x_bits[] = {0};",
        "shell script": b"#!/bin/sh\nid\n",
        "ELF": b"\x7fELF" + bytes(99),
        "EXE": b"MZ" + bytes(99),
        "JSON": b'{"a": 1}',
        "CSV": b"a,b\n1,2\n",
        "Python": b"import os\n",
        "UTF-16": "picture".encode("utf-16"),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(99),
        "GRIB": b"GRIB" + bytes(99),
        "FITS": b"SIMPLE  =" + bytes(2880),
        "PSD": b"8BPS\x00\x01"
        + bytes(6)
        + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3)
        + bytes(99),
        "MP4": b"\x00\x00\x00\x18ftypmp42" + bytes(99),
        "HEIC": b"\x00\x00\x00\x18ftypheic" + bytes(99),
        "AVIF of nothing": b"\x00\x00\x00\x1cftypavif" + bytes(99),
    }.items():
        yield bad(name, content)


def _polyglots() -> Iterator[File]:
    """Pictures with something after, before or within them; they are pictures all the same."""
    tails = {
        "zip": _archive("zip", "a.txt", b"hello" * 99),
        "HTML": b"<html>" + SCRIPT + b"</html>",
        "zeros": bytes(99_999),
        "PHP": b"<?php system($_GET[0]); ?>",
        "another": written(page(), "PNG") or b"",
    }
    for format in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        content = written(page(), format) or b""
        for name, tail in tails.items():
            yield File(f"{format} and {name}", content + tail, format, exact=format != "JPEG")
    gif = written(page(), "GIF") or b""
    yield bad("GIF and JS", b"GIF89a/*" + gif[8:] + b"*/=1;alert(1)")
    yield bad("BMP and JS", b"BM/*" + (written(page(), "BMP") or b"")[4:] + b"*/=1;alert(1)")
    jpeg = written(page(), "JPEG", comment=SCRIPT) or b""
    yield File("JPEG with a script for a comment", jpeg, "JPEG")
    yield File(
        "PDF in a JPEG's comment", written(page(), "JPEG", comment=b"%PDF-1.7\n") or b"", "JPEG"
    )


def _with(picture: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks right after its header."""
    return picture[:33] + b"".join(chunks) + picture[33:]


def _png_chunks() -> Iterator[File]:
    """Text, profiles and other chunks that lie or blow up."""
    good = written(page(), "PNG") or b""
    bomb = zlib.compress(bytes(100 * 2**20), 9)
    million = zlib.compress(bytes(2**20 - 9), 9)
    for name, chunk in {
        "zTXt bomb": png_chunk(b"zTXt", b"a\x00\x00" + bomb),
        "iTXt bomb": png_chunk(b"iTXt", b"a\x00\x01\x00\x00\x00" + bomb),
        "iCCP bomb": png_chunk(b"iCCP", b"a\x00\x00" + bomb),
        "a hundred zTXt": png_chunk(b"zTXt", b"a\x00\x00" + million) * 100,
        "APNG without frames": png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        "PLTE of a byte": png_chunk(b"PLTE", b"a"),
        "tRNS too long": png_chunk(b"tRNS", bytes(9999)),
        "another IHDR": png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)),
        "wrong checksum": struct.pack(">I", 4) + b"gAMA" + bytes(8),
        "length of 4 GB": struct.pack(">I", 2**32 - 1) + b"tEXt" + b"a\x00b",
        "fcTL of nothing": png_chunk(b"fcTL", bytes(26)),
        "pHYs of a byte": png_chunk(b"pHYs", b"a"),
    }.items():
        yield bad(f"PNG with {name}", _with(good, chunk))
    for name, chunk in {
        "a script for a text": png_chunk(b"tEXt", b"Title\x00" + SCRIPT),
        "200,000 empty chunks": png_chunk(b"abCd", b"") * 200_000,
        "200,000 texts": png_chunk(b"tEXt", b"a\x00b") * 200_000,
        "a broken iCCP": png_chunk(b"iCCP", b"a\x00\x00" + b"no profile"),
        "a broken eXIf": png_chunk(b"eXIf", b"MM\x00*no exif"),
        "an eXIf that turns in circles": png_chunk(
            b"eXIf", b"MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x08"
        ),
        "gamma 0": png_chunk(b"gAMA", bytes(4)),
        "XMP of 1 MB": png_chunk(
            b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + b"<x>" * 300_000
        ),
    }.items():
        yield File(f"PNG with {name}", _with(good, chunk), "PNG", exact=True)


def _exif_block(entries: int, body: bytes) -> bytes:
    return b"Exif\x00\x00II*\x00" + struct.pack("<IH", 8, entries) + body + struct.pack("<I", 8)


def _exif() -> Iterator[File]:
    """Orientation that is none; the picture is there as it is."""
    for value in (0, 9, 255, 65_535, -1, "6", b"\x06", 6.5):
        exif = Image.Exif()
        exif[0x0112] = value
        for format in ("JPEG", "PNG", "WEBP", "TIFF"):
            if content := written(page(), format, exif=exif):
                yield File(
                    f"{format} orientation {value!r}", content, format, exact=format != "JPEG"
                )
    for name, block in {
        "cut": b"Exif\x00\x00MM",
        "empty": b"Exif\x00\x00",
        "nonsense": b"Exif\x00\x00" + b"\xff" * 60_000,
        "in circles": _exif_block(1, struct.pack("<HHII", 0x8769, 4, 1, 8)),
        "of 4 GB": _exif_block(1, struct.pack("<HHII", 0x0112, 3, 2**32 - 1, 8)),
        "of 9999 entries": _exif_block(9999, struct.pack("<HHII", 0x0112, 3, 1, 1) * 5000),
    }.items():
        if content := written(page(), "JPEG", exif=block):
            yield File(f"JPEG EXIF {name}", content, "JPEG")
    for size in (1, 100, 200_000):
        if content := written(page(), "JPEG", icc_profile=b"\xff" * size):
            yield File(f"JPEG ICC of {size} bytes of nonsense", content, "JPEG")


def _tiffs() -> Iterator[File]:
    for name, content in {
        "in circles": tiff_header(99, 99)[:-64] + struct.pack("<I", 8) + bytes(64),
        "65,535 samples": tiff_header(99, 99, t277=65_535),
        "compression 7": tiff_header(99, 99, t259=7),
        "compression 34712": tiff_header(99, 99, t259=34_712),
        "strips of 4 GB": tiff_header(99, 99, t279=2**32 - 1),
        "strip beyond": tiff_header(99, 99, t273=2**31),
        "64 bits": tiff_header(99, 99, t258=64),
        "tiles of 4 GB": tiff_header(99, 99, tile=True, t322=2**16, t323=2**16),
        "a row a strip": tiff_header(99, 99, t278=1),
        "0 rows": tiff_header(99, 99, t278=0),
        "BigTIFF": b"II+\x00\x08\x00\x00\x00" + struct.pack("<Q", 2**60) + bytes(64),
        "0 x 0": tiff_header(0, 0),
    }.items():
        yield bad(f"TIFF {name}", content)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "x" * 5_000_000
    yield File(
        "TIFF with a title of 5 MB",
        written(page(), "TIFF", tiffinfo=tags) or b"",
        "TIFF",
        exact=True,
    )
