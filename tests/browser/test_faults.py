"""The faults of tests/torture/faults.py, once: said on the page, mended by itself, nothing lost."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.torture import faults
from tests.torture.faults import Place


@pytest.fixture(scope="module")
def at(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with faults.place(browser, tmp_path_factory.mktemp("faults")) as found:
        yield found


@pytest.mark.parametrize(
    "fault",
    [
        faults.killed_while_painting, faults.killed_in_a_training, faults.killed_in_a_map,
        faults.disk_full, faults.clock_jumps,
        lambda at, random: faults.wire_cut(at, random, 2),
    ],
)  # fmt: skip
def test_a_fault(at: Place, fault: Callable[[Place, np.random.Generator], None]) -> None:
    fault(at, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("panel", "change"),
    [("walk", faults._replace), ("", faults._retrain), ("repair", faults._delete)],
)
def test_a_checkpoint_changes_under_the_page(
    at: Place, panel: str, change: Callable[[Place], str]
) -> None:
    faults.checkpoint_changes(at, panel, change)
