"""Words that people gave, within sentences of ours."""

import re


def escaped(text: str) -> str:
    """For Markdown: shown as it was typed, and no link, picture or colour."""
    return re.sub(r"([^\w\s])", r"\\\1", text)
