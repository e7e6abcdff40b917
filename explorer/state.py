"""Every session key, its default, and what is done with the session by more than one panel.

explorer/links.py is what the URL holds of it. Keys that belong to a component's own state are named
here too.
"""

import base64
from collections.abc import Collection, Sequence

import numpy as np
import streamlit as st

from explorer import caches, catalogue
from explorer.components import Live
from explorer.coordinates import checked_z
from explorer.datasets import Subject
from explorer.frames import decode_pixels

CHECKPOINT = "checkpoint"  # str; URL: model
KNOWN = "known"  # {key: value}, all of DEFAULTS as the last run began with them
SESSION = "session"  # str, tells this session from one before a restart of the server
RECALLED = "recalled"  # bool: the page has told what it held over a restart
UNSEEN = "unseen"  # {key: value} of that, for its widgets, until the page shows them
SEEN = "seen"  # bool: it says that it does
WEIGHTS = "weights"  # str | None, which weights of the checkpoint were shown last
LOOKED = "looked"  # int, the last time that the page asked for a rerun
Z = "z"  # list[float], the committed point; URL: z
Z_OF = "z_of"  # str | None, the checkpoint that z belongs to
REVISION = "z_revision"  # int, counts the times that Python, not the hand, has set z
NOTICE = "notice"  # str | None, a sentence to show once
SAID = "said"  # str | None, the sentence of NOTICE that is on the page
GO_TO = "go_to"  # str | None, the panel to switch to on the next run
INTRODUCED = "introduced"  # int, how often the introduction was asked for again
PROJECTION = "projection"  # an id of core.projection.available; URL: map
AXIS_X, AXIS_Y = "axis_x", "axis_y"  # int, the latent dimensions of the map
POINTS = "points"  # "test" or "all": whose dots the map has
UNDERLAY = "underlay"  # "none", "tiles" or "density": what lies under the dots
GROUPS = "groups"  # {checkpoint: {name: indices}}, what was lassoed and named
SLIDER_SET = "slider_set"  # "dimensions" or "directions"
IN_SD = "in_sd"  # bool: the sliders' numbers are standard deviations
SELECTION = "selection"  # explorer.selections.Selection | None, what was lassoed last
SELECTION_REVISION = "selection_revision"  # int, counts the times that Python has set it
FILMSTRIPS = "filmstrips"  # bool: the sliders' tracks show what lies along them
KEPT = "kept"  # {checkpoint: explorer.kept.Kept}
HEARD = "heard"  # {checkpoint}, of which the browser's storage has been read
COMPARED = "compared"  # (id, id) of the bookmarks that are A and B, each may be None
FILM_DIMENSION = "film_dimension"  # int, the latent dimension of a traversal's film
SOURCE = "source"  # where Reconstruct's picture comes from
TEST_INDEX = "test_index"  # int, which test picture Reconstruct shows
UPLOAD = "upload"  # {"name": str, "id": str, "content": bytes, or "error": str} | None
DRAWING = "drawing"  # bytes of a PNG | None
READ = "read"  # (what explorer.sources.read was asked, what it found) | None
REPAIR_SOURCE = "repair_source"  # where Repair's picture comes from
REPAIR_INDEX = "repair_index"  # int, which test picture Repair shows
PRIOR_SEED = "prior_seed"  # int, which sample of the prior
DAMAGE_KIND = "damage_kind"  # an id of core.damage.KINDS, or "none"
DAMAGE_STRENGTH = "damage_strength"  # float
UPLOAD_KIND, UPLOAD_STRENGTH = "upload_kind", "upload_strength"  # the same, of an upload
DAMAGE_SEED = "damage_seed"  # int
GUESS_MASK = "guess_mask"  # bool: where an upload is damaged is guessed
LEVELS = "noise_levels"  # "Known" or "Estimated": what is said of noise that was added
UPLOAD_LEVELS = "upload_levels"  # these or "None": of noise that an upload came with
NOISE, SALT = "known_noise", "known_salt"  # float, the levels when an upload's are known
DAMAGED = "damaged"  # Damage | None, the picture on the board
METHOD = "repair_method"  # an id of core.repair.METHODS; None: the model's default
ANSWERS = "repair_answers"  # int, how many completions
METHOD_STEPS = "repair_steps"  # int, of an iterative method
WALK_KEYS = "walk_keys"  # {checkpoint: [explorer.walks.Key]}, what Walk goes through
WALK_N = "walk_n"  # int, pictures of a walk
WALK_SOURCE = "walk_source"  # where Walk's next key comes from
WALK_INDEX = "walk_index"  # int, which test picture that is
DIRECTION_SOURCE = "direction_source"  # what Attributes makes a new direction from
DIRECTION_METHOD = "direction_method"  # an id of explorer.attributes.METHODS
DIRECTION_NAME = "direction_name"  # str, of the new one; with "_" and an id, of a kept one
CLASS_A, CLASS_B = "class_a", "class_b"  # int, the classes that it leads from and to
GROUP_A, GROUP_B = "group_a", "group_b"  # int, which of the groups
UPLOADS_A, UPLOADS_B = "uploads_a", "uploads_b"  # the files of each side
TRAIN_SETTINGS = "train_settings"  # {field of TrainConfig: value}, what the next training will be
TRAIN_FIELD = "train_field"  # with "_" and a field's name: its widget
TRAIN_PRESET = "train_preset"  # a name in explorer.train_fields.PRESETS | None: own settings
TRAIN_NAME = "train_name"  # str, of the next training; "": one that is free
TRAIN_RUN = "train_run"  # str | None, the training that is looked at
TRAIN_EPOCHS = "train_epochs"  # int, with "_" and a run: up to where it is resumed
UPLOADED = "uploaded_codes"  # {(checkpoint, version, digest): mu of an upload | why there is none}
MODELS_VIEW = "models_view"  # which part of Models is shown
OTHER = "other_model"  # str | None, the checkpoint beside the open one
PICK = "compared_index"  # int, which test image the two models get besides the shared ones
SAMPLE_SEED = "sample_seed"  # int, the first seed of the prior samples
MANAGED = "managed_model"  # str | None, the checkpoint that Manage is about
DELETING = "deleting"  # str | None, the checkpoint that is about to be deleted
NEW_NAME = "new_model_name"  # str
NLL_SAMPLES = "nll_samples"  # int, importance samples of an evaluation; 0: none
MODEL_FILE, UPLOAD_NAME = "model_file", "upload_name"  # the uploaded weights, and their name
UPLOAD_DATASET = "upload_dataset"  # str, what they were trained on
LANGUAGE = "language"  # "en" or "zh", of the Learn panel; URL there: lang
LEARN_STEP = "learn_step"  # an id of explorer.lessons.LESSONS; URL there: step
LEARN_LINKED = "learn_linked"  # bool: the link that led to Learn has been read
LEARNT = "learnt"  # {(step, task)} that were done
LEARN_SOURCE = "learn_source"  # "test" or "draw": where Learn's picture comes from
LEARN_INDEX = "learn_index"  # int, which test picture Learn shows

SLIDERS, MAP, PICTURE = "component_sliders", "component_map", "component_picture"
UPLOAD_INPUT, CANVAS = "component_upload", "component_canvas"
REPAIR_INPUT, REPAIR_CANVAS = "component_repair_upload", "component_repair_canvas"
STEPS, PAIR, SAMPLES = "component_steps", "component_pair", "component_samples"
CONNECTION = "component_connection"
STORAGE, TYPICALITY, HISTORY = "component_storage", "component_typicality", "component_history"
BOOKMARKS, COMPARISON, MIX = "component_bookmarks", "component_comparison", "component_mix"
MEAN, GROUP_NAME = "component_mean", "group_name"
GROUP_FROM, GROUP_TO = "group_from", "group_to"
WALK_PLAYER, WALK_INPUT = "component_walk", "component_walk_upload"
WALK_KEY, WALK_PREVIEW = "component_walk_key", "component_walk_preview"
CORRELATIONS, ATTRIBUTE_STRIP = "component_correlations", "component_attribute_strip"
MODEL_TABLE, NLL_DOTS = "component_model_table", "component_nll_dots"
SIDE_MAP = "component_side_map"
RECONSTRUCTIONS, TRAVERSALS = "component_reconstructions", "component_traversals"
PRIOR_SAMPLES, DIMENSION_BARS = "component_prior_samples", "component_dimension_bars"
CURVES = "component_curves"
TRAIN_CURVES, TRAIN_FILM = "component_train_curves", "component_train_film"
INTRODUCTION = "component_introduction"
LESSON, LEARN_CANVAS = "component_lesson", "component_learn_canvas"
BOARD, TRAJECTORY, EXPORT = "component_board", "component_trajectory", "export"

DEFAULTS: dict[str, object] = {
    RECALLED: False,
    UNSEEN: {},
    SEEN: False,
    WEIGHTS: None,
    LOOKED: 0,
    Z_OF: None,
    REVISION: 0,
    NOTICE: None,
    SAID: None,
    GO_TO: None,
    INTRODUCED: 0,
    PROJECTION: "pca",
    AXIS_X: 0,
    AXIS_Y: 1,
    POINTS: "test",
    UNDERLAY: "none",
    GROUPS: {},
    SLIDER_SET: "dimensions",
    IN_SD: False,
    SELECTION: None,
    SELECTION_REVISION: 0,
    FILMSTRIPS: True,
    KEPT: {},
    HEARD: frozenset(),
    COMPARED: (None, None),
    FILM_DIMENSION: 0,
    SOURCE: "Test digit",
    TEST_INDEX: 0,
    UPLOAD: None,
    DRAWING: None,
    READ: None,
    REPAIR_SOURCE: "Test digit",
    REPAIR_INDEX: 62,  # behind a box this 9 may as well be a 4: the first look shows the point
    PRIOR_SEED: 0,
    DAMAGE_KIND: "centre",
    DAMAGE_STRENGTH: 0.5,
    UPLOAD_KIND: "none",  # it brings its own damage
    UPLOAD_STRENGTH: 0.5,
    DAMAGE_SEED: 0,
    GUESS_MASK: True,
    LEVELS: "Known",
    UPLOAD_LEVELS: "None",
    NOISE: 0.2,
    SALT: 0.0,
    DAMAGED: None,
    METHOD: None,
    ANSWERS: 16,
    METHOD_STEPS: 0,
    WALK_KEYS: {},
    WALK_N: 12,
    WALK_SOURCE: "Test digit",
    WALK_INDEX: 8,
    DIRECTION_SOURCE: "Two classes",
    DIRECTION_METHOD: "mean",
    DIRECTION_NAME: "",
    CLASS_A: 3,
    CLASS_B: 8,
    UPLOADED: {},
    MODELS_VIEW: "Figures",
    OTHER: None,
    PICK: 62,
    SAMPLE_SEED: 0,
    MANAGED: None,
    DELETING: None,
    NEW_NAME: "",
    NLL_SAMPLES: 0,
    UPLOAD_NAME: "",
    UPLOAD_DATASET: "mnist",
    TRAIN_SETTINGS: {},
    TRAIN_PRESET: "Tutorial (784-400-20)",  # which is what TrainConfig's defaults are
    TRAIN_NAME: "",
    TRAIN_RUN: None,
    LANGUAGE: "en",
    LEARN_STEP: "compress",
    LEARN_LINKED: False,
    LEARNT: frozenset(),
    LEARN_SOURCE: "test",
    LEARN_INDEX: 62,  # a 9 that behind a hole may as well be a 4
}
BY_CHECKPOINT = (KEPT, GROUPS, WALK_KEYS)  # dicts of what belongs to a checkpoint


def renamed(name: str, new: str) -> None:
    """A checkpoint has another name: this session goes on with it and keeps what it knows of it."""
    for key in BY_CHECKPOINT:
        everything = dict(st.session_state[key])
        if name in everything:
            everything[new] = everything.pop(name)
        st.session_state[key] = everything
    st.session_state[HEARD] = {new if heard == name else heard for heard in st.session_state[HEARD]}
    for key in (CHECKPOINT, Z_OF, OTHER, TRAIN_RUN):
        if st.session_state.get(key) == name:
            st.session_state[key] = new
    selection, damaged = st.session_state[SELECTION], st.session_state[DAMAGED]
    if selection and selection.checkpoint == name:
        st.session_state[SELECTION] = selection._replace(checkpoint=new)
    if damaged and damaged.of[:1] == (name,):
        st.session_state[DAMAGED] = damaged._replace(of=(new, *damaged.of[1:]))


def forget(name: str) -> None:
    """A checkpoint is gone: another may come by its name, of other dimensions."""
    for key in BY_CHECKPOINT:
        st.session_state[key] = {k: v for k, v in st.session_state[key].items() if k != name}
    st.session_state[HEARD] = {heard for heard in st.session_state[HEARD] if heard != name}
    uploaded = st.session_state[UPLOADED]
    st.session_state[UPLOADED] = {k: v for k, v in uploaded.items() if k[0] != name}


def projection() -> str:
    """The id of the map's projection, as explorer.map_data knows it."""
    id = st.session_state[PROJECTION]
    if id != "dimensions":
        return str(id)
    return f"{st.session_state[AXIS_X]},{st.session_state[AXIS_Y]}"


def one_of(key: str, options: Collection[object]) -> None:
    """Before the widget of a choice: a value that is none of the options, which a page may tell
    after a restart of the server, gives way to the default."""
    if st.session_state[key] not in options:
        st.session_state[key] = DEFAULTS[key]


def checkpoint() -> str:
    """The id of the model in use."""
    return str(st.session_state[CHECKPOINT])


def subject() -> Subject:
    """What its pictures are."""
    found: Subject = caches.subject(checkpoint())
    return found


def z() -> list[float]:
    """The committed point."""
    return list(st.session_state[Z])


def set_z(values: Sequence[float]) -> None:
    """Move from Python's side: the browser follows."""
    st.session_state[Z] = [float(value) for value in values]
    st.session_state[REVISION] += 1


def commit_z(component: str) -> None:
    """The hand has let go in a component: take over its z. The browser is there already.

    A commit that crossed a move from Python's side, or a switch of the model, comes too late.
    """
    told = st.session_state[component].z
    current = {"checkpoint": checkpoint(), "revision": st.session_state[REVISION]}
    if told and current.items() <= told.items():
        st.session_state[Z] = checked_z(told["z"], len(z()))


def open_answer(component: str = BOARD) -> None:
    """An answer on the board, or a picture of a walk, was chosen: Explore opens with its z."""
    told = st.session_state[component].open
    if told and told["checkpoint"] == checkpoint():
        set_z(checked_z(told["z"], len(z())))
        st.session_state[GO_TO] = "explore"


def notify(sentence: str) -> None:
    """Say something once, above the panel, beside what is to be said already."""
    st.session_state[NOTICE] = " ".join(filter(None, [st.session_state[NOTICE], sentence]))


def take(key: str) -> object:
    """A value that is to be used once."""
    value = st.session_state[key]
    st.session_state[key] = None
    return value


def live() -> Live:
    """What every live component is told."""
    pixels = decode_pixels(caches.model(checkpoint()), np.asarray(z(), np.float32))
    return Live(
        session=st.session_state[SESSION],
        recalled=st.session_state[RECALLED],
        version=catalogue.version(checkpoint()),
        checkpoint=checkpoint(),
        z=z(),
        revision=st.session_state[REVISION],
        shape=pixels.shape,
        pixels=base64.b64encode(pixels.tobytes()).decode(),
    )
