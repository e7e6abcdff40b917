"""A digit as somebody would photograph it: pen on paper, light, table, camera.

`Conditions` says everything about one photograph, `taken` draws it, each effect by a function of
its own. Colours are (R, G, B) in [0, 1], pictures (H, W, 3) float32; lengths are shares of the
picture's shorter side and pens of the digit's height, unless they say otherwise.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
import scipy

from tests.torture.glyphs import Glyph

Colour = tuple[float, float, float]

SIZES = ((640, 480), (480, 640), (600, 600), (1200, 900))  # width and height in pixels
INKS = {
    "black": (0.1, 0.1, 0.11), "blue": (0.12, 0.2, 0.55), "navy": (0.08, 0.12, 0.3),
    "red": (0.7, 0.13, 0.15), "green": (0.1, 0.42, 0.25), "pencil": (0.36, 0.36, 0.38),
}  # fmt: skip
PAPERS = (
    (0.95, 0.95, 0.94), (0.9, 0.91, 0.93), (0.94, 0.91, 0.82), (0.8, 0.78, 0.73),
    (0.97, 0.9, 0.48), (0.95, 0.78, 0.8), (0.78, 0.9, 0.8),
)  # fmt: skip
CHALKS = ((0.95, 0.95, 0.93), (0.95, 0.88, 0.5), (0.95, 0.75, 0.78))
BOARDS = ((0.12, 0.25, 0.2), (0.1, 0.1, 0.11), (0.2, 0.22, 0.26), (0.15, 0.2, 0.4))
RULINGS = ((0.55, 0.68, 0.85), (0.6, 0.6, 0.62), (0.85, 0.6, 0.6))
TABLES = ((0.42, 0.27, 0.16), (0.25, 0.17, 0.12), (0.13, 0.13, 0.15), (0.35, 0.38, 0.42))
EDGE = 0.15  # between the digit and the picture's or paper's edge, so that all of it is seen


class Conditions(NamedTuple):
    size: tuple[int, int]  # of the picture: width and height in pixels
    height: float  # of the digit, as a share of the room that the paper leaves
    place: tuple[float, float]  # in that room, 0 for left and top, 1 for right and bottom
    turn: float  # degrees, of the digit on the paper
    pen: float  # its width, as a share of the digit's height
    ink: Colour
    paper: Colour
    chalk: bool  # light on dark
    grain: float  # the share of the ink that is missing in places, as chalk and pencil do
    ruling: str  # "plain", "lines" or "squares"
    spacing: float  # of the ruled lines
    line: Colour  # their colour
    sheet: tuple[float, float, float, float]  # its left, top, right, bottom in the picture; 0 to 1
    table: Colour  # what lies around it
    tilt: float  # degrees, of the sheet
    keystone: tuple[float, ...]  # how far perspective moves the picture's corners: 8 numbers
    gradient: float  # the share of the light that is lost from one side of the picture to the other
    cast: float  # the share of the light that a hand's or phone's shadow takes
    softness: float  # of that shadow's edge
    sun: float  # radians, the direction of the light
    blur: float  # standard deviation
    noise: float  # standard deviation, of [0, 1]
    quality: int  # of the JPEG, 1 to 95

    def kinds(self) -> tuple[str, ...]:
        """What is hard about it, for a count of each."""
        off = max(abs(at - 0.5) for at in self.place)
        keystone = max(map(abs, self.keystone))
        return tuple(
            name
            for name, holds in (
                ("thin pen", self.pen < 0.045), ("thick pen", self.pen > 0.13),
                ("pencil or chalk", self.grain > 0), ("coloured paper", np.ptp(self.paper) > 0.1),
                ("lines", self.ruling == "lines"), ("squares", self.ruling == "squares"),
                ("light on dark", self.chalk), ("table", min(self.sheet) > 0),
                ("paper's edge", min(self.sheet) < 0 < self.table_seen()),
                ("gradient", self.gradient > 0.35), ("cast shadow", self.cast > 0.2),
                ("perspective", keystone > 0.05), ("turned", abs(self.turn + self.tilt) > 6),
                ("off-centre", off > 0.4), ("small", self.height < 0.4),
                ("blurred", self.blur > 0.004), ("noisy", self.noise > 0.025),
                ("JPEG under 40", self.quality < 40),
            )
            if holds
        )  # fmt: skip

    def table_seen(self) -> float:
        left, top, right, bottom = self.sheet
        return max(left, top, 1 - right, 1 - bottom)


def conditions(rng: np.random.Generator) -> Conditions:
    """Drawn so that each difficulty is there in a tenth to a half of all photographs."""
    chalk = bool(rng.random() < 0.15)
    ink = str(rng.choice(list(INKS)))
    ruling = str(rng.choice(["plain", "lines", "squares"]))
    return Conditions(
        size=SIZES[rng.integers(len(SIZES))],
        height=rng.uniform(0.3, 0.95),
        place=(rng.random(), rng.random()),
        turn=rng.uniform(-6, 6),
        pen=math.exp(rng.uniform(math.log(0.03), math.log(0.16))),
        ink=CHALKS[rng.integers(len(CHALKS))] if chalk else INKS[ink],
        paper=BOARDS[rng.integers(len(BOARDS))] if chalk else PAPERS[rng.integers(len(PAPERS))],
        chalk=chalk,
        grain=rng.uniform(0.1, 0.4) if chalk or ink == "pencil" else 0.0,
        ruling="plain" if chalk and rng.random() < 0.7 else ruling,
        spacing=rng.uniform(0.05, 0.14),
        line=RULINGS[rng.integers(len(RULINGS))],
        sheet=_sheet(rng),
        table=TABLES[rng.integers(len(TABLES))],
        tilt=rng.uniform(-5, 5),
        keystone=tuple(rng.uniform(-1, 1, 8) * rng.uniform(0, 0.08)),
        gradient=rng.uniform(0, 0.6),
        cast=rng.uniform(0.1, 0.45) * (rng.random() < 0.35),
        softness=rng.uniform(0.01, 0.06),
        sun=rng.uniform(0, 2 * math.pi),
        blur=math.exp(rng.uniform(math.log(0.0008), math.log(0.007))),
        noise=rng.uniform(0, 0.04),
        quality=int(rng.integers(20, 95)),
    )


def _sheet(rng: np.random.Generator) -> tuple[float, float, float, float]:
    """More than the picture in most, wholly in it in some, or one or two of its edges are seen."""
    out, inside = (-0.4, -0.4, 1.4, 1.4), rng.uniform(0.07, 0.16, 4)
    near = np.array([*inside[:2], *(1 - inside[2:])])
    kind = rng.random()
    if kind < 0.2:
        return tuple(near)
    if kind < 0.4:
        seen = rng.integers(4)
        edges = {seen, (seen + 1) % 4} if rng.random() < 0.5 else {seen}
        return tuple(near[i] if i in edges else out[i] for i in range(4))
    return out


def taken(glyph: Glyph, c: Conditions, rng: np.random.Generator) -> bytes:
    """The photograph, a JPEG file."""
    page, corner = _sheet_of_paper(c, rng)
    _written(page, corner, glyph, c, rng)
    picture = _laid(page, corner, c, rng) * _light(c)[..., None]
    return _camera(picture, c, rng)


def _sheet_of_paper(c: Conditions, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The sheet, ruled, and where its upper left corner (x, y) lies in the picture, in pixels."""
    left, top, right, bottom = np.multiply(c.sheet, c.size * 2).round().astype(int)
    page = np.empty((bottom - top, right - left, 3), np.float32)
    page[:] = c.paper
    page += rng.normal(0, 0.006, page.shape[:2])[..., None]  # its tooth
    step, width = c.spacing * min(c.size), max(1, round(0.0025 * min(c.size)))
    for axis in {"plain": (), "lines": (0,), "squares": (0, 1)}[c.ruling]:
        for at in np.arange(step * 0.7, page.shape[axis] - width, step).astype(int):
            band = np.s_[at : at + width, :] if axis == 0 else np.s_[:, at : at + width]
            page[band] += 0.7 * (np.float32(c.line) - page[band])
    return page, np.array([left, top])


def _written(
    page: np.ndarray, corner: np.ndarray, glyph: Glyph, c: Conditions, rng: np.random.Generator
) -> None:
    """The digit on the page, in the part of it that is in the picture."""
    size = np.array(c.size)
    edge = EDGE * min(c.size)
    low = np.maximum(corner, 0) + edge
    room = np.minimum(corner + page.shape[1::-1], size) - edge - low
    pressure = 1 + 0.15 * _smooth(rng, glyph.distance.shape, 25)
    ink = glyph.drawn(c.height * room.min(), c.pen * pressure)
    ink *= 1 - c.grain * np.clip(_smooth(rng, ink.shape, 0.002 * min(c.size)), 0, 1)
    height, width = ink.shape
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), c.turn, 1)
    ink = cv2.warpAffine(ink, turned, (width, height), flags=cv2.INTER_LINEAR)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0)[[0, -1]] for axis in (1, 0))
    ink = ink[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1]
    x, y = (low - corner + np.array(c.place) * (room - ink.shape[::-1])).round().astype(int)
    part = page[y : y + ink.shape[0], x : x + ink.shape[1]]
    part += ink[..., None] * (np.float32(c.ink) - part)


def _laid(
    page: np.ndarray, corner: np.ndarray, c: Conditions, rng: np.random.Generator
) -> np.ndarray:
    """The page on the table as the camera sees it: turned, and in perspective."""
    width, height = c.size
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), c.tilt, 1), (0, 0, 1)])
    corners = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
    moved = corners + np.float32(c.keystone).reshape(4, 2) * min(c.size)
    place = np.array([[1, 0, corner[0]], [0, 1, corner[1]], [0, 0, 1]], float)
    view = cv2.getPerspectiveTransform(corners, moved) @ turn @ place
    seen = cv2.warpPerspective(page, view, c.size, flags=cv2.INTER_LINEAR)
    sheet = np.ones(page.shape[:2], np.float32)
    cover = cv2.warpPerspective(sheet, view, c.size, flags=cv2.INTER_LINEAR)[..., None]
    wood = np.float32(c.table) * (1 + 0.08 * _smooth(rng, (height, 1), 2))[..., None]
    return seen + (1 - cover) * wood


def _light(c: Conditions) -> np.ndarray:
    """The share of the light that arrives, (H, W): less from one side to the other, and less
    behind the soft edge of a shadow."""
    width, height = c.size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    away = (x * math.cos(c.sun) + y * math.sin(c.sun)) / math.sqrt(2)  # -1 to 1
    across = x * math.cos(c.sun + 1) + y * math.sin(c.sun + 1)
    shadow = scipy.special.expit((across - 0.2) / (2 * c.softness))
    return ((1 - c.gradient * (away + 1) / 2) * (1 - c.cast * shadow)).astype(np.float32)


def _camera(picture: np.ndarray, c: Conditions, rng: np.random.Generator) -> bytes:
    """Blur of the lens, noise of the sensor, and JPEG."""
    picture = cv2.GaussianBlur(picture, None, c.blur * min(c.size))
    picture = 255 * (picture + rng.normal(0, c.noise, picture.shape))
    colours = picture.clip(0, 255).astype(np.uint8)[..., ::-1]  # OpenCV's order is B, G, R
    written, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, c.quality])
    assert written
    return data.tobytes()


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], reach: float) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1 that varies over `reach` pixels."""
    noise = scipy.ndimage.gaussian_filter(rng.normal(size=shape), reach)
    return noise / noise.std()
