"""The Repair panel through AppTest: its sources, damages, methods, failures and exports."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import damage, exports, methods
from core.checkpoint import CheckpointError
from core.data import DataError, load_dataset
from core.images import to_png
from explorer import board, caches, repairs, state

QUICK = {state.METHOD: "smc", state.METHOD_STEPS: 2, state.ANSWERS: 3}


def panel(**session: object) -> AppTest:
    """The Repair panel with a state given."""
    app = AppTest.from_function(_page, default_timeout=100)
    for key, value in {**QUICK, **session}.items():
        app.session_state[key] = value
    return app.run()


def _page() -> None:
    from explorer import links
    from explorer.panels import repair

    links.restore()
    links.restore_z()
    repair.render()


def messages(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.error, *app.warning])


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def on_board(app: AppTest) -> board.Damage:
    assert not app.exception and not messages(app)
    return app.session_state[state.DAMAGED]


def digit(index: int = int(str(state.DEFAULTS[state.REPAIR_INDEX]))) -> torch.Tensor:
    return load_dataset("mnist", "test").images[index]


def test_it_opens_on_a_test_digit_with_a_hole() -> None:
    app = panel()
    seen = on_board(app)
    assert seen.image == repairs.levels(digit()), "Restore must find what is under the hole"
    assert sum(seen.mask) == 784 - 14 * 14
    assert len(app.get("download_button")) == 3
    assert not any("train-repair" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("model", "method"), [("mnist-res-32", "posterior"), ("mnist-mlp-2", "smc")]
)
def test_the_method_is_the_best_that_the_model_can_run(model: str, method: str) -> None:
    """And a model that lacks the best is told how to get it."""
    app = panel(**{state.CHECKPOINT: model, state.METHOD: None, state.ANSWERS: 3})
    assert app.session_state[state.METHOD] == method and not messages(app)
    told = any(f"train-repair {model}" in caption.value for caption in app.caption)
    assert told == (method == "smc")


def test_another_digit_and_another_damage_begin_the_board_anew() -> None:
    app = panel()
    first = on_board(app)
    button(app, "Another").click().run()
    second = on_board(app)
    assert second.image != first.image and second.revision == first.revision + 1
    app.selectbox(key=state.DAMAGE_KIND).select("pixels").run()
    third = on_board(app)
    assert app.slider(key=state.DAMAGE_STRENGTH).value == damage.KINDS["pixels"].strength
    button(app, "Again").click().run()
    fourth = on_board(app)
    assert fourth.mask != third.mask and fourth.revision == third.revision + 1
    app.slider(key=state.ANSWERS).set_value(4).run()
    assert on_board(app) == fourth, "another setting leaves the picture alone"


@pytest.mark.parametrize("kind", damage.KINDS)
def test_every_kind_of_damage(kind: str) -> None:
    chosen = damage.KINDS[kind]
    app = panel(**{state.DAMAGE_KIND: kind, state.DAMAGE_STRENGTH: chosen.strength})
    seen = on_board(app)
    assert seen.image != repairs.levels(digit()) or 0 in seen.mask


@pytest.mark.parametrize("source", ["z of Explore", "Prior sample", "Draw"])
def test_other_sources(source: str) -> None:
    drawing = to_png(digit(3), scale=10)
    app = panel(**{state.REPAIR_SOURCE: source, state.DRAWING: drawing})
    assert len(on_board(app).image) == 784
    if source == "Prior sample":
        before = on_board(app)
        button(app, "Another").click().run()
        assert on_board(app).image != before.image


def test_an_upload_of_the_models_size_is_used_as_it_is() -> None:
    noisy = (digit(1) + 0.3 * torch.rand(1, 28, 28, generator=torch.manual_seed(0))).clamp(0, 1)
    upload = {"name": "noisy.png", "content": to_png(noisy)}
    app = panel(
        **{
            state.REPAIR_SOURCE: "Upload", state.UPLOAD: upload,
            state.GUESS_MASK: False, state.UPLOAD_LEVELS: "Estimated",
        }
    )  # fmt: skip
    assert on_board(app).image == repairs.levels(noisy)
    app.toggle(key=state.GUESS_MASK).set_value(True).run()
    assert set(on_board(app).mask) <= {0, 1}


def test_a_larger_upload_becomes_a_digit() -> None:
    upload = {"name": "large.png", "content": to_png(digit(1), scale=9)}
    app = panel(**{state.REPAIR_SOURCE: "Upload", state.UPLOAD: upload})
    assert len(on_board(app).image) == 784


def group(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(control for control in app.button_group if control.label == label)


def beginning(app: AppTest):  # type: ignore[no-untyped-def]
    return next(box for box in app.selectbox if box.label == "Damage to begin with")


@pytest.mark.parametrize(
    ("kind", "strength", "its_kind"),
    [("blot", 0.4, "pixels"), ("low", 0.8, "scribbles"), ("noise", 0.3, "noise")],
)
def test_an_upload_has_damage_of_its_own_and_the_others_go_on_with_theirs(
    kind: str, strength: float, its_kind: str
) -> None:
    upload = {"name": "one.png", "content": to_png(digit(1))}
    chosen = {state.DAMAGE_KIND: kind, state.DAMAGE_STRENGTH: strength}
    app = panel(**{**chosen, state.UPLOAD: upload})
    if kind == "noise":
        group(app, "Level").set_value("Estimated").run()
    source = next(c for c in app.button_group if c.key == state.REPAIR_SOURCE)
    source.set_value("Upload").run()
    on_board(app)
    assert beginning(app).value == "none" and group(app, "Noise in it").value == "None"
    beginning(app).select(its_kind).run()
    on_board(app)
    assert app.slider[0].value == damage.KINDS[its_kind].strength
    source.set_value("Test digit").run()
    on_board(app)
    assert (beginning(app).value, app.slider[0].value) == (kind, strength)
    if kind == "noise":
        assert group(app, "Level").value == "Estimated"


@pytest.mark.parametrize(
    "upload",
    [
        {"name": "a.txt", "content": b"no picture at all"},
        {"name": "big.png", "error": "The file has 80 MB; the limit is 20 MB."},
    ],
)
def test_a_bad_upload_is_a_sentence(upload: dict[str, object]) -> None:
    app = panel(**{state.REPAIR_SOURCE: "Upload", state.UPLOAD: upload})
    assert not app.exception and messages(app).endswith(".")


def test_missing_data_is_said_in_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise DataError("The data file t10k-images-idx3-ubyte.gz is missing. Run `...`.")

    monkeypatch.setattr(caches, "test_set", missing)
    app = panel()
    assert not app.exception and "t10k-images" in messages(app)


def test_what_cannot_be_repaired_is_said_and_the_board_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise methods.RepairError("It cannot be done, because of the test.")

    monkeypatch.setattr(caches, "completion", refuse)
    app = panel()
    assert not app.exception and "because of the test" in messages(app)
    assert app.session_state[state.DAMAGED] is not None


def test_a_broken_partial_encoder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise CheckpointError("repair.safetensors is no intact partial encoder.")

    monkeypatch.setattr(caches, "posterior", broken)
    app = panel()
    assert not app.exception and "no intact partial encoder" in messages(app)


def test_an_iterative_method_shows_its_way_and_its_steps() -> None:
    app = panel(**{state.METHOD: "pseudo_gibbs", state.METHOD_STEPS: 3})
    on_board(app)
    assert any("step by step" in element.value for element in app.markdown)
    app.selectbox(key=state.METHOD).select("map").run()
    assert app.number_input(key=state.METHOD_STEPS).value == methods.METHODS["map"].steps
    app.number_input(key=state.METHOD_STEPS).set_value(2).run()
    on_board(app)


def _page_with_a_stroke() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer import board, links, state

    links.restore()
    links.restore_z()
    board.begin_damage(("test",), bytes(784), bytes([1]) * 784)
    st.session_state[state.BOARD] = SimpleNamespace(**st.session_state["told"])
    board.commit_damage() if "damage" in st.session_state["told"] else state.open_answer()


def told(**changes: object) -> dict[str, object]:
    picture = {key: base64.b64encode(bytes(784)).decode() for key in ("image", "mask")}
    return {**picture, "commit": 5, "revision": 1, "checkpoint": "mnist-mlp-20", **changes}


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"revision": 0}, False),
        ({"checkpoint": "mnist-mlp-2"}, False),
        ({"mask": "AAAA"}, False),
        ({"mask": "no base64"}, False),
    ],
)
def test_a_stroke_counts_only_for_what_is_on_screen(
    changes: dict[str, object], taken: bool
) -> None:
    app = AppTest.from_function(_page_with_a_stroke, default_timeout=60)
    app.session_state["told"] = {"damage": told(**changes)}
    app.run()
    assert not app.exception
    seen = app.session_state[state.DAMAGED]
    assert (seen.mask == bytes(784)) is taken and seen.commit == (5 if taken else 0)
    assert seen.revision == 1, "the hand's own stroke never pulls the drawing back"


def test_an_answer_opens_in_explore() -> None:
    app = AppTest.from_function(_page_with_a_stroke, default_timeout=60)
    app.session_state["told"] = {"open": {"z": [0.5] * 20, "checkpoint": "mnist-mlp-20"}}
    app.run()
    assert app.session_state[state.Z] == [0.5] * 20
    assert app.session_state[state.GO_TO] == "explore"


@pytest.mark.parametrize("method", ["plain", "pseudo_gibbs"])
def test_exports_hold_everything(method: str) -> None:
    mask = bytes([1]) * 392 + bytes(392)
    ask = repairs.asked(repairs.levels(digit()), mask, method=method, k=5)
    found = caches.completion("mnist-mlp-20", ask).repair
    sheet = Image.open(io.BytesIO(exports.png_sheet(found)))
    assert sheet.format == "PNG" and sheet.width > 8 * 28
    moving = Image.open(io.BytesIO(exports.gif(found)))
    way = found.trajectory if found.trajectory is not None else found.completions
    assert moving.format == "GIF" and 1 < getattr(moving, "n_frames", 1) <= len(way)
    with np.load(io.BytesIO(exports.npz(found))) as arrays:
        assert set(arrays) == {"completions", "weights", "mean", "std", "z", "image", "mask"}
        assert arrays["completions"].shape == (5, 1, 28, 28)
        assert arrays["mask"].sum() == 392
