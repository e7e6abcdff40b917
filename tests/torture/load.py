"""A class at work: 32 clients at 60 z a second for five minutes, one repairing, one uploading.

The z are those of benchmarks/load.py. Beside them one paints, as the Repair panel's board does:
REPAIR after every stroke, the next when the answer is there, and every second the refined answers.
Another one gives the Reconstruct panel one picture after the other, in a real Chromium.
"""

import asyncio
import contextlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import load
import numpy as np
from driver import Server, chromium
from playwright.sync_api import expect

from core.images import to_png
from explorer import caches, catalogue, frames, live
from tests.torture.channel import MB, asked, memory
from tests.torture.fuzzed_frames import repair
from tests.torture.tally import Row, Tally
from tests.torture.wire import PATIENCE, Answer, Wire, framed

CLIENTS, SECONDS = 32, 300.0
# The class that P95 is promised to. 32 hands on the convolutional one, 0.3 ms a picture, leave two
# cores no room for anybody else: of it the table tells the figure, and nothing may be lost.
TUTORIALS = "mnist-mlp-20"
REST, STROKE = 1.0, 1 / 60  # s between two requests for refined answers, and two of the brush
UPLOAD_EVERY = 5.0  # s; who uploads has to choose a file and to look
P95 = 33.0  # ms
SLOPE = 10.0  # MB a minute, the steepest that the server's memory may rise after the first
SAMPLE = 0.1  # s between two looks at it


def rows(
    scale: float,
    seed: int,
    server: Server | None = None,
    models: tuple[str, ...] = (TUTORIALS, catalogue.DEFAULT_CHECKPOINT),
    upload: bool = True,
) -> Iterator[Row]:
    seconds = SECONDS * scale
    with contextlib.ExitStack() as stack:
        running = server or stack.enter_context(Server())
        for model in models:
            yield from _class_at_work(running, model, seconds, scale, seed, upload)


def _class_at_work(
    server: Server, model: str, seconds: float, scale: float, seed: int, upload: bool
) -> Iterator[Row]:
    drags = Tally(f"z of {CLIENTS} clients dragging {model}")
    repairs, uploads = Tally(f"repairs meanwhile, {model}"), Tally("uploads meanwhile")
    begun, end = threading.Event(), threading.Event()
    sizes: list[tuple[float, int]] = []
    with (
        ThreadPoolExecutor(1) as browser,
        asyncio.Runner(loop_factory=load.loop_of_exact_timers) as runner,
    ):
        runner.run(load.drags(server, CLIENTS, min(3.0, seconds), model))  # everything once
        uploading = browser.submit(_upload, server, uploads, begun, end) if upload else None
        if uploading is not None:  # the page is open before anything is measured
            begun.wait(PATIENCE)
        try:
            found = runner.run(_drag_and_repair(server, model, seconds, seed, repairs, sizes))
        finally:
            end.set()
        if uploading is not None:
            uploading.result()
    yield _judged(drags, found, promised=scale >= 1 and model == TUTORIALS)
    yield repairs.row()
    if upload:
        yield uploads.row()
    yield _flat(model, sizes, scale)


async def _drag_and_repair(
    server: Server,
    model: str,
    seconds: float,
    seed: int,
    repairs: Tally,
    sizes: list[tuple[float, int]],
) -> dict[str, object]:
    end = asyncio.Event()
    async with asyncio.TaskGroup() as others:
        others.create_task(_paint(server, model, frames.REPAIR, STROKE, seed, repairs, end))
        others.create_task(_paint(server, model, frames.COMPLETE, REST, seed + 1, repairs, end))
        others.create_task(_watch(server, sizes, end))
        try:
            return await load.drags(server, CLIENTS, seconds, model)
        finally:
            end.set()


async def _paint(
    server: Server,
    model: str,
    kind: int,
    pause: float,
    seed: int,
    tally: Tally,
    end: asyncio.Event,
) -> None:
    """One request after the other, each of another damage; what is asked at the end is awaited."""
    wire = await Wire.opened(server.url, f"/live/channel/{model}")
    rng, sequence = random.Random(seed), 0
    settings = {} if kind == frames.REPAIR else {"k": 16, "steps": None}
    try:
        while not end.is_set():
            started, sequence = time.monotonic(), sequence + 1
            with tally.attempt(f"request {sequence} of kind {kind}"):
                wire.write(framed(asked(kind, repair(rng, **settings), sequence)))
                answer = await wire.receive()
                assert isinstance(answer, Answer) and answer.planes > 0, answer
                assert answer[:2] == (sequence, kind), answer
            await asyncio.sleep(max(0.0, pause - (time.monotonic() - started)))
    finally:
        wire.drop()


async def _watch(server: Server, sizes: list[tuple[float, int]], end: asyncio.Event) -> None:
    while not end.is_set():
        sizes.append((time.monotonic(), memory(server)))
        await asyncio.sleep(SAMPLE)


def _upload(server: Server, tally: Tally, begun: threading.Event, end: threading.Event) -> None:
    """Pictures given to the Reconstruct panel, one after the other, until `end`."""
    digits = caches.test_set("mnist-mlp-20").images
    with chromium(webgl=False) as browser, tempfile.TemporaryDirectory() as folder:
        page = browser.new_page()
        page.goto(f"{server.url}/reconstruct")
        page.get_by_text("Upload", exact=True).click(timeout=1000 * PATIENCE)
        n = 0
        while not n or not end.wait(UPLOAD_EVERY):  # one at least
            n += 1
            file = Path(folder) / f"digit-{n}.png"
            file.write_bytes(to_png(digits[n], scale=10))
            with tally.attempt(f"upload {n}"):
                page.get_by_test_id("reconstruct-upload").set_input_files(file)
                shown = page.get_by_text(f"Now: {file.name}")
                expect(shown).to_be_visible(timeout=1000 * PATIENCE)
                expect(page.get_by_test_id("stMetricValue")).to_have_count(
                    3, timeout=1000 * PATIENCE
                )
                expect(page.get_by_test_id("stAlert")).to_have_count(0)
            begun.set()


def _judged(tally: Tally, found: dict[str, object], promised: bool) -> Row:
    due, sent, answers = (int(str(found[key])) for key in ("z due", "sent", "answers"))
    p95, share = (float(str(found[key])) for key in ("p95 ms", "answered %"))
    # Latest wins: a z that a newer one replaced before it was sent is shown by that one's picture.
    tally.tried, tally.survived = sent, answers
    ceiling = f" of {P95:.0f}" if promised else ""
    longest, busy = (float(str(found[key])) for key in ("longest ms", "server CPU %"))
    tally.note = (
        f"{due:,} due, {share:.1f}% with a picture of their own; 95th percentile {p95:.1f} ms"
        f"{ceiling}; longest {longest:.0f} ms; server at {busy:.0f}% of a core; "
        f"load {os.getloadavg()[0]:.1f}"
    )
    if promised:
        tally.demand(p95 <= P95, f"The 95th percentile is {p95:.1f} ms.")
    return tally.row()


def _flat(model: str, sizes: list[tuple[float, int]], scale: float) -> Row:
    tally = Tally(f"memory under load, {model}")
    with tally.attempt("memory"):
        last = sizes[-1][1] / MB
        if scale >= 1:  # a minute's slope of a few seconds says nothing
            slope = rise(sizes) / MB
            tally.note = f"{last:.0f} MB; {slope:+.1f} MB a minute, at most {SLOPE:.0f}"
            assert slope <= SLOPE, f"The server grows by {slope:.1f} MB a minute."
        else:
            values = [size for _, size in sizes[len(sizes) // 2 :]]
            tally.note = f"{last:.0f} MB"
            grown = max(values) / values[0] - 1
            assert grown < 0.1, f"The server grew by {grown:.0%} while it was watched."
    return tally.row()


def rise(sizes: list[tuple[float, int]]) -> float:
    """Bytes a minute by which memory rises, from (s, bytes) over three minutes or more, without the
    first. It is a saw: what runs of a page leave goes every live.TIDY_EVERY. So this is the line
    through the lowest points of each such time."""
    seconds, values = np.array(sizes, float).T
    tooth = (seconds - seconds[0]) // live.TIDY_EVERY
    whole = range(1, int((seconds[-1] - seconds[0]) // live.TIDY_EVERY))
    lowest = [np.flatnonzero(tooth == n)[np.argmin(values[tooth == n])] for n in whole]
    return 60 * float(np.polyfit(seconds[lowest] - seconds[0], values[lowest], 1)[0])
