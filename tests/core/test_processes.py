"""What processes say to each other; that several do is in test_distributed."""

from datetime import timedelta

import accelerate
import pytest
import torch
from torch.backends import mps

from core.processes import ProcessError, Processes, join


def test_alone_everything_is_mine() -> None:
    alone = Processes()
    assert alone.is_main and alone.share([3, 4, 5]) == [3, 4, 5]
    assert alone.gather({5: "b", 3: "a"}) == ["a", "b"]
    assert alone.on_main(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        alone.on_main(lambda: 1 // 0)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("blocks", [0, 1, 2, 10])
def test_blocks_are_dealt_once_and_evenly(count: int, blocks: int) -> None:
    shares = [Processes(index, count).share(list(range(blocks))) for index in range(count)]
    assert sorted(block for share in shares for block in share) == list(range(blocks))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_launch_that_starts_one_process_only_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """`accelerate launch --cpu --num_processes 2`: it would train alone, and nobody would know."""
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(ProcessError, match="torchrun --nproc_per_node 2"):
        join()


def test_only_a_lost_connection_is_blamed_on_others() -> None:
    both = Processes(0, 2)
    with pytest.raises(ValueError, match="Another process"), both.together(ValueError):
        raise RuntimeError("[gloo] Connection closed by peer [127.0.0.1]:1")
    with pytest.raises(RuntimeError, match="shapes"), both.together(ValueError):
        raise RuntimeError("shapes differ")
    with pytest.raises(RuntimeError, match="Connection"), Processes().together(ValueError):
        raise RuntimeError("Connection of nobody")


def test_a_macs_gpu_which_has_no_float64_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Alone:
        process_index, num_processes, device = 0, 1, torch.device("cpu")

        def __init__(self, *, cpu: bool, timeout: timedelta) -> None:
            asked.append(cpu)

    monkeypatch.setattr(accelerate, "PartialState", Alone)
    join()
    monkeypatch.setattr(mps, "is_available", lambda: True)
    join()
    assert asked == [False, True]
