"""A model of coloured pictures in a real Chromium: neighbours, the repair board, the walk."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from driver import Server
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from core import VAE, save_checkpoint
from core.checkpoint import save_map
from core.data import load_dataset
from core.images import to_uint8
from core.latent import latent_map
from tests.browser.other_checkpoints import app_of

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for n in range(120):
        pixels = np.full((32, 32, 3), random.integers(0, 256, 3), np.uint8)
        pixels[8:24, 8:24] = random.integers(0, 256, 3)
        Image.fromarray(pixels).save(folder / f"{n}.png")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    model = VAE(image_size=3 * 32 * 32, h_dim=16, z_dim=3, channels=3)
    model = model.requires_grad_(False).eval()
    model.fc2.weight.mul_(8)
    test = load_dataset(str(pictures), "test", side=32, channels=3)
    save_checkpoint(folder / "coloured", model, dataset=str(pictures), classes=["image"])
    save_map(folder / "coloured", latent_map(model, *test))
    with Server(app_of(folder, "coloured")) as running:
        yield running


def pixels(canvas: Locator) -> np.ndarray:
    """(H, W, 4)."""
    found = canvas.evaluate(
        "c => [c.height, c.width, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(found[2:], np.uint8).reshape(found[0], found[1], 4)


def test_neighbours_are_painted_in_their_colours(
    server: Server, pictures: Path, open_page: Open
) -> None:
    page = open_page(ready=False, path="favicon.png")
    page.goto(f"{server.url}/?model=coloured")
    first = page.get_by_test_id("neighbour-0")
    first.wait_for(timeout=60_000)
    expect(first).to_have_attribute("title", re.compile("^test image"))
    title = first.get_attribute("title") or ""
    index = int(title.removeprefix("test image ").partition(":")[0])
    test = to_uint8(load_dataset(str(pictures), "test", side=32, channels=3).images).numpy()
    shown = pixels(first.locator("canvas"))
    assert (shown[:, :, :3] == np.moveaxis(test[index], 0, 2)).all()


def test_a_coloured_picture_is_painted_on_and_repaired(
    server: Server, pictures: Path, open_page: Open
) -> None:
    page = open_page(ready=False, path="favicon.png")
    page.goto(f"{server.url}/repair?model=coloured")
    page.get_by_test_id("repair-answer-0").wait_for(timeout=90_000)
    board = page.get_by_test_id("repair-damaged")
    before, original = pixels(board), pixels(page.get_by_test_id("repair-original"))
    known = before[:, :, 3] == 255
    assert (before[known] == original[known]).all() and not known.all()
    assert (original[:, :, 0] != original[:, :, 1]).any(), "it is in colour"
    mean = pixels(page.get_by_test_id("repair-mean"))
    assert (mean[known] == original[known]).all()
    assert pixels(page.get_by_test_id("repair-answer-0").locator("canvas")).shape == (32, 32, 4)
    box = board.bounding_box()
    assert box
    page.mouse.move(box["x"] + 6, box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + 6, steps=8)
    page.mouse.up()
    after = pixels(board)
    erased = known & (after[:, :, 3] == 0)
    assert erased[:3].sum() > 20
    page.get_by_test_id("brush-restore").click()
    page.mouse.move(box["x"] + 6, box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + 6, steps=8)
    page.mouse.up()
    restored = pixels(board)[0, 2:-2]
    assert (restored == original[0, 2:-2]).all()


def test_a_walk_is_played_in_colour(server: Server, open_page: Open) -> None:
    page = open_page(ready=False, path="favicon.png")
    page.goto(f"{server.url}/walk?model=coloured")
    tile = page.get_by_test_id("walk-lerp-0")
    tile.wait_for(timeout=90_000)
    shown = pixels(tile.locator("canvas"))
    assert shown.shape == (32, 32, 4) and (shown[:, :, 0] != shown[:, :, 1]).any()
    scrubber = page.get_by_test_id("walk-scrubber")
    scrubber.evaluate("e => { e.value = 0.5; e.dispatchEvent(new Event('input')); }")
    page.wait_for_timeout(500)  # the channel decodes what lies between two pictures
    between = pixels(page.get_by_test_id("walk-lerp-big"))
    assert between.shape == (32, 32, 4) and (between[:, :, 0] != between[:, :, 1]).any()
    assert (between != shown).any()
