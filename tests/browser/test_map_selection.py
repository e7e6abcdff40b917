"""Lasso and box in a real Chromium: counts, mean, groups, a direction."""

import json
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, expect

from explorer import caches, map_data
from tests.browser.on_map import (
    MODEL,
    at,
    mode,
    to_data,
    wait_for_commit,
    wait_for_map,
    wait_for_picture,
)

Open = Callable[..., Page]


def drag(page: Page, *path: tuple[float, float]) -> None:
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=3)
    page.mouse.up()


def in_box(page: Page, first: tuple[float, float], last: tuple[float, float]) -> np.ndarray:
    """Indices of the test digits that a box holds."""
    xy = map_data.places(MODEL, "lda", "test")
    corners = np.stack([to_data(page, first), to_data(page, last)])
    return np.flatnonzero(((xy > corners.min(0)) & (xy < corners.max(0))).all(1))


def select_box(
    page: Page, first: tuple[float, float], last: tuple[float, float]
) -> tuple[np.ndarray, int]:
    """Draw a box between two places, shares of the plot; what it should hold, and what was said."""
    start, end = at(page, *first), at(page, *last)
    expected = in_box(page, start, end)
    mode(page, "Box")
    drag(page, start, end)
    said = page.get_by_text("selected", exact=False).filter(has_text="selected").first
    expect(said).to_be_visible()
    page.wait_for_timeout(800)
    found = page.locator("strong", has_text="selected").inner_text()
    return expected, int(found.replace(",", "").split()[0])


def highlighted(page: Page) -> int:
    found: int = page.get_by_test_id("latent-map").evaluate(
        "plot => plot._fullData.reduce((sum, t) => sum + (t.selectedpoints?.length ?? 0), 0)"
    )
    return found


def test_a_box_counts_classes_and_finds_the_mean(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    expected, count = select_box(page, (0.55, 0.95), (0.9, 0.6))
    assert abs(count - len(expected)) <= 3 and count > 300  # the box's px are whole
    assert highlighted(page) == count
    labels = caches.latent_map(MODEL).labels.numpy()[expected]
    counts = page.get_by_test_id("class-counts").locator("span").all_inner_texts()
    said = [int(text.replace(",", "")) for text in counts[::3]]
    assert sum(said) == count
    np.testing.assert_allclose(said, np.bincount(labels, minlength=10), atol=3)
    expect(page.get_by_alt_text("Mean of the selected pictures")).to_be_visible()
    page.get_by_role("button", name="Go to the mean").click()
    mean = caches.latent_map(MODEL).mu.numpy()[expected].mean(0)
    wait_for_commit(page, mean, atol=0.01)
    wait_for_picture(page, mean, tolerance=3)
    assert highlighted(page) == count, "the selection outlives the rerun"
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_test_id("class-counts")).to_have_count(0)
    page.wait_for_timeout(500)
    assert highlighted(page) == 0


def test_a_lasso_selects_what_it_surrounds_in_every_projection(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    mode(page, "Lasso")
    corners = [(0.5, 0.5), (0.9, 0.5), (0.7, 0.9)]  # a triangle
    drag(page, *(at(page, *corner) for corner in corners))
    expect(page.get_by_test_id("class-counts")).to_be_visible()
    xy = map_data.places(MODEL, "lda", "test")
    a, b, c = (to_data(page, at(page, *corner)) for corner in corners)
    sides = [np.cross(q - p, xy - p) > 0 for p, q in ((a, b), (b, c), (c, a))]
    within = int(np.logical_and.reduce(sides).sum())
    page.wait_for_timeout(500)
    count = highlighted(page)
    assert abs(count - within) <= 0.01 * within + 3
    page.get_by_text("t-SNE", exact=True).click()
    page.wait_for_function("document.querySelector('.xtitle')?.textContent === 't-SNE 1'")
    wait_for_map(page, 10_000)
    assert highlighted(page) == count
    mode(page, "Lasso")
    drag(page, at(page, 0.01, 0.01), at(page, 0.04, 0.01), at(page, 0.04, 0.04))  # around nothing
    expect(page.get_by_test_id("class-counts")).to_have_count(0)


def test_two_named_groups_give_a_direction(open_page: Open) -> None:
    page = open_page()
    wait_for_map(page)
    groups = {}
    for name, corners in {
        "ones": ((0.6, 0.95), (0.9, 0.75)),
        "others": ((0.2, 0.6), (0.4, 0.4)),
    }.items():
        groups[name], count = select_box(page, *corners)
        page.get_by_label("Name this group").fill(name)
        page.get_by_role("button", name="Keep group").click()
        expect(page.get_by_text(f"{name} · {count:,}")).to_be_visible()
    page.get_by_role("button", name="Keep direction").click()
    expect(page.get_by_text("Kept the direction ones → others")).to_be_visible()
    page.wait_for_timeout(1000)
    stored = page.evaluate(f"localStorage.getItem('latent-explorer/{MODEL}')")
    (direction,) = json.loads(stored)["directions"]
    assert direction["name"] == "ones → others"
    mu = caches.latent_map(MODEL).mu.numpy()
    expected = mu[groups["others"]].mean(0) - mu[groups["ones"]].mean(0)
    np.testing.assert_allclose(direction["vector"], expected, atol=0.05)
    page.get_by_role("button", name="Clear selection").click()
    page.get_by_role("button", name="Select", exact=True).first.click()
    page.wait_for_timeout(1000)
    assert abs(highlighted(page) - len(groups["ones"])) <= 3
    page.get_by_role("button", name="Remove").first.click()
    expect(page.get_by_text("ones ·")).to_have_count(0)
    expect(page.get_by_role("button", name="Keep direction")).to_have_count(0)
