"""A click on another panel arrives, whatever a component says at the same moment."""

from collections.abc import Callable

from playwright.sync_api import Page, expect


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
