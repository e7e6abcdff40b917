"""Each panel through AppTest: it runs without an exception and its controls do what they say."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.data import DataError, load_dataset
from core.images import to_png
from explorer import caches, catalogue, state
from explorer.coordinates import unpacked_z

APP = str(Path(__file__).parent.parent.parent / "explorer" / "app.py")


def start(query: dict[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    for key, value in (query or {}).items():
        app.query_params[key] = value
    return app.run()


def reconstruct(**session: object) -> AppTest:
    """The Reconstruct panel with a state given."""
    app = AppTest.from_function(_reconstruct_page, default_timeout=60)
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


def _reconstruct_page() -> None:
    from explorer import links
    from explorer.panels import reconstruct

    links.restore()
    links.restore_z()
    reconstruct.render()


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def query(app: AppTest, key: str) -> str:
    """One value of the URL, which AppTest gives as a list."""
    value = app.query_params[key]
    return value if isinstance(value, str) else value[0]


def messages(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.error, *app.warning])


def test_explore_opens_on_the_first_test_digit_and_writes_its_url() -> None:
    app = start()
    assert not app.exception and not messages(app)
    assert app.query_params["model"] == "mnist-mlp-20"
    assert app.query_params["map"] == "lda"
    z = unpacked_z(query(app, "z"), 20)
    assert z == caches.latent_map("mnist-mlp-20").mu[0].tolist()


@pytest.mark.default_model
def test_the_page_opens_with_the_best_model() -> None:
    app = start()
    assert not app.exception and not messages(app)
    assert query(app, "model") == "mnist-conv-32"
    assert len(app.session_state[state.Z]) == 32


def test_a_link_opens_the_same_view() -> None:
    z = [round(0.1 * d - 1, 1) for d in range(20)]
    app = start({"model": "mnist-mlp-20", "z": ",".join(map(str, z))})
    assert app.session_state[state.Z] == z
    assert not messages(app)
    app = start({"model": "mnist-mlp-2", "z": "1.5,-2"})
    assert app.session_state[state.CHECKPOINT] == "mnist-mlp-2"
    assert app.session_state[state.Z] == [1.5, -2.0]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"z": "1,2"}, "has 2 numbers"),
        ({"z": "a,b"}, "must be numbers"),
        ({"z": ",".join(["nan"] * 20)}, "not a finite number"),
        ({"z": ",".join(["1e300"] * 20)}, "not a finite number"),
        ({"map": "[click](http)"}, "no projection "),  # nothing to click
        ({"map": "1,1"}, "two different dimensions"),
        ({"model": "../../etc"}, r"that is not here\."),
    ],
)
def test_a_broken_link_is_said_and_the_page_goes_on(query: dict[str, str], sentence: str) -> None:
    app = start(query)
    assert not app.exception
    assert sentence in messages(app)
    assert len(app.session_state[state.Z]) == 20


def test_buttons_move_z() -> None:
    app = start()
    before = app.session_state[state.Z]
    revision = app.session_state[state.REVISION]
    button(app, "Prior sample").click().run()
    assert app.session_state[state.Z] != before
    assert app.session_state[state.REVISION] == revision + 1
    button(app, "Reset to z = 0").click().run()
    assert app.session_state[state.Z] == [0.0] * 20
    assert button(app, "Reset to z = 0").disabled
    button(app, "Random digit").click().run()
    mu = caches.latent_map("mnist-mlp-20").mu.numpy()
    assert np.abs(mu - app.session_state[state.Z]).max(1).min() < 1e-6
    assert not app.exception


def test_switching_the_model_switches_everything() -> None:
    app = start()
    app.selectbox(key=state.CHECKPOINT).select("mnist-mlp-2").run()
    assert not app.exception
    assert len(app.session_state[state.Z]) == 2
    assert app.query_params["model"] == "mnist-mlp-2"
    assert app.session_state[state.PROJECTION] == "dimensions"
    app.selectbox(key=state.CHECKPOINT).select("mnist-mlp-20").run()
    assert len(app.session_state[state.Z]) == 20 and not app.exception


def test_the_two_axes_are_never_the_same() -> None:
    app = start()
    app.session_state[state.PROJECTION] = "dimensions"
    app.run()
    across, up = app.selectbox(key=state.AXIS_X), app.selectbox(key=state.AXIS_Y)
    assert f"z{up.value}" not in across.options and f"z{across.value}" not in up.options
    assert not app.exception


def test_reconstruct_shows_a_test_digit_and_another() -> None:
    app = reconstruct()
    assert not app.exception and not messages(app)
    terms = [float(metric.value) for metric in app.metric]
    assert terms[0] + terms[1] == pytest.approx(terms[2], abs=0.11)
    app.number_input(key=state.TEST_INDEX).set_value(7).run()
    assert [float(metric.value) for metric in app.metric] != terms
    assert "Label: 9" in [caption.value for caption in app.caption]
    button(app, "Another").click().run()
    assert not app.exception


def test_missing_data_is_said_in_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise DataError("The data file t10k-images-idx3-ubyte.gz is missing. Run `...`.")

    monkeypatch.setattr(caches, "test_set", missing)
    app = reconstruct()
    assert not app.exception and "t10k-images" in messages(app)


def test_reconstruct_an_upload() -> None:
    png = to_png(load_dataset("mnist", "test").images[0], scale=8)
    app = reconstruct(
        **{state.SOURCE: "Upload", state.UPLOAD: {"name": "seven.png", "content": png}}
    )
    assert not app.exception and not messages(app)
    assert len(app.metric) == 3


@pytest.mark.parametrize(
    "upload",
    [
        {"name": "a.txt", "content": b"no picture at all"},
        {"name": "empty.png", "content": b""},
        {"name": "big.png", "error": "The file has 80 MB; the limit is 20 MB."},
    ],
)
def test_a_bad_upload_is_a_sentence(upload: dict[str, object]) -> None:
    app = reconstruct(**{state.SOURCE: "Upload", state.UPLOAD: upload})
    assert not app.exception
    assert messages(app).endswith(".") and len(app.metric) == 0


def test_reconstruct_a_drawing_and_an_empty_sheet() -> None:
    png = to_png(load_dataset("mnist", "test").images[3], scale=10)
    app = reconstruct(**{state.SOURCE: "Draw", state.DRAWING: png})
    assert not app.exception and len(app.metric) == 3
    app = reconstruct(**{state.SOURCE: "Draw"})
    assert not app.exception and not messages(app) and len(app.metric) == 0


def test_open_in_explore_carries_z_over() -> None:
    panel = reconstruct()
    button(panel, "Open in Explore").click().run()
    assert panel.session_state[state.GO_TO] == "explore"
    mu = caches.latent_map("mnist-mlp-20").mu[0]
    np.testing.assert_allclose(panel.session_state[state.Z], mu, atol=1e-4)


def test_no_checkpoint_at_all_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "checkpoints", lambda: [])
    app = start()
    assert not app.exception and "python -m core train" in messages(app)


def test_a_broken_checkpoint_is_said_and_the_picker_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.checkpoint import CheckpointError

    good = caches.model

    def broken(name: str):  # type: ignore[no-untyped-def]
        if name == "mnist-mlp-2":
            raise CheckpointError("model.safetensors is no intact safetensors file.")
        return good(name)

    monkeypatch.setattr(caches, "model", broken)
    app = start({"model": "mnist-mlp-2"})
    for _ in range(2):  # a second run finds it as broken as the first
        assert not app.exception
        assert "cannot be used. model.safetensors" in messages(app)
        app.run()
    app.selectbox(key=state.CHECKPOINT).select("mnist-mlp-20").run()
    assert not messages(app) and len(app.session_state[state.Z]) == 20
