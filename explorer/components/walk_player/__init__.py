"""The player of Walk."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from explorer.components.wrapping import BackgroundMap, Live, register


class Strip(TypedDict):
    """A walk; without pixels it is still being found."""

    id: str  # of core.walk.METHODS
    name: str
    explanation: str
    z: list[list[float]]  # (N, D)
    pixels: str  # base64 of N*C*H*W bytes
    lengths: list[float]  # N - 1 steps in pixel space
    total: float
    unevenness: float
    xy: list[list[float]]  # (N, 2) on the map


_mount = register("walk_player", styles=["buttons"])


def walk_player(
    live: Live,
    walks: Sequence[Strip],
    *,
    stops: Sequence[int],
    background: BackgroundMap | None,
    key: str,
    on_open_change: Callable[[], None],
) -> None:
    """Walks through the same keys, one under the other, with one playhead.

    `stops` are the indices of the keys. During on_open_change session_state[key].open is
    {"z": [...], "checkpoint": ...}: the picture at the playhead was chosen.
    """
    data = {
        "live": live, "walks": list(walks), "stops": list(stops), "shape": live["shape"],
        "map": background,
    }  # fmt: skip
    _mount(key=key, data=data, on_open_change=on_open_change)
