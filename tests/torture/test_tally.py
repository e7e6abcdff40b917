"""The table of what was tried counts truly."""

import pytest

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
