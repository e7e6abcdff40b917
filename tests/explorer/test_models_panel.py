"""Models through AppTest: figures, comparison, dimensions, curves, and what is done to a model."""

import io
import json
import os
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from core import VAE, checkpoint, save_checkpoint, uploads
from core.checkpoint import describe, list_checkpoints
from core.data import DataError
from core.uploads import model_from_bytes
from explorer import (
    board,
    caches,
    catalogue,
    changes,
    compare,
    jobs,
    manage,
    model_figures,
    overview,
    selections,
    state,
)
from explorer.served import SERVED, Served

APP = str(Path(__file__).parent.parent.parent / "explorer" / "app.py")


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    yield
    if job := jobs.current():
        job.stop()


@pytest.fixture
def two(checkpoints: Path, make_checkpoint: Callable[..., str]) -> Path:
    """checkpoints/ with tiny-2 and tiny-3."""
    make_checkpoint(2)
    make_checkpoint(3)
    return checkpoints


def _page() -> None:
    import streamlit as st

    from explorer import links, state
    from explorer.panels import models

    links.restore()
    links.restore_z()
    if notice := state.take(state.NOTICE):
        st.warning(str(notice))
    models.render()


def panel(view: str, **session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=90)
    for key, value in {state.MODELS_VIEW: view, **session}.items():
        app.session_state[key] = value
    return app.run()


def opened(view: str, name: str, **session: object) -> AppTest:
    return panel(view, **{state.CHECKPOINT: name, **session})


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def messages(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.error, *app.warning, *app.info])


def said(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.markdown, *app.caption])


def plain(text: str) -> str:
    return text.replace("\\", "")


# Figures


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the table was told last, as [rows]."""
    told: list[Any] = []
    shown = overview.model_table

    def spy(columns: Any, rows: Any, **options: Any) -> None:
        told[:] = [rows]
        shown(columns, rows, **options)

    monkeypatch.setattr(overview, "model_table", spy)
    return told


def test_the_figures_of_the_shipped_models(table: list[Any]) -> None:
    before = set(list_checkpoints())
    app = panel("Figures")
    after = set(list_checkpoints())  # the browser's tests may train one meanwhile
    assert not app.exception and not messages(app)
    assert len(app.get("plotly_chart")) == 1
    rows = {row["name"]: row for row in table[0]}
    assert "mnist-mlp-20" in rows and before & after <= rows.keys() <= before | after
    metrics = describe("mnist-mlp-20").metrics
    assert metrics is not None
    cells = rows["mnist-mlp-20"]["cells"]
    assert cells["neg_elbo"]["text"] == f"{metrics['neg_elbo']:.2f}"
    assert cells["active_units"]["text"] == "20 of 20"
    assert cells["parameters"]["value"] == sum(
        p.numel() for p in caches.model("mnist-mlp-20").parameters()
    )
    assert cells["network"]["text"] == "VAE 784-400-20" and cells["data"]["text"] == "mnist"
    assert rows[app.session_state[state.CHECKPOINT]]["is_open"]


def test_what_was_not_measured_says_which_command_measures_it(two: Path, table: list[Any]) -> None:
    (two / "tiny-2" / "metrics.json").write_text('{"neg_elbo": 99.5, "nll": "x", "kl": true}')
    app = opened("Figures", "tiny-3")
    assert not app.exception
    rows = {row["name"]: row["cells"] for row in table[0]}
    command = "python -m core evaluate tiny-3 --nll 5000"
    assert rows["tiny-3"]["neg_elbo"] == {"text": "", "value": None, "command": command}
    assert rows["tiny-3"]["evaluated"]["command"] == command
    assert rows["tiny-2"]["neg_elbo"]["text"] == "99.50"
    assert rows["tiny-2"]["nll"]["command"] and rows["tiny-2"]["kl"]["command"]
    assert rows["tiny-2"]["epochs"]["text"] == "not recorded"


def test_what_there_is_not_for_a_model_is_no_gap(two: Path, table: list[Any]) -> None:
    (two / "tiny-2" / "metrics.json").write_text('{"nll": 90, "evaluated": "2026-01-02"}')
    opened("Figures", "tiny-3")
    cells = next(row["cells"] for row in table[0] if row["name"] == "tiny-2")
    for key in overview.OPTIONAL:
        assert (cells[key]["text"], cells[key]["command"]) == ("–", None)
    assert cells["evaluated"]["text"] == "2026-01-02" and cells["kl"]["command"]


def test_measured_figures_stand_beside_the_published_ones(two: Path) -> None:
    metrics = {"nll": 84.9, "nll_samples": 5000, "evaluated": "2026-01-02"}
    (two / "tiny-2" / "metrics.json").write_text(json.dumps(metrics))
    fashion = VAE(h_dim=4, z_dim=2)
    save_checkpoint(two / "fashion", fashion, dataset="fashionmnist")
    cards = [(name, describe(name)) for name in list_checkpoints(two)]
    dots = overview.dots(cards)
    assert [(dot.label, dot.nll) for dot in dots[:2]] == [("tiny-2", 84.9), ("tiny-3", None)]
    assert "evaluate tiny-3 --nll 5000" in dots[1].note
    assert {dot.group for dot in dots[2:]} == {"dynamic", "fixed"}
    assert "fashion" not in {dot.label for dot in dots}
    assert "fashion" in said(opened("Figures", "tiny-3"))  # why it is left out


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A session of tiny-3, for callbacks that no browser calls here."""
    values = {**state.DEFAULTS, state.CHECKPOINT: "tiny-3"}
    monkeypatch.setattr(st, "session_state", values)
    return values


def test_a_plain_autoencoder_is_no_vae_to_compare() -> None:
    card = describe("mnist-ae-20")
    assert "mnist-ae-20" not in {dot.label for dot in overview.dots([("mnist-ae-20", card)])}
    assert overview.network(card.config) == "VAE 784-400-20, plain autoencoder"
    app = opened("Dimensions", "mnist-mlp-20")
    assert app.session_state[state.OTHER] == "mnist-conv-32"
    app = AppTest.from_file(APP, default_timeout=90)
    app.query_params["model"] = "mnist-ae-20"
    assert "a plain autoencoder: no noise on the code, no KL" in said(app.run())
    assert "ELBO" not in app.sidebar.caption[0].value


def test_a_name_in_the_table_opens_its_model(two: Path, session: dict[str, Any]) -> None:
    session["table"] = SimpleNamespace(open="../tiny-2")
    overview._open("table")
    assert session[state.CHECKPOINT] == "tiny-3" and session[state.GO_TO] is None
    session["table"] = SimpleNamespace(open="tiny-2")
    overview._open("table")
    assert session[state.CHECKPOINT] == "tiny-2" and session[state.GO_TO] == "explore"


def test_a_broken_model_is_a_row_with_a_sentence(two: Path, table: list[Any]) -> None:
    (two / "tiny-2" / "config.json").write_text("{")
    (two / "tiny-3" / "metrics.json").write_text("[]")
    make = VAE(h_dim=4, z_dim=2)
    save_checkpoint(two / "good", make, dataset="mnist")
    app = opened("Figures", "good")
    assert not app.exception
    rows = {row["name"]: row for row in table[0]}
    assert "config.json" in rows["tiny-2"]["problem"]
    assert "metrics.json" in rows["tiny-3"]["problem"]
    assert rows["good"]["problem"] is None


def test_a_running_training_is_shown_as_such(two: Path, table: list[Any]) -> None:
    running = {"state": "running", "pid": os.getpid(), "updated": time.time()}
    (two / "tiny-2" / "progress.json").write_text(json.dumps(running))
    opened("Figures", "tiny-3")
    assert {row["name"]: row["note"] for row in table[0]} == {
        "tiny-2": "being trained now", "tiny-3": None
    }  # fmt: skip
    app = opened("Manage", "tiny-3", **{state.MANAGED: "tiny-2"})
    assert button(app, "Delete …").disabled and button(app, "Evaluate").disabled
    app.text_input(key=state.NEW_NAME).set_value("other").run()
    assert button(app, "Rename").disabled
    assert "can neither be renamed nor deleted" in said(app)


# Side by side


@pytest.fixture
def grids(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Rows of every picture grid by its key."""
    told: dict[str, Any] = {}
    shown = compare.picture_grid

    def spy(rows: Any, *, width: int, key: str) -> None:
        told[key] = rows
        shown(rows, width=width, key=key)

    monkeypatch.setattr(compare, "picture_grid", spy)
    return told


def test_two_models_on_the_same_inputs(grids: dict[str, Any]) -> None:
    app = opened("Side by side", "mnist-mlp-20", **{state.OTHER: "mnist-mlp-2", state.PICK: 5})
    assert not app.exception and not messages(app)
    given, a, b = grids[f"{state.RECONSTRUCTIONS}_both"]
    assert (given.label, a.label, b.label) == ("test image", "mnist-mlp-20", "mnist-mlp-2")
    assert len(given.tiles) == len(a.tiles) == len(b.tiles) == 11
    assert given.tiles[-1].caption == "pick: 5"
    x = caches.test_set("mnist-mlp-20").images
    indices = compare.shared_indices(caches.test_set("mnist-mlp-20").labels)
    model = caches.model("mnist-mlp-2")
    x_recon = model.decode(model.encode(x[indices])[0])
    expected = [f"{float(e):.4f}" for e in ((x_recon - x[indices]) ** 2).mean((1, 2, 3))]
    assert [tile.caption for tile in b.tiles[:10]] == expected
    for one, other in zip(a.tiles, b.tiles, strict=True):
        assert one.strong == (float(one.caption) <= float(other.caption))
        assert one.strong or other.strong
    samples = grids[state.PRIOR_SAMPLES]
    assert [tile.caption for tile in samples[0].tiles] == [f"seed {n}" for n in range(12)]
    order = caches.latent_map("mnist-mlp-20").order
    traversals = grids[f"{state.TRAVERSALS}_mnist-mlp-20"]
    assert [row.label for row in traversals] == [f"z{d}" for d in order[:6]]
    assert len(grids[f"{state.TRAVERSALS}_mnist-mlp-2"]) == 2
    assert len(app.get("plotly_chart")) == 2


def test_another_pick_and_other_seeds(grids: dict[str, Any]) -> None:
    app = opened("Side by side", "mnist-mlp-20", **{state.OTHER: "mnist-mlp-2"})
    before = grids[state.PRIOR_SAMPLES][0].tiles[0].png
    app.number_input(key=state.PICK).set_value(77).run()
    assert grids[f"{state.RECONSTRUCTIONS}_both"][0].tiles[-1].caption == "pick: 77"
    assert grids[state.PRIOR_SAMPLES][0].tiles[0].png == before  # seeds are seeds
    button(app, "Other seeds").click().run()
    assert grids[state.PRIOR_SAMPLES][0].tiles[0].caption == "seed 12"
    assert grids[state.PRIOR_SAMPLES][0].tiles[0].png != before
    button(app, "Another").click().run()
    assert not app.exception


def test_another_data_set_of_the_same_shape_is_said(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((two / "tiny-3" / "config.json").read_text())
    (two / "tiny-3" / "config.json").write_text(json.dumps(config | {"dataset": "kmnist"}))
    digits = caches.test_set("tiny-2")
    monkeypatch.setattr(caches, "test_set", lambda name: digits)
    app = opened("Side by side", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception
    assert "was trained on mnist and tiny-3 on kmnist" in plain(messages(app))


def test_another_shape_compares_what_can_be_compared(two: Path, grids: dict[str, Any]) -> None:
    torch.manual_seed(0)
    colour = VAE(image_size=3 * 32 * 32, channels=3, h_dim=8, z_dim=2).requires_grad_(False).eval()
    save_checkpoint(two / "colour", colour, dataset="mnist")
    checkpoint.save_map(two / "colour", caches.latent_map("tiny-2"))
    app = opened("Side by side", "tiny-2", **{state.OTHER: "colour"})
    assert not app.exception
    assert "makes pictures of 1×28×28 and colour of 3×32×32" in plain(messages(app))
    assert "test images of colour" in plain(messages(app))  # mnist is not of its shape
    assert f"{state.RECONSTRUCTIONS}_both" not in grids
    assert len(grids[f"{state.RECONSTRUCTIONS}_tiny-2"]) == 2
    assert [len(row.tiles) for row in grids[state.PRIOR_SAMPLES]] == [12, 12]
    assert len(app.get("plotly_chart")) == 2


def test_missing_data_leaves_the_rest(
    two: Path, grids: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise DataError("The data file t10k is missing.")

    monkeypatch.setattr(caches, "test_set", missing)
    app = opened("Side by side", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception and "python -m core fetch mnist" in messages(app)
    assert state.PRIOR_SAMPLES in grids and f"{state.TRAVERSALS}_tiny-2" in grids
    (two / "tiny-3" / "map.npz").unlink()
    app = opened("Side by side", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception and f"{state.TRAVERSALS}_tiny-2" in grids
    assert [error.value.partition(". ")[0] for error in app.error] == [
        r"tiny\-3 has no traversals", r"tiny\-3 has no map"
    ]  # fmt: skip
    assert len(app.get("plotly_chart")) == 1


def test_a_single_model_has_nothing_beside_it(
    checkpoints: Path, make_checkpoint: Callable[..., str]
) -> None:
    make_checkpoint(2)
    for view in ("Side by side", "Dimensions", "Training", "Figures"):
        app = opened(view, "tiny-2")
        assert not app.exception
    assert "only one model" in messages(opened("Side by side", "tiny-2"))


def test_the_other_one_broken_is_a_sentence(two: Path) -> None:
    (two / "tiny-3" / "model.safetensors").write_bytes(b"short")
    app = opened("Side by side", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception and "cannot be compared" in messages(app)
    app = opened("Dimensions", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception


def test_shared_indices_are_one_of_each_class_first() -> None:
    labels = torch.tensor([3, 1, 1, 0, 2, 3])
    assert compare.shared_indices(labels) == [3, 1, 4, 0, 2, 5]
    many = torch.arange(200) % 26
    assert compare.shared_indices(many) == list(range(10))
    assert compare.shared_indices(torch.zeros(3, dtype=torch.long)) == [0, 1, 2]


def test_a_seed_is_always_the_same_draw() -> None:
    one, more = compare.prior_draws([4], 3), compare.prior_draws([9, 4], 3)
    assert one.shape == (1, 3) and torch.equal(one[0], more[1])
    assert not torch.equal(more[0], more[1])
    z = compare.prior_draws(range(4000), 2)
    assert abs(float(z.mean())) < 0.05 and abs(float(z.std()) - 1) < 0.05


# Dimensions and training


def test_the_bars_are_sorted_and_tell_activity_without_colour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []
    make = model_figures.dimension_bars
    monkeypatch.setattr(
        model_figures, "dimension_bars", lambda *given: drawn.append(given) or make(*given)
    )
    app = opened("Dimensions", "mnist-res-32", **{state.OTHER: "mnist-mlp-2"})
    assert not app.exception and len(drawn) == 2
    kl, variance, names = drawn[0]
    latent = caches.latent_map("mnist-res-32")
    assert kl.tolist() == latent.kl_per_dim.tolist() and len(names) == 32
    assert ((variance > 0.01) == latent.active.numpy()).all()
    assert "13 of 32 dimensions active" in said(app)


def test_training_curves_of_two_and_a_sentence_for_none(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    make = model_figures.training_curves
    monkeypatch.setattr(
        model_figures, "training_curves", lambda runs: drawn.append(runs) or make(runs)
    )
    app = opened("Training", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not drawn and plain(messages(app)).count("has no training curves") == 2
    epochs = [{"epoch": n, "neg_elbo": 200.0 / n, "kl": 3.0} for n in (1, 2)]
    (two / "tiny-2" / "history.json").write_text(json.dumps({"epochs": epochs}))
    app = opened("Training", "tiny-2", **{state.OTHER: "tiny-3"})
    assert list(drawn[-1]) == ["tiny-2"] and "tiny-3 has no" in plain(messages(app))
    (two / "tiny-3" / "history.json").write_text("{")
    app = opened("Training", "tiny-2", **{state.OTHER: "tiny-3"})
    assert not app.exception and "history.json is damaged" in messages(app)


# Manage


def test_renaming_the_open_model_takes_the_session_along(two: Path) -> None:
    mine = {"bookmarks": [], "directions": [], "names": {"0": "lean"}, "locked": []}
    lassoed = selections.Selection("tiny-2", np.array([3]))
    painted = board.Damage(("tiny-2", "digest"), 1, 2, bytes(784), bytes(784))
    app = opened(
        "Manage", "tiny-2",
        **{
            state.KEPT: {"tiny-2": mine}, state.SELECTION: lassoed, state.DAMAGED: painted,
            state.TRAIN_RUN: "tiny-2",
        },
    )  # fmt: skip
    z = app.session_state[state.Z]
    assert button(app, "Rename").disabled
    app.text_input(key=state.NEW_NAME).set_value("better").run()
    button(app, "Rename").click().run()
    assert not app.exception and "tiny-2 is called better now." in plain(messages(app))
    assert list_checkpoints(two) == ["better", "tiny-3"]
    assert app.session_state[state.CHECKPOINT] == "better"
    assert app.session_state[state.Z] == z
    assert app.session_state[state.KEPT] == {"better": mine}
    assert app.session_state[state.SELECTION].checkpoint == "better"
    assert app.session_state[state.DAMAGED] == painted._replace(of=("better", "digest"))
    assert app.session_state[state.TRAIN_RUN] == "better"
    assert app.text_input(key=state.NEW_NAME).value == ""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("tiny-3", "already"), ("../up", "cannot be called"), ("a b", "cannot be called")],
)
def test_a_name_that_cannot_be_is_a_sentence(two: Path, name: str, sentence: str) -> None:
    app = opened("Manage", "tiny-2")
    app.text_input(key=state.NEW_NAME).set_value(name).run()
    button(app, "Rename").click().run()
    assert not app.exception and sentence in messages(app)
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]


def test_deleting_asks_first_and_names_what_goes(two: Path) -> None:
    app = opened("Manage", "tiny-2", **{state.MANAGED: "tiny-3"})
    button(app, "Delete …").click().run()
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]
    for part in ("Delete tiny-3?", "model.safetensors", "config.json", "map.npz"):
        assert part in plain(said(app))
    button(app, "Keep it").click().run()
    assert "Delete for good" not in labels(app)
    button(app, "Delete …").click().run()
    app.selectbox(key=state.MANAGED).select("tiny-2").run()
    assert "Delete for good" not in labels(app)  # the question was about the other one
    app.selectbox(key=state.MANAGED).select("tiny-3").run()
    button(app, "Delete …").click().run()
    button(app, "Delete for good").click().run()
    assert not app.exception and "tiny-3 is deleted." in plain(messages(app))
    assert list_checkpoints(two) == ["tiny-2"]
    assert "Delete …" not in labels(app) and "last model cannot be deleted" in said(app)


def test_deleting_the_open_model_moves_every_session_to_the_default(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "DEFAULT_CHECKPOINT", "tiny-3")
    other = AppTest.from_file(APP, default_timeout=60)
    other.query_params["model"] = "tiny-2"
    other.run()
    assert len(other.session_state[state.Z]) == 2
    app = opened("Manage", "tiny-2", **{state.KEPT: {"tiny-2": "x"}})
    button(app, "Delete …").click().run()
    button(app, "Delete for good").click().run()
    for session in (app, other.run()):
        assert not session.exception
        sentence = "tiny-2 was deleted or renamed; the page goes on with tiny-3."
        assert sentence in plain(messages(session))
        assert session.session_state[state.CHECKPOINT] == "tiny-3"
        assert len(session.session_state[state.Z]) == 3
    assert app.session_state[state.KEPT] == {}
    assert "deleted" not in messages(other.run())  # said once


def test_a_model_that_another_visitor_has_deleted_is_a_sentence(two: Path) -> None:
    app = opened("Manage", "tiny-2", **{state.MANAGED: "tiny-3"})
    button(app, "Delete …").click().run()
    for file in (two / "tiny-3").iterdir():
        file.unlink()
    (two / "tiny-3").rmdir()
    button(app, "Delete for good").click().run()
    assert not app.exception and "no model 'tiny-3' any more" in plain(messages(app))


def test_the_download_is_made_when_it_is_asked_for(two: Path) -> None:
    made: list[str] = []
    patch = pytest.MonkeyPatch()
    pack = manage.library.pack_checkpoint
    patch.setattr(manage.library, "pack_checkpoint", lambda name: made.append(name) or pack(name))
    app = opened("Manage", "tiny-2")
    app.run()
    patch.undo()
    assert not made and [b.label for b in app.get("download_button")] == ["Download"]
    archive = zipfile.ZipFile(io.BytesIO(pack("tiny-2")))
    assert "tiny-2/model.safetensors" in archive.namelist()


def test_open_in_explore(two: Path) -> None:
    app = opened("Manage", "tiny-2", **{state.MANAGED: "tiny-3"})
    button(app, "Open in Explore").click().run()
    assert app.session_state[state.CHECKPOINT] == "tiny-3"
    assert app.session_state[state.GO_TO] == "explore"


def test_evaluation_is_a_job_with_progress(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    start = jobs.start
    sleep = "import time; print('evaluate 500 10000', flush=True); time.sleep(60)"

    def spy(title: str, command: list[str]) -> jobs.Job:
        started.append((title, command))
        return start(title, [sys.executable, "-u", "-c", sleep])

    monkeypatch.setattr(jobs, "start", spy)
    app = opened("Manage", "tiny-2")
    app.selectbox(key=state.NLL_SAMPLES).set_value(100)  # and pressed before that was drawn
    button(app, "Evaluate").click().run()
    title, command = started[0]
    assert title == "Evaluation of tiny-2"
    assert command[1:] == [
        "-m", "core", "evaluate", str(two / "tiny-2"), "--nll", "100", "--progress", "lines"
    ]  # fmt: skip
    job = jobs.current()
    assert job is not None
    deadline = time.monotonic() + 120
    while not job.total and time.monotonic() < deadline:
        time.sleep(0.02)
    app.run()
    assert not app.exception
    assert button(app, "Delete …").disabled and button(app, "Evaluate").disabled
    app.text_input(key=state.NEW_NAME).set_value("other").run()
    assert button(app, "Rename").disabled
    job.stop()
    app.run()
    assert not button(app, "Evaluate").disabled


def test_an_evaluation_that_fails_says_why(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = jobs.start
    fail = [sys.executable, "-c", "import sys; sys.exit('error: The disk is full.')"]
    monkeypatch.setattr(jobs, "start", lambda title, command: start(title, fail))
    app = opened("Manage", "tiny-2")
    button(app, "Evaluate").click().run()
    job = jobs.current()
    assert job is not None
    deadline = time.monotonic() + 120
    while job.running and time.monotonic() < deadline:
        time.sleep(0.02)
    app.run()
    assert "Evaluation of tiny-2 failed: The disk is full." in plain(messages(app))


def test_a_server_that_is_not_to_be_changed(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(changes.READ_ONLY, "1")
    app = opened("Manage", "tiny-2")
    assert not app.exception and changes.READ_ONLY in plain(messages(app))
    assert labels(app) == ["Open in Explore"] and len(app.get("download_button")) == 1
    assert not app.file_uploader and not app.text_input
    for off in ("0", "", "false"):
        monkeypatch.setenv(changes.READ_ONLY, off)
        assert changes.writable()


def test_what_is_not_offered_is_not_done_either(
    two: Path, session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(changes.READ_ONLY, "yes")
    session |= {state.NEW_NAME: "other", state.UPLOAD_NAME: "another"}
    before = jobs.current()
    manage._do_rename("tiny-2")
    manage._do_delete("tiny-2")
    manage._start_evaluation("tiny-2")
    manage._keep_upload(save(VAE(h_dim=4, z_dim=2).state_dict()), "x")
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"] and jobs.current() is before


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return app.run()


def test_an_upload_is_kept_under_a_free_name(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_in: set[str] = set()

    def read(content: bytes) -> VAE:
        read_in.add(threading.current_thread().name)
        return model_from_bytes(content)

    monkeypatch.setattr(uploads, "model_from_bytes", read)
    torch.manual_seed(3)
    tutorial = VAE(h_dim=12, z_dim=4)
    app = upload(opened("Manage", "tiny-2"), "tiny 2.safetensors", save(tutorial.state_dict()))
    assert not app.exception and "VAE of pictures 1×28×28 with 4 latent" in said(app)
    assert app.text_input(key=state.UPLOAD_NAME).value == "tiny-2-2"
    button(app, "Keep this model").click().run()
    assert not app.exception and "tiny-2-2 is kept." in plain(messages(app))
    for key, value in caches.model("tiny-2-2").state_dict().items():
        assert torch.equal(value, tutorial.state_dict()[key])
    config = describe("tiny-2-2").config
    assert config["dataset"] == "mnist" and config["source"] == "uploaded from tiny 2.safetensors"
    button(app, "Keep this model").click().run()
    assert "already" in messages(app)  # a second press overwrites nothing
    assert read_in == {"upload lane_0"}  # a class's models are read one at a time


@pytest.fixture
def spoken_for(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names without a folder: of trainings and of a model that the server was started with."""
    (two / ".trainings").mkdir()
    waiting = [{"name": "waiting", "arguments": []}]
    queue = {"active": None, "waiting": waiting, "failed": {"broken": "No data."}}
    (two / ".trainings" / "queue.json").write_text(json.dumps(queue))
    monkeypatch.setitem(SERVED, "served", Served(caches.model("tiny-2"), describe("tiny-2")))


@pytest.mark.parametrize("name", ["waiting", "broken", "served"])
def test_a_name_that_is_spoken_for_is_no_new_models(two: Path, spoken_for: None, name: str) -> None:
    app = upload(opened("Manage", "tiny-2"), f"{name}.pt", save(VAE(h_dim=4).state_dict()))
    app.text_input(key=state.NEW_NAME).set_value(name).run()
    button(app, "Rename").click().run()
    assert not app.exception and f"There is a run or model called {name}" in messages(app)
    app.text_input(key=state.UPLOAD_NAME).set_value(name).run()
    button(app, "Keep this model").click().run()
    assert not app.exception and f"There is a run or model called {name}" in messages(app)
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]


def test_an_upload_is_not_offered_the_name_of_a_training_that_waits(
    two: Path, spoken_for: None
) -> None:
    app = upload(opened("Manage", "tiny-2"), "waiting.pt", save(VAE(h_dim=4).state_dict()))
    assert app.text_input(key=state.UPLOAD_NAME).value == "waiting-2"


def test_an_upload_that_is_no_model_is_a_sentence(two: Path) -> None:
    app = upload(opened("Manage", "tiny-2"), "notes.pt", b"no weights at all")
    assert not app.exception and "notes.pt" in plain(messages(app))
    assert "Keep this model" not in labels(app)


def test_an_upload_of_another_shape_than_its_data_is_refused(two: Path) -> None:
    content = save(VAE(image_size=64 * 64, h_dim=6, z_dim=2).state_dict())
    app = upload(opened("Manage", "tiny-2"), "big.safetensors", content)
    button(app, "Keep this model").click().run()
    assert not app.exception
    assert "pictures of 1×64×64 and mnist has pictures of 1×28×28" in plain(messages(app))
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]


def test_a_broken_model_can_still_be_deleted(two: Path) -> None:
    (two / "tiny-3" / "config.json").write_text("{")
    app = opened("Manage", "tiny-2", **{state.MANAGED: "tiny-3"})
    assert not app.exception and "config.json" in messages(app)
    button(app, "Delete …").click().run()
    button(app, "Delete for good").click().run()
    assert list_checkpoints(two) == ["tiny-2"]
