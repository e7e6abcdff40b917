"""A folder is one run's."""

import threading
from pathlib import Path

import pytest

from core.checkpoint import CheckpointError
from core.claim import OF_A_RUN, TakenError, claimed


@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_run_or_half_of_one_is_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"somebody's")
    refused = pytest.raises(TakenError, match=rf"already holds a model \({name}\).*another --name")
    with refused, claimed(tmp_path, resume=False):
        pass
    with claimed(tmp_path, resume=True):
        pass
    assert (tmp_path / name).read_bytes() == b"somebody's"


def test_what_a_start_that_was_killed_left_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text("{}")
    with claimed(tmp_path, resume=False):
        pass


@pytest.mark.parametrize("resume", [True, False])
def test_two_never_train_in_one_folder(tmp_path: Path, resume: bool) -> None:
    with claimed(tmp_path / "run", resume=False):
        refused = pytest.raises(TakenError, match="being trained by another process")
        with refused, claimed(tmp_path / "run", resume=resume):
            pass
    with claimed(tmp_path / "run", resume=False):
        pass  # given back


def test_of_many_that_start_at_once_one_gets_it(tmp_path: Path) -> None:
    barrier, over = threading.Barrier(8), threading.Barrier(8)
    got: list[bool] = []

    def start() -> None:
        barrier.wait()
        try:
            with claimed(tmp_path / "run", resume=False):
                got.append(True)
                over.wait()
        except TakenError:
            got.append(False)
            over.wait()

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(CheckpointError, match="cannot be written .*Make it writable"),
        claimed(tmp_path / "file" / "run", resume=False),
    ):
        pass
