"""A JPEG that keeps its decoder busy for hours is refused before it is decoded."""

import io
import random

import pytest
from PIL import Image

from core.digits import DigitError, to_digit, to_input
from core.fitting import FitError, fitted_file
from core.limits import PICTURE_SCANS
from core.scans import count_scans


def jpeg(*, progressive: bool) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (90, 80), 255).save(buffer, "JPEG", progressive=progressive)
    return buffer.getvalue()


def with_scans(count: int, before: bytes = b"") -> bytes:
    """Its last scan so many times more."""
    content = jpeg(progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + (before + scan) * count + b"\xff\xd9"


def counted(content: bytes) -> int:
    return count_scans(io.BytesIO(content))


def test_scans_are_counted() -> None:
    own = counted(jpeg(progressive=True))
    assert counted(jpeg(progressive=False)) == 1 and own > 1
    for before in (b"", b"\xff\xff", b"\xff\x01", b"\xff\xd0", b"\xff\xfe\x00\x04ab"):
        assert counted(with_scans(7, before)) == own + 7


def test_what_a_phone_appends_does_not_count() -> None:
    film = random.Random(0).randbytes(2**20) + b"\xff\xda" * 999
    assert counted(jpeg(progressive=False) + film) == 1


def test_a_file_stays_where_it_is() -> None:
    file = io.BytesIO(jpeg(progressive=True))
    file.seek(5)
    count_scans(file)
    assert file.tell() == 5


def test_too_many_are_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_scans(PICTURE_SCANS.most)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(DigitError, match=f"more than {PICTURE_SCANS} times"):
        to_digit(content)
    with pytest.raises(DigitError, match=f"over {PICTURE_SCANS} scans"):
        to_input(content, (1, 28, 28), ink=False)
    with pytest.raises(FitError, match=f"over {PICTURE_SCANS} scans"):
        fitted_file(content, 28, 1)
