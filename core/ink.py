"""From a photographed page to the digit's ink: paper, shadows, ruled lines and specks taken off.

Arrays are (H, W) float32 in [0, 1]; `strength` is the share of the paper's light that is missing.
"""

import numpy as np
import scipy  # scipy.ndimage and skimage.filters load at their first use: 0.2 s saved at import
import skimage
from PIL import Image
from PIL.Image import Resampling

from core.photo import DigitError

SPECK = 0.04  # of the picture's long side: what is shorter is no digit
BLUR = 0.1  # of the long side: an edge that takes longer to rise is a shadow's, not a stroke's
CONTRAST = 0.12  # the share of the paper's light that ink must take away
DIM = 0.05  # added to a dark board's shade, of which little can be told
EIGHT = np.ones((3, 3))  # diagonal neighbours count as connected

BLANK = "No ink stands out from the background. Use a darker pen or better light, and try again."


def ink_strength(grey: np.ndarray) -> np.ndarray:
    """The share of the ground's light that each pixel lacks; light ink is inverted first."""
    small = fitted(grey, 48, Resampling.BOX)
    # A median half the picture wide is ground nearly everywhere: what stands off it is ink.
    off = small - scipy.ndimage.median_filter(small, 25, mode="nearest")
    light_ink = (off**3).sum() > 0
    if light_ink:
        grey = 1 - grey
    small = np.maximum(fitted(grey, 96, Resampling.BOX), 0.02)
    ground = scipy.ndimage.grey_closing(small, size=39)  # wider than any stroke, follows shadows
    # On slopes it lies too high along the picture's edges, levelled elsewhere: the lower is right.
    trend = _trend(ground)
    ground = np.minimum(ground, trend * scipy.ndimage.grey_closing(small / trend, size=39))
    ground = _resized(ground, grey.shape, Resampling.BILINEAR)
    lost = 1 - grey / ground
    if light_ink:  # less of it comes back where less light falls, as the board shows
        light = 1 - ground + DIM
        lost *= light.max() / light
    return np.clip(scipy.ndimage.gaussian_filter(lost, 0.8), 0, 1)


def _trend(ground: np.ndarray) -> np.ndarray:
    """The least-squares quadratic surface through `ground`, kept above zero."""
    height, width = ground.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].reshape(2, -1)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    surface = terms @ np.linalg.lstsq(terms, ground.ravel())[0]
    return np.maximum(surface, 0.02).reshape(ground.shape).astype(np.float32)


def without_rows(strength: np.ndarray) -> np.ndarray:
    """Take off thin, nearly level lines from edge to edge; strokes that cross them stay whole."""
    height, width = strength.shape
    thick = max(3, round(0.012 * max(height, width)))
    solid = scipy.ndimage.grey_opening(strength, size=(thick, 1))  # what is thicker than a line
    thin = np.uint8(strength - solid > CONTRAST / 2)
    # A line t thick and s steep still runs level for t / s pixels: it is a chain of such runs.
    runs = scipy.ndimage.grey_opening(thin, size=(1, max(9, width // 40)))
    chains, _ = scipy.ndimage.label(scipy.ndimage.maximum_filter(runs, size=(3, width // 8)))
    lines = np.zeros(strength.shape, bool)
    for i, box in enumerate(scipy.ndimage.find_objects(chains), 1):
        chain = chains[box] == i
        ruled = (runs[box] > 0) & chain
        if np.ptp(np.flatnonzero(ruled.any(axis=0))) > 0.96 * width:
            # A thin pen's stroke beside the line is in the chain as well, but it is darker.
            lines[box] |= chain & (strength[box] < 1.6 * np.median(strength[box][ruled]))
    return np.where(lines, solid, strength)


def find_ink(strength: np.ndarray, blur: float) -> tuple[float, np.ndarray]:
    """The strength that parts ink from ground, and which pixels (bool) are the digit's ink."""
    ground = np.percentile(strength, 25)  # ink may fill a tight crop, but not three quarters of it
    noise = 2 * np.median(np.abs(np.diff(strength, axis=0)))
    marks = strength[strength > ground + CONTRAST / 2 + 4 * noise]
    if not len(marks):
        raise DigitError(BLANK)
    threshold = float(skimage.filters.threshold_otsu(marks))
    mask = _digit(_sharp(strength, strength > threshold, blur * max(strength.shape)))
    if not mask.any() or strength[mask].mean() < ground + CONTRAST:
        raise DigitError(BLANK)
    return threshold, mask


def _sharp(strength: np.ndarray, mask: np.ndarray, most: float) -> np.ndarray:
    """Drop the marks whose edges take over `most` pixels to rise: shadows, however dark."""
    labels, count = scipy.ndimage.label(mask, EIGHT)
    rim = np.where(scipy.ndimage.binary_erosion(mask, border_value=1), 0, labels)
    slope = scipy.ndimage.gaussian_gradient_magnitude(strength, 1)
    index = np.arange(count + 1)[1:]
    steep = scipy.ndimage.mean(slope, rim, index) * most
    return np.append(False, scipy.ndimage.maximum(strength, labels, index) < steep)[labels]


def _digit(mask: np.ndarray) -> np.ndarray:
    """Drop specks, crumbs far off, and what leans on the picture's edge: a desk, a thumb.

    The largest mark off the edge leads, or, in a tight crop, the largest of all.
    """
    labels, count = scipy.ndimage.label(mask, EIGHT)
    if not count:
        return mask
    area = np.bincount(labels.ravel())[1:]
    box = np.array([[(s.start, s.stop) for s in b] for b in scipy.ndimage.find_objects(labels)])
    size = np.ptp(box, axis=2).max(axis=1)
    contact = np.bincount(border(labels), minlength=count + 1)[1:]  # pixels on the edge
    leans = contact > 0.06 * min(mask.shape)  # more than a stroke that runs off the picture
    free = ~leans & (size > 2 * SPECK * max(mask.shape))
    lead = (area * free if free.any() else area).argmax()
    if size[lead] < SPECK * max(mask.shape):
        return np.zeros_like(mask)
    gap = np.maximum(box[:, :, 0] - box[lead, :, 1], box[lead, :, 0] - box[:, :, 1]).max(axis=1)
    near = gap < np.where(leans, 0.08, 0.25) * size[lead]
    stroke = (area > 0.01 * area[lead]) & near & (contact < 0.4 * min(mask.shape))
    another = (area > 0.15 * area[lead]) & ~leans
    return np.append(False, stroke | another | (np.arange(count) == lead))[labels]


def border(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[0], x[-1], x[1:-1, 0], x[1:-1, -1]])


def fitted(x: np.ndarray, long: int, how: Resampling) -> np.ndarray:
    """`x` scaled until its longer side is `long`, aspect kept."""
    height, width = (max(1, round(side * long / max(x.shape))) for side in x.shape)
    return _resized(x, (height, width), how)


def _resized(x: np.ndarray, shape: tuple[int, ...], how: Resampling) -> np.ndarray:
    return np.clip(np.asarray(Image.fromarray(x).resize((shape[1], shape[0]), how)), 0, 1)
