"""What the Train panel shows of a training, second by second: state, progress, curves, film, and
what can be done with it. All of it is read from files, so every browser sees the same."""

import contextlib
from typing import Any

import streamlit as st

from core import data
from explorer import catalogue, explained, figures, run_figures, run_files, state, trainings
from explorer.changes import writable
from explorer.components import epoch_film
from explorer.trainings import Run
from explorer.wording import duration, escaped

BADGES = {
    "queued": ("gray", "waits"), "starting": ("blue", "starting"), "running": ("blue", "running"),
    "measuring": ("blue", "measuring on the test set"), "stopping": ("orange", "stopping"),
    "finished": ("green", "finished"),
    "stopped": ("orange", "stopped"), "failed": ("red", "failed"),
    "interrupted": ("orange", "interrupted"),
}  # fmt: skip
LIVE, IDLE = 1.0, 4.0  # s between two looks: while something runs, and else
CURVES = (("reconstruction", "kl"), ("neg_elbo", "active_units"))  # what stands side by side
QUIET = 30  # s without news from a process that lives

Outline = tuple[tuple[str, str], ...]  # of every run its name and state


def render() -> None:
    """The runs there are, and the one that is looked at; renewed by itself."""
    runs = _looked()
    busy = any(run.alive or run.state == "queued" for run in runs)
    # The rest of the page is drawn anew only when a run begins, ends, comes or goes.
    st.fragment(_watch, run_every=LIVE if busy else IDLE)(_outline(runs))


def _looked() -> list[Run]:
    # Another page may be at it, or the disk be full: it is tried again in a second.
    with contextlib.suppress(trainings.Refused, OSError):
        trainings.advance()
    return trainings.runs()


def _outline(runs: list[Run]) -> Outline:
    return tuple((run.name, run.state) for run in runs)


def _watch(drawn: Outline) -> None:
    runs = _looked()
    if _outline(runs) != drawn:
        st.rerun()
    if not runs:
        st.info(
            "No training yet. Start one on the left: here you will see its curves, what it draws "
            "after every epoch, and the map of its latent space taking shape. *Quick look* takes "
            "about a minute."
            if writable()
            else "Nothing is being trained.",
            icon=":material/model_training:",
        )
        return
    _queue([run for run in runs if run.state == "queued"])
    names = [run.name for run in runs]
    if st.session_state[state.TRAIN_RUN] not in names:
        st.session_state[state.TRAIN_RUN] = names[0]
    if len(runs) > 1:
        said = {run.name: f"{run.name}  ·  {BADGES[run.state][1]}" for run in runs}
        st.selectbox("Run", names, format_func=said.__getitem__, key=state.TRAIN_RUN)
    _run(next(run for run in runs if run.name == st.session_state[state.TRAIN_RUN]))


def _queue(waiting: list[Run]) -> None:
    if not waiting:
        return
    with st.container(gap="xsmall"):
        st.markdown("**Waiting**")
        for n, run in enumerate(waiting):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"{run.position}. {escaped(run.name)}", width="stretch")
                if not writable():
                    continue
                for icon, label, by, off in (
                    ("arrow_upward", "Earlier", -1, n == 0),
                    ("arrow_downward", "Later", 1, n == len(waiting) - 1),
                ):
                    _button(
                        "", icon=f":material/{icon}:", help=f"{label}: {run.name}", type="tertiary",
                        disabled=off, key=f"train_{label}_{run.name}", on_click=_do,
                        args=(trainings.move, run.name, by),
                    )  # fmt: skip
                _button(
                    "", icon=":material/close:", help=f"Take {run.name} out of the queue",
                    type="tertiary", key=f"train_remove_{run.name}", on_click=_do,
                    args=(trainings.remove, run.name),
                )  # fmt: skip


def _button(label: str, **options: Any) -> None:
    """A press may change every part of the page, not only the one that is renewed by itself."""
    if st.button(label, **options):
        st.rerun()


def _do(what: object, *arguments: object) -> None:
    """An order whose refusal is said above the panel."""
    try:
        what(*arguments)  # type: ignore[operator]
    except (trainings.Refused, OSError) as error:
        state.notify(str(error))


def _run(run: Run) -> None:
    folder = trainings.folder(run.name)
    history = run_files.history(folder)
    done = int(history[-1]["epoch"]) if history else 0
    colour, word = BADGES[run.state]
    with st.container(gap="xsmall"):
        st.markdown(f"#### {escaped(run.name)} :{colour}-badge[{word}]")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_made_of(run.name), width="stretch")
            _actions(run, done)
    _progress(run, done)
    if run.state in ("failed", "interrupted"):
        st.error(_what_happened(run, done))
    if history:
        _curves(run.name)
    shown = run_files.shown_epochs(folder)
    if shown:
        epoch_film(
            run.name, shown, total=max(run.progress.epochs if run.progress else 0, shown[-1].epoch),
            classes=_classes(run.name), colours=figures.CLASS_COLOURS, running=run.alive,
            key=state.TRAIN_FILM,
        )  # fmt: skip
    if history or shown:
        explained.about("training")
    elif run.alive:
        st.caption("Curves, samples, reconstructions and the map come after the first epoch.")


def _curves(name: str) -> None:
    for n, (keys, column) in enumerate(zip(CURVES, st.columns(2, gap="small"), strict=True)):
        column.plotly_chart(
            run_figures.training_curves(name, keys), config={"displayModeBar": False},
            key=f"{state.TRAIN_CURVES}_{n}", alt=f"Training curves of {name}: {', '.join(keys)}",
        )  # fmt: skip


def _made_of(name: str) -> str:
    """One line about the network and its data, from its own config.json."""
    config = run_files.read_json(trainings.folder(name) / "config.json")
    if not config:
        return ""
    sizes = [str(config.get(key)) for key in ("image_size", "h_dim", "z_dim")]
    source = data.SOURCES.get(_dataset(config))
    title = source.title if source else data.short_name(_dataset(config))
    return escaped(f"{config.get('architecture')} {'-'.join(sizes)} on {title}")


def _classes(name: str) -> list[str]:
    """Of its data set by name, or as a run on a folder keeps them."""
    config = run_files.read_json(trainings.folder(name) / "config.json") or {}
    source, kept = data.SOURCES.get(_dataset(config)), config.get("classes")
    if source:
        return list(source.classes)
    return [str(kind) for kind in kept] if isinstance(kept, list) else []


def _dataset(config: dict[str, Any]) -> str:
    return str(config.get("dataset", "mnist"))


def _progress(run: Run, done: int) -> None:
    """How far it is, how fast, and when it will be done."""
    progress = run.progress
    if run.state == "queued":
        st.caption(f"Number {run.position} in the queue. It starts when those before it are done.")
    elif run.state == "starting" or (run.alive and progress and not progress.steps):
        st.progress(0.0, "Starting: loading the libraries and the data …")
    elif progress and progress.steps and progress.epochs:
        share = ((progress.epoch - 1) + progress.step / progress.steps) / progress.epochs
        words = [f"epoch {progress.epoch} of {progress.epochs}"]
        if run.state == "running":
            if progress.images_per_second:
                words.append(f"{progress.images_per_second:,.0f} images/s")
            if progress.eta is not None:
                words.append(f"{duration(progress.eta)} left")
            if progress.reconstruction is not None and progress.kl is not None:
                words.append(f"negative ELBO {progress.reconstruction + progress.kl:.1f} nats")
            if trainings.stopping(run):
                words = ["stopping …"]
            elif (silent := trainings.silence(run)) > QUIET:
                words.append(
                    f"no news for {duration(silent)}: is the machine asleep or overloaded?"
                )
            st.progress(min(1.0, max(0.0, share)), "  ·  ".join(words))
        elif run.state in ("stopping", "stopped", "failed", "interrupted"):
            st.progress(
                min(1.0, done / progress.epochs), f"{done} of {progress.epochs} epochs are kept"
            )


def _what_happened(run: Run, done: int) -> str:
    """A sentence that says what is left and what to do."""
    kept = f"Epoch {done} is kept: resume from there, or discard the run."
    if not done:
        kept = "No epoch was complete. Discard the run and start anew."
    if run.state == "interrupted":
        return (
            f"Interrupted after epoch {done}: the process is gone without a word, as after a "
            f"power cut, too little memory or `kill -9`. {kept}"
        )
    reason = escaped(run.reason or "It gave no reason.")
    if "No space left" in reason:
        return f"The disk is full. Free some space first. {kept}"
    return f"{reason} {kept if done else 'Discard the run, change what is wrong, start anew.'}"


def _actions(run: Run, done: int) -> None:
    if done or (trainings.folder(run.name) / "config.json").exists():
        _button(
            "Open in Explore", icon=":material/tune:", disabled=not done, key="train_open",
            on_click=_open, args=(run.name,),
            help=None if done else "As soon as the first epoch is done.",
        )  # fmt: skip
    if not writable():
        return
    if run.alive:
        _button(
            "Stop", icon=":material/stop:", key="train_stop", on_click=_do,
            args=(trainings.stop, run.name),
            help="Ends it within about a second and keeps the last complete epoch. If it does not "
            "listen, press again after ten seconds.",
        )  # fmt: skip
        return
    if run.state == "queued":
        return
    if (trainings.folder(run.name) / "training.pt").exists() or done:
        _resume(run, done)
    _discard(run)


def _open(name: str) -> None:
    st.session_state[state.CHECKPOINT] = name
    st.session_state[state.GO_TO] = "explore"


def _resume(run: Run, done: int) -> None:
    total = run.progress.epochs if run.progress else done
    with st.popover("Resume", icon=":material/play_arrow:"):
        st.markdown(f"Goes on after epoch {done} with the same settings.")
        least = done + 1
        key = f"{state.TRAIN_EPOCHS}_{run.name}"
        st.number_input("Epochs in all", least, None, max(total, least), key=key)
        _button(
            "Resume", type="primary", key="train_resume", on_click=_begin_again,
            args=(run.name, key, least),
        )  # fmt: skip


def _begin_again(name: str, key: str, least: int) -> None:
    """Up to what the field holds now; the page may not have been drawn with it yet."""
    epochs = int(st.session_state.get(key) or least)
    _do(lambda: trainings.enqueue(name, ["--resume", "--epochs", str(epochs)], resume=True))


def _discard(run: Run) -> None:
    with st.popover("Discard", icon=":material/delete:"):
        if reason := trainings.why_kept(run):
            st.markdown(escaped(reason))
            return
        if trainings.owns(run.name):
            opened = run.name == st.session_state.get(state.CHECKPOINT)
            st.markdown(
                f"Delete **{escaped(run.name)}** with its weights, curves and pictures? This "
                "cannot be undone."
                + (" It is the model that this page has open." if opened else "")
                + " Whoever else has it open loses it too."
            )
        else:
            st.markdown(
                f"Delete what is known of this training? The model **{escaped(run.name)}** is not "
                "of it and stays."
            )
        _button(
            f"Delete {run.name}", type="primary", key="train_discard", on_click=_delete,
            args=(run.name,),
        )  # fmt: skip


def _delete(name: str) -> None:
    _do(trainings.discard, name)
    left = catalogue.checkpoints()
    if name not in left:
        state.forget(name)
    if st.session_state.get(state.CHECKPOINT) == name and left and name not in left:
        default = catalogue.default_checkpoint()
        st.session_state[state.CHECKPOINT] = default if default in left else left[0]
    st.session_state[state.TRAIN_RUN] = None
