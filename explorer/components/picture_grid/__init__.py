"""Rows of pictures whose columns belong together."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from explorer.components.wrapping import register


class Tile(NamedTuple):
    """One picture of a row; `strong` sets its caption apart."""

    png: bytes
    alt: str  # for screen readers
    caption: str = ""
    strong: bool = False


class Row(NamedTuple):
    """A row, named at its left."""

    label: str
    note: str
    tiles: Sequence[Tile]


_mount = register("picture_grid")


def picture_grid(rows: Sequence[Row], *, width: int, key: str) -> None:
    """Rows of pictures below each other, column by column, each `width` px wide on screen.

    Where there is less room they scroll sideways together; rows of a single picture shrink.
    """
    encoded = [
        {
            "label": row.label,
            "note": row.note,
            "tiles": [
                tile._asdict() | {"png": base64.b64encode(tile.png).decode()} for tile in row.tiles
            ],
        }
        for row in rows
    ]
    _mount(key=key, data={"rows": encoded, "width": width})
