"""What handwriting looks like, measured: thickness, slant, width and loops of strokes; and the
directions of the latent space that change them.

The measures are those of Morpho-MNIST (Castro et al. 2019): thickness is twice the mean distance
from a stroke's skeleton to its edge, slant comes from the image's second moments, width is that of
the bounding parallelogram once the slant is taken off. A loop is background that ink encloses.

Shapes: N images, D latent dimensions. All lengths are in pixels of the image.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

UPSCALE = 2  # edges are found to a fraction of a pixel
OUTSIDE = 0.02  # share of the ink that may lie beyond either side of the parallelogram
LEAST_LOOP = 0.5  # px; what is smaller is a seam between two strokes
LEAST_VARIANCE = 0.01  # of the greatest: a dimension with less tells groups apart by chance only


class Attribute(NamedTuple):
    """A measure of handwriting."""

    name: str
    unit: str
    direction: str  # what the digit becomes as it rises
    meaning: str


ATTRIBUTES: dict[str, Attribute] = {
    "thickness": Attribute("Thickness", "px", "thicker", "mean width of the stroke"),
    "slant": Attribute("Slant", "°", "more slanted", "lean to the right of the upright"),
    "width": Attribute("Width", "px", "wider", "width once the slant is taken off"),
    "loop": Attribute("Loop size", "px²", "bigger loop", "area that the stroke encloses"),
}


def measure(images: Tensor) -> dict[str, Tensor]:
    """Every attribute of images (N, C, H, W), each (N,) float32, finite for an empty picture too.

    thickness in px, slant in degrees (positive: leaning right, as / does), width in px, loop in px
    of area. All images lie on one sheet, so that the filters run once: 10,000 digits in a few
    seconds on one core.
    """
    if images.ndim != 4:
        raise ValueError(f"measure takes images (N, C, H, W); got {tuple(images.shape)}.")
    if not len(images):
        return {name: torch.empty(0) for name in ATTRIBUTES}
    grey = images.detach().float().mean(1)  # (N, H, W)
    thickness, loop = _stroke(grey)
    shear = _shear(grey)
    return {
        "thickness": thickness,
        "slant": torch.rad2deg(torch.atan(shear)),
        "width": _width(grey, shear),
        "loop": loop,
    }


def _stroke(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Mean thickness and enclosed area of (N, H, W), each (N,)."""
    import scipy.ndimage as filters
    from skimage.morphology import skeletonize

    count = len(grey)
    # A border of paper: no stroke touches its neighbour's, and all paper outside is connected.
    fine = F.interpolate(F.pad(grey[:, None], (1, 1, 1, 1)), scale_factor=UPSCALE, mode="bilinear")[
        :, 0
    ]
    level = fine.flatten(1).amax(1).clamp_min(1e-3) / 2  # half of the darkest, as there
    columns = int(np.ceil(np.sqrt(count)))
    fine = F.pad(fine > level[:, None, None], (0, 0, 0, 0, 0, -count % columns))
    height, width = fine.shape[1:]
    sheet = fine.view(-1, columns, height, width).transpose(1, 2).reshape(-1, columns * width)
    ink = sheet.contiguous().numpy()

    y, x = np.nonzero(skeletonize(ink))
    tile = y // height * columns + x // width
    # A centre outside lies half a pixel beyond the edge; but bilinear enlarging and a skeleton
    # that is a pixel off the middle of even strokes take as much away (test: lines of known width).
    across = 2 * _distance_to_paper(ink, y, x)
    pixels = np.bincount(tile, minlength=count)[:count]
    thickness = np.bincount(tile, across, minlength=count)[:count] / np.maximum(pixels, 1)

    holes, _ = filters.label(~ink)
    sizes = np.bincount(holes.ravel())
    enclosed = (sizes[holes] >= LEAST_LOOP * UPSCALE**2) & (holes != holes[0, 0]) & ~ink
    y, x = np.nonzero(enclosed)
    area = np.bincount(y // height * columns + x // width, minlength=count)[:count]
    return (
        torch.from_numpy(thickness / UPSCALE).float(),
        torch.from_numpy(area / UPSCALE**2).float(),
    )


def _distance_to_paper(ink: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Euclidean distance from ink pixels (y, x) to the nearest without ink, exact.

    Distance transforms separate into columns and rows (Felzenszwalb and Huttenlocher 2012); along
    the rows it is needed on the skeleton only, which is ten times as fast as on every pixel.
    """
    index = np.arange(len(ink), dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(ink, np.int32(-1), index), axis=0)
    below = np.where(ink, np.int32(len(ink)), index)
    below = np.minimum.accumulate(below[::-1], axis=0)[::-1]
    column = np.minimum(index - above, below - index)
    squared = column[y, x].astype(np.int64) ** 2
    offset = 1
    while offset**2 < squared.max(initial=0):
        for beside in (x - offset, x + offset):
            inside = np.clip(beside, 0, ink.shape[1] - 1)
            squared = np.minimum(squared, column[y, inside].astype(np.int64) ** 2 + offset**2)
        offset += 1
    return np.sqrt(squared)


def _grids(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns, (H, 1) and (1, W)."""
    _, height, width = grey.shape
    return torch.arange(height).float()[:, None], torch.arange(width).float()[None]


def _moments(grey: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Ink, and its mean row and column, each (N, 1, 1)."""
    y, x = _grids(grey)
    mass = grey.sum((1, 2), keepdim=True).clamp_min(1e-6)
    return mass, (grey * y).sum((1, 2), True) / mass, (grey * x).sum((1, 2), True) / mass


def _shear(grey: Tensor) -> Tensor:
    """How many columns to the right the ink lies for each row that it lies higher, (N,)."""
    (y, x), (mass, row, column) = _grids(grey), _moments(grey)
    across = (grey * (y - row) * (x - column)).sum((1, 2)) / mass[:, 0, 0]
    down = (grey * (y - row) ** 2).sum((1, 2)) / mass[:, 0, 0]
    # A flat line has no slant: what is lower than a pixel counts as a pixel high.
    return -across / down.clamp_min(1 / 12)


def _width(grey: Tensor, shear: Tensor) -> Tensor:
    """Width of the parallelogram of that shear that holds all but OUTSIDE of the ink, (N,)."""
    (y, x), (mass, row, _) = _grids(grey), _moments(grey)
    upright = x + shear[:, None, None] * (y - row)  # (N, H, W): columns once the slant is off
    places, order = upright.flatten(1).sort(dim=1)
    share = grey.flatten(1).gather(1, order).cumsum(1) / mass[:, 0]
    low, high = (
        places.gather(1, (share < bound).sum(1, keepdim=True).clamp_max(places.shape[1] - 1))[:, 0]
        for bound in (OUTSIDE, 1 - OUTSIDE)
    )
    return torch.where(grey.sum((1, 2)) > 1e-3, high - low + 1, torch.zeros(()))


def correlations(mu: Tensor, attributes: dict[str, Tensor]) -> Tensor:
    """Pearson's correlation of every attribute with every latent dimension, (A, D).

    0 where one of the two does not vary.
    """
    values = torch.stack([_centred(values[:, None])[:, 0] for values in attributes.values()])
    codes = _centred(mu)
    covariance = values @ codes  # (A, D)
    scale = values.norm(dim=1)[:, None] * codes.norm(dim=0)[None]
    return torch.where(scale > 1e-6, covariance / scale.clamp_min(1e-6), 0).clamp(-1, 1).float()


def attribute_direction(mu: Tensor, values: Tensor) -> Tensor:
    """What changes in mu (N, D), on average, when an attribute (N,) rises by a standard deviation:
    cov(mu, a) / std(a), (D,). Zero when the attribute does not vary.

    On decoded pictures, for the same way in z, this moves the attribute as far as the normal of the
    least-squares fit does, and where a dimension is dead that normal is mostly noise. A decoded
    digit follows by about half to one standard deviation a unit, and little in loops.
    """
    codes, rise = _centred(mu), _centred(values[:, None])[:, 0]
    deviation = rise.square().mean().sqrt()
    if deviation < 1e-6:
        return torch.zeros(mu.shape[1])
    return (rise @ codes / len(codes) / deviation).float()


def mean_difference(a: Tensor, b: Tensor) -> Tensor:
    """The way from the mean of a (N, D) to that of b (M, D): one unit is the whole of it, (D,)."""
    _check_groups(a, b)
    return _some(b.mean(0) - a.mean(0))


def logistic_normal(a: Tensor, b: Tensor) -> Tensor:
    """The direction in which a (N, D) and b (M, D) are told apart best: the normal of a logistic
    regression, as far as the mean of b lies from that of a along it, (D,).

    It is fitted to standardised dimensions. Those that hardly vary are left out: what they
    seem to tell is chance, and going back from a tiny standard deviation would blow it up.
    """
    from sklearn.linear_model import LogisticRegression

    _check_groups(a, b)
    both = torch.cat([a, b]).double()
    variance = both.var(0, correction=0)
    varies = variance > LEAST_VARIANCE * variance.max()
    _some(varies)
    scale = variance[varies].sqrt()
    fitted = LogisticRegression(max_iter=1000)
    fitted.fit((_centred(both)[:, varies] / scale).numpy(), [0] * len(a) + [1] * len(b))
    normal = torch.zeros(both.shape[1], dtype=torch.float64)
    normal[varies] = torch.from_numpy(fitted.coef_[0]) / scale
    normal = normal / _some(normal).norm()
    way = normal @ (b.double().mean(0) - a.double().mean(0))
    return _some((way * normal).float())


def _check_groups(a: Tensor, b: Tensor) -> None:
    if not len(a) or not len(b):
        raise ValueError("Each of the two groups needs at least one picture.")


def _some(direction: Tensor) -> Tensor:
    if not direction.any():
        raise ValueError("The two groups lie in the same place: there is no way between them.")
    return direction


def _centred(values: Tensor) -> Tensor:
    """(N, M) float64 with column means of zero."""
    return values.double() - values.double().mean(0)
