"""Reconstruct in a real Chromium: upload, drawing, and on to Explore."""

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.data import load_dataset
from core.images import to_png
from explorer import caches
from tests.browser.explore_page import z_of_url

Open = Callable[..., Page]


def metrics(page: Page) -> list[float]:
    values = page.get_by_test_id("stMetricValue")
    expect(values).to_have_count(3)
    return [float(text) for text in values.all_inner_texts()]


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    file = tmp_path / "seven.png"
    file.write_bytes(to_png(load_dataset("mnist", "test").images[0], scale=10))
    return file


def draw_seven(page: Page) -> None:
    box = page.get_by_test_id("draw-canvas").bounding_box()
    assert box
    points = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]
    path = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def ink(page: Page) -> int:
    return page.get_by_test_id("draw-canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height)"
        ".data.filter((v, i) => i % 4 === 0 && v > 128).length"
    )


def test_an_upload_becomes_a_digit_and_opens_in_explore(open_page: Open, seven: Path) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("reconstruct-upload").set_input_files(seven)
    expect(page.get_by_text("From your picture to a digit")).to_be_visible()
    nll, kl, total = metrics(page)
    assert nll + kl == pytest.approx(total, abs=0.11) and total < 150
    page.get_by_role("button", name="Open in Explore").click()
    page.get_by_test_id("latent-slider-4").wait_for()
    page.wait_for_function("location.search.includes('z=')")
    z = z_of_url(page)
    mu = caches.latent_map("mnist-mlp-20").mu
    nearest = (mu - mu.new_tensor(z)).norm(dim=1).argmin()
    assert load_dataset("mnist", "test").labels[nearest] == 7
    sliders = [page.get_by_test_id(f"latent-slider-{d}").input_value() for d in range(20)]
    np.testing.assert_allclose([float(v) for v in sliders], z, atol=0.011)


def test_two_pictures_of_one_name_are_two(open_page: Open, seven: Path) -> None:
    """As pasted ones are, which browsers call image.png, and photographs of a phone."""
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Upload", exact=True).click()
    total = page.get_by_test_id("stMetricValue").last
    seen: list[str] = []
    for n in (0, 1):
        seven.write_bytes(to_png(load_dataset("mnist", "test").images[n], scale=10))
        page.get_by_test_id("reconstruct-upload").set_input_files(seven)
        expect(page.get_by_text("Now: seven.png")).to_be_visible()
        for before in seen:
            expect(total).not_to_have_text(before)
        metrics(page)
        seen.append(total.inner_text())
    # A third, which was lost on its way to Python, is told again after the cut.
    third = to_png(load_dataset("mnist", "test").images[2], scale=10)
    page.evaluate(
        """async (content) => {
            const { live, upload } = await import("/live/static/live.js");
            upload.last = { name: "seven.png", content, id: "lost" };
            live.dispatchEvent(new CustomEvent("heard"));
        }""",
        base64.b64encode(third).decode(),
    )
    for before in seen:
        expect(total).not_to_have_text(before)


def test_a_bad_upload_is_a_sentence_and_a_good_one_follows(
    open_page: Open, seven: Path, tmp_path: Path
) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Upload", exact=True).click()
    for name, content in (("notes.txt", b"no picture"), ("cut.png", seven.read_bytes()[:200])):
        (tmp_path / name).write_bytes(content)
        page.get_by_test_id("reconstruct-upload").set_input_files(tmp_path / name)
        expect(page.get_by_text(f"Now: {name}")).to_be_visible()
        expect(page.get_by_test_id("stAlert")).to_be_visible()
        assert "Traceback" not in page.inner_text("body")
    page.get_by_test_id("reconstruct-upload").set_input_files(seven)
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    metrics(page)


def test_a_file_over_the_limit_is_refused_in_the_browser(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(bytes(21 * 2**20))
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("reconstruct-upload").set_input_files(tmp_path / "big.png")
    expect(page.get_by_test_id("stAlert")).to_contain_text("21.0 MB; the limit is 20 MB")


def test_drawing_erasing_undoing_and_clearing(open_page: Open) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Draw", exact=True).click()
    canvas = page.get_by_test_id("draw-canvas")
    canvas.wait_for()
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    expect(undo).to_be_disabled()
    draw_seven(page)
    drawn = ink(page)
    assert drawn > 1000
    metrics(page)
    page.get_by_role("button", name="Erase").click()
    draw_seven(page)
    assert ink(page) < drawn / 10
    undo.click()
    assert ink(page) == drawn
    clear.click()
    assert ink(page) == 0
    expect(page.get_by_test_id("stMetricValue")).to_have_count(0)
    undo.click()
    assert ink(page) == drawn
    metrics(page)


def test_brush_size_matters(open_page: Open) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Draw", exact=True).click()
    brush = page.get_by_role("slider", name="Brush size")
    brush.focus()
    amounts = []
    for key in ("Home", "End"):
        brush.press(key)
        draw_seven(page)
        amounts.append(ink(page))
        page.get_by_role("button", name="Clear").click()
    assert amounts[1] > 3 * amounts[0]


def test_a_drawing_survives_other_sources_and_panels(open_page: Open) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_text("Draw", exact=True).click()
    page.get_by_test_id("draw-canvas").wait_for()
    draw_seven(page)
    drawn = metrics(page)
    page.get_by_text("Test digit", exact=True).click()
    page.get_by_text("Label: 7").wait_for()
    page.get_by_role("link", name="Explore").click()
    page.get_by_test_id("latent-slider-4").wait_for()
    page.get_by_role("link", name="Reconstruct").click()
    page.get_by_text("Draw", exact=True).click()
    page.get_by_test_id("draw-canvas").wait_for()
    expect(page.get_by_test_id("stMetricValue").last).to_have_text(f"{drawn[-1]:.1f}")
    assert ink(page) > 1000


def test_usable_at_390_px(open_page: Open) -> None:
    page = open_page("reconstruct", ready=False, width=390)
    metrics(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
