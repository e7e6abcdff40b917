"""Every panel with models of other things than MNIST: garments whose data are not at hand, colour
photographs in a folder, characters of 47 classes, and a folder that is gone."""

import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import VAE, damage, data, save_checkpoint
from core.checkpoint import save_map
from core.data import DataError
from core.latent import latent_map
from explorer import caches, datasets, frames, map_data, repairs, state
from explorer.selections import Selection

APP = str(Path(__file__).parent.parent.parent / "explorer" / "app.py")
PANELS = ("explore", "repair", "walk", "attributes", "reconstruct", "learn", "models", "train")
QUICK = {state.METHOD: "smc", state.METHOD_STEPS: 2, state.ANSWERS: 3, state.WALK_N: 6}
Make = Callable[..., str]


@pytest.fixture
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine to which no data set was ever fetched."""
    for function in (data.load_dataset, data.missing):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "no-data",))


@pytest.fixture
def make(checkpoints: Path, nothing_at_hand: None) -> Make:
    """make("fashionmnist", 10) -> an untrained model whose map keeps 40 pictures."""

    def made(dataset: str, count: int, keep: bool = True, **config: object) -> str:
        torch.manual_seed(0)
        model = VAE(h_dim=16, z_dim=4).requires_grad_(False).eval()
        model.fc2.weight.mul_(8)
        images = torch.rand(2 * max(count, 20), 1, 28, 28)
        labels = torch.arange(len(images)) % count
        name = f"{Path(dataset).name}-tiny"
        save_checkpoint(checkpoints / name, model, dataset=dataset, **config)
        pictures = images.mul(255).round().byte() if keep else None
        found = latent_map(model, images, labels)._replace(images=pictures)
        save_map(checkpoints / name, found)
        return name

    return made


@pytest.fixture
def photographs(tmp_path: Path, checkpoints: Path) -> str:
    """A model of 64 x 64 colour pictures in two class folders."""
    folder = tmp_path / "photographs"
    random = np.random.default_rng(0)
    for kind in ("beach", "forest [1]"):
        (folder / kind).mkdir(parents=True)
        for n in range(30):
            pixels = random.integers(0, 256, (12, 16, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{n}.png")
    torch.manual_seed(0)
    model = VAE(image_size=3 * 64 * 64, h_dim=16, z_dim=4, channels=3).requires_grad_(False).eval()
    model.fc2.weight.mul_(8)
    test = data.load_dataset(str(folder), "test", side=64, channels=3)
    classes = list(data.find_source(str(folder)).classes)
    save_checkpoint(checkpoints / "photographs", model, dataset=str(folder), classes=classes)
    save_map(checkpoints / "photographs", latent_map(model, *test))
    return "photographs"


def open_panel(panel: str, model: str, **session: object) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=100)
    app.session_state["panel"] = panel
    app.session_state[state.CHECKPOINT] = model
    for key, value in {**QUICK, **session}.items():
        app.session_state[key] = value
    return app.run()


def _page() -> None:
    import importlib

    import streamlit as st

    from explorer import links

    links.restore()
    links.restore_z()
    importlib.import_module(f"explorer.panels.{st.session_state['panel']}").render()


def said(app: AppTest) -> str:
    """Everything that the page says."""
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info]
    return " ".join([*(part.value for part in parts), *(button.label for button in app.button)])


def fine(app: AppTest) -> str:
    assert not app.exception, app.exception
    assert not app.error, [error.value for error in app.error]
    return said(app)


def png(*shape: int) -> bytes:
    """A picture with something in it that is neither black nor white all over."""
    pixels = np.zeros(shape, np.uint8)
    pixels[shape[0] // 4 : shape[0] // 2, shape[1] // 3 : shape[1] // 2] = 200
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("panel", PANELS)
def test_garments_whose_data_are_not_at_hand(panel: str, make: Make) -> None:
    text = fine(open_panel(panel, make("fashionmnist", 10)))
    assert "digit" not in text.lower()


def test_a_lasso_on_garments_whose_data_are_not_at_hand(make: Make) -> None:
    name = make("fashionmnist", 10)
    app = open_panel("explore", name, **{state.SELECTION: Selection(name, np.array([3, 5]))})
    assert "2 selected" in fine(app) and "no mean of the pictures" not in said(app)


@pytest.mark.parametrize("panel", PANELS)
def test_colour_photographs(panel: str, photographs: str) -> None:
    text = fine(open_panel(panel, photographs))
    assert "digit" not in text.lower()


@pytest.mark.parametrize("panel", PANELS)
def test_colour_photographs_whose_folder_is_gone(
    panel: str, photographs: str, tmp_path: Path, checkpoints: Path
) -> None:
    """With kept pictures the page works; without, what needs them says one sentence."""
    model, test = caches.model(photographs), caches.test_set(photographs)
    kept = test.images.mul(255).round().byte()
    save_map(checkpoints / photographs, latent_map(model, *test)._replace(images=kept))
    shutil.move(tmp_path / "photographs", tmp_path / "elsewhere")
    fine(open_panel(panel, photographs))
    save_map(checkpoints / photographs, latent_map(model, *test))
    data.folder._known.clear()
    data._folder_split.cache_clear()
    app = open_panel(panel, photographs)
    assert not app.exception
    if panel in ("repair", "reconstruct", "walk", "learn"):  # of Walk within "Add a key" alone
        assert "There is no folder" in app.error[0].value
    else:
        assert not app.error


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize(
    ("dataset", "classes", "noun"),
    [("emnist-letters", 26, "letter"), ("emnist-balanced", 47, "character")],
)
def test_many_classes(panel: str, dataset: str, classes: int, noun: str, make: Make) -> None:
    text = fine(open_panel(panel, make(dataset, classes)))
    assert panel in ("models", "train") or noun in text  # those speak of models, not pictures


def test_a_named_class_is_shown_by_its_name(make: Make) -> None:
    app = open_panel("reconstruct", make("fashionmnist", 10), **{state.TEST_INDEX: 1})
    assert "Label: Trouser" in fine(app)


def test_names_of_folders_are_shown_as_they_are(photographs: str) -> None:
    labels = caches.test_set(photographs).labels.tolist()
    app = open_panel("reconstruct", photographs, **{state.TEST_INDEX: labels.index(1)})
    assert r"Label: forest \[1\]" in fine(app)


def test_no_handwriting_is_measured_and_directions_are_made_all_the_same(
    make: Make, photographs: str
) -> None:
    for name in (make("fashionmnist", 10), photographs):
        app = open_panel("attributes", name)
        assert datasets.NO_INK in fine(app)
        assert "Make a direction" in said(app)
        assert caches.attribute_directions(name) == ()
        with pytest.raises(DataError, match="is something else"):
            caches.measures(name)
        app = open_panel("explore", name, **{state.SLIDER_SET: "directions"})
        assert "There is no direction yet" in fine(app)


def test_letters_are_measured_as_they_are_kept(make: Make) -> None:
    name = make("emnist-letters", 26)
    assert len(caches.measures(name)["slant"]) == len(caches.latent_map(name).mu) == 52
    assert "Attributes of handwriting" in fine(open_panel("attributes", name))


@pytest.mark.parametrize("source", ["Test digit", "Upload", "Draw", "z of Explore", "Prior sample"])
def test_repair_of_colours_from_every_source(source: str, photographs: str) -> None:
    app = open_panel(
        "repair",
        photographs,
        **{
            state.REPAIR_SOURCE: source,
            state.DRAWING: png(280, 280),
            state.UPLOAD: {"name": "a.png", "content": png(90, 60, 3)},
        },
    )
    fine(app)
    board = app.session_state[state.DAMAGED]
    assert len(board.image) == 3 * 64 * 64 and len(board.mask) == 64 * 64


@pytest.mark.parametrize("kind", [*damage.KINDS, "none"])
def test_every_damage_of_colours(kind: str, photographs: str) -> None:
    app = open_panel("repair", photographs, **{state.DAMAGE_KIND: kind})
    fine(app)
    mask = np.frombuffer(app.session_state[state.DAMAGED].mask, np.uint8)
    assert mask.max() <= 1 and (kind in ("noise", "salt", "blur", "low", "none")) == mask.all()


@pytest.mark.parametrize(
    "method", ["smc", "map", "metropolis_within_gibbs", "pseudo_gibbs", "plain"]
)
def test_every_method_repairs_colours(method: str, photographs: str) -> None:
    app = open_panel("repair", photographs, **{state.METHOD: method})
    assert "train-repair" not in fine(app)  # that network is for grey pictures
    known = app.session_state[state.DAMAGED]
    ask = repairs.asked(known.image, known.mask, known.image, method=method, k=3, steps=2)
    found = caches.completion(photographs, ask)
    assert found.repair.completions.shape == (3, 3, 64, 64)
    assert found.answer.planes.shape == (3 * (3 + 3), 64, 64)
    assert found.repair.std.isfinite().all()
    mask = torch.tensor(list(known.mask)).view(64, 64) > 0
    if method != "plain":
        image = torch.tensor(list(known.image)).view(3, 64, 64) / 255
        assert torch.allclose(found.repair.completions[0][:, mask], image[:, mask], atol=1e-6)


@pytest.mark.parametrize("source", ["Upload", "Draw"])
@pytest.mark.parametrize("dataset", ["fashionmnist", "emnist-letters", "photographs"])
def test_pictures_from_outside(source: str, dataset: str, make: Make, photographs: str) -> None:
    """Handwriting is looked for its ink, step by step; everything else is used as it is."""
    name = photographs if dataset == "photographs" else make(dataset, 10)
    outside = {
        state.DRAWING: png(280, 280), state.UPLOAD: {"name": "a.png", "content": png(90, 120)}
    }  # fmt: skip
    app = open_panel("reconstruct", name, **{state.SOURCE: source, **outside})
    text = fine(app)
    assert ("From your picture to a letter" in text) == (dataset == "emnist-letters")
    assert len(app.metric) == 3
    app = open_panel("walk", name, **{state.WALK_SOURCE: "Upload", **outside})
    fine(app)
    assert any(button.label == "Add this key" for button in app.button)


def test_training_pictures_that_are_not_at_hand_are_said(make: Make) -> None:
    name = make("fashionmnist", 10)
    app = open_panel("explore", name, **{state.POINTS: "all"})
    text = fine(app)
    assert "Fashion-MNIST is not at hand" in text and "core fetch fashionmnist" in text
    assert app.session_state[state.POINTS] == "test"
    with pytest.raises(DataError, match="core fetch fashionmnist"):
        map_data.encoded(name, "all")
    groups = {name: {"a": np.array([3]), "b": np.array([3, 50])}}  # lassoed while they were
    chosen = {state.GROUPS: groups, state.DIRECTION_SOURCE: "Two groups"}
    app = open_panel("attributes", name, **chosen)
    assert not app.exception and "core fetch fashionmnist" in app.error[0].value


def test_a_folder_has_its_training_pictures_on_the_map(photographs: str) -> None:
    fine(open_panel("explore", photographs, **{state.POINTS: "all"}))
    assert len(map_data.encoded(photographs, "all").mu) == 60
    raw = gzip.decompress(map_data.pictures(photographs, "all"))
    assert len(raw) == 60 * 3 * 64 * 64


def test_the_test_set_is_what_the_map_keeps(make: Make, checkpoints: Path) -> None:
    name = make("fashionmnist", 10)
    images, labels = caches.test_set(name)
    assert images.shape == (40, 1, 28, 28) and images.max() <= 1
    assert labels.equal(caches.latent_map(name).labels)
    assert len(gzip.decompress(map_data.pictures(name, "test"))) == 40 * 784


def test_without_kept_pictures_the_sentence_names_the_mend(make: Make) -> None:
    name = make("fashionmnist", 10, keep=False)
    with pytest.raises(DataError, match="core fetch fashionmnist"):
        caches.test_set(name)
    app = open_panel("reconstruct", name)
    assert not app.exception and "core fetch fashionmnist" in app.error[0].value
    fine(open_panel("explore", name))
    app = open_panel("explore", name, **{state.SELECTION: Selection(name, np.array([3, 5]))})
    assert "no mean of the pictures" in fine(app) and "core fetch fashionmnist" in said(app)


def test_a_map_that_goes_while_the_page_is_open_is_a_sentence(
    make: Make, checkpoints: Path
) -> None:
    name = make("fashionmnist", 10)
    app = AppTest.from_file(APP, default_timeout=100)
    app.query_params["model"] = name
    fine(app.run())
    (checkpoints / name / "map.npz").unlink()
    app.run()
    assert not app.exception and "core fetch fashionmnist" in app.error[0].value


def test_a_map_of_fewer_pictures_cuts_the_test_set(
    checkpoints: Path, make_checkpoint: Make
) -> None:
    """So that an index means the same picture to both."""
    name = make_checkpoint(3)  # its map has 40, MNIST's test set 10,000
    test = caches.test_set(name)
    assert len(test.images) == len(test.labels) == 40
    assert torch.equal(test.images, data.load_dataset("mnist", "test").images[:40])
    assert all(len(values) == 40 for values in caches.measures(name).values())


def test_a_data_set_of_another_shape_is_said(checkpoints: Path) -> None:
    save_checkpoint(checkpoints / "big", VAE(image_size=32 * 32, h_dim=8, z_dim=3), dataset="mnist")
    with pytest.raises(DataError, match="28 x 28 pixels in grey; this model takes 32 x 32"):
        caches.test_set("big")


def test_a_folder_that_has_changed(photographs: str, tmp_path: Path) -> None:
    """Other pictures: the map is computed anew. Other classes: the data are not those any more."""
    folder = tmp_path / "photographs"
    for n in range(30, 90):
        Image.new("RGB", (9, 9), (n, n, n)).save(folder / "beach" / f"{n}.png")
    data.folder._known.clear()
    data._folder_split.cache_clear()
    found = caches.encoded_test_set(photographs)
    assert found.problem and "other images than the folder" in found.problem
    assert len(found.latent.mu) == len(caches.test_set(photographs).images)
    (folder / "new").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "new" / "1.png")
    with pytest.raises(DataError, match="no longer those that this model was trained with"):
        caches.images_of(photographs, "train")


@pytest.fixture
def few(tmp_path: Path, checkpoints: Path) -> str:
    """A model of a folder so small that its test split is a single picture."""
    (tmp_path / "few").mkdir()
    random = np.random.default_rng(0)
    for n in range(9):
        pixels = random.integers(0, 256, (28, 28)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "few" / f"{n}.png")
    torch.manual_seed(0)
    model = VAE(h_dim=16, z_dim=4).requires_grad_(False).eval()
    test = data.load_dataset(str(tmp_path / "few"), "test")
    assert len(test.images) == 1
    save_checkpoint(checkpoints / "few", model, dataset=str(tmp_path / "few"))
    save_map(checkpoints / "few", latent_map(model, *test))
    return "few"


@pytest.mark.parametrize("panel", PANELS)
def test_a_test_split_of_one_picture(panel: str, few: str) -> None:
    """It has no plane, so there is no map; all else works."""
    keys = [{"id": id, "name": id, "z": z} for id, z in (("a", [0.0] * 4), ("b", [1.0] * 4))]
    app = open_panel(panel, few, **{state.WALK_KEYS: {few: keys}})
    assert not app.exception
    if panel == "explore":
        assert "need two images" in app.error[0].value and "another projection" in said(app)
    else:
        assert not app.error


def test_one_picture_side_by_side(few: str, make: Make) -> None:
    chosen = {state.MODELS_VIEW: "Side by side", state.OTHER: make("fashionmnist", 10)}
    app = open_panel("models", few, **chosen)
    fine(app)
    assert len(app.get("plotly_chart")) == 2


def test_one_picture_is_repaired_on_the_live_channel(few: str) -> None:
    serving = frames.loaded(few)
    settings = b'{"k": 2, "method": "smc", "steps": 1}'
    payload = repairs.LENGTH.pack(len(settings)) + settings + bytes(784) + bytes(784)
    for kind in (frames.REPAIR, frames.COMPLETE):
        job = frames.understood(serving.model, frames.REQUEST.pack(7, kind) + payload)
        assert frames.ANSWER.unpack_from(frames.answered(serving, job))[3:5] == (28, 28)


def test_classes_that_nobody_names(checkpoints: Path, make: Make) -> None:
    assert caches.classes(make("/gone/folder", 3)) == ("0", "1", "2")
    assert caches.classes(make("/gone/other", 1)) == ("image",)
    assert caches.classes(make("/gone/named", 3, classes=["a", "b", "c"])) == ("a", "b", "c")


def test_more_labels_than_the_data_set_has_classes(make: Make) -> None:
    assert caches.classes(make("mnist", 12))[-2:] == ("10", "11")


def test_the_live_channel_carries_colours(photographs: str) -> None:
    from explorer.frames import (
        ANSWER,
        DECODE,
        PLACE,
        REQUEST,
        STRIPS,
        answered,
        loaded,
        understood,
    )  # fmt: skip

    serving = loaded(photographs)
    z = np.zeros(4, "<f4")
    for kind, points, planes in ((DECODE, 1, 3), (STRIPS, 5, 15)):
        frame = REQUEST.pack(7, kind) + np.tile(z, points).tobytes()
        answer = answered(serving, understood(serving.model, frame))
        assert ANSWER.unpack_from(answer)[2:5] == (planes, 64, 64)
        assert len(answer) == ANSWER.size + planes * 64 * 64
    job = understood(serving.model, REQUEST.pack(7, PLACE) + z.tobytes())
    answer = answered(serving, job)
    nearest = len(caches.test_set(photographs).images)
    assert ANSWER.unpack_from(answer)[2] == 3 * min(nearest, 8)


def test_a_painted_colour_picture_is_understood(photographs: str) -> None:
    shape = caches.model(photographs).image_shape
    size, pixels = 3 * 64 * 64, 64 * 64
    settings = b'{"k": 2, "method": "smc", "steps": 1}'
    payload = repairs.LENGTH.pack(len(settings)) + settings + bytes(size) + bytes(pixels)
    ask = repairs.parsed(payload + bytes(size), shape)
    assert (len(ask.image), len(ask.mask), len(ask.original)) == (size, pixels, size)
    assert not repairs.parsed(payload, shape).original
    assert len(payload) + size <= repairs.most_bytes(shape)
    with pytest.raises(repairs.PayloadError, match="bytes"):
        repairs.parsed(payload[:-1], shape)
    assert repairs.glimpse(photographs, ask).planes.shape == (9, 64, 64)


def test_saving_names_the_size(photographs: str) -> None:
    app = open_panel("explore", photographs)
    labels = [element.proto.label for element in app.get("download_button")]
    assert "PNG 64 px" in labels
