"""Limits are said in a sentence, and the server's own agree with them."""

import tomllib
from pathlib import Path

from core import limits
from core.limits import LIMITS, MB, MODEL_BYTES, PICTURE_BYTES, PICTURE_PIXELS, Limit

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
ENVELOPE = 2**20  # what a component's message has around its content, and the state of the page


def test_a_limit_in_a_sentence() -> None:
    assert str(PICTURE_BYTES) == "20 MB" and str(limits.FOLDER_BYTES) == "4 GB"
    assert str(PICTURE_PIXELS) == "40 megapixels"
    assert str(Limit(2000, "steps of a repair", "")) == "2,000"


def test_every_limit_has_its_reason() -> None:
    assert len(LIMITS) >= 10
    for name, limit in LIMITS.items():
        assert limit.most > 0 and len(limit.what) > 4 and len(limit.why) > 10, name


def test_the_server_takes_what_the_page_does_and_no_more() -> None:
    """A picture comes in base64 in a message of the page, a model as a file."""
    server = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["server"]
    message = server["maxMessageSize"] * MB
    assert PICTURE_BYTES.most * 4 / 3 + ENVELOPE < message < 2 * PICTURE_BYTES.most
    assert server["maxUploadSize"] * MB == max(MODEL_BYTES.most, PICTURE_BYTES.most)
