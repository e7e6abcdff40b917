"""Every architecture that a config.json may name. A new one is a file and a line here."""

import inspect

from core.conv import ConvVAE
from core.model import VAE, ResidualVAE

ARCHITECTURES: dict[str, type[VAE]] = {
    "VAE": VAE,
    "ResidualVAE": ResidualVAE,
    "ConvVAE": ConvVAE,
}


def takes(architecture: str, argument: str) -> bool:
    """Whether its constructor has an argument of this name."""
    return argument in inspect.signature(ARCHITECTURES[architecture]).parameters


def short_name(architecture: str) -> str:
    """What it is called within the name of a run."""
    known = {"VAE": "mlp", "ResidualVAE": "res"}
    return known.get(architecture, architecture.removesuffix("VAE").lower())
