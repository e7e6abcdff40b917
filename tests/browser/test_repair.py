"""Repair in a real Chromium: the repair follows the brush, the answers come when it rests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from torch import Tensor

from core.damage import centre_box, observe
from core.data import load_dataset
from core.images import to_png, to_uint8
from explorer import state

Open = Callable[..., Page]
SETTLED = 1500  # ms, more than a rest, its answers and the rerun that echoes them


def first_digit() -> Tensor:
    """What the panel opens on, (1, 1, 28, 28)."""
    return load_dataset("mnist", "test").images[None, state.DEFAULTS[state.REPAIR_INDEX]]


def pixels(page: Page, name: str) -> np.ndarray:
    """One of the board's canvases, (28, 28, 4) uint8."""
    values = page.get_by_test_id(f"repair-{name}").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)


def missing(page: Page) -> np.ndarray:
    """Where the sheet is clear and its hatch is seen, (28, 28) bool."""
    return pixels(page, "damaged")[..., 3] == 0


def open_board(open_page: Open, path: str = "repair", **options: object) -> Page:
    page = open_page(path, ready=False, **options)
    page.get_by_test_id("repair-answer-0").wait_for(timeout=60_000)
    return page


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a share of the damaged picture's side is on the page."""
    page.get_by_test_id("repair-damaged").scroll_into_view_if_needed()
    box = page.get_by_test_id("repair-damaged").bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def stroke(page: Page, *points: tuple[float, float], release: bool = True) -> None:
    page.mouse.move(*at(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, *point), steps=6)
    if release:
        page.mouse.up()


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    assert true()


def answers(page: Page) -> list[np.ndarray]:
    """By their number, which is not the order of the groups that they lie in."""
    count = page.locator("[data-testid^=repair-answer-]").count()
    tiles = [page.get_by_test_id(f"repair-answer-{n}").locator("canvas") for n in range(count)]
    return [
        np.array(
            tile.evaluate("c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"), np.uint8
        ).reshape(28, 28, 4)[..., 0]
        for tile in tiles
    ]


def test_it_opens_with_a_hole_and_its_repair(open_page: Open) -> None:
    page = open_board(open_page)
    x = first_digit()
    seen = centre_box(observe(x), None, 0.5)  # type: ignore[arg-type]
    np.testing.assert_array_equal(missing(page), seen.mask[0, 0].numpy() == 0)
    np.testing.assert_array_equal(pixels(page, "original")[..., 0], to_uint8(x[0, 0]).numpy())
    known = ~missing(page)
    for answer in answers(page):
        np.testing.assert_array_equal(answer[known], to_uint8(x[0, 0]).numpy()[known])
    assert len(answers(page)) == 16
    expect(page.get_by_test_id("repair-mean-score")).to_contain_text("dB")
    expect(page.get_by_test_id("repair-plain-score")).to_contain_text("SSIM")


def test_the_repair_follows_while_the_button_is_down(open_page: Open) -> None:
    page = open_board(open_page)
    page.wait_for_timeout(SETTLED)
    page.get_by_test_id("brush-restore").click()
    page.mouse.move(*at(page, 0.3, 0.5))
    page.mouse.down()
    for step in range(1, 6):
        before = pixels(page, "mean").tobytes()
        page.mouse.move(*at(page, 0.3 + step * 0.08, 0.5), steps=2)
        wait_until(page, lambda before=before: pixels(page, "mean").tobytes() != before)
    expect(page.get_by_test_id("repair-reading")).to_contain_text("answers")  # the hand rests
    page.mouse.up()


def test_a_stroke_brings_new_answers_and_nothing_snaps_back(open_page: Open) -> None:
    page = open_board(open_page)
    before = answers(page)
    stroke(page, (0.2, 0.85), (0.6, 0.8))
    hole = missing(page)
    assert hole.sum() > 14 * 14 + 20
    wait_until(page, lambda: np.stack(answers(page)).tobytes() != np.stack(before).tobytes())
    page.wait_for_timeout(SETTLED)
    np.testing.assert_array_equal(missing(page), hole)
    weights = page.get_by_test_id("repair-group").all_inner_texts()
    assert weights and all("%" in text for text in weights)
    # Strokes in quick succession: the rerun of the first comes while the second is drawn.
    for y in (0.1, 0.2, 0.9):
        stroke(page, (0.1, y), (0.9, y))
        page.wait_for_timeout(200)
    hole = missing(page)
    page.wait_for_timeout(SETTLED)
    np.testing.assert_array_equal(missing(page), hole)


def test_restore_ink_undo_and_reset(open_page: Open) -> None:
    page = open_board(open_page)
    undo, reset = (page.get_by_role("button", name=name) for name in ("Undo", "Reset"))
    expect(undo).to_be_disabled()
    expect(reset).to_be_disabled()
    start = pixels(page, "damaged")
    page.get_by_test_id("brush-restore").click()
    stroke(page, (0.4, 0.5), (0.6, 0.5))
    restored = ~missing(page) & (start[..., 3] == 0)
    assert restored.sum() > 20
    original = pixels(page, "original")[..., 0]
    np.testing.assert_array_equal(pixels(page, "damaged")[restored][:, 0], original[restored])
    page.get_by_test_id("brush-ink").click()
    stroke(page, (0.1, 0.9), (0.9, 0.9))
    assert (pixels(page, "damaged")[24:27, 4:24, 0] > 200).any(0).all()
    page.get_by_test_id("brush-erase").click()
    stroke(page, (0.05, 0.05), (0.5, 0.05))
    for _ in range(2):
        undo.click()
    assert (~missing(page)).sum() == (start[..., 3] > 0).sum() + restored.sum()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(pixels(page, "damaged"), start)
    expect(undo).to_be_disabled()
    stroke(page, (0.1, 0.1), (0.9, 0.1))
    reset.click()
    np.testing.assert_array_equal(pixels(page, "damaged"), start)
    page.wait_for_timeout(SETTLED)
    np.testing.assert_array_equal(pixels(page, "damaged"), start)


def test_the_keyboard_paints(open_page: Open) -> None:
    page = open_board(open_page)
    page.get_by_test_id("repair-damaged").focus()
    page.get_by_test_id("brush-restore").press("Enter")
    page.get_by_test_id("repair-damaged").focus()
    before = missing(page).sum()
    page.keyboard.press("Space")
    one = missing(page).sum()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert missing(page).sum() < one < before


def test_an_answer_is_shown_large_and_opens_in_explore(open_page: Open) -> None:
    page = open_board(open_page)
    page.wait_for_timeout(SETTLED)
    shown = answers(page)[2]
    tile = page.get_by_test_id("repair-answer-2")
    preview = page.locator(".repair-board .preview")
    tile.hover()
    expect(preview).to_be_visible()
    page.mouse.move(5, 5)
    expect(preview).to_be_hidden()
    tile.focus()
    expect(preview).to_be_visible()
    tile.press("Enter")
    page.get_by_test_id("latent-slider-19").wait_for(state="attached")
    page.wait_for_function("location.search.includes('z=')")
    page.wait_for_timeout(SETTLED)
    decoded = np.array(
        page.get_by_test_id("decoded-image").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        ),
        np.uint8,
    ).reshape(28, 28, 4)[..., 0]
    hole = centre_box(observe(first_digit()), None, 0.5)  # type: ignore[arg-type]
    inside = hole.mask[0, 0].numpy() == 0
    np.testing.assert_allclose(decoded[inside].astype(int), shown[inside].astype(int), atol=2)


def test_the_damage_survives_another_panel(open_page: Open) -> None:
    page = open_board(open_page)
    stroke(page, (0.1, 0.9), (0.9, 0.9))
    hole = missing(page)
    page.wait_for_timeout(SETTLED)
    page.get_by_role("link", name="Explore").click()
    page.get_by_test_id("latent-slider-4").wait_for()
    page.get_by_role("link", name="Repair").click()
    page.get_by_test_id("repair-answer-0").wait_for()
    wait_until(page, lambda: missing(page).any())
    np.testing.assert_array_equal(missing(page), hole)
    page.get_by_role("button", name="Reset").click()
    assert missing(page).sum() == 14 * 14


def test_two_tabs_have_two_brushes(open_page: Open) -> None:
    first, second = open_board(open_page), open_board(open_page)
    stroke(first, (0.1, 0.1), (0.9, 0.1), release=False)
    stroke(second, (0.1, 0.9), (0.9, 0.9), release=False)
    stroke_of = [missing(page) for page in (first, second)]
    assert stroke_of[0][2].any() and not stroke_of[1][2].any()
    for page, hole in zip((first, second), stroke_of, strict=True):
        page.mouse.up()
        page.wait_for_timeout(SETTLED)
        np.testing.assert_array_equal(missing(page), hole)
        expect(page.get_by_test_id("repair-reading")).to_contain_text("16 answers")


def test_another_digit_replaces_the_picture(open_page: Open) -> None:
    page = open_board(open_page)
    stroke(page, (0.1, 0.9), (0.9, 0.9))
    page.wait_for_timeout(SETTLED)
    before = pixels(page, "original")
    page.get_by_role("button", name="Another").click()
    wait_until(page, lambda: pixels(page, "original").tobytes() != before.tobytes())
    assert missing(page).sum() == 14 * 14
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_without_a_socket_the_repair_follows_on_release(
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

    page = open_board(open_page, before=no_sockets)
    before = pixels(page, "mean").tobytes()
    stroke(page, (0.3, 0.85), (0.7, 0.6))
    wait_until(page, lambda: pixels(page, "mean").tobytes() != before)
    expect(page.get_by_test_id("repair-reading")).to_contain_text("Not live")


def test_an_upload_has_no_original(open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "seven.png"
    file.write_bytes(to_png(load_dataset("mnist", "test").images[0]))
    page = open_page("repair", ready=False)
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("repair-upload").set_input_files(file)
    page.get_by_test_id("repair-answer-0").wait_for()
    expect(page.get_by_test_id("repair-original")).to_be_hidden()
    expect(page.get_by_test_id("repair-mean-score")).to_be_empty()


@pytest.mark.parametrize("name", ["repair.png", "repair.gif", "repair.npz"])
def test_exports_are_downloaded(open_page: Open, name: str) -> None:
    page = open_board(open_page)
    label = {"png": "PNG sheet", "gif": "GIF", "npz": "NPZ"}[name[-3:]]
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    assert download.value.suggested_filename == name
    assert Path(download.value.path()).stat().st_size > 500


def test_usable_at_390_px(open_page: Open) -> None:
    page = open_board(open_page, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet = page.get_by_test_id("repair-damaged").bounding_box()
    mean = page.get_by_test_id("repair-mean").bounding_box()
    assert sheet and mean and sheet["width"] > 220
    assert sheet["y"] + sheet["height"] - mean["y"] < 700, "both are on a phone's screen"
    score = page.get_by_test_id("repair-mean-score")
    expect(score).to_contain_text("SSIM")
    assert score.evaluate("e => e.scrollHeight <= e.clientHeight"), "no line of it is cut off"


def test_the_brush_in_use_can_be_read_under_the_pointer(open_page: Open) -> None:
    page = open_page("repair", ready=False)
    brush = page.get_by_test_id("brush-restore")
    brush.click()
    expect(brush).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("brush-erase").hover()
    away = brush.evaluate("e => getComputedStyle(e).color")
    brush.hover()
    expect(brush).to_have_css("color", away)
    ground = brush.evaluate("e => getComputedStyle(e).backgroundColor")
    assert away != ground
