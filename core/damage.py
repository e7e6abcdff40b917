"""Damage: what a picture loses before it is to be repaired. Every kind is one function of
(Observation, generator, strength), and they follow one another.

    seen = observe(x)                                    # everything known
    seen = left_half(seen, generator)                    # x (B, 1, H, W) in [0, 1]
    seen = gaussian_noise(seen, generator, 0.3)

The order is that of a camera: optics (blur, low resolution), then Gaussian noise, then salt and
pepper, then pixels are lost. Another order is refused where it would mean something else. Pictures
are on the CPU. Shapes: B batch, H height, W width.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Observation(NamedTuple):
    """What is left of some pictures, and what is known about their damage.

    `noise` and `salt` may be None: unknown, and estimated by the repair.
    """

    image: Tensor  # (B, C, H, W) in [0, 1]; missing pixels hold 0
    mask: Tensor  # (B, C, H, W) float: 1 observed, 0 missing, alike in all channels
    noise: float | None = 0.0  # standard deviation of Gaussian noise, clipped to [0, 1] afterwards
    salt: float | None = 0.0  # share of pixels that salt and pepper replaced
    blur: float = 0.0  # standard deviation of a Gaussian blur in pixels
    factor: int = 1  # each factor x factor block holds its mean: low resolution

    def optics(self, x: Tensor) -> Tensor:
        """The linear operator A of blur and low resolution on pictures (N, C, H, W)."""
        return _low_resolution(_blurred(x, self.blur), self.factor)

    @property
    def has_optics(self) -> bool:
        return self.blur > 0 or self.factor > 1


Damage = Callable[[Observation, torch.Generator, float], Observation]


def observe(x: Tensor) -> Observation:
    """Pictures (B, C, H, W) in [0, 1] with every pixel known."""
    return Observation(x, torch.ones_like(x))


def hide(seen: Observation, mask: Tensor) -> Observation:
    """Keep only the pixels where `mask` (B, 1 or C, H, W), bool or float, is 1."""
    kept = seen.mask * mask.to(seen.mask.dtype)
    return seen._replace(image=seen.image * kept, mask=kept)


# Missing pixels. `strength` is the share of the side, of the pixels or of strokes that is lost.


def top_half(seen: Observation, generator: torch.Generator, strength: float = 0.5) -> Observation:
    """The upper `strength` of the picture is missing."""
    return hide(seen, _rows(seen) >= strength)


def bottom_half(
    seen: Observation, generator: torch.Generator, strength: float = 0.5
) -> Observation:
    """The lower `strength` of the picture is missing."""
    return hide(seen, _rows(seen) < 1 - strength)


def left_half(seen: Observation, generator: torch.Generator, strength: float = 0.5) -> Observation:
    """The left `strength` of the picture is missing."""
    return hide(seen, _columns(seen) >= strength)


def right_half(seen: Observation, generator: torch.Generator, strength: float = 0.5) -> Observation:
    """The right `strength` of the picture is missing."""
    return hide(seen, _columns(seen) < 1 - strength)


def centre_box(seen: Observation, generator: torch.Generator, strength: float = 0.5) -> Observation:
    """A square of `strength` times the side is missing from the middle."""
    low, high = 0.5 - strength / 2, 0.5 + strength / 2
    rows, columns = _rows(seen), _columns(seen)
    inside = (rows >= low) & (rows < high) & (columns >= low) & (columns < high)
    return hide(seen, ~inside)


def random_box(seen: Observation, generator: torch.Generator, strength: float = 0.5) -> Observation:
    """A square of `strength` times the side is missing anywhere."""
    b, _, h, _ = seen.image.shape
    size = torch.full((b,), round(strength * h))
    return hide(seen, ~_rectangles(seen, generator, size, size))


def random_pixels(
    seen: Observation, generator: torch.Generator, strength: float = 0.8
) -> Observation:
    """Every pixel is missing with probability `strength`, independently."""
    return hide(seen, _uniform(seen, generator) >= strength)


def scribbles(seen: Observation, generator: torch.Generator, strength: float = 0.3) -> Observation:
    """Ten times `strength` curved strokes of width 3 from edge to edge are missing."""
    return hide(seen, ~_strokes(seen, generator, round(10 * strength), curved=True))


def lines(seen: Observation, generator: torch.Generator, strength: float = 0.4) -> Observation:
    """Ten times `strength` straight strokes of width 3 from edge to edge are missing."""
    return hide(seen, ~_strokes(seen, generator, round(10 * strength), curved=False))


def blot(seen: Observation, generator: torch.Generator, strength: float = 0.3) -> Observation:
    """A round spot with a wavy rim is missing; its radius is `strength` times the side."""
    b, _, h, w = seen.image.shape
    centre = torch.rand(b, 2, 1, 1, generator=generator) * 0.5 + 0.25
    waves = torch.rand(b, 3, 1, 1, generator=generator) * 2 * math.pi
    y = (torch.arange(h).view(1, h, 1) + 0.5) / h - centre[:, 0]
    x = (torch.arange(w).view(1, 1, w) + 0.5) / w - centre[:, 1]
    angle = torch.atan2(y, x)
    rim = 1 + sum(0.15 * torch.sin((n + 2) * angle + waves[:, n]) for n in range(3))
    return hide(seen, ((x.square() + y.square()).sqrt() > strength * rim)[:, None])


# Noise. It is clipped to [0, 1], as in any file of a picture.


def gaussian_noise(
    seen: Observation, generator: torch.Generator, strength: float = 0.5
) -> Observation:
    """Gaussian noise of standard deviation `strength`, then clipped."""
    if seen.noise != 0 or seen.salt != 0:
        raise ValueError("Gaussian noise comes once, and before salt and pepper.")
    noise = torch.randn(seen.image.shape, generator=generator)
    return seen._replace(
        image=(seen.image + strength * noise).clamp(0, 1) * seen.mask, noise=strength
    )


def salt_and_pepper(
    seen: Observation, generator: torch.Generator, strength: float = 0.3
) -> Observation:
    """The share `strength` of the pixels is black or white, evenly."""
    if seen.salt is None:
        raise ValueError("More salt and pepper on an unknown share of it stays unknown.")
    chance = _uniform(seen, generator)
    image = torch.where(chance < strength, (chance < strength / 2).float(), seen.image)
    return seen._replace(image=image * seen.mask, salt=1 - (1 - seen.salt) * (1 - strength))


# Optics.


def blur(seen: Observation, generator: torch.Generator, strength: float = 0.3) -> Observation:
    """A Gaussian blur of standard deviation ten times `strength` pixels."""
    _optics_first(seen)
    result = seen._replace(blur=math.hypot(seen.blur, 10 * strength))
    return result._replace(image=_blurred(seen.image, 10 * strength))


def down_sampling(
    seen: Observation, generator: torch.Generator, strength: float = 0.75
) -> Observation:
    """The side loses about `strength` of its pixels: square blocks share their mean. A block's side
    is the largest divisor of the picture's that is not above round(1 / (1 - strength))."""
    _optics_first(seen)
    factor = max(1, round(1 / max(1 - strength, 1e-6)))
    side = seen.image.shape[-1]
    factor = max(f for f in range(1, side + 1) if side % f == 0 and f <= factor)
    return seen._replace(image=_low_resolution(seen.image, factor), factor=factor)


class Kind(NamedTuple):
    """A kind of damage as a tool offers it."""

    label: str
    apply: Damage
    strength: float  # where a slider starts
    least: float
    most: float


KINDS = {
    "top": Kind("Top half", top_half, 0.5, 0.1, 0.9),
    "bottom": Kind("Bottom half", bottom_half, 0.5, 0.1, 0.9),
    "left": Kind("Left half", left_half, 0.5, 0.1, 0.9),
    "right": Kind("Right half", right_half, 0.5, 0.1, 0.9),
    "centre": Kind("Centre box", centre_box, 0.5, 0.1, 0.9),
    "box": Kind("Box anywhere", random_box, 0.5, 0.1, 0.9),
    "pixels": Kind("Random pixels", random_pixels, 0.8, 0.1, 0.99),
    "scribbles": Kind("Scribbles", scribbles, 0.3, 0.1, 1.0),
    "lines": Kind("Lines", lines, 0.4, 0.1, 1.0),
    "blot": Kind("Blot", blot, 0.3, 0.1, 0.5),
    "noise": Kind("Gaussian noise", gaussian_noise, 0.5, 0.05, 1.0),
    "salt": Kind("Salt and pepper", salt_and_pepper, 0.3, 0.05, 0.8),
    "blur": Kind("Blur", blur, 0.2, 0.05, 0.5),
    "low": Kind("Low resolution", down_sampling, 0.75, 0.5, 0.86),
}


def mnist_mask_generator(seen: Observation, generator: torch.Generator) -> Observation:
    """A published mask for every picture: the MNISTMaskGenerator of ACFlow (Li et al. 2020) and
    of posterior matching (Strauss and Oliva 2022).

    With weights 2, 1, 1, 1, 1, 2, 2: every second pixel at random; the upper, lower, left or right
    half; a square of half the side anywhere; a rectangle between two random corners that covers at
    least 0.3 of the picture.
    """
    b, _, h, w = seen.image.shape
    kinds = mixture_kinds(b, generator)
    corners = torch.empty(b, 4, dtype=torch.long)
    redraw = torch.ones(b, dtype=torch.bool)
    while redraw.any():
        rows = torch.randint(h, (b, 2), generator=generator).sort(1).values
        columns = torch.randint(w, (b, 2), generator=generator).sort(1).values
        corners[redraw] = torch.cat([rows, columns], 1)[redraw]
        size = corners[:, 1::2] - corners[:, ::2] + 1  # inclusive
        redraw = size.prod(1) < 0.3 * h * w
    rectangle = _inside(seen, corners[:, 0], corners[:, 2], size[:, 0], size[:, 1])
    side = torch.full((b,), h // 2)
    # Positions as the authors draw them: the last one, flush with the edge, never comes.
    top, left = torch.randint(h - h // 2, (2, b), generator=generator)
    return mixed(
        seen, kinds,
        random_pixels(seen, generator, 0.5),
        *(half(seen, generator, 0.5) for half in (top_half, bottom_half, left_half, right_half)),
        hide(seen, ~_inside(seen, top, left, side, side)),
        hide(seen, ~rectangle),
    )  # fmt: skip


def mixture_kinds(n: int, generator: torch.Generator) -> Tensor:
    """Which of seven kinds each of n pictures gets, with weights 2, 1, 1, 1, 1, 2, 2: (n,)."""
    weights = torch.tensor([2.0, 1, 1, 1, 1, 2, 2])
    return torch.multinomial(weights, n, replacement=True, generator=generator)


def mixed(seen: Observation, kinds: Tensor, *options: Observation) -> Observation:
    """For each picture the mask of the option that `kinds` (B,) names."""
    masks = torch.stack([option.mask for option in options])
    return hide(seen, masks[kinds, torch.arange(len(kinds))])


def random_rectangle(seen: Observation, generator: torch.Generator) -> Observation:
    """A rectangle of independent uniform sides, from one pixel up, is missing anywhere."""
    b, _, h, w = seen.image.shape
    heights = torch.randint(1, h + 1, (b,), generator=generator)
    widths = torch.randint(1, w + 1, (b,), generator=generator)
    return hide(seen, ~_rectangles(seen, generator, heights, widths))


def guess_mask(image: Tensor) -> Tensor:
    """Which pixels of a damaged picture (C, H, W) look intact: 1 known, 0 suspect, (1, H, W) float.

    Suspect are flat areas of one tone that are wider than a pen (a sticker, a redacted box) and
    single pixels that fit none of their neighbours (salt and pepper). Black on a black ground, or a
    hole that was filled in well, cannot be told from paper: mark it by hand.
    """
    x = image.mean(0, keepdim=True)[None]
    window = F.max_pool2d(x, 5, 1, 2) + F.max_pool2d(-x, 5, 1, 2)  # largest minus smallest
    core = ((window < 0.02) & (x > 0.1)).float()
    flat = F.max_pool2d(core, 5, 1, 2) > 0  # an opening: what a 5 x 5 square of one tone covers
    around = F.unfold(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3).view(1, 9, *x.shape[2:])
    differs = ((around - x).abs() > 0.3).sum(1, keepdim=True)  # of the 8 neighbours
    speck = (differs >= 7) & ((x - around.median(1, keepdim=True).values).abs() > 0.4)
    return 1 - (flat | speck).float()[0]


def _rows(seen: Observation) -> Tensor:
    """Each pixel's upper edge as a share of the height, (B, C, H, W)."""
    h = seen.image.shape[2]
    return (torch.arange(h) / h).view(1, 1, h, 1).expand(seen.image.shape)


def _columns(seen: Observation) -> Tensor:
    w = seen.image.shape[3]
    return (torch.arange(w) / w).view(1, 1, 1, w).expand(seen.image.shape)


def _uniform(seen: Observation, generator: torch.Generator) -> Tensor:
    """A number for each pixel, the same in all its channels."""
    b, _, h, w = seen.image.shape
    return torch.rand(b, 1, h, w, generator=generator)


def _rectangles(
    seen: Observation, generator: torch.Generator, heights: Tensor, widths: Tensor
) -> Tensor:
    """True inside one rectangle a picture, (B, 1, H, W); heights and widths (B,) in pixels."""
    b, _, h, w = seen.image.shape
    top = (torch.rand(b, generator=generator) * (h - heights + 1)).floor()
    left = (torch.rand(b, generator=generator) * (w - widths + 1)).floor()
    return _inside(seen, top, left, heights, widths)


def _inside(
    seen: Observation, top: Tensor, left: Tensor, heights: Tensor, widths: Tensor
) -> Tensor:
    """True inside one rectangle a picture, (B, 1, H, W), from four (B,) in pixels."""
    h, w = seen.image.shape[2:]
    top, left, heights, widths = (v.view(-1, 1, 1, 1) for v in (top, left, heights, widths))
    row, column = torch.arange(h).view(1, 1, h, 1), torch.arange(w).view(1, 1, 1, w)
    inside = (row >= top) & (row < top + heights)
    return inside & (column >= left) & (column < left + widths)


def _strokes(seen: Observation, generator: torch.Generator, n: int, *, curved: bool) -> Tensor:
    """True under n strokes of width 3 a picture, (B, 1, H, W): quadratic Bezier curves from an
    edge to the opposite one with a control point anywhere, or straight lines."""
    b, _, h, w = seen.image.shape
    n = max(n, 1)
    ends = torch.rand(b, n, 3, 2, generator=generator)
    first, middle, last = ends.unbind(2)
    first = torch.stack([torch.zeros(b, n), first[..., 1]], -1)
    last = torch.stack([torch.ones(b, n), last[..., 1]], -1)
    middle = middle if curved else (first + last) / 2
    points = torch.stack([first, middle, last], 2)  # (B, n, 3, 2): from top to bottom
    across = torch.rand(b, n, 1, 1, generator=generator) < 0.5
    points = torch.where(across, points, points.flip(-1))  # or from left to right
    t = torch.linspace(0, 1, 2 * max(h, w)).view(-1, 1)
    basis = torch.cat([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)  # (T, 3)
    points = torch.einsum("tc,bncd->bntd", basis, points).flatten(1, 2)  # (B, n T, 2)
    row = (points[..., 0] * (h - 1)).round().long()
    column = (points[..., 1] * (w - 1)).round().long()
    hit = torch.zeros(b, 1, h * w).scatter_(2, (row * w + column)[:, None], 1.0).view(b, 1, h, w)
    return F.max_pool2d(hit, 3, stride=1, padding=1) > 0


def _optics_first(seen: Observation) -> None:
    if seen.noise != 0 or seen.salt != 0 or not bool(seen.mask.all()):
        raise ValueError(
            "Blur and low resolution come before noise and missing pixels: apply them first."
        )
    if seen.factor > 1:
        raise ValueError("Low resolution comes last of the optics: apply the blur first.")


def _blurred(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, zeros outside the picture; sigma in pixels."""
    if sigma <= 0:
        return x
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / sigma).square())
    kernel = kernel / kernel.sum()
    planes = x.flatten(0, 1)[:, None]  # (B C, 1, H, W)
    planes = F.conv2d(planes, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    return F.conv2d(planes, kernel.view(1, 1, 1, -1), padding=(0, radius)).view_as(x)


def _low_resolution(x: Tensor, factor: int) -> Tensor:
    """Every factor x factor block replaced by its mean; the shape stays."""
    if factor <= 1:
        return x
    return F.interpolate(F.avg_pool2d(x, factor), scale_factor=factor, mode="nearest")
