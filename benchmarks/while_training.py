"""The live channel while a training runs beside it, started as the Train panel starts one.

python benchmarks/while_training.py
python benchmarks/while_training.py --threads 1    # of the training; else what the panel gives it

The drags of live_drag.py, first with nothing else, then while the tutorial's network is trained on
the same machine. Also how many images a second the training gets, alone and under the drags. What
else the machine was doing (load) is said, for a third process would be measured too.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from driver import Server, chromium, report
from live_drag import Measure, measure_brush, measure_map, measure_slider, measured
from playwright.sync_api import Browser

from explorer import naming, run_files, training_processes, trainings

GOAL = 33.0  # ms, 95th percentile
EPOCHS = 1000  # more than the drags last
WARM = 15  # s of training before anything is measured
MEASURES: dict[str, Measure] = {
    "slider": partial(measure_slider, True), "map": measure_map, "brush": measure_brush
}  # fmt: skip


@contextmanager
def training(threads: int | None) -> Iterator[str]:
    """A run by the panel's own code; nothing of it is left."""
    if threads:
        training_processes.THREADS = threads
    name = naming.free_name("benchmark-while-training")
    trainings.enqueue(name, ["--epochs", str(EPOCHS)])
    try:
        while not images_per_second(name):
            run = trainings.find(name)
            assert run and run.alive, f"The training ended: {run and run.reason}"
            time.sleep(0.5)
        time.sleep(WARM)
        yield name
    finally:
        trainings.stop(name)
        while (run := trainings.find(name)) and run.alive:
            time.sleep(0.2)
        trainings.discard(name)


def images_per_second(name: str) -> float:
    progress = run_files.progress(trainings.folder(name))
    return (progress.images_per_second or 0.0) if progress else 0.0


def seen(name: str) -> tuple[float, float]:
    """Images that a run has learnt from so far, in epochs, and when that was said."""
    progress = run_files.progress(trainings.folder(name))
    assert progress and progress.steps
    return progress.epoch - 1 + progress.step / progress.steps, progress.updated


def drags(browser: Browser, when: str) -> list[dict[str, object]]:
    keys = ("page", "input events", "painted %", "p50 ms", "p95 ms")
    rows = []
    for measure in MEASURES.values():
        load = os.getloadavg()[0]
        found = measured(browser, Server(), measure)
        rows.append({"when": when, **{key: found[key] for key in keys}, "load before": load})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="The live channel while a training runs.")
    parser.add_argument("--threads", type=int, help="torch threads of the training")
    threads = parser.parse_args().threads
    with chromium() as browser:
        rows = drags(browser, "nothing else")
        with training(threads) as name:
            before = seen(name)
            rows += drags(browser, "training")
            after = seen(name)
    rate = 60_000 * (after[0] - before[0]) / (after[1] - before[1])
    worst = max(float(str(row["p95 ms"])) for row in rows if row["when"] == "training")
    report(rows, training_images_per_second=rate, worst_p95_ms=worst, goal_ms=GOAL)


if __name__ == "__main__":
    main()
