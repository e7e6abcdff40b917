"""Explore in a real Chromium: the picture follows while the button is down, map and sliders are
linked both ways, a link opens the same view."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import caches
from tests.browser.explore_page import (
    SLIDER,
    Open,
    centre,
    decode,
    first_digit,
    marker,
    pixels,
    wait_for_pixels,
    wait_for_z,
    z_of_sliders,
    z_of_url,
)  # fmt: skip


def test_the_canvas_is_28_pixels_of_the_committed_z(open_page: Open) -> None:
    page = open_page()
    canvas = page.get_by_test_id("decoded-image")
    assert canvas.evaluate("c => [c.width, c.height]") == [28, 28]
    wait_for_pixels(page, decode(caches.latent_map("mnist-mlp-20").mu[0].tolist()))


def test_the_picture_follows_while_the_button_is_down(open_page: Open) -> None:
    page = open_page()
    url = page.url
    x, y, width = centre(page)
    before = marker(page)
    page.mouse.move(x, y)
    page.mouse.down()
    seen = set()
    for step in range(1, 9):
        page.mouse.move(x + step * width / 20, y)
        z = z_of_sliders(page)
        shown = caches.latent_map("mnist-mlp-20").mu[0].tolist()
        shown[SLIDER] = z[SLIDER]
        wait_for_pixels(page, decode(shown))
        seen.add(pixels(page).tobytes())
    assert len(seen) == 8
    assert marker(page) != before
    assert page.url == url, "nothing is committed while the button is down"
    page.mouse.up()
    page.wait_for_url(lambda new: new != url)
    assert z_of_url(page)[SLIDER] == pytest.approx(z[SLIDER], abs=1e-3)
    assert "ms" in page.get_by_test_id("live-latency").inner_text()


def test_nothing_snaps_back_after_release(open_page: Open) -> None:
    page = open_page()
    x, y, width = centre(page)
    for offset in (0.3, -0.35, 0.1):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + offset * width, y, steps=4)
        page.mouse.up()
        value = z_of_sliders(page)[SLIDER]
        page.wait_for_timeout(150)  # the rerun of the first release may answer into the next drag
    page.wait_for_timeout(1500)
    assert z_of_sliders(page)[SLIDER] == value
    assert z_of_url(page)[SLIDER] == pytest.approx(value, abs=1e-3)


def test_the_keyboard_moves_a_slider(open_page: Open) -> None:
    page = open_page()
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    slider.focus()
    slider.press("Home")
    low = float(slider.input_value())
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert float(slider.input_value()) == pytest.approx(low + 0.02, abs=1e-6)
    slider.press("End")
    low, _, high = caches.latent_map("mnist-mlp-20").ranges[SLIDER].tolist()
    assert float(slider.input_value()) == pytest.approx(high, abs=0.011)
    slider.dblclick()
    assert abs(float(slider.input_value())) < 1e-6
    expected = first_digit()
    expected[SLIDER] = 0
    wait_for_z(page, expected)


def test_buttons_move_sliders_and_picture(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Reset to z = 0").click()
    wait_for_pixels(page, decode([0.0] * 20))
    assert z_of_sliders(page) == [0.0] * 20
    wait_for_z(page, [0.0] * 20)
    url = page.url
    page.get_by_role("button", name="Prior sample").click()
    page.wait_for_url(lambda new: new != url)
    z = z_of_url(page)
    assert np.std(z) > 0.4
    wait_for_pixels(page, decode(z))


def test_a_copied_link_opens_the_same_view(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Prior sample").click()
    page.wait_for_function("location.search.includes('z=')")
    page.wait_for_timeout(1500)
    twin = open_page(page.url.split("/", 3)[3])
    wait_for_pixels(twin, pixels(page))
    assert z_of_sliders(twin) == pytest.approx(z_of_sliders(page), abs=0.011)


def test_the_picker_switches_the_live_channel_too(open_page: Open) -> None:
    page = open_page("?model=mnist-mlp-2&z=0.5,-1")
    wait_for_pixels(page, decode([0.5, -1.0], "mnist-mlp-2"))
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="mnist-mlp-20").click()
    page.get_by_test_id("latent-slider-19").wait_for(state="attached")
    page.get_by_test_id("live-latency").get_by_text("live").wait_for()
    page.get_by_role("button", name="Reset to z = 0").click()
    wait_for_pixels(page, decode([0.0] * 20))
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.2 * width, y, steps=3)
    z = [0.0] * 20
    z[SLIDER] = z_of_sliders(page)[SLIDER]
    wait_for_pixels(page, decode(z))
    page.mouse.up()


def test_without_a_socket_the_picture_follows_on_release(
    open_page: Open, expected_errors: list[str]
) -> None:
    expected_errors.append("live/channel")

    def no_sockets(page: Page) -> None:
        page.add_init_script(
            "const Real = WebSocket; window.WebSocket = class extends Real {"
            "  constructor(url, ...rest) {"
            "    super(String(url).replace('live/channel', 'live/channel/closed'), ...rest);"
            "  } }"
        )

    page = open_page(ready=False, before=no_sockets)
    reading = page.get_by_test_id("live-latency")
    expect(reading).to_contain_text("Not live", timeout=60_000)
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * width, y, steps=3)
    z = caches.latent_map("mnist-mlp-20").mu[0].tolist()
    z[SLIDER] = z_of_sliders(page)[SLIDER]
    page.mouse.up()
    wait_for_pixels(page, decode(z))


def test_the_channel_comes_back_by_itself(open_page: Open, expected_errors: list[str]) -> None:
    expected_errors.append("WebSocket")
    keep = (
        "const Real = WebSocket; window.sockets = []; window.WebSocket = class extends Real {"
        "  constructor(...all) { super(...all); window.sockets.push(this); } }"
    )
    page = open_page(before=lambda page: page.add_init_script(keep))
    page.evaluate("sockets.filter((s) => s.url.includes('live/channel')).forEach((s) => s.close())")
    expect(page.get_by_test_id("live-latency")).to_contain_text("Not live")
    expect(page.get_by_test_id("live-latency")).to_contain_text("live ·")
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 0.2 * width, y, steps=3)
    z = caches.latent_map("mnist-mlp-20").mu[0].tolist()
    z[SLIDER] = z_of_sliders(page)[SLIDER]
    wait_for_pixels(page, decode(z))
    page.mouse.up()


def test_usable_at_390_px(open_page: Open) -> None:
    page = open_page(width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    page.get_by_test_id("latent-slider-8").scroll_into_view_if_needed()
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box and box["width"] > 120 and box["x"] >= 0 and box["x"] + box["width"] <= 390
    # The picture is out of sight down here: while z moves, a small copy floats.
    page.get_by_test_id("latent-slider-8").focus()
    page.get_by_test_id("latent-slider-8").press("End")
    expect(page.locator("canvas.floating")).to_be_visible()


def test_dimensions_that_carry_nothing_are_folded_away(open_page: Open) -> None:
    page = open_page("?model=mnist-res-32")
    active = caches.latent_map("mnist-res-32").active
    order = caches.latent_map("mnist-res-32").order
    used, unused = (next(d for d in order if bool(active[d]) is wanted) for wanted in (True, False))
    expect(page.get_by_test_id(f"latent-slider-{used}")).to_be_visible()
    hidden = page.get_by_test_id(f"latent-slider-{unused}")
    expect(hidden).to_be_hidden()
    page.get_by_text(f"{int((~active).sum())} more carry nothing").click()
    expect(hidden).to_be_visible()


def test_a_full_server_says_so(open_page: Open) -> None:
    def full(page: Page) -> None:
        page.route_web_socket(
            re.compile("/live/channel/"),
            lambda socket: socket.close(code=1013, reason="256 pages are connected."),
        )

    page = open_page(before=full, ready=False)
    expect(page.get_by_test_id("live-latency")).to_have_text(
        "Not live: 256 pages are connected. The picture follows when you let go."
    )
