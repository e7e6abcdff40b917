"""`streamlit run streamlit_app.py -- --model module:factory`: the arguments arrive, the page opens
with the model, and a slider moves its picture."""

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from driver import ROOT, Server

from core.foreign import open_factory
from core.images import to_uint8
from tests.browser.explore_page import Open, centre, pixels, wait_for_pixels, z_of_sliders

SPEC = "tests.browser.own_model:make"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(arguments=["--model", SPEC]) as running:
        yield running


def test_a_slider_moves_a_persons_own_model(open_page: Open) -> None:
    page = open_page(model=None)
    page.get_by_text("Your model").wait_for()
    before = pixels(page)
    x, y, width = centre(page, 1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + width / 3, y, steps=5)
    z = z_of_sliders(page, 3)
    decoded = to_uint8(open_factory(SPEC).decode(torch.tensor([z])))[0, 0].numpy()
    wait_for_pixels(page, decoded)
    page.mouse.up()
    assert np.abs(pixels(page).astype(int) - before).max() > 10


def test_what_cannot_be_opened_ends_the_server_with_a_sentence() -> None:
    server = Server(arguments=["--model", "nowhere:make"])
    done = subprocess.run(server.command(), cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "error: nowhere:make: importing nowhere failed" in done.stderr
    assert "Traceback" not in done.stderr
