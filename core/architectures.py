"""Every architecture that a config.json may name. A new one is a file and a line here."""

from core.conv import ConvVAE
from core.model import VAE, ResidualVAE

ARCHITECTURES: dict[str, type[VAE]] = {
    "VAE": VAE,
    "ResidualVAE": ResidualVAE,
    "ConvVAE": ConvVAE,
}
