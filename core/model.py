"""The variational autoencoder (Kingma and Welling 2014): networks only.

This file knows nothing of losses, data or files. Shapes: B batch, C channels, H height, W width,
D latent dimensions. Images are float in [0, 1].

    model = VAE()
    mu, log_var = model.encode(x)       # x (B, 1, 28, 28) or flat (B, 784)
    images = model.decode(mu)           # (B, 1, 28, 28)
"""

import math

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn


class VAE(nn.Module, PyTorchModelHubMixin):
    """The network of the tutorials, one hidden layer on each side: 784-400-20-400-784.

    The layers are called fc1 ... fc5 as there, so a `state_dict` saved from a tutorial loads.
    `from_pretrained` and `push_to_hub` come from the mixin.
    """

    def __init__(self, image_size: int = 784, h_dim: int = 400, z_dim: int = 20) -> None:
        super().__init__()
        side = math.isqrt(max(image_size, 0))
        if side * side != image_size or min(image_size, h_dim, z_dim) < 1:
            raise ValueError(
                "image_size must be the pixel count of a square picture and h_dim and z_dim at "
                f"least 1; got image_size={image_size}, h_dim={h_dim}, z_dim={z_dim}."
            )
        self.image_size, self.h_dim, self.z_dim = image_size, h_dim, z_dim
        self.image_shape = (1, side, side)  # (C, H, W)
        self.fc1 = nn.Linear(image_size, h_dim)
        self.fc2 = nn.Linear(h_dim, z_dim)  # mu
        self.fc3 = nn.Linear(h_dim, z_dim)  # log_var
        self.encoder_blocks: nn.Module = nn.Identity()
        self.decoder_blocks: nn.Module = nn.Identity()  # ResidualVAE puts blocks here
        self.fc4 = nn.Linear(z_dim, h_dim)
        self.fc5 = nn.Linear(h_dim, image_size)

    def config(self) -> dict[str, int]:
        """The arguments that build this network again."""
        return {"image_size": self.image_size, "h_dim": self.h_dim, "z_dim": self.z_dim}

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (B, D). Never samples."""
        if x.ndim < 2 or x[0].numel() != self.image_size:
            raise ValueError(
                f"encode takes images of {self.image_size} pixels, (B, {self.image_size}) or "
                f"(B, 1, {self.image_shape[1]}, {self.image_shape[2]}); got {tuple(x.shape)}."
            )
        h = F.relu(self.encoder_blocks(self.fc1(x.flatten(1))))  # (B, h_dim)
        return self.fc2(h), self.fc3(h)

    def reparameterize(
        self, mu: Tensor, log_var: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """A sample z = mu + sigma * epsilon, (B, D), differentiable in mu and log_var."""
        epsilon = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
        return mu + torch.exp(0.5 * log_var) * epsilon

    def decode_logits(self, z: Tensor) -> Tensor:
        """Logits of the pixels' Bernoulli means, (B, C, H, W): what losses want."""
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"decode takes z of shape (B, {self.z_dim}); got {tuple(z.shape)}.")
        h = F.relu(self.decoder_blocks(self.fc4(z)))  # (B, h_dim)
        return self.fc5(h).view(-1, *self.image_shape)

    def decode(self, z: Tensor) -> Tensor:
        """Images, (B, C, H, W), in [0, 1]: the mean of p(x | z)."""
        return torch.sigmoid(self.decode_logits(z))

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
        self, image_size: int = 784, h_dim: int = 512, z_dim: int = 32, blocks: int = 1
    ) -> None:
        super().__init__(image_size, h_dim, z_dim)
        if not 1 <= blocks <= 64:  # building them takes time, whatever the weights' file holds
            raise ValueError(f"blocks must lie between 1 and 64; it is {blocks}.")
        self.blocks = blocks
        self.encoder_blocks = nn.Sequential(*(ResidualBlock(h_dim) for _ in range(blocks)))
        self.decoder_blocks = nn.Sequential(*(ResidualBlock(h_dim) for _ in range(blocks)))

    def config(self) -> dict[str, int]:
        """The arguments that build this network again."""
        return super().config() | {"blocks": self.blocks}


# Every architecture that a config.json may name.
ARCHITECTURES: dict[str, type[VAE]] = {"VAE": VAE, "ResidualVAE": ResidualVAE}
