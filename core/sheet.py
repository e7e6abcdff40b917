"""The sheet of paper in a photograph: cut out of the desk that it lies on, and straightened.

Arrays are (H, W) float32 in [0, 1]. What lies beside the sheet would otherwise pass for ink, or,
where it is most of the picture, for the paper.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy  # scipy.ndimage and skimage load at their first use
import skimage
from PIL import Image, ImageDraw
from PIL.Image import Resampling, Transform

from core.ink import border, fitted

COARSE = 128  # pixels on the long side when a sheet of paper is looked for
EDGE = 0.1  # a step of the light by this share a pixel ends a surface; most shadows are softer
PART, LEAST = 0.01, 0.08  # of the picture: a smaller part is a loop, a smaller surface no sheet
SAME = 0.06  # of all the picture's light and shade: shades that differ by less are of one paper
DARK = 0.05  # added to a shade before one divides by it
MARK = 0.1  # the share of the surface's light by which a mark on it differs


class _Surface(NamedTuple):
    """Something flat and evenly lit, of a coarse picture."""

    whole: np.ndarray  # (h, w) bool: convex, marks included
    ground: np.ndarray  # (h, w), its shade, and beyond it that of its nearest part
    marks: float  # how much is written on it
    flat: bool  # few straight edges and mostly bare, as paper and unlike a thick 0


def sheet(grey: np.ndarray) -> np.ndarray:
    """The sheet that is written on; all of `grey` if it fills the picture or there is none.

    One that is seen whole is straightened. Of one that the picture cuts off, what lies beyond its
    edges gets its own shade.
    """
    found = _written_on(fitted(grey, COARSE, Resampling.BOX))
    if found is None or found.whole.mean() > 0.97:
        return grey
    corners = None if border(found.whole).any() else _corners(found.whole)
    if corners is None:
        return _only(grey, found)
    corners = 0.95 * corners + 0.05 * corners.mean(axis=0)  # keeps the sheet's rim out
    corners = (corners + 0.5) * max(grey.shape) / COARSE
    left, bottom, right, top = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    size = math.ceil(max(bottom, top)), math.ceil(max(left, right))
    quad = corners.ravel().tolist()
    flat = Image.fromarray(grey).transform(size, Transform.QUAD, quad, Resampling.BILINEAR)
    return np.asarray(flat)


def _written_on(coarse: np.ndarray) -> _Surface | None:
    """The sheet with most marks, or one with marks that lies on it: it may be a desk."""
    surfaces = [s for s in _surfaces(coarse) if s.marks and s.flat]
    best = max(surfaces, key=lambda s: s.marks, default=None)
    for other in sorted(surfaces, key=lambda s: -s.whole.sum()):
        inside = best and (best.whole & other.whole).sum() > 0.9 * other.whole.sum()
        if inside:
            best = other
    return best


def _surfaces(coarse: np.ndarray) -> list[_Surface]:
    """What is large and has no edges within but those of marks on it."""
    # Ruled lines and thin strokes part no surface: they go, and the edges of things stay sharp.
    smooth = scipy.ndimage.median_filter(coarse, 5, mode="nearest")
    slope = scipy.ndimage.gaussian_gradient_magnitude(smooth, 0.7) / (smooth + DARK)
    labels, count = scipy.ndimage.label(slope < EDGE)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    parts = [labels == i for i in np.flatnonzero(areas > PART * labels.size) + 1]
    return [
        _surface(coarse, smooth, bare)
        for bare in _joined(smooth, parts)
        if bare.sum() > LEAST * labels.size
    ]


def _joined(smooth: np.ndarray, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Parts of one shade where they are nearest are one paper that a stroke divides."""
    joined: list[np.ndarray] = []
    for part in parts:
        ground, far = _extended(smooth, part)
        for other in list(joined):
            near = other & (far <= np.percentile(far[other], 10))
            apart = abs(np.median(smooth[near] - ground[near]))
            if apart < max(MARK * np.median(ground[near]), SAME * np.ptp(smooth)):
                part = part | other
                joined = [x for x in joined if x is not other]
        joined.append(part)
    return joined


def _extended(smooth: np.ndarray, bare: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pixel's nearest shade in `bare`, and how far that is."""
    far, nearest = scipy.ndimage.distance_transform_edt(~bare, return_indices=True)
    return smooth[tuple(nearest)], far


def _surface(coarse: np.ndarray, smooth: np.ndarray, bare: np.ndarray) -> _Surface:
    whole = skimage.morphology.convex_hull_image(bare)
    ground, _ = _extended(smooth, bare)
    off = np.abs(coarse - ground) / (ground + DARK) * whole
    inner = scipy.ndimage.binary_erosion(whole, iterations=3, border_value=1)
    marks, count = scipy.ndimage.label(off > MARK)
    loose = np.setdiff1d(np.arange(1, count + 1), marks[whole & ~inner])  # not what juts into it
    written = np.isin(marks, loose)
    flat = _edges(whole) <= 6 and bare.sum() > 0.6 * whole.sum() and not _blot(written)
    return _Surface(whole, ground, float(off[written].sum()), flat)


def _blot(written: np.ndarray) -> bool:
    """Is it no stroke of a pen, but as the inside of a thick 0 is?"""
    width = 2 * scipy.ndimage.distance_transform_edt(written).max() - 1
    extent = max(np.ptp(at) + 1 for at in np.nonzero(written)) if written.any() else 0
    return bool(width > max(6, 0.35 * extent))


def _edges(whole: np.ndarray) -> int:
    """How many straight edges bound it, when a few pixels do not count."""
    outline = skimage.measure.find_contours(np.pad(whole, 1), 0.5)[0][1:]  # closed: its end goes
    start = np.linalg.norm(outline - outline.mean(axis=0), axis=1).argmax()  # surely a corner
    closed = np.roll(outline, -start, axis=0)[[*range(len(outline)), 0]]
    return len(skimage.measure.approximate_polygon(closed, 3)) - 1


def _only(grey: np.ndarray, found: _Surface) -> np.ndarray:
    """The part of `grey` round the sheet, without what lies beside that."""
    inner = scipy.ndimage.binary_erosion(found.whole, iterations=2, border_value=1)
    size = grey.shape[::-1]
    inside = np.asarray(Image.fromarray(np.float32(inner)).resize(size, Resampling.BILINEAR))
    ground = np.asarray(Image.fromarray(found.ground).resize(size, Resampling.BILINEAR))
    rows, columns = (np.flatnonzero((inside > 0.5).any(axis=axis)) for axis in (1, 0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.where(inside > 0.5, grey, ground)[part]


def _corners(shape: np.ndarray) -> np.ndarray | None:
    """The corners of a quadrilateral, (4, 2) as (x, y) down from the top left; None if not one."""
    y, x = np.nonzero(shape)
    for u, v in ((x, y), (x + y, x - y)) if len(x) else ():
        outer = [u.argmin(), v.argmin(), u.argmax(), v.argmax()]
        corners = np.stack([x[outer], y[outer]], axis=1)
        side = corners - corners.mean(axis=0)
        corners = corners[np.argsort(-np.arctan2(side[:, 1], side[:, 0]))]
        corners = np.roll(corners, -corners.sum(axis=1).argmin(), axis=0)
        drawn = Image.new("1", shape.shape[::-1])
        ImageDraw.Draw(drawn).polygon([tuple(c) for c in corners.tolist()], fill=1)
        if (shape & drawn).sum() > 0.9 * (shape | drawn).sum():
            return corners
    return None
