"""The convolutional VAE: residual blocks at two resolutions, and one latent vector.

As the single-layer ResNet VAE of Kingma et al. 2016, their baseline without flows. What differs is
that nothing is computed at full resolution. The encoder's first
convolution halves it, and the decoder's last one gives the four pixels of each 2 x 2 at once
(Shi et al. 2016), which makes one decode a fraction of a millisecond on one core.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.model import VAE, Config, checked_blocks


class ConvBlock(nn.Module):
    """h + W2 silu(W1 silu(h)), (B, C, H, W); starts as the identity, so depth costs no warm-up."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.second(F.silu(self.first(F.silu(h))))


class ConvVAE(VAE):
    """`blocks` residual blocks at half and at a quarter of the resolution on each side.

    `width` channels at half resolution, twice as many at a quarter, `h_dim` units next to the
    latent vector. H and W must be multiples of 4. SiLU, which is smooth, because walks and repair
    differentiate the decoder.
    """

    def __init__(
        self,
        image_size: int = 784,
        h_dim: int = 256,
        z_dim: int = 32,
        blocks: int = 1,
        width: int = 16,
        channels: int = 1,
        likelihood: str = "bernoulli",
    ) -> None:
        self.blocks, self.width = checked_blocks(blocks), width
        super().__init__(image_size, h_dim, z_dim, channels, likelihood)

    def build(self) -> None:
        """Create the layers."""
        side = self.image_shape[1]
        if side % 4 or self.width < 1:
            raise ValueError(
                "ConvVAE takes pictures whose height and width are multiples of 4, and a width of "
                f"at least 1; got {side} x {side} pixels, width={self.width}."
            )
        half, quarter = self.width, 2 * self.width  # channels
        self.code_shape = (quarter, side // 4, side // 4)
        code = quarter * (side // 4) ** 2
        self.stem = nn.Conv2d(self.channels, half, 3, stride=2, padding=1)
        self.encoder_half = self._stack(half)
        self.down = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.encoder_quarter = self._stack(quarter)
        self.fc1 = nn.Linear(code, self.h_dim)
        self.fc2 = nn.Linear(self.h_dim, self.z_dim)  # mu
        self.fc3 = nn.Linear(self.h_dim, self.z_dim)  # log_var
        self.fc4 = nn.Linear(self.z_dim, self.h_dim)
        self.fc5 = nn.Linear(self.h_dim, code)
        self.decoder_quarter = self._stack(quarter)
        self.up = nn.Conv2d(quarter, 4 * half, 1)
        self.decoder_half = self._stack(half)
        self.head = nn.Conv2d(half, 4 * self.channels, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # half again as fast on a CPU

    def _stack(self, channels: int) -> nn.Sequential:
        return nn.Sequential(*(ConvBlock(channels) for _ in range(self.blocks)))

    def hidden(self, x: Tensor) -> Tensor:
        x = x.view(-1, *self.image_shape).contiguous(memory_format=torch.channels_last)
        h = self.encoder_half(self.stem(x))  # (B, width, H/2, W/2)
        h = self.encoder_quarter(self.down(F.silu(h)))  # (B, 2 width, H/4, W/4)
        return F.silu(self.fc1(F.silu(h).flatten(1)))  # (B, h_dim)

    def logits(self, z: Tensor) -> Tensor:
        h = self.fc5(F.silu(self.fc4(z))).view(-1, *self.code_shape)  # (B, 2 width, H/4, W/4)
        h = self.decoder_quarter(h.contiguous(memory_format=torch.channels_last))
        h = F.pixel_shuffle(self.up(F.silu(h)), 2)  # (B, width, H/2, W/2)
        h = self.decoder_half(h.contiguous(memory_format=torch.channels_last))
        return F.pixel_shuffle(self.head(F.silu(h)), 2).contiguous()  # (B, C, H, W)

    def config(self) -> Config:
        """The arguments that build this network again."""
        return super().config() | {"blocks": self.blocks, "width": self.width}
