"""A model as files for other programs: ONNX, torch.export, or a folder as the Hub has them.

Encoder and decoder apart, in the names used here: x -> mu, log_var and z -> x_recon, with any
number of images at once. Nothing that exists is replaced.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from core.checkpoint import config_of, describe
from core.foreign import ForeignVAE
from core.hub import CARRIED
from core.model import VAE
from core.weights import first_line

FIGURES = {  # of metrics.json, as a model card calls them
    "neg_elbo": "negative ELBO, nats per image",
    "reconstruction": "reconstruction, nats per image",
    "kl": "KL, nats per image",
    "active_units": "active units",
    "nll": "-log p(x), importance-weighted, nats per image",
    "recon_mse": "MSE of a pixel",
}


class ExportError(ValueError):
    """An export that cannot be made: a sentence that says why and what to do."""


class Encoder(nn.Module):
    """x (B, C, H, W) -> mu, log_var, each (B, D)."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.encode(x)


class Decoder(nn.Module):
    """z (B, D) -> x_recon (B, C, H, W) in [0, 1]."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decode(z)


def halves(model: VAE) -> dict[str, tuple[nn.Module, Tensor, str, list[str]]]:
    """By name: the half, an example of its input, and the names of input and outputs."""
    generator = torch.Generator().manual_seed(0)
    # Two and not one: a batch of one is taken for a constant.
    x = torch.rand(2, *model.image_shape, generator=generator)
    z = torch.randn(2, model.z_dim, generator=generator)
    return {
        "encoder": (Encoder(model).eval(), x, "x", ["mu", "log_var"]),
        "decoder": (Decoder(model).eval(), z, "z", ["x_recon"]),
    }


def export_onnx(model: VAE, folder: Path) -> list[Path]:
    """encoder.onnx and decoder.onnx. Raises ExportError."""
    try:
        import onnx  # noqa: F401  # not needed to run the program
        import onnxscript  # noqa: F401
    except ImportError:
        raise ExportError(
            "ONNX needs two packages more: pip install onnx onnxscript. The versions that were "
            "tested are in requirements-dev.txt."
        ) from None

    def write(half: nn.Module, example: Tensor, given: str, made: list[str], file: Path) -> None:
        torch.onnx.export(
            half, (example,), str(file), dynamo=True, verbose=False, external_data=False,
            input_names=[given], output_names=made,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )  # fmt: skip

    return _written(model, folder, "onnx", write)


def export_torch(model: VAE, folder: Path) -> list[Path]:
    """encoder.pt2 and decoder.pt2, for torch.export.load. Raises ExportError."""

    def write(half: nn.Module, example: Tensor, given: str, made: list[str], file: Path) -> None:
        batch = torch.export.Dim("batch")
        program = torch.export.export(half, (example,), dynamic_shapes=({0: batch},))
        torch.export.save(program, file)

    return _written(model, folder, "pt2", write)


def export_safetensors(
    model: VAE, folder: Path, name: str, config: Mapping[str, Any], source: Path | None = None
) -> list[Path]:
    """config.json, model.safetensors and README.md, as `from_pretrained` and the Hub want them.

    `config` is written as it is but for the architecture, `source` a checkpoint's folder whose
    metrics, map and partial encoder go along. Raises ExportError.
    """
    if isinstance(model, ForeignVAE):
        raise ExportError(
            f"{name} is code, which config.json cannot name; export it as onnx or torch-export."
        )
    carried = [source / file for file in CARRIED if source and (source / file).exists()]
    names = ["config.json", "model.safetensors", "README.md", *(file.name for file in carried)]
    files = _free(folder, names)
    full = {**config, **config_of(model)}
    weights = {key: value.contiguous() for key, value in model.state_dict().items()}
    files[0].write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")
    # The same bytes as save_checkpoint writes: the map's digest of them holds for the copy.
    if source is not None:
        shutil.copyfile(source / "model.safetensors", files[1])
    else:
        save_file(weights, files[1], {"config": json.dumps(full)})
    metrics = describe(source).metrics if source else None
    files[2].write_text(model_card(name, full, metrics or {}), encoding="utf-8")
    for original, copy in zip(carried, files[3:], strict=True):
        shutil.copyfile(original, copy)
    return files


def model_card(name: str, config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """README.md of a model on the Hub: what it is, how good, how to load it."""
    sizes = ", ".join(
        f"{key} {config[key]}"
        for key in ("image_size", "channels", "h_dim", "z_dim", "blocks", "width", "likelihood")
        if key in config
    )
    data = config.get("dataset")
    trained = f", trained on {Path(str(data)).name}" if data else ""
    rows = [
        f"| {label} | {metrics[key]:.4g} |" if isinstance(metrics[key], int)
        else f"| {label} | {metrics[key]:.4f} |"
        for key, label in FIGURES.items() if isinstance(metrics.get(key), int | float)
    ]  # fmt: skip
    figures = ["", "On its test images:", "", "| figure | value |", "|---|---|", *rows]
    return "\n".join(
        [
            "---",
            "library_name: pytorch",
            "tags: [vae, variational-autoencoder, model_hub_mixin, pytorch_model_hub_mixin]",
            "---",
            "",
            f"# {name}",
            "",
            f"A variational autoencoder{trained}: {config['architecture']} ({sizes}).",
            *(figures if rows else []),
            "",
            "```python",
            "from core import load_checkpoint",
            "",
            'model = load_checkpoint("OWNER/NAME")  # its id on the Hub, or this folder',
            "mu, log_var = model.encode(x)  # x (B, C, H, W) in [0, 1]",
            "images = model.decode(mu)",
            "```",
            "",
        ]
    )


def _written(model: VAE, folder: Path, suffix: str, write: Callable[..., None]) -> list[Path]:
    """Both halves through `write(half, example, input, outputs, file)`."""
    parts = halves(model)
    files = _free(folder, [f"{half}.{suffix}" for half in parts])
    for file, part in zip(files, parts.values(), strict=True):
        try:
            write(*part, file)
        except Exception as error:  # whatever the tracer meets in a network; ours are tested
            file.unlink(missing_ok=True)
            raise ExportError(
                f"{file.stem} cannot be traced: {type(error).__name__}: {first_line(error)}"
            ) from error
    return files


def _free(folder: Path, names: list[str]) -> list[Path]:
    """Those files below a folder that now exists; ExportError if one of them does already."""
    files = [folder / name for name in names]
    for file in files:
        if file.exists():
            raise ExportError(f"{file} exists already. Choose another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    return files
