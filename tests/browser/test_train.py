"""Train in a real Chromium: a run of two epochs from Start to the end, over a reload; the film."""

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from core.checkpoint import CHECKPOINTS, write_json
from explorer import run_files, trainings

Open = Callable[..., Page]
WHOLE_RUN = 240_000  # ms; a timing is no assertion


@pytest.fixture
def run_name() -> Iterator[str]:
    """A run of this test's own among the real checkpoints; nothing of it is left."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    trainings.remove(name)
    run = trainings.find(name)
    if run and run.alive:
        trainings.stop(name)
        while (run := trainings.find(name)) and run.alive:
            time.sleep(0.1)
    if trainings.find(name):
        trainings.discard(name)


def still(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")


def open_train(open_page: Open, **options: object) -> Page:
    page = open_page("train", ready=False, **options)
    page.get_by_label("Name of the run", exact=True).wait_for(timeout=60_000)
    return page


def fill(page: Page, label: str, value: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(value)
    box.press("Enter")
    page.wait_for_timeout(700)  # the form is drawn anew


def curve(page: Page) -> list[float]:
    """The x of the first chart's points; none before it is drawn."""
    return page.locator(".js-plotly-plot").first.evaluate("p => [...(p.data?.[0].x ?? [])]")


def map_pixels(page: Page) -> bytes:
    values = page.get_by_test_id("epoch-map").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).tobytes()


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        page.wait_for_timeout(50)
    assert true()


def test_two_epochs_over_a_reload(open_page: Open, run_name: str) -> None:
    page = open_train(open_page)
    fill(page, "Epochs", "2")
    fill(page, "Hidden units", "16")
    fill(page, "Latent dimensions", "0")
    expect(page.get_by_text("z_dim must be above 0; it is 0.")).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    fill(page, "Latent dimensions", "5")
    fill(page, "Name of the run", run_name)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name=run_name)).to_be_visible()
    page.get_by_test_id("epoch-map").wait_for(timeout=WHOLE_RUN)
    wait_until(page, lambda: curve(page)[:1] == [1])
    page.reload()  # in the middle of it
    expect(page.get_by_role("heading", name=re.compile(f"{run_name}.*finished"))).to_be_visible(
        timeout=WHOLE_RUN
    )
    wait_until(page, lambda: curve(page) == [1, 2])
    assert [row["epoch"] for row in run_files.history(CHECKPOINTS / run_name)] == [1, 2]
    expect(page.get_by_test_id("epoch-where")).to_have_text("epoch 2 of 2")
    expect(page.get_by_test_id("epoch-sampled")).to_have_attribute("data-epoch", "2")
    page.get_by_test_id("epoch-map").scroll_into_view_if_needed()
    wait_until(page, lambda: any(map_pixels(page)))
    end = map_pixels(page)
    page.get_by_test_id("epoch-scrubber").press("Home")  # look back
    expect(page.get_by_test_id("epoch-where")).to_have_text("epoch 1 of 2")
    expect(page.get_by_test_id("epoch-reconst")).to_have_attribute("data-epoch", "1")
    wait_until(page, lambda: map_pixels(page) != end)
    page.get_by_test_id("epoch-play").click()  # and forth
    expect(page.get_by_test_id("epoch-where")).to_have_text("epoch 2 of 2")
    wait_until(page, lambda: map_pixels(page) == end)
    page.get_by_role("button", name="Open in Explore").click()
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=60_000)
    assert f"model={run_name}" in page.url
    expect(page.get_by_test_id("latent-slider-4")).to_be_attached()


@pytest.fixture
def written_run(run_name: str) -> Path:
    """Three epochs of a run, two clusters that move; written, not trained."""
    folder = CHECKPOINTS / run_name
    shutil.copytree(CHECKPOINTS / "mnist-mlp-2", folder)
    (folder / "samples").mkdir()
    generator = np.random.default_rng(0)
    labels = (np.arange(200) % 2).astype(np.uint8)
    rows = []
    for epoch in (1, 2, 3):
        mu = generator.normal(size=(200, 2)) + epoch * 3 * labels[:, None]
        np.savez(folder / "samples" / f"codes-{epoch}.npz", mu=mu.astype(np.float16), labels=labels)
        for kind in ("sampled", "reconst"):
            shutil.copy("docs/repair-sheet.png", folder / "samples" / f"{kind}-{epoch}.png")
        rows.append({"epoch": epoch, "reconstruction": 90.0, "kl": 9.0, "neg_elbo": 99.0,
                     "active_units": 2})  # fmt: skip
    progress = {"state": "running", "pid": 0, "epoch": 3, "epochs": 3, "updated": 2e9}
    write_json(folder / "history.json", {"epochs": rows})
    write_json(folder / "progress.json", progress)
    return folder


def test_what_the_film_was_refused_it_asks_for_again(
    open_page: Open, written_run: Path, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    refused: set[str] = set()

    def refuse_once(route: Route) -> None:
        if route.request.url in refused:
            route.continue_()
        else:
            refused.add(route.request.url)
            route.fulfill(status=503)

    def before(page: Page) -> None:
        still(page)
        page.route("**/live/training/**", refuse_once)

    page = open_train(open_page, before=before)
    page.get_by_test_id("epoch-map").scroll_into_view_if_needed()
    for kind in ("sampled", "reconst"):
        expect(page.get_by_test_id(f"epoch-{kind}")).to_have_attribute("data-epoch", "3")
    wait_until(page, lambda: any(map_pixels(page)))


def test_a_dead_run_is_said_its_film_plays_and_it_is_discarded(
    open_page: Open, written_run: Path
) -> None:
    page = open_train(open_page, before=still, width=390)
    expect(page.get_by_text("Interrupted after epoch 3")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.get_by_test_id("epoch-scrubber").scroll_into_view_if_needed()
    expect(page.get_by_test_id("epoch-where")).to_have_text("epoch 3 of 3")
    wait_until(page, lambda: any(map_pixels(page)))
    all_classes = map_pixels(page)
    page.locator(".epoch-film .legend button").first.click()
    wait_until(page, lambda: map_pixels(page) != all_classes)
    page.get_by_test_id("epoch-scrubber").fill("1.5")  # between two epochs
    expect(page.get_by_test_id("epoch-map")).to_have_attribute("data-position", re.compile("2.00"))
    scrubber = page.get_by_test_id("epoch-scrubber")
    for key, epoch in (("Home", 1), ("ArrowRight", 2), ("End", 3), ("ArrowLeft", 2)):
        scrubber.press(key)  # whole epochs
        expect(page.get_by_test_id("epoch-where")).to_have_text(f"epoch {epoch} of 3")
        expect(scrubber).to_have_attribute("aria-valuetext", f"epoch {epoch}")
    page.get_by_test_id("epoch-play").press("Enter")
    expect(page.get_by_test_id("epoch-where")).to_have_text("epoch 3 of 3")
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name=f"Delete {written_run.name}").click()
    expect(page.get_by_text("Interrupted after epoch 3")).to_have_count(0)
    assert not written_run.exists()
