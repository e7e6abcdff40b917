"""One Chromium for all browser tests; every test gets a fresh page and session.

A page's console errors and uncaught exceptions fail the test that caused them.
"""

from collections.abc import Callable, Iterator

import pytest
from driver import INTRODUCED, Server, chromium
from playwright.sync_api import Browser, Page, expect

KNOWN = "mnist-mlp-20"  # whose 20 dimensions the tests know by heart
READY = 60_000  # ms; generous, a timing is no assertion
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def expected_errors() -> list[str]:
    """Console errors that a test provokes: a test appends what their text contains."""
    return []


@pytest.fixture
def open_page(
    server: Server,
    browser: Browser,
    expected_errors: list[str],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Page]]:
    """open_page(path="", width=1440, ready=True, model=KNOWN, before=None) -> the page, live.

    `model`: unless the path says which; None for the one that the page opens with by itself.
    The introduction was dismissed before, but in a test marked first_visit.
    """
    context = browser.new_context(ignore_https_errors=True)  # test_proxy.py signs its own
    if not request.node.get_closest_marker("first_visit"):
        context.add_init_script(INTRODUCED)
    problems: list[str] = []

    def open_(
        path: str = "",
        *,
        width: int = 1440,
        ready: bool = True,
        model: str | None = KNOWN,
        before: Callable[[Page], None] = lambda page: None,
    ) -> Page:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.set_viewport_size({"width": width, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                problems.append(f"{message.text} {message.location.get('url')}")
                if message.type == "error"
                else None
            ),
        )
        before(page)
        if model and "model=" not in path:
            path += f"{'&' if '?' in path else '?'}model={model}"
        page.goto(f"{server.url}/{path}")
        if ready:
            page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=READY)
        return page

    yield open_
    context.close()
    # On a deep link Streamlit itself probes where its base path ends; those 404s are its own.
    panels = ("reconstruct", "repair", "walk", "attributes", "learn", "models", "train")
    expected = [*expected_errors, *(f"/{panel}/_stcore/" for panel in panels)]
    unexpected = [p for p in problems if not any(part in p for part in expected)]
    assert not unexpected, "\n".join(unexpected)
