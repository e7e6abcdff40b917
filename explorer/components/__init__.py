"""The browser components: one folder each, one typed wrapper each below.

A component's script is a plain ES module that the server hands out (explorer/live.py); what
Streamlit gets is the one line that imports it, relative to the page, so that a base path or a
proxy in front changes nothing. Imports Streamlit only.
"""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict

import streamlit as st

FOLDER = Path(__file__).parent


class Live(TypedDict):
    """What every live component is told: the committed point and its decoded picture."""

    session: str  # another one after a restart of the server
    checkpoint: str
    z: list[float]
    revision: int  # counts the times that Python, not the hand, has set z
    shape: tuple[int, ...]  # (C, H, W)
    pixels: str  # base64 of C*H*W bytes


class Axis(TypedDict):
    """What one slider moves z along: a latent dimension, or a vector.

    Along a vector the slider's value is where z - origin falls on it, and moving it leaves the rest
    of z alone; on a line, z is put on the line itself.
    """

    id: str
    name: str
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


class Picture(NamedTuple):
    """One picture of a row, `width` px wide on screen."""

    png: bytes
    width: int
    alt: str  # for screen readers
    caption: str = ""
    hint: str = ""  # shown when the pointer rests on the caption


class Damaged(NamedTuple):
    """A picture with holes, byte by byte: `image` has H*W levels, also where nothing is known."""

    image: bytes
    mask: bytes  # H*W of 0 (missing) and 1 (observed)


class BoardAnswer(TypedDict):
    """What COMPLETE answers on the live channel."""

    shape: tuple[int, ...]  # (planes, H, W)
    pixels: str  # base64
    facts: str  # JSON


class BackgroundMap(TypedDict):
    """A picture of the encoded data; the url is relative to live/."""

    url: str
    bounds: tuple[float, float, float, float]  # left, right, bottom, top


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


def _register(name: str, *, isolate_styles: bool = True) -> Callable[..., None]:
    script = f"live/static/{name}/{name}.js"
    mount = st.components.v2.component(
        name,
        css=(FOLDER / name / f"{name}.css").read_text(encoding="utf-8"),
        # Two lines: Streamlit takes a single one for the path of a file.
        js=f'const module = await import(new URL("{script}", document.baseURI));\n'
        "export default module.default;\n",
        isolate_styles=isolate_styles,
    )

    def component(*, data: dict[str, Any], **options: Any) -> None:
        # In a list, because Streamlit searches a dict for data frames and imports pandas to know
        # one: 0.9 s of the page's start. `component` in live.js takes it out again.
        mount(data=[data], **options)

    return component


_decoded_image = _register("decoded_image")
_latent_sliders = _register("latent_sliders")
_latent_map = _register("latent_map", isolate_styles=False)  # plotly styles the document
_draw_canvas = _register("draw_canvas")
_image_input = _register("image_input")
_picture_row = _register("picture_row")
_repair_board = _register("repair_board")
_walk_player = _register("walk_player")
_browser_storage = _register("browser_storage")
_typicality = _register("typicality")
_history = _register("history")
_bookmarks = _register("bookmarks")


def browser_storage(
    name: str,
    value: str,
    *,
    session: str,
    empty: bool,
    heard: bool,
    key: str,
    on_stored_change: Callable[[], None],
) -> None:
    """Keeps `value` in the browser's storage as `name`.

    What the browser holds already is not written over before Python has `heard` of it; an `empty`
    value is not worth writing.

    During on_stored_change session_state[key].stored is {"key": name, "value": ..., "merge": bool}:
    what an earlier visit kept (to be joined with the present value) or another tab has just kept.
    """
    data = {"key": name, "value": value, "session": session, "empty": empty, "heard": heard}
    _browser_storage(key=key, data=data, on_stored_change=on_stored_change)


def picture_row(pictures: Sequence[Picture], *, key: str) -> None:
    """Pictures side by side, pixel for pixel (st.image would smooth and recompress them)."""
    encoded = [p._asdict() | {"png": base64.b64encode(p.png).decode()} for p in pictures]
    _picture_row(key=key, data={"pictures": encoded})


def decoded_image(live: Live, *, key: str, label: str) -> None:
    """The decoded picture with the reading of the live channel. `label` is for screen readers."""
    _decoded_image(key=key, data={"live": live, "label": label})


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
    _latent_sliders(key=key, data=data, on_z_change=on_z_change, on_edit_change=on_edit_change)


def typicality(live: Live, *, key: str, on_load_change: Callable[[], None]) -> None:
    """How usual z is, and its nearest neighbours.

    During on_load_change session_state[key].load is the index of a neighbour that was chosen.
    """
    _typicality(key=key, data={"live": live}, on_load_change=on_load_change)


def history(live: Live, *, key: str, on_z_change: Callable[[], None]) -> None:
    """Undo and redo of z. Commits like latent_sliders."""
    _history(key=key, data={"live": live}, on_z_change=on_z_change)


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
    {"kind": "add", "z": [...]}, or "go", "rename" (with "name"), "remove" or "compare" (with
    "side": "A" or "B") of an "id".
    """
    data = {
        "live": live, "bookmarks": [{"id": id, "name": name} for id, name in marks],
        "pixels": base64.b64encode(pixels).decode(), "shape": live["shape"],
        "compared": list(compared), "full": full,
    }  # fmt: skip
    _bookmarks(key=key, data=data, on_event_change=on_event_change)


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
    _latent_map(
        key=key, data=data, on_z_change=on_z_change, on_selection_change=on_selection_change
    )


def draw_canvas(drawing: bytes | None, *, key: str, on_png_change: Callable[[], None]) -> None:
    """A canvas to draw on; `drawing` is the PNG it starts from.

    After each stroke session_state[key].png is the drawing in base64, or "" when it is cleared.
    """
    start = base64.b64encode(drawing).decode() if drawing else ""
    _draw_canvas(key=key, data={"drawing": start}, on_png_change=on_png_change)


def image_input(
    name: str | None,
    *,
    key: str,
    testid: str,
    max_bytes: int,
    on_file_change: Callable[[], None],
) -> None:
    """A place to drop, paste or choose one picture; `name` is that of the present one.

    During on_file_change session_state[key].file is {"name": ..., "content": base64}, or
    {"name": ..., "error": ...} when the browser refused it. It is a trigger and no state, because
    Streamlit sends a component's state again with every rerun.
    """
    data = {"name": name, "testid": testid, "max_bytes": max_bytes}
    _image_input(key=key, data=data, on_file_change=on_file_change)


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
    _repair_board(
        key=key, data=data, on_damage_change=on_damage_change, on_open_change=on_open_change
    )


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
    _walk_player(key=key, data=data, on_open_change=on_open_change)


def _encoded(damaged: Damaged) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in damaged._asdict().items()}
