"""A canvas to draw on."""

import base64
from collections.abc import Callable

from explorer.components.wrapping import register

_mount = register("draw_canvas")


def draw_canvas(
    drawing: bytes | None, *, session: str, noun: str, key: str, on_png_change: Callable[[], None]
) -> None:
    """A canvas to draw on; `drawing` is the PNG it starts from, `noun` what to draw: "a digit".

    After each stroke session_state[key].png is {"content": base64, "commit": n}; the content is ""
    when it is cleared. A new `session`, of a server that was restarted, is told again.
    """
    start = base64.b64encode(drawing).decode() if drawing else ""
    _mount(
        key=key,
        data={"drawing": start, "session": session, "noun": noun},
        on_png_change=on_png_change,
    )
