"""Five seconds of a dragged slider, ours beside st.slider + st.image, and of Repair's brush.

python benchmarks/live_drag.py

A real Chromium presses the thumb and moves it at the rate the browser takes. Input events are
stamped as they happen, pictures when the canvas' pixels (or the <img>) have changed.
"""

import itertools
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from driver import ROOT, Server, chromium, report
from playwright.sync_api import Page

SECONDS = 5
SIDE, BRUSH, STEP = 28, 2, 1.3  # pixels of the picture: its side, the brush, a step of it
REPAIR_MODEL = "mnist-res-32"
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
  if (!["decoded-image", "repair-mean"].includes(this.canvas.dataset.testid)) return;
  const pixels = this.getImageData(0, 0, this.canvas.width, this.canvas.height).data.join();
  // Rubbing out blank paper may leave the repair as it is; it is painted only for an answer.
  if (pixels !== last || this.canvas.dataset.testid === "repair-mean") pictures.push(now);
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


def sweep(x: float, y: float, reach: float) -> Iterator[tuple[float, float]]:
    """There and back about (x, y) px without end."""
    for move in itertools.count(1):
        yield x + reach * math.sin(2 * math.pi * move / PERIOD), y


def zigzag(box: Mapping[str, float]) -> Iterator[tuple[float, float]]:
    """Row by row over the brush's sheet; every step rubs out pixels that were there."""
    for row in range(1, SIDE, 2):
        for step in range(1, int(SIDE / STEP)):
            along = step * STEP if row % 4 == 1 else SIDE - step * STEP
            yield box["x"] + along * box["width"] / SIDE, box["y"] + row * box["height"] / SIDE


def drag(page: Page, path: Iterator[tuple[float, float]]) -> dict[str, object]:
    """Press where `path` begins and follow it for SECONDS; event and picture times in ms."""
    page.mouse.move(*next(path))
    page.mouse.down()
    page.evaluate("inputs.length = pictures.length = 0; frames.clear(); markers.clear()")
    moves, start = 0, time.monotonic()
    for point in path:
        if time.monotonic() > start + SECONDS:
            break
        moves += 1
        page.mouse.move(*point)
    seconds = time.monotonic() - start
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
        "markers": markers, "seconds": seconds,
        "after release ms": after[0] - released if after else None,
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
        "events/s": len(inputs) / run["seconds"],
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
    return row("live channel", drag(page, sweep(x, y, 0.45 * box["width"])))


def measure_brush(page: Page, url: str) -> dict[str, object]:
    """From the brush's move to the painted posterior mean."""
    page.goto(f"{url}/repair?model={REPAIR_MODEL}")
    page.get_by_test_id("repair-answer-0").wait_for()
    page.get_by_role("combobox", name="Damage to begin with").click()
    page.get_by_role("option", name="None").click()
    page.get_by_role("slider", name="Brush size").fill(str(BRUSH))
    page.wait_for_timeout(3000)
    sheet = page.get_by_test_id("repair-damaged")
    sheet.scroll_into_view_if_needed()
    return row("brush of Repair", drag(page, zigzag(sheet.bounding_box())))


def measure_plain(page: Page, url: str) -> dict[str, object]:
    page.goto(url)
    page.locator("img").wait_for()
    page.wait_for_timeout(2000)
    thumb = page.get_by_role("slider").bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    return row("st.slider + st.image", drag(page, sweep(x, y, 250)))


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder, chromium(webgl=False) as browser:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN.format(root=str(ROOT)))
        for script, measure in (
            (None, measure_ours), (None, measure_brush), (plain, measure_plain),
        ):  # fmt: skip
            with Server(script) if script else Server() as server:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.add_init_script(WATCH)
                rows.append(measure(page, server.url))
                page.close()
    report(rows, seconds=SECONDS)


if __name__ == "__main__":
    main()
