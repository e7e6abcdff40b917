"""The map under the hand in a real Chromium: hover, click, drag, keys, modes, saving."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from core.images import to_uint8
from core.projection import Projection
from explorer import caches, map_data
from tests.browser.on_map import (
    MODEL,
    at,
    box_of,
    marker,
    mode,
    ranges,
    sliders,
    to_data,
    to_page,
    wait_for_commit,
    wait_for_map,
    wait_for_picture,
)  # fmt: skip

Open = Callable[..., Page]


def lonely(xy: np.ndarray) -> int:
    """A point with no other near it, so that none lies under the pointer instead."""
    return int(xy[:, 0].argmin())


def thumbnail(page: Page) -> list[int]:
    found: list[int] = page.get_by_test_id("map-thumbnail").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return found[::4]


def test_hover_shows_the_digit_without_asking_and_a_click_loads_it(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    page.wait_for_load_state("networkidle")
    index = lonely(map_data.places(MODEL, "lda", "test"))
    x, y = to_page(page, map_data.places(MODEL, "lda", "test")[index])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.mouse.move(5, 5)
    expect(page.locator(".latent-map .tooltip")).to_be_hidden()
    page.mouse.move(x, y, steps=5)
    label = caches.latent_map(MODEL).labels[index]
    expect(page.locator(".latent-map .tooltip")).to_be_visible()
    expect(page.locator(".latent-map .tooltip")).to_have_text(f"{label} · test digit {index}")
    digit = to_uint8(caches.test_set(MODEL).images[index, 0]).flatten().tolist()
    assert thumbnail(page) == digit
    assert not asked, "a hover asks nobody"
    page.mouse.click(x, y)
    mu = caches.latent_map(MODEL).mu[index].numpy()
    wait_for_picture(page, mu)
    wait_for_commit(page, mu)


def test_all_digits_on_request(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page, 10_000)
    page.get_by_text("+ training").click()
    wait_for_map(page, 70_000)
    page.wait_for_load_state("networkidle")
    xy = map_data.places(MODEL, "lda", "all")
    training = xy[10_000:]
    index = int(training[:, 0].argmax())
    x, y = to_page(page, training[index])
    page.mouse.move(x - 1, y)
    page.mouse.move(x, y)
    expect(page.locator(".latent-map .tooltip")).to_contain_text(f"training digit {index}")
    digit = to_uint8(caches.images_of(MODEL, "train").images[index, 0]).flatten().tolist()
    assert thumbnail(page) == digit
    page.mouse.click(x, y)
    wait_for_commit(page, map_data.encoded(MODEL, "all").mu[10_000 + index])


def test_the_legend_hides_classes_from_eye_and_pointer(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    index = lonely(map_data.places(MODEL, "lda", "test"))
    label = int(caches.latent_map(MODEL).labels[index])
    visible = "plot => plot._fullData.filter((t) => t.type !== 'contour').map((t) => t.visible)"
    plot = page.get_by_test_id("latent-map")
    page.get_by_test_id(f"map-class-{label}").click()
    page.wait_for_timeout(500)
    assert plot.evaluate(visible) == [digit != label for digit in range(10)]
    x, y = to_page(page, map_data.places(MODEL, "lda", "test")[index])
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)
    expect(page.locator(".latent-map .tooltip")).to_be_hidden()
    page.get_by_test_id("map-class-3").dblclick()
    page.wait_for_timeout(500)
    assert plot.evaluate(visible) == [digit == 3 for digit in range(10)]
    expect(page.get_by_test_id("map-class-3")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("map-class-4")).to_have_attribute("aria-pressed", "false")


def test_dragging_anywhere_moves_z_in_its_plane_and_nothing_snaps_back(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    start = np.array(caches.latent_map(MODEL).mu[0])
    plane = map_data.projection(MODEL, "lda")
    x, y = at(page, 0.2, 0.8)  # far from the marker
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 5):
        here = (x + 20 * step, y + 15 * step)
        page.mouse.move(*here)
        z = plane.lift(to_data(page, here), start)
        assert marker(page) == pytest.approx(here, abs=1.5)
        np.testing.assert_allclose(sliders(page), z, atol=0.02)
        wait_for_picture(page, z, tolerance=6)  # the sliders' px are whole, the pointer's are not
    page.mouse.up()
    wait_for_commit(page, z, atol=0.02)
    page.wait_for_timeout(1500)
    assert marker(page) == pytest.approx(here, abs=1.5)
    np.testing.assert_allclose(sliders(page), z, atol=0.02)
    outside = np.eye(20) - plane.lifts.T @ plane.axes
    np.testing.assert_allclose(outside @ (sliders(page) - start), 0, atol=0.03)


def test_a_drag_that_leaves_the_plot_stays_at_its_edge(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    box = box_of(page)
    page.mouse.move(*at(page, 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(box["x"] - 200, box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_timeout(1500)
    edge = (box["x"], box["y"] + 40)
    assert marker(page) == pytest.approx(edge, abs=1.5)
    start = caches.latent_map(MODEL).mu[0].numpy()
    z = map_data.projection(MODEL, "lda").lift(to_data(page, edge), start)
    wait_for_commit(page, z, atol=0.02)


def test_a_click_on_empty_ground_brings_z_there(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    here = at(page, 0.03, 0.03)
    page.mouse.click(*here)
    start = caches.latent_map(MODEL).mu[0].numpy()
    z = map_data.projection(MODEL, "lda").lift(to_data(page, here), start)
    wait_for_commit(page, z, atol=0.02)
    assert marker(page) == pytest.approx(here, abs=1.5)


def strayed(page: Page, projection: Projection) -> tuple[float, float]:
    """A place between the clusters from which project(lift(xy)) leads far away, px of the page."""
    places = [at(page, i / 12, j / 12) for i in range(2, 11) for j in range(2, 11)]
    xy = np.stack([to_data(page, place) for place in places])
    back = projection.project(projection.lift(xy, np.zeros((len(xy), 20))))
    away = np.array([
        np.hypot(*np.subtract(to_page(page, b), p)) for b, p in zip(back, places, strict=True)
    ])  # fmt: skip
    assert away.max() > 20
    return places[int(away.argmax())]


@pytest.mark.parametrize("id", ["umap", "tsne"])
def test_without_a_formula_the_marker_stays_where_it_was_dropped(open_page: Open, id: str) -> None:
    page = open_page(f"?map={id}")
    wait_for_map(page)
    expect(page.get_by_text("8 nearest test digits")).to_be_visible()
    page.mouse.move(*at(page, 0.3, 0.3))
    page.mouse.down()
    projection = map_data.projection(MODEL, id)
    here = strayed(page, projection)
    page.mouse.move(*here, steps=3)
    z = projection.lift(to_data(page, here), np.zeros(20))
    np.testing.assert_allclose(sliders(page), z, atol=0.03)
    page.mouse.up()
    wait_for_commit(page, z, atol=0.03)
    page.wait_for_timeout(1000)
    assert marker(page) == pytest.approx(here, abs=1.5)
    # Moved otherwise, it goes where z's neighbours are.
    page.get_by_role("button", name="Reset to z = 0").click()
    zero = to_page(page, projection.project(np.zeros(20)))
    page.wait_for_timeout(1500)
    assert marker(page) == pytest.approx(zero, abs=2)


def test_arrow_keys_move_the_marker(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    x, y = marker(page)
    page.locator(".latent-map .marker").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    after = marker(page)
    assert after[0] > x + 5 and after[1] == pytest.approx(y, abs=1)
    page.keyboard.press("Shift+ArrowUp")
    assert marker(page)[1] < y - 15


def test_a_finger_drags_the_map(open_page: Open) -> None:
    page = open_page(width=390)
    wait_for_map(page)
    scrolled = page.evaluate("document.querySelector('section.stMain')?.scrollTop ?? 0")
    touch = page.context.new_cdp_session(page)

    def finger(kind: str, *point: float) -> None:
        points = [{"x": point[0], "y": point[1]}] if point else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = at(page, 0.3, 0.6)
    finger("touchStart", x, y)
    for step in range(1, 9):
        finger("touchMove", x + 6 * step, y + 8 * step)
    page.wait_for_timeout(300)
    assert marker(page) == pytest.approx((x + 48, y + 64), abs=2)
    finger("touchEnd")
    page.wait_for_timeout(1000)
    assert marker(page) == pytest.approx((x + 48, y + 64), abs=2)
    assert page.evaluate("document.querySelector('section.stMain')?.scrollTop ?? 0") == scrolled


def test_pan_wheel_and_reset_move_the_view_and_not_z(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    z, whole = sliders(page), ranges(page)
    page.mouse.move(*at(page, 0.5, 0.5))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(800)
    zoomed = ranges(page)
    assert zoomed[1] - zoomed[0] < 0.95 * (whole[1] - whole[0])
    mode(page, "Pan")
    expect(page.locator(".latent-map").get_by_role("button", name="Pan")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.mouse.move(*at(page, 0.1, 0.9))
    page.mouse.down()
    page.mouse.move(*at(page, 0.4, 0.7), steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    panned = ranges(page)
    assert panned[0] < zoomed[0] - 0.2 and panned[1] - panned[0] == pytest.approx(
        zoomed[1] - zoomed[0], rel=0.02
    )
    mode(page, "Reset view")
    page.wait_for_timeout(800)
    np.testing.assert_allclose(ranges(page), whole, atol=0.05)
    assert (sliders(page) == z).all()
    page.mouse.move(*marker(page))  # the marker itself can be taken in every mode
    page.mouse.down()
    page.mouse.move(*at(page, 0.3, 0.3), steps=3)
    page.mouse.up()
    assert (sliders(page) != z).any()


def test_the_map_is_saved_as_png_svg_and_html(
    open_page: Open, browser: Browser, tmp_path: Path
) -> None:
    page = open_page()
    wait_for_map(page)
    files = {}
    for format in ("PNG", "SVG", "HTML"):
        with page.expect_download() as download:
            mode(page, f"Save as {format}")
        files[format] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[format])
    picture = Image.open(io.BytesIO(files["PNG"].read_bytes()))
    assert picture.width > 600 and len(picture.convert("RGB").getcolors(2**24) or []) > 100
    svg = files["SVG"].read_text()
    assert svg.startswith("<svg") and "PC1" in svg
    context = browser.new_context(offline=True)
    alone = context.new_page()
    problems: list[str] = []
    alone.on("pageerror", lambda error: problems.append(str(error)))
    alone.goto(files["HTML"].as_uri())
    alone.wait_for_function("document.querySelector('#map')._fullData?.length === 12")
    assert alone.evaluate("document.querySelector('#map')._fullData[1].x.length") == 980
    context.close()
    assert not problems


def test_a_failed_fetch_is_a_sentence_and_can_be_tried_again(
    open_page: Open, expected_errors: list[str]
) -> None:
    expected_errors += ["Failed to load resource", "live/map"]

    def refuse(route: Route) -> None:
        route.fulfill(status=404, body="The data file is missing.")

    page = open_page(before=lambda page: page.route("**/live/map/**", refuse))
    message = page.locator(".latent-map .message")
    expect(message).to_contain_text("The map cannot be shown: The data file is missing.")
    page.unroute("**/live/map/**")
    message.get_by_role("button", name="Try again").click()
    wait_for_map(page, 10_000)


def test_without_webgl_the_map_still_stands(open_page: Open) -> None:
    no_webgl = (
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind.startsWith('webgl') ? null : get.call(this, kind, ...rest); };"
    )
    page = open_page(before=lambda page: page.add_init_script(no_webgl))
    wait_for_map(page)
    assert page.locator(".latent-map .scatterlayer .point").count() == 10_000
