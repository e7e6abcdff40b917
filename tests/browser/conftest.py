"""One Chromium for all browser tests; every test gets a fresh page and session.

They share one visitor's cache, so that the page's scripts are fetched and compiled once; what the
page keeps in the browser is forgotten between tests.

A page's console errors and uncaught exceptions fail the test that caused them. Of a test that
fails, what its pages had on them is printed.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator

import pytest
from driver import INTRODUCED, Server, chromium
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

KNOWN = "mnist-mlp-20"  # whose 20 dimensions the tests know by heart
READY = 60_000  # ms; generous, a timing is no assertion
# All pages in one process that is there already, as starting one takes longer than most tests.
ONE_PROCESS = ["--process-per-site", "--disable-features=SpareRendererForSitePerProcess"]
expect.set_options(timeout=20_000)
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium(arguments=ONE_PROCESS) as running:
        yield running


@pytest.fixture(scope="session")
def returning(browser: Browser) -> Iterator[BrowserContext]:
    """Who has dismissed the introduction before. The first page stays open, and with it the
    process of all others."""
    context = browser.new_context(ignore_https_errors=True)  # test_proxy.py signs its own
    context.add_init_script(INTRODUCED)
    context.new_page()
    yield context
    context.close()


@pytest.fixture
def visitor(
    browser: Browser, returning: BrowserContext, server: Server, request: pytest.FixtureRequest
) -> Iterator[BrowserContext]:
    """With nothing kept from another test; new to the page in a test marked first_visit."""
    if request.node.get_closest_marker("first_visit"):
        context = browser.new_context()
        yield context
        context.close()
    else:
        first, *_ = returning.pages
        first.goto(server.url + Server.health)
        first.evaluate("localStorage.clear()")
        returning.clear_cookies()
        yield returning


@pytest.fixture
def expected_errors() -> list[str]:
    """Console errors that a test provokes: a test appends what their text contains."""
    return []


@pytest.fixture
def open_page(
    server: Server,
    visitor: BrowserContext,
    expected_errors: list[str],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., Page]]:
    """open_page(path="", width=1440, ready=True, model=KNOWN, before=None) -> the page, live.

    `model`: unless the path says which; None for the one that the page opens with by itself.
    """
    problems: list[str] = []
    opened: list[Page] = []

    def open_(
        path: str = "",
        *,
        width: int = 1440,
        ready: bool = True,
        model: str | None = KNOWN,
        before: Callable[[Page], None] = lambda page: None,
    ) -> Page:
        page = visitor.new_page()
        opened.append(page)
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
    for page in opened:
        if request.node.stash[FAILED] and not page.is_closed():
            with contextlib.suppress(Error):  # it may be what hangs
                print(page.url, page.locator("body").aria_snapshot(timeout=5000), sep="\n")
        page.close()
    # On a deep link Streamlit itself probes where its base path ends; those 404s are its own.
    panels = ("reconstruct", "repair", "walk", "attributes", "learn", "models", "train")
    expected = [*expected_errors, *(f"/{panel}/_stcore/" for panel in panels)]
    unexpected = [p for p in problems if not any(part in p for part in expected)]
    assert not unexpected, "\n".join(unexpected)
