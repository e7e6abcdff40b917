"""The page's own ways in for a picture: each panel that takes an upload, drawn with one."""

from streamlit.testing.v1 import AppTest

from explorer import state
from tests.torture.pictures import File

PANELS = {
    "reconstruct": {state.SOURCE: "Upload"},
    "repair": {state.REPAIR_SOURCE: "Upload"},
    "walk": {state.WALK_SOURCE: "Upload"},
    "attributes": {state.DIRECTION_SOURCE: "Two sets of uploads"},
}


def show(panel: str, file: File) -> str:
    """Draw a panel with a file. Raises unless it ends in a picture or in a sentence of its own."""
    from tests.torture.uploads import proper

    app = AppTest.from_function(_page, default_timeout=90)
    app.session_state["tortured"] = panel
    for key, value in PANELS[panel].items():
        app.session_state[key] = value
    name = file.name[:40].replace("/", "-")
    if panel != "attributes":
        app.session_state[state.UPLOAD] = {"name": name, "content": file.content}
    app.run()
    if panel == "attributes":
        app.file_uploader[0].set_value([(name, file.content, "image/png")]).run()
    assert not app.exception, app.exception[0].value
    # Attributes says of which of several files it speaks.
    said = [element.value.rpartition(" is left out. ")[2] for element in app.error]
    assert all(proper(sentence) for sentence in said), said
    return "sentence" if said else "read"


def _page() -> None:
    import importlib

    import streamlit

    from explorer import links

    links.restore()
    links.restore_z()
    panel = streamlit.session_state["tortured"]
    importlib.import_module(f"explorer.panels.{panel}").render()
