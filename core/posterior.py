"""The partial encoder: q(z | what is seen), for a frozen VAE.

The VAE's own encoder needs the whole picture. This one takes a damaged picture with the mask of
its known pixels and gives a mixture of Gaussians over z, by posterior matching (Strauss and Oliva
2022): it maximises log q(z, class | damaged x) for z from the VAE's q(z | x), so that every z which
the whole picture may have had keeps its share. With nothing known it is the aggregate posterior, a
better prior than N(0, I).

Each component of the mixture belongs to one class of the data set, so a draw knows what it is
meant to be and the weights of the classes are trained as a classifier's are. Unlabelled data has
one class. A second head gives the posterior mean E[x | damaged x] in pixels without Monte Carlo
error: a U-Net's way up (Ronneberger et al. 2015) from the same features.

Shapes: B batch, M components, D latent dimensions, H height, W width.
"""

import json
import math
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core.checkpoint import CheckpointError, replace, same_weights, weights_digest
from core.model import ResidualBlock
from core.plain_json import parsed
from core.weights import PRECISIONS

FILE = "repair.safetensors"
LEAST_LOG_SIGMA, MOST_LOG_SIGMA = -4.0, 1.5


class Mixture(NamedTuple):
    """A mixture of diagonal Gaussians over z for each of B pictures; components in class order."""

    log_weight: Tensor  # (B, M), log-sum-exp 0
    mean: Tensor  # (B, M, D)
    log_sigma: Tensor  # (B, M, D)
    classes: int  # component m belongs to class m * classes // M

    def component_log_prob(self, z: Tensor) -> Tensor:
        """log of weight times density of every component, (B, N, M), at z (B, N, D)."""
        scaled = (z[:, :, None] - self.mean[:, None]) * torch.exp(-self.log_sigma[:, None])
        constant = self.log_sigma.sum(-1) + 0.5 * z.shape[-1] * math.log(2 * math.pi)
        return (self.log_weight - constant)[:, None] - 0.5 * scaled.square().sum(-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z), (B, N) nats, at z (B, N, D)."""
        return self.component_log_prob(z).logsumexp(-1)

    @property
    def class_weight(self) -> Tensor:
        """The classes' weights, (B, classes)."""
        return self.log_weight.exp().unflatten(-1, (self.classes, -1)).sum(-1)

    def class_log_prob(self, z: Tensor) -> Tensor:
        """log q(z, class), (B, N, classes)."""
        per_class = self.component_log_prob(z).unflatten(-1, (self.classes, -1))
        return per_class.logsumexp(-1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws for every picture, (B, n, D), stratified over the components: every component
        gets its share of the n to within one, which a plain draw would only get on average."""
        b, _ = self.log_weight.shape
        start = torch.rand(b, 1, generator=generator)
        places = ((torch.arange(n) + start) / n).clamp_max(1 - 1e-6)  # (B, n)
        edges = self.log_weight.exp().cumsum(-1)
        chosen = torch.searchsorted(edges / edges[:, -1:], places)  # (B, n)
        index = chosen[..., None].expand(-1, -1, self.mean.shape[-1])
        mean, log_sigma = self.mean.gather(1, index), self.log_sigma.gather(1, index)
        return mean + log_sigma.exp() * torch.randn(mean.shape, generator=generator)


class Belief(NamedTuple):
    """What the partial encoder makes of damaged pictures."""

    z: Mixture
    mean_logits: Tensor  # (B, 1, H, W), logits of E[x | damaged x]


class PartialEncoder(nn.Module):
    """Damaged picture and mask -> Belief. Convolutions at the bottom, since most of what is near
    a hole says what belongs into it, then a residual layer that sees everything at once."""

    def __init__(
        self, side: int = 28, z_dim: int = 20, classes: int = 10, components: int = 4,
        width: int = 32, h_dim: int = 512,
    ) -> None:  # fmt: skip
        super().__init__()
        self.sizes = {
            "side": side, "z_dim": z_dim, "classes": classes, "components": components,
            "width": width, "h_dim": h_dim,
        }  # fmt: skip
        if min(self.sizes.values()) < 1 or side < 8:
            raise ValueError(f"The sizes of a partial encoder must be positive; got {self.sizes}.")
        self.side, self.z_dim, self.classes = side, z_dim, classes
        self.mixture = classes * components
        half, quarter = -(-side // 2), -(-side // 4)
        self.margin = 2 * half - side  # one row and column of padding for odd sides
        self.bottom = (2 * width, quarter, quarter)
        features = math.prod(self.bottom)
        self.down1 = nn.Conv2d(8, width, 3, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.gather = nn.Linear(features, h_dim)
        self.block = ResidualBlock(h_dim)
        self.head = nn.Linear(h_dim, self.mixture * (1 + 2 * z_dim))
        self.spread = nn.Linear(h_dim, features)
        self.up1 = nn.Conv2d(3 * width + 8, width, 3, padding=1)
        self.up2 = nn.Conv2d(width, width, 3, padding=1)
        self.pixels = nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, image: Tensor, mask: Tensor) -> Belief:
        """image (B, 1, H, W) with missing pixels 0, mask (B, 1, H, W) of ones where known."""
        h, mean = self._features(image, mask)
        return Belief(self._mixture(self.head(h).float()), mean)

    def mean_logits(self, image: Tensor, mask: Tensor) -> Tensor:
        """The second half of forward alone, (B, 1, H, W): all that a brush in motion waits for."""
        return self._features(image, mask)[1]

    def _features(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What the mixture is read off, (B, h_dim), and the logits of the mean, (B, 1, H, W)."""
        # Both channels' 2 x 2 blocks side by side: half the resolution, a fourth of the work.
        pair = F.pad(torch.cat([image, mask], 1), (0, self.margin, 0, self.margin))
        seen = F.pixel_unshuffle(pair, 2)  # (B, 8, H/2, W/2)
        half = F.relu(self.down1(seen))
        quarter = F.relu(self.down3(F.relu(self.down2(half))))
        h = F.relu(self.block(self.gather(quarter.flatten(1))))  # (B, h_dim)
        up = F.relu(self.spread(h).view(-1, *self.bottom) + quarter)
        up = F.interpolate(up, half.shape[2:], mode="nearest")
        up = F.relu(self.up1(torch.cat([up, half, seen], 1)))
        mean = F.pixel_shuffle(self.pixels(F.relu(self.up2(up))), 2)
        height, width = image.shape[2:]
        return h, mean[..., :height, :width].float()

    def _mixture(self, numbers: Tensor) -> Mixture:
        weight, mean, log_sigma = numbers.split(
            [self.mixture, self.mixture * self.z_dim, self.mixture * self.z_dim], 1
        )
        shape = (self.mixture, self.z_dim)
        log_sigma = log_sigma.clamp(LEAST_LOG_SIGMA, MOST_LOG_SIGMA)
        return Mixture(
            weight.log_softmax(1), mean.unflatten(1, shape), log_sigma.unflatten(1, shape),
            self.classes,
        )  # fmt: skip


def save_posterior(
    folder: Path, posterior: PartialEncoder, training: dict[str, object], *,
    weights: str | None = None,
) -> None:  # fmt: skip
    """Write repair.safetensors; its sizes, how it was trained and the digest of the model's weights
    that it was trained on stand in its header. `weights` as same_weights takes it. Raises
    CheckpointError."""
    tensors = {  # in half precision: what it loses is far below what the data leaves open
        name: value.detach().cpu().half().contiguous()
        for name, value in posterior.state_dict().items()
    }
    header = {
        "sizes": json.dumps(posterior.sizes),
        "training": json.dumps(training),
        "model": same_weights(folder, weights, "the partial encoder"),
    }
    replace(folder / FILE, lambda temporary: save_file(tensors, temporary, header))


def load_posterior(folder: Path) -> PartialEncoder | None:
    """The partial encoder of a checkpoint's folder, frozen; None when it has none.

    Raises CheckpointError when the file is damaged.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        with safe_open(str(file), "pt", device="cpu") as tensors:
            header = tensors.metadata() or {}
            sizes = parsed(header["sizes"])
            weights = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
        if not all(type(size) is int for size in sizes.values()):
            raise ValueError("its sizes are no whole numbers")
        with torch.device("meta"):  # shapes are compared before memory is taken
            posterior = PartialEncoder(**sizes)
        for name, value in posterior.state_dict().items():
            if name not in weights or weights[name].shape != value.shape:
                raise ValueError(f"tensor {name!r} is missing or of another shape")
            if weights[name].dtype not in PRECISIONS:
                raise ValueError(f"tensor {name!r} is of {weights[name].dtype}")
            weights[name] = weights[name].float()
            if not weights[name].isfinite().all():
                raise ValueError(f"tensor {name!r} holds values that are not finite numbers")
        posterior.load_state_dict(weights, assign=True)
    except Exception as error:  # of a damaged header the library raises many kinds
        raise CheckpointError(
            f"{file} is no intact partial encoder ({error}). Write it again with "
            f"`python -m core train-repair {folder.name}`."
        ) from None
    if header.get("model") != weights_digest(folder):
        raise CheckpointError(
            f"{file} was trained on other weights than those in {folder.name}/model.safetensors. "
            f"Train it again with `python -m core train-repair {folder.name}`."
        )
    return posterior.requires_grad_(False).eval()
