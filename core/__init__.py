"""Variational autoencoders: train, save, load and use them. Knows no Streamlit and no Plotly."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
    from core.model import VAE

__all__ = ["VAE", "list_checkpoints", "load_checkpoint", "save_checkpoint"]

_HOME = {
    "VAE": "core.model",
    "list_checkpoints": "core.checkpoint",
    "load_checkpoint": "core.checkpoint",
    "save_checkpoint": "core.checkpoint",
}


def __getattr__(name: str) -> object:
    """On first use: importing torch takes seconds, and core.limits needs none of it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
