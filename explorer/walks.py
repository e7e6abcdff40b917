"""The keys of the session's walk, and how a walk is told to the browser."""

import base64
import uuid
from collections.abc import Sequence
from typing import TypedDict

import streamlit as st
import torch

from core.limits import WALK_KEYS
from core.walk import Walk
from explorer import caches, map_data, state
from explorer.components import Strip
from explorer.frames import decode_pixels

FIRST = (0, 1, 30)  # test digits, a 7, a 2 and a 3, that a first visit walks through

NAMES = {"lerp": "Lerp", "slerp": "Slerp", "geodesic": "Geodesic"}
EXPLANATIONS = {
    "lerp": "Straight lines from key to key; in the middle they lie closer to z = 0 than the keys.",
    "slerp": "Arcs about z = 0: all along as far out as the keys are.",
    "geodesic": "The way on which the pixels change least, evenly between two keys; a fade is "
    "short, too.",
}


class Key(TypedDict):
    """A point that the walk goes through."""

    id: str
    name: str
    z: list[float]


def keys() -> list[Key]:
    """Of the checkpoint in use. Change them by the functions below only."""
    everything: dict[str, list[Key]] = st.session_state[state.WALK_KEYS]
    fitting = [key for key in everything.get(state.checkpoint(), []) if _fits(key)]
    if not fitting and not _emptied(everything):
        mu = caches.latent_map(state.checkpoint()).mu
        return [
            Key(id=f"first{n}", name=digit_name(n), z=mu[n].tolist()) for n in FIRST if n < len(mu)
        ]
    return fitting


def _fits(key: Key) -> bool:
    """Another model may have come by the same name; keys of the one before wait for its return."""
    return len(key["z"]) == len(state.z())


def _emptied(everything: dict[str, list[Key]]) -> bool:
    """Whether it was the hand that left none."""
    return everything.get(state.checkpoint()) == []


def add(name: str, z: Sequence[float]) -> None:
    """At the end. A sixth is left out."""
    present = keys()
    if len(present) < WALK_KEYS.most:
        _keep([*present, Key(id=uuid.uuid4().hex[:8], name=name, z=[float(v) for v in z])])


def remove(id: str) -> None:
    _keep([key for key in keys() if key["id"] != id])


def move(id: str, by: int) -> None:
    """So many places to the right, or to the left."""
    present = list(keys())
    at = next((n for n, key in enumerate(present) if key["id"] == id), None)
    if at is not None and 0 <= at + by < len(present):
        present.insert(at + by, present.pop(at))
        _keep(present)


def _keep(changed: list[Key]) -> None:
    everything = st.session_state[state.WALK_KEYS]
    waiting = [key for key in everything.get(state.checkpoint(), []) if not _fits(key)]
    st.session_state[state.WALK_KEYS] = {**everything, state.checkpoint(): [*changed, *waiting]}


def digit_name(index: int) -> str:
    """A test digit's: its number, and its class where the data has classes."""
    classes = caches.classes(state.checkpoint())
    label = int(caches.latent_map(state.checkpoint()).labels[index])
    return f"{classes[label]} (test {index})" if len(classes) > 1 else f"test {index}"


def strip(method: str, found: Walk | None) -> Strip:
    """A walk for the player; None: it is still being found."""
    name, explanation = NAMES[method], EXPLANATIONS[method]
    if found is None:
        return Strip(
            id=method, name=name, explanation=explanation, z=[], pixels="", lengths=[],
            total=0.0, unevenness=0.0, xy=[],
        )  # fmt: skip
    checkpoint = state.checkpoint()
    model, z = caches.model(checkpoint), found.z.numpy()
    xy = z[:, :0]
    if map_data.has_plane(checkpoint):
        xy = map_data.projection(checkpoint, "pca").project(z)
    return Strip(
        id=method,
        name=name,
        explanation=explanation,
        z=z.tolist(),
        pixels=base64.b64encode(decode_pixels(model, z).tobytes()).decode(),
        lengths=found.lengths.tolist(),
        total=found.total,
        unevenness=found.unevenness,
        xy=xy.tolist(),
    )


def picture(z: Sequence[float]) -> torch.Tensor:
    """The decoded picture of a point, (C, H, W)."""
    with torch.no_grad():
        return caches.model(state.checkpoint()).decode(torch.tensor([list(z)]))[0]
