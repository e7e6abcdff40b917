"""What a person makes of a checkpoint's latent space and wants back: bookmarks, names, directions.

A model may be replaced by one of other dimensions under the same name: what fits is shown, the rest
waits. It belongs to one session (`state.KEPT`, by checkpoint) and is written into the browser's own
storage, so that it survives a reload and a restart of the server and no other visitor sees it.
What comes back from there is checked like anything that comes from outside.
"""

import itertools
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np
import streamlit as st

from core.limits import BOOKMARKS, LABEL_LENGTH, MAP_POINTS
from explorer import caches, state
from explorer.components import browser_storage
from explorer.coordinates import is_coordinate
from explorer.index_masks import from_mask, to_mask

MOST_DIMENSIONS = 4096  # of a stored point


class Bookmark(TypedDict):
    """A point to come back to."""

    id: str
    name: str
    z: list[float]


class Direction(TypedDict):
    """A named direction: z + t * vector. A unit is what its maker chose: core.attributes."""

    id: str
    name: str
    vector: list[float]


class Kept(TypedDict):
    """Everything kept for one checkpoint."""

    bookmarks: list[Bookmark]
    directions: list[Direction]
    names: dict[str, str]  # of latent dimensions: "4" -> "slant"
    locked: list[int]  # dimensions that randomising leaves alone


def kept() -> Kept:
    """What is kept for the checkpoint in use and fits it. Change it by `keep` only."""
    return _split()[0]


def _split() -> tuple[Kept, Kept]:
    """What fits the checkpoint in use, and what is of other dimensions."""
    empty = Kept(bookmarks=[], directions=[], names={}, locked=[])
    found: Kept = st.session_state[state.KEPT].get(state.checkpoint(), empty)
    size = len(state.z())

    def part(mine: bool) -> Kept:
        return Kept(
            bookmarks=[mark for mark in found["bookmarks"] if (len(mark["z"]) == size) is mine],
            directions=[way for way in found["directions"] if (len(way["vector"]) == size) is mine],
            names={d: name for d, name in found["names"].items() if (int(d) < size) is mine},
            locked=[d for d in found["locked"] if (d < size) is mine],
        )

    return part(True), part(False)


def keep(**changes: Any) -> None:
    """Replace fields of `kept()`."""
    present, waiting = _split()
    now: Any = {**present, **changes}
    joined = Kept(
        bookmarks=[*now["bookmarks"], *waiting["bookmarks"]],
        directions=[*now["directions"], *waiting["directions"]],
        names=now["names"] | waiting["names"],
        locked=[*now["locked"], *waiting["locked"]],
    )
    st.session_state[state.KEPT] = {**st.session_state[state.KEPT], state.checkpoint(): joined}


def add_bookmark(name: str, z: Sequence[float]) -> None:
    """Raises ValueError when there are too many."""
    present = kept()["bookmarks"]
    keep(bookmarks=[*present, Bookmark(id=_id(present), name=_name(name), z=list(z))])


def add_direction(name: str, vector: Sequence[float]) -> None:
    """Raises ValueError when there are too many."""
    present = kept()["directions"]
    keep(directions=[*present, Direction(id=_id(present), name=_name(name), vector=list(vector))])


def rename(field: str, id: str, name: str) -> None:
    """Of a bookmark or direction; `field` is "bookmarks" or "directions". An empty name is none."""
    if name := _name(name):
        _change(field, lambda entry: {**entry, "name": name} if entry["id"] == id else entry)


def remove(field: str, id: str) -> None:
    _change(field, lambda entry: None if entry["id"] == id else entry)


def name_of(dimension: int) -> str:
    """What a dimension is called: as it was renamed, or z and its number."""
    return kept()["names"].get(str(dimension), f"z{dimension}")


def name_dimension(dimension: int, name: str) -> None:
    """An empty name, or the dimension's own, takes the given one away."""
    names = {key: value for key, value in kept()["names"].items() if key != str(dimension)}
    name = _name(name)
    keep(names=names | ({str(dimension): name} if name and name != f"z{dimension}" else {}))


def lock(dimension: int, locked: bool) -> None:
    keep(locked=sorted({*kept()["locked"], dimension} - (set() if locked else {dimension})))


def storage() -> None:
    """Keep the browser's copy the same, and that of the map's named groups. Once on every page."""
    name = state.checkpoint()
    groups = st.session_state[state.GROUPS].get(name, {})
    everything = st.session_state[state.KEPT].get(name, kept())
    value = {**everything, "groups": {group: to_mask(of) for group, of in groups.items()}}
    browser_storage(
        f"latent-explorer/{name}",
        json.dumps(value),
        session=st.session_state[state.SESSION],
        empty=not any(value.values()),
        heard=name in st.session_state[state.HEARD],
        key=state.STORAGE,
        on_stored_change=_adopt,
    )


def _adopt() -> None:
    """The browser's storage holds what an earlier session or another tab has kept."""
    told = st.session_state[state.STORAGE].stored
    name = state.checkpoint()
    if told and told["key"] == f"latent-explorer/{name}":
        mine = dict(st.session_state[state.KEPT].get(name, {})) if told["merge"] else {}
        stored = checked(told["value"], mine)
        st.session_state[state.KEPT] = {**st.session_state[state.KEPT], name: stored}
        st.session_state[state.HEARD] = {*st.session_state[state.HEARD], name}
        everything = st.session_state[state.GROUPS]
        own = everything.get(name, {}) if told["merge"] else {}
        groups = {**checked_groups(told["value"]), **own}
        st.session_state[state.GROUPS] = {**everything, name: groups}


def checked_groups(text: str) -> dict[str, np.ndarray]:
    """The named groups in stored JSON; what is no group is left out."""
    try:
        listed = json.loads(text)["groups"].items()
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    found = {}
    for name, mask in itertools.islice(listed, BOOKMARKS.most):
        try:
            indices = from_mask(mask)
        except (ValueError, TypeError):
            continue
        if len(indices) and indices[-1] < MAP_POINTS.most:
            found[_name(name)] = indices
    return found


def checked(text: str, mine: dict[str, Any]) -> Kept:
    """Stored JSON as a Kept, joined with `mine`; whatever is none is left out."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    found: dict[str, Any] = value if isinstance(value, dict) else {}

    def entries(field: str, vector: str) -> list[Any]:
        listed = found.get(field)
        good = [
            {"id": entry["id"], "name": _name(entry["name"]), vector: entry[vector]}
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict)
            and isinstance(entry.get("id"), str)
            and isinstance(entry.get("name"), str)
            and _is_vector(entry.get(vector))
        ]
        joined = {entry["id"]: entry for entry in [*good, *mine.get(field, [])]}
        return list(joined.values())[: BOOKMARKS.most]

    names, locked = found.get("names"), found.get("locked")
    return Kept(
        bookmarks=entries("bookmarks", "z"),
        directions=entries("directions", "vector"),
        names={
            str(d): _name(names[str(d)])
            for d in range(MOST_DIMENSIONS)
            if isinstance(names, dict) and isinstance(names.get(str(d)), str)
        }
        | mine.get("names", {}),
        locked=sorted(
            {d for d in (locked if isinstance(locked, list) else []) if _is_dimension(d)}
            | set(mine.get("locked", []))
        ),
    )


def thumbnails(points: Sequence[Sequence[float]]) -> list[bytes]:
    """The decoded pictures of points, as grey or RGB bytes."""
    from explorer.frames import decode_pixels

    if not points:
        return []
    model = caches.model(state.checkpoint())
    planes = decode_pixels(model, np.asarray(points, np.float32))
    channels = model.image_shape[0]
    return [planes[n * channels : (n + 1) * channels].tobytes() for n in range(len(points))]


def _is_vector(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= MOST_DIMENSIONS
        and all(is_coordinate(v) for v in value)
    )


def _is_dimension(value: object) -> bool:
    return type(value) is int and 0 <= value < MOST_DIMENSIONS


def _id(present: Sequence[object]) -> str:
    if len(present) >= BOOKMARKS.most:
        raise ValueError(f"There are {BOOKMARKS} already; remove some first.")
    return uuid.uuid4().hex[:12]


def _name(text: str) -> str:
    return " ".join(text.split())[: LABEL_LENGTH.most]


def _change(field: str, change: Callable[[Any], Any]) -> None:
    entries: list[Any] = kept()[field]  # type: ignore[literal-required]
    keep(**{field: [new for entry in entries if (new := change(entry)) is not None]})
