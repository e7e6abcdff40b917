"""Pictures side by side."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from explorer.components.wrapping import register


class Picture(NamedTuple):
    """One picture of a row, `width` px wide on screen."""

    png: bytes
    width: int
    alt: str  # for screen readers
    caption: str = ""
    hint: str = ""  # shown when the pointer rests on the caption


_mount = register("picture_row")


def picture_row(pictures: Sequence[Picture], *, key: str) -> None:
    """Pictures side by side, pixel for pixel (st.image would smooth and recompress them)."""
    encoded = [p._asdict() | {"png": base64.b64encode(p.png).decode()} for p in pictures]
    _mount(key=key, data={"pictures": encoded})
