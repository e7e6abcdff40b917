"""Ink is told from the ground where light falls off, and from ruled lines."""

import numpy as np
from PIL import Image, ImageDraw

from tests.core.drawings import SEVEN, digit_of, drawing, similarity


def test_chalk_where_little_light_falls() -> None:
    board = drawing(190, 40, "L").resize((400, 400))
    light = np.linspace(1, 0.25, 400)[:, None]
    photo = Image.fromarray(np.uint8(np.asarray(board) * light))
    assert similarity(digit_of(photo), digit_of(SEVEN)) > 0.95


def test_a_stroke_beside_a_ruled_line_stays() -> None:
    four = [(250, 150), (190, 262), (330, 264)], [(270, 220), (265, 340)]
    plain, page = Image.new("L", (500, 500), 255), Image.new("L", (500, 500), 240)
    for y in range(20, 500, 40):
        ImageDraw.Draw(page).line((0, y, 500, y), fill=190, width=2)
    for image in (plain, page):
        for stroke in four:
            ImageDraw.Draw(image).line(stroke, fill=60, width=4)
    assert similarity(digit_of(page), digit_of(plain)) > 0.95
