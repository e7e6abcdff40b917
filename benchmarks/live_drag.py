"""A slider dragged for five seconds: ours beside st.slider + st.image, in one run.

python benchmarks/live_drag.py

A real Chromium presses the thumb and moves it at the rate the browser takes. Input events are
stamped as they happen, pictures when the canvas' pixels (or the <img>) have changed.
"""

import math
import tempfile
import time
from pathlib import Path

import numpy as np
from driver import ROOT, Server, chromium, report
from playwright.sync_api import Page

SECONDS = 5
PERIOD = 97.3  # moves for one sweep there and back; no whole number, so that no z comes twice

# Every change of the decoded canvas, and every loaded <img>, with its time.
WATCH = """
window.inputs = []; window.pictures = []; window.frames = new Set(); window.markers = new Set();
const ours = (e) => e.composedPath()[0].type === "range";
addEventListener("input", (e) => { if (ours(e)) inputs.push(performance.now()); }, true);
// st.slider's thumb is no native input: there, a move of the pressed pointer is the event.
addEventListener("pointermove", (e) => {
  if (e.buttons && !ours(e)) inputs.push(performance.now());
}, true);
const put = CanvasRenderingContext2D.prototype.putImageData;
let last = "";
CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
  put.call(this, image, ...rest);
  const now = performance.now();
  if (this.canvas.dataset.testid !== "decoded-image") return;
  const pixels = this.getImageData(0, 0, this.canvas.width, this.canvas.height).data.join();
  if (pixels !== last) pictures.push(now);
  last = pixels;
  frames.add(pixels);
  const marker = document.querySelector(".latent-map .marker");
  if (marker) markers.add(marker.style.transform);
};
document.addEventListener("load", (e) => {
  if (e.target.tagName === "IMG" && e.target.src !== last) {
    last = e.target.src;
    pictures.push(performance.now());
    frames.add(last);
  }
}, true);
"""

PLAIN = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st, torch
from core import load_checkpoint
from core.images import to_pil
model = st.cache_resource(load_checkpoint)("mnist-mlp-20")
z = torch.zeros(1, 20)
z[0, 4] = st.slider("z4", -4.0, 4.0, 0.0, 0.01)
st.image(to_pil(model.decode(z)[0], scale=10))
"""


def drag(page: Page, x: float, y: float, reach: float) -> dict[str, float]:
    """Press at (x, y) px and sweep +-reach px for SECONDS; event and picture times in ms."""
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("inputs.length = pictures.length = 0; frames.clear(); markers.clear()")
    moves, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        moves += 1
        page.mouse.move(x + reach * math.sin(2 * math.pi * moves / PERIOD), y)
    page.wait_for_timeout(100)  # the last picture; the button is still down
    inputs, pictures, frames, markers = page.evaluate(
        "[inputs.slice(), pictures.slice(), frames.size, markers.size]"
    )
    released = page.evaluate("performance.now()")
    page.mouse.up()
    page.wait_for_timeout(2000)
    after = page.evaluate("pictures.slice()")[len(pictures) :]
    return {
        "moves": moves, "inputs": inputs, "pictures": pictures, "frames": frames,
        "markers": markers, "after release ms": after[0] - released if after else None,
    }  # fmt: skip


def row(name: str, run: dict) -> dict[str, object]:
    """Which events have a picture of their own before the next event, and how long it took."""
    inputs, pictures = run["inputs"], run["pictures"]
    latencies = []
    for i, at in enumerate(inputs if pictures else []):
        until = inputs[i + 1] if i + 1 < len(inputs) else math.inf
        first = next((t for t in pictures if t >= at), None)
        if first is not None and first <= until:
            latencies.append(first - at)
    if len(pictures) == len(inputs):  # none was replaced: they belong to each other in order
        latencies = [shown - at for at, shown in zip(inputs, pictures, strict=True)]
    return {
        "page": name,
        "mouse moves": run["moves"],
        "input events": len(inputs),
        "events/s": len(inputs) / SECONDS,
        "pictures while down": len(pictures),
        "distinct": run["frames"],
        "marker places": run["markers"],
        "painted %": 100 * min(1, len(latencies) / len(inputs)) if inputs else 0.0,
        "p50 ms": float(np.percentile(latencies, 50)) if latencies else "none while down",
        "p95 ms": float(np.percentile(latencies, 95)) if latencies else "none while down",
        "first after release ms": run["after release ms"] or "none was due",
    }


def measure_ours(page: Page, url: str) -> dict[str, object]:
    page.goto(url)
    page.get_by_test_id("live-latency").get_by_text("live").wait_for()
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.latent-map .marker')).visibility === 'visible'"
    )
    page.wait_for_timeout(2000)
    box = page.get_by_test_id("latent-slider-4").bounding_box()
    page.get_by_text("Reset to z = 0").click()
    page.wait_for_timeout(1000)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return row("live channel", drag(page, x, y, 0.45 * box["width"]))


def measure_plain(page: Page, url: str) -> dict[str, object]:
    page.goto(url)
    page.locator("img").wait_for()
    page.wait_for_timeout(2000)
    thumb = page.get_by_role("slider").bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    return row("st.slider + st.image", drag(page, x, y, 250))


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, chromium(webgl=False) as browser:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN.format(root=str(ROOT)))
        for script, measure in ((None, measure_ours), (plain, measure_plain)):
            with Server(script) if script else Server() as server:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(WATCH)
                rows.append(measure(page, server.url))
                page.close()
    report(rows, seconds=SECONDS)


if __name__ == "__main__":
    main()
