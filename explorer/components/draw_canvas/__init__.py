"""A canvas to draw on."""

import base64
from collections.abc import Callable

from explorer.components.wrapping import register

_mount = register("draw_canvas")


def draw_canvas(
    drawing: bytes | None, *, noun: str, key: str, on_png_change: Callable[[], None]
) -> None:
    """A canvas to draw on; `drawing` is the PNG it starts from, `noun` what to draw: "a digit".

    After each stroke session_state[key].png is the drawing in base64, or "" when it is cleared.
    """
    start = base64.b64encode(drawing).decode() if drawing else ""
    _mount(key=key, data={"drawing": start, "noun": noun}, on_png_change=on_png_change)
