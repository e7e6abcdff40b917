"""Variational autoencoders: train, save, load and use them. Knows no Streamlit and no Plotly."""

from core.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from core.model import VAE

__all__ = ["VAE", "list_checkpoints", "load_checkpoint", "save_checkpoint"]
