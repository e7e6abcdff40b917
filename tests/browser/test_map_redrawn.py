"""The map drawn anew in a real Chromium: what is seen of it stays, and its dots are those that the
marker, the pointer and the lasso go by."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from core.limits import COORDINATE
from explorer import map_data
from tests.browser.on_map import MODEL, at, committed, mode, ranges, wait_for_map

Open = Callable[..., Page]
HIDDEN = "() => document.querySelector('[data-testid=latent-map]')._fullData" + (
    ".filter((t) => t.type !== 'contour' && t.visible === false).map((t) => Number(t.name))"
)


def dots(page: Page) -> np.ndarray:
    """Where the dots are drawn, also those that are hidden, (N, 2), class by class."""
    found = page.get_by_test_id("latent-map").evaluate(
        "plot => plot.data.filter((t) => t.type !== 'contour')"
        ".flatMap((t) => Array.from(t.x, (x, i) => [x, t.y[i]]))"
    )
    return np.array(found)


def test_a_redraw_while_another_map_is_on_its_way_waits_for_its_dots(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    held: list[Route] = []
    page.route(re.compile("live/map/.*/pca/"), lambda route: held.append(route))
    page.get_by_text("PCA", exact=True).click()
    message = page.locator(".latent-map .message")
    expect(message).to_have_text("Drawing the map …")
    mode(page, "Reset view")
    page.get_by_test_id("map-class-3").click()
    expect(message).to_be_visible()
    held[0].continue_()
    page.wait_for_function("document.querySelector('.xtitle')?.textContent.startsWith('PC1')")
    wait_for_map(page)
    xy = map_data.places(MODEL, "pca", "test")
    found = dots(page)
    for axis in (0, 1):
        np.testing.assert_allclose(np.sort(found[:, axis]), np.sort(xy[:, axis]), atol=1e-4)
    assert page.evaluate(HIDDEN) == [3]


def test_a_drawing_that_failed_is_a_sentence_and_can_be_tried_again(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    page.evaluate(
        "{ Plotly.working = Plotly.react;"
        "Plotly.react = () => Promise.reject(new Error('it has lost its canvas')); }; 0"
    )
    page.get_by_test_id("map-class-3").click()
    message = page.locator(".latent-map .message")
    expect(message).to_contain_text("The map cannot be shown: it has lost its canvas. Check")
    page.evaluate("Plotly.react = Plotly.working; 0")
    message.get_by_role("button", name="Try again").click()
    wait_for_map(page)
    assert len(dots(page)) == 10_000 and page.evaluate(HIDDEN) == [3]


def zoom_by_keys(page: Page) -> None:
    page.locator(".latent-map .marker").press("+")
    page.locator(".latent-map .marker").press("+")


def zoom_by_wheel(page: Page) -> None:
    page.mouse.move(*at(page, 0.4, 0.6))
    page.mouse.wheel(0, -300)


@pytest.mark.parametrize("zoom", [zoom_by_keys, zoom_by_wheel])
def test_a_redraw_keeps_the_part_in_view(open_page: Open, zoom: Callable[[Page], None]) -> None:
    page = open_page()
    wait_for_map(page)
    whole = ranges(page)
    zoom(page)
    page.wait_for_function(
        "span => { const { xaxis } = document.querySelector('[data-testid=latent-map]')"
        "._fullLayout; return xaxis.range[1] - xaxis.range[0] < 0.95 * span; }",
        arg=whole[1] - whole[0],
    )
    page.get_by_test_id("map-class-3").click()
    page.wait_for_function(f"({HIDDEN})().length === 1")
    zoomed = ranges(page)
    assert zoomed[1] - zoomed[0] < 0.95 * (whole[1] - whole[0])
    page.get_by_text("Density", exact=True).click()
    page.wait_for_function(
        "document.querySelector('[data-testid=latent-map]')._fullData"
        ".some((t) => t.type === 'contour' && t.visible)"
    )
    np.testing.assert_allclose(ranges(page), zoomed, rtol=1e-6)
    mode(page, "Reset view")
    page.wait_for_function(
        "left => Math.abs(document.querySelector('[data-testid=latent-map]')"
        "._fullLayout.xaxis.range[0] - left) < 1e-3",
        arg=whole[0],
    )
    np.testing.assert_allclose(ranges(page), whole, atol=1e-3)


def test_from_far_out_z_stays_within_its_limits(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    page.locator(".latent-map .marker").focus()
    for _ in range(60):
        page.keyboard.press("-")
    before = page.url
    page.mouse.click(*at(page, 0.02, 0.03))
    page.wait_for_url(lambda url: url != before)
    z = committed(page)
    assert 100 < np.abs(z).max() <= COORDINATE.most
    reading = page.get_by_test_id("live-latency")
    expect(reading).to_contain_text("pictures/s")
