"""The journal: what a killed process wrote is read again, what it tore is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.journal import Journal

KEY = {"seed": 0, "weights": "abc"}


def test_results_come_back_exactly_from_all_processes(tmp_path: Path) -> None:
    for index in range(3):
        Journal(tmp_path, "work", KEY, index).write(index, {"sum": 0.1 + index, "row": [1 / 3]})
    known = Journal(tmp_path, "work", KEY).known
    assert known == {i: {"sum": 0.1 + i, "row": [1 / 3]} for i in range(3)}
    assert Journal(tmp_path, "work", KEY | {"seed": 1}).known == {}
    Journal(tmp_path, "work", KEY).remove()
    assert list(tmp_path.iterdir()) == []


@given(st.integers(1, 200))
def test_a_torn_line_is_no_result_and_spoils_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, "work", KEY)
    journal.write(0, [0.5])
    journal.write(1, [1.5])
    whole = journal.file.read_bytes()
    journal.file.write_bytes(whole[:-cut])
    again = Journal(folder, "work", KEY)
    assert set(again.known) <= {0, 1} and all(again.known[b] == [b + 0.5] for b in again.known)
    again.write(2, [2.5])
    assert Journal(folder, "work", KEY).known == again.known | {2: [2.5]}


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "work.0.jsonl").write_bytes(b'null\n[1]\n{"key": 1}\n\xff\xfe\n{"block": "x"}\n')
    assert Journal(tmp_path, "work", KEY).known == {}
