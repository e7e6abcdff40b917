"""What others do about a damaged picture: each takes an observation (B = 1) and gives pictures."""

import cv2
import driver  # noqa: F401  puts the project on the path
import numpy as np
import torch
from scipy.ndimage import median_filter
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from core.damage import Observation


class Neighbours:
    """The training pictures that agree best with what is seen, known pixels put back."""

    def __init__(self, images: Tensor) -> None:
        """images (N, 1, H, W)."""
        self.images = images
        self.flat = images.flatten(1)  # (N, P)
        self.squares = self.flat.square()

    def __call__(self, seen: Observation, k: int) -> Tensor:
        """The k nearest, (k, 1, H, W)."""
        y, mask = seen.image.flatten(), seen.mask.flatten()
        distance = self.squares @ mask - 2 * (self.flat @ (y * mask))
        found = self.images[distance.topk(k, largest=False).indices]
        clean = seen.noise == 0 and seen.salt == 0
        return torch.where(seen.mask[0] > 0, seen.image[0], found) if clean else found


def telea(seen: Observation) -> Tensor:
    """Fast marching (Telea 2004) with a radius of 3, (1, H, W)."""
    picture = (255 * seen.image[0, 0].numpy()).round().astype(np.uint8)
    hole = (seen.mask[0, 0].numpy() == 0).astype(np.uint8)
    return _tensor(cv2.inpaint(picture, hole, 3, cv2.INPAINT_TELEA) / 255)


def biharmonic(seen: Observation) -> Tensor:
    """The biharmonic equation (Damelin and Hoang 2018), (1, H, W)."""
    picture, hole = seen.image[0, 0].double().numpy(), seen.mask[0, 0].numpy() == 0
    return _tensor(inpaint_biharmonic(picture, hole))


def median(seen: Observation) -> Tensor:
    """The median of 3 x 3 pixels, (1, H, W)."""
    return _tensor(median_filter(seen.image[0, 0].numpy(), 3))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).clamp(0, 1)[None]
