"""Runs that come faster than the page can show them lose nothing.

Whatever a component says begins a new run and comes with the values that the page's widgets have:
those of before.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driver import ROOT, Server
from playwright.sync_api import Page, expect

from tests.browser.other_checkpoints import app_of

# Between what a callback has set and the first widget there is time to interrupt.
SLOW = """
import time
from explorer import links
def restore(as_it_is=links.restore):
    as_it_is()
    time.sleep(0.5)
links.restore = restore
"""
# A run can be interrupted between any two values that it brings back, and here it is.
HALF_WAY = """
import time
from explorer import state
class Slow(dict):
    def items(self):
        for key, default in super().items():
            if key == state.REPAIR_SOURCE:
                time.sleep(0.5)
            yield key, default
state.DEFAULTS = Slow(state.DEFAULTS)
"""
# The page asks Python to look again, for as long as it is told that the checkpoint has other files.
INTERRUPT = """async (ms) => {
    const { live } = await import("/live/static/live.js");
    const until = performance.now() + ms;
    let version = 0;
    const again = () => {
        live.dispatchEvent(new CustomEvent("stale", { detail: `${++version}` }));
        if (performance.now() < until) setTimeout(again, 150);
    };
    again();
}"""
# A slow page: what the server says of a first run has not been read when the second is asked for.
BEHIND = """async (panel) => {
    const { live } = await import("/live/static/live.js");
    live.dispatchEvent(new CustomEvent("stale", { detail: "another" }));
    await new Promise((done) => setTimeout(done));
    const until = performance.now() + 2000;
    while (performance.now() < until);
    [...document.querySelectorAll("[data-testid=stSidebarNavLink]")]
        .find((link) => link.textContent.includes(panel)).click();
}"""


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    script = app_of(tmp_path / "checkpoints", "mnist-mlp-20")
    script.write_text(script.read_text() + getattr(request, "param", SLOW))
    with Server(script) as running:
        yield running


def test_what_a_button_sets(open_page: Callable[..., Page]) -> None:
    page = open_page("reconstruct", ready=False)
    index = page.get_by_label("Which one, 0 to 9999", exact=True)
    expect(index).to_have_value("0")
    page.evaluate(INTERRUPT, 1000)
    page.get_by_role("button", name="Another", exact=True).click()
    expect(index).not_to_have_value("0")
    page.wait_for_timeout(5000)
    expect(index).not_to_have_value("0")
    index.fill("7")  # the hand has the last word
    index.press("Enter")
    page.evaluate(INTERRUPT, 1000)
    page.wait_for_timeout(5000)
    expect(index).to_have_value("7")


def test_what_the_page_held_over_a_restart(
    open_page: Callable[..., Page], server: Server, expected_errors: list[str]
) -> None:
    expected_errors += ["WebSocket", "ERR_CONNECTION_REFUSED", "Failed to fetch", "_stcore"]
    expected_errors += ["Cannot send rerun", "Is Streamlit still running"]
    page = open_page("reconstruct", ready=False)
    index = page.get_by_label("Which one, 0 to 9999", exact=True)
    index.fill("7")
    index.press("Enter")
    expect(page.get_by_text("Label: 9")).to_be_visible()
    page.wait_for_timeout(1500)  # the page holds it
    server.stop()
    expect(page.get_by_test_id("connection")).to_contain_text("Connection lost")
    page.evaluate(INTERRUPT, 15_000)
    server.start()
    server.wait()
    expect(page.get_by_test_id("connection")).not_to_contain_text("Connection lost", timeout=60_000)
    page.wait_for_timeout(15_000)
    expect(index).to_have_value("7")
    index.fill("3")  # what the page has shown, the hand may change
    index.press("Enter")
    expect(page.get_by_text("Label: 0")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(index).to_have_value("3")


def test_a_page_that_is_behind(open_page: Callable[..., Page]) -> None:
    """Streamlit's cache of messages had forgotten in the first run what the second counted on, and
    gave up the whole page with "Cached ForwardMsg MISS"."""
    page = open_page("repair", ready=False)
    page.get_by_test_id("repair-damaged").wait_for()
    page.wait_for_timeout(2500)
    page.get_by_role("link", name="Learn", exact=True).click()
    page.get_by_role("heading", name="From autoencoder to VAE").wait_for()
    page.wait_for_timeout(2500)
    page.evaluate(BEHIND, "Repair")
    page.get_by_test_id("repair-damaged").wait_for()


@pytest.mark.parametrize("server", [HALF_WAY], indirect=True)
def test_another_panel_while_a_run_begins(open_page: Callable[..., Page]) -> None:
    """Streamlit drops a widget's value that was not written back by then."""
    page = open_page("repair", ready=False)
    upload = page.get_by_role("radio", name="Upload", exact=True)
    page.get_by_text("Upload", exact=True).click()
    page.get_by_text("Drop a picture here").wait_for()
    page.get_by_role("link", name="Learn", exact=True).click()
    page.get_by_role("heading", name="From autoencoder to VAE").wait_for()
    page.wait_for_timeout(3000)
    page.evaluate(INTERRUPT, 0)
    page.wait_for_timeout(200)
    page.get_by_role("link", name="Repair", exact=True).click()
    expect(upload).to_be_checked()
