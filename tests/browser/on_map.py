"""What the browser tests of the map share: where things are on it, and which z was committed."""

import numpy as np
import torch
from playwright.sync_api import Page

from core import load_checkpoint
from core.images import to_uint8
from explorer.coordinates import unpacked_z

MODEL = "mnist-mlp-20"


def wait_for_map(page: Page, dots: int | None = None) -> None:
    """Until a map of so many dots stands, not counting those that are hidden."""
    page.wait_for_function(
        """(dots) => {
            const plot = document.querySelector('[data-testid=latent-map]');
            const message = document.querySelector('.latent-map .message');
            const marker = document.querySelector('.latent-map .marker');
            if (!plot?._fullData || !message?.hidden) return false;
            if (getComputedStyle(marker).visibility !== 'visible') return false;
            const count = plot._fullData.filter((t) => t.type !== 'contour')
                .reduce((sum, t) => sum + (t.x?.length ?? 0), 0);
            return dots === null || count === dots;
        }""",
        arg=dots,
        timeout=90_000,
    )
    page.locator(".latent-map").scroll_into_view_if_needed()


def marker(page: Page) -> tuple[float, float]:
    """The marker's centre, px of the page."""
    box = page.locator(".latent-map .marker").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def box_of(page: Page) -> dict[str, float]:
    """The plotting area, px of the page."""
    box = page.locator(".latent-map .surface").bounding_box()
    assert box
    return dict(box)


def ranges(page: Page) -> list[float]:
    """What the axes show: left, right, bottom, top."""
    found: list[float] = page.get_by_test_id("latent-map").evaluate(
        "plot => [...plot._fullLayout.xaxis.range, ...plot._fullLayout.yaxis.range]"
    )
    return found


def to_page(page: Page, xy: np.ndarray) -> tuple[float, float]:
    """Data coordinates -> px of the page."""
    box, (left, right, bottom, top) = box_of(page), ranges(page)
    return (
        box["x"] + (float(xy[0]) - left) / (right - left) * box["width"],
        box["y"] + (top - float(xy[1])) / (top - bottom) * box["height"],
    )


def to_data(page: Page, px: tuple[float, float]) -> np.ndarray:
    """px of the page -> data coordinates."""
    box, (left, right, bottom, top) = box_of(page), ranges(page)
    return np.array([
        left + (px[0] - box["x"]) / box["width"] * (right - left),
        top - (px[1] - box["y"]) / box["height"] * (top - bottom),
    ])  # fmt: skip


def at(page: Page, across: float, up: float) -> tuple[float, float]:
    """A place in the plotting area by its shares of width and height, px of the page."""
    box = box_of(page)
    return box["x"] + across * box["width"], box["y"] + (1 - up) * box["height"]


def mode(page: Page, name: str) -> None:
    page.locator(".latent-map").get_by_role("button", name=name, exact=True).click()


def sliders(page: Page, z_dim: int = 20) -> np.ndarray:
    """z to a hundredth, as the sliders show it."""
    found = [page.get_by_test_id(f"latent-value-{d}").input_value() for d in range(z_dim)]
    return np.array(found, float)


def committed(page: Page, z_dim: int = 20) -> np.ndarray:
    """z as the URL has it."""
    text = page.evaluate("new URL(location).searchParams.get('z')")
    return np.array(unpacked_z(text, z_dim))


def pixels(page: Page) -> np.ndarray:
    """The decoded canvas, (28, 28)."""
    values = page.get_by_test_id("decoded-image").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def decode(z: np.ndarray, name: str = MODEL) -> np.ndarray:
    """What the model makes of z, (28, 28) uint8."""
    points = torch.tensor(np.asarray(z, np.float32))[None]
    return to_uint8(load_checkpoint(name).decode(points))[0, 0].numpy()


def wait_for_picture(page: Page, z: np.ndarray, name: str = MODEL, tolerance: int = 1) -> None:
    expected = decode(z, name).astype(int)
    for _ in range(200):
        if np.abs(pixels(page).astype(int) - expected).max() <= tolerance:
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(pixels(page), expected, atol=tolerance)


def wait_for_commit(page: Page, z: np.ndarray, atol: float = 1e-3) -> None:
    for _ in range(200):
        if "z=" in page.url and np.abs(committed(page, len(z)) - z).max() <= atol:
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(committed(page, len(z)), z, atol=atol)
