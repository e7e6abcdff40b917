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


def main(only: Sequence[str] = TORTURES, scale: float = 1.0, seed: int = 0) -> int:
    """Try everything that may break a server.

    Args:
        only: which tortures, of uploads, digits, checkpoints, channel, load and faults.
        scale: a share of the published counts; 0.01 is a look.
        seed: of everything that is random.
    """
    if unknown := set(only) - set(TORTURES):
        print(f"There is no torture {unknown.pop()}; there are {', '.join(TORTURES)}.")
        return 2
    tried: list[Row] = []

    def all_rows() -> Iterator[Row]:
        for name in only:
            print(f"{name} ...", file=sys.stderr)
            started = time.monotonic()
            for row in importlib.import_module(f"tests.torture.{name}").rows(scale, seed):
                tried.append(row)
                yield row
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)

    for line in table(all_rows()):
        print(line, flush=True)
    return 0 if all(row.held for row in tried) else 1


if __name__ == "__main__":
    sys.exit(tyro.cli(main))
