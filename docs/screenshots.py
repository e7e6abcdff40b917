"""The pictures of the README, taken from the running app: make screenshots"""

import io
import math
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from driver import Server, chromium  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402

from explorer import trainings  # noqa: E402

OUT = Path(__file__).parent
VIEW = "?model=mnist-conv-32"
REPAIR_VIEW = "?model=mnist-res-32"
FILM_STEPS = 28  # frames of each half of the GIF
RUBBED = [(0.35, 0.22), (0.5, 0.2), (0.65, 0.22)]  # shares of the side: what closes the 9


def explore(browser: Browser, url: str, theme: str) -> None:
    """Mid-drag, with the reading of the live channel."""
    page = browser.new_page(viewport={"width": 1440, "height": 960}, color_scheme=theme)
    page.goto(f"{url}/{VIEW}")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.latent-map .marker') ?? document.body)"
        ".willChange === 'transform'"
    )
    page.wait_for_timeout(2500)
    box = page.get_by_test_id("latent-slider-7").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=60)
    page.screenshot(path=OUT / f"explore-{theme}.png")
    page.mouse.up()
    page.close()


def manifold(browser: Browser, url: str, theme: str) -> None:
    """The plane of the two-dimensional model, decoded under its map."""
    page = browser.new_page(viewport={"width": 1440, "height": 960}, color_scheme=theme)
    page.goto(f"{url}/?model=mnist-mlp-2&z=0.4,-0.9")
    page.locator(".latent-map .marker").wait_for()
    page.get_by_text("Tiles", exact=True).click()
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"map-{theme}.png")
    page.close()


def walk(browser: Browser, url: str, theme: str) -> None:
    """Three walks through the same digits, half way."""
    page = browser.new_page(viewport={"width": 1440, "height": 1200}, color_scheme=theme)
    page.goto(f"{url}/walk{VIEW}")
    page.get_by_test_id("walk-geodesic-5").wait_for()
    page.wait_for_timeout(6000)  # it plays once by itself
    page.get_by_test_id("walk-geodesic-4").click()
    page.wait_for_timeout(1000)
    page.screenshot(path=OUT / f"walk-{theme}.png")
    page.close()


def film(browser: Browser, url: str) -> None:
    """A slider and then the map being dragged, as a GIF."""
    page = browser.new_page(viewport={"width": 1440, "height": 960}, color_scheme="light")
    page.goto(f"{url}/{VIEW}")
    page.locator(".latent-map .marker").wait_for()
    page.wait_for_timeout(4000)
    frames: list[Image.Image] = []

    def shoot() -> None:
        shot = page.screenshot(clip={"x": 330, "y": 110, "width": 1060, "height": 800})
        frames.append(Image.open(io.BytesIO(shot)).convert("RGB").resize((795, 600)))

    box = page.get_by_test_id("latent-slider-7").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(FILM_STEPS):
        page.mouse.move(x - 0.4 * box["width"] * math.sin(2 * math.pi * step / FILM_STEPS), y)
        page.wait_for_timeout(60)
        shoot()
    page.mouse.up()
    page.wait_for_timeout(500)
    box = page.get_by_test_id("latent-map").bounding_box()
    x, y = box["x"] + 0.55 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x + 0.22 * box["width"], y)
    page.mouse.down()
    for step in range(FILM_STEPS):
        angle = 2 * math.pi * step / FILM_STEPS
        page.mouse.move(
            x + 0.22 * box["width"] * math.cos(angle), y + 0.2 * box["height"] * math.sin(angle)
        )
        page.wait_for_timeout(60)
        shoot()
    page.mouse.up()
    page.close()
    palette = frames[0].quantize(200)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(
        OUT / "explore.gif", save_all=True, append_images=frames[1:], duration=70, loop=0
    )


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    box = page.get_by_test_id("draw-canvas").bounding_box()
    path = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def reconstruct(browser: Browser, url: str, theme: str) -> None:
    """A drawn 3 and what the model makes of it."""
    page = browser.new_page(viewport={"width": 1440, "height": 1280}, color_scheme=theme)
    page.goto(f"{url}/reconstruct{VIEW}")
    page.get_by_text("Draw", exact=True).click()
    page.get_by_test_id("draw-canvas").wait_for()
    three = [(0.3, 0.22), (0.55, 0.15), (0.68, 0.27), (0.6, 0.42), (0.45, 0.47),
             (0.62, 0.53), (0.7, 0.68), (0.58, 0.83), (0.32, 0.8)]  # fmt: skip
    draw(page, three)
    page.get_by_text("From your picture to a digit").wait_for()
    page.wait_for_timeout(2500)
    page.screenshot(path=OUT / f"reconstruct-{theme}.png")
    page.close()


def repair(browser: Browser, url: str, theme: str) -> None:
    """Mid-stroke, with the answers to what is left."""
    page = browser.new_page(viewport={"width": 1440, "height": 1230}, color_scheme=theme)
    page.goto(f"{url}/repair{REPAIR_VIEW}")
    page.get_by_test_id("repair-answer-0").wait_for()
    page.wait_for_timeout(2500)
    box = page.get_by_test_id("repair-damaged").bounding_box()
    path = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in RUBBED]
    page.mouse.move(*path[0])
    page.mouse.down()
    for point in path[1:]:
        page.mouse.move(*point, steps=12)
    page.wait_for_timeout(2500)
    page.screenshot(path=OUT / f"repair-{theme}.png")
    page.mouse.up()
    page.close()


def models(browser: Browser, url: str, theme: str) -> None:
    """Two models on the same digits."""
    page = browser.new_page(viewport={"width": 1440, "height": 1100}, color_scheme=theme)
    page.goto(f"{url}/models{VIEW}")
    page.get_by_text("less is better").first.wait_for()
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"models-{theme}.png")
    page.close()


def training(browser: Browser, url: str) -> None:
    """A training of two dimensions after its third epoch; nothing of it is left."""
    name = "picture"
    page = browser.new_page(viewport={"width": 1440, "height": 1150}, color_scheme="light")
    page.goto(f"{url}/train{VIEW}")
    page.get_by_label("Name of the run", exact=True).wait_for()
    dimensions = page.get_by_label("Latent dimensions", exact=True)
    dimensions.fill("2")
    dimensions.press("Enter")
    page.wait_for_timeout(1500)
    page.get_by_label("Name of the run", exact=True).fill(name)
    page.get_by_label("Name of the run", exact=True).press("Enter")
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Start training").click()
    try:
        page.get_by_text("epoch 4 of", exact=False).first.wait_for(timeout=300_000)
        page.mouse.move(700, 40)  # away from the button and its tooltip
        page.wait_for_timeout(3000)
        page.screenshot(path=OUT / "train-light.png")
    finally:
        page.close()
        trainings.stop(name)
        while (run := trainings.find(name)) and run.alive:
            time.sleep(0.2)
        trainings.discard(name)


def learn(browser: Browser, url: str, name: str, link: str) -> None:
    """A step of Learn: an autoencoder beside a VAE, or the two terms with another answer."""
    page = browser.new_page(viewport={"width": 1440, "height": 1180}, color_scheme="light")
    page.goto(f"{url}/learn{VIEW}&{link}")
    page.locator(".lesson .stage canvas").first.wait_for()
    page.wait_for_timeout(2500)
    if page.get_by_test_id("lesson-prior").count():
        page.get_by_test_id("lesson-prior").click()
    else:
        page.get_by_test_id("lesson-mean").fill("0.6")
    page.mouse.move(700, 40)
    page.wait_for_timeout(2500)
    page.screenshot(path=OUT / f"{name}.png")
    page.close()


def main() -> None:
    with Server() as server, chromium() as browser:
        for theme in ("light", "dark"):
            explore(browser, server.url, theme)
            reconstruct(browser, server.url, theme)
            repair(browser, server.url, theme)
            manifold(browser, server.url, theme)
            walk(browser, server.url, theme)
            models(browser, server.url, theme)
        learn(browser, server.url, "learn-light", "step=noise&lang=en")
        learn(browser, server.url, "learn-zh", "step=terms&lang=zh")
        training(browser, server.url)
        film(browser, server.url)
    print("Wrote", *sorted(file.name for file in OUT.glob("*.png")))


if __name__ == "__main__":
    main()
