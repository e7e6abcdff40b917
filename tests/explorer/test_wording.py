"""People's words stay words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.wording import duration, escaped


def test_punctuation_of_ascii_alone_is_escaped() -> None:
    assert escaped("[a](b) → _c_") == r"\[a\]\(b\) → \_c\_"


@given(st.text())
def test_taking_the_backslashes_away_gives_the_text_back(text: str) -> None:
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped(text)) == text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-3, "0 s")],
)
def test_durations_as_somebody_would_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
