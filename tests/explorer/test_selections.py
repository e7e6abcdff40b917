"""What is lassoed: masks to indices and back, means, groups; without a page."""

import base64
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st

from core.data import DataError
from explorer import caches, map_data, selections, state

MODEL = "mnist-mlp-20"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A session of our own in place of Streamlit's."""
    found: dict[str, Any] = {**state.DEFAULTS, state.CHECKPOINT: MODEL}
    monkeypatch.setattr(st, "session_state", found)
    return found


def told(indices: list[int], size: int = 10_000, **changes: object) -> SimpleNamespace:
    bits = np.zeros(size, np.uint8)
    bits[indices] = 1
    mask = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
    message = {"checkpoint": MODEL, "points": "test", "projection": "pca", "mask": mask}
    return SimpleNamespace(selection=message | changes)


def test_a_mask_becomes_indices_and_goes_back(session: dict[str, Any]) -> None:
    session[state.MAP] = told([0, 9, 1234, 9999])
    selections.take()
    found = selections.selected()
    assert found and found.indices.tolist() == [0, 9, 1234, 9999]
    raw = base64.b64decode(selections.marked()["mask"])
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
    assert np.flatnonzero(bits).tolist() == [0, 9, 1234, 9999]
    assert selections.marked()["revision"] == 0, "the hand's own selection is not sent as a new one"


@pytest.mark.parametrize(
    "message",
    [
        told([], mask=""),
        told([]),
        told([10_005], size=10_016),  # bits past the last image
    ],
    ids=["empty", "no bit", "past the end"],
)
def test_around_nothing_clears(session: dict[str, Any], message: SimpleNamespace) -> None:
    session[state.SELECTION] = selections.Selection(MODEL, np.array([3]))
    session[state.MAP] = message
    selections.take()
    assert selections.selected() is None
    assert selections.marked()["mask"] == ""


@pytest.mark.parametrize("changes", [{"checkpoint": "mnist-mlp-2"}, {"mask": "!"}])
def test_what_does_not_belong_here_changes_nothing(
    session: dict[str, Any], changes: dict[str, object]
) -> None:
    session[state.SELECTION] = selections.Selection(MODEL, np.array([3]))
    session[state.MAP] = told([1], **changes)
    selections.take()
    found = selections.selected()
    assert found and found.indices.tolist() == [3]


def test_another_checkpoint_has_a_selection_of_its_own(session: dict[str, Any]) -> None:
    selections.select(np.array([3]))
    assert selections.marked()["revision"] == 1
    session[state.CHECKPOINT] = "mnist-mlp-2"
    assert selections.selected() is None and selections.groups() == {}


@pytest.mark.parametrize("training", [False, True])
def test_means_over_both_splits(session: dict[str, Any], training: bool) -> None:
    test, train = caches.images_of(MODEL, "test").images, caches.images_of(MODEL, "train").images
    indices = np.array([5, 77, *([10_000, 10_042] if training else [])])
    pictures = [test[5], test[77], *([train[0], train[42]] if training else [])]
    expected = sum(pictures) / len(pictures)
    np.testing.assert_allclose(selections.mean_picture(indices), expected, atol=1e-6)
    mu = map_data.encoded(MODEL, "all" if training else "test").mu[indices]
    np.testing.assert_allclose(selections.mean_code(indices), mu.mean(0), atol=1e-5)


def test_the_mean_is_of_the_pictures_that_the_map_shows(
    session: dict[str, Any], make_checkpoint: Callable[..., str]
) -> None:
    session[state.CHECKPOINT] = name = make_checkpoint(3)  # of MNIST, whose map has 40 pictures
    test, train = (caches.images_of(name, split).images for split in ("test", "train"))
    mean = selections.mean_picture(np.array([5, 40]))
    np.testing.assert_allclose(mean, (test[5] + train[0]) / 2, atol=1e-6)


def test_groups_whose_training_pictures_are_gone_are_a_sentence(
    session: dict[str, Any], make_checkpoint: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(name: str, split: str) -> None:
        raise DataError("The training images are gone. Fetch them.")

    session[state.CHECKPOINT] = name = make_checkpoint(3)
    session[state.GROUPS] = {name: {"a": np.array([5]), "b": np.array([5, 77])}}
    session |= {state.GROUP_FROM: "a", state.GROUP_TO: "b"}
    monkeypatch.setattr(caches, "images_of", gone)
    for press in (selections._keep, lambda: selections._select("b")):
        session[state.NOTICE] = None
        press()
        assert "The training images are gone." in session[state.NOTICE]
    assert not session[state.SELECTION]


def test_the_bars_escape_names() -> None:
    text = selections.class_bars(("a", "<b>"), np.array([1200, 0]))
    assert "1,200" in text and "&lt;b&gt;" in text and "<b>" not in text
