"""What is too long for `make test`: make torture, or python -m tests.torture [--only NAME ...]

Each of the tortures is a module here whose `rows(scale, seed)` yields the lines of the table; the
tests beside them run the same code at a small scale. Whatever is lost is told with the seed that
makes it again, and the exit status is 1.
"""

import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tyro

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # driver.py: server and browser
from tests.torture.tally import Row, table

TORTURES = ("uploads", "digits", "checkpoints", "channel", "load", "faults")
BEGIN, END = "<!-- table -->", "<!-- end of table -->"  # where it stands in a page


def around_the_table(page: Path) -> tuple[str, str]:
    """What stands before and after the place of the table in a page of Markdown."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page} has no place for a table, from {BEGIN} to {END}.")
    return before + BEGIN, END + after


def main(
    only: Sequence[str] = TORTURES, scale: float = 1.0, seed: int = 0, out: Path | None = None
) -> int:
    """Try everything that may break a server.

    Args:
        only: which tortures, of uploads, digits, checkpoints, channel, load and faults.
        scale: a share of the published counts; 0.01 is a look.
        seed: of everything that is random.
        out: a file of Markdown whose table this one takes the place of, as docs/torture.md.
    """
    if unknown := set(only) - set(TORTURES):
        print(f"There is no torture {unknown.pop()}; there are {', '.join(TORTURES)}.")
        return 2
    around = around_the_table(out) if out else None  # now, not after hours
    tried: list[Row] = []

    def all_rows() -> Iterator[Row]:
        for name in only:
            print(f"{name} ...", file=sys.stderr)
            started = time.monotonic()
            for row in importlib.import_module(f"tests.torture.{name}").rows(scale, seed):
                tried.append(row)
                yield row
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)

    lines = []
    for line in table(all_rows()):
        print(line, flush=True)
        lines.append(line)
    if out and around:
        out.write_text("\n".join([around[0], *lines, around[1]]), encoding="utf-8")
    return 0 if all(row.held for row in tried) else 1


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
