"""What befalls Repair's picture before the brush does: the widgets of damage, for its panel."""

from typing import Any, NamedTuple

import streamlit as st
import torch
from torch import Tensor

from core import damage
from explorer import repairs, sources, state

NO_DAMAGE = "none"


class Start(NamedTuple):
    """A picture as it comes to the board."""

    image: bytes  # C*H*W levels, also where nothing is known
    mask: bytes  # H*W of 0 and 1
    original: bytes  # empty: not known
    levels: dict[str, Any]  # noise, salt, blur, factor, as core.damage.Observation has them


def damaged(picture: Tensor) -> Start:
    """What befalls the picture before the brush does. An upload brings its own damage, so what is
    chosen for it and for the others are two things."""
    kind_key, strength_key = state.DAMAGE_KIND, state.DAMAGE_STRENGTH
    if _uploaded():
        kind_key, strength_key = state.UPLOAD_KIND, state.UPLOAD_STRENGTH
    chosen = st.selectbox(
        "Damage to begin with", [NO_DAMAGE, *damage.KINDS], key=kind_key,
        format_func=lambda id: damage.KINDS[id].label if id in damage.KINDS else "None: paint it",
        on_change=_kind_changed, args=(kind_key, strength_key),
    )  # fmt: skip
    if chosen == NO_DAMAGE:
        return _undamaged(picture)
    kind = damage.KINDS[chosen]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        strength = st.slider("Strength", kind.least, kind.most, key=strength_key)
        st.button(
            "Again",
            on_click=sources.random_number,
            args=(state.DAMAGE_SEED, 2**31),
            help="Another seed",
        )
    generator = torch.Generator().manual_seed(st.session_state[state.DAMAGE_SEED])
    seen = kind.apply(damage.observe(picture[None]), generator, strength)
    levels = {"noise": seen.noise, "salt": seen.salt, "blur": seen.blur, "factor": seen.factor}
    if chosen in ("noise", "salt") and _estimated():
        levels |= {"noise": None, "salt": None}
    whole = torch.where(seen.mask > 0, seen.image, picture)  # what Restore brings back
    return Start(repairs.levels(whole), _one_plane(seen.mask[0]), repairs.levels(picture), levels)


def _undamaged(picture: Tensor) -> Start:
    """As it came. Only of an upload is it unknown what it was before."""
    levels: dict[str, Any] = {"noise": 0.0, "salt": 0.0, "blur": 0.0, "factor": 1}
    mask, original = torch.ones_like(picture), repairs.levels(picture)
    if _uploaded():
        original = b""
        if st.toggle("Guess the damage", key=state.GUESS_MASK, help="Correct it with the brushes."):
            mask = damage.guess_mask(picture)
        told = st.segmented_control(
            "Noise in it", ["None", "Estimated", "Known"], key=state.UPLOAD_LEVELS, required=True
        )
        if told == "Estimated":
            levels |= {"noise": None, "salt": None}
        elif told == "Known":
            levels["noise"] = st.slider(
                "Standard deviation of the noise", 0.0, 1.0, key=state.NOISE
            )
            levels["salt"] = st.slider("Share of salt and pepper", 0.0, 0.8, key=state.SALT)
    return Start(repairs.levels(picture), _one_plane(mask), original, levels)


def _one_plane(mask: Tensor) -> bytes:
    """A mask (C, H, W), alike in all channels."""
    return mask[0].byte().numpy().tobytes()


def _uploaded() -> bool:
    return bool(st.session_state[state.REPAIR_SOURCE] == "Upload")


def _estimated() -> bool:
    options = ["Known", "Estimated"]
    return st.segmented_control("Level", options, key=state.LEVELS, required=True) == "Estimated"


def _kind_changed(kind_key: str, strength_key: str) -> None:
    if kind := damage.KINDS.get(st.session_state[kind_key]):
        st.session_state[strength_key] = kind.strength
