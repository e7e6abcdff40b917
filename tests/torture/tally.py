"""What a torture is counted in: rows of tried and survived, a sentence for each that was lost."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

NAMED = 20  # losses of a row that are told; the rest is counted


class Row(NamedTuple):
    """One line of the table."""

    what: str
    tried: int
    survived: int
    note: str = ""  # what was measured beside it, with its unit and its ceiling
    lost: tuple[str, ...] = ()  # how to make each loss again, and what happened

    @property
    def held(self) -> bool:
        return self.tried > 0 and self.survived == self.tried and not self.lost


@dataclass
class Tally:
    """Counts one row while it is tried.

    with tally.attempt("seed 17, a PNG cut at byte 40"): anything raised is one loss.
    """

    what: str
    tried: int = 0
    survived: int = 0
    note: str = ""
    lost: list[str] = field(default_factory=list)

    def attempt(self, how: str) -> "_Attempt":
        return _Attempt(self, how)

    def demand(self, holds: bool, sentence: str) -> None:
        """A condition on the whole row, such as a ceiling of memory; no attempt of its own."""
        if not holds:
            self.lost.append(sentence)

    def row(self) -> Row:
        return Row(self.what, self.tried, self.survived, self.note, tuple(self.lost))


class _Attempt:
    def __init__(self, tally: Tally, how: str) -> None:
        self.tally, self.how = tally, how

    def __enter__(self) -> None:
        self.tally.tried += 1

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            self.tally.survived += 1
            return False
        if not isinstance(error, Exception):  # Ctrl-C is no loss
            return False
        self.tally.lost.append(f"{self.how}: {type(error).__name__}: {error}")
        return True


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Lines of Markdown, each as soon as its row is known."""
    yield "| tortured | tried | survived | measured |"
    yield "|---|---|---|---|"
    for row in rows:
        yield f"| {row.what} | {row.tried:,} | {row.survived:,} | {row.note} |"
        for sentence in row.lost[:NAMED]:
            print(f"LOST {row.what}: {sentence}", file=sys.stderr)
        if len(row.lost) > NAMED:
            print(f"LOST {row.what}: {len(row.lost) - NAMED} more", file=sys.stderr)
