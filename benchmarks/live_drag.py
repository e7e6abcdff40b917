"""Five seconds of a dragged slider, ours beside st.slider + st.image, and of Repair's brush.

python benchmarks/live_drag.py
python benchmarks/live_drag.py --peers .venv-bench/bin/python    # and beside Gradio and Dash

A real Chromium presses the thumb and moves it at the rate the browser takes. Input events are
stamped as they happen, pictures when the canvas' pixels (or the <img>) have changed. Which z a
picture shows is read from its pixels. An event that changed z has the latency until a picture of
its z, or of a newer one, is there; it is painted if a picture of its own z came.
"""

import argparse
import itertools
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from driver import ROOT, Server, chromium, report
from playwright.sync_api import Browser, Page

from core import load_checkpoint
from core.images import to_uint8

SECONDS = 5
SIDE, BRUSH, STEP = 28, 2, 1.3  # pixels of the picture: its side, the brush, a step of it
REPAIR_MODEL = "mnist-res-32"
PEERS = {"gradio": "Gradio: gr.Slider.input + gr.Image", "dash": "Dash: dcc.Slider + html.Img"}
Measure = Callable[[Page, str], dict[str, object]]
PERIOD = 97.3  # moves for one sweep there and back; no whole number, so that no z comes twice

# Every change of the decoded canvas, and every loaded <img>, with its time.
WATCH = """
window.inputs = []; window.values = []; window.pictures = []; window.frames = [];
window.markers = new Set();
const ours = (e) => e.composedPath()[0].type === "range";
addEventListener("input", (e) => {
  if (!ours(e)) return;
  inputs.push(performance.now());
  values.push(Number(e.composedPath()[0].value));
}, true);
const small = new OffscreenCanvas(28, 28).getContext("2d", { willReadFrequently: true });
small.imageSmoothingEnabled = false; // an <img> is enlarged by whole pixels
const levels = (rgba) => String.fromCharCode(...rgba.filter((_, i) => i % 4 === 0));
// Other thumbs are no native input: there, a move of the pressed pointer is the event, and what it
// made of the value comes right after it. null: it left the value as it was.
addEventListener("pointermove", (e) => {
  if (!e.buttons || ours(e)) return;
  inputs.push(performance.now());
  values.push(null);
}, true);
new MutationObserver((changes) => {
  for (const { target } of changes)
    if (target.role === "slider" && values.length)
      values[values.length - 1] = Number(target.ariaValueNow);
}).observe(document, { subtree: true, attributeFilter: ["aria-valuenow"] });
const put = CanvasRenderingContext2D.prototype.putImageData;
let last = "";
CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
  put.call(this, image, ...rest);
  const now = performance.now();
  if (!["decoded-image", "repair-mean"].includes(this.canvas.dataset.testid)) return;
  const data = this.getImageData(0, 0, this.canvas.width, this.canvas.height).data;
  const pixels = data.join();
  // Rubbing out blank paper may leave the repair as it is; it is painted only for an answer.
  if (pixels !== last || this.canvas.dataset.testid === "repair-mean") {
    pictures.push(now);
    frames.push(levels(data));
  }
  last = pixels;
  const marker = document.querySelector(".latent-map .marker");
  if (marker) markers.add(marker.style.transform);
};
document.addEventListener("load", (e) => {
  if (e.target.tagName === "IMG" && e.target.src !== last) {
    pictures.push(performance.now());
    last = e.target.src;
    small.drawImage(e.target, 0, 0, 28, 28);
    frames.push(levels(small.getImageData(0, 0, 28, 28).data));
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
    page.evaluate("[inputs, values, pictures, frames].forEach((a) => (a.length = 0))")
    page.evaluate("markers.clear()")
    moves, start = 0, time.monotonic()
    for point in path:
        if time.monotonic() > start + SECONDS:
            break
        moves += 1
        page.mouse.move(*point)
    seconds = time.monotonic() - start
    page.wait_for_timeout(100)  # the last picture; the button is still down
    inputs, values, pictures, markers, released = page.evaluate(
        "[inputs, values, pictures, markers.size, performance.now()]"
    )
    page.mouse.up()
    page.wait_for_timeout(2000)
    after = page.evaluate("pictures")[len(pictures) :]
    frames = [frame.encode("latin-1") for frame in page.evaluate("frames")[: len(pictures)]]
    return {
        "moves": moves, "inputs": inputs, "values": values, "pictures": pictures,
        "frames": frames, "markers": markers, "seconds": seconds,
        "after release ms": after[0] - released if after else None,
    }  # fmt: skip


def answered(inputs: list[float], pictures: list[float]) -> list[float]:
    """Latencies of the events with a picture before the next event: what is known without a z."""
    if len(pictures) == len(inputs):  # none was replaced: they belong to each other in order
        return [shown - at for at, shown in zip(inputs, pictures, strict=True)]
    latencies = []
    for at, until in itertools.pairwise([*inputs, math.inf]):
        first = next((t for t in pictures if t >= at), math.inf)
        if first <= until and first < math.inf:
            latencies.append(first - at)
    return latencies


def followed(run: dict) -> tuple[list[float], list[float], int]:
    """The events that changed z, their latencies, and how many have a picture of their own."""
    events = [
        (at, value)
        for at, value in zip(run["inputs"], run["values"], strict=True)
        if value is not None
    ]
    zs = sorted({value for _, value in events})
    known = torch.zeros(len(zs), 20)
    known[:, 4] = torch.tensor(zs)
    with torch.inference_mode():
        decoded = to_uint8(load_checkpoint("mnist-mlp-20").decode(known)).flatten(1).int()
    latencies, painted = [], set()
    behind = 0  # the first event that no picture has caught up with
    for shown, frame in zip(run["pictures"], run["frames"], strict=True):
        error = (decoded - torch.tensor(list(frame))).abs().amax(1)
        if error.min() > 1:  # a level: the picture of before the drag, or of no z at all
            continue
        z = zs[int(error.argmin())]
        # The hand comes back to a z after most of a second: the latest event with it is meant.
        event = max(
            (i for i, (at, value) in enumerate(events) if value == z and at <= shown), default=-1
        )
        if event >= 0:
            painted.add(event)
        latencies += [shown - at for at, _ in events[behind : event + 1]]
        behind = max(behind, event + 1)
    return [at for at, _ in events], latencies, len(painted)


def row(name: str, run: dict) -> dict[str, object]:
    """How many events were painted and how long it took."""
    inputs, pictures = run["inputs"], run["pictures"]
    if any(value is not None for value in run["values"]):
        inputs, latencies, painted = followed(run)
    else:
        latencies = answered(inputs, pictures)
        painted = len(latencies)
    return {
        "page": name,
        "mouse moves": run["moves"],
        "input events": len(inputs),
        "events/s": len(inputs) / run["seconds"],
        "pictures while down": len(pictures),
        "distinct": len(set(run["frames"])),
        "marker places": run["markers"],
        "painted %": 100 * min(1, painted / len(inputs)) if inputs else 0.0,
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


class Peer(Server):
    """A page of peers.py, run by another environment's Python."""

    health = "/"

    def __init__(self, python: str, name: str) -> None:
        super().__init__()
        self.python, self.name = python, name

    def command(self) -> list[str]:
        return [self.python, str(ROOT / "benchmarks/peers.py"), self.name, str(self.port)]


def measure_peer(name: str, page: Page, url: str) -> dict[str, object]:
    page.goto(url)
    page.locator("#picture img, img#picture").wait_for()
    page.wait_for_timeout(2000)
    box = page.get_by_role("slider").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # Gradio's slider is the track, Dash's the thumb.
    reach = 0.45 * box["width"] if box["width"] > 100 else 250
    return row(PEERS[name], drag(page, sweep(x, y, reach)))


def measured(browser: Browser, server: Server, measure: Measure) -> dict[str, object]:
    with server:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        try:
            return measure(page, server.url)
        finally:
            page.close()


def can_import(python: str, *packages: str) -> bool:
    try:
        command = [python, "-c", f"import {', '.join(packages)}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description="Five seconds of a dragged slider.")
    parser.add_argument(
        "--peers",
        nargs="?",
        const=sys.executable,
        metavar="PYTHON",
        help="Gradio and Dash too, which PYTHON (default: this one) can import",
    )
    python = parser.parse_args().peers
    if python and not can_import(python, *PEERS):
        sys.exit(f"Gradio or Dash is missing: {python} -m pip install -r requirements-bench.txt")
    with tempfile.TemporaryDirectory() as folder, chromium(webgl=False) as browser:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN.format(root=str(ROOT)))
        runs: list[tuple[Server, Measure]] = [
            (Server(), measure_ours), (Server(), measure_brush), (Server(plain), measure_plain),
        ]  # fmt: skip
        if python:
            runs += [(Peer(python, name), partial(measure_peer, name)) for name in PEERS]
        rows = [measured(browser, server, measure) for server, measure in runs]
    report(rows, seconds=SECONDS)


if __name__ == "__main__":
    main()
