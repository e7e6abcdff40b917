"""A few of the checkpoints of `make torture`, and that the torture itself can fail."""

import pickle
import random
from pathlib import Path

import pytest

from tests.torture import checkpoint_files, checkpoints
from tests.torture.checkpoint_files import Case


@pytest.fixture(autouse=True)
def own_checkpoints(checkpoints: Path) -> Path:
    """What is patched in this process is put back."""
    return checkpoints


def test_every_checkpoint_loads_rightly_or_ends_in_a_sentence() -> None:
    for row in checkpoints.rows(0.003, 0):
        assert row.held, (row.what, row.lost)


def test_what_should_load_and_does_not_is_noticed(tmp_path: Path) -> None:
    good = checkpoint_files.make(tmp_path / "good")
    checkpoints.load(good, Case("whole", "config.json", good["config.json"]), True)
    with pytest.raises(AssertionError, match="sentence"):
        checkpoints.load(good, Case("empty", "config.json", b"{}"), True)


def test_a_payload_that_runs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def runs(good: Path, content: bytes) -> None:
        try:
            pickle.loads(content)
        except Exception:  # most layouts are no pickles
            return

    monkeypatch.setattr(checkpoints, "_try_payload", runs)
    lost = checkpoints._payloads(tmp_path, 0.003, random.Random(0)).lost
    assert any("it ran" in sentence for sentence in lost)
