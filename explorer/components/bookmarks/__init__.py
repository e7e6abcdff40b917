"""The shelf of bookmarks."""

import base64
from collections.abc import Callable, Sequence

from explorer.components.wrapping import Live, register

_mount = register("bookmarks")


def bookmarks(
    live: Live,
    marks: Sequence[tuple[str, str]],
    pixels: bytes,
    *,
    compared: Sequence[str | None],
    full: bool,
    key: str,
    on_event_change: Callable[[], None],
) -> None:
    """A shelf of (id, name) with their pictures, all of the model's shape, one after another.

    `compared` are the ids that are A and B. During on_event_change session_state[key].event is
    {"kind": "add", "z": [...], "checkpoint": the model that z is of}, or "go", "rename" (with
    "name"), "remove" or "compare" (with "side": "A" or "B") of an "id".
    """
    data = {
        "live": live, "bookmarks": [{"id": id, "name": name} for id, name in marks],
        "pixels": base64.b64encode(pixels).decode(), "shape": live["shape"],
        "compared": list(compared), "full": full,
    }  # fmt: skip
    _mount(key=key, data=data, on_event_change=on_event_change)
