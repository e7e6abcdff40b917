"""The map's projections and what lies under its dots in a real Chromium; odd models, narrow pages,
both themes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from driver import Server
from PIL import Image
from playwright.sync_api import Page, expect

from core import VAE, save_checkpoint
from core.checkpoint import save_map
from core.data import load_dataset
from core.images import to_uint8
from core.latent import latent_map
from explorer import caches, map_data
from tests.browser.on_map import (
    MODEL,
    at,
    decode,
    marker,
    mode,
    ranges,
    sliders,
    to_data,
    to_page,
    wait_for_commit,
    wait_for_map,
    wait_for_picture,
)
from tests.browser.other_checkpoints import app_of

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 coloured digits without labels in a folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for n, (digit,) in enumerate(to_uint8(caches.test_set(MODEL).images[:500]).numpy()):
        colours = np.stack([digit, digit // 2, np.full_like(digit, 30)], 2)
        Image.fromarray(colours).save(folder / f"{n}.png")
    return folder


@pytest.fixture(scope="module")
def odd_server(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Server]:
    """Untrained models of 1, 3 and 256 dimensions, and one of coloured images without labels.

    That of 3 has a map of 60 digits only.
    """
    folder = tmp_path_factory.mktemp("checkpoints")
    for z_dim in (1, 3, 256):
        torch.manual_seed(z_dim)
        model = VAE(h_dim=16, z_dim=z_dim).requires_grad_(False).eval()
        save_checkpoint(folder / f"tiny-{z_dim}", model, dataset="mnist")
        if z_dim == 3:
            test = caches.test_set(MODEL)
            save_map(folder / "tiny-3", latent_map(model, test.images[:60], test.labels[:60]))
    coloured = VAE(image_size=3 * 784, h_dim=16, z_dim=4, channels=3)
    save_checkpoint(folder / "coloured", coloured, dataset=str(pictures), classes=["image"])
    with Server(app_of(folder, "tiny-3")) as running:
        yield running


def open_odd(page: Page, server: Server, path: str) -> Page:
    page.goto(f"{server.url}/{path}")
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=60_000)
    return page


def tiles(page: Page) -> np.ndarray:
    """The tiles' ink, (rows, columns, 28, 28) of 0 to 255."""
    page.wait_for_function("document.querySelector('[data-testid=map-tiles]').dataset.tiles")
    canvas = page.get_by_test_id("map-tiles")
    width, height = canvas.evaluate("c => [c.width, c.height]")
    ink = canvas.evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        ".filter((_, i) => i % 4 === 3)"
    )
    whole = np.array(ink).reshape(height // 28, 28, width // 28, 28)
    return whole.swapaxes(1, 2)


def centre(page: Page, shape: tuple[int, ...], row: int, column: int) -> np.ndarray:
    """Where a tile's centre lies, in data coordinates."""
    rows, columns = shape[:2]
    return to_data(page, at(page, (column + 0.5) / columns, 1 - (row + 0.5) / rows))


def test_the_tiles_are_the_decoded_plane(open_page: Open) -> None:
    page = open_page("?model=mnist-mlp-2&z=0.5,0.5")
    wait_for_map(page)
    page.get_by_text("Tiles", exact=True).click()
    found = tiles(page)
    assert 380 <= found.shape[0] * found.shape[1] <= 420
    plane = map_data.projection("mnist-mlp-2", "1,0")
    for row, column in ((0, 0), (5, 9), (found.shape[0] - 1, found.shape[1] - 1)):
        z = plane.lift(centre(page, found.shape, row, column), np.zeros(2))
        expected = decode(z, "mnist-mlp-2").astype(int)
        # 0.9 of the ink, and a few thousandths of a unit that the page's pixels round away
        assert np.abs(found[row, column] - 0.9 * expected).max() < 12
    # In the plane they stay, and nobody is asked again.
    page.get_by_test_id("map-tiles").evaluate("c => c.dataset.tiles = 'kept'")
    page.mouse.move(*at(page, 0.4, 0.4))
    page.mouse.down()
    page.mouse.move(*at(page, 0.6, 0.7), steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert page.get_by_test_id("map-tiles").get_attribute("data-tiles") == "kept"
    page.mouse.wheel(0, -400)
    page.wait_for_function("document.querySelector('[data-testid=map-tiles]').dataset.tiles > 300")
    page.wait_for_timeout(500)
    zoomed = tiles(page)
    z = plane.lift(centre(page, zoomed.shape, 4, 4), np.zeros(2))
    assert np.abs(zoomed[4, 4] - 0.9 * decode(z, "mnist-mlp-2").astype(int)).max() < 12


def test_the_tiles_follow_when_z_leaves_their_plane(open_page: Open) -> None:
    page = open_page("?map=0,1")
    wait_for_map(page)
    page.get_by_text("Tiles", exact=True).click()
    before = tiles(page)
    box = page.get_by_test_id("latent-slider-4").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.85 * box["width"], box["y"] + box["height"] / 2, steps=6)
    page.wait_for_timeout(1000)  # the button is still down
    after = tiles(page)
    assert np.abs(after.astype(int) - before).max() > 100
    z = caches.latent_map(MODEL).mu[0].numpy().copy()
    z[4] = sliders(page)[4]
    z = map_data.projection(MODEL, "0,1").lift(centre(page, after.shape, 7, 7), z)
    assert np.abs(after[7, 7] - 0.9 * decode(z).astype(int)).max() < 12
    page.mouse.up()


def test_a_map_without_a_plane_says_why_it_has_no_tiles(open_page: Open) -> None:
    page = open_page("?map=umap")
    wait_for_map(page)
    page.get_by_text("Tiles", exact=True).click()
    expect(page.get_by_text("Decoded tiles need a plane of the latent space")).to_be_visible()
    expect(page.get_by_test_id("map-tiles")).to_be_hidden()
    page.get_by_text("LDA", exact=True).click()
    expect(page.get_by_test_id("map-tiles")).to_be_visible()


def test_density_lies_under_the_dots_when_chosen(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    expect(page.locator(".latent-map .contour")).to_have_count(0)
    page.get_by_text("Density", exact=True).click()
    expect(page.locator(".latent-map .contour")).to_have_count(1)
    assert page.locator(".latent-map .contourfill path").count() > 5


@pytest.mark.parametrize(
    ("choice", "title"),
    [("PCA", "PC1"), ("UMAP", "UMAP 1"), ("t-SNE", "t-SNE 1"), ("Dimensions", "z4")],
)
def test_another_projection_keeps_z(open_page: Open, choice: str, title: str) -> None:
    page = open_page()
    wait_for_map(page)
    before, z = marker(page), sliders(page)
    projections = page.get_by_role("radiogroup", name="Projection")
    projections.get_by_text(choice, exact=True).click()
    page.wait_for_function(
        "(title) => document.querySelector('.xtitle')?.textContent.startsWith(title)", arg=title
    )
    wait_for_map(page, 10_000)
    page.wait_for_timeout(800)
    assert marker(page) != pytest.approx(before, abs=3)
    assert (sliders(page) == z).all()
    id = {"PCA": "pca", "UMAP": "umap", "t-SNE": "tsne", "Dimensions": "4,7"}[choice]
    xy = map_data.projection(MODEL, id).project(caches.latent_map(MODEL).mu[0].numpy())
    np.testing.assert_allclose(to_data(page, marker(page)), xy, atol=0.02 * np.ptp(ranges(page)))


def test_any_two_dimensions(open_page: Open) -> None:
    page = open_page("?map=4,7")
    wait_for_map(page)
    page.get_by_role("combobox", name="Up").click()
    page.get_by_role("option", name="↕ z12").click()
    page.wait_for_function("document.querySelector('.ytitle')?.textContent === 'z12'")
    page.wait_for_url("**map=4%2C12**")


def test_one_dimension_is_a_histogram_strip(odd_server: Server, open_page: Open) -> None:
    page = open_odd(open_page(ready=False, path="favicon.png"), odd_server, "?model=tiny-1")
    wait_for_map(page, 10_000)
    expect(page.get_by_text("PCA", exact=True)).to_have_count(0)
    page.mouse.move(*at(page, 0.3, 0.5))
    page.mouse.down()
    here = at(page, 0.7, 0.6)
    page.mouse.move(*here, steps=4)
    z = to_data(page, here)[0]
    np.testing.assert_allclose(sliders(page, 1), [z], atol=0.02)
    page.mouse.up()
    wait_for_commit(page, np.array([z]), atol=0.02)
    assert marker(page)[0] == pytest.approx(here[0], abs=1.5)
    page.get_by_text("Tiles", exact=True).click()
    assert tiles(page).shape[:2] == (1, 16)


@pytest.mark.parametrize("z_dim", [3, 256])
def test_other_sizes(odd_server: Server, open_page: Open, z_dim: int) -> None:
    page = open_odd(open_page(ready=False, path="favicon.png"), odd_server, f"?model=tiny-{z_dim}")
    wait_for_map(page)
    page.get_by_text("Tiles", exact=True).click()
    assert tiles(page).shape[0] > 10
    page.mouse.click(*at(page, 0.3, 0.3))
    page.wait_for_timeout(1000)
    assert "z=" in page.url


def test_colours_and_no_labels(odd_server: Server, pictures: Path, open_page: Open) -> None:
    page = open_odd(open_page(ready=False, path="favicon.png"), odd_server, "?model=coloured")
    test = load_dataset(str(pictures), "test", channels=3).images
    wait_for_map(page, len(test))
    expect(page.locator(".latent-map .classes button")).to_have_count(0)
    expect(page.get_by_text("LDA", exact=True)).to_have_count(0)
    page.wait_for_load_state("networkidle")
    x, y = to_page(page, np.array(page.get_by_test_id("latent-map").evaluate(
        "plot => { const [t] = plot._fullData.filter((t) => t.type !== 'contour');"
        " return [t.x[7], t.y[7]]; }"
    )))  # fmt: skip
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    said = page.locator(".latent-map .tooltip")
    expect(said).to_have_text(re.compile(r"^test image \d+$"))
    index = int(said.inner_text().split()[-1])
    shown = page.get_by_test_id("map-thumbnail").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    found = np.array(shown).reshape(28, 28, 4)
    assert (found[:, :, :3] == np.moveaxis(to_uint8(test[index]).numpy(), 0, 2)).all()
    assert (found[:, :, 3] == 255).all() and (found[:, :, 2] == 30).all()
    page.get_by_text("Tiles", exact=True).click()
    assert (tiles(page) == 255).all(), "coloured tiles are opaque"
    colours = page.get_by_test_id("map-tiles").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
    )
    first = np.array(colours).reshape(28, 28, 4)
    assert (first[:, :, 0] != first[:, :, 1]).any()


def test_a_missing_embedding_is_computed_in_a_process_of_its_own(
    odd_server: Server, open_page: Open
) -> None:
    page = open_odd(open_page(ready=False, path="favicon.png"), odd_server, "?model=tiny-3")
    wait_for_map(page)
    page.get_by_text("t-SNE", exact=True).click()
    compute = page.get_by_role("button", name="Compute t-SNE")
    compute.click()
    stop = page.get_by_role("button", name="Stop")
    stop.click()
    expect(stop).to_have_count(0)
    expect(compute).to_be_enabled()
    compute.click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    wait_for_map(page, 60)
    expect(page.get_by_role("button", name="Recompute t-SNE")).to_be_visible()
    expect(stop).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1440])
def test_toolbar_and_legend_fit(open_page: Open, width: int) -> None:
    page = open_page(width=width)
    wait_for_map(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    stage = page.locator(".latent-map .stage").bounding_box()
    legend = page.locator(".latent-map .classes").bounding_box()
    assert stage and legend and legend["y"] + legend["height"] <= stage["y"] + 1
    assert legend["height"] < 40, "the ten classes stand in one row"
    assert stage["height"] > 300 and stage["width"] > 300
    for button in page.locator(".latent-map .toolbar button").all():
        box = button.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_plot_takes_the_themes_colours(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    colour = "document.querySelector('.latent-map .xtitle').style.fill"
    background = "getComputedStyle(document.querySelector('.stApp')).color"
    light = page.evaluate(colour)
    assert light == page.evaluate(background)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{colour} !== {light!r}")
    assert page.evaluate(colour) == page.evaluate(background)


def test_reset_shows_the_whole_map_over_tiles(open_page: Open) -> None:
    page = open_page("?model=mnist-mlp-2")
    wait_for_map(page)
    page.get_by_text("Tiles", exact=True).click()
    tiles(page)
    whole = ranges(page)
    page.mouse.move(*at(page, 0.2, 0.2))
    page.mouse.wheel(0, -500)
    page.wait_for_timeout(800)
    mode(page, "Reset view")
    page.wait_for_timeout(800)
    np.testing.assert_allclose(ranges(page), whole, atol=0.05)
    wait_for_picture(page, caches.latent_map("mnist-mlp-2").mu[0].numpy(), "mnist-mlp-2")
