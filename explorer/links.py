"""What a run begins with: defaults, and on a session's first what the address says. At its end the
address says what is on the page.

The URL holds `model`, `z` and `map`, in Learn also `step` and `lang`, and its path the panel, so a
copied link opens the same view.
"""

import copy
import uuid
from collections.abc import Sequence

import streamlit as st

from core.projection import default_projection
from explorer import caches, catalogue, map_data, state
from explorer.coordinates import packed_z, unpacked_z
from explorer.wording import escaped

MOST_ASKED = 60  # characters of a link that a sentence repeats


def restore_defaults() -> None:
    """What every panel may count on."""
    # Whatever touches the session may end this run for the next one, and where that is another
    # panel's, Streamlit drops what was not yet written back. So all is kept at one stroke first.
    before = st.session_state.get(state.KNOWN, {})
    known = {
        # A copy: what one session writes into an empty dict must not be another's default.
        key: st.session_state.get(key, before.get(key, copy.copy(default)))
        for key, default in state.DEFAULTS.items()
    }
    st.session_state[state.KNOWN] = known
    for key, value in known.items():
        st.session_state[key] = value  # which keeps it while its panel is not on screen


def restore() -> None:
    """Before anything is drawn: defaults and the URL on a session's first run."""
    restore_defaults()
    if state.SESSION not in st.session_state:
        st.session_state[state.SESSION] = uuid.uuid4().hex
    known = catalogue.checkpoints()
    default = wanted if (wanted := catalogue.default_checkpoint()) in known else known[0]
    if state.CHECKPOINT not in st.session_state:
        asked = st.query_params.get("model", catalogue.default_checkpoint())
        if asked not in known:
            sentence = f"The link names a model {asked[:MOST_ASKED]!r} that is not here."
            state.notify(escaped(sentence))
            asked = default
        st.session_state[state.CHECKPOINT] = asked
    elif state.checkpoint() not in known:
        gone = state.checkpoint()
        sentence = f"{gone} was deleted or renamed; the page goes on with {default}."
        state.notify(escaped(sentence))
        st.session_state[state.CHECKPOINT] = default
    else:  # written back: a run that switches panels ends before it has drawn the picker
        st.session_state[state.CHECKPOINT] = state.checkpoint()


def restore_z() -> None:
    """After the model is known to load: its z and map from the URL, or the first test picture's."""
    name = state.checkpoint()
    z_dim = caches.model(name).z_dim
    same = st.session_state[state.Z_OF] == name
    _heed_weights(same, z_dim)
    if same and len(state.z()) == z_dim:
        return
    encoded = caches.encoded_test_set(name)
    # Only now: what failed above is tried again, and a checkpoint of the same name may be replaced.
    first_run = st.session_state[state.Z_OF] is None
    st.session_state[state.Z_OF] = name
    latent = encoded.latent
    if encoded.problem:
        state.notify(encoded.problem)
    state.set_z(latent.mu[0].tolist())
    if not first_run:
        st.session_state[state.METHOD] = None  # the default of one model is not that of the next
    st.session_state[state.PROJECTION] = default_projection(z_dim, len(latent.labels.unique()))
    useful = latent.order
    st.session_state[state.AXIS_X] = useful[0]
    st.session_state[state.AXIS_Y] = useful[-1 if z_dim == 1 else 1]
    st.session_state[state.FILM_DIMENSION] = useful[0]
    if first_run:
        _from_link(z_dim)


def _heed_weights(same: bool, z_dim: int) -> None:
    """Say that the open checkpoint's weights were replaced; of a training it is expected."""
    before, now = st.session_state[state.WEIGHTS], catalogue.weights(state.checkpoint())
    st.session_state[state.WEIGHTS] = now
    if not same or before in (None, now) or catalogue.is_training(state.checkpoint()):
        return
    sentence = f"{state.checkpoint()} was replaced: the page goes on with its new weights."
    if len(state.z()) != z_dim:
        sentence += (
            f" It has {z_dim} latent dimensions now, and had {len(state.z())}; bookmarks, "
            "directions and keys made with the model before wait for its return."
        )
    state.notify(escaped(sentence))


def _from_link(z_dim: int) -> None:
    """What the URL says about z and map; what it cannot mean is said and left out."""
    if "z" in st.query_params:
        try:
            state.set_z(unpacked_z(st.query_params["z"], z_dim))
        except ValueError as error:
            state.notify(escaped(f"The link's z is ignored: {error}"))
    if "map" in st.query_params:
        asked = st.query_params["map"][:MOST_ASKED]
        try:
            map_data.projection(state.checkpoint(), asked)
        except ValueError as error:
            state.notify(escaped(f"The link's map is ignored: {error}"))
            return
        if "," in asked:
            axes = [int(part) for part in asked.split(",")]
            st.session_state[state.AXIS_X], st.session_state[state.AXIS_Y] = axes
            asked = "dimensions"
        st.session_state[state.PROJECTION] = asked


def restore_lesson(steps: Sequence[str], languages: Sequence[str]) -> None:
    """On the first visit to Learn: the step and the language of the link that led there."""
    state.one_of(state.LEARN_STEP, steps)
    state.one_of(state.LANGUAGE, languages)
    if st.session_state[state.LEARN_LINKED]:
        return
    st.session_state[state.LEARN_LINKED] = True
    for key, name, known in (
        (state.LEARN_STEP, "step", steps), (state.LANGUAGE, "lang", languages),
    ):  # fmt: skip
        asked = st.query_params.get(name, st.session_state[key])[:MOST_ASKED]
        if asked in known:
            st.session_state[key] = asked
        else:
            st.warning(
                escaped(
                    f"The link's {name} {asked!r} is none of {', '.join(known)}; it is ignored."
                )
            )


def publish_lesson() -> None:
    """The step and the language, for the URL that a teacher passes on."""
    _publish({"step": st.session_state[state.LEARN_STEP], "lang": st.session_state[state.LANGUAGE]})


def publish() -> None:
    """After everything is drawn: the URL that opens this view."""
    _publish({"model": state.checkpoint(), "map": state.projection(), "z": packed_z(state.z())})


def _publish(wanted: dict[str, str]) -> None:
    for key, value in wanted.items():
        if st.query_params.get(key) != value:
            st.query_params[key] = value
