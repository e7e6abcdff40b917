"""The map's controls through AppTest: what each model offers, embeddings, selections, groups."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import VAE, checkpoint, save_checkpoint
from core.checkpoint import save_map
from core.latent import latent_map
from explorer import caches, jobs, map_data, maps, selections, state


def _page() -> None:
    from explorer import links, maps, state

    links.restore()
    links.restore_z()
    maps.render(state.live())


def start(name: str, **session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state[state.CHECKPOINT] = name
    for key, value in session.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return app


def options(app: AppTest, key: str) -> list[str]:
    return next((group.options for group in app.button_group if group.key == key), [])


@pytest.fixture
def sized(tmp_path: Path, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """sized(z_dim, labels=10) makes an untrained checkpoint the app knows; its name."""
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", tmp_path)
    for function in (checkpoint.load_checkpoint, checkpoint.list_checkpoints, checkpoint.describe):
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))

    def make(z_dim: int, labels: int = 10) -> str:
        name = f"tiny-{z_dim}-{labels}"
        torch.manual_seed(z_dim)
        model = VAE(h_dim=8, z_dim=z_dim).requires_grad_(False).eval()
        save_checkpoint(tmp_path / name, model, dataset="mnist")
        encoded = latent_map(model, images, torch.arange(len(images)) % labels)
        save_map(tmp_path / name, encoded)
        return name

    return make


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(jobs, "_current", None)
    yield
    if job := jobs.current():
        job.stop()


@pytest.mark.parametrize(
    ("z_dim", "projections", "underlays"),
    [
        (1, [], ["Dots", "Tiles"]),
        (2, ["PCA", "LDA", "UMAP", "t-SNE", "Dimensions"], ["Dots", "Tiles", "Density"]),
        (64, ["PCA", "LDA", "UMAP", "t-SNE", "Dimensions"], ["Dots", "Tiles", "Density"]),
        (256, ["PCA", "LDA", "UMAP", "t-SNE", "Dimensions"], ["Dots", "Tiles", "Density"]),
    ],
)
def test_what_a_size_offers(
    sized: Callable, z_dim: int, projections: list[str], underlays: list[str]
) -> None:
    app = start(sized(z_dim))
    assert options(app, state.PROJECTION) == projections
    assert options(app, state.UNDERLAY) == underlays
    assert options(app, state.POINTS) == ["40 test", "+ training"]


def test_without_labels_there_is_no_lda(sized: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "classes", lambda name: ("images",))
    app = start(sized(3, labels=1), **{state.PROJECTION: "lda"})
    assert options(app, state.PROJECTION) == ["PCA", "UMAP", "t-SNE", "Dimensions"]
    selection = selections.Selection("tiny-3-1", np.arange(7))
    app = start("tiny-3-1", **{state.SELECTION: selection})
    assert "7 selected" in " ".join(element.value for element in app.markdown)
    assert not app.get("html"), "one class needs no bars"


def test_a_projection_that_cannot_be_made_is_a_sentence(sized: Callable) -> None:
    name = sized(
        3, labels=1
    )  # LDA is offered, as the data set has ten classes, yet only one is here
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state[state.CHECKPOINT] = name
    app.run()
    app.session_state[state.PROJECTION] = "lda"
    app.run()
    assert not app.exception
    assert "Linear discriminants need three classes" in app.error[0].value


def test_a_missing_embedding_is_offered_and_computed(
    sized: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sized(3)
    commands = []

    def run(title: str, command: list[str]) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace()

    monkeypatch.setattr(jobs, "start", run)
    app = start(name)
    app.session_state[state.PROJECTION] = "umap"
    app.run()
    assert "UMAP of this model has not been computed yet" in app.info[0].value
    assert not app.get("bidi_component")
    next(button for button in app.button if button.label == "Compute UMAP").click().run()
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "core", "embed"]
    assert command[4] == str(checkpoint.CHECKPOINTS / name)
    assert command[5:] == ["--methods", "umap", "--seed", "0", "--progress", "lines"]


def test_progress_stop_and_failure(sized: Callable) -> None:
    name = sized(3)
    code = "import time; print('umap 3 10', flush=True); time.sleep(60)"
    job = jobs.start(f"UMAP of {name}", [sys.executable, "-c", code])
    while not job.total:
        time.sleep(0.01)
    app = start(name)
    app.session_state[state.PROJECTION] = "umap"
    app.run()
    next(button for button in app.button if button.label == "Compute UMAP").click().run()
    said = f"UMAP of {name} is being computed; wait for it or stop it first."
    assert app.session_state[state.NOTICE] == said and jobs.current() is job
    stop = next(button for button in app.button if button.label == "Stop")
    before = (checkpoint.CHECKPOINTS / name / "map.npz").read_bytes()
    stop.click().run()
    assert job.stopped and not job.running
    assert (checkpoint.CHECKPOINTS / name / "map.npz").read_bytes() == before
    job = jobs.start(f"UMAP of {name}", [sys.executable, "-c", "raise SystemExit('error: No.')"])
    while job.running:
        time.sleep(0.01)
    app.session_state[state.PROJECTION] = "umap"
    app.run()
    assert app.error[0].value == f"UMAP of {name} failed: No."


def test_the_embed_command_replaces_the_map_only_when_it_is_done(sized: Callable) -> None:
    name = sized(3)
    file = checkpoint.CHECKPOINTS / name / "map.npz"
    before = file.read_bytes()
    maps._compute(name, "tsne", 0)
    job = jobs.current()
    assert job
    job.stop()
    assert file.read_bytes() == before
    maps._compute(name, "tsne", 0)
    job = jobs.current()
    assert job
    deadline = time.monotonic() + 600
    while job.running:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job.error is None
    assert caches.latent_map(name).embeddings["tsne"].shape == (40, 2)
    assert map_data.places(name, "tsne", "test").shape == (40, 2)


def test_groups_and_their_direction(sized: Callable) -> None:
    name = sized(3)
    groups = {"first": np.arange(10), "last": np.arange(30, 40)}
    app = start(name, **{state.GROUPS: {name: groups}, state.KEPT: {}})
    assert [element.value for element in app.text] == ["first · 10", "last · 10"]
    next(button for button in app.button if button.label == "Keep direction").click().run()
    (direction,) = app.session_state[state.KEPT][name]["directions"]
    mu = caches.latent_map(name).mu.numpy()
    assert direction["name"] == "first → last"
    np.testing.assert_allclose(direction["vector"], mu[30:40].mean(0) - mu[:10].mean(0), atol=1e-5)
    next(button for button in app.button if button.label == "Remove").click().run()
    assert list(app.session_state[state.GROUPS][name]) == ["last"]


def test_a_direction_kept_straight_after_choosing_is_the_chosen_one(sized: Callable) -> None:
    """The click comes before the page has been drawn with the choice."""
    name = sized(3)
    groups = {letter: np.arange(10 * n, 10 * n + 10) for n, letter in enumerate("abc")}
    app = start(name, **{state.GROUPS: {name: groups}, state.KEPT: {}})
    app.selectbox(key=state.GROUP_TO).set_value("c")
    next(button for button in app.button if button.label == "Keep direction").click().run()
    (direction,) = app.session_state[state.KEPT][name]["directions"]
    assert direction["name"] == "a → c"
    app.selectbox(key=state.GROUP_FROM).set_value("c")
    next(button for button in app.button if button.label == "Keep direction").click().run()
    assert len(app.session_state[state.KEPT][name]["directions"]) == 1
    assert not app.exception


def test_naming_a_group_and_going_to_its_mean(sized: Callable) -> None:
    name = sized(3)
    app = start(name, **{state.SELECTION: selections.Selection(name, np.arange(5))})
    app.text_input(state.GROUP_NAME).input(" tall  ones ")
    next(button for button in app.button if button.label == "Keep group").click().run()
    assert app.session_state[state.GROUPS][name]["tall ones"].tolist() == [0, 1, 2, 3, 4]
    next(button for button in app.button if button.label == "Go to the mean").click().run()
    expected = caches.latent_map(name).mu[:5].mean(0)
    np.testing.assert_allclose(app.session_state[state.Z], expected, atol=1e-5)
    next(button for button in app.button if button.label == "Clear selection").click().run()
    assert app.session_state[state.SELECTION] is None
