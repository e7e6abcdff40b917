"""A training of a moment, started again and again without importing torch again; see test_resume.

Reads a line of JSON for every start, {"resume": bool, "die_at": n or null, "limit": bytes or
null}, forks a child that trains, and prints the child's process id, then its wait status. With
die_at the child is killed in the middle of its n-th operation on a file; with limit, no file may
grow larger.
"""

import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # what an optimizer's first step imports
from accelerate import Accelerator

from core import runs
from core.claim import claimed
from core.config import TrainConfig
from core.data import LabelledImages
from core.objective import Objective
from core.processes import join
from core.train import TrainingError, start
from core.train_command import _train

CONFIG = TrainConfig(
    h_dim=8, z_dim=2, epochs=30, batch_size=20, schedule="cosine", ema=0.9, binarize=True,
    warm_up=3.5, seed=3,
)  # fmt: skip


def run(folder: Path, *, resume: bool) -> None:
    images = torch.rand(60, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    sets = (
        LabelledImages(images, torch.arange(60) % 10),
        LabelledImages(images[:9], torch.arange(9)),
    )
    with claimed(folder, resume=resume):
        _train(CONFIG, *sets, folder, join(), resume, {})


def die_in_operation(n: int) -> None:
    """Be killed in the n-th write, flush or replacement of a file: a write gets half way."""
    left = n

    def counted(operation: Callable[..., Any], half: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                half(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **options)

        return wrapper

    def half_write(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(bytes(content)[: len(content) // 2])

    def half_text(path: Path, content: str) -> None:
        half_write(path, content.encode())

    os.fsync = counted(os.fsync, lambda *_: None)
    os.replace = counted(os.replace, lambda *_: None)
    Path.write_bytes = counted(Path.write_bytes, half_write)  # type: ignore[method-assign]
    Path.write_text = counted(Path.write_text, half_text)  # type: ignore[method-assign]


def attempt(folder: Path, order: dict[str, Any]) -> int:
    """The exit status."""
    if order["limit"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], order["limit"]))
    try:
        run(folder, resume=order["resume"])
    except TrainingError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def warm_up() -> None:
    """Import what training imports late, so that a child is at its first step at once."""
    join()
    made = start(CONFIG, torch.Size([1, 8, 8]), torch.device("cpu"))
    Accelerator().prepare(Objective(made.model))
    made.optimizer.zero_grad()
    shown = LabelledImages(torch.zeros(9, 1, 8, 8), torch.arange(9))
    with tempfile.TemporaryDirectory() as folder:
        runs.save(Path(folder), CONFIG, made, {})
        codes = runs.encode(made.kept, shown)
        runs.save_pictures(Path(folder), made.kept, shown, codes, seed=0, epoch=1)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            if order["die_at"]:
                die_in_operation(order["die_at"])
            os._exit(attempt(folder, order))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
