"""Every panel for people who cannot see it well, do not use a mouse, or do not want motion.

axe-core looks at each panel in both themes and two widths, Tab walks through it, and nothing moves.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import axe_playwright_python
import numpy as np
import pytest
from driver import ROOT, Server
from playwright.sync_api import Browser, Page, expect

from explorer import caches
from tests.browser import on_map
from tests.browser.conftest import INTRODUCED, KNOWN, READY
from tests.browser.explore_page import SLIDER, wait_for_z, z_of_url

Open = Callable[..., Page]
PANELS = ROOT / "explorer" / "panels"
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
TOUR = Path(__file__).with_name("panel_tour.js").read_text(encoding="utf-8")
WORST = ("serious", "critical")
WIDE, NARROW = (1440, 900), (390, 900)
# Of Streamlit's own, which a page cannot change: a rule, how the element begins, and why.
NOT_OURS = {
    ("scrollable-region-focusable", '<span class="katex-display">'): "Streamlit lets a formula "
    "scroll and gives it no tabindex; browsers make what scrolls a stop of Tab by themselves.",
}


class Findings(NamedTuple):
    """What is wrong with the panels, a line each."""

    panels: list[str]
    violations: list[str]
    unreached: list[str]
    faint: list[str]
    moving: list[str]


@pytest.fixture(scope="module")
def findings(server: Server, browser: Browser) -> Iterator[Findings]:
    """One page goes through all panels once, since loading takes longer than looking."""
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script(INTRODUCED)
    page = context.new_page()
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.goto(f"{server.url}/?model={KNOWN}")
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=READY)
    page.evaluate(AXE + ";0")
    page.evaluate(TOUR)
    # A colour on its way from one theme to the other is none of either.
    page.add_style_tag(content="* { transition: none !important; }")
    links = page.get_by_test_id("stSidebarNavLink")
    found = Findings([text.split("\n")[-1] for text in links.all_inner_texts()], [], [], [], [])
    for panel in found.panels:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=panel, exact=True).click()
        settled(page, panel)
        found.moving.extend(f"{panel}: {line}" for line in page.evaluate("tour.moving()"))
        # A narrow page has the colours of a wide one.
        for (width, height), theme in ((NARROW, "light"), (WIDE, "light"), (WIDE, "dark")):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            settled(page, panel, 150)  # Streamlit hands its colours to the components
            if theme == "dark":
                tab_through(page, panel, found)
            found.violations.extend(
                f"{panel}, {theme}, {width} px: {line}" for line in violations(page)
            )
    context.close()
    yield found


def settled(page: Page, panel: str, rest: int = 700) -> None:
    """Until a panel stands: its script has run, which fades what it has not come to, and its
    components have come, for which it rests so many ms."""
    page.wait_for_function(
        """(panel) => {
            const app = document.querySelector("[data-testid=stApp]");
            const link = [...document.querySelectorAll("[data-testid=stSidebarNavLink]")]
                .find((each) => each.textContent.includes(panel));
            return app.dataset.testScriptState === "notRunning"
                && link?.getAttribute("aria-current") === "page"
                && !document.querySelector("[data-stale=true], [data-testid=stSkeleton]");
        }""",
        arg=panel,
        timeout=READY,
    )
    page.wait_for_timeout(rest)


def violations(page: Page) -> list[str]:
    """The serious ones, a line an element."""
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'].splitlines()[-1].strip()}"
        for rule in found["violations"]
        if rule["impact"] in WORST
        for node in rule["nodes"]
        if not any(
            rule["id"] == id and node["html"].startswith(element) for id, element in NOT_OURS
        )
    ]


def tab_through(page: Page, panel: str, found: Findings) -> None:
    # More than there are: what scrolls is a stop of its own.
    for _ in range(2 * page.evaluate("tour.begin()")):
        page.keyboard.press("Tab")
    end = page.evaluate("tour.end()")
    found.unreached.extend(f"{panel}: {line}" for line in end["unreached"])
    found.faint.extend(f"{panel}: {line}" for line in end["faint"])
    page.evaluate("document.activeElement.blur()")


def test_axe_finds_nothing_serious_on_any_panel(findings: Findings) -> None:
    files = {file.stem.capitalize() for file in PANELS.glob("[!_]*.py")}
    assert set(findings.panels) == files
    assert not findings.violations, "\n".join(findings.violations)


def test_tab_stops_at_everything_that_can_be_used(findings: Findings) -> None:
    assert not findings.unreached, "\n".join(findings.unreached)


def test_the_focus_can_be_seen_wherever_it_is(findings: Findings) -> None:
    assert not findings.faint, "\n".join(findings.faint)


def test_nothing_moves_for_whoever_asks_for_that(findings: Findings) -> None:
    assert not findings.moving, "\n".join(findings.moving)


def test_what_is_open_in_the_dark_can_be_read(open_page: Open) -> None:
    """Popovers lie outside of what Streamlit gives its theme's color-scheme, and their labels stay
    in the colour of a pressed one."""
    page = open_page(
        "walk", ready=False,
        before=lambda page: page.emulate_media(color_scheme="dark", reduced_motion="reduce"),
    )  # fmt: skip
    page.get_by_test_id("walk-geodesic-0").wait_for(timeout=READY)
    page.evaluate(AXE + ";0")
    for opener, within in (("Add a key", "Add this key"), ("About the walks", "Straight on.")):
        page.get_by_role("button", name=opener).click()
        page.get_by_text(within).wait_for()
        settled(page, "Walk")
        found = violations(page)
        assert not found, "\n".join(found)
        page.keyboard.press("Escape")


def test_the_map_by_keyboard(open_page: Open) -> None:
    page = open_page()
    on_map.wait_for_map(page)
    page.locator(".latent-map .marker").focus()
    whole = on_map.ranges(page)
    page.keyboard.press("+")
    page.wait_for_function(
        "span => { const [a, b] = document.querySelector('[data-testid=latent-map]')"
        "._fullLayout.xaxis.range; return b - a < 0.8 * span; }",
        arg=whole[1] - whole[0],
    )
    before = page.url
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(lambda url: url != before)
    page.keyboard.press("Enter")  # the nearest dot: a real picture's own code
    mu = caches.latent_map(KNOWN).mu.numpy()
    page.wait_for_timeout(1000)
    assert np.abs(mu - np.array(z_of_url(page))).max(1).min() < 1e-5
    page.get_by_role("button", name="Select in view").press("Enter")
    selected = page.get_by_text(re.compile(r"^[\d,]+ selected$"))
    expect(selected).to_be_visible()
    assert int(selected.inner_text().split()[0].replace(",", "")) < len(mu)
    page.locator(".latent-map .marker").press("0")
    page.wait_for_function(
        "span => { const [a, b] = document.querySelector('[data-testid=latent-map]')"
        "._fullLayout.xaxis.range; return Math.abs(b - a - span) < 1e-3; }",
        arg=whole[1] - whole[0],
    )


def test_bookmarks_by_keyboard_keep_the_focus(open_page: Open) -> None:
    page = open_page()
    page.wait_for_url(lambda url: "z=" in url)
    page.get_by_test_id("add-bookmark").press("Enter")
    expect(page.get_by_test_id("bookmark")).to_have_count(1)
    expect(page.get_by_test_id("add-bookmark")).to_be_focused()
    for _ in range(2):  # by way of the picture and its removal
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    compare = page.get_by_role("button", name="Compare Bookmark 1 as A")
    expect(compare).to_be_focused()
    page.keyboard.press("Space")
    expect(compare).to_have_attribute("aria-pressed", "true")
    expect(compare).to_be_focused()
    page.get_by_role("button", name="Remove Bookmark 1").press("Enter")
    expect(page.get_by_test_id("bookmark")).to_have_count(0)
    expect(page.get_by_test_id("add-bookmark")).to_be_focused()


def test_a_digit_is_drawn_by_keyboard(open_page: Open) -> None:
    page = open_page("reconstruct", ready=False)
    page.get_by_test_id("stButtonGroup").get_by_text("Test digit", exact=True).wait_for()
    page.locator("[data-testid=stButtonGroup] button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    canvas = page.get_by_test_id("draw-canvas")
    canvas.focus()
    for _ in range(6):
        page.keyboard.press("ArrowUp")
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    inked = "c => [...c.getContext('2d').getImageData(0, 0, 280, 280).data].filter((v) => v > 200)"
    assert canvas.evaluate(f"c => ({inked})(c).length > 280 * 280 + 3000")
    expect(page.get_by_alt_text("Reconstruction, decode(μ)")).to_be_visible()
    page.get_by_role("button", name="Undo").press("Enter")  # the line was one stroke
    assert not canvas.evaluate("c => c.getContext('2d').getImageData(140, 140, 1, 1).data[0]")


def test_a_moving_hand_is_not_announced_and_one_at_rest_is(open_page: Open) -> None:
    page = open_page()
    told = page.locator(".typicality [role=status]")
    expect(told).to_contain_text("In the data")
    expect(told).to_contain_text("The nearest digits: 7.")
    said = told.inner_text()
    slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(8):
        page.mouse.move(box["x"] + box["width"] * (0.5 + step / 20), box["y"] + box["height"] / 2)
        assert told.inner_text() == said
    page.mouse.up()
    expect(told).not_to_have_text(said)


def test_a_damage_is_painted_by_keyboard_and_its_repair_is_told(open_page: Open) -> None:
    page = open_page("repair", ready=False)
    page.get_by_test_id("repair-answer-0").wait_for(timeout=READY)
    told = page.locator(".repair-board > [role=status]")
    expect(told).to_contain_text(re.compile(r"\d+ answers in \d+ ms.*\. \d: \d+%"))
    said = told.inner_text()
    canvas = page.get_by_test_id("repair-damaged")
    place = page.locator(".repair-board figure [role=status]")
    for _ in range(10):  # out of the hole, which is in the middle
        canvas.press("ArrowUp")
    expect(place).to_have_text("row 5, column 15: known")
    for _ in range(3):
        canvas.press("Shift+ArrowUp")
    expect(place).to_have_text("row 2, column 15: missing")
    expect(told).not_to_have_text(said)
    undo = page.get_by_role("button", name="Undo")
    for _ in range(3):  # a step a key
        expect(undo).to_be_enabled()
        page.keyboard.press("Control+z")
    expect(undo).to_be_disabled()


@pytest.mark.parametrize(
    ("path", "component"), [("", "latent-map"), ("", "connection"), ("learn?step=noise", "lesson")]
)
def test_what_will_be_told_has_its_place_before(open_page: Open, path: str, component: str) -> None:
    """A screen reader hears a line that changes; one that comes with its text it may miss."""
    page = open_page(path, ready=False)
    told = page.locator(f".{component} [role=status]")
    told.first.wait_for(state="attached", timeout=READY)
    if component == "latent-map":
        on_map.wait_for_map(page)
    expect(told.first).to_have_text("")
    assert all(told.evaluate_all("lines => lines.map((line) => line.checkVisibility())"))


@pytest.mark.first_visit
def test_a_first_visit_is_introduced_once(open_page: Open) -> None:
    page = open_page()
    introduction = page.get_by_role("region", name="Introduction in three steps")
    expect(introduction).to_be_visible()
    expect(introduction.get_by_role("listitem")).to_have_count(3)
    # It is in nobody's way.
    page.wait_for_url(lambda url: "z=" in url)
    before = page.url
    page.get_by_test_id(f"latent-slider-{SLIDER}").press("End")
    page.wait_for_url(lambda url: url != before)
    expect(introduction).to_be_visible()
    page.get_by_test_id("introduction-close").focus()
    page.keyboard.press("Escape")
    expect(introduction).to_be_hidden()
    page.reload()
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=READY)
    expect(introduction).to_be_hidden()
    page.get_by_role("button", name="Show the introduction again").press("Enter")
    expect(introduction).to_be_visible()
    expect(introduction).to_be_focused()
    page.get_by_test_id("introduction-close").press("Enter")
    expect(introduction).to_be_hidden()
    page.get_by_role("button", name="Reset to z = 0").click()  # a rerun does not bring it back
    wait_for_z(page, [0.0] * 20)
    expect(introduction).to_be_hidden()
