"""People's words stay words."""

import re

from hypothesis import given
from hypothesis import strategies as st

from explorer.wording import escaped


def test_punctuation_of_ascii_alone_is_escaped() -> None:
    assert escaped("[a](b) → _c_") == r"\[a\]\(b\) → \_c\_"


@given(st.text())
def test_taking_the_backslashes_away_gives_the_text_back(text: str) -> None:
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped(text)) == text
