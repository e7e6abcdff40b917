"""Models in a real Chromium: the table sorts and opens, pictures come, and a whole life of a model
from upload to deletion."""

import io
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from safetensors.torch import save_file

from core import VAE
from core.checkpoint import CHECKPOINTS, describe, list_checkpoints
from core.library import delete_checkpoint

Open = Callable[..., Page]


@pytest.fixture
def own_name() -> Iterator[str]:
    """A name for a model of this test, which is gone after it."""
    name = f"zz-browser-{uuid.uuid4().hex[:6]}"
    yield name
    for left in [name for name in list_checkpoints() if name.startswith("zz-browser-")]:
        delete_checkpoint(left)


def open_models(open_page: Open, view: str = "Figures", **options: object) -> Page:
    page = open_page("models?model=mnist-mlp-20", ready=False, **options)
    page.get_by_text("Side by side", exact=True).wait_for(timeout=60_000)
    page.get_by_text(view, exact=True).click()
    return page


def names(page: Page) -> list[str]:
    rows = page.locator(".model-table tbody th .open")
    rows.first.wait_for()
    return rows.all_inner_texts()


def test_headings_sort_and_the_unmeasured_come_last(open_page: Open) -> None:
    page = open_models(open_page)
    assert names(page) == list_checkpoints()
    metrics = {name: describe(name).metrics or {} for name in list_checkpoints()}
    measured = [name for name in metrics if "neg_elbo" in metrics[name]]
    rising = sorted(measured, key=lambda name: metrics[name]["neg_elbo"])
    heading = page.get_by_test_id("sort-neg_elbo")
    heading.click()
    assert names(page)[: len(measured)] == rising
    expect(page.get_by_test_id("sort-neg_elbo")).to_be_focused()
    page.keyboard.press("Enter")
    assert names(page)[: len(measured)] == rising[::-1]
    expect(page.locator("th[aria-sort=descending]")).to_have_count(1)


# The table on its own, with a model that cannot be read.
PROBLEM = """async () => {
    const { default: mount } =
        await import(new URL("live/static/model_table/model_table.js", document.baseURI));
    const parentElement = document.body.appendChild(document.createElement("div"));
    const rows = [{ name: "broken", cells: {}, problem: "It cannot be read." }];
    mount({ data: [{ columns: [{ key: "kl", label: "KL" }], rows }], parentElement });
}"""


def test_what_is_wrong_with_a_model_is_a_cell_of_its_row(open_page: Open) -> None:
    """And no alert, which every sorting would call out again."""
    page = open_page("learn", ready=False)
    page.evaluate(PROBLEM)
    expect(page.get_by_role("cell", name="It cannot be read.")).to_have_count(1)


def test_what_is_missing_names_the_command(open_page: Open) -> None:
    page = open_models(open_page)
    names(page)
    for name in list_checkpoints():
        metrics = describe(name).metrics or {}
        cell = page.get_by_test_id(f"missing-{name}")
        if "nll" in metrics and "evaluated" in metrics:
            expect(cell).to_have_count(0)
        else:
            expect(cell.first).to_contain_text(f"python -m core evaluate {name}")


def test_a_name_opens_explore_with_that_model(open_page: Open) -> None:
    page = open_models(open_page)
    page.locator(".model-table").get_by_text("mnist-mlp-2", exact=True).click()
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=60_000)
    expect(page).to_have_url(re.compile(r"model=mnist-mlp-2(&|$)"))


def test_the_dot_plot_is_drawn_and_its_sources_can_be_read(open_page: Open) -> None:
    page = open_models(open_page)
    expect(page.locator(".js-plotly-plot .scatterlayer .point").first).to_be_visible()
    page.get_by_text("Where the published figures are from").click()
    expect(page.get_by_role("link", name="Burda et al. 2016").first).to_be_visible()


def decoded(image: Locator) -> np.ndarray:
    """The grey levels of a picture on the page."""
    return np.array(image.evaluate("""async (image) => {
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
    }"""), np.uint8).reshape(-1, 4)[:, 0]  # fmt: skip


def test_side_by_side_on_the_same_inputs(open_page: Open) -> None:
    page = open_models(open_page, "Side by side")
    grids = page.locator(".picture-grid")
    expect(grids).to_have_count(4, timeout=60_000)
    expect(grids.first.locator("tr")).to_have_count(3)
    expect(grids.first.locator("img")).to_have_count(33)
    rows = [grids.first.locator("tr").nth(n).locator("img").nth(0) for n in range(3)]
    given, a, b = (decoded(image).astype(float) for image in rows)
    assert given.shape == a.shape == (784,)
    shown = grids.first.locator("tr").nth(1).locator("figcaption").nth(0).inner_text()
    assert float(shown) == pytest.approx((((given - a) / 255) ** 2).mean(), abs=2e-4)
    assert (a != b).any()
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.get_by_role("button", name="Other seeds").click()
    expect(grids.last.locator("figcaption").first).to_have_text("seed 12")


def test_nothing_is_wider_than_a_narrow_page(open_page: Open) -> None:
    page = open_models(open_page, width=390)
    names(page)
    for view in ("Figures", "Side by side", "Dimensions", "Training", "Manage"):
        page.get_by_text(view, exact=True).click()
        page.wait_for_timeout(3000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 1, view


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=re.compile(label))
    box.click()
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()


def test_a_model_from_upload_to_deletion(open_page: Open, own_name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = VAE(h_dim=8, z_dim=3)
    file = tmp_path / f"{own_name}.safetensors"
    save_file(model.state_dict(), file)
    page = open_models(open_page, "Manage")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Keep this model").click()
    page.get_by_text(f"{own_name} is kept.").wait_for()
    assert own_name in list_checkpoints()

    page.get_by_role("button", name="Evaluate").click()
    page.get_by_text("Evaluation of").first.wait_for()
    metrics = CHECKPOINTS / own_name / "metrics.json"
    for _ in range(3000):  # it runs after everything else that the machine does
        if metrics.exists():
            break
        page.wait_for_timeout(200)
    assert describe(own_name).metrics and (CHECKPOINTS / own_name / "map.npz").exists()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert download.value.suggested_filename == f"{own_name}.zip"
    assert f"{own_name}/metrics.json" in archive.namelist() and archive.testzip() is None

    new = f"{own_name}-2"
    page.get_by_label("New name").fill(new)
    page.get_by_label("New name").press("Enter")
    page.get_by_role("button", name="Rename").click()
    page.get_by_text(f"{own_name} is called {new} now.").wait_for()
    assert new in list_checkpoints() and own_name not in list_checkpoints()

    page.get_by_role("button", name="Delete …").click()
    page.get_by_text("go for good").wait_for()
    assert new in list_checkpoints()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text(f"{new} is deleted.").wait_for()
    assert new not in list_checkpoints()
    page.reload()
    page.get_by_text("Side by side", exact=True).wait_for(timeout=60_000)
    assert new not in names(page)
