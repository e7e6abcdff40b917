"""Faults under an open page: the server killed, the wire cut, the checkpoint deleted or replaced,
and sessions that come and go.

Each fault is a function of a Place (server, wire, checkpoints of its own) and a generator of random
moments; it raises when the page does not say what happened, does not come back by itself, or has
lost what was made. tests/browser/test_faults.py runs each of them once.
"""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from driver import ROOT, Server, chromium
from playwright.sync_api import Browser, Page, expect

from core.images import to_png
from tests.browser.explore_page import SLIDER, centre, z_of_url
from tests.browser.network import Wire
from tests.browser.other_checkpoints import app_of
from tests.torture.bombs import largest
from tests.torture.confined import forget_peak, memory
from tests.torture.tally import Row, Tally
from tests.torture.uploads import MB, MEMORY

NAME, OTHER = "mnist-mlp-20", "mnist-mlp-2"  # the open model, and what the page falls back to
PANELS = ("", "repair", "walk", "attributes", "reconstruct", "models", "train")
READY = 90_000  # ms; generous, a timing is no assertion
LOST, BACK = "Connection lost, trying again. What you made is kept.", "Connected again."
SESSIONS, UPLOAD = 30, 5 * 2**20  # visitors who come and go, and bytes that each of them uploads
CLASS = 12  # visitors who upload the largest picture that is taken, all at once
PER_PAGE = 30  # MB that a page may take
KEPT_PER_SESSION = 0.1  # share of its upload that a session which is gone may still occupy
TRAINER = """
from explorer import training_processes
training_processes.TRAIN = [sys.executable, {fake!r}, "--root", {folder!r}, "core", "train"]
"""
CLOCK = """
import time
right, ahead = time.time, Path({ahead!r})
time.time = lambda: right() + float(ahead.read_text() or 0)
"""
WAITS, TIDIES = 20.0, 10.0  # s: how long a page that was left is waited for, and how often tidied
SHORT = f"""
from streamlit import config
from explorer import live
config.set_option("server.disconnectedSessionTTL", {WAITS})
live.TIDY_EVERY = {TIDIES}
"""
DAY = 86_400.0  # s


class Place(NamedTuple):
    """A server with checkpoints of its own behind a wire of its own."""

    server: Server
    wire: Wire
    folder: Path
    browser: Browser
    ahead: Path  # of s by which the server's clock is ahead of the right time

    def kill(self) -> None:
        assert self.server.process
        self.server.process.kill()
        self.server.process.wait()

    def start(self) -> None:
        self.server.start()
        self.server.wait()


@contextmanager
def place(browser: Browser, root: Path, changes: str = "") -> Iterator[Place]:
    """`root` is an empty folder; `changes` to the program, as Python."""
    folder = root / "checkpoints"
    folder.mkdir()
    for name in (NAME, OTHER):
        shutil.copytree(ROOT / "checkpoints" / name, folder / name)
    script = app_of(folder, OTHER)
    fake = str(ROOT / "tests" / "explorer" / "fake_trainer.py")
    ahead = root / "ahead"
    ahead.write_text("0")
    script.write_text(
        script.read_text()
        + TRAINER.format(fake=fake, folder=str(folder))
        + CLOCK.format(ahead=str(ahead))
        + changes
    )
    server = Server(script)
    wire = Wire(server.port)
    try:
        with server:
            yield Place(server, wire, folder, browser, ahead)
    finally:
        wire.close()


@contextmanager
def opened(at: Place, panel: str = "", model: str = NAME) -> Iterator[Page]:
    """A visitor's page behind the wire."""
    context = at.browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(READY)
        page.goto(f"{at.wire.url}/{panel}?model={model}")
        page.get_by_test_id("connection").wait_for(state="attached")
        yield page
    finally:
        context.close()


def comes_back(page: Page) -> None:
    """By itself: what was cut is said, and that it is whole again."""
    expect(page.get_by_test_id("connection")).not_to_have_text(LOST, timeout=READY)
    expect(page.get_by_test_id("stDialog")).to_have_count(0)


def no_failure(page: Page) -> None:
    assert page.get_by_test_id("stException").count() == 0, "a traceback is on the page"


def wait_until(page: Page, true: Callable[[], bool], what: str) -> None:
    for _ in range(READY // 100):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError(what)


# ---- the faults


def killed_in_a_drag(at: Place, random: np.random.Generator) -> None:
    """The hand goes on meanwhile; z and the bookmark are kept."""
    with opened(at) as page:
        page.get_by_test_id("live-latency").get_by_text("live").wait_for()
        page.get_by_test_id("add-bookmark").click()
        expect(page.get_by_test_id("bookmark")).to_have_count(1)
        slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
        slider.scroll_into_view_if_needed()
        x, y, width = centre(page)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + random.uniform(-0.4, 0.4) * width, y, steps=4)
        page.wait_for_timeout(random.uniform(0, 300))
        at.kill()
        page.mouse.move(x + random.uniform(-0.4, 0.4) * width, y, steps=4)
        expect(page.get_by_test_id("connection")).to_have_text(LOST)
        before = random.random() < 0.5  # let go before or after the server is back
        if before:
            page.mouse.up()
        at.start()
        comes_back(page)
        if not before:
            page.mouse.up()
        wanted = float(slider.input_value())
        wait_until(page, lambda: abs(z_of_url(page)[SLIDER] - wanted) < 0.01, "z was lost")
        page.wait_for_timeout(1000)
        assert abs(z_of_url(page)[SLIDER] - wanted) < 0.01, "z sprang back"
        expect(page.get_by_test_id("bookmark")).to_have_count(1)
        no_failure(page)


def hole(page: Page) -> int:
    """Pixels of Repair's sheet that are unknown."""
    counted = page.get_by_test_id("repair-damaged").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        ".filter((v, i) => i % 4 === 3 && !v).length"
    )
    return int(counted)


def paint(page: Page, y: float) -> None:
    sheet = page.get_by_test_id("repair-damaged")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + y * box["height"], steps=5)
    page.mouse.up()


def _painting_through(at: Place, random: np.random.Generator, down: Callable[[], None],
                      up: Callable[[], None], seconds: float) -> None:  # fmt: skip
    """A digit is uploaded and painted on before and during the fault: Python has all of it after,
    which another panel and back shows."""
    picture = to_png(_digit(int(random.integers(1000))))
    with opened(at, "repair") as page:
        page.get_by_text("Upload", exact=True).click()
        file = {"name": "mine.png", "mimeType": "image/png", "buffer": picture}
        page.get_by_test_id("repair-upload").set_input_files(files=[file])  # type: ignore[list-item]
        page.get_by_text("Now: mine.png").wait_for()
        page.get_by_test_id("repair-answer-0").wait_for()
        paint(page, 0.15)
        page.wait_for_timeout(random.uniform(0, 1500))
        down()
        paint(page, 0.85)
        painted = hole(page)
        expect(page.get_by_test_id("connection")).to_have_text(LOST)
        page.wait_for_timeout(1000 * seconds)
        up()
        comes_back(page)
        assert hole(page) == painted, "strokes were lost"
        page.wait_for_timeout(5000)  # what is told again is heard
        page.get_by_role("link", name="Explore").click()
        page.get_by_test_id("live-latency").wait_for()
        page.get_by_role("link", name="Repair").click()
        page.get_by_text("Now: mine.png").wait_for()
        wait_until(page, lambda: hole(page) == painted, f"Python lost strokes: {hole(page)}")
        no_failure(page)


def _digit(index: int) -> "np.ndarray":
    from core.data import load_dataset

    return load_dataset("mnist", "test").images[index]


def killed_while_painting(at: Place, random: np.random.Generator) -> None:
    _painting_through(at, random, at.kill, at.start, 0)


def wire_cut(at: Place, random: np.random.Generator, seconds: float = 10) -> None:
    _painting_through(at, random, at.wire.cut, at.wire.mend, seconds)


def killed_in_a_training(at: Place, random: np.random.Generator) -> None:
    """The training goes on to its end, and the form keeps what was typed."""
    name = f"run-{random.integers(10**9)}"
    with opened(at, "train") as page:
        box = page.get_by_label("Name of the run", exact=True)
        box.fill(name)
        box.press("Enter")
        page.wait_for_timeout(1000)
        page.get_by_role("button", name="Start training").click()
        page.get_by_role("heading", name=name).wait_for()
        hidden = page.get_by_label("Hidden units", exact=True)
        hidden.fill("48")
        hidden.press("Enter")
        page.get_by_text("--h-dim 48").wait_for()  # the server has heard it
        page.wait_for_timeout(random.uniform(300, 2000))
        at.kill()
        expect(page.get_by_test_id("connection")).to_have_text(LOST)
        page.wait_for_timeout(random.uniform(0, 2000))
        at.start()
        comes_back(page)
        page.get_by_role("heading", name=re.compile(f"{name}.*finished")).wait_for()
        expect(hidden).to_have_value("48")
        page.get_by_role("link", name="Walk").click()
        page.get_by_text("Add a key").wait_for()
        page.get_by_role("link", name="Train").click()
        expect(hidden).to_have_value("48")
        no_failure(page)


def clock_jumps(at: Place, random: np.random.Generator) -> None:
    """Back and forth by up to a day, as somebody or a time server sets it: the training ends well,
    the hand goes on."""
    name = f"clock-{random.integers(10**9)}"

    def jump() -> None:
        at.ahead.write_text(str(random.uniform(-DAY, DAY)))
        page.wait_for_timeout(random.uniform(0, 500))

    with opened(at, "train") as page:
        box = page.get_by_label("Name of the run", exact=True)
        box.fill(name)
        box.press("Enter")
        page.wait_for_timeout(1000)
        jump()
        page.get_by_role("button", name="Start training").click()
        page.get_by_role("heading", name=name).wait_for()
        jump()
        page.get_by_role("link", name="Explore").click()
        page.get_by_test_id("live-latency").get_by_text("live").wait_for()
        slider = page.get_by_test_id(f"latent-slider-{SLIDER}")
        slider.scroll_into_view_if_needed()
        x, y, width = centre(page)
        page.mouse.move(x, y)
        page.mouse.down()
        for _ in range(5):
            jump()
            page.mouse.move(x + random.uniform(-0.4, 0.4) * width, y, steps=4)
        page.mouse.up()
        wanted = float(slider.input_value())
        wait_until(page, lambda: abs(z_of_url(page)[SLIDER] - wanted) < 0.01, "z was lost")
        page.get_by_role("link", name="Train").click()
        page.get_by_role("heading", name=re.compile(f"{name}.*finished")).wait_for()
        no_failure(page)


def killed_in_a_map(at: Place, random: np.random.Generator) -> None:
    """UMAP ends with its server; the page says so, and the map can be computed again."""
    with opened(at, model=OTHER) as page:
        page.get_by_test_id("live-latency").get_by_text("live").wait_for()
        page.get_by_text("UMAP", exact=True).click()
        button = page.get_by_role("button", name=re.compile("ompute UMAP"))
        button.click()
        page.get_by_role("button", name="Stop").wait_for()
        page.wait_for_timeout(random.uniform(0, 3000))
        at.kill()
        at.start()
        comes_back(page)
        page.get_by_text(f"UMAP of {OTHER} was interrupted").wait_for()
        expect(button).to_be_enabled()
        no_failure(page)
    assert not [p for p in psutil.process_iter(["cmdline"]) if _computes(p, at.folder)]


def disk_full(at: Place, random: np.random.Generator) -> None:
    """Nothing can be written, which every panel survives that writes; with space all of it goes
    on. No file may grow: what a full disk refuses too, and what needs no disk of its own."""
    name = f"full-{random.integers(10**9)}"
    weights = at.folder / OTHER / "model.safetensors"
    with opened(at, "train", OTHER) as page:
        box = page.get_by_label("Name of the run", exact=True)
        box.fill(name)
        box.press("Enter")
        page.wait_for_timeout(1000)
        start = page.get_by_role("button", name="Start training")
        with _full(at):
            start.click()
            page.get_by_text("The queue of trainings cannot be written").wait_for()
            page.get_by_role("link", name="Models").click()
            page.get_by_text("Manage", exact=True).click()
            page.locator("input[type=file]").set_input_files(weights)
            page.get_by_role("button", name="Keep this model").click()
            page.get_by_text("Free some space, or make the folder writable").wait_for()
            no_failure(page)
            page.get_by_role("link", name="Explore").click()
            page.get_by_test_id("live-latency").get_by_text("live").wait_for()
            page.get_by_test_id("add-bookmark").click()
            expect(page.get_by_test_id("bookmark")).to_have_count(1)
            page.get_by_role("link", name="Train").click()
            expect(box).to_have_value(name)
        start.click()
        page.get_by_role("heading", name=re.compile(f"{name}.*finished")).wait_for()
        no_failure(page)
    assert not list(at.folder.glob("**/*.tmp")), "something half written was left"


@contextmanager
def _full(at: Place) -> Iterator[None]:
    assert at.server.process
    server = psutil.Process(at.server.process.pid)
    before = server.rlimit(psutil.RLIMIT_FSIZE)
    server.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        server.rlimit(psutil.RLIMIT_FSIZE, before)


def _computes(process: psutil.Process, folder: Path) -> bool:
    words = process.info["cmdline"] or []
    return "embed" in words and any(word.startswith(str(folder)) for word in words)


def _replace(at: Place) -> str:
    """By a model of other dimensions; as somebody does it by hand."""
    shutil.rmtree(at.folder / NAME)
    shutil.copytree(ROOT / "checkpoints" / OTHER, at.folder / NAME)
    return f"{NAME} was replaced"


def _retrain(at: Place) -> str:
    """By other weights of the same network, with the very same times."""
    import torch
    from safetensors.torch import load_file, save_file

    file = at.folder / NAME / "model.safetensors"
    weights = {key: value + 0.01 for key, value in load_file(file).items()}
    other = file.with_suffix(".new")
    save_file({key: value.to(torch.float32) for key, value in weights.items()}, other)
    shutil.copystat(file, other)
    other.replace(file)
    return f"{NAME} was replaced"


def _delete(at: Place) -> str:
    shutil.rmtree(at.folder / NAME)
    return f"{NAME} was deleted or renamed; the page goes on with {OTHER}"


def _rename(at: Place) -> str:
    (at.folder / NAME).rename(at.folder / "elsewhere")
    return f"{NAME} was deleted or renamed; the page goes on with"


CHANGES = (_replace, _retrain, _delete, _rename)


def checkpoint_changes(at: Place, panel: str, change: Callable[[Place], str]) -> None:
    """The page says so by itself, on the panel that is open."""
    try:
        with opened(at, panel) as page:
            page.get_by_role("heading", level=4).first.wait_for()
            page.wait_for_timeout(2000)
            sentence = change(at)
            page.get_by_text(sentence).wait_for()
            page.wait_for_timeout(2000)
            expect(page.get_by_text(sentence)).to_be_visible()
            no_failure(page)
    finally:
        shutil.rmtree(at.folder / "elsewhere", ignore_errors=True)
        shutil.rmtree(at.folder / NAME, ignore_errors=True)
        shutil.copytree(ROOT / "checkpoints" / NAME, at.folder / NAME)


# ---- sessions that come and go


def resident(server: Server) -> int:
    assert server.process
    return int(psutil.Process(server.process.pid).memory_info().rss)


def visit(at: Place, size: int) -> None:
    """Upload a picture of so many bytes and leave."""
    noise = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    picture = to_png(_digit(0)) + noise.tobytes()  # what follows a PNG's end is nobody's
    with opened(at, "reconstruct") as page:
        page.get_by_text("Upload", exact=True).click()
        page.get_by_test_id("reconstruct-upload").set_input_files(
            files=[{"name": "large.png", "mimeType": "image/png", "buffer": picture}]  # type: ignore[list-item]
        )
        page.get_by_text("Now: large.png").wait_for()


def class_uploads(at: Place, visitors: int) -> int:
    """All send the largest picture at the same time, and all see the digit in it. Returns the
    memory that the server took for it at most, in bytes."""
    assert at.server.process
    process = Path("/proc") / str(at.server.process.pid)
    picture = largest().content
    with ExitStack() as open_pages:
        pages = [open_pages.enter_context(opened(at, "reconstruct")) for _ in range(visitors)]
        for page in pages:
            page.get_by_text("Upload", exact=True).click()
            page.get_by_test_id("reconstruct-upload").wait_for(state="attached")
        before = forget_peak(process)
        for page in pages:
            page.get_by_test_id("reconstruct-upload").set_input_files(
                files=[{"name": "a.webp", "mimeType": "image/webp", "buffer": picture}]  # type: ignore[list-item]
            )
        for page in pages:
            page.get_by_text("28 x 28").wait_for(timeout=READY)
            no_failure(page)
        return memory("VmHWM", process) - before


# ---- the table


def _counted(
    what: str, times: int, attempt: Callable[[np.random.Generator], None], seed: int
) -> Row:
    tally = Tally(what)
    for n in range(times):
        with tally.attempt(f"seed {seed}, number {n}"):
            attempt(np.random.default_rng([seed, n]))
    return tally.row()


def rows(scale: float, seed: int) -> Iterator[Row]:
    def times(count: int) -> int:
        return max(1, round(count * scale))

    faults: Sequence[tuple[str, int, Callable[[Place, np.random.Generator], None]]] = (
        ("server killed during a drag", 10, killed_in_a_drag),
        ("server killed under a repair", 6, killed_while_painting),
        ("server killed during a training", 6, killed_in_a_training),
        ("server killed during a map", 4, killed_in_a_map),
        ("disk full", 4, disk_full),
        ("clock set back and forth", 4, clock_jumps),
        ("network cut for ten seconds", 6, wire_cut),
    )
    with (
        tempfile.TemporaryDirectory() as root,
        chromium() as browser,
        place(browser, Path(root)) as at,
    ):
        for what, count, fault in faults:
            yield _counted(what, times(count), lambda r, f=fault: f(at, r), seed)  # type: ignore[misc]
        changes = [(panel, change) for panel in PANELS for change in CHANGES]
        np.random.default_rng(seed).shuffle(changes)  # type: ignore[arg-type]
        tally = Tally("checkpoint deleted, renamed, replaced on every panel")
        for panel, change in changes[: times(len(changes))]:
            with tally.attempt(f"{change.__name__} on {panel or 'explore'}"):
                checkpoint_changes(at, panel, change)
        yield tally.row()
        alone = Path(root) / "alone"
        alone.mkdir()
        yield _sessions(browser, alone, times(SESSIONS))
        yield _class_uploads(at, times(CLASS))


def _sessions(browser: Browser, root: Path, count: int) -> Row:
    """On a server that waits for nobody for long: what is left when all are gone."""
    tally = Tally("sessions with an upload of 5 MB, come and gone")
    with place(browser, root, SHORT) as at:
        for _ in range(3):  # what the first visits bring into memory is the server's own
            visit(at, UPLOAD)
        before = _rested(at.server)
        for n in range(count):
            with tally.attempt(f"visit {n}"):
                visit(at, UPLOAD)
        grown = _rested(at.server) - before
    allowed = KEPT_PER_SESSION * UPLOAD * count + 40e6
    tally.note = f"memory grew by {grown / 1e6:.0f} MB; {allowed / 1e6:.0f} MB are allowed"
    tally.demand(grown < allowed, tally.note)
    return tally.row()


def _rested(server: Server) -> int:
    """The memory of a server that has had the time to forget who is gone."""
    time.sleep(WAITS + 3 * TIDIES)
    return resident(server)


def _class_uploads(at: Place, visitors: int) -> Row:
    tally = Tally("the largest picture, uploaded by a class at once")
    with tally.attempt(f"{visitors} visitors"):
        peak = class_uploads(at, visitors)
        allowed = MEMORY + PER_PAGE * visitors  # one picture's, whoever else waits
        tally.note = f"{visitors} visitors; memory {peak / MB:.0f} MB of {allowed}"
        tally.demand(peak < allowed * MB, tally.note)
    return tally.row()
