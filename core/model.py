"""The variational autoencoder (Kingma and Welling 2014): networks only.

This file knows nothing of losses, data or files. Shapes: B batch, C channels, H height, W width,
D latent dimensions. Images are float in [0, 1].

    model = VAE()
    mu, log_var = model.encode(x)       # x (B, 1, 28, 28) or flat (B, 784)
    images = model.decode(mu)           # (B, 1, 28, 28)

`VAE` is the tutorials' network and what every other one is too: those override `build`,
`hidden` and `logits`, and nothing that is called from outside.
"""

import math

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from core.limits import BLOCKS
from core.pixels import LIKELIHOODS

Config = dict[str, int | str]


class VAE(nn.Module, PyTorchModelHubMixin):
    """The network of the tutorials, one hidden layer on each side: 784-400-20-400-784.

    The layers are called fc1 ... fc5 as there, so a `state_dict` saved from a tutorial loads.
    `from_pretrained` and `push_to_hub` come from the mixin. `image_size` counts all numbers of a
    picture, C * H * W; pictures are square.
    """

    def __init__(
        self,
        image_size: int = 784,
        h_dim: int = 400,
        z_dim: int = 20,
        channels: int = 1,
        likelihood: str = "bernoulli",
    ) -> None:
        super().__init__()
        side = math.isqrt(max(image_size, 0) // max(channels, 1))
        if channels * side * side != image_size or min(image_size, h_dim, z_dim, channels) < 1:
            raise ValueError(
                "image_size must be the pixel count of a square picture times its channels, and "
                f"h_dim, z_dim and channels at least 1; got image_size={image_size}, "
                f"h_dim={h_dim}, z_dim={z_dim}, channels={channels}."
            )
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f"likelihood must be one of {', '.join(LIKELIHOODS)}; it is {likelihood!r}."
            )
        self.image_size, self.h_dim, self.z_dim = image_size, h_dim, z_dim
        self.channels, self.likelihood = channels, likelihood
        self.image_shape = (channels, side, side)  # (C, H, W)
        # The learned standard deviation of a pixel, which only a Gaussian likelihood has.
        self.log_sigma = nn.Parameter(torch.tensor(-1.0)) if likelihood == "gaussian" else None
        self.build()

    def build(self) -> None:
        """Create the layers."""
        self.fc1 = nn.Linear(self.image_size, self.h_dim)
        self.fc2 = nn.Linear(self.h_dim, self.z_dim)  # mu
        self.fc3 = nn.Linear(self.h_dim, self.z_dim)  # log_var
        self.fc4 = nn.Linear(self.z_dim, self.h_dim)
        self.fc5 = nn.Linear(self.h_dim, self.image_size)

    def hidden(self, x: Tensor) -> Tensor:
        """What mu and log_var are read from, (B, h_dim), of images x (B, C * H * W)."""
        return F.relu(self.fc1(x))

    def logits(self, z: Tensor) -> Tensor:
        """The decoder's output for z (B, D), of any shape with C * H * W numbers an image."""
        return self.fc5(F.relu(self.fc4(z)))

    def config(self) -> Config:
        """The arguments that build this network again."""
        return {
            "image_size": self.image_size,
            "h_dim": self.h_dim,
            "z_dim": self.z_dim,
            "channels": self.channels,
            "likelihood": self.likelihood,
        }

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (B, D). Never samples."""
        if x.ndim < 2 or x[0].numel() != self.image_size:
            c, h, w = self.image_shape
            raise ValueError(
                f"encode takes images of {self.image_size} pixels, (B, {self.image_size}) or "
                f"(B, {c}, {h}, {w}); got {tuple(x.shape)}."
            )
        features = self.hidden(x.flatten(1))  # (B, h_dim)
        return self.fc2(features), self.fc3(features)

    def reparameterize(
        self, mu: Tensor, log_var: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """A sample z = mu + sigma * epsilon, (B, D), differentiable in mu and log_var."""
        epsilon = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + torch.exp(0.5 * log_var) * epsilon

    def decode_logits(self, z: Tensor) -> Tensor:
        """The decoder's output, (B, C, H, W), before core.pixels makes means of it: what losses
        want. Of a Bernoulli, the logits of its mean."""
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"decode takes z of shape (B, {self.z_dim}); got {tuple(z.shape)}.")
        return self.logits(z).view(-1, *self.image_shape)

    def decode(self, z: Tensor) -> Tensor:
        """Images, (B, C, H, W), in [0, 1]: the mean of p(x | z)."""
        return LIKELIHOODS[self.likelihood].mean(self.decode_logits(z))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(x_recon, mu, log_var) with one sample of z; x_recon has the shape of x."""
        mu, log_var = self.encode(x)
        return self.decode(self.reparameterize(mu, log_var)).view_as(x), mu, log_var


class ResidualBlock(nn.Module):
    """h + W2 relu(W1 LayerNorm(h)): pre-activation as in He et al. 2016, on vectors (B, h_dim)."""

    def __init__(self, h_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(h_dim)
        self.widen = nn.Linear(h_dim, h_dim)
        self.narrow = nn.Linear(h_dim, h_dim)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.narrow(F.relu(self.widen(self.norm(h))))


class ResidualVAE(VAE):
    """The same network with residual blocks after fc1 and after fc4: deeper, as easy to train."""

    def __init__(
        self,
        image_size: int = 784,
        h_dim: int = 512,
        z_dim: int = 32,
        blocks: int = 1,
        channels: int = 1,
        likelihood: str = "bernoulli",
    ) -> None:
        self.blocks = checked_blocks(blocks)
        super().__init__(image_size, h_dim, z_dim, channels, likelihood)

    def build(self) -> None:
        """Create the layers."""
        super().build()
        blocks = range(self.blocks)
        self.encoder_blocks = nn.Sequential(*(ResidualBlock(self.h_dim) for _ in blocks))
        self.decoder_blocks = nn.Sequential(*(ResidualBlock(self.h_dim) for _ in blocks))

    def hidden(self, x: Tensor) -> Tensor:
        return F.relu(self.encoder_blocks(self.fc1(x)))

    def logits(self, z: Tensor) -> Tensor:
        return self.fc5(F.relu(self.decoder_blocks(self.fc4(z))))

    def config(self) -> Config:
        """The arguments that build this network again."""
        return super().config() | {"blocks": self.blocks}


def checked_blocks(blocks: int) -> int:
    """ValueError when there are none or too many of them."""
    if not 1 <= blocks <= BLOCKS.most:
        raise ValueError(f"blocks must lie between 1 and {BLOCKS}; it is {blocks}.")
    return blocks
