"""Explore's parts through AppTest: which sliders there are, bookmarks, downloads, odd models."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.limits import BOOKMARKS
from explorer import caches, kept, state

APP = str(Path(__file__).parent.parent.parent / "explorer" / "app.py")


def start(name: str = "mnist-mlp-20", **session: object) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["model"] = name
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


def _axes() -> None:
    import streamlit as st

    from explorer import dials, kept, links

    links.restore()
    links.restore_z()
    kept.add_direction("thicker", [0.5] + [0.0] * 19)
    kept.add_direction("nothing", [0.0] * 20)
    kept.name_dimension(4, "slant")
    kept.lock(7, True)
    st.session_state["found"] = dials.dimension_axes(), dials.direction_axes()


def test_axes_are_ordered_by_kl_and_cover_the_encoded_digits() -> None:
    app = AppTest.from_function(_axes, default_timeout=60).run()
    assert not app.exception
    dimensions, directions = app.session_state["found"]
    latent = caches.latent_map("mnist-mlp-20")
    assert [axis["dimension"] for axis in dimensions] == latent.order
    assert [axis["kl"] for axis in dimensions] == sorted(
        (axis["kl"] for axis in dimensions), reverse=True
    )
    for axis in dimensions:
        along = latent.mu[:, axis["dimension"]]
        inside = ((along >= axis["low"]) & (along <= axis["high"])).float().mean()
        assert 0.989 <= inside <= 0.993
        assert axis["median"] == pytest.approx(along.median().item(), abs=1e-3)
    names = {axis["dimension"]: (axis["name"], axis["locked"]) for axis in dimensions}
    assert names[4] == ("slant", False) and names[7] == ("z7", True)
    names = [axis["name"] for axis in directions]  # a direction of no length moves nothing
    assert len(names) == 5 and names[-1] == "thicker" and "more slanted" in names
    assert [axis["renamable"] for axis in directions] == [False] * 4 + [True]
    assert all(axis["renamable"] for axis in dimensions)
    thicker = directions[-1]
    along = (latent.mu[:, 0] - latent.mu[:, 0].mean()) / 0.5
    assert thicker["low"] == pytest.approx(along.quantile(0.005).item(), abs=0.011)
    assert thicker["sd"] == pytest.approx(along.std().item(), rel=1e-3)


def _shelf() -> None:
    import streamlit as st

    from explorer import kept, links, shelf, state

    links.restore()
    links.restore_z()
    for told in st.session_state["events"]:
        ids = [mark["id"] for mark in kept.kept()["bookmarks"]]
        told = {k: ids[v] if k == "id" and isinstance(v, int) else v for k, v in told.items()}
        st.session_state["told"] = type("Told", (), {"event": told})
        shelf._event("told")
    shelf.render(state.live())


def shelf(*events: dict[str, object]) -> AppTest:
    app = AppTest.from_function(_shelf, default_timeout=60)
    app.session_state["events"] = list(events)
    app.run()
    assert not app.exception
    return app


def marks(app: AppTest) -> list[dict]:
    return app.session_state[state.KEPT]["mnist-mlp-20"]["bookmarks"]


ADD: dict[str, object] = {"kind": "add", "z": [0.5] * 20, "checkpoint": "mnist-mlp-20"}
OTHER = ADD | {"z": [-0.5] * 20}


def test_bookmarks_are_numbered_renamed_removed_and_gone_to() -> None:
    app = shelf(
        ADD,
        OTHER,
        ADD,
        {"kind": "remove", "id": 2},
        {"kind": "rename", "id": 0, "name": "me"},
        {"kind": "go", "id": 1},
    )
    assert [mark["name"] for mark in marks(app)] == ["me", "Bookmark 2"]
    assert app.session_state[state.Z] == [-0.5] * 20


def test_two_bookmarks_are_compared_and_a_second_press_takes_it_back() -> None:
    choose = [{"kind": "compare", "id": 0, "side": "A"}, {"kind": "compare", "id": 1, "side": "B"}]
    app = shelf(ADD, OTHER, *choose)
    assert "4.47" in app.markdown[0].value  # sqrt(20)
    assert not shelf(ADD, OTHER, *choose, choose[0]).markdown
    swapped = shelf(ADD, OTHER, *choose, {"kind": "compare", "id": 1, "side": "A"})
    assert swapped.session_state[state.COMPARED][1] is None  # one bookmark is not both


def test_an_event_of_a_bookmark_that_is_gone_does_nothing() -> None:
    app = shelf(ADD, {"kind": "go", "id": "nonsense"})
    assert app.session_state[state.Z] == caches.latent_map("mnist-mlp-20").mu[0].tolist()


@pytest.mark.parametrize("z", [[0.5] * 20, [0.5] * 2])
def test_a_bookmark_of_another_model_comes_too_late(z: list[float]) -> None:
    """Pressed while the page changes to this one, it was meant for the one before."""
    app = shelf(ADD, {"kind": "add", "z": z, "checkpoint": "mnist-mlp-2"})
    assert len(marks(app)) == 1


def test_one_too_many_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tab has filled the shelf."""
    monkeypatch.setattr(kept, "BOOKMARKS", BOOKMARKS._replace(most=2))
    app = shelf(ADD, OTHER, ADD)
    assert len(marks(app)) == 2
    assert app.session_state[state.NOTICE] == "There are 2 already; remove some first."


def test_200_bookmarks() -> None:
    assert len(marks(shelf(*[ADD] * 200))) == 200


def test_locked_dimensions_survive_randomising() -> None:
    kept = {"bookmarks": [], "directions": [], "names": {}, "locked": [3, 5]}
    app = start(**{state.KEPT: {"mnist-mlp-20": kept}})
    before = list(app.session_state[state.Z])
    for label in ("Prior sample", "Random digit"):
        next(button for button in app.button if button.label == label).click().run()
        after = app.session_state[state.Z]
        assert [after[3], after[5]] == [before[3], before[5]]
        assert np.abs(np.subtract(after, before)).max() > 0.1


@pytest.mark.parametrize("z_dim", [1, 2, 3, 64, 256])
def test_any_number_of_dimensions(make_checkpoint: Callable[..., str], z_dim: int) -> None:
    app = start(make_checkpoint(z_dim))
    assert not app.exception and not app.error and not app.warning
    assert len(app.session_state[state.Z]) == z_dim
    expected = {1: "line", 2: "dimensions"}.get(z_dim, "lda")
    assert app.session_state[state.PROJECTION] == expected


def test_no_labels(make_checkpoint: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "classes", lambda name: ("pictures",))
    app = start(make_checkpoint(3, classes=1))
    assert not app.exception and not app.error


def test_a_broken_map_is_computed_anew_and_said(
    make_checkpoint: Callable[..., str], checkpoints: Path
) -> None:
    name = make_checkpoint(3)
    (checkpoints / name / "map.npz").write_bytes(b"broken")
    app = start(name)
    assert not app.exception
    assert "computed anew" in app.warning[0].value and "core evaluate" in app.warning[0].value


def test_a_link_with_a_plane_opens_a_model_of_one_dimension(
    make_checkpoint: Callable[..., str],
) -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["model"], app.query_params["map"] = make_checkpoint(1), "pca"
    app.run()
    assert not app.exception and "one dimension" in app.warning[0].value
    assert app.session_state[state.PROJECTION] == "line"


def test_a_checkpoint_replaced_by_a_larger_one_opens_anew(
    make_checkpoint: Callable[..., str], checkpoints: Path
) -> None:
    app = start(make_checkpoint(3))
    make_checkpoint(5)
    shutil.rmtree(checkpoints / "tiny-3")
    (checkpoints / "tiny-5").rename(checkpoints / "tiny-3")
    app.run()
    assert not app.exception and len(app.session_state[state.Z]) == 5
