"""The Learn panel through AppTest: its steps, languages, ticks, links and failures."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.data import load_dataset
from core.images import to_png
from explorer import catalogue, memory, state
from explorer.lessons import LESSONS, chinese, english, session, stages, words
from explorer.panels import learn


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the component was last told."""
    told = SimpleNamespace(step=None)

    def record(live: object, step: str, content: dict[str, Any], **rest: object) -> None:
        vars(told).update(step=step, content=content, **rest)

    monkeypatch.setattr(learn, "lesson", record)
    return told


def _page() -> None:
    from explorer import links
    from explorer.panels import learn

    links.restore()
    links.restore_z()
    learn.render()


def panel(link: dict[str, str] | None = None, **given: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    for key, value in (link or {}).items():
        app.query_params[key] = value
    for key, value in given.items():
        app.session_state[key] = value
    return app.run()


def said(app: AppTest) -> str:
    told = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning]
    return " ".join(element.value for element in told)


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("step", LESSONS)
def test_every_step_in_both_languages(step: str, language: str, stage: SimpleNamespace) -> None:
    app = panel({"step": step, "lang": language})
    assert not app.exception and not app.error and not app.warning
    assert stage.step == step
    spoken = words.WORDS[language]
    assert spoken[f"{step}.title"] in said(app) and "arxiv.org" in said(app)
    assert app.latex[0].value.strip("$\n ") == LESSONS[step].formula
    assert all(stage.words[f"task.{task}"] for task in words.tasks(step))
    other = chinese if language == "en" else english
    assert other.WORDS[f"{step}.title"] not in said(app)


def test_the_link_is_written_and_a_bad_one_is_said(stage: SimpleNamespace) -> None:
    app = panel({"step": "[terms](http://x)", "lang": "xx"})
    assert not app.exception and stage.step == "compress"
    assert len(app.warning) == 2 and "](" not in app.warning[0].value  # nothing to click
    assert app.query_params["step"] in ("compress", ["compress"])
    next_step = next(button for button in app.button if button.key == "learn_next")
    next_step.click().run()
    assert stage.step == "noise" and not app.warning
    assert app.query_params["step"] in ("noise", ["noise"])


def test_ticks_show_and_a_step_that_is_done_says_so(stage: SimpleNamespace) -> None:
    panel({"step": "terms"}, **{state.LEARNT: frozenset({("terms", "empty")})})
    assert stage.done == ["empty"]
    whole = frozenset(("terms", task) for task in words.tasks("terms"))
    app = panel({"step": "terms"}, **{state.LEARNT: whole})
    steps = next(c for c in app.segmented_control if c.key == state.LEARN_STEP)
    assert [":material/check:" in str(option) for option in steps.options] == [
        step == "terms" for step in LESSONS
    ]


@pytest.mark.parametrize(
    ("told", "kept"),
    [({"step": "terms", "task": "lowest"}, True), ({"step": "terms", "task": "no"}, False),
     ({"step": "no", "task": "lowest"}, False), (None, False)],
)  # fmt: skip
def test_only_tasks_that_there_are_get_a_tick(
    told: dict[str, str] | None, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"component": SimpleNamespace(done=told), state.LEARNT: frozenset()}
    monkeypatch.setattr(session, "st", SimpleNamespace(session_state=held))
    session.done("component")
    assert held[state.LEARNT] == (frozenset({("terms", "lowest")}) if kept else frozenset())


def test_another_digit_and_a_drawing(stage: SimpleNamespace) -> None:
    app = panel()
    before = stage.of
    app.number_input(key=state.LEARN_INDEX).set_value(7).run()
    assert stage.of != before and stage.done == ["pick"]
    app = panel(**{state.LEARN_SOURCE: "draw"})
    assert english.WORDS["panel.nothing"] in said(app)
    png = to_png(load_dataset("mnist", "test").images[3], scale=10)
    app = panel(**{state.LEARN_SOURCE: "draw", state.DRAWING: png})
    assert not app.exception and not app.error and stage.done == ["pick"]


def test_without_the_autoencoder_the_step_says_how_to_train_it(
    stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [name for name in catalogue.checkpoints() if name != stages.AUTOENCODER]
    monkeypatch.setattr(catalogue, "checkpoints", lambda: here)
    app = panel({"step": "noise"})
    assert not app.exception and stage.step is None
    assert stages.TRAINED_BY[stages.AUTOENCODER] in said(app)


def test_the_distances_are_those_of_metrics_json(stage: SimpleNamespace) -> None:
    app = panel({"step": "noise"})
    for name in stages.TRAINED_BY:
        metrics = catalogue.described(name).metrics
        assert metrics and f"{metrics['frechet_prior']:.1f}" in said(app)


def test_a_restart_forgets_no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {**state.DEFAULTS, state.LEARNT: frozenset({("noise", "walk")}), state.LANGUAGE: "zh"}
    monkeypatch.setattr(memory, "st", SimpleNamespace(session_state=held))
    again = memory.unpacked(memory.packed())
    assert again[state.LEARNT] == held[state.LEARNT] and again[state.LANGUAGE] == "zh"
