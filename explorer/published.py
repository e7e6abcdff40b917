"""Published figures to compare with: -log p(x) of MNIST by importance sampling, nats, one layer of
latent variables that is a plain vector. Lower is better.

Two protocols, which must not be mixed. "dynamic": every pixel of the test images is drawn anew
with its grey value's chance, as `python -m core evaluate NAME --nll 5000` does. "fixed": the one
binarisation of Larochelle and Murray (2011), on which models overfit and score about 2 nats worse,
as the authors of the IWAE found (README of github.com/yburda/iwae).
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A figure as it was printed."""

    method: str
    nll: float  # nats per image
    samples: int  # importance samples, K
    source: str  # who measured it
    url: str  # where the figure can be read
    protocol: str  # "dynamic" or "fixed"


IWAE_PAPER = "https://arxiv.org/abs/1509.00519"
NBIP = "https://github.com/nbip/IWAE"
XQDING = "https://github.com/xqding/Importance_Weighted_Autoencoders"
TIGHTER = "https://arxiv.org/abs/1802.04537"
HUB = "https://huggingface.co/clementchadebec/reproduced_"

PUBLISHED = (
    Published("VAE", 87.78, 5000, "re-run by X. Ding", XQDING, "dynamic"),
    Published("VAE", 86.76, 5000, "Burda et al. 2016", IWAE_PAPER, "dynamic"),
    Published("VAE", 86.35, 5000, "re-run by nbip", NBIP, "dynamic"),
    Published("IWAE, k = 5", 85.54, 5000, "Burda et al. 2016", IWAE_PAPER, "dynamic"),
    Published("IWAE, k = 50", 84.78, 5000, "Burda et al. 2016", IWAE_PAPER, "dynamic"),
    Published("IWAE, k = 50", 84.59, 5000, "re-runs by X. Ding, nbip", XQDING, "dynamic"),
    Published("PIWAE, M = K = 8", 84.46, 5000, "Rainforth et al. 2018", TIGHTER, "dynamic"),
    Published("IWAE, k = 50, DReG", 84.32, 5000, "re-run by nbip", NBIP, "dynamic"),
    Published("VAE, 40 dimensions", 89.78, 200, "pythae", f"{HUB}vae", "fixed"),
    Published("IWAE, k = 50", 86.82, 5000, "pythae", f"{HUB}iwae", "fixed"),
    Published("VampPrior, K = 500", 85.79, 5000, "pythae", f"{HUB}vamp", "fixed"),
    Published("VampPrior", 85.57, 5000, "Tomczak & Welling 2018", f"{HUB}vamp", "fixed"),
)
