"""The form of the Train panel: presets, the fields that matter, the others folded away, Start."""

from typing import Any

import streamlit as st

from core.limits import NAME
from explorer import (
    jobs,
    naming,
    state,
    train_fields,
    training_data,
    training_processes,
    trainings,
)
from explorer.job_bar import job_bar
from explorer.train_fields import Field
from explorer.wording import escaped

NAMES = {
    "bernoulli": "Bernoulli", "continuous_bernoulli": "Continuous Bernoulli",
    "gaussian": "Gaussian", "constant": "Constant", "cosine": "Cosine", "no": "float32",
    "bf16": "bf16",
}  # fmt: skip
SHORT = 2  # so many choices are buttons side by side


def render() -> None:
    """From a preset to Start, and the command line that Start runs."""
    settings = _settings()
    st.selectbox(
        "Begin with", list(train_fields.PRESETS), key=state.TRAIN_PRESET, index=None,
        placeholder="Your own settings", on_change=_take_preset,
        help="Fills in the form. Whatever you change afterwards is yours.",
    )  # fmt: skip
    wrong = train_fields.fault(settings)
    fields = train_fields.shown(settings)
    _fields({name: field for name, field in fields.items() if field.simple}, wrong)
    folded = {name: field for name, field in fields.items() if not field.simple}
    # What is wrong must be in sight.
    with st.expander("All settings", expanded=bool(wrong and wrong.field in folded)):
        for group in train_fields.GROUPS:
            within = {name: field for name, field in folded.items() if field.group == group}
            if within:
                st.markdown(f"**{group}**")
                _fields(within, wrong)
    if wrong and wrong.field not in fields:
        st.error(wrong.sentence)
    _start(settings, wrong)


def _settings() -> dict[str, Any]:
    """What the form holds; what no widget has asked for yet is at its default."""
    settings = train_fields.DEFAULTS | st.session_state[state.TRAIN_SETTINGS]
    for name in settings:
        settings[name] = st.session_state.get(_key(name), settings[name])
        choices = train_fields.choices(name)
        if choices and settings[name] not in choices:  # a folder that is no longer there
            settings[name] = train_fields.DEFAULTS[name]
            st.session_state.pop(_key(name), None)
    st.session_state[state.TRAIN_SETTINGS] = settings
    return settings


def _key(name: str) -> str:
    return f"{state.TRAIN_FIELD}_{name}"


def _take_preset() -> None:
    preset = st.session_state[state.TRAIN_PRESET]
    if preset is None:
        return
    settings = train_fields.PRESETS[preset]()
    st.session_state[state.TRAIN_SETTINGS] = settings
    for name, value in settings.items():
        st.session_state[_key(name)] = value


def _own() -> None:
    """A setting was changed by hand: it is no preset any more."""
    st.session_state[state.TRAIN_PRESET] = None


def _fields(fields: dict[str, Field], wrong: train_fields.Fault | None) -> None:
    """Two beside each other; below a field what is wrong with it."""
    names = list(fields)
    for pair in (names[n : n + 2] for n in range(0, len(names), 2)):
        for name, column in zip(pair, st.columns(2), strict=False):
            with column:
                _field(name, fields[name])
        if "dataset" in pair:
            chosen = str(st.session_state[state.TRAIN_SETTINGS]["dataset"])
            for told in training_data.left_out(chosen):
                st.caption(escaped(told))
        if wrong and wrong.field in pair:
            st.error(wrong.sentence)
            if wrong.field == "dataset":
                _fetch(str(st.session_state[state.TRAIN_SETTINGS]["dataset"]))


def _field(name: str, field: Field) -> None:
    key, value = _key(name), st.session_state[state.TRAIN_SETTINGS][name]
    if key not in st.session_state:
        st.session_state[key] = value
    choices = train_fields.choices(name)
    if choices:
        said = training_data.label if name == "dataset" else _said
        help = _help(name, field) + (f" {training_data.HOW}" if name == "dataset" else "")
        if len(choices) == SHORT:
            st.segmented_control(
                field.label, choices, format_func=said, help=help, key=key, required=True,
                on_change=_own,
            )  # fmt: skip
        else:
            st.selectbox(field.label, choices, format_func=said, help=help, key=key, on_change=_own)
    elif isinstance(train_fields.DEFAULTS[name], bool):
        st.toggle(field.label, help=_help(name, field), key=key, on_change=_own)
    else:
        kind = type(train_fields.DEFAULTS[name])
        st.number_input(
            field.label, step=kind(field.step), format="%d" if kind is int else "%g",
            help=f"{_help(name, field)} From {field.low:g} to {field.high:g}.",
            key=key, on_change=_own,
        )  # fmt: skip


def _help(name: str, field: Field) -> str:
    """With the name that the command line and every refusal have for it."""
    return f"`{name}`: {field.help}"


def _said(choice: object) -> str:
    return NAMES.get(str(choice), str(choice))


def _fetch(name: str) -> None:
    """A data set by name can be brought from here; a folder cannot."""
    if training_data.is_folder(name):
        return
    title, job = f"Fetching {training_data.label(name)}", jobs.current()
    if job and job.running:
        job_bar()
    elif job and job.title == title and job.error:
        st.error(job.error)
    st.button(
        f"Fetch {training_data.label(name)}", icon=":material/download:", on_click=_begin_to_fetch,
        args=(title, name),
    )  # fmt: skip


def _begin_to_fetch(title: str, name: str) -> None:
    try:
        jobs.start(title, [*training_processes.TRAIN[:-1], "fetch", name])
    except jobs.Busy as busy:
        state.notify(str(busy))


def _start(settings: dict[str, Any], wrong: train_fields.Fault | None) -> None:
    free = "" if wrong else naming.free_name(train_fields.free_stem(settings))
    given = st.text_input(
        "Name of the run", placeholder=free, max_chars=NAME.most, key=state.TRAIN_NAME,
        help="The model is kept as checkpoints/NAME, beside the others; none is ever overwritten.",
    ).strip()  # fmt: skip
    name = given or free
    problem = None if wrong else naming.why_refused(name)
    if problem:
        st.error(problem)
    busy = any(run.alive for run in trainings.runs())
    st.button(
        "Put into the queue" if busy else "Start training", type="primary", width="stretch",
        icon=":material/playlist_add:" if busy else ":material/play_arrow:",
        disabled=bool(wrong or problem), on_click=_begin,
        help="One training runs at a time; this one starts when those before it are done."
        if busy else None,
    )  # fmt: skip
    if not wrong and not problem:
        st.caption("The same in a shell, in the folder of the program:")
        command = training_processes.shown_command(name, train_fields.arguments(settings))
        # As bash its flags would be pale blue on white.
        st.code(command, language=None, wrap_lines=True)


def _begin() -> None:
    """What the form holds now. The page may not have been drawn with it yet: a press straight
    after typing ends that run. Nor is a name free for ever that was free when it was drawn."""
    settings = _settings()
    if wrong := train_fields.fault(settings):
        state.notify(escaped(wrong.sentence))
        return
    given = str(st.session_state[state.TRAIN_NAME]).strip()
    try:
        name = given or naming.free_name(train_fields.free_stem(settings))
        trainings.enqueue(name, train_fields.arguments(settings))
    except (trainings.Refused, OSError) as error:
        state.notify(str(error))
        return
    st.session_state[state.TRAIN_NAME] = ""
    st.session_state[state.TRAIN_RUN] = name
