"""Filmstrips, exact values, locks, names and units of the sliders, while the hand moves."""

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core.limits import COORDINATE
from explorer import caches
from explorer.frames import STRIPS
from tests.browser.explore_page import (
    HOLD,
    LET_GO,
    SLIDER,
    Open,
    bookmark_two,
    centre,
    compare,
    decode,
    first_digit,
    holding,
    wait_for_pixels,
    wait_for_z,
    z_of_sliders,
)  # fmt: skip

OTHER = 7  # another dimension with much KL
NAME = "mnist-mlp-20"


def row(page: Page, dimension: int) -> Locator:
    return page.locator(".latent-sliders .row").filter(
        has=page.get_by_test_id(f"latent-slider-{dimension}")
    )


def strip(page: Page, dimension: int) -> np.ndarray:
    """The nine pictures in a track, (9, 28, 28)."""
    return frames_of(row(page, dimension))


def frames_of(row: Locator) -> np.ndarray:
    values = row.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 9, 28, 4)[..., 0].swapaxes(0, 1)


def expected_strip(z: list[float], dimension: int) -> np.ndarray:
    """What decoding at nine places between the 0.5% and the 99.5% quantile gives."""
    low, _, high = caches.latent_map(NAME).ranges[dimension].tolist()
    low, high = np.floor(100 * low) / 100, np.ceil(100 * high) / 100
    pictures = []
    for value in np.linspace(low, high, 9):
        pictures.append(decode([value if d == dimension else v for d, v in enumerate(z)]))
    return np.stack(pictures)


def wait_for_strip(page: Page, z: list[float], dimension: int) -> None:
    expected = expected_strip(z, dimension).astype(int)
    for _ in range(100):
        if np.abs(strip(page, dimension).astype(int) - expected).max() <= 2:
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(strip(page, dimension), expected, atol=2)


def test_every_filmstrip_follows_while_a_slider_is_held(open_page: Open) -> None:
    page = open_page()
    z = first_digit()
    wait_for_strip(page, z, SLIDER)
    wait_for_strip(page, z, OTHER)
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * width, y, steps=5)
    z[SLIDER] = float(page.get_by_test_id(f"latent-slider-{SLIDER}").input_value())
    assert abs(z[SLIDER] - first_digit()[SLIDER]) > 0.5
    wait_for_strip(page, z, OTHER)
    wait_for_strip(page, z, SLIDER)  # all others as they are: its own stays
    page.mouse.up()


def test_every_filmstrip_follows_also_while_a_and_b_are_compared(open_page: Open) -> None:
    """Two components ask for filmstrips, and neither takes the other's turn."""
    page = open_page(before=holding(STRIPS))
    page.wait_for_url(lambda url: "z=" in url)
    a, z = bookmark_two(page)
    mix = compare(page)
    wait_for_strip(page, z, OTHER)
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    slider.scroll_into_view_if_needed()
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(HOLD)
    page.mouse.move(x + 0.3 * width, y, steps=5)  # faster than the server answers
    z[SLIDER] = float(slider.input_value())
    assert abs(z[SLIDER]) > 0.5
    page.evaluate(LET_GO)
    wait_for_strip(page, z, OTHER)
    between = page.locator(".latent-sliders .row").filter(has=mix)
    np.testing.assert_allclose(frames_of(between)[0], decode(a), atol=2)
    page.mouse.up()


# As a model of 60 dimensions would have them: some more than one request may hold.
MANY_ROWS = """async (axis) => {
  const url = new URL("live/static/latent_sliders/latent_sliders.js", document.baseURI);
  const { default: mount } = await import(url);
  const axes = Array.from({ length: 60 }, (_, n) => ({ ...axis, id: `many-${n}` }));
  const place = document.body.appendChild(document.createElement("div"));
  place.id = "many";
  mount({ parentElement: place, data: [{ axes, filmstrips: true, units: "z" }] });
  place.querySelector("details").open = true;
}"""


def test_no_filmstrip_is_left_out(open_page: Open) -> None:
    page = open_page()
    low, median, high = caches.latent_map(NAME).ranges[SLIDER].tolist()
    axis = {
        "name": "z", "renamable": True, "dimension": SLIDER, "vector": None, "kl": 1.0,
        "active": True, "low": low, "high": high, "median": median, "mean": 0.0, "sd": 1.0,
        "locked": False,
    }  # fmt: skip
    page.evaluate(MANY_ROWS, axis)
    rows = page.locator("#many .row")
    expect(rows).to_have_count(60)
    page.wait_for_function("document.querySelectorAll('#many canvas')[59].width === 9 * 28")
    np.testing.assert_array_equal(frames_of(rows.first), frames_of(rows.last))


def test_the_frame_stands_on_the_picture_of_its_value(open_page: Open) -> None:
    page = open_page()
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    slider.focus()
    slider.press("Home")
    z = first_digit()
    z[SLIDER] = float(slider.input_value())
    wait_for_pixels(page, decode(z))
    np.testing.assert_allclose(strip(page, SLIDER)[0], decode(z), atol=2)


def test_filmstrips_can_be_switched_off(open_page: Open) -> None:
    page = open_page()
    canvas = row(page, SLIDER).locator("canvas")
    expect(canvas).to_be_visible()
    page.get_by_text("Filmstrips").click()
    expect(canvas).to_be_hidden()
    expect(page.get_by_test_id(f"latent-slider-{SLIDER}")).to_be_visible()


def test_first_eight_then_more(open_page: Open) -> None:
    page = open_page()
    order = caches.latent_map(NAME).order
    for position, dimension in enumerate(order):
        slider = page.get_by_test_id(f"latent-slider-{dimension}")
        expect(slider).to_be_visible(visible=position < 8)
    page.get_by_text("12 more dimensions").click()
    expect(page.get_by_test_id(f"latent-slider-{order[-1]}")).to_be_visible()
    wait_for_strip(page, first_digit(), order[-1])  # asked for as soon as it can be seen


def test_ranges_and_median_come_from_the_encoded_digits(open_page: Open) -> None:
    page = open_page()
    low, median, high = caches.latent_map(NAME).ranges[SLIDER].tolist()
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    assert float(slider.get_attribute("min") or 0) == pytest.approx(low, abs=0.011)
    assert float(slider.get_attribute("max") or 0) == pytest.approx(high, abs=0.011)
    tick = row(page, SLIDER).locator(".median")
    assert tick.get_attribute("title") == f"median {median:.2f}"
    x, _, width = centre(page)
    box = tick.bounding_box()
    assert box
    share = (box["x"] + box["width"] / 2 - (x - width / 2)) / width
    expected = 1 / 18 + (median - low) / (high - low) * 8 / 9
    assert share == pytest.approx(expected, abs=0.02)
    expect(row(page, SLIDER)).to_contain_text(
        f"{caches.latent_map(NAME).kl_per_dim[SLIDER]:.2f} nats"
    )


def test_an_exact_value_is_typed_or_nudged(open_page: Open) -> None:
    page = open_page()
    value = page.get_by_test_id(f"latent-value-{SLIDER}")
    z = first_digit()
    z[SLIDER] = 1.23
    value.fill("1.23")
    wait_for_pixels(page, decode(z))
    value.press("ArrowUp")
    z[SLIDER] = 1.24
    wait_for_z(page, z, atol=1e-5)
    value.fill("9.5")  # beyond the slider's range, but meant
    value.press("Enter")
    z[SLIDER] = 9.5
    wait_for_z(page, z, atol=1e-5)
    wait_for_pixels(page, decode(z))


def test_units_of_standard_deviations(open_page: Open) -> None:
    page = open_page()
    mu = caches.latent_map(NAME).mu[:, SLIDER]
    page.get_by_text("σ", exact=True).click()
    value = page.get_by_test_id(f"latent-value-{SLIDER}")
    shown = ((mu[0] - mu.mean()) / mu.std()).item()
    expect(value).to_have_value(f"{shown:.2f}")
    value.fill("2")
    value.press("Enter")
    z = first_digit()
    z[SLIDER] = (mu.mean() + 2 * mu.std(correction=0)).item()
    wait_for_z(page, z, atol=1e-4)


def test_a_value_too_large_for_the_server_is_never_sent(open_page: Open) -> None:
    """Also one that is so only after its units are taken off, or by a hand that knows no end."""
    page = open_page()
    page.get_by_text("σ", exact=True).click()
    value = page.get_by_test_id(f"latent-value-{SLIDER}")
    expect(value).to_have_attribute("aria-label", re.compile("exact value in standard deviations"))
    sd = caches.latent_map(NAME).mu[:, SLIDER].std().item()
    value.fill(str(round(0.99 * COORDINATE.most / sd)))
    value.fill(str(round(1.01 * COORDINATE.most / sd)))
    page.evaluate(
        "async () => {"
        '  const url = new URL("live/static/live.js", document.baseURI);'
        "  const { currentZ, setZ } = await import(url);"
        f"  setZ(currentZ().map((z, d) => (d === {OTHER} ? -1e30 : z)));"
        "}"
    )
    value.press("Enter")
    z = first_digit()
    z[SLIDER], z[OTHER] = 0.99 * COORDINATE.most, -COORDINATE.most
    wait_for_z(page, z, atol=100)  # the page and torch round otherwise
    wait_for_pixels(page, decode(z))


def test_a_locked_dimension_stays_when_all_else_is_random(open_page: Open) -> None:
    page = open_page()
    lock = row(page, SLIDER).get_by_role("button", name="Lock")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    before = z_of_sliders(page)
    url = page.url
    page.get_by_role("button", name="Prior sample").click()
    page.wait_for_url(lambda new: new != url)
    page.wait_for_timeout(500)
    after = z_of_sliders(page)
    assert after[SLIDER] == before[SLIDER]
    assert sum(a != b for a, b in zip(after, before, strict=True)) >= 18
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "false")


def test_two_quick_clicks_on_a_lock_are_two(open_page: Open) -> None:
    page = open_page()
    lock = row(page, SLIDER).get_by_role("button", name="Lock")
    lock.evaluate("lock => { lock.click(); lock.click(); }")
    row(page, OTHER).get_by_role("button", name="Lock").click()  # heard after those
    page.wait_for_function(
        f"Object.values(localStorage).some((v) => v.includes('\"locked\": [{OTHER}]'))"
    )
    expect(lock).to_have_attribute("aria-pressed", "false")


def test_an_emptied_name_is_the_dimensions_own_again(open_page: Open) -> None:
    page = open_page()
    name = row(page, SLIDER).get_by_label(f"Name of latent dimension {SLIDER}")
    name.fill("")
    name.press("Enter")
    expect(name).to_have_value(f"z{SLIDER}")


def test_a_name_stays_after_a_reload(open_page: Open) -> None:
    page = open_page()
    name = row(page, SLIDER).get_by_label(f"Name of latent dimension {SLIDER}")
    expect(name).to_have_value(f"z{SLIDER}")
    name.fill("slant")
    name.press("Enter")
    page.wait_for_function("Object.values(localStorage).some((v) => v.includes('slant'))")
    page.reload()
    expect(row(page, SLIDER).get_by_label(f"Name of latent dimension {SLIDER}")).to_have_value(
        "slant", timeout=60_000
    )
