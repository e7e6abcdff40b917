"""The sliders of z."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from explorer.components.wrapping import Live, register


class Axis(TypedDict):
    """What one slider moves z along: a latent dimension, or a vector.

    Along a vector the slider's value is where z - origin falls on it, and moving it leaves the rest
    of z alone; on a line, z is put on the line itself.
    """

    id: str
    name: str
    renamable: bool  # whether an edit of the name is kept
    dimension: int | None
    vector: list[float] | None
    origin: list[float] | None
    line: bool
    kl: float | None  # nats, mean over the test set
    active: bool
    low: float  # where the slider begins and ends
    high: float
    median: float
    mean: float
    sd: float
    locked: bool


_mount = register("latent_sliders")


def latent_sliders(
    live: Live,
    axes: Sequence[Axis],
    *,
    filmstrips: bool,
    units: str,
    key: str,
    on_z_change: Callable[[], None],
    on_edit_change: Callable[[], None],
) -> None:
    """A slider for each axis, in this order. `units` of the numbers: "z" or "sd".

    On release session_state[key].z is {"z": [...], "checkpoint": ...} and on_z_change is called.
    During on_edit_change session_state[key].edit is {"id": ..., "name": ...} or {"id": ...,
    "locked": ...}.
    """
    data = {"live": live, "axes": list(axes), "filmstrips": filmstrips, "units": units}
    _mount(key=key, data=data, on_z_change=on_z_change, on_edit_change=on_edit_change)
