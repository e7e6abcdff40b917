"""The library of checkpoints: safe names, nothing overwritten, nothing outside touched."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import VAE, load_checkpoint
from core.checkpoint import CheckpointError, list_checkpoints
from core.library import (
    DELETED,
    add_checkpoint,
    checked_name,
    delete_checkpoint,
    files_of,
    free_name,
    is_training,
    pack_checkpoint,
    parameter_count,
    read_history,
    rename_checkpoint,
)
from core.limits import NAME


@pytest.fixture
def two(checkpoints: Path, make_checkpoint: Callable[..., str]) -> Path:
    """checkpoints/ with tiny-2 and tiny-3."""
    make_checkpoint(2)
    make_checkpoint(3)
    return checkpoints


def everything(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def running(folder: Path, pid: int, updated: float) -> None:
    value = {"state": "running", "pid": pid, "updated": updated}
    (folder / "progress.json").write_text(json.dumps(value))


@pytest.fixture
def trainer() -> Iterator[Callable[[str], int]]:
    """trainer(name) -> the pid of a process whose command line is that of a training."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> int:
        words = ["-c", "print(flush=True); import time; time.sleep(600)", "core", "train"]
        process = subprocess.Popen([sys.executable, *words, "--name", name], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "/etc", ".hidden", "-rf", "a b", "é", "a\n", "nul",
     "COM1.txt", "x" * (NAME.most + 1), "a:b", "~", "*"],
)  # fmt: skip
def test_names_that_are_refused(two: Path, name: str) -> None:
    before = everything(two)
    with pytest.raises(CheckpointError, match="cannot be called"):
        checked_name(name)
    with pytest.raises(CheckpointError):
        rename_checkpoint("tiny-2", name)
    with pytest.raises(CheckpointError):
        add_checkpoint(name, VAE(h_dim=4, z_dim=2))
    assert everything(two) == before


@pytest.mark.parametrize("name", ["a", "my-model_2.1", "x" * NAME.most, "0"])
def test_names_that_are_taken(two: Path, name: str) -> None:
    assert rename_checkpoint("tiny-2", name) == two / name
    assert list_checkpoints(two) == sorted([name, "tiny-3"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=80))
def test_a_free_name_is_always_a_good_one(two: Path, wanted: str) -> None:
    name = free_name(wanted)
    assert checked_name(name) == name


def test_free_names_are_numbered(two: Path) -> None:
    assert free_name("tiny-2") == "tiny-2-2"
    assert free_name("My model (1).ckpt") == "My-model-1-.ckpt"
    assert free_name("///") == "model"


def test_renaming_keeps_every_byte(two: Path) -> None:
    before = {key.removeprefix("tiny-2/"): value for key, value in everything(two).items()}
    rename_checkpoint("tiny-2", "other")
    after = {key.removeprefix("other/"): value for key, value in everything(two).items()}
    assert after == before
    assert load_checkpoint("other").z_dim == 2


@pytest.mark.parametrize("name", ["tiny-3", "TINY-3", "file"])
def test_renaming_overwrites_nothing(two: Path, name: str) -> None:
    (two / "file").write_text("mine")
    before = everything(two)
    with pytest.raises(CheckpointError, match="already"):
        rename_checkpoint("tiny-2", name)
    with pytest.raises(CheckpointError, match="already"):
        add_checkpoint(name, VAE(h_dim=4, z_dim=2))
    assert everything(two) == before


@pytest.mark.parametrize("name", ["nope", "../tiny-2", "tiny-2/", ".", ""])
def test_only_what_is_listed_is_changed(two: Path, name: str) -> None:
    before = everything(two)
    for change in (delete_checkpoint, pack_checkpoint, lambda n: rename_checkpoint(n, "new")):
        with pytest.raises(CheckpointError, match="no model"):
            change(name)
    assert everything(two) == before


def test_deleting_takes_the_folder_and_nothing_else(two: Path) -> None:
    rest = {key: value for key, value in everything(two).items() if "tiny-2" not in key}
    delete_checkpoint("tiny-2")
    assert everything(two) == rest
    assert [path.name for path in two.iterdir()] == ["tiny-3"]


def test_the_last_one_stays(two: Path) -> None:
    delete_checkpoint("tiny-2")
    with pytest.raises(CheckpointError, match="last one cannot be deleted"):
        delete_checkpoint("tiny-3")
    assert list_checkpoints(two) == ["tiny-3"]


def test_links_are_never_followed(two: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(two / "tiny-2", outside)
    (two / "linked").symlink_to(outside, target_is_directory=True)
    before = everything(outside)
    for change in (delete_checkpoint, lambda name: rename_checkpoint(name, "new")):
        with pytest.raises(CheckpointError, match="is a link"):
            change("linked")
    (two / "tiny-3" / "inner").symlink_to(outside, target_is_directory=True)
    (two / "tiny-3" / "metrics.json").symlink_to(outside / "config.json")
    packed = zipfile.ZipFile(io.BytesIO(pack_checkpoint("tiny-3"))).namelist()
    assert "tiny-3/metrics.json" not in packed
    assert "inner" in [file for file, _ in files_of("tiny-3")]
    delete_checkpoint("tiny-3")
    assert everything(outside) == before


def test_a_file_that_goes_while_it_is_listed_is_left_out(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training writes its progress beside it first, every second."""
    (two / "tiny-2" / ".progress.json.1.tmp").touch()
    lstat = Path.lstat

    def gone(path: Path) -> os.stat_result:
        if path.suffix == ".tmp":
            raise FileNotFoundError(path)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", gone)
    assert [file for file, _ in files_of("tiny-2")] == sorted(
        ["config.json", "map.npz", "model.safetensors"]
    )


def test_a_deletion_that_was_cut_short_is_finished_by_the_next(two: Path) -> None:
    left = two / f"{DELETED}abc"
    shutil.copytree(two / "tiny-2", left / "old")
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]  # it is out of the list
    delete_checkpoint("tiny-2")
    assert [path.name for path in two.iterdir()] == ["tiny-3"]


def test_a_folder_that_cannot_be_moved_is_a_sentence(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be renamed \(Permission denied\)"):
        rename_checkpoint("tiny-2", "new")
    with pytest.raises(CheckpointError, match=r"cannot be deleted \(Permission denied\)"):
        delete_checkpoint("tiny-2")
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]


def test_a_running_training_is_left_alone(two: Path, trainer: Callable[[str], int]) -> None:
    running(two / "tiny-2", trainer("tiny-2"), 0.0)
    for change in (delete_checkpoint, lambda name: rename_checkpoint(name, "new")):
        with pytest.raises(CheckpointError, match="is being trained"):
            change("tiny-2")
    assert list_checkpoints(two) == ["tiny-2", "tiny-3"]


def test_a_training_whose_process_is_gone_is_over(two: Path, trainer: Callable[[str], int]) -> None:
    folder = two / "tiny-2"
    assert not is_training(folder)
    running(folder, dead_pid(), time.time() - 3600)
    assert not is_training(folder)
    running(folder, dead_pid(), time.time())  # in another container its process is not seen
    assert is_training(folder)
    running(folder, dead_pid(), time.time() + 3600)  # the clock was set back since
    assert not is_training(folder)
    for pid in (os.getpid(), trainer("tiny-3"), 0, -1, 2**70):  # the number is another's by now
        running(folder, pid, 0.0)
        assert not is_training(folder)
    running(folder, trainer("tiny-2"), 0.0)
    assert is_training(folder)
    over = {"state": "finished", "pid": trainer("tiny-2")}
    (folder / "progress.json").write_text(json.dumps(over))
    assert not is_training(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": "running"}', "null", "\x00"])
def test_a_progress_file_that_says_nothing(two: Path, text: str) -> None:
    (two / "tiny-2" / "progress.json").write_text(text)
    assert not is_training(two / "tiny-2")


def test_the_zip_unpacks_to_the_same_model(two: Path, tmp_path: Path) -> None:
    (two / "tiny-2" / "history.json").write_text('{"epochs": []}')
    (two / "tiny-2" / "training.pt").write_bytes(b"only for resuming")
    archive = zipfile.ZipFile(io.BytesIO(pack_checkpoint("tiny-2")))
    assert archive.testzip() is None
    names = ["config.json", "model.safetensors", "history.json", "map.npz"]
    assert archive.namelist() == [f"tiny-2/{name}" for name in names]
    archive.extractall(tmp_path / "elsewhere")
    for name, value in load_checkpoint("tiny-2").state_dict().items():
        again = load_checkpoint(tmp_path / "elsewhere" / "tiny-2")
        assert torch.equal(again.state_dict()[name], value)


def test_a_new_model_is_kept_and_loads(two: Path, tiny: VAE) -> None:
    folder = add_checkpoint("mine", tiny, dataset="mnist", source="uploaded from a.safetensors")
    assert folder == two / "mine"
    assert json.loads((folder / "config.json").read_text())["source"].startswith("uploaded")
    for name, value in load_checkpoint("mine").state_dict().items():
        assert torch.equal(tiny.state_dict()[name], value)


def test_a_new_model_that_cannot_be_written_leaves_nothing(
    two: Path, tiny: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.library.save_checkpoint", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        add_checkpoint("mine", tiny)
    assert not (two / "mine").exists()


def test_parameters_are_counted_without_loading(two: Path) -> None:
    expected = sum(p.numel() for p in load_checkpoint("tiny-3").parameters())
    assert parameter_count(two / "tiny-3") == expected
    (two / "tiny-3" / "model.safetensors").write_bytes(b"short")
    with pytest.raises(CheckpointError, match="no intact safetensors"):
        parameter_count(two / "tiny-3")


def test_a_history_is_read_and_what_is_no_number_left_out(two: Path) -> None:
    folder = two / "tiny-2"
    assert read_history(folder) == []
    epochs = [{"epoch": 1, "kl": 2.5, "kl_per_dim": [1], "note": "x"}, {"epoch": 2, "kl": None}]
    (folder / "history.json").write_text(json.dumps({"epochs": epochs}))
    assert read_history(folder) == [{"epoch": 1.0, "kl": 2.5}, {"epoch": 2.0}]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"epochs": 3}', '{"epochs": [1]}'])
def test_a_damaged_history_is_a_sentence(two: Path, text: str) -> None:
    (two / "tiny-2" / "history.json").write_text(text)
    with pytest.raises(CheckpointError, match="history.json is damaged"):
        read_history(two / "tiny-2")
