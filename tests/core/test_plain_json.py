"""Whatever JSON holds, it is a value, a sentence or a ValueError."""

import pytest

from core.plain_json import finite, parsed, shown


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "{", "1" * 10_000, b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parsed(text)


def test_numbers() -> None:
    assert finite(2) == 2.0 and finite(0.5) == 0.5
    for value in (None, True, "1", [], 10**400, -(10**400), float("nan"), float("inf")):
        assert finite(value) is None


def test_a_sentence_quotes_the_beginning() -> None:
    assert shown(None) == "missing" and shown(["a"]) == '["a"]'
    assert shown("x" * 999).endswith("x ...") and len(shown("x" * 999)) < 70
