"""The server is killed and started again under an open page: nothing that was made is lost."""

from collections.abc import Callable, Iterator

import pytest
from driver import Server
from playwright.sync_api import Page, expect

from tests.browser.explore_page import (
    SLIDER,
    centre,
    decode,
    first_digit,
    wait_for_pixels,
    wait_for_z,
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    """One of this test's own, to be killed."""
    with Server() as running:
        yield running


def test_a_restart_during_a_drag_keeps_z_and_bookmarks(
    open_page: Callable[..., Page], server: Server, expected_errors: list[str]
) -> None:
    expected_errors += ["WebSocket", "ERR_CONNECTION_REFUSED", "Failed to fetch", "_stcore"]
    expected_errors += ["Cannot send rerun", "Is Streamlit still running"]
    page = open_page()
    page.get_by_test_id("add-bookmark").click()
    page.wait_for_function("Object.values(localStorage).some((v) => v.includes('Bookmark 1'))")
    reading = page.get_by_test_id("live-latency")
    page.get_by_test_id(f"latent-slider-{SLIDER}").scroll_into_view_if_needed()
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.2 * width, y, steps=3)
    server.stop()
    expect(reading).to_contain_text("Not live")
    page.mouse.move(x + 0.3 * width, y, steps=3)  # the hand goes on
    z = first_digit()
    z[SLIDER] = float(page.get_by_test_id(f"latent-slider-{SLIDER}").input_value())
    assert abs(z[SLIDER] - first_digit()[SLIDER]) > 0.5
    server.start()
    server.wait()
    expect(reading).to_contain_text("live ·", timeout=60_000)
    wait_for_pixels(page, decode(z))
    page.mouse.move(x + 0.35 * width, y, steps=3)
    z[SLIDER] = float(page.get_by_test_id(f"latent-slider-{SLIDER}").input_value())
    wait_for_pixels(page, decode(z))
    page.mouse.up()
    wait_for_z(page, z)
    expect(page.get_by_test_id("bookmark")).to_have_count(1)
    page.wait_for_timeout(1500)
    wait_for_z(page, z)
    wait_for_pixels(page, decode(z))
