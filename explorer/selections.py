"""What was lassoed on the map: its classes, its mean, named groups, and directions between two."""

import html
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from core.checkpoint import CheckpointError
from core.data import DataError
from core.images import to_png
from core.limits import LABEL_LENGTH
from explorer import caches, figures, kept, map_data, state
from explorer.components import Marked, Picture, picture_row
from explorer.index_masks import from_mask, to_mask
from explorer.wording import escaped

MEAN_WIDTH = 84  # px


class Selection(NamedTuple):
    """Some of a checkpoint's encoded images, by their index in map_data.encoded."""

    checkpoint: str
    indices: np.ndarray  # (M,) ascending, M at least 1


def selected() -> Selection | None:
    """What is selected of the checkpoint in use, if it still has all those images."""
    found: Selection | None = st.session_state[state.SELECTION]
    if not found or found.checkpoint != state.checkpoint() or not len(found.indices):
        return None
    try:
        there = len(_codes(found.indices).mu)
    except (CheckpointError, DataError, ValueError):  # the training images are gone
        return None
    return found if found.indices[-1] < there else None


def take() -> None:
    """The hand has drawn around dots; around none clears."""
    told = st.session_state[state.MAP].selection
    if not told or told["checkpoint"] != state.checkpoint():
        return
    try:
        indices = from_mask(told["mask"])
        there = len(map_data.encoded(state.checkpoint(), told["points"]).mu)
    except DataError:
        return  # the training images are gone: the map says so
    except (ValueError, TypeError):
        return  # no browser of ours says that
    indices = indices[indices < there]
    st.session_state[state.SELECTION] = (
        Selection(state.checkpoint(), indices) if len(indices) else None
    )


def select(indices: np.ndarray | None) -> None:
    """From Python's side: the browser follows. Raises DataError, ValueError when what they were
    chosen among is not there any more."""
    if indices is not None:
        indices = indices[indices < len(_codes(indices).mu)]  # a stored group may be of other data
    st.session_state[state.SELECTION] = (
        Selection(state.checkpoint(), indices) if indices is not None and len(indices) else None
    )
    st.session_state[state.SELECTION_REVISION] += 1


def marked() -> Marked:
    """The selection for the browser."""
    found = selected()
    mask = to_mask(found.indices) if found else ""
    return Marked(mask=mask, revision=st.session_state[state.SELECTION_REVISION])


def groups() -> dict[str, np.ndarray]:
    """The named groups of the checkpoint in use."""
    found: dict[str, np.ndarray] = st.session_state[state.GROUPS].get(state.checkpoint(), {})
    return found


def mean_code(indices: np.ndarray) -> np.ndarray:
    """The mean of their mu, (D,)."""
    mu = _codes(indices).mu
    mean: np.ndarray = mu[indices[indices < len(mu)]].mean(0)
    return mean


def _codes(indices: np.ndarray) -> map_data.LabelledCodes:
    name = state.checkpoint()
    within_test = int(indices[-1]) < len(caches.latent_map(name).mu)
    return map_data.encoded(name, "test" if within_test else "all")


def mean_picture(indices: np.ndarray) -> torch.Tensor:
    """The mean of the images themselves, (C, H, W). Raises DataError."""
    name, first = state.checkpoint(), 0
    total: torch.Tensor | float = 0.0
    # In the numbering of map_data.encoded, whose test pictures may be fewer than the data set's.
    for part in (caches.test_set, lambda name: caches.images_of(name, "train")):
        if indices[-1] < first:
            break
        images = part(name).images
        chosen = torch.zeros(len(images))
        here = indices[(indices >= first) & (indices < first + len(images))] - first
        chosen[here] = 1
        # A product instead of a copy of them: 70,000 digits are 220 MB.
        total = total + torch.tensordot(chosen, images, dims=1)
        first += len(images)
    assert isinstance(total, torch.Tensor)
    return total / len(indices)


def render() -> None:
    """The selection, the groups, a direction; a hint where there is nothing yet."""
    found, named = selected(), groups()
    if not found and not named:
        st.caption("Lasso or Box selects: the classes, the mean, named groups.")
        return
    if found:
        _selection(found.indices)
    if named:
        _groups(named)
    if len(named) > 1:
        _direction(named)


def _selection(indices: np.ndarray) -> None:
    name = state.checkpoint()
    st.markdown(f"**{len(indices):,} selected**")
    classes = caches.classes(name)
    if len(classes) > 1:
        counts = np.bincount(_codes(indices).labels[indices], minlength=len(classes))
        st.html(class_bars(classes, counts))
    code = torch.from_numpy(mean_code(indices))[None]
    with torch.inference_mode():
        decoded = caches.model(name).decode(code)[0]
    means = [
        Picture(
            to_png(decoded), MEAN_WIDTH, "Decoded mean of the selected codes",
            "decoded mean of z", "What the model makes of the mean of their mu.",
        )
    ]  # fmt: skip
    try:
        mean = to_png(mean_picture(indices))
    except DataError as error:
        st.caption(f"There is no mean of the pictures: {error}")
    else:
        about = "Mean of the selected pictures", "mean of the pictures"
        means.insert(0, Picture(mean, MEAN_WIDTH, *about))
    picture_row(means, key=state.MEAN)
    with st.container(horizontal=True):
        st.button("Go to the mean", icon=":material/my_location:", on_click=_go_to, args=(code[0],))
        st.button("Clear selection", icon=":material/close:", on_click=select, args=(None,))
    with (
        st.form("name_group", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(
            "Name this group", key=state.GROUP_NAME, max_chars=LABEL_LENGTH.most,
            placeholder="slanted sevens",
        )  # fmt: skip
        st.form_submit_button(
            "Keep group", icon=":material/label:", on_click=_name, args=(indices,)
        )


def _groups(named: dict[str, np.ndarray]) -> None:
    st.markdown("**Groups**")
    for number, (name, indices) in enumerate(named.items()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{name} · {len(indices):,}")
            st.button("Select", key=f"group_select_{number}", on_click=_select, args=(name,))
            st.button(
                "Remove", key=f"group_remove_{number}", on_click=_remove, args=(name,),
                type="tertiary",
            )  # fmt: skip


def _direction(named: dict[str, np.ndarray]) -> None:
    names = list(named)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        start = st.selectbox("Direction from", names, key=state.GROUP_FROM)
        others = [name for name in names if name != start]
        st.selectbox("to", others, key=state.GROUP_TO)
        st.button("Keep direction", icon=":material/trending_flat:", on_click=_keep)


def class_bars(classes: tuple[str, ...], counts: np.ndarray) -> str:
    """A bar chart of how many of each class, in HTML: one column a class."""
    most = max(1, int(counts.max()))
    columns = "".join(
        '<div style="flex:1;min-width:1.6rem;display:flex;flex-direction:column;'
        'align-items:center;justify-content:flex-end">'
        f'<span style="font-size:0.72rem;opacity:{0.85 if count else 0.35}">{count:,}</span>'
        f'<span style="width:70%;height:{max(48 * count / most, 1):.0f}px;'
        "border-radius:3px 3px 0 0;"
        f'background:{figures.CLASS_COLOURS[label % len(figures.CLASS_COLOURS)]}"></span>'
        f'<span style="font-size:0.8rem">{html.escape(name)}</span></div>'
        for label, (name, count) in enumerate(zip(classes, counts.tolist(), strict=True))
    )
    return (
        '<div data-testid="class-counts" role="img" aria-label="Selected per class" '
        f'style="display:flex;gap:2px;align-items:flex-end;overflow-x:auto">{columns}</div>'
    )


def _go_to(code: torch.Tensor) -> None:
    state.set_z(code.tolist())


def _name(indices: np.ndarray) -> None:
    name = " ".join(str(st.session_state[state.GROUP_NAME]).split())
    if name:
        _keep_groups(groups() | {name: indices})
    else:
        state.notify("A group needs a name; type one beside the button.")


def _select(name: str) -> None:
    try:
        select(groups()[name])
    except (DataError, ValueError) as error:
        state.notify(f"{escaped(name)} was not selected: {error}")


def _remove(name: str) -> None:
    _keep_groups({key: value for key, value in groups().items() if key != name})


def _keep_groups(named: dict[str, np.ndarray]) -> None:
    everything = st.session_state[state.GROUPS]
    st.session_state[state.GROUPS] = everything | {state.checkpoint(): named}


def _keep() -> None:
    """From the group that is chosen by now, drawn or not, to the other. One unit is the whole way
    from mean to mean."""
    named = groups()
    start, end = (st.session_state[key] for key in (state.GROUP_FROM, state.GROUP_TO))
    if start == end:
        state.notify("A direction leads from one group to another; choose two.")
        return
    try:
        kept.add_direction(
            f"{start} → {end}", (mean_code(named[end]) - mean_code(named[start])).tolist()
        )
    except (DataError, ValueError) as error:
        state.notify(f"The direction was not kept: {error}")
    else:
        st.toast(escaped(f"Kept the direction {start} → {end}."), icon=":material/check:")
