"""How usual z is, undo and redo, bookmarks, A and B, downloads: what Explore tells and keeps."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.images import to_uint8
from explorer import caches
from explorer.frames import PLACE
from tests.browser.explore_page import (
    HOLD,
    LET_GO,
    SLIDER,
    Open,
    bookmark_two,
    centre,
    compare,
    decode,
    first_digit,
    holding,
    pixels,
    wait_for_pixels,
    wait_for_z,
    z_of_url,
)  # fmt: skip

NAME = "mnist-mlp-20"


def picture(page: Page, selector: str) -> np.ndarray:
    values = page.locator(selector).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[..., 0]


def nudge(page: Page, by: float) -> list[float]:
    """Drag a slider by a share of its width and let go; the committed z."""
    url = page.url
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by * width, y, steps=3)
    page.mouse.up()
    page.wait_for_url(lambda new: new != url)
    page.wait_for_timeout(300)
    return z_of_url(page)


def test_a_digit_lies_in_the_data_and_its_neighbours_are_shown(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_test_id("typicality-verdict")).to_have_text("In the data")
    nearest = page.get_by_test_id("neighbour-0")
    expect(nearest).to_have_attribute("title", "test digit 0, 7: click to load it")
    shown = picture(page, "[data-testid=neighbour-0] canvas")
    np.testing.assert_array_equal(shown, to_uint8(caches.test_set(NAME).images[0, 0]).numpy())
    assert page.locator(".typicality .neighbours canvas").count() == 8


def test_off_the_data_the_frame_says_so_while_the_button_is_down(open_page: Open) -> None:
    page = open_page("?z=" + ",".join(["2.2"] * 20))
    expect(page.get_by_test_id("typicality-verdict")).to_have_text("Off the data")
    badge = page.locator(".decoded-image .off")
    expect(badge).to_be_visible()
    text = page.locator(".typicality").inner_text()
    assert "farther out than 100% of real digits" in text and "log p(z) = -66.8 nats" in text
    page.get_by_role("button", name="Reset to z = 0").click()
    expect(badge).to_be_hidden()
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    before = page.locator(".typicality .line").first.inner_text()
    page.mouse.move(x + 0.45 * width, y, steps=3)
    expect(page.locator(".typicality .line").first).not_to_have_text(before)
    page.mouse.up()


def choose_model(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name=name).click()
    page.wait_for_url(lambda url: f"model={name}" in url)


def test_of_another_model_nothing_is_said_before_it_is_known(open_page: Open) -> None:
    """Nor is a picture shown that has the same number in the other's data set."""
    page = open_page(before=holding(PLACE))
    page.wait_for_url(lambda url: "z=" in url)
    nearest = page.get_by_test_id("neighbour-0")
    expect(nearest).to_have_attribute("title", "test digit 0, 7: click to load it")
    choose_model(page, "fashion-mlp-20")
    expect(nearest).to_have_attribute("title", "test image 0, Ankle boot: click to load it")
    shown = picture(page, "[data-testid=neighbour-0] canvas")
    boot = to_uint8(caches.test_set("fashion-mlp-20").images[0, 0]).numpy()
    np.testing.assert_array_equal(shown, boot)
    page.get_by_test_id(f"latent-value-{SLIDER}").fill("30")
    badge = page.locator(".decoded-image .off")
    expect(badge).to_be_visible()
    page.evaluate(HOLD)
    choose_model(page, NAME)
    expect(badge).to_be_hidden()
    expect(nearest).to_be_hidden()
    page.wait_for_function("held.length > 0")
    page.evaluate(LET_GO)
    expect(nearest).to_be_visible()


def test_a_neighbour_can_be_loaded(open_page: Open) -> None:
    page = open_page()
    second = page.get_by_test_id("neighbour-1")
    expect(second).to_have_attribute("title", re.compile("^test digit"))
    title = second.get_attribute("title") or ""
    index = int(title.split()[2].rstrip(","))
    second.click()
    wait_for_z(page, caches.latent_map(NAME).mu[index].tolist())


def test_undo_and_redo_by_keys_and_buttons(open_page: Open) -> None:
    page = open_page()
    undo, redo = (page.get_by_role("button", name=name) for name in ("Undo", "Redo"))
    expect(undo).to_be_disabled()
    places = [first_digit(), nudge(page, 0.3), nudge(page, -0.2)]
    page.get_by_role("button", name="Reset to z = 0").click()  # Python's moves count too
    wait_for_z(page, [0.0] * 20)
    wait_for_pixels(page, decode([0.0] * 20))  # the address may be ahead of the page
    for z in reversed(places):
        page.keyboard.press("Control+z")
        wait_for_z(page, z)
        wait_for_pixels(page, decode(z))
    expect(undo).to_be_disabled()
    page.keyboard.press("Control+Shift+Z")
    wait_for_z(page, places[1])
    redo.click()
    wait_for_z(page, places[2])
    new = nudge(page, 0.1)  # a new step ends what could be redone
    expect(redo).to_be_disabled()
    undo.click()
    wait_for_z(page, places[2])
    assert new != places[2]


def test_ctrl_z_in_a_text_field_is_the_fields_own(open_page: Open) -> None:
    page = open_page()
    z = nudge(page, 0.3)
    page.get_by_test_id(f"latent-value-{SLIDER}").focus()
    page.keyboard.press("Control+z")
    page.wait_for_timeout(800)
    assert z_of_url(page) == z


def test_bookmarks_have_pictures_names_and_survive_a_reload(open_page: Open) -> None:
    page = open_page()
    page.wait_for_url(lambda url: "z=" in url)
    first, _ = bookmark_two(page)
    np.testing.assert_allclose(
        picture(page, "[data-testid=bookmark]:nth-child(1) canvas"), decode(first), atol=1
    )
    name = page.get_by_label("Name of the bookmark").first
    name.fill("a seven")
    name.press("Enter")
    page.wait_for_function("Object.values(localStorage).some((v) => v.includes('a seven'))")
    page.reload()
    expect(page.get_by_test_id("bookmark")).to_have_count(2, timeout=60_000)
    name.fill(" ")
    name.press("Enter")
    expect(name).to_have_value("a seven")
    page.get_by_role("button", name="Go to a seven").click()
    wait_for_z(page, first)
    page.get_by_test_id("bookmark").last.hover()
    page.get_by_role("button", name="Remove Bookmark 2").click()
    expect(page.get_by_test_id("bookmark")).to_have_count(1)


def test_a_name_that_is_being_typed_is_left_alone(open_page: Open) -> None:
    page = open_page()
    page.wait_for_url(lambda url: "z=" in url)
    bookmark_two(page)
    names = page.get_by_label("Name of the bookmark")
    names.last.fill("zer")
    names.last.press("ArrowLeft")
    names.first.evaluate("""label => {
        label.value = "a seven";
        label.dispatchEvent(new Event("change"));
    }""")
    expect(page.get_by_role("button", name="Go to a seven")).to_be_visible()
    expect(names.last).to_be_focused()
    page.keyboard.type("o")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Go to zeor")).to_be_visible()
    expect(names.first).to_have_value("a seven")


def test_two_tabs_keep_the_same_bookmarks(open_page: Open) -> None:
    page = open_page()
    page.wait_for_url(lambda url: "z=" in url)
    twin = open_page()
    page.get_by_test_id("add-bookmark").click()
    expect(twin.get_by_test_id("bookmark")).to_have_count(1)
    twin.get_by_role("button", name="Prior sample").click()
    twin.wait_for_timeout(800)
    assert z_of_url(page) == first_digit(), "z itself is the tab's own"
    twin.get_by_test_id("add-bookmark").click()
    expect(page.get_by_test_id("bookmark")).to_have_count(2)
    expect(twin.get_by_test_id("bookmark")).to_have_count(2)


def test_a_and_b_are_compared_and_mixed_live(open_page: Open) -> None:
    page = open_page()
    page.wait_for_url(lambda url: "z=" in url)
    a, b = bookmark_two(page)
    slider = compare(page)
    expect(page.get_by_text("apart in z")).to_contain_text(f"{np.linalg.norm(a):.2f}")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 17 / 18, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    expect(page.get_by_label("Name of direction a-b")).not_to_be_editable()
    t = float(slider.input_value())
    assert t == pytest.approx(0.5, abs=0.06)
    wait_for_pixels(
        page, decode([(1 - t) * start + t * end for start, end in zip(a, b, strict=True)])
    )
    page.mouse.up()


def download(page: Page, label: str) -> bytes:
    with page.expect_download() as started:
        page.get_by_role("button", name=label, exact=True).click()
    path = started.value.path()
    return path.read_bytes()


def test_pictures_traversals_and_points_can_be_saved(open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Save", exact=False).first.click()
    shown = pixels(page)
    small = np.asarray(Image.open(io.BytesIO(download(page, "PNG 28 px"))))
    np.testing.assert_allclose(small, shown, atol=1)
    large = np.asarray(Image.open(io.BytesIO(download(page, "PNG 8×"))))
    np.testing.assert_allclose(large, shown.repeat(8, 0).repeat(8, 1), atol=1)
    sheet = Image.open(io.BytesIO(download(page, "Sheet PNG")))
    assert sheet.width > 900 and sheet.height > 1000
    film = Image.open(io.BytesIO(download(page, "Film GIF")))
    assert film.n_frames == 58  # type: ignore[attr-defined]
    header, line = download(page, "CSV").decode().splitlines()
    assert header.startswith("name,z0,z1")
    assert [float(v) for v in line.split(",")[1:]] == pytest.approx(first_digit(), abs=1e-7)
    with np.load(io.BytesIO(download(page, "NPZ"))) as arrays:
        np.testing.assert_array_equal(arrays["z"], [np.float32(first_digit())])
