"""What the wrappers of all components share.

A component's script is a plain ES module that the server hands out (explorer/live.py); what
Streamlit gets is the one line that imports it, relative to the page, so that a base path or a
proxy in front changes nothing.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

FOLDER = Path(__file__).parent


class Live(TypedDict):
    """What every live component is told: the committed point and its decoded picture."""

    session: str  # another one after a restart of the server
    recalled: bool  # it knows what the page held over that restart
    version: str  # of the checkpoint's files
    checkpoint: str
    z: list[float]
    revision: int  # counts the times that Python, not the hand, has set z
    shape: tuple[int, ...]  # (C, H, W)
    pixels: str  # base64 of C*H*W bytes


class BackgroundMap(TypedDict):
    """A picture of the encoded data; the url is relative to live/."""

    url: str
    bounds: tuple[float, float, float, float]  # left, right, bottom, top


def register(
    name: str, *, isolate_styles: bool = True, styles: Sequence[str] = ()
) -> Callable[..., None]:
    """`styles`: of components/, before its own, as "buttons"."""
    script = f"live/static/{name}/{name}.js"
    sheets = [*(FOLDER / f"{each}.css" for each in styles), FOLDER / name / f"{name}.css"]
    mount = st.components.v2.component(
        name,
        css="".join(sheet.read_text(encoding="utf-8") for sheet in sheets),
        # Two lines: Streamlit takes a single one for the path of a file.
        js=f'const module = await import(new URL("{script}", document.baseURI));\n'
        "export default module.default;\n",
        isolate_styles=isolate_styles,
    )

    def component(*, data: dict[str, Any], **options: Any) -> None:
        # In a list, because Streamlit searches a dict for data frames and imports pandas to know
        # one: 0.9 s of the page's start. `component` in component.js takes it out again.
        mount(data=[data], **options)

    return component
