"""A photo, drawing or upload -> one 28x28 digit, made the way MNIST was made.

MNIST (LeCun et al., 1998, section III-A) took bilevel scans, scaled each digit into a 20x20 box
with its aspect kept and its edges anti-aliased, and moved its centre of mass to the middle of a
28x28 field. `to_digit` first earns the bilevel scan (paper, shadows, ruled lines and specks taken
off), then does the same, and returns every stage as a `Step` that a page can show.

Arrays here are (H, W) float32 in [0, 1]. All the ink in a picture is read as one digit: nothing is
cut into characters. A printed frame around the digit is ink like any other.
"""

import io
import math
from typing import NamedTuple

import numpy as np
import scipy  # scipy.ndimage and skimage.filters load at their first use: 0.2 s saved at import
import skimage
import torch
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError
from PIL.Image import Resampling, Transform

MAX_BYTES = 20 * 2**20  # the JPEG of a large phone photo is about 15 MB
MAX_PIXELS = 40_000_000  # 160 MB once decoded: what a small server can spare for one upload
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # raster only; TIFF and PostScript decode too much

SIDE, BOX = 28, 20  # pixels: MNIST's field, and the box that its digits are scaled into
CENTRE = 14.5  # of the field, from its edge: measured, MNIST's mass lies in the middle of pixel 14
THIN, PEN = 1.8, 2.3  # pixels: strokes under THIN are drawn PEN wide, MNIST's median
FINE = 10  # before the final scaling a pixel of MNIST is at least so many pixels wide
LEAST, SLIM = 8, 40  # the fewest pixels on a side, and how many times longer the other may be
COARSE = 128  # pixels on the long side when a sheet of paper is looked for
LONG = 640  # the most pixels on a long side while working: a digit is read in 0.1 s
SPECK = 0.04  # of the picture's long side: what is shorter is no digit
BLUR = 0.1  # of the long side: an edge that takes longer to rise is a shadow's, not a stroke's
CONTRAST = 0.12  # the share of the paper's light that ink must take away
EIGHT = np.ones((3, 3))  # diagonal neighbours count as connected

DAMAGED = "The picture is damaged or cut short. Save or send it again."
BLANK = "No ink stands out from the background. Use a darker pen or better light, and try again."
TOO_LARGE = f"The picture has over {MAX_PIXELS // 10**6} megapixels. Choose a smaller one."


class DigitError(ValueError):
    """No digit can be had from this picture; the message tells its owner why and what to do."""


class Step(NamedTuple):
    """One stage on the way from photo to digit; `image` is (H, W), white for ink once cut out."""

    name: str
    explanation: str
    image: np.ndarray


class Digit(NamedTuple):
    """White ink on black: `image` is (1, 1, 28, 28), and the last of `steps` shows the same."""

    image: torch.Tensor
    steps: tuple[Step, ...]


def open_image(data: bytes) -> Image.Image:
    """Decode an uploaded file: its first frame, turned upright. `DigitError` if that cannot be.

    Size is checked on the header, before a pixel is decoded; a large JPEG comes at reduced scale.
    """
    if not data:
        raise DigitError("The file is empty. Choose a picture of a digit.")
    if len(data) > MAX_BYTES:
        raise DigitError(f"The file is over {MAX_BYTES >> 20} MB. Choose a smaller picture.")
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise DigitError(
            "The file is not a picture that can be read. Choose a PNG, JPEG, WebP, BMP or GIF file."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DigitError(TOO_LARGE) from None
    except (OSError, SyntaxError, ValueError, EOFError):  # a header that Pillow gives up on
        raise DigitError(DAMAGED) from None
    return _upright(_decoded(opened))


def to_digit(image: Image.Image | bytes) -> Digit:
    """Draw the ink in `image` as MNIST would have. `DigitError` if no ink is found.

    Dark on light and light on dark both work; a 28x28 picture that already is an MNIST digit comes
    back unchanged. Deterministic.
    """
    grey = _grey(open_image(image) if isinstance(image, bytes) else _decoded(image))
    steps = [Step("Upright, grey", "Colour and transparency are gone.", grey)]
    digit = _mnist(grey)
    if digit is None:
        page = _sheet(grey)
        strength = _strength(_fitted(page, max(LONG // 2, *page.shape), Resampling.BICUBIC))
        plain = _without_rows(_without_rows(strength).T).T
        threshold, mask = _ink(plain, max(BLUR, 2 / max(grey.shape)))
        fine = _bilevel(plain * scipy.ndimage.binary_dilation(mask, iterations=2), threshold)
        digit = _field(fine)
        ink, crop = mask.astype(np.float32), fine.astype(np.float32)
        steps += [
            Step("Even ground", "Paper and shadows are divided out: ink is bright.", strength),
            Step("Unruled", "Thin lines across the whole page are taken off.", plain),
            Step("Ink", "What is dark enough; specks and edges are dropped.", ink),
            Step("Crop", "Cut to the ink; the line of a thin pen is thickened.", crop),
        ]
    steps.append(Step("28 x 28", "Scaled into 20 x 20, centre of mass in the middle.", digit))
    return Digit(torch.from_numpy(digit.copy())[None, None], tuple(steps))


def _decoded(image: Image.Image) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise DigitError(TOO_LARGE)
    if min(image.size) < max(LEAST, max(image.size) / SLIM):
        raise DigitError("The picture is too small or too narrow to show a digit. Choose another.")
    image.draft(None, (LONG, LONG))  # a large JPEG is decoded at a half, a quarter or an eighth
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        raise DigitError(DAMAGED) from None
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block raises nearly anything, and says nothing of which way
        return image


def _grey(image: Image.Image) -> np.ndarray:
    """Any mode as one upright channel in [0, 1], the long side reduced to LONG at most."""
    shrink = math.ceil(max(image.size) / LONG)
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits: Pillow would clip them at 255
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0)
        white = next((w for w in (1, 255, 65535) if values.max() <= w), values.max())
        deep = Image.fromarray(np.clip(values / white, 0, 1)).reduce(shrink)
        deep.info = image.info  # says which way is up
        return np.asarray(_upright(deep))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB").reduce(shrink)
    image = _upright(image)
    colour = np.asarray(image.convert("RGB"), np.float32) / 255  # (H, W, 3)
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"), np.float32)[..., None] / 255
        colour = colour * alpha + _backdrop(colour.mean(axis=2), alpha[..., 0]) * (1 - alpha)
    # Along the axis of most contrast, red ink on green paper shows as well as black on white.
    some = colour[::4, ::4].reshape(-1, 3)
    axis = np.linalg.eigh(np.cov(some.T))[1][:, -1].astype(np.float32)
    axis *= 1 if axis.sum() > 0 else -1
    black, white = axis.clip(max=0).sum(), axis.clip(min=0).sum()
    return np.clip((colour @ axis - black) / (white - black), 0, 1)


def _backdrop(light: np.ndarray, alpha: np.ndarray) -> float:
    """What to lay under a transparent picture: its own paper, or the opposite of bare strokes."""
    seen = light[alpha > 0.5]
    if alpha.mean() > 0.5 and seen.std() > 0.1:
        return float(np.median(seen))
    return float((light * alpha).sum() < 0.5 * alpha.sum())


def _mnist(grey: np.ndarray) -> np.ndarray | None:
    """`grey`, or its negative, if it already is a digit placed as MNIST places them."""
    if grey.shape != (SIDE, SIDE):
        return None
    for digit in (grey, 1 - grey):
        ink = digit > 0.1
        off = np.abs(_mass(digit) - CENTRE).max() if ink.any() else SIDE
        if off < 1 and BOX - 3 <= np.ptp(_bounds(ink), axis=1).max() <= BOX:
            return digit
    return None


def _sheet(grey: np.ndarray) -> np.ndarray:
    """Cut out and straighten a sheet that lies on a ground of another shade, if there is one."""
    corners = _corners(_island(_fitted(grey, COARSE, Resampling.BOX)))
    if corners is None:
        return grey
    corners = 0.95 * corners + 0.05 * corners.mean(axis=0)  # keeps the sheet's rim out
    corners = (corners + 0.5) * max(grey.shape) / COARSE
    left, bottom, right, top = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    size = math.ceil(max(bottom, top)), math.ceil(max(left, right))
    quad = corners.ravel().tolist()
    flat = Image.fromarray(grey).transform(size, Transform.QUAD, quad, Resampling.BILINEAR)
    return np.asarray(flat)


def _island(grey: np.ndarray) -> np.ndarray:
    """The largest shape off the picture's edge that is written on, filled; empty if none is."""
    light = grey > skimage.filters.threshold_otsu(grey)
    edge = _border(light).mean()
    labels, count = scipy.ndimage.label(light != (edge > 0.5))
    if not count or 0.2 < edge < 0.8:
        return np.zeros_like(light)
    found = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    whole = scipy.ndimage.binary_fill_holes(found)
    written = 1 - found.sum() / whole.sum()
    return whole & bool(whole.mean() > 0.1 and 0.005 < written < 0.4)


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


def _strength(grey: np.ndarray) -> np.ndarray:
    """The share of the ground's light that each pixel lacks; light ink is inverted first."""
    small = _fitted(grey, 48, Resampling.BOX)
    # A median half the picture wide is ground nearly everywhere: what stands off it is ink.
    off = small - scipy.ndimage.median_filter(small, 25, mode="nearest")
    if (off**3).sum() > 0:
        grey = 1 - grey
    small = np.maximum(_fitted(grey, 96, Resampling.BOX), 0.02)
    ground = scipy.ndimage.grey_closing(small, size=39)  # wider than any stroke, follows shadows
    # On slopes it lies too high along the picture's edges, levelled elsewhere: the lower is right.
    trend = _trend(ground)
    ground = np.minimum(ground, trend * scipy.ndimage.grey_closing(small / trend, size=39))
    lost = 1 - grey / _resized(ground, grey.shape, Resampling.BILINEAR)
    return np.clip(scipy.ndimage.gaussian_filter(lost, 0.8), 0, 1)


def _trend(ground: np.ndarray) -> np.ndarray:
    """The least-squares quadratic surface through `ground`, kept above zero."""
    height, width = ground.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].reshape(2, -1)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    surface = terms @ np.linalg.lstsq(terms, ground.ravel())[0]
    return np.maximum(surface, 0.02).reshape(ground.shape).astype(np.float32)


def _without_rows(strength: np.ndarray) -> np.ndarray:
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
        columns = np.flatnonzero((runs[box] * chain).any(axis=0))
        if np.ptp(columns) > 0.96 * width:
            lines[box] |= chain
    return np.where(lines, solid, strength)


def _ink(strength: np.ndarray, blur: float) -> tuple[float, np.ndarray]:
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
    contact = np.bincount(_border(labels), minlength=count + 1)[1:]  # pixels on the edge
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


def _bilevel(strength: np.ndarray, threshold: float) -> np.ndarray:
    """The ink cut out as bool, enlarged if need be, its stroke no thinner than MNIST's."""
    (top, bottom), (left, right) = _bounds(strength > threshold)
    crop = strength[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2]
    fine = _fitted(crop, max(BOX * FINE, *crop.shape), Resampling.BICUBIC) > threshold
    pixel = max(fine.shape) / BOX
    fine = np.pad(fine, math.ceil(pixel))
    # Across a stroke the distance to its edge, half a pixel off, averages a quarter of its width.
    width = 4 * (scipy.ndimage.distance_transform_edt(fine)[fine].mean() - 0.5) / pixel
    if width < THIN:
        grown = (PEN - width) / (1 - PEN / BOX) / 2  # on each side; the box grows with it
        fine = scipy.ndimage.distance_transform_edt(~fine) <= grown * pixel
    return fine


def _field(fine: np.ndarray) -> np.ndarray:
    """The bilevel ink area-averaged into BOX and placed by its centre of mass: (28, 28)."""
    low, high = _bounds(fine).T
    pixel = (high - low).max() / BOX
    # A lopsided shape would hang over the edge of the field: then it moves only up to the edge.
    y, x = np.clip(_mass(fine) - CENTRE * pixel, high - SIDE * pixel, low)
    pad = math.ceil(SIDE * pixel)
    image = Image.fromarray(np.pad(np.float32(fine), pad))
    window = (x + pad, y + pad, x + pad + SIDE * pixel, y + pad + SIDE * pixel)
    digit = np.asarray(image.resize((SIDE, SIDE), Resampling.BOX, window))
    return np.clip(digit / digit.max(), 0, 1)


def _mass(x: np.ndarray) -> np.ndarray:
    """Centre of mass as (y, x), counted from the outer edge of the first pixel."""
    return np.array(scipy.ndimage.center_of_mass(x)) + 0.5


def _bounds(mask: np.ndarray) -> np.ndarray:
    """The box round all of `mask`: ((top, bottom), (left, right)), ends excluded."""
    return np.array([(s.start, s.stop) for s in scipy.ndimage.find_objects(mask.astype(int))[0]])


def _border(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[0], x[-1], x[1:-1, 0], x[1:-1, -1]])


def _fitted(x: np.ndarray, long: int, how: Resampling) -> np.ndarray:
    """`x` scaled until its longer side is `long`, aspect kept."""
    height, width = (max(1, round(side * long / max(x.shape))) for side in x.shape)
    return _resized(x, (height, width), how)


def _resized(x: np.ndarray, shape: tuple[int, ...], how: Resampling) -> np.ndarray:
    return np.clip(np.asarray(Image.fromarray(x).resize((shape[1], shape[0]), how)), 0, 1)
