"""JSON that anybody may have written: whatever is wrong with it is a ValueError."""

import json
import sys
from typing import Any


def parsed(text: str | bytes) -> Any:
    """The value. Raises ValueError, also for text that is nested without end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def finite(value: object) -> float | None:
    """A number as a float; None for anything else, and for what is no finite float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # False for NaN, too. A whole number may be beyond all floats, which float() would not take.
    return float(value) if abs(value) <= sys.float_info.max else None


def shown(value: object, most: int = 60) -> str:
    """How a sentence quotes a value of JSON."""
    if value is None:
        return "missing"
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[:most]} ..."
