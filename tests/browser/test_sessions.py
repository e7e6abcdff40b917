"""Two people at one server: neither sees what the other brought, and the disk never does."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from driver import ROOT, Server
from playwright.sync_api import Browser, Page, expect
from safetensors.torch import save

from core import VAE
from core.data import load_dataset
from core.images import to_png
from tests.browser.explore_page import z_of_url

WATCHED = """
import os, sys, tempfile
tempfile.gettempdir()  # tries out where files may lie, once
LOG = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
def watch(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        os.write(LOG, f"{{arguments[0]}}\\n".encode())
sys.addaudithook(watch)
"""
COUNTING = """
import gc, threading, time
from streamlit import config
config.set_option("server.disconnectedSessionTTL", 2)
from streamlit.runtime.app_session import AppSession
from explorer import live
live.TIDY_EVERY = 0.5
def count(to={counted!r}):
    while not gc.get_freeze_count():  # what is there at the start is not counted
        time.sleep(0.3)
    while True:
        sessions = [each for each in gc.get_objects() if type(each) is AppSession]
        hold = sum(bool(each.session_state.filtered_state) for each in sessions)
        open(to, "w").write(str(hold))
        del sessions
        time.sleep(0.3)
threading.Thread(target=count, daemon=True).start()
"""
SECRET = "secret-of-a"
LARGE = 3 * 2**20  # bytes: what is kept in memory when small may go to the disk when large


def app(folder: Path, prelude: str) -> Path:
    """streamlit_app.py after something else, as a script for Server."""
    original = (ROOT / "streamlit_app.py").read_text()
    page = repr(str(ROOT / "explorer" / "app.py"))
    script = folder / "app.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{prelude}\n"
        + original.replace('"explorer/app.py"', page)
    )
    return script


class Watched(NamedTuple):
    """A server that notes every file it opens for writing."""

    url: str
    log: Path

    def written(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [line for line in lines if ".pyc" not in line and line != os.devnull]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    log = tmp_path / "written.txt"
    with Server(app(tmp_path, WATCHED.format(log=str(log)))) as server:
        yield Watched(server.url, log)


def visit(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{url}/?model=mnist-mlp-20")
    page.get_by_test_id("live-latency").get_by_text("live").wait_for()
    return page


def go(page: Page, panel: str) -> None:
    page.get_by_role("link", name=panel, exact=True).click()
    page.get_by_role("heading", level=4, name=re.compile(panel)).first.wait_for()
    page.get_by_test_id("connection").wait_for(state="attached")  # drawn to its end
    page.wait_for_timeout(300)


def file(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def move(page: Page) -> list[float]:
    """To a z of one's own."""
    page.wait_for_url(lambda url: "z=" in url)
    before = page.url
    page.get_by_role("button", name="Prior sample").click()
    page.wait_for_url(lambda url: url != before)
    return z_of_url(page)


def bring(page: Page, mark: str, picture: bytes) -> None:
    """Something of one's own on every panel that takes something."""
    page.get_by_test_id("add-bookmark").click()
    name = page.get_by_label("Name of the bookmark").first
    name.fill(mark)
    name.press("Enter")
    go(page, "Reconstruct")
    page.get_by_text("Draw", exact=True).click()
    canvas = page.get_by_test_id("draw-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Open in Explore").wait_for()
    page.get_by_text("Upload", exact=True).click()
    place = page.get_by_test_id("reconstruct-upload")
    place.wait_for(state="attached")
    place.set_input_files(files=[file(f"{mark}.png", picture)])  # type: ignore[list-item]
    page.get_by_text(f"Now: {mark}.png").wait_for()
    go(page, "Repair")
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("repair-answer-0").wait_for()
    go(page, "Walk")
    page.get_by_text("Add a key").click()
    page.get_by_text("Upload", exact=True).click()
    add = page.get_by_role("button", name="Add this key")
    add.wait_for()
    page.wait_for_timeout(700)  # the popover is drawn to its end
    add.click()
    page.get_by_text(f"4 · {mark}.png").first.wait_for(state="attached")
    page.keyboard.press("Escape")
    go(page, "Attributes")
    page.get_by_text("Two sets of uploads").click()
    sides = page.locator("input[type=file]")
    expect(sides).to_have_count(2)
    for n in (0, 1):
        sides.nth(n).set_input_files(files=[file(f"{mark}{n}.png", picture)])  # type: ignore[list-item]
        page.get_by_text(f"{mark}{n}.png").wait_for()
    go(page, "Models")
    page.get_by_text("Manage", exact=True).click()
    page.get_by_text("Upload a model").wait_for()
    torch.manual_seed(0)
    weights = save(VAE(h_dim=500, z_dim=3).state_dict())
    page.locator("input[type=file]").set_input_files(
        files=[file(f"{mark}.safetensors", weights)]  # type: ignore[list-item]
    )
    page.get_by_text("A VAE of pictures").wait_for()
    go(page, "Train")
    box = page.get_by_label("Name of the run", exact=True)
    box.wait_for()
    box.fill(mark)
    box.press("Enter")
    page.wait_for_timeout(700)


def test_nobody_sees_the_others_things_and_none_is_written(
    browser: Browser, watched: Watched
) -> None:
    image = load_dataset("mnist", "test").images[3]
    picture = to_png(image) + bytes(LARGE)  # what follows a PNG's end is nobody's
    b = visit(browser, watched.url)
    of_b = move(b)
    a = visit(browser, watched.url)
    of_a = move(a)
    bring(a, SECRET, picture)
    assert not watched.written()
    for panel in ("Explore", "Reconstruct", "Repair", "Walk", "Attributes", "Models", "Train"):
        go(b, panel)
        if panel in ("Reconstruct", "Repair"):
            b.get_by_text("Upload", exact=True).click()
            b.get_by_text("Drop a picture here").wait_for()
            assert b.get_by_text("Now:").count() == 0
            b.get_by_text("Draw", exact=True).click()
            b.get_by_role("button", name="Clear").wait_for()
            expect(b.get_by_role("button", name="Clear")).to_be_disabled()
        if panel == "Walk":
            b.get_by_text("Add a key").wait_for()
        if panel == "Models":
            b.get_by_text("Manage", exact=True).click()
            b.get_by_text("Upload a model").wait_for()
        assert SECRET not in b.content(), f"{panel} shows what is another's"
    assert np.allclose(z_of_url(b), of_b) and np.allclose(z_of_url(a), of_a)
    assert not np.allclose(of_a, of_b)
    for page in (a, b):
        page.context.close()


def test_what_a_session_held_goes_when_nobody_comes_back(browser: Browser, tmp_path: Path) -> None:
    """Also when nobody else comes: it had waited for the next visitor who leaves."""
    counted = tmp_path / "sessions.txt"
    script = app(tmp_path, COUNTING.format(counted=str(counted)))

    def wait_for(sessions: int) -> None:
        deadline = time.monotonic() + 30
        while not (counted.exists() and counted.read_text() == str(sessions)):
            assert time.monotonic() < deadline, f"Never hold {sessions} sessions something."
            time.sleep(0.3)

    with Server(script) as server:
        wait_for(0)
        pages = [visit(browser, server.url) for _ in range(2)]
        wait_for(2)
        for page in pages:
            page.context.close()
        wait_for(0)
