"""The processes that work on one thing together, as torchrun or `accelerate launch` start them.

    torchrun --nproc_per_node 2 -m core evaluate mnist-mlp-20 --nll 5000

Work is cut into blocks that are dealt round robin and whose randomness comes from (seed, block), so
that a result does not depend on how many processes there were. Nothing here knows what a block is.
"""

import atexit
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import accelerator
from torch.backends import mps

Result = TypeVar("Result")
PATIENCE = timedelta(days=2)  # one may finish its blocks long before another
MPI_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "WORLD_SIZE")


class ProcessError(Exception):
    """The processes cannot work together; the message says what to do."""


@dataclass(frozen=True)
class Processes:
    """Which process this is, of how many; by itself if nobody launched others."""

    index: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """The one that prints and writes files."""
        return self.index == 0

    @property
    def bar(self) -> dict[str, Any]:
        """What a tqdm bar is given so that only one is shown, and none where the environment says
        so (TQDM_DISABLE), which an argument would overrule."""
        return {"dynamic_ncols": True} if self.is_main else {"disable": True}

    def share(self, blocks: list[int]) -> list[int]:
        """Those of the blocks that this process does."""
        return blocks[self.index :: self.count]

    def gather(self, done: Mapping[int, Result]) -> list[Result]:
        """What all processes have `done`, block by block in order; on every process alike."""
        parts: list[Mapping[int, Result] | None] = [done]
        if self.count > 1:
            parts = [None] * self.count
            torch.distributed.all_gather_object(parts, done)
        whole = {block: result for part in parts if part for block, result in part.items()}
        return [whole[block] for block in sorted(whole)]

    def on_main(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises in the main process, on every process alike."""
        outcome: list[Any] = [None, None]
        if self.is_main:
            try:
                outcome[0] = work()
            except Exception as error:
                if self.count == 1:
                    raise
                outcome[1] = error
        if self.count > 1:
            torch.distributed.broadcast_object_list(outcome, src=0)
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    @contextmanager
    def together(self, kind: type[Exception]) -> Iterator[None]:
        """Turn what torch raises where another process is gone into a sentence, a `kind`."""
        try:
            yield
        except RuntimeError as error:
            gone = ("Connection", "peer", "Gloo", "gloo", "NCCL", "socket")
            if self.count == 1 or not any(word in str(error) for word in gone):
                raise
            raise kind(
                "Another process of this launch has ended, and this one cannot go on without it. "
                "What it said is above, or in the output of its machine."
            ) from error


def is_main() -> bool:
    """Whether this is the process that prints; also before `join`."""
    return int(os.environ.get("RANK", 0)) == 0


def join() -> Processes:
    """Meet the other processes of this launch. Raises ProcessError when they cannot have started.

    They part when Python ends. On a machine without accelerators they talk through gloo, with
    accelerators through what torch prefers.
    """
    launched = any(int(os.environ.get(name, 1)) > 1 for name in MPI_SIZES)
    if not launched and "MASTER_ADDR" in os.environ and "ACCELERATE_MIXED_PRECISION" in os.environ:
        raise ProcessError(
            "`accelerate launch` without GPUs starts a single process, whatever --num_processes "
            "says, unless MPI is set up. Start several with:\n"
            "  torchrun --nproc_per_node 2 -m core ..."
        )
    if launched:
        # Its functions keep the group that there is when they are imported, as a default argument;
        # `_leave` could not end it.
        import torch.distributed.nn  # noqa: F401
    from accelerate import PartialState  # a second to import

    # Without the hint, accelerate takes processes without GPUs for independent ones; and it would
    # take a Mac's GPU, which has no float64.
    cpu = (launched and not accelerator.is_available()) or mps.is_available()
    alone = PartialState(cpu=cpu, timeout=PATIENCE)
    if alone.num_processes > 1:
        atexit.register(_leave)  # not before: a traceback on its way up holds the group
    return Processes(alone.process_index, alone.num_processes, alone.device)


def _leave() -> None:
    """Say goodbye to the others, so that they do not wait for this process, and end the threads
    through which they talk: one that drops a tensor while Python ends aborts the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    gc.collect()  # the group ends with the last that holds it, such as a trained model's wrapper
