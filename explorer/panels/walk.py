"""Walk: from key to key through the latent space, three ways side by side."""

import functools
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import streamlit as st

from core import digits, images, walk_exports
from core.data import DataError
from core.latent import encode_images
from core.limits import WALK_KEYS
from core.walk import LEAST_KEYS, METHODS, Walk
from explorer import caches, explained, kept, map_data, priors, sources, state, walks
from explorer.components import BackgroundMap, Picture, picture_row, walk_player

KEY_PX = 84


def render() -> None:
    """Keys, where more come from, the player, and what may be kept of it."""
    noun = state.subject().noun
    st.markdown(
        f"#### Walk from {noun} to {noun}\n"
        "Three ways through the latent space between the same pictures, its keys. The bars show "
        "how much the picture changes at each step: even bars are an even pace, and a shorter walk "
        "changes less on its way."
    )
    keys = walks.keys()
    _keys(keys)
    with st.container(horizontal=True, gap="large", vertical_alignment="center"):
        if len(keys) < WALK_KEYS.most:
            with st.popover("Add a key", icon=":material/add:"):
                _add()
        else:
            st.caption(f"A walk has at most {WALK_KEYS} keys: {WALK_KEYS.why}.")
        n = st.slider("Pictures of a walk", 6, 24, key=state.WALK_N, width=280)
    if len(keys) < LEAST_KEYS:
        st.info("A walk needs at least two keys. Add one with the button above.")
        return
    _walks(tuple(tuple(key["z"]) for key in keys), n)


def _keys(keys: list[walks.Key]) -> None:
    with st.container(horizontal=True, gap="small"):
        for n, key in enumerate(keys):
            with st.container(width=104, gap="xsmall"):
                png = images.to_png(walks.picture(key["z"]))
                caption = f"{n + 1} · {key['name']}"
                picture_row(
                    [Picture(png, KEY_PX, f"Key {n + 1}, {key['name']}", caption)],
                    key=f"{state.WALK_KEY}_{key['id']}",
                )
                with st.container(horizontal=True, gap=None):
                    _change(key, "chevron_left", "Earlier", n == 0, walks.move, -1)
                    _change(key, "close", "Remove", False, walks.remove)
                    last = n == len(keys) - 1
                    _change(key, "chevron_right", "Later", last, walks.move, 1)


def _change(
    key: walks.Key, icon: str, label: str, off: bool, change: Callable[..., None], *by: int
) -> None:
    st.button(
        "", icon=f":material/{icon}:", help=f"{label}: {key['name']}", disabled=off,
        type="tertiary", key=f"{state.WALK_KEY}_{label}_{key['id']}", on_click=change,
        args=(key["id"], *by),
    )  # fmt: skip


def _add() -> None:
    state.one_of(state.WALK_SOURCE, SOURCES)
    kind = st.segmented_control(
        "From", list(SOURCES), key=state.WALK_SOURCE, required=True, format_func=sources.called
    )
    try:
        found = SOURCES[str(kind)]()
    except (digits.DigitError, DataError) as error:
        st.error(str(error))
        return
    if found is not None:
        name, z = found
        st.button("Add this key", on_click=walks.add, args=(name, z), type="primary")


Found = tuple[str, list[float]] | None  # a name and a z to add


def _test_digit() -> Found:
    index = sources.test_index(state.WALK_INDEX)
    return _shown(walks.digit_name(index), caches.latent_map(state.checkpoint()).mu[index].tolist())


def _random_digit() -> Found:
    label = f"Add a random test {state.subject().noun}"
    st.button(label, on_click=_add_random, type="primary")
    return None


def _add_random() -> None:
    mu = caches.latent_map(state.checkpoint()).mu
    index = int(np.random.default_rng().integers(len(mu)))
    walks.add(walks.digit_name(index), mu[index].tolist())


def _prior_sample() -> Found:
    st.caption(priors.described(state.checkpoint()))
    st.button("Add a sample of the prior", on_click=_add_prior, type="primary")
    return None


def _add_prior() -> None:
    walks.add("prior", priors.draw(state.checkpoint()))


def _explored() -> Found:
    return _shown("from Explore", state.z())


def _bookmark() -> Found:
    bookmarks = {mark["id"]: mark for mark in kept.kept()["bookmarks"]}
    if not bookmarks:
        st.info("There are no bookmarks of this model yet. Keep one in Explore.")
        return None
    chosen = st.selectbox("Which", bookmarks, format_func=lambda id: bookmarks[id]["name"])
    return _shown(bookmarks[chosen]["name"], bookmarks[chosen]["z"])


def _upload() -> Found:
    content = sources.upload(state.WALK_INPUT, testid="walk-upload")
    if content is None:
        return None
    model = caches.model(state.checkpoint())
    picture = sources.read(digits.to_picture, content, model.image_shape, ink=state.subject().ink)
    mu, _ = encode_images(model, picture)
    return _shown(str(st.session_state[state.UPLOAD]["name"]), mu[0].tolist())


def _shown(name: str, z: list[float]) -> Found:
    png = images.to_png(walks.picture(z))
    picture_row([Picture(png, KEY_PX, f"{name}, decoded", name)], key=state.WALK_PREVIEW)
    return name, z


SOURCES: dict[str, Callable[[], Found]] = {
    "Test digit": _test_digit,
    "Random digit": _random_digit,
    "Prior sample": _prior_sample,
    "z of Explore": _explored,
    "Bookmark": _bookmark,
    "Upload": _upload,
}


def _walks(keys: tuple[tuple[float, ...], ...], n: int) -> None:
    """The player at once with what is known; a geodesic that is not is found below it."""
    name = state.checkpoint()
    found: dict[str, Walk | None] = {
        method: caches.walk(name, method, keys, n)
        if method != "geodesic" or caches.has_walk(name, method, keys, n)
        else None
        for method in METHODS
    }
    background = None
    if map_data.has_plane(name):
        shadow = map_data.shadow_map(name)
        background = BackgroundMap(url=f"shadow/{quote(name)}.png", bounds=shadow.bounds)
    first = found["lerp"]
    assert first is not None
    walk_player(
        state.live(),
        [walks.strip(method, walk) for method, walk in found.items()],
        stops=first.stops,
        background=background,
        key=state.WALK_PLAYER,
        on_open_change=functools.partial(state.open_answer, state.WALK_PLAYER),
    )
    explained.about("walk")
    if found["geodesic"] is None:
        place = st.empty()
        caches.walk(name, "geodesic", keys, n, _progress(place))
        st.rerun()
    _export({method: walk for method, walk in found.items() if walk is not None})


def _progress(place: Any) -> Callable[[int, int], None]:
    def on_step(done: int, total: int) -> None:
        if done % 4 == 0:  # moving the bar takes time too
            place.progress(done / total, f"Finding the geodesic: step {done} of at most {total}")

    return on_step


def _export(found: dict[str, Walk]) -> None:
    """Files are made when they are asked for."""
    files: list[tuple[str, str, str, Callable[[], bytes]]] = [
        (f"GIF, {walks.NAMES[method]}", f"walk-{method}.gif", "image/gif",
         functools.partial(walk_exports.gif, walk))
        for method, walk in found.items()
    ]  # fmt: skip
    files += [
        ("PNG of all", "walk.png", "image/png", functools.partial(walk_exports.png_sheet, found)),
        ("NPZ of all", "walk.npz", "application/zip", functools.partial(walk_exports.npz, found)),
    ]
    with st.container(horizontal=True):
        for label, file, mime, make in files:
            st.download_button(
                label, make, file, mime, on_click="ignore", icon=":material/download:",
                key=f"{state.EXPORT}_{file}",
            )  # fmt: skip
