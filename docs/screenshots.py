"""The pictures of the README, taken from the running app: make screenshots"""

import base64
import bisect
import io
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from driver import INTRODUCED, Server, chromium  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402

from explorer import trainings  # noqa: E402

OUT = Path(__file__).parent
VIEW = "?model=mnist-conv-32"
REPAIR_VIEW = "?model=mnist-res-32"
HALF, FRAME = 3.0, 80  # of the GIF: s of its slider and of its map, ms of a frame
SLOWED = 3  # times slower than it is shown: taking the film takes more than the drag
FILMED = (330, 110, 1390, 910)  # px of the page
# A screen's own pointer is in no picture of a page.
POINTER = """() => {
  const pointer = document.createElement("div");
  pointer.innerHTML = `<svg width="22" height="30"><path d="M1 1v22l6-5 4 10 4-2-4-9h8z"
    fill="black" stroke="white" stroke-width="1.5"/></svg>`;
  pointer.style = "position:fixed;left:0;top:0;z-index:999999;pointer-events:none";
  document.body.append(pointer);
  addEventListener("pointermove", (event) => {
    pointer.style.transform = `translate(${event.clientX}px, ${event.clientY}px)`;
  }, true);
}"""
RUBBED = [(0.35, 0.22), (0.5, 0.2), (0.65, 0.22)]  # shares of the side: what closes the 9


def visited(browser: Browser, **options: Any) -> Page:
    """A page of somebody who has seen the introduction."""
    page = browser.new_page(**options)
    page.add_init_script(INTRODUCED)
    return page


def explore(browser: Browser, url: str, theme: str) -> None:
    """Mid-drag, with the reading of the live channel."""
    page = visited(browser, viewport={"width": 1440, "height": 960}, color_scheme=theme)
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
    page = visited(browser, viewport={"width": 1440, "height": 960}, color_scheme=theme)
    page.goto(f"{url}/?model=mnist-mlp-2&z=0.4,-0.9")
    page.locator(".latent-map .marker").wait_for()
    page.get_by_text("Tiles", exact=True).click()
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"map-{theme}.png")
    page.close()


def walk(browser: Browser, url: str, theme: str) -> None:
    """Three walks through the same digits, half way."""
    page = visited(browser, viewport={"width": 1440, "height": 1200}, color_scheme=theme)
    page.goto(f"{url}/walk{VIEW}")
    page.get_by_test_id("walk-geodesic-5").wait_for()
    page.wait_for_timeout(6000)  # it plays once by itself
    page.get_by_test_id("walk-geodesic-4").click()
    page.wait_for_timeout(1000)
    page.screenshot(path=OUT / f"walk-{theme}.png")
    page.close()


class Recorder:
    """What the page paints, as it paints it, until the block ends."""

    def __init__(self, page: Page) -> None:
        self.page, self.session = page, page.context.new_cdp_session(page)
        self.shots: list[tuple[float, bytes]] = []  # s, a JPEG

    def __enter__(self) -> "Recorder":
        self.session.on("Page.screencastFrame", self._keep)
        self.session.send(
            "Page.startScreencast", {"format": "jpeg", "quality": 95, "everyNthFrame": 4}
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.session.send("Page.stopScreencast")

    def _keep(self, event: dict[str, Any]) -> None:
        self.shots.append((event["metadata"]["timestamp"], base64.b64decode(event["data"])))
        self.session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    def frames(self) -> list[Image.Image]:
        """One every FRAME ms of the film: the newest that had been painted by then."""
        times = [seconds for seconds, _ in self.shots]
        apart = SLOWED * FRAME / 1000
        count = int((times[-1] - times[0]) / apart)
        at = [bisect.bisect_right(times, times[0] + n * apart) - 1 for n in range(count)]
        return [cropped(self.shots[n][1]) for n in at]


def cropped(shot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(shot)).convert("RGB").crop(FILMED).resize((795, 600))


def film(browser: Browser, url: str) -> None:
    """A slider and then the map being dragged, as a GIF."""
    page = visited(browser, viewport={"width": 1440, "height": 960}, color_scheme="light")
    page.goto(f"{url}/{VIEW}")
    page.locator(".latent-map .marker").wait_for()
    page.wait_for_timeout(4000)
    page.evaluate(POINTER)
    frames: list[Image.Image] = []

    def drag(path: Callable[[float], tuple[float, float]]) -> None:
        """Along a closed path from 0 to 1."""
        page.mouse.move(*path(0))
        page.mouse.down()
        start = time.monotonic()
        with Recorder(page) as recorder:
            while (done := (time.monotonic() - start) / (HALF * SLOWED)) < 1:
                page.mouse.move(*path(done))
        page.mouse.up()
        frames.extend(recorder.frames())

    box = page.get_by_test_id("latent-slider-7").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drag(lambda done: (x - 0.4 * box["width"] * math.sin(2 * math.pi * done), y))
    page.wait_for_timeout(500)
    plot = page.get_by_test_id("latent-map").bounding_box()
    across, down = plot["x"] + 0.55 * plot["width"], plot["y"] + 0.5 * plot["height"]
    drag(
        lambda done: (
            across + 0.22 * plot["width"] * math.cos(2 * math.pi * done),
            down + 0.2 * plot["height"] * math.sin(2 * math.pi * done),
        )
    )
    page.close()
    palette = frames[0].quantize(200)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(
        OUT / "explore.gif", save_all=True, append_images=frames[1:], duration=FRAME, loop=0
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
    page = visited(browser, viewport={"width": 1440, "height": 1280}, color_scheme=theme)
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
    page = visited(browser, viewport={"width": 1440, "height": 1230}, color_scheme=theme)
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
    page = visited(browser, viewport={"width": 1440, "height": 1100}, color_scheme=theme)
    page.goto(f"{url}/models{VIEW}")
    page.get_by_text("less is better").first.wait_for()
    page.wait_for_timeout(4000)
    page.screenshot(path=OUT / f"models-{theme}.png")
    page.close()


def training(browser: Browser, url: str) -> None:
    """A training of two dimensions after its third epoch; nothing of it is left."""
    name = "picture"
    page = visited(browser, viewport={"width": 1440, "height": 1150}, color_scheme="light")
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
    page = visited(browser, viewport={"width": 1440, "height": 1180}, color_scheme="light")
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
