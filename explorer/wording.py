"""Words that people gave, within sentences of ours."""

import re


def escaped(text: str) -> str:
    """For Markdown: shown as it was typed, and no link, picture or colour.

    Only punctuation of ASCII may be escaped there; before anything else the backslash would show.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def duration(seconds: float) -> str:
    """As somebody would say it: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
