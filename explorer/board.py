"""The damaged picture on Repair's board, which Python begins and the hand goes on with."""

import base64
import binascii
from typing import NamedTuple

import streamlit as st

from explorer import state


class Damage(NamedTuple):
    """The damaged picture on Repair's board."""

    of: tuple[object, ...]  # what it was made from: with another, the board begins anew
    revision: int  # counts the pictures that Python, not the hand, has put there
    commit: int  # which of the hand's commits this is
    image: bytes  # C*H*W levels, also where nothing is known
    mask: bytes  # H*W of 0 and 1


def begin_damage(of: tuple[object, ...], image: bytes, mask: bytes) -> Damage:
    """The board's picture: what the hand has made of it, or a new one if `of` has changed."""
    present: Damage | None = st.session_state[state.DAMAGED]
    sizes = (len(image), len(mask))
    if not present or present.of != of or (len(present.image), len(present.mask)) != sizes:
        present = Damage(of, (present.revision if present else 0) + 1, 0, image, mask)
        st.session_state[state.DAMAGED] = present
    return present


def commit_damage() -> None:
    """The hand has painted on the board. What crossed a picture from Python's side is too late."""
    told, present = st.session_state[state.BOARD].damage, st.session_state[state.DAMAGED]
    current = {"checkpoint": state.checkpoint(), "revision": present and present.revision}
    if not told or not current.items() <= told.items():
        return
    try:
        image, mask = (base64.b64decode(told[key], validate=True) for key in ("image", "mask"))
    except binascii.Error:
        return  # no browser of ours says that
    if len(image) == len(present.image) and len(mask) == len(present.mask):
        st.session_state[state.DAMAGED] = present._replace(
            commit=int(told["commit"]), image=image, mask=mask
        )
