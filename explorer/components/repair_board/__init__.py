"""The board of Repair."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypedDict

from explorer.components.wrapping import BackgroundMap, Live, register


class Damaged(NamedTuple):
    """A picture with holes, byte by byte: `image` has C*H*W levels, also where nothing is known."""

    image: bytes
    mask: bytes  # H*W of 0 (missing) and 1 (observed)


class BoardAnswer(TypedDict):
    """What COMPLETE answers on the live channel."""

    shape: tuple[int, ...]  # (pictures * C, H, W)
    pixels: str  # base64
    facts: str  # JSON


_mount = register("repair_board", styles=["buttons"])


def repair_board(
    live: Live,
    *,
    start: Damaged,
    now: Damaged,
    original: bytes,
    shape: tuple[int, ...],
    revision: int,
    commit: int,
    settings: dict[str, Any],
    answer: BoardAnswer | None,
    background: BackgroundMap | None,
    colours: Sequence[str],
    key: str,
    on_damage_change: Callable[[], None],
    on_open_change: Callable[[], None],
) -> None:
    """A damaged picture to paint on, beside its repair.

    `start` is what Reset goes back to, `now` what the hand has made of it; `original` is empty when
    it is not known. A new `revision` replaces the picture on screen, the same one never does.
    `answer` belongs to the hand's commit number `commit`; `settings` go to the live channel with
    every request. `colours` are those of the classes.

    When the hand rests session_state[key].damage is {"image": base64, "mask": base64, "commit": n,
    "revision": n, "checkpoint": ...} and on_damage_change is called. During on_open_change
    session_state[key].open is {"z": [...], "checkpoint": ...}: an answer was chosen.
    """
    data = {
        "live": live, "start": _encoded(start), "now": _encoded(now),
        "original": base64.b64encode(original).decode(), "shape": shape, "revision": revision,
        "commit": commit, "settings": settings, "answer": answer, "map": background,
        "colours": list(colours),
    }  # fmt: skip
    _mount(key=key, data=data, on_damage_change=on_damage_change, on_open_change=on_open_change)


def _encoded(damaged: Damaged) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in damaged._asdict().items()}
