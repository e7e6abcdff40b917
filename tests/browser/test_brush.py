"""Repair's brush when something crosses it: undo, another picture, the mouse over the keyboard."""

import re
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.test_repair import (
    Open,
    at,
    missing,
    open_board,
    pixels,
    stroke,
    wait_until,
)

PRESS = """(e, press) => {
    const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...press });
    e.dispatchEvent(event);
    return event.defaultPrevented;
}"""


def another(page: Page) -> None:
    """Another digit from Python, asked for without the mouse, which may hold the brush."""
    before = pixels(page, "original").tobytes()
    page.get_by_role("button", name="Another").evaluate("button => button.click()")
    wait_until(page, lambda: pixels(page, "original").tobytes() != before)


def test_undo_waits_for_the_hand_and_redo_is_no_undo(open_page: Open) -> None:
    page = open_board(open_page)
    undo = page.get_by_role("button", name="Undo")
    start = pixels(page, "damaged")
    stroke(page, (0.1, 0.1), (0.9, 0.1), release=False)
    page.keyboard.press("Control+z")
    hole = missing(page)
    assert hole[2].sum() > 20
    page.mouse.up()
    page.keyboard.press("Control+Shift+Z")
    np.testing.assert_array_equal(missing(page), hole)
    expect(undo).to_be_enabled()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(pixels(page, "damaged"), start)
    expect(undo).to_be_disabled()


def test_another_picture_ends_the_stroke_and_the_next_is_heard(open_page: Open) -> None:
    page = open_board(open_page)
    stroke(page, (0.1, 0.1), (0.9, 0.1), release=False)
    another(page)
    start = pixels(page, "damaged")
    page.mouse.move(*at(page, 0.5, 0.9), steps=4)
    page.mouse.up()
    np.testing.assert_array_equal(pixels(page, "damaged"), start)
    stroke(page, (0.1, 0.9), (0.9, 0.9))
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    expect(page.locator(".repair-board .answers")).not_to_have_class(re.compile("stale"))
    expect(page.get_by_test_id("repair-reading")).to_contain_text("16 answers")


def test_answers_to_the_picture_before_are_not_shown(open_page: Open) -> None:
    held: list[Callable[[], None]] | None = None

    def hold(page: Page) -> None:
        def route(socket: WebSocketRoute) -> None:
            def answer(frame: str | bytes) -> None:
                if held is None:
                    socket.send(frame)
                else:
                    held.append(lambda: socket.send(frame))

            socket.connect_to_server().on_message(answer)

        page.route_web_socket(re.compile("live/channel"), route)

    page = open_board(open_page, before=hold)
    page.wait_for_timeout(1500)  # what the page asks for by itself
    held = []
    stroke(page, (0.1, 0.1), (0.9, 0.1))
    wait_until(page, lambda: bool(held))
    another(page)
    reading = page.get_by_test_id("repair-reading")
    expect(reading).to_contain_text("16 answers")
    repaired = pixels(page, "mean")
    for send in held:
        send()
    stale = len(held)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert stale
    expect(reading).to_contain_text("16 answers")
    np.testing.assert_array_equal(pixels(page, "mean"), repaired)


def test_the_keyboard_goes_on_where_the_ring_is_and_leaves_the_browsers_keys(
    open_page: Open,
) -> None:
    page = open_board(open_page)
    canvas = page.get_by_test_id("repair-damaged")
    place = page.locator(".repair-board figure [role=status]")
    canvas.press("ArrowUp")
    page.mouse.move(*at(page, 0.5, 0.1))
    page.mouse.move(5, 5)
    canvas.press("ArrowRight")
    expect(place).to_have_text("row 3, column 16: known")
    whole = missing(page)
    for key in ("ctrlKey", "altKey", "metaKey"):
        press = {"key": "ArrowLeft", "shiftKey": True, key: True}
        assert not canvas.evaluate(PRESS, press), "as Alt+Left, back to the page before"
    np.testing.assert_array_equal(missing(page), whole)
