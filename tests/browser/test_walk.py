"""Walk and Attributes in a real Chromium: keys, strips, playhead, files, a new direction."""

import io
import os
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.checkpoint import CHECKPOINTS

Open = Callable[..., Page]
METHODS = ("lerp", "slerp", "geodesic")


def still(page: Page) -> None:
    """A visitor who asks for less motion: nothing starts by itself."""
    page.emulate_media(reduced_motion="reduce")


def open_walk(open_page: Open, path: str = "walk", **options: object) -> Page:
    options.setdefault("before", still)
    page = open_page(path, ready=False, **options)
    page.get_by_test_id("walk-geodesic-0").wait_for(timeout=60_000)
    return page


def pixels(page: Page, selector: str) -> np.ndarray:
    values = page.locator(selector).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[..., 0]


def big(page: Page, method: str) -> np.ndarray:
    return pixels(page, f"[data-testid=walk-{method}-big]")


def tile(page: Page, method: str, n: int) -> np.ndarray:
    return pixels(page, f"[data-testid=walk-{method}-{n}] canvas")


def dot(page: Page) -> str | None:
    return page.get_by_test_id("walk-map").get_attribute("data-dot")


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    assert true()


def test_data_that_come_while_the_player_is_fetched_do_not_blank_it(open_page: Open) -> None:
    """The geodesic's rerun may overtake the script: the player stays all the same."""
    for _ in range(3):
        os.utime(CHECKPOINTS / "mnist-mlp-20" / "map.npz")  # found anew, and at once
        open_walk(open_page).close()


def test_three_strips_share_their_keys(open_page: Open) -> None:
    page = open_walk(open_page)
    for method in METHODS:
        assert page.locator(f"[data-testid^=walk-{method}-] > canvas").count() == 12
        expect(page.get_by_test_id(f"walk-{method}-length")).not_to_be_empty()
    keys = page.locator(".strip").first.locator("button.key")
    expect(keys).to_have_count(3)
    for n in (0, 11):
        for method in METHODS[1:]:
            np.testing.assert_array_equal(tile(page, method, n), tile(page, "lerp", n))
    assert (tile(page, "geodesic", 3) != tile(page, "lerp", 3)).any()
    lengths = [float(page.get_by_test_id(f"walk-{m}-length").inner_text()) for m in METHODS]
    assert lengths[2] < lengths[0]
    expect(page.locator(".walk-player .bars i")).to_have_count(3 * 11)


def test_it_stands_still_for_whoever_asks_and_begins_by_itself_for_others(open_page: Open) -> None:
    page = open_walk(open_page)
    page.wait_for_timeout(800)
    expect(page.get_by_test_id("walk-where")).to_have_text("1 / 12")
    expect(page.get_by_test_id("walk-play")).to_contain_text("Play")
    moving = open_walk(open_page, before=lambda page: None)
    expect(moving.get_by_test_id("walk-where")).not_to_have_text("1 / 12")


def test_play_moves_the_dot_and_all_pictures_to_the_end_and_pause_holds(open_page: Open) -> None:
    page = open_walk(open_page)
    before = {method: big(page, method).tobytes() for method in METHODS}
    start = dot(page)
    page.get_by_test_id("walk-play").click()
    wait_until(page, lambda: dot(page) != start)
    wait_until(page, lambda: all(big(page, m).tobytes() != before[m] for m in METHODS))
    page.get_by_test_id("walk-play").click()
    page.wait_for_timeout(300)
    held = dot(page)
    page.wait_for_timeout(400)
    assert dot(page) == held
    page.get_by_test_id("walk-speed").select_option("4")
    page.get_by_test_id("walk-play").click()
    expect(page.get_by_test_id("walk-where")).to_have_text("12 / 12")
    expect(page.get_by_test_id("walk-play")).to_contain_text("Play")  # once is once
    for method in METHODS:
        np.testing.assert_array_equal(big(page, method), tile(page, method, 11))


def test_a_loop_comes_back(open_page: Open) -> None:
    page = open_walk(open_page)
    page.get_by_test_id("walk-loop").check()
    page.get_by_test_id("walk-scrubber").fill("10")
    page.get_by_test_id("walk-speed").select_option("4")
    page.get_by_test_id("walk-play").click()
    expect(page.get_by_test_id("walk-where")).to_have_text(re.compile("^[1-8] / 12"))
    expect(page.get_by_test_id("walk-play")).to_contain_text("Pause")


def test_the_scrubber_is_dragged_and_decodes_between_two_pictures(open_page: Open) -> None:
    page = open_walk(open_page)
    box = page.get_by_test_id("walk-scrubber").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=8)
    page.mouse.up()
    at = float(page.get_by_test_id("walk-scrubber").input_value())
    assert 5 < at < 6
    shown = [tile(page, "lerp", n).tobytes() for n in range(12)]
    page.get_by_test_id("walk-scrubber").fill("3.5")
    wait_until(page, lambda: big(page, "lerp").tobytes() not in shown)
    between = (tile(page, "lerp", 3).astype(int) + tile(page, "lerp", 4)) / 2
    assert np.abs(big(page, "lerp") - between).mean() < 12


def test_without_a_socket_the_pictures_of_the_strips_are_shown(
    open_page: Open, expected_errors: list[str]
) -> None:
    expected_errors.append("live/channel")

    def no_sockets(page: Page) -> None:
        still(page)
        page.add_init_script(
            "const Real = WebSocket; window.WebSocket = class extends Real {"
            "  constructor(url, ...rest) {"
            "    super(String(url).replace('live/channel', 'live/channel/closed'), ...rest);"
            "  } }"
        )

    page = open_walk(open_page, before=no_sockets)
    page.get_by_test_id("walk-scrubber").fill("4.3")
    for method in METHODS:
        np.testing.assert_array_equal(big(page, method), tile(page, method, 4))


def test_the_keyboard_is_enough(open_page: Open) -> None:
    page = open_walk(open_page)
    page.get_by_test_id("walk-scrubber").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("walk-where")).to_have_text("3 / 12")
    page.get_by_test_id("walk-slerp-2").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("walk-slerp-3")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_test_id("walk-where")).to_have_text("12 / 12")
    page.get_by_test_id("walk-play").focus()
    page.keyboard.press("Space")
    expect(page.get_by_test_id("walk-play")).to_contain_text("Pause")


# The player on its own, and the walks that Python sends: first without the geodesic, then with it.
PLAYER = """async () => {
    const { default: mount } =
        await import(new URL("live/static/walk_player/walk_player.js", document.baseURI));
    const place = document.body.appendChild(document.createElement("div"));
    place.style = "position: fixed; inset: 0; z-index: 10000000; background: #fff";
    const parentElement = place.attachShadow({ mode: "open" });
    const walk = (id, found) => ({
        id, name: id, explanation: "", total: 1, unevenness: 0, z: Array(12).fill([0, 0]),
        xy: Array(12).fill([0, 0]), pixels: found ? btoa("x".repeat(12 * 16)) : "",
        lengths: found ? Array(11).fill(1) : [],
    });
    window.show = (found) => {
        const walks = [walk("lerp", true), walk("geodesic", found)];
        const data = { walks, stops: [0, 11], shape: [1, 4, 4], map: null };
        mount({ data: [data], parentElement });
    };
    show(false);
}"""


def test_a_geodesic_that_is_found_leaves_the_hand_and_the_focus_alone(open_page: Open) -> None:
    page = open_page("learn", ready=False, before=still)
    page.evaluate(PLAYER)
    play, scrubber = (page.get_by_test_id(f"walk-{name}") for name in ("play", "scrubber"))
    for each in (play, scrubber, page.get_by_test_id("walk-lerp-0")):
        page.evaluate("show(false)")
        each.focus()
        page.evaluate("show(true)")
        expect(each).to_be_focused()
    page.evaluate("show(false)")
    box = scrubber.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.3, y, steps=3)
    page.evaluate("show(true)")
    page.mouse.move(box["x"] + box["width"], y, steps=3)
    page.mouse.up()
    expect(page.get_by_test_id("walk-where")).to_have_text("12 / 12")


def test_keys_are_added_moved_and_removed(open_page: Open) -> None:
    page = open_walk(open_page)
    page.get_by_role("button", name="Add a key").click()
    page.get_by_role("button", name="Add this key").click()
    expect(page.locator(".strip").first.locator("button.key")).to_have_count(4)
    expect(page.locator(".picture-row figcaption").get_by_text("4 · 5 (test 8)")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_test_id("walk-geodesic-0").wait_for()
    first = tile(page, "lerp", 0)
    page.locator(".st-key-component_walk_key_Later_first0 button >> visible=true").click()
    wait_until(page, lambda: (tile(page, "lerp", 0) != first).any())
    page.locator(".st-key-component_walk_key_Remove_first0 button >> visible=true").click()
    expect(page.locator(".strip").first.locator("button.key")).to_have_count(3)


def test_a_picture_opens_in_explore(open_page: Open) -> None:
    page = open_walk(open_page)
    page.get_by_test_id("walk-geodesic-7").click()
    wanted = tile(page, "geodesic", 7)
    page.get_by_test_id("walk-geodesic-open").click()
    page.get_by_test_id("live-latency").get_by_text("live").wait_for()
    canvas = page.locator(".decoded-image canvas").first
    canvas.wait_for()

    def shown() -> np.ndarray:
        values = canvas.evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        return np.array(values, np.uint8).reshape(28, 28, 4)[..., 0]

    wait_until(page, lambda: np.abs(shown().astype(int) - wanted).max() <= 1)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("GIF, Geodesic", "walk-geodesic.gif"),
        ("PNG of all", "walk.png"),
        ("NPZ of all", "walk.npz"),
    ],
)
def test_exports_are_downloaded(open_page: Open, label: str, name: str) -> None:
    page = open_walk(open_page)
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    assert download.value.suggested_filename == name
    content = download.value.path().read_bytes()
    if name.endswith("npz"):
        with np.load(io.BytesIO(content)) as arrays:
            assert arrays["geodesic_z"].shape == (12, 20)
    else:
        assert getattr(Image.open(io.BytesIO(content)), "n_frames", 1) == (
            22 if name.endswith("gif") else 1
        )


def test_all_fits_on_a_phone(open_page: Open) -> None:
    page = open_walk(open_page, width=390)
    widest = page.evaluate("document.scrollingElement.scrollWidth")
    assert widest <= 390
    boxes = [page.get_by_test_id(f"walk-{m}-big").bounding_box() for m in METHODS]
    assert all(boxes) and len({round(box["y"]) for box in boxes if box}) == 1


def test_a_direction_from_two_classes_is_kept_over_a_reload(open_page: Open) -> None:
    page = open_page("attributes", ready=False)
    page.get_by_role("button", name="Keep", exact=True).wait_for(timeout=60_000)
    expect(page.get_by_text("more slanted")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("rounder")
    page.get_by_label("Name", exact=True).press("Enter")
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_label("Rename rounder")).to_have_value("rounder")
    page.wait_for_timeout(1500)
    page.reload()
    expect(page.get_by_label("Rename rounder")).to_have_value("rounder", timeout=60_000)
