"""A canvas to draw on."""

import base64
from collections.abc import Callable, Mapping

from explorer.components.wrapping import register

_mount = register("draw_canvas", styles=["buttons"])


def draw_canvas(
    drawing: bytes | None,
    *,
    session: str,
    noun: str,
    key: str,
    on_png_change: Callable[[], None],
    words: Mapping[str, str] | None = None,
) -> None:
    """A canvas to draw on; `drawing` is the PNG it starts from, `noun` what to draw: "a digit".

    After each stroke session_state[key].png is {"content": base64, "commit": n}; the content is ""
    when it is cleared. A new `session`, of a server that was restarted, is told again.
    `words` in another language: canvas, hint, brush, size, erase, undo, clear.
    """
    start = base64.b64encode(drawing).decode() if drawing else ""
    said = {
        "canvas": f"Draw {noun} here with mouse, pen or finger; or move with the arrow keys and "
        "press Space, or hold Shift, to draw",
        "hint": f"Draw {noun}", "brush": "Brush", "size": "Brush size", "erase": "Erase",
        "undo": "Undo", "clear": "Clear",
    } | dict(words or {})  # fmt: skip
    _mount(
        key=key,
        data={"drawing": start, "session": session, "words": said},
        on_png_change=on_png_change,
    )
