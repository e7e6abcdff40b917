"""The table of what was tried counts truly."""

from pathlib import Path

import pytest

from tests.torture.__main__ import BEGIN, END, around_the_table
from tests.torture.tally import Row, Tally, table


def test_what_raises_is_lost_and_told():
    tally = Tally("pictures")
    with tally.attempt("seed 1"):
        pass
    with tally.attempt("seed 2"):
        raise ValueError("no")
    row = tally.row()
    assert (row.tried, row.survived, row.lost) == (2, 1, ("seed 2: ValueError: no",))
    assert not row.held


def test_a_condition_on_the_whole_row():
    tally = Tally("pictures", tried=1, survived=1)
    tally.demand(True, "never said")
    assert tally.row().held
    tally.demand(False, "memory grew by 900 MB; 100 are allowed")
    assert not tally.row().held


def test_nothing_tried_is_nothing_held():
    assert not Tally("pictures").row().held


def test_ctrl_c_is_no_loss():
    tally = Tally("pictures")
    with pytest.raises(KeyboardInterrupt), tally.attempt("seed 1"):
        raise KeyboardInterrupt
    assert not tally.lost


def test_losses_stand_beside_the_table(capsys: pytest.CaptureFixture[str]):
    lines = list(table([Row("pictures", 3000, 2999, "peak 10 MB", ("seed 7: cut",))]))
    assert lines[-1] == "| pictures | 3,000 | 2,999 | peak 10 MB |"
    assert "seed 7: cut" in capsys.readouterr().err


def test_the_table_has_a_place_in_its_page(tmp_path: Path):
    before, after = around_the_table(Path(__file__).parents[2] / "docs" / "torture.md")
    assert before.endswith(BEGIN) and after.startswith(END)
    page = tmp_path / "page.md"
    page.write_text("no place")
    with pytest.raises(ValueError, match="no place for a table"):
        around_the_table(page)
