"""What browser tests read from the Explore panel."""

from collections.abc import Callable

import numpy as np
import torch
from playwright.sync_api import Locator, Page, expect

from core import load_checkpoint
from core.images import to_uint8
from explorer import caches
from explorer.coordinates import unpacked_z

Open = Callable[..., Page]
SLIDER = 4  # a dimension with much KL


def pixels(page: Page) -> np.ndarray:
    """The decoded canvas, (28, 28) uint8."""
    values = page.get_by_test_id("decoded-image").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def z_of_sliders(page: Page, z_dim: int = 20) -> list[float]:
    """What the sliders' numbers say, two digits after the point."""
    values = [page.get_by_test_id(f"latent-value-{d}") for d in range(z_dim)]
    return [float(value.input_value()) for value in values]


def z_of_url(page: Page, z_dim: int = 20) -> list[float]:
    return unpacked_z(page.evaluate("new URL(location).searchParams.get('z')"), z_dim)


def wait_for_z(page: Page, expected: list[float], atol: float = 1e-6) -> None:
    """Until Python has committed it: the URL says so."""
    for _ in range(200):
        if np.allclose(z_of_url(page, len(expected)), expected, atol=atol):
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(z_of_url(page, len(expected)), expected, atol=atol)


def first_digit(name: str = "mnist-mlp-20") -> list[float]:
    """Where the page opens."""
    return caches.latent_map(name).mu[0].tolist()


def wait_for_pixels(page: Page, expected: np.ndarray) -> None:
    """Until the canvas shows what is expected, to one level (floats decode in other batches)."""
    for _ in range(200):
        if np.abs(pixels(page).astype(int) - expected.astype(int)).max() <= 1:
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(pixels(page), expected, atol=1)


def decode(z: list[float], name: str = "mnist-mlp-20") -> np.ndarray:
    return to_uint8(load_checkpoint(name).decode(torch.tensor([z], dtype=torch.float32)))[
        0, 0
    ].numpy()


def centre(page: Page, dimension: int = SLIDER) -> tuple[float, float, float]:
    """x and y of a slider's middle and its width, px."""
    box = page.get_by_test_id(f"latent-slider-{dimension}").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


def marker(page: Page) -> tuple[float, float]:
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.latent-map .marker')).visibility === 'visible'"
    )
    box = page.locator(".latent-map .marker").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


HOLD = "window.held = []"
LET_GO = "{ const late = held; held = null; late.forEach((hear) => hear()); }"


def holding(kind: int) -> Callable[[Page], None]:
    """For open_page's `before`: after HOLD the live channel's answers of a kind wait for LET_GO."""
    script = f"""
        const Real = WebSocket;
        window.held = null;
        window.WebSocket = class extends Real {{
          set onmessage(hear) {{
            const hold = (event) => this.url.includes("live/channel") && held
              && new DataView(event.data).getUint16(4, true) === {kind};
            super.onmessage = (event) => (hold(event) ? held.push(() => hear(event)) : hear(event));
          }}
        }};
    """
    return lambda page: page.add_init_script(script)


def bookmark_two(page: Page) -> tuple[list[float], list[float]]:
    """Where z was and 0, where it is now."""
    first = z_of_url(page)
    page.get_by_test_id("add-bookmark").click()
    expect(page.get_by_test_id("bookmark")).to_have_count(1)
    page.get_by_role("button", name="Reset to z = 0").click()
    wait_for_z(page, [0.0] * 20)
    page.get_by_test_id("add-bookmark").click()
    expect(page.get_by_test_id("bookmark")).to_have_count(2)
    return first, [0.0] * 20


def compare(page: Page) -> Locator:
    """The first bookmark as A, the last as B; the slider between them."""
    page.get_by_title("Compare it as A").first.click()
    expect(page.get_by_title("Compare it as A").first).to_have_attribute("aria-pressed", "true")
    page.get_by_title("Compare it as B").last.click()
    slider = page.get_by_test_id("latent-slider-a-b")
    slider.wait_for()
    return slider
