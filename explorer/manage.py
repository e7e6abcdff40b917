"""Models: open, measure, download, rename, delete and upload one."""

import functools
import sys

import streamlit as st

from core import data, library
from core.checkpoint import CheckpointError, list_checkpoints
from core.data import DataError
from core.limits import MB, MODEL_BYTES, NAME
from explorer import catalogue, jobs, lanes, naming, overview, state
from explorer.changes import REFUSED, writable
from explorer.job_bar import job_bar
from explorer.wording import escaped

SAMPLES = (0, 100, 1000, 5000)  # importance samples that "evaluate now" offers
ENDINGS = ["safetensors", "pt", "pth", "ckpt", "bin"]


def render() -> None:
    """One model and what is done to it on the left; a new one from a file on the right."""
    if not writable():
        st.info(f"{REFUSED} Opening and downloading them is possible.")
    mine, new = st.columns(2, gap="large")
    with mine:
        _existing()
    if writable():
        with new:
            _upload()


def _existing() -> None:
    names = list_checkpoints()  # a model that the server was started with has no folder
    if not names:
        st.info("There is no model in checkpoints/ yet.")
        return
    if st.session_state[state.MANAGED] not in names:
        mine = state.checkpoint()
        st.session_state[state.MANAGED] = mine if mine in names else names[0]
    name = str(st.selectbox("Which model", names, key=state.MANAGED, on_change=_keep_it))
    busy = overview.busy_with(name)
    try:
        st.caption(_facts(name))
    except CheckpointError as error:
        st.error(str(error))
    if busy:
        st.caption(f":material/hourglass: {escaped(busy)}")
    with st.container(horizontal=True):
        st.button(
            "Open in Explore", type="primary", icon=":material/tune:",
            on_click=overview.open_in_explore, args=(name,),
        )  # fmt: skip
        st.download_button(
            "Download", functools.partial(library.pack_checkpoint, name), f"{name}.zip",
            "application/zip", on_click="ignore", icon=":material/download:",
            key=f"{state.EXPORT}_model",
            help="A zip to unpack into checkpoints/; it is made when you ask for it",
        )  # fmt: skip
    if writable():
        _evaluate(name, busy)
        _rename(name, busy)
        _delete(name, busy)


def _facts(name: str) -> str:
    config = catalogue.described(name).config
    size = sum(size for _, size in library.files_of(name)) / 1e6
    return escaped(
        f"{overview.network(config)}, {overview.dataset(config)}, {size:.1f} MB with its map"
    )


def _evaluate(name: str, busy: str | None) -> None:
    st.markdown("**Evaluate now**")
    job = jobs.current()
    if job and job.running:
        job_bar()
    elif job and job.error and job.title == _title(name):
        st.error(escaped(job.error))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        samples = st.selectbox(
            "Importance samples for −log p(x)", SAMPLES, key=state.NLL_SAMPLES, width=240,
            format_func=lambda k: f"K = {k}" if k else "none: leave it out",
            help="Papers use K = 5000. That takes minutes, and with a deep network hours, on a CPU",
        )  # fmt: skip
        st.button(
            "Evaluate", icon=":material/speed:", on_click=_start_evaluation,
            args=(name,), disabled=bool(busy),
        )  # fmt: skip
    nll = f" --nll {samples}" if samples else ""
    st.caption(
        f"Runs `python -m core evaluate {name}{nll}`, at low priority, and writes metrics.json, "
        "map.npz and prior.safetensors."
    )


def _title(name: str) -> str:
    return f"Evaluation of {name}"


def _start_evaluation(name: str) -> None:
    if not writable():
        return
    samples = st.session_state[state.NLL_SAMPLES]  # as chosen by now, drawn or not
    command = [
        sys.executable, "-m", "core", "evaluate", str(catalogue.folder(name)),
        "--nll", str(samples), "--progress", "lines",
    ]  # fmt: skip
    try:
        jobs.start(_title(name), command)
    except jobs.Busy as refused:
        state.notify(str(refused))


def _rename(name: str, busy: str | None) -> None:
    st.markdown("**Rename or delete**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.text_input(
            "New name", key=state.NEW_NAME, max_chars=NAME.most, placeholder=name, width=240
        )
        st.button(
            "Rename", icon=":material/edit:", disabled=bool(busy) or not new.strip(),
            on_click=_do_rename, args=(name,),
        )  # fmt: skip


def _do_rename(name: str) -> None:
    new = str(st.session_state[state.NEW_NAME]).strip()
    if not _may_change(name):
        return
    try:
        naming.check_free(new)
        library.rename_checkpoint(name, new)
    except CheckpointError as error:
        state.notify(escaped(str(error)))
        return
    state.renamed(name, new)
    st.session_state[state.MANAGED], st.session_state[state.NEW_NAME] = new, ""
    state.notify(escaped(f"{name} is called {new} now."))


def _may_change(name: str) -> bool:
    """Looks again: since the page was drawn, a job or another visitor may have begun."""
    if writable() and (busy := overview.busy_with(name)):
        state.notify(escaped(f"{name} cannot be changed now ({busy}). Wait for it or stop it."))
        return False
    return writable()


def _delete(name: str, busy: str | None) -> None:
    if len(list_checkpoints()) < 2:
        st.caption("The last model cannot be deleted.")
        return
    if st.session_state[state.DELETING] != name:
        st.button(
            "Delete …", icon=":material/delete:", disabled=bool(busy),
            on_click=functools.partial(_ask, name),
        )  # fmt: skip
        if busy:
            st.caption("While it is at work, it can neither be renamed nor deleted.")
        return
    files = library.files_of(name)
    listed = "  \n".join(f"{escaped(file)} ({size / 1e6:.2f} MB)" for file, size in files)
    size = sum(size for _, size in files) / 1e6
    with st.container(border=True):
        st.markdown(
            f"**Delete {escaped(name)}?** These {len(files)} files, {size:.1f} MB, go for good:"
            f"  \n:small[{listed}]"
        )
        with st.container(horizontal=True):
            st.button("Keep it", on_click=_keep_it)
            st.button(
                "Delete for good", type="primary", icon=":material/delete_forever:",
                on_click=functools.partial(_do_delete, name), disabled=bool(busy),
            )  # fmt: skip


def _ask(name: str) -> None:
    st.session_state[state.DELETING] = name


def _keep_it() -> None:
    st.session_state[state.DELETING] = None


def _do_delete(name: str) -> None:
    st.session_state[state.DELETING] = None
    if not _may_change(name):
        return
    try:
        library.delete_checkpoint(name)
    except CheckpointError as error:
        state.notify(escaped(str(error)))
    else:
        if name != state.checkpoint():  # else links.restore says so
            state.notify(escaped(f"{name} is deleted."))
        state.forget(name)


def _upload() -> None:
    from core.uploads import model_from_bytes

    st.markdown("**Upload a model**")
    st.caption(
        "A safetensors file or a `state_dict` saved with torch, of a network that this program "
        "knows, the tutorials' among them. Pickled code is refused."
    )
    file = st.file_uploader(
        "File with weights", ENDINGS, key=state.MODEL_FILE, max_upload_size=MODEL_BYTES.most // MB,
        on_change=_suggest_name,
    )  # fmt: skip
    if file is None:
        return
    content = file.getvalue()
    try:
        model = lanes.through_lane("upload", model_from_bytes, content)
    except CheckpointError as error:
        st.error(escaped(f"{file.name}: {error}"))
        return
    shape = "×".join(map(str, model.image_shape))
    st.caption(f"A {type(model).__name__} of pictures {shape} with {model.z_dim} latent dimensions")
    st.selectbox(
        "Trained on", list(data.SOURCES), key=state.UPLOAD_DATASET,
        help="Its test images are encoded for the map and the sliders' ranges",
    )  # fmt: skip
    st.text_input("Name", key=state.UPLOAD_NAME, max_chars=NAME.most)
    st.button(
        "Keep this model", type="primary", icon=":material/save:",
        on_click=functools.partial(_keep_upload, content, file.name),
    )  # fmt: skip


def _suggest_name() -> None:
    file = st.session_state[state.MODEL_FILE]
    if file is not None:
        name = library.free_name(file.name.rpartition(".")[0])
        st.session_state[state.UPLOAD_NAME] = naming.free_name(name)


def _keep_upload(content: bytes, file: str) -> None:
    from core.uploads import model_from_bytes

    if not writable():
        return
    name = str(st.session_state[state.UPLOAD_NAME]).strip()
    dataset = str(st.session_state[state.UPLOAD_DATASET])
    try:
        model = lanes.through_lane("upload", model_from_bytes, content)
        _check_fit(model.image_shape, dataset)
        naming.check_free(name)
        library.add_checkpoint(name, model, dataset=dataset, source=f"uploaded from {file}")
    except (CheckpointError, DataError) as error:
        state.notify(escaped(str(error)))
        return
    st.session_state[state.MANAGED] = name
    state.notify(escaped(f"{name} is kept. It has no figures yet: Evaluate makes them."))


def _check_fit(shape: tuple[int, ...], dataset: str) -> None:
    """Whether a model takes the images of a data set. Raises CheckpointError or DataError."""
    found = tuple(data.load_dataset(dataset, "test").images.shape[1:])
    if found != tuple(shape):
        raise CheckpointError(
            f"This model takes pictures of {'×'.join(map(str, shape))} and {dataset} has pictures "
            f"of {'×'.join(map(str, found))}. Choose the data set that it was trained on."
        )
