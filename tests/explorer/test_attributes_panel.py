"""Attributes through AppTest: the table, the built-in directions, and new ones of every source."""

from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.attributes import ATTRIBUTES, logistic_normal, mean_difference
from core.data import load_dataset
from core.images import to_png
from explorer import attributes, caches, figures, map_data, state
from explorer.wording import escaped

MODEL = "mnist-mlp-20"


def _page() -> None:
    from explorer import links
    from explorer.panels import attributes

    links.restore()
    links.restore_z()
    attributes.render()


def panel(**session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=90)
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def messages(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.error, *app.warning, *app.info])


def directions(app: AppTest) -> list[dict[str, Any]]:
    return app.session_state[state.KEPT][MODEL]["directions"]


def written(app: AppTest) -> str:
    return " ".join(element.value for element in app.markdown)


def test_it_opens_with_the_table_and_the_built_in_directions() -> None:
    app = panel()
    assert not app.exception and not messages(app)
    for name in ("thicker", "more slanted", "wider", "bigger loop"):
        assert name in written(app)
    assert len(app.get("plotly_chart")) == 1


def test_the_table_has_names_order_and_no_dead_dimension(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[Any, ...]] = []
    table = figures.correlation_table
    monkeypatch.setattr(
        figures, "correlation_table", lambda *given: (drawn.append(given), table(*given))[1]
    )
    mine = {"bookmarks": [], "directions": [], "names": {"0": "lean"}, "locked": []}
    panel(**{state.CHECKPOINT: "mnist-res-32", state.KEPT: {"mnist-res-32": mine}})
    values, columns, rows = drawn[-1]
    latent = caches.latent_map("mnist-res-32")
    shown = [d for d in latent.order if latent.active[d]]
    assert len(shown) == 13 and rows == ["lean" if d == 0 else f"z{d}" for d in shown]
    assert [column.split("<br>")[0] for column in columns] == [a.name for a in ATTRIBUTES.values()]
    slant = caches.measures("mnist-res-32")["slant"]
    expected = np.corrcoef(slant.numpy(), latent.mu[:, shown[0]].numpy())[0, 1]
    assert values[list(ATTRIBUTES).index("slant"), 0] == pytest.approx(expected, abs=1e-4)


def test_measures_are_taken_once_for_a_data_set() -> None:
    assert caches.measures("mnist-mlp-2") is caches.measures(MODEL)


@pytest.mark.parametrize("model", [MODEL, "mnist-res-32"])
def test_built_in_directions_do_what_they_say(model: str) -> None:
    """On decoded test digits, two units either way; loops on those that have one."""
    measures = caches.measures(model)
    mu = caches.latent_map(model).mu
    built_in = dict(attributes.built_in(model))
    for id, attribute in ATTRIBUTES.items():
        some = torch.nonzero(measures["loop"] > 5)[:150, 0] if id == "loop" else slice(150)
        found = [
            attributes.preview(model, z, built_in[attribute.direction]).measured[id]
            for z in mu[some].tolist()
        ]
        rise = np.mean([values[-1] - values[0] for values in found]) / float(measures[id].std())
        assert rise > (0.5 if id == "loop" else 1.5), attribute.direction


def test_a_direction_from_two_classes_is_kept_renamed_and_removed() -> None:
    app = panel()
    app.selectbox(key=state.CLASS_A).select(3).run()
    app.selectbox(key=state.CLASS_B).select(8).run()
    button(app, "Keep").click().run()
    assert not app.exception
    (kept,) = directions(app)
    assert kept["name"] == "3 towards 8"
    latent = caches.latent_map(MODEL)
    a, b = (latent.mu[latent.labels == label] for label in (3, 8))
    np.testing.assert_allclose(kept["vector"], mean_difference(a, b), rtol=1e-5)

    app.text_input(key=f"{state.DIRECTION_NAME}_{kept['id']}").set_value("eightish").run()
    assert directions(app)[0]["name"] == "eightish"
    app.text_input(key=f"{state.DIRECTION_NAME}_{kept['id']}").set_value("  ").run()
    assert directions(app)[0]["name"] == "eightish"  # a direction always has a name
    button(app, "Remove").click().run()
    assert directions(app) == [] and not app.exception


def test_a_name_of_ones_own_and_the_normal_of_a_logistic_regression() -> None:
    app = panel(**{state.DIRECTION_METHOD: "logistic"})
    app.text_input(key=state.DIRECTION_NAME).set_value("more of an *8*").run()
    button(app, "Keep").click().run()
    (kept,) = directions(app)
    assert kept["name"] == "more of an *8*"
    assert "more of an \\*8\\*" in written(app)  # shown as it was typed
    latent = caches.latent_map(MODEL)
    a, b = (latent.mu[latent.labels == label] for label in (3, 8))
    np.testing.assert_allclose(kept["vector"], logistic_normal(a, b), rtol=1e-3, atol=1e-5)
    assert app.text_input(key=state.DIRECTION_NAME).value == ""


def test_a_press_straight_after_a_change_heeds_it() -> None:
    """The page has not been drawn with it yet."""
    app = panel()
    app.text_input(key=state.DIRECTION_NAME).set_value(" rounder ")
    app.selectbox(key=state.CLASS_A).select(1)
    button(app, "Keep").click().run()
    (kept,) = directions(app)
    assert kept["name"] == "rounder" and app.text_input(key=state.DIRECTION_NAME).value == ""
    latent = caches.latent_map(MODEL)
    a, b = (latent.mu[latent.labels == label] for label in (1, 8))
    np.testing.assert_allclose(kept["vector"], mean_difference(a, b), rtol=1e-5)
    app.selectbox(key=state.CLASS_A).select(8)
    button(app, "Keep").click().run()
    assert len(directions(app)) == 1 and "Choose two different ones." in messages(app)


def test_the_same_class_twice_is_a_sentence() -> None:
    app = panel()
    app.selectbox(key=state.CLASS_B).select(3).run()
    assert "Choose two different ones." in messages(app) and not app.exception
    assert "Keep" not in [button.label for button in app.button]


def test_a_model_without_labels_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "classes", lambda name: ("images",))
    app = panel()
    assert "have no classes" in messages(app) and not app.exception


def test_two_lassoed_groups() -> None:
    groups = {"thin": [5, 7, 9], "fat": [1, 2], "far": [3]}
    app = panel(**{state.DIRECTION_SOURCE: "Two groups", state.GROUPS: {MODEL: groups}})
    app.selectbox(key=state.GROUP_A).select(1).run()
    app.selectbox(key=state.GROUP_B).select(0).run()
    button(app, "Keep").click().run()
    (kept,) = directions(app)
    assert kept["name"] == "fat towards thin"
    mu = caches.latent_map(MODEL).mu
    wanted = mu[[5, 7, 9]].mean(0) - mu[[1, 2]].mean(0)
    np.testing.assert_allclose(kept["vector"], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [{}, {MODEL: {"one": [1, 2]}}, {"mnist-mlp-2": {"a": [1]}}])
def test_too_few_groups_say_how_to_make_one(groups: dict[str, Any]) -> None:
    app = panel(**{state.DIRECTION_SOURCE: "Two groups", state.GROUPS: groups})
    assert "Two groups of dots are needed" in messages(app) and "lasso" in messages(app)
    assert not app.exception


def test_an_empty_group_is_a_sentence() -> None:
    groups = {MODEL: {"none": [], "some": [1]}}
    app = panel(**{state.DIRECTION_SOURCE: "Two groups", state.GROUPS: groups})
    assert "at least one picture" in messages(app) and not app.exception


def test_groups_of_the_training_set_too(monkeypatch: pytest.MonkeyPatch) -> None:
    mu = caches.latent_map(MODEL).mu
    more = map_data.LabelledCodes(torch.cat([mu, mu + 1]).numpy(), np.zeros(20_000, int))
    monkeypatch.setattr(map_data, "encoded", lambda name, points: more)
    found = attributes.of_group(MODEL, [3, 10_003])
    torch.testing.assert_close(found, torch.stack([mu[3], mu[3] + 1]))


def test_two_sets_of_uploads_and_one_that_is_no_picture() -> None:
    images = load_dataset("mnist", "test").images
    app = panel(**{state.DIRECTION_SOURCE: "Two sets of uploads"})
    assert "at least one picture of each" in messages(app)
    files = [(f"{n}.png", to_png(images[n], scale=6), "image/png") for n in (0, 1, 2)]
    broken = ("notes.txt", b"no picture", "text/plain")
    app.file_uploader[0].set_value([files[0], files[1], broken]).run()
    app.file_uploader[1].set_value([files[2]]).run()
    assert not app.exception
    assert escaped("notes.txt is left out.") in messages(app)
    assert "\\(2 and 1 pictures\\)" in written(app)
    button(app, "Keep").click().run()
    assert directions(app)[0]["name"] == "A towards B"
    mu = caches.latent_map(MODEL).mu
    way = (mu[2] - mu[:2].mean(0)).numpy()
    vector = np.array(directions(app)[0]["vector"])
    assert vector @ way / np.linalg.norm(vector) / np.linalg.norm(way) > 0.9
    assert len(app.session_state[state.UPLOADED]) == 4
    app.file_uploader[0].set_value([files[0]]).run()
    assert len(app.session_state[state.UPLOADED]) == 2, "what is taken away is forgotten"
    assert state.DEFAULTS[state.UPLOADED] == {}, "one visitor's are none of another's"


def test_the_previews_begin_at_the_z_of_explore() -> None:
    app = panel()
    z = app.session_state[state.Z]
    before = written(app)
    button(app, "Another digit").click().run()
    assert app.session_state[state.Z] != z and written(app) != before
    vector = [1.0, *[0.0] * 19]
    middle = attributes.preview(MODEL, z, vector).measured["thickness"][4]
    assert middle == attributes.preview(MODEL, z, [0.0] * 20).measured["thickness"][0]
