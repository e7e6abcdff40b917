"""The map of the encoded data."""

from collections.abc import Callable
from typing import Literal, TypedDict

from explorer.components.wrapping import Live, register


class Plane(TypedDict):
    """core.projection.LinearProjection for the browser."""

    kind: Literal["linear"]
    origin: list[float]
    axes: list[list[float]]
    lifts: list[list[float]]


class Neighbours(TypedDict):
    """core.projection.NeighbourProjection for the browser; its places are those of the figure."""

    kind: Literal["neighbours"]
    encoded: str  # address of the images' mu


class Marked(TypedDict):
    """Which dots are selected."""

    mask: str  # base64, a bit for each image, lowest first; empty: none
    revision: int  # counts the times that Python, not the hand, has selected


_mount = register("latent_map", isolate_styles=False)  # plotly styles the document


def latent_map(
    live: Live,
    *,
    view: str,
    points: str,
    figure: str,
    encoded: str,
    pictures: str,
    plane: Plane | Neighbours,
    reference: int,
    noun: str,
    line: bool,
    underlay: str,
    selection: Marked,
    key: str,
    on_z_change: Callable[[], None],
    on_selection_change: Callable[[], None],
) -> None:
    """The map with its marker. `figure`, `encoded` and `pictures` are addresses relative to live/.

    `view` is the projection's id and `points` whose dots it has; the first `reference` of them are
    test images, called a test `noun`, the rest training images. `line`: a histogram strip.

    Commits like latent_sliders. During on_selection_change session_state[key].selection is
    {"checkpoint", "points", "projection", "mask"}, the mask as in Marked.
    """
    data = {
        "live": live, "view": view, "points": points, "figure": figure, "encoded": encoded,
        "pictures": pictures, "plane": plane, "reference": reference, "noun": noun, "line": line,
        "underlay": underlay, "selection": selection,
    }  # fmt: skip
    _mount(key=key, data=data, on_z_change=on_z_change, on_selection_change=on_selection_change)
