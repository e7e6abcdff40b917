"""Walk through AppTest: keys of every source, what the player is told, what cannot be walked."""

import importlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import VAE, checkpoint, save_checkpoint
from core.checkpoint import CHECKPOINTS
from core.data import load_dataset
from core.images import to_png
from explorer import caches, state

Z = [0.1 * d for d in range(20)]


def _page() -> None:
    from explorer import links
    from explorer.panels import walk

    links.restore()
    links.restore_z()
    walk.render()


def panel(**session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the player got, run by run."""
    heard: list[dict[str, Any]] = []
    wrapper = importlib.import_module("explorer.components.walk_player")
    monkeypatch.setattr(wrapper, "_mount", lambda **options: heard.append(options))
    return heard


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def keys(app: AppTest) -> list[dict[str, Any]]:
    return app.session_state[state.WALK_KEYS]["mnist-mlp-20"]


def change(app: AppTest, what: str, n: int) -> AppTest:
    """Press one of the buttons under key n."""
    untouched = not app.session_state[state.WALK_KEYS]
    name = f"first{(0, 1, 30)[n]}" if untouched else keys(app)[n]["id"]
    return app.button(key=f"{state.WALK_KEY}_{what}_{name}").click().run()


def messages(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.error, *app.warning, *app.info])


def test_it_opens_with_three_walks_through_three_digits(told: list[dict[str, Any]]) -> None:
    app = panel()
    assert not app.exception and not messages(app)
    data = told[-1]["data"]
    assert [walk["id"] for walk in data["walks"]] == ["lerp", "slerp", "geodesic"]
    mu = caches.latent_map("mnist-mlp-20").mu
    for walk in data["walks"]:
        assert len(walk["z"]) == len(walk["xy"]) == 12 and len(walk["lengths"]) == 11
        for stop, digit in zip(data["stops"], (0, 1, 30), strict=True):
            np.testing.assert_allclose(walk["z"][stop], mu[digit], rtol=1e-6)
        assert walk["pixels"] and walk["explanation"].endswith(".")
        assert walk["total"] == pytest.approx(sum(walk["lengths"]), rel=1e-4)
    lerp, _, geodesic = data["walks"]
    assert geodesic["total"] < lerp["total"]
    assert geodesic["unevenness"] < lerp["unevenness"]
    assert data["map"]["url"] == "shadow/mnist-mlp-20.png"
    labels = [button.label for button in app.get("download_button")]
    assert labels == ["GIF, Lerp", "GIF, Slerp", "GIF, Geodesic", "PNG of all", "NPZ of all"]


def test_lerp_and_slerp_are_there_before_the_geodesic(told: list[dict[str, Any]]) -> None:
    z = [[float(v) for v in row] for row in torch.randn(2, 20, generator=None)]
    marks = [{"id": str(n), "name": str(n), "z": point} for n, point in enumerate(z)]
    app = panel(**{state.WALK_KEYS: {"mnist-mlp-20": marks}})
    assert not app.exception and len(told) == 2
    first, second = (run["data"]["walks"] for run in told)
    assert first[0]["pixels"] and first[1]["pixels"] and not first[2]["pixels"]
    assert second[2]["pixels"] and second[:2] == first[:2]
    app.run()
    assert len(told) == 3  # from the cache, in one run


def test_the_number_of_pictures(told: list[dict[str, Any]]) -> None:
    app = panel()
    app.slider(key=state.WALK_N).set_value(20).run()
    assert [len(walk["z"]) for walk in told[-1]["data"]["walks"]] == [20] * 3
    assert (app.slider(key=state.WALK_N).min, app.slider(key=state.WALK_N).max) == (6, 24)


def test_keys_are_moved_and_removed_down_to_a_sentence(told: list[dict[str, Any]]) -> None:
    app = panel()
    change(app, "Later", 0)
    assert [key["name"] for key in keys(app)] == ["2 (test 1)", "7 (test 0)", "3 (test 30)"]
    change(app, "Earlier", 2)
    assert [key["name"] for key in keys(app)] == ["2 (test 1)", "3 (test 30)", "7 (test 0)"]
    change(app, "Remove", 1)
    assert [key["name"] for key in keys(app)] == ["2 (test 1)", "7 (test 0)"]
    assert len(told[-1]["data"]["stops"]) == 2 and not messages(app)
    runs = len(told)
    change(app, "Remove", 0)
    assert "needs at least two keys" in messages(app) and len(told) == runs
    change(app, "Remove", 0)
    assert not app.exception and keys(app) == []
    button(app, "Add this key").click().run()
    button(app, "Add this key").click().run()
    assert not messages(app) and len(told) > runs


def test_a_key_of_every_source(told: list[dict[str, Any]]) -> None:
    mark = {"id": "a", "name": "my favourite", "z": Z}
    mine = {"mnist-mlp-20": {"bookmarks": [mark], "directions": [], "names": {}, "locked": []}}
    app = panel(**{state.KEPT: mine})
    app.number_input(key=state.WALK_INDEX).set_value(4).run()
    button(app, "Add this key").click().run()
    assert keys(app)[-1]["name"] == "4 (test 4)"
    change(app, "Remove", 0)
    for source, label, name in (
        ("Random digit", "Add a random test digit", "test"),
        ("Prior sample", "Add a sample of the prior", "prior"),
        ("z of Explore", "Add this key", "from Explore"),
        ("Bookmark", "Add this key", "my favourite"),
    ):
        change(app, "Remove", 0)
        app.session_state[state.WALK_SOURCE] = source
        app.run()
        button(app, label).click().run()
        assert name in keys(app)[-1]["name"] and not app.exception
    assert keys(app)[-1]["z"] == Z
    assert keys(app)[-2]["z"] == app.session_state[state.Z]


def test_no_bookmark_is_a_sentence() -> None:
    app = panel(**{state.WALK_SOURCE: "Bookmark"})
    assert "no bookmarks of this model yet" in messages(app) and not app.exception


def test_five_keys_are_the_most(told: list[dict[str, Any]]) -> None:
    app = panel()
    for _ in range(2):
        button(app, "Add this key").click().run()
    assert len(keys(app)) == 5 and len(told[-1]["data"]["stops"]) == 5
    assert "Add this key" not in [button.label for button in app.button]


def test_an_upload_becomes_a_key(told: list[dict[str, Any]]) -> None:
    picture = load_dataset("mnist", "test").images[3]
    upload = {"name": "nought.png", "content": to_png(picture, scale=8)}
    app = panel(**{state.WALK_SOURCE: "Upload", state.UPLOAD: upload})
    button(app, "Add this key").click().run()
    assert keys(app)[-1]["name"] == "nought.png"
    mu = caches.latent_map("mnist-mlp-20").mu[3]
    assert np.abs(np.array(keys(app)[-1]["z"]) - mu.numpy()).mean() < 0.3


@pytest.mark.parametrize(
    "upload",
    [{"name": "a.txt", "content": b"no picture"}, {"name": "b.png", "error": "It has 80 MB."}],
)
def test_a_bad_upload_is_a_sentence_and_the_walk_stays(
    upload: dict[str, object], told: list[dict[str, Any]]
) -> None:
    app = panel(**{state.WALK_SOURCE: "Upload", state.UPLOAD: upload})
    assert not app.exception and messages(app).endswith(".")
    assert len(told[-1]["data"]["walks"]) == 3


def test_a_picture_opens_in_explore(
    told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer import state as real

    class Told:
        open: Any = {"z": Z, "checkpoint": "mnist-mlp-20"}  # noqa: RUF012

    panel()
    changed = told[-1]["on_open_change"]
    session = {
        real.WALK_PLAYER: Told(), real.CHECKPOINT: "mnist-mlp-20", real.Z: [0.0] * 20,
        real.REVISION: 0,
    }  # fmt: skip
    monkeypatch.setattr(real.st, "session_state", session)
    changed()
    assert session[real.Z] == Z and session[real.GO_TO] == "explore"
    Told.open = {"z": Z, "checkpoint": "another"}  # of a model that has been switched away from
    session[real.GO_TO] = None
    changed()
    assert session[real.GO_TO] is None


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints of our own."""
    for function in (checkpoint.load_checkpoint, checkpoint.list_checkpoints, checkpoint.describe):
        monkeypatch.setattr(function, "__defaults__", (tmp_path,))
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", tmp_path)
    return tmp_path


def test_a_model_of_one_dimension_has_walks_and_no_map(
    own: Path, told: list[dict[str, Any]]
) -> None:
    torch.manual_seed(0)
    save_checkpoint(own / "line", VAE(h_dim=8, z_dim=1), dataset="mnist")
    app = panel()
    assert not app.exception
    data = told[-1]["data"]
    assert data["map"] is None and len(data["walks"]) == 3 and data["walks"][2]["pixels"]


def test_every_model_keeps_its_own_keys(own: Path, told: list[dict[str, Any]]) -> None:
    for name in ("mnist-mlp-20", "mnist-mlp-2"):
        shutil.copytree(CHECKPOINTS / name, own / name)
    app = panel()
    button(app, "Add this key").click().run()
    app.session_state[state.CHECKPOINT] = "mnist-mlp-2"
    app.run()
    assert not app.exception and len(told[-1]["data"]["walks"][0]["z"][0]) == 2
    assert len(told[-1]["data"]["stops"]) == 3 and len(keys(app)) == 4


def test_digits_without_labels_have_names_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "classes", lambda name: ("images",))
    app = panel()
    button(app, "Add this key").click().run()
    assert [key["name"] for key in keys(app)][:2] == ["test 0", "test 1"]
