"""Straight lines, arcs and geodesics between random pairs of test digits.

python benchmarks/walks.py

Every method walks between the same pairs (seed 0). Lengths are how far the pictures travel, in
pixel space, relative to the straight line of the same pair; unevenness is the standard deviation
of the steps over their mean. Means over the pairs; the time is that of the geodesic.
"""

import time

import torch
from driver import report

from core import load_checkpoint
from core.checkpoint import CHECKPOINTS, load_map
from core.walk import METHODS, walk

MODELS = ("mnist-mlp-2", "mnist-mlp-20", "mnist-res-32", "mnist-conv-32")
PAIRS, PICTURES = 25, 16


def main() -> None:
    torch.set_num_threads(1)
    rows: list[dict[str, object]] = []
    for name in MODELS:
        model, encoded = load_checkpoint(name), load_map(CHECKPOINTS / name)
        assert encoded is not None
        generator = torch.Generator().manual_seed(0)
        lengths, uneven = torch.empty(PAIRS, len(METHODS)), torch.empty(PAIRS, len(METHODS))
        seconds = 0.0  # of the geodesics
        for pair in range(PAIRS):
            keys = encoded.mu[torch.randperm(len(encoded.mu), generator=generator)[:2]]
            for at, method in enumerate(METHODS):
                start = time.perf_counter()
                found = walk(model, method, keys, PICTURES)
                if method == "geodesic":
                    seconds += time.perf_counter() - start
                lengths[pair, at], uneven[pair, at] = found.total, found.unevenness
        relative = (lengths / lengths[:, :1]).mean(0).tolist()
        row: dict[str, object] = {"checkpoint": name}
        for at, method in enumerate(METHODS):
            row[f"{method} length"] = relative[at]
            row[f"{method} unevenness %"] = 100 * float(uneven[:, at].mean())
        rows.append(row | {"geodesic s": seconds / PAIRS})
    report(rows, pairs=PAIRS, pictures=PICTURES)


if __name__ == "__main__":
    main()
