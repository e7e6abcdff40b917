"""A few of the files of `make torture`, and that the torture itself can fail."""

import io
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from tests.torture import uploads
from tests.torture.confined import Confined
from tests.torture.pictures import File, page, written


def test_every_file_ends_rightly_or_in_a_sentence() -> None:
    for row in uploads.rows(0.01, 0):
        assert row.held, (row.what, row.lost)


def test_a_wrong_result_is_noticed() -> None:
    turned = written(page().transpose(Image.Transpose.ROTATE_180), "PNG")
    assert turned is not None
    uploads.read(File("upright", written(page(), "PNG") or b"", "PNG", exact=True))
    with pytest.raises(AssertionError, match="difference"):
        uploads.read(File("turned", turned, "PNG", exact=True))
    with pytest.raises(AssertionError, match="refused"):
        uploads.read(File("cut", turned[:99], "PNG", exact=True))


@pytest.mark.parametrize(
    "said", ["no full stop", "Failed <_io.BytesIO object at 0x7f>.", "Traceback (most recent)."]
)
def test_what_is_no_sentence(said: str) -> None:
    assert not uploads.proper(said)
    assert uploads.proper("The picture is damaged. Send it again.")


def grasp(megabytes: int) -> str:
    return str(len(bytearray(b"x" * 2**20) * megabytes))


def hang() -> str:
    while True:
        io.BytesIO()


def test_memory_is_measured_and_a_hang_is_a_loss() -> None:
    with Confined(60) as process:
        assert process.tried(grasp, 200).peak > 190 * 2**20
        assert process.tried(grasp, 1).peak < 50 * 2**20  # each attempt for itself
        assert process.tried(grasp, 10**9).lost is not None
        process.patience = 0.5
        assert "no end within 0.5 s" in (process.tried(hang).lost or "")


def test_what_is_tried_starts_whatever_script_the_caller_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After an AppTest the caller's __main__ is the page's script, which no other process runs."""
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit('run again')")
    main = ModuleType("__main__")
    main.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", main)
    with Confined(60) as process:
        assert process.tried(grasp, 1).word == str(2**20)
