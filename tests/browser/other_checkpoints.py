"""The app with other checkpoints than the shipped ones."""

from pathlib import Path

from driver import ROOT

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from core import checkpoint
checkpoint.CHECKPOINTS = Path({folder!r})
from explorer import catalogue, live
catalogue.DEFAULT_CHECKPOINT = {default!r}
import streamlit as st
app = st.App({app!r}, routes=live.ROUTES, lifespan=live.lifespan)
"""


def app_of(folder: Path, default: str) -> Path:
    """A script for driver.Server beside `folder`, whose checkpoints it has; it opens `default`."""
    script = folder.parent / f"{default}_app.py"
    app = str(ROOT / "explorer" / "app.py")
    script.write_text(SCRIPT.format(root=str(ROOT), folder=str(folder), app=app, default=default))
    return script
