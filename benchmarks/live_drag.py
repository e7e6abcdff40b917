"""Five seconds of a dragged slider, ours beside st.slider + st.image, of the map and the brush.

python benchmarks/live_drag.py
python benchmarks/live_drag.py --peers .venv-bench/bin/python    # and beside Gradio and Dash

A real Chromium presses the thumb and moves it at the rate the browser takes. Input events are
stamped as they happen, pictures when the canvas' pixels (or the <img>) have changed. Which z a
picture shows is read from its pixels. An event that changed z has the latency until a picture of
its z, or of a newer one, is there; it is painted if a picture of its own z came. Hovering over
the map has no z: there an event's picture is the digit under the pointer, and what the page sends
meanwhile is counted.
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
MODEL, REPAIR_MODEL = "mnist-mlp-20", "mnist-res-32"  # that Explore and Repair are opened with
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
  if (window.hovering) moves.push(performance.now());
  if (!e.buttons || ours(e)) return;
  inputs.push(performance.now());
  values.push(null);
}, true);
// The map's events: what they made of z is known once its own handlers have run.
window.moves = []; window.thumbnails = [];
addEventListener("pointermove", (e) => {
  if (window.live && e.buttons && !ours(e)) values[values.length - 1] = [...live.currentZ()];
});
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
  if (this.canvas.dataset.testid === "map-thumbnail") thumbnails.push(now);
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
        (at, tuple(value) if isinstance(value, list) else value)
        for at, value in zip(run["inputs"], run["values"], strict=True)
        if value is not None
    ]
    zs = list(dict.fromkeys(value for _, value in events))
    if isinstance(zs[0], tuple):  # the map's: all of z
        known = torch.tensor(zs)
    else:
        known = torch.zeros(len(zs), 20)
        known[:, 4] = torch.tensor(zs)
    with torch.inference_mode():
        decoded = to_uint8(load_checkpoint(MODEL).decode(known)).flatten(1).int()
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


def circle(x: float, y: float, radius: float) -> Iterator[tuple[float, float]]:
    """Around (x, y) px without end, a little wider each time, so that no place comes twice."""
    for move in itertools.count():
        reach = radius * (0.9 + 0.1 * math.sin(move / 40))
        angle = 2 * math.pi * move / PERIOD
        yield x + reach * math.cos(angle), y + reach * math.sin(angle)


def open_explore(page: Page, url: str) -> None:
    """At z = 0, with its map drawn."""
    page.goto(f"{url}/?model={MODEL}")
    page.get_by_test_id("live-latency").get_by_text("live").wait_for()
    page.locator(".latent-map .marker").wait_for()
    page.get_by_text("Reset to z = 0").click()
    page.wait_for_timeout(2500)


def measure_slider(filmstrips: bool, page: Page, url: str) -> dict[str, object]:
    open_explore(page, url)
    if not filmstrips:
        page.get_by_text("Filmstrips").click()
        page.wait_for_timeout(1000)
    slider = page.get_by_test_id("latent-slider-4")
    slider.scroll_into_view_if_needed()  # 20 of them are higher than the window
    box = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    name = "slider, filmstrips on" if filmstrips else "slider, filmstrips off"
    return row(name, drag(page, sweep(x, y, 0.45 * box["width"])))


def open_70000(page: Page, url: str) -> tuple[float, float, float]:
    """Explore with all dots; the middle of the map and a radius that stays within it."""
    open_explore(page, url)
    page.get_by_text("+ training").click()
    page.wait_for_function(
        "document.querySelector('[data-testid=latent-map]').data"
        ".reduce((sum, trace) => sum + (trace.x?.length ?? 0), 0) >= 70000",
        timeout=120_000,
    )
    page.evaluate("import(new URL('live/static/live.js', document.baseURI)).then((m) => live = m)")
    page.wait_for_timeout(4000)
    box = page.get_by_test_id("latent-map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 0.2 * box["width"]


def measure_map(page: Page, url: str) -> dict[str, object]:
    return row("map of 70,000 digits, filmstrips on", drag(page, circle(*open_70000(page, url))))


def measure_hover(page: Page, url: str) -> dict[str, object]:
    """From a move of the free pointer to the digit in the thumbnail; nothing may be sent."""
    path = circle(*open_70000(page, url))
    page.mouse.move(*next(path))
    page.wait_for_timeout(3000)  # the digits' bytes have come
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate(
        "() => { window.hovering = true; moves.length = thumbnails.length = window.sent = 0;"
        " const send = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (...all) { sent++; return send.apply(this, all); }; }"
    )
    count, start = 0, time.monotonic()
    while time.monotonic() < start + SECONDS:
        page.mouse.move(*next(path))
        count += 1
    seconds = time.monotonic() - start
    moves, thumbnails, frames = page.evaluate("[moves, thumbnails, window.sent]")
    latencies = [shown - max(at for at in moves if at <= shown) for shown in thumbnails]
    return {
        "page": f"hover over 70,000 digits ({len(sent) + frames} requests)",
        "mouse moves": count,
        "input events": len(moves),
        "events/s": len(moves) / seconds,
        "pictures while down": len(thumbnails),
        "p50 ms": float(np.percentile(latencies, 50)),
        "p95 ms": float(np.percentile(latencies, 95)),
    }


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
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN.format(root=str(ROOT)))
        runs: list[tuple[Server, Measure]] = [
            (Server(), partial(measure_slider, True)), (Server(), partial(measure_slider, False)),
            (Server(), measure_map), (Server(), measure_hover),
            (Server(), measure_brush), (Server(plain), measure_plain),
        ]  # fmt: skip
        if python:
            runs += [(Peer(python, name), partial(measure_peer, name)) for name in PEERS]
        rows = [measured(browser, server, measure) for server, measure in runs]
    report(rows, seconds=SECONDS)


if __name__ == "__main__":
    main()
