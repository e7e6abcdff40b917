"""A click on another panel arrives, whatever a component says at the same moment."""

from collections.abc import Callable, Iterator

import pytest
from driver import Server
from playwright.sync_api import BrowserContext, Page, expect

# A page with two panels, the first of them open, whose runs are never done. What is clicked opens.
PANELS = """async () => {
    document.body.innerHTML = `<div data-testid="stApp" data-test-script-state="running">
      <a data-testid="stSidebarNavLink" href="first" aria-current="page">first</a>
      <a data-testid="stSidebarNavLink" href="second">second</a><button>back</button></div>`;
    const links = [...document.querySelectorAll("a")];
    window.open_ = (n) => links.forEach((link, i) =>
      i === n ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current"));
    window.clicks = 0;
    links[1].onclick = (event) => {
      event.preventDefault();
      window.clicks += 1;
      window.open_(1);
    };
    document.querySelector("button").onclick = () => window.open_(0);
    await import("/live/static/leaving.js");
    links[1].click();
}"""


def test_a_click_is_not_lost_to_what_a_component_says_right_after_it(
    open_page: Callable[..., Page],
) -> None:
    """What it says names the panel that is still open, and the server would stay there."""
    page = open_page()
    for name in ("Models", "Train", "Explore"):
        page.evaluate(
            """async (name) => {
                const { live } = await import("/live/static/live.js");
                const link = [...document.querySelectorAll("[data-testid=stSidebarNavLink]")]
                    .find((each) => each.textContent.includes(name));
                link.click();
                live.dispatchEvent(new CustomEvent("stale", { detail: `after ${name}` }));
            }""",
            name,
        )
        link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("aria-current", "page")
        page.wait_for_timeout(1500)
        expect(link).to_have_attribute("aria-current", "page")


def test_who_goes_elsewhere_meanwhile_is_not_called_back(open_page: Callable[..., Page]) -> None:
    page = open_page()
    links = page.get_by_test_id("stSidebarNav")
    links.get_by_role("link", name="Models", exact=True).click()
    links.get_by_role("link", name="Learn", exact=True).click()
    page.wait_for_timeout(5000)
    learn = links.get_by_role("link", name="Learn", exact=True)
    expect(learn).to_have_attribute("aria-current", "page")


@pytest.fixture
def stage(visitor: BrowserContext, server: Server) -> Iterator[Page]:
    """PANELS, in which the second one has been clicked."""
    page = visitor.new_page()
    page.goto(server.url + Server.health)
    page.evaluate(PANELS)
    yield page
    page.close()


def test_a_panel_that_is_taken_away_again_is_asked_for_again(stage: Page) -> None:
    """What the panel before it has asked for may come after it, and late."""
    stage.wait_for_timeout(1500)
    assert stage.evaluate("window.clicks") == 1
    stage.evaluate("window.open_(0)")
    stage.wait_for_function("window.clicks === 2")


def test_whoever_goes_back_by_a_button_is_not_called_back(stage: Page) -> None:
    stage.get_by_role("button").click()
    stage.wait_for_timeout(3500)
    assert stage.evaluate("window.clicks") == 1
