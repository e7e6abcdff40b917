"""The original files of a data set by torchvision's downloader: with progress and checksum."""

import http.client
import shutil
import socket
import urllib.error
import zipfile
from pathlib import Path
from typing import Any

from core.originals import unpacked
from core.sources import SOURCES, DataError, Original, Source

ARCHIVE = "gzip.zip"  # of EMNIST: all its splits in one file of 560 MB
TIMEOUT = 60  # s without a byte


def fetch_originals(source: Source, raw: Path) -> None:
    """Bring every file of `source` into `raw`; intact ones are left alone. Raises DataError."""
    raw.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        if source.torchvision == "EMNIST":
            _fetch_emnist(raw)
        else:
            for split, originals in source.files.items():
                for original in originals:
                    if not _intact(raw / original.name, original):
                        _download(_addresses(source, split, original), raw, original)
    finally:
        socket.setdefaulttimeout(before)


def _addresses(source: Source, split: str, original: Original) -> list[str]:
    """Where torchvision looks for a file, the best place first."""
    import torchvision.datasets  # seconds to import: only here

    theirs: Any = getattr(torchvision.datasets, source.torchvision)
    if source.torchvision == "QMNIST":
        return [url for url, _ in theirs.resources[split] if url.endswith("/" + original.name)]
    if source.torchvision == "USPS":
        return [theirs.split_list[split][0]]
    return [mirror + original.name for mirror in theirs.mirrors]


def _download(urls: list[str], raw: Path, original: Original) -> None:
    from torchvision.datasets.utils import download_url

    reasons = []
    for url in urls:
        try:
            download_url(url, str(raw), original.name, original.md5)
            return
        except (RuntimeError, urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            reasons.append(f"{url}: {str(reason).rstrip('.')}")
    raise DataError(
        f"{original.name} could not be fetched ({'; '.join(reasons)}). Check the network and try "
        f"again, or put the file with the md5 {original.md5} into {raw} by hand."
    )


def _fetch_emnist(raw: Path) -> None:
    """Both of our splits out of the archive, which is too large to stay."""
    import torchvision.datasets

    theirs: Any = torchvision.datasets.EMNIST
    ours = [s for s in SOURCES.values() if s.torchvision == "EMNIST"]
    wanted = [original for s in ours for files in s.files.values() for original in files]
    if all(_intact(raw / original.name, original) for original in wanted):
        return
    archive = raw / ARCHIVE
    theirs_already = archive.exists()
    _download([theirs.url], raw, Original(ARCHIVE, theirs.md5))
    try:
        with zipfile.ZipFile(archive) as inside:
            for original in wanted:
                temporary = raw / f".{original.name}.tmp"
                with inside.open(f"gzip/{original.name}") as packed, temporary.open("wb") as file:
                    shutil.copyfileobj(packed, file)  # zipfile checks each member's CRC-32
                temporary.replace(raw / original.name)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise DataError(
            f"{archive} cannot be unpacked ({error}). Remove it and try again."
        ) from None
    if not theirs_already:
        archive.unlink()


def _intact(path: Path, original: Original) -> bool:
    """Whether nothing need be fetched."""
    return path.is_file() and unpacked(path.read_bytes(), original) is not None
