"""What a session knows beside what is kept for good, held by the open page over a restart.

A server that is killed forgets its sessions; the pages stay open. Each page therefore holds what
its session knew (components/connection), tells it to the session that takes over, and goes on where
it was. It is the page's own and goes nowhere else. What has a place already is not in it: z and the
model are in the address, bookmarks and groups in the browser's storage (explorer/kept.py), an
uploaded picture in the page that took it.
"""

import base64
import json
from pathlib import Path
from typing import Any

import streamlit as st

from core.limits import WALK_KEYS
from explorer import board, sources, state
from explorer.components import connection
from explorer.coordinates import is_coordinate
from explorer.index_masks import from_mask, to_mask
from explorer.selections import Selection

# Of one program only: with another version of it a choice may have another name.
PROGRAM = max(file.stat().st_mtime_ns for file in Path(__file__).parent.rglob("*.py"))
PLAIN = (
    state.PROJECTION, state.AXIS_X, state.AXIS_Y, state.POINTS, state.UNDERLAY, state.SLIDER_SET,
    state.IN_SD, state.FILMSTRIPS, state.FILM_DIMENSION, state.SOURCE, state.TEST_INDEX,
    state.REPAIR_SOURCE, state.REPAIR_INDEX, state.PRIOR_SEED, state.DAMAGE_KIND,
    state.DAMAGE_STRENGTH, state.UPLOAD_KIND, state.UPLOAD_STRENGTH, state.DAMAGE_SEED,
    state.GUESS_MASK, state.LEVELS, state.UPLOAD_LEVELS, state.NOISE, state.SALT,
    state.METHOD, state.ANSWERS, state.METHOD_STEPS, state.WALK_N, state.WALK_SOURCE,
    state.WALK_INDEX, state.DIRECTION_SOURCE, state.DIRECTION_METHOD, state.CLASS_A, state.CLASS_B,
    state.MODELS_VIEW, state.OTHER, state.PICK, state.SAMPLE_SEED, state.NLL_SAMPLES,
    state.TRAIN_PRESET, state.TRAIN_NAME, state.TRAIN_RUN, state.LANGUAGE, state.LEARN_STEP,
    state.LEARN_SOURCE, state.LEARN_INDEX,
)  # fmt: skip
MOST_TEXT = 200  # characters of a plain value


def insist() -> None:
    """Set what the page held over a restart again, until the page shows it: whatever it says before
    comes with the values that its widgets had, and Streamlit takes those for newer. Once, before
    anything is drawn."""
    for key, value in st.session_state[state.UNSEEN].items():
        st.session_state[key] = value
    if st.session_state[state.SEEN]:
        st.session_state[state.UNSEEN], st.session_state[state.SEEN] = {}, False


def remember() -> None:
    """Give the page what it holds. Once on every page, at its end."""
    connection(
        state.live(),
        memory=packed(),
        unseen=bool(st.session_state[state.UNSEEN]),
        key=state.CONNECTION,
        on_memory_change=_recall,
        on_seen_change=_see,
        looked=st.session_state[state.LOOKED],
        on_look_change=_look,
    )


def _recall() -> None:
    """This session takes over from the one that the page was opened with."""
    told = st.session_state[state.CONNECTION].memory
    if not isinstance(told, dict) or st.session_state[state.RECALLED]:
        return
    st.session_state[state.RECALLED] = True
    found = unpacked(str(told.get("text")))
    for key, value in found.items():
        st.session_state[key] = value
    st.session_state[state.UNSEEN] = {key: found[key] for key in found if _is_widget(key)}
    if isinstance(told.get("upload"), dict):
        sources.take_upload(told["upload"])


def _is_widget(key: str) -> bool:
    """Or what a widget's change decides."""
    return key in PLAIN or key.startswith(state.TRAIN_FIELD)


def _see() -> None:
    st.session_state[state.SEEN] = True


def _look() -> None:
    """The rerun is all that is wanted, and the page be told of it. Nobody has asked for it by hand,
    so what is said stays."""
    told = st.session_state[state.CONNECTION].look
    if said := st.session_state[state.SAID]:
        state.notify(str(said))
    if isinstance(told, int):
        st.session_state[state.LOOKED] = told


def packed() -> str:
    """The session's values as JSON."""
    known = st.session_state
    selection, damaged, drawing = (
        known[key] for key in (state.SELECTION, state.DAMAGED, state.DRAWING)
    )
    return json.dumps({
        "program": PROGRAM,
        "plain": {key: known[key] for key in PLAIN},
        "learnt": sorted(known[state.LEARNT]),
        "compared": known[state.COMPARED],
        "walks": known[state.WALK_KEYS],
        "training": known[state.TRAIN_SETTINGS],
        "drawing": drawing and _text(drawing),
        "selection": selection and [selection.checkpoint, to_mask(selection.indices)],
        "damaged": damaged and [*damaged[:3], _text(damaged.image), _text(damaged.mask)],
    })  # fmt: skip


def unpacked(text: str) -> dict[str, Any]:
    """The values in what `packed` made, by session key; what is of another kind is left out."""
    found: dict[str, Any] = {}
    try:
        told = json.loads(text)
        if told["program"] != PROGRAM:
            return {}
        found |= _plain(told["plain"])
        found[state.LEARNT] = frozenset((str(step), str(task)) for step, task in told["learnt"])
        found[state.COMPARED] = _compared(told["compared"])
        found[state.WALK_KEYS] = {str(name): _keys(keys) for name, keys in told["walks"].items()}
        found |= _training(told["training"])
        if told["drawing"]:
            found[state.DRAWING] = _bytes(told["drawing"])
        if told["selection"]:
            name, mask = told["selection"]
            found[state.SELECTION] = Selection(str(name), from_mask(mask))
        if told["damaged"]:
            of, revision, commit, image, mask = told["damaged"]
            found[state.DAMAGED] = board.Damage(
                tuple(of), int(revision), int(commit), _bytes(image), _bytes(mask)
            )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        pass  # no page of ours says that; what was read before it is as good
    return found


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    def fits(key: str, value: object) -> bool:
        default = state.DEFAULTS[key]
        if value is None:
            return default is None or key == state.TRAIN_PRESET
        kind = str if default is None else type(default)
        return type(value) is kind and len(str(value)) <= MOST_TEXT

    return {key: told[key] for key in PLAIN if key in told and fits(key, told[key])}


def _compared(told: list[Any]) -> tuple[str | None, str | None]:
    a, b = (id if isinstance(id, str) else None for id in told)
    return a, b


def _keys(told: list[Any]) -> list[dict[str, Any]]:
    return [
        {"id": str(key["id"]), "name": str(key["name"]), "z": [float(v) for v in key["z"]]}
        for key in told[: WALK_KEYS.most]
        if all(is_coordinate(v) for v in key["z"])
    ]


def _training(told: dict[str, Any]) -> dict[str, Any]:
    """The form of Train: its settings, and the widgets that are on the page already."""
    from explorer import train_fields

    settings = {
        name: value
        for name, value in told.items()
        if name in train_fields.DEFAULTS and type(value) is type(train_fields.DEFAULTS[name])
        and (not train_fields.choices(name) or value in train_fields.choices(name))
    }  # fmt: skip
    widgets = {f"{state.TRAIN_FIELD}_{name}": value for name, value in settings.items()}
    return {state.TRAIN_SETTINGS: settings, **widgets}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
