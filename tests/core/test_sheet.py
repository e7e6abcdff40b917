"""A sheet of paper on a desk: only what is written on it is ink."""

import numpy as np
import pytest
import scipy
from PIL import Image, ImageDraw, ImageFilter

from core.sheet import sheet
from tests.core.drawings import SEVEN, digit_of, drawing, similarity


def test_a_sheet_on_a_desk_is_cut_out_and_straightened() -> None:
    desk = Image.new("L", (400, 400), 60)
    desk.paste(drawing(30, 220, "L"), (100, 100))
    assert similarity(digit_of(desk.rotate(12, fillcolor=60)), digit_of(SEVEN)) > 0.9


@pytest.mark.parametrize(
    "corner", [(-200, 60), (60, -200), (60, 60)], ids=["above", "left", "both"]
)
@pytest.mark.parametrize("desk", [60, 130, 250])
def test_a_desk_beside_the_sheet_is_no_ink(corner: tuple[int, int], desk: int) -> None:
    """The sheet goes on beyond the picture; its pale ink is nearer to it than the desk is."""
    photo = Image.new("L", (400, 400), desk)
    sheet = Image.new("L", (600, 600), 190)
    photo.paste(sheet, corner)
    ImageDraw.Draw(photo).line([(180, 180), (280, 180), (220, 290)], fill=130, width=12)
    light = np.linspace(1, 0.7, 400)[:, None]
    photo = Image.fromarray(np.uint8(np.asarray(photo.rotate(4, Image.Resampling.BICUBIC)) * light))
    photo = photo.crop((30, 30, 370, 370)).filter(ImageFilter.GaussianBlur(1))
    plain = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(plain).line([(180, 180), (280, 180), (220, 290)], fill=0, width=12)
    assert similarity(digit_of(photo), digit_of(plain.rotate(4, fillcolor=255))) > 0.9


def test_a_fine_pen_on_a_sheet_under_a_shadow() -> None:
    desk = Image.new("L", (600, 450), 60)
    desk.paste(220, (100, 50, 480, 400))
    seven = [(250, 200), (310, 200), (275, 270)]
    ImageDraw.Draw(desk).line(seven, fill=60, width=3)
    shadow = np.where(np.add.outer(np.arange(450), np.arange(600)) > 600, 0.6, 1)
    photo = np.asarray(desk) * scipy.ndimage.gaussian_filter(shadow, 8)
    plain = Image.new("L", (600, 450), 255)
    ImageDraw.Draw(plain).line(seven, fill=0, width=3)
    assert similarity(digit_of(Image.fromarray(np.uint8(photo))), digit_of(plain)) > 0.9


def test_the_corners_of_a_leaning_sheet_are_found() -> None:
    """Blur and coarse pixels round them off."""
    seven = [(60, 60), (95, 60), (75, 110)]
    for angle in (-9, -6, -3, 3, 6, 9):
        desk = Image.new("L", (640, 480), 50)
        page = Image.new("L", (460, 300), 215)
        ImageDraw.Draw(page).line(seven, fill=90, width=7)
        desk.paste(page, (90, 90))
        photo = desk.rotate(angle, fillcolor=50).filter(ImageFilter.GaussianBlur(3))
        plain = Image.new("L", (460, 300), 255)
        ImageDraw.Draw(plain).line(seven, fill=0, width=7)
        assert similarity(digit_of(photo), digit_of(plain)) > 0.85


@pytest.mark.parametrize("side", [300, 44])
def test_paper_that_fills_the_picture_stays_as_it_is(side: int) -> None:
    page = np.asarray(SEVEN.resize((side, side)), np.float32) / 255
    for grey in (page, 1 - page):
        assert sheet(grey) is grey


def test_a_thick_ring_is_no_sheet_with_a_blot() -> None:
    ring = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(ring).rectangle((80, 40, 220, 260), outline=0, width=40)  # a display's 0
    for page in (ring, ring.rotate(5, fillcolor=255)):
        grey = np.asarray(page, np.float32) / 255
        assert sheet(grey) is grey
