"""The command of export: python -m core export NAME --format onnx."""

import os
from pathlib import Path
from typing import Literal

import tyro

from core import export_model
from core.checkpoint import open_model
from core.foreign import is_factory


def export_command(
    name: tyro.conf.Positional[str],
    format: Literal["onnx", "torch-export", "safetensors"] = "onnx",
    out: Path | None = None,
) -> None:
    """Write a model's encoder and decoder for other programs.

    Args:
        name: A checkpoint's name or folder, a model on the Hub as owner/name, a state_dict file,
            or your own code as module:factory.
        format: onnx and torch-export have two files, encoder and decoder; safetensors is a folder
            as the Hugging Face Hub wants it, with a model card.
        out: The folder to write into; exports/NAME when left out.
    """
    opened = open_model(name)
    folder = out or Path("exports") / _stem(name)
    if format == "onnx":
        files = export_model.export_onnx(opened.model, folder)
    elif format == "torch-export":
        files = export_model.export_torch(opened.model, folder)
    else:
        files = export_model.export_safetensors(
            opened.model, folder, _stem(name), opened.config, opened.folder
        )
    for file in files:
        print(f"Wrote {os.path.relpath(file)}, {file.stat().st_size / 2**20:.2f} MiB")


def _stem(name: str) -> str:
    """What a model is called in a file's name."""
    if is_factory(name):
        return name.replace(":", "-")
    path = Path(name).resolve()
    return path.stem if path.is_file() else path.name
