"""A folder of images: classes, the split, and every way in which a folder can be wrong."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core import data, folder
from core.data import DataError, load_dataset

Fill = Callable[..., Path]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """fill("cat/a.png", "dog/b.png") -> a folder of coloured squares of those names."""
    root = tmp_path / "pictures"

    def make(*names: str, size: tuple[int, int] = (10, 10)) -> Path:
        root.mkdir(exist_ok=True)
        for n, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            colour = tuple(np.random.default_rng(n).integers(0, 256, 3).tolist())
            Image.new("RGB", size, colour).save(root / name)
        return root

    return make


def many(top: str, count: int) -> list[str]:
    return [f"{top}{n:03}.png" for n in range(count)]


def test_pictures_labels_and_classes(fill: Fill) -> None:
    root = fill(*many("cat/", 30), *many("dog/deep/er/", 30))
    train, test = (load_dataset(str(root), split, side=32, channels=3) for split in data.SPLITS)
    assert train.images.shape[1:] == test.images.shape[1:] == (3, 32, 32)
    assert (
        train.images.dtype == torch.float32 and 0 <= train.images.min() <= train.images.max() <= 1
    )
    assert len(train.images) + len(test.images) == 60 and 1 <= len(test.images) <= 15
    assert data.find_source(str(root)).classes == ("cat", "dog")
    counts = train.labels.bincount(minlength=2) + test.labels.bincount(minlength=2)
    assert counts.tolist() == [30, 30]
    assert data.problems(str(root), side=32, channels=3) == ()


def test_each_label_belongs_to_its_picture(tmp_path: Path) -> None:
    for name, value in (("black", 0), ("white", 255)):
        for n in range(20):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("L", (9, 9), value).save(tmp_path / name / f"{n}.png")
    for split in data.SPLITS:
        images, labels = load_dataset(str(tmp_path), split)
        assert torch.equal(images.mean((1, 2, 3)), labels.float())


def test_without_class_folders_all_are_one_class(fill: Fill) -> None:
    root = fill(*many("", 5), "below/x.png")
    assert data.find_source(str(root)).classes == ("image",)
    images, labels = load_dataset(str(root), "train")
    assert images.shape[1:] == (1, 28, 28) and not labels.any()


def test_the_order_mixes_the_classes(fill: Fill) -> None:
    labels = load_dataset(str(fill(*many("a/", 40), *many("b/", 40))), "train").labels
    assert 0.2 < labels[:30].float().mean() < 0.8


@given(st.lists(st.tuples(st.integers(0, 4), st.text(min_size=1)), min_size=2, unique=True))
def test_the_split_depends_on_the_names_alone(items: list[tuple[int, str]]) -> None:
    names = tuple(f"{label}/{text}" for label, text in items)
    labels = [label for label, _ in items]
    is_test = folder.split(names, labels)
    assert any(is_test) and not all(is_test)
    turned = folder.split(names[::-1], labels[::-1])
    assert turned[::-1] == is_test
    counts = {label: labels.count(label) for label in labels}
    if max(counts.values()) > 1:  # else somebody has to be the test
        for label in counts:
            assert any(not test for test, of in zip(is_test, labels, strict=True) if of == label)


def test_about_a_tenth_is_for_the_test() -> None:
    names = tuple(f"photo-{n}.jpg" for n in range(5000))
    assert 0.08 < np.mean(folder.split(names, [0] * 5000)) < 0.12


def test_other_processes_make_the_same_split(fill: Fill) -> None:
    root = fill(*many("x", 40))
    code = (
        "import sys; from core.data import load_dataset; "
        "print(load_dataset(sys.argv[1], 'test').images.double().sum().item())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONHASHSEED": "7"}, cwd=Path(data.__file__).parent.parent,
    )  # fmt: skip
    ours = load_dataset(str(root), "test").images.double().sum().item()
    assert float(run.stdout) == pytest.approx(ours)


def test_new_files_move_no_old_one(fill: Fill) -> None:
    def tests(root: Path) -> set[str]:
        found = folder._read_folder(str(root), 28, 1, lambda done, total: None)
        return {name for name, test in zip(found.names, found.is_test, strict=True) if test}

    before = tests(fill(*many("a", 60)))
    after = tests(fill(*many("b", 60)))
    assert {name for name in after if name.startswith("a")} == before


def test_the_second_load_is_the_same_memory(fill: Fill) -> None:
    root = str(fill(*many("x", 12)))
    heard: list[int] = []
    first = load_dataset(root, "train", on_step=lambda done, total: heard.append(total))
    assert heard == [12] * 12
    second = load_dataset(root, "train", on_step=lambda done, total: heard.append(total))
    assert len(heard) == 12 and first.images.data_ptr() == second.images.data_ptr()


def refused(path: Path, **options: int) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(str(path), "train", **options)  # type: ignore[arg-type]
    return str(caught.value)


def test_folders_of_no_use(fill: Fill, tmp_path: Path) -> None:
    assert "There is no folder" in refused(tmp_path / "none")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"{empty} is empty" in refused(empty)
    (empty / "list.csv").write_text("a,b")
    (empty / "README").write_text("hello")
    told = refused(empty)
    assert "holds no images" in told and "1 .csv" in told and "1 no suffix" in told
    (empty / "file.png").write_text("text")
    assert "is a file" in refused(empty / "file.png")
    assert "no image that can be read" in refused(empty) and "file.png (no image)" in refused(empty)
    told = refused(fill("alone.png"))
    assert "only one image, alone.png" in told and "at least one each" in told


def test_sizes_that_are_not_made(fill: Fill) -> None:
    root = fill(*many("x", 3))
    assert "asked for 30 pixels" in refused(root, side=30)
    assert "2 channels" in refused(root, channels=2)


def test_what_is_left_out_is_counted_and_named(fill: Fill) -> None:
    root = fill(*many("x", 9))
    for n in range(5):
        (root / f"bad{n}.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    (root / "notes.txt").write_text("")
    cut = (root / "x000.png").read_bytes()[:-30]
    (root / "cut.png").write_bytes(cut)
    train, test = (load_dataset(str(root), split) for split in data.SPLITS)
    assert len(train.images) + len(test.images) == 9
    first, second = data.problems(str(root))
    assert first.startswith("6 files are not readable and left out: bad0.jpg (no image), ")
    assert first.endswith("and 3 more.")
    assert second == "1 file is no image and left out (1 .txt)."


def test_hidden_files_and_rubbish_are_passed_over_in_silence(fill: Fill) -> None:
    root = fill(*many("x", 4), ".thumbs/a.png", "__MACOSX/x000.png", ".hidden.png")
    (root / "Thumbs.db").write_bytes(b"")
    assert len(folder.scan(str(root)).files) == 4 and not data.problems(str(root))


def test_links_that_lead_in_a_circle(fill: Fill) -> None:
    root = fill(*many("a/", 3), *many("b/", 3))
    (root / "a" / "up").symlink_to(root, target_is_directory=True)
    (root / "b" / "self").symlink_to(root / "b", target_is_directory=True)
    (root / "b" / "broken.png").symlink_to(root / "nothing.png")
    assert len(folder.scan(str(root)).files) == 7
    assert "b/broken.png (the file is gone)" in data.problems(str(root))[0]


def test_linked_folders_are_followed(fill: Fill, tmp_path: Path) -> None:
    root = fill(*many("a/", 3))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Image.new("L", (9, 9)).save(elsewhere / "x.png")
    (root / "b").symlink_to(elsewhere, target_is_directory=True)
    assert data.find_source(str(root)).classes == ("a", "b")


def test_a_pipe_is_not_waited_for(fill: Fill) -> None:
    root = fill(*many("x", 3))
    os.mkfifo(root / "pipe.png")
    assert len(folder.scan(str(root)).files) == 3


def test_mixed_sizes_and_modes(fill: Fill) -> None:
    root = fill(*many("x", 4))
    Image.new("L", (300, 20), 90).save(root / "wide.png")
    Image.new("RGBA", (5, 70), (9, 9, 9, 0)).save(root / "tall.png")
    images = torch.cat(
        [load_dataset(str(root), s, side=64, channels=3).images for s in data.SPLITS]
    )
    assert images.shape == (6, 3, 64, 64)


def test_a_class_with_a_single_image_goes_to_training(fill: Fill) -> None:
    root = fill(*many("a/", 30), "b/only.png")
    assert 1 in load_dataset(str(root), "train").labels
    assert any("one image, for training only: b" in said for said in data.problems(str(root)))


def test_images_beside_class_folders_are_left_out(fill: Fill) -> None:
    root = fill(*many("a/", 5), *many("b/", 5), "stray.png")
    assert len(folder.scan(str(root)).files) == 10
    assert any("1 image lies beside" in said for said in data.problems(str(root)))


def test_a_data_set_that_is_split_already_is_noticed(fill: Fill) -> None:
    root = fill(*many("train/", 5), *many("test/", 5))
    assert any("split into training and test is made here" in p for p in data.problems(str(root)))


def test_too_many_classes_are_one(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "CLASSES", folder.CLASSES._replace(most=2))
    root = fill("a/1.png", "b/1.png", "c/1.png")
    assert data.find_source(str(root)).classes == ("image",)
    assert any("3 class folders" in said for said in data.problems(str(root)))


def test_more_than_memory_holds(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "FOLDER_BYTES", folder.FOLDER_BYTES._replace(most=3 * 28 * 28 * 4))
    root = fill(*many("x", 4))
    told = refused(root)
    assert "holds 4 images, which take" in told and "shuffles a copy" in told
    monkeypatch.setattr(folder, "fitted_file", lambda *rest: pytest.fail("a file was read"))
    refused(root)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mnist", False),
        ("mnits", False),
        ("./mnist", True),
        ("/x/y", True),
        ("~/x", True),
        (".", True),
    ],
)
def test_names_and_paths(name: str, expected: bool) -> None:
    assert data.is_folder(name) == expected


def test_a_folder_is_kept_by_its_absolute_path(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fill(*many("x", 2))
    monkeypatch.chdir(root.parent)
    assert data.dataset_id("pictures") == data.dataset_id("./pictures") == str(root)
    assert data.short_name("pictures") == "pictures" and data.dataset_id("mnist") == "mnist"
