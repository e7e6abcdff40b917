"""Words that people gave, within sentences of ours."""

import re


def escaped(text: str) -> str:
    """For Markdown: shown as it was typed, and no link, picture or colour.

    Only punctuation of ASCII may be escaped there; before anything else the backslash would show.
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
