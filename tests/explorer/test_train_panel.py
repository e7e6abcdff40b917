"""Train through AppTest: the form, what it refuses, start, queue, stop, resume, discard, failures.

The trainings are those of fake_trainer.py.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import data, folder
from core.config import TrainConfig
from explorer import changes, jobs, run_files, state, train_fields, training_data, trainings

APP = str(Path(__file__).parent.parent.parent / "explorer" / "app.py")
Fake = Callable[..., None]


def _page() -> None:
    from explorer import links
    from explorer.panels import train

    links.restore_defaults()
    train.render()


def panel(**session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


def button(app: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(button for button in app.button if button.label == label)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def field(app: AppTest, name: str):  # type: ignore[no-untyped-def]
    key = f"{state.TRAIN_FIELD}_{name}"
    kinds = (app.number_input, app.selectbox, app.toggle, app.button_group)
    return next(widget for kind in kinds for widget in kind if widget.key == key)


def shown_fields(app: AppTest) -> set[str]:
    kinds = (app.number_input, app.selectbox, app.toggle, app.button_group)
    keys = [str(widget.key) for kind in kinds for widget in kind]
    prefix = f"{state.TRAIN_FIELD}_"
    return {key.removeprefix(prefix) for key in keys if key.startswith(prefix)}


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning)
    return " ".join(str(element.value) for kind in kinds for element in kind)


def errors(app: AppTest) -> str:
    return " ".join(element.value for element in app.error)


def until(app: AppTest, condition: Callable[[], object]) -> AppTest:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, said(app)
        time.sleep(0.05)
        app.run()
        assert not app.exception
    return app


# ---- the table of fields


def test_every_field_of_the_dataclass_is_asked_for() -> None:
    assert set(train_fields.FIELDS) == {field.name for field in fields(TrainConfig)}
    for name, row in train_fields.FIELDS.items():
        default = train_fields.DEFAULTS[name]
        assert row.group in train_fields.GROUPS and row.help.endswith(".")
        if row.high:
            assert row.low <= default <= row.high


def values(name: str) -> st.SearchStrategy[Any]:
    row, default = train_fields.FIELDS[name], train_fields.DEFAULTS[name]
    if not row.high:
        return st.sampled_from(train_fields.choices(name) or [False, True])
    if isinstance(default, int):
        return st.integers(int(row.low), min(int(row.high), 1000))
    return st.floats(row.low, row.high)


settings = st.fixed_dictionaries({name: values(name) for name in train_fields.DEFAULTS})


@given(settings)
def test_the_flags_mean_the_settings(chosen: dict[str, Any]) -> None:
    """What the command line reads is what the form shows, for everything that it lets pass."""
    if train_fields.fault(chosen) is None:
        config = tyro.cli(TrainConfig, args=train_fields.arguments(chosen))
        assert asdict(config) == train_fields.effective(chosen)


@pytest.mark.parametrize(
    ("values", "name", "sentence"),
    [
        ({"z_dim": 0}, "z_dim", "z_dim must be above 0"),
        ({"learning_rate": -1.0}, "learning_rate", "learning_rate must be above 0"),
        ({"h_dim": 10**6}, "h_dim", "h_dim must lie between 1 and 4096"),
        ({"batch_size": 10**9}, "batch_size", "batch_size must lie between"),
        ({"epochs": None}, "epochs", "epochs is empty"),
        ({"beta": -0.5}, "beta", "beta must not be negative"),
        ({"free_bits": 0.1, "importance_samples": 5}, "free_bits", "belong to the ELBO"),
        ({"dataset": "data/nowhere"}, "dataset", "no folder of images below data/"),
        ({"dataset": "../etc"}, "dataset", "no folder of images below data/"),
    ],
)
def test_the_impossible_is_named(values: dict[str, Any], name: str, sentence: str) -> None:
    fault = train_fields.fault(train_fields.DEFAULTS | values)
    assert fault and fault.field == name and sentence in fault.sentence


def test_what_is_hidden_does_nothing() -> None:
    left_over = train_fields.DEFAULTS | {"blocks": 0, "width": -3, "channels": 3}
    assert train_fields.fault(left_over) is None
    assert train_fields.arguments(left_over) == []
    assert train_fields.fault(left_over | {"architecture": "ResidualVAE"}).field == "blocks"


def test_the_default_models_recipe_is_its_own() -> None:
    recipe = train_fields.recipe("mnist-res-32")
    assert (recipe["architecture"], recipe["blocks"], recipe["epochs"]) == ("ResidualVAE", 2, 80)
    assert train_fields.recipe("nowhere") == train_fields.DEFAULTS
    for make in train_fields.PRESETS.values():
        assert train_fields.fault(make()) is None


# ---- data sets


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data/ with a folder of three pictures, an empty one and nothing by name."""
    root = tmp_path / "data"
    (root / "flowers" / "roses").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / ".hidden").mkdir()
    for n in range(3):
        Image.new("L", (40, 30), 50 * n).save(root / "flowers" / "roses" / f"{n}.png")
    (root / "flowers" / "notes.txt").write_text("no picture")
    monkeypatch.setattr(data, "DATA", root)
    return root


def test_folders_below_data_are_offered(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(pictures / "flowers")
    assert training_data.folders() == [str(pictures / "empty"), name]
    assert training_data.is_folder(name) and training_data.label(name) == "flowers"
    empty = train_fields.fault(train_fields.DEFAULTS | {"dataset": str(pictures / "empty")})
    assert empty and empty.field == "dataset" and "is empty" in empty.sentence
    assert training_data.problem(name) is None and training_data.training_images(name) == 3
    chosen = train_fields.DEFAULTS | {"dataset": name}
    fault = train_fields.fault(chosen)
    assert fault and fault.field == "batch_size" and "flowers has only 3" in fault.sentence
    assert {"image_side", "channels"} <= set(train_fields.shown(chosen))
    monkeypatch.setattr(training_data, "AGAIN", 1e9)
    walks, walk = [], folder._walk
    monkeypatch.setattr(folder, "_walk", lambda root: (walks.append(root), walk(root))[1])
    train_fields.fault(chosen)
    assert training_data.left_out(name) and walks == [pictures / "flowers"], "it is walked once"
    assert data.missing(name, "train") is None and len(walks) == 1, "nor to know that it is there"
    assert train_fields.free_stem(chosen) == "flowers-mlp-20"
    missing = train_fields.fault(train_fields.DEFAULTS)
    assert missing and missing.field == "dataset"
    assert "python -m core fetch mnist" in missing.sentence


def test_what_a_folder_leaves_out_is_told(fake_trainer: Fake, pictures: Path) -> None:
    app = panel(**{state.TRAIN_SETTINGS: {"dataset": str(pictures / "flowers"), "batch_size": 2}})
    assert not app.exception
    assert any("1 file is no image and left out" in caption.value for caption in app.caption)
    assert training_data.left_out("mnist") == ()
    assert training_data.left_out(str(pictures / "empty")) == ()  # the refusal says it


def test_the_number_of_images_is_read_from_the_files_head() -> None:
    assert training_data.training_images("mnist") == 60_000
    assert training_data.problem("mnist") is None


# ---- the form


def test_a_folder_that_is_gone_leaves_the_form_usable(fake_trainer: Fake) -> None:
    gone = {"dataset": "data/gone", "channels": 3}
    app = panel(**{state.TRAIN_SETTINGS: gone})
    assert not app.exception and not errors(app)
    assert field(app, "dataset").value == "mnist"


def test_the_form_shows_what_applies(fake_trainer: Fake) -> None:
    app = panel()
    assert not app.exception and not errors(app)
    fields = shown_fields(app)
    assert {"dataset", "architecture", "z_dim", "epochs", "seed", "schedule"} <= fields
    assert not {"blocks", "width", "channels", "image_side", "shift_until"} & fields
    field(app, "architecture").select("ConvVAE").run()
    assert {"blocks", "width"} <= shown_fields(app)
    field(app, "shift").set_value(2).run()
    assert "shift_until" in shown_fields(app)
    assert "--architecture ConvVAE --shift 2" in app.code[0].value
    field(app, "architecture").select("VAE").run()
    assert not {"blocks", "width"} & shown_fields(app)


def test_a_preset_fills_the_form_and_a_change_is_your_own(fake_trainer: Fake) -> None:
    app = panel()
    app.selectbox(key=state.TRAIN_PRESET).select("Two dimensions").run()
    assert field(app, "z_dim").value == 2
    assert app.code[0].value.endswith("--name mnist-mlp-2 --z-dim 2")
    app.selectbox(key=state.TRAIN_PRESET).select("Quick look (2 epochs)").run()
    assert (field(app, "z_dim").value, field(app, "epochs").value) == (20, 2)
    field(app, "epochs").set_value(3).run()
    assert app.session_state[state.TRAIN_PRESET] is None
    assert field(app, "epochs").value == 3


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("z_dim", 0, "z_dim must be above 0; it is 0."),
        ("learning_rate", -0.1, "learning_rate must be above 0; it is -0.1."),
        ("seed", -1, "seed must not be negative; it is -1."),  # in the folded part
    ],
)
def test_the_impossible_is_refused_at_its_field(
    fake_trainer: Fake, name: str, value: float, sentence: str
) -> None:
    app = panel()
    field(app, name).set_value(value).run()
    assert errors(app) == sentence
    assert button(app, "Start training").disabled and not app.code
    assert app.expander[0].proto.expanded == (name == "seed")
    field(app, name).set_value(train_fields.DEFAULTS[name]).run()
    assert not errors(app) and not button(app, "Start training").disabled


def test_a_name_is_free_and_never_taken_from_another(fake_trainer: Fake, checkpoints: Path) -> None:
    (checkpoints / "mnist-mlp-20").mkdir()
    app = panel()
    assert app.text_input(key=state.TRAIN_NAME).placeholder == "mnist-mlp-20-2"
    for name, sentence in (("mnist-mlp-20", "called mnist-mlp-20 already"), ("../x", "letters")):
        app.text_input(key=state.TRAIN_NAME).set_value(name).run()
        assert sentence in errors(app) and button(app, "Start training").disabled
    app.text_input(key=state.TRAIN_NAME).set_value("mine").run()
    assert not errors(app) and "--name mine" in app.code[0].value


# ---- the training


def start(app: AppTest, name: str, label: str = "Start training") -> AppTest:
    app.text_input(key=state.TRAIN_NAME).set_value(name).run()
    button(app, label).click().run()
    assert not app.exception
    return app


def run_state(name: str) -> str | None:
    run = trainings.find(name)
    return run and run.state


def test_start_watch_and_open_in_explore(fake_trainer: Fake) -> None:
    app = panel()
    assert "No training yet" in said(app)
    fake_trainer(seconds=0.2)
    start(app, "first")
    assert app.session_state[state.TRAIN_NAME] == ""
    assert "Stop" in labels(app) and "Put into the queue" in labels(app)
    until(app, lambda: run_state("first") == "finished")
    app.run()
    assert "first :green-badge[finished]" in said(app)
    assert {"Resume", "Delete first"} <= set(labels(app)) and "Stop" not in labels(app)
    fresh = panel()  # a reload, or another browser
    assert "first :green-badge[finished]" in said(fresh)
    button(fresh, "Open in Explore").click().run()
    assert fresh.session_state[state.CHECKPOINT] == "first"
    assert fresh.session_state[state.GO_TO] == "explore"


def test_the_second_waits_and_can_be_moved_and_removed(fake_trainer: Fake) -> None:
    fake_trainer(seconds=30)
    app = start(panel(), "one")
    for name in ("two", "three", "four"):
        start(app, name, "Put into the queue")
    assert "1. two" in said(app) and "3. four" in said(app)
    assert "Number 3 in the queue" in said(app)  # the one that was put there last is looked at
    app.button(key="train_Earlier_four").click().run()
    app.button(key="train_remove_two").click().run()
    assert "1. four" in said(app) and "2. three" in said(app) and "two" not in labels(app)
    app.selectbox(key=state.TRAIN_RUN).select("one").run()
    until(app, lambda: run_state("one") == "running")
    button(app, "Stop").click().run()
    until(app, lambda: run_state("four") == "running")
    assert run_state("three") == "queued"


def test_a_press_straight_after_typing_heeds_what_was_typed(fake_trainer: Fake) -> None:
    """The page has not been drawn with it: the click comes with the value of the field it left."""
    app = panel()
    field(app, "epochs").set_value(2)
    app.text_input(key=state.TRAIN_NAME).set_value(" typed ")
    button(app, "Start training").click().run()
    assert not app.exception
    until(app, lambda: run_state("typed") == "finished")
    app.run()
    app.number_input(key=f"{state.TRAIN_EPOCHS}_typed").set_value(5)
    app.button(key="train_resume").click().run()
    until(app, lambda: len(run_files.history(trainings.folder("typed"))) == 5)
    until(app, lambda: run_state("typed") == "finished")
    field(app.run(), "z_dim").set_value(0)
    button(app, "Start training").click().run()
    assert "must be above 0" in app.session_state[state.NOTICE]
    assert len(trainings.runs()) == 1


def test_stop_resume_with_more_epochs_and_discard(fake_trainer: Fake, checkpoints: Path) -> None:
    fake_trainer(seconds=0.3, epochs=50)
    app = start(panel(), "run")
    folder = trainings.folder("run")
    until(app, lambda: len(run_files.history(folder)) >= 1)
    button(app, "Stop").click().run()
    until(app, lambda: run_state("run") == "stopped")
    app.run()
    done = len(run_files.history(folder))
    assert "stopped" in said(app)
    fake_trainer()
    app.number_input(key=f"{state.TRAIN_EPOCHS}_run").set_value(done + 1).run()
    app.button(key="train_resume").click().run()
    until(app, lambda: run_state("run") == "finished")
    assert len(run_files.history(folder)) == done + 1
    app.run()
    button(app, "Delete run").click().run()
    assert not folder.exists() and "No training yet" in said(app.run())


def test_one_that_was_killed_is_interrupted_and_resumed(fake_trainer: Fake) -> None:
    fake_trainer(seconds=0.3, epochs=50)
    app = start(panel(), "killed")
    until(app, lambda: len(run_files.history(trainings.folder("killed"))) >= 1)
    run = trainings.find("killed")
    assert run and run.progress
    os.kill(run.progress.pid, signal.SIGKILL)
    until(app, lambda: run_state("killed") == "interrupted")
    done = len(run_files.history(trainings.folder("killed")))
    app.run()
    assert f"Interrupted after epoch {done}" in errors(app) and "resume" in errors(app)
    app.button(key="train_resume").click().run()
    until(app, lambda: run_state("killed") == "running")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"silent": "The data file x.gz is missing. Run `y`."}, r"The data file x\.gz is missing"),
        ({"fail": "The loss is no number any more."}, r"no number any more\. Epoch 2 is kept"),
        ({"fail": "[Errno 28] No space left on device"}, "The disk is full. Free some space"),
    ],
)
def test_a_failure_is_a_sentence_with_what_to_do(
    fake_trainer: Fake, options: dict[str, str], sentence: str
) -> None:
    fake_trainer(**options)
    app = start(panel(), "bad")
    until(app, lambda: run_state("bad") == "failed")
    app.run()
    assert sentence in errors(app)
    assert "iscard" in errors(app)


def test_a_shipped_model_is_kept(fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    app = start(panel(), "shipped")
    until(app, lambda: run_state("shipped") == "finished")
    monkeypatch.setattr(trainings, "is_committed", lambda name: True)
    app.run()
    assert "Delete shipped" not in labels(app) and "only git may remove it" in said(app)


def test_the_open_model_is_named_before_it_is_deleted(fake_trainer: Fake) -> None:
    app = start(panel(**{state.CHECKPOINT: "run"}), "run")
    until(app, lambda: run_state("run") == "finished")
    assert "It is the model that this page has open" in said(app.run())


def test_a_refusal_is_said(fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    app = panel()

    def full(name: str, arguments: list[str]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainings, "enqueue", full)
    button(app, "Start training").click().run()
    assert not app.exception and "No space left" in app.session_state[state.NOTICE]


def test_the_panel_needs_no_model(checkpoints: Path) -> None:
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception and "There is no model yet" in errors(app)
    page = panel()
    assert not page.exception and "Start training" in labels(page)


def test_half_written_files_do_not_break_the_page(fake_trainer: Fake, checkpoints: Path) -> None:
    folder = checkpoints / "odd"
    folder.mkdir()
    (folder / "progress.json").write_text(json.dumps({"state": "running", "pid": "x"}))
    (folder / "history.json").write_text('{"epochs": [{"epoch": 1}, 3]}')
    (folder / "config.json").write_text("[]")
    app = panel()
    assert not app.exception and "Interrupted after epoch 0" in errors(app)


def test_a_read_only_server_trains_nothing(
    fake_trainer: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(changes.READ_ONLY, "1")
    app = panel()
    assert not app.exception and not app.number_input and not labels(app)
    assert changes.READ_ONLY in app.info[0].value
    for order in (
        lambda: trainings.enqueue("one", []),
        lambda: trainings.remove("one"),
        lambda: trainings.move("one", 1),
        lambda: trainings.stop("one"),
        lambda: trainings.discard("one"),
    ):
        with pytest.raises(trainings.Refused, match=changes.READ_ONLY):
            order()
    with pytest.raises(jobs.Busy, match=changes.READ_ONLY):
        jobs.start("nothing", ["true"])
    assert not trainings.runs()
