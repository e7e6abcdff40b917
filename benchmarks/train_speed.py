"""The training loop of the tutorials beside ours, in one run: speed, memory and the ELBO.

python benchmarks/train_speed.py [--epochs 4] [--threads N]

Every loop has a process of its own, which waits while it is not its turn: they take turns, an epoch
each, and ratios are taken turn by turn, since a shared machine drifts. Each row: seconds per epoch
(median), images per second, that time over the limit's and the tutorial's over it, the negative
ELBO on the test images after the same number of epochs, and the process's peak memory. The limit
is the time that an epoch's matrix products alone take here. Ours is core.train as the command line
calls it, checkpoints and pictures of every epoch included; beside it the same with autograd in
place of core/fast_step.py.
"""

import argparse
import itertools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from driver import ROOT, report
from torch import Tensor

from core import VAE
from core import train as core_train
from core.data import load_dataset
from core.metrics import evaluate
from core.train import TrainConfig

BATCH = 128
IMAGES = 60_000
LIMIT, TUTORIAL, OURS = "matrix products alone", "tutorial loop", "core.train"
AUTOGRAD = "core.train, autograd"
# What a loop calls after every epoch, with its model: it comes back when it is its turn again.
Turn = Callable[[VAE | None], None]


def tutorial_loop(epochs: int, turn: Turn) -> None:
    """DataLoader over PIL images with ToTensor, a loss on probabilities, the default Adam."""
    dataset = torchvision.datasets.MNIST(
        str(ROOT / "data"), train=True, transform=torchvision.transforms.ToTensor(), download=True
    )
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
    torch.manual_seed(0)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    turn(None)
    for _ in range(epochs):
        for x, _ in loader:
            x = x.view(-1, 784)
            x_recon, mu, log_var = model(x)
            reconstruction = F.binary_cross_entropy(x_recon, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
        turn(model)


def our_loop(epochs: int, turn: Turn) -> None:
    """One run of core.train; its first epoch also sets it up."""
    images = load_dataset("mnist", "train").images
    config = TrainConfig(epochs=epochs, batch_size=BATCH)
    turn(None)
    with tempfile.TemporaryDirectory() as folder:
        done = itertools.count(1)

        def after(progress: core_train.Progress) -> None:
            if next(done) < epochs:
                turn(None)

        model = core_train.train(config, images, Path(folder) / "run", on_epoch=after)
    turn(model)


def our_loop_by_autograd(epochs: int, turn: Turn) -> None:
    """As if core/fast_step.py never applied."""
    core_train.applies = lambda *_: False
    our_loop(epochs, turn)


def matrix_products(epochs: int, turn: Turn) -> None:
    """An epoch's matrix products alone: forward, and backward into weights and, but for the first
    layer, into inputs, in the layouts that nn.Linear uses; 197 GFLOP."""
    layers = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
    work: list[tuple[Tensor, Tensor, Tensor, bool]] = [
        (torch.randn(BATCH, i), torch.randn(o, i), torch.randn(BATCH, o), i != 784)
        for i, o in layers
    ]

    def steps(count: int) -> None:
        for _ in range(count):
            for x, weight, gradient, inner in work:
                torch.mm(x, weight.t())
                torch.mm(gradient.t(), x)
                if inner:
                    torch.mm(gradient, weight)

    steps(50)
    turn(None)
    for _ in range(epochs):
        steps(IMAGES // BATCH)
        turn(None)


LOOPS = {
    LIMIT: matrix_products,
    TUTORIAL: tutorial_loop,
    AUTOGRAD: our_loop_by_autograd,
    OURS: our_loop,
}


def loop_process(name: str, epochs: int, threads: int, parent: Connection) -> None:
    """Run one loop; says when an epoch is done and goes on when it is told to."""
    torch.set_num_threads(threads)
    last: list[VAE | None] = [None]

    def turn(model: VAE | None) -> None:
        last[0] = model
        # Before the evaluation below, which is not the loop's; KiB, but bytes on macOS.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        parent.send(peak / (1e6 if sys.platform == "darwin" else 1e3))
        parent.recv()

    LOOPS[name](epochs, turn)
    if last[0] is not None:
        with torch.no_grad():
            parent.send(evaluate(last[0], load_dataset("mnist", "test").images)["neg_elbo"])


def take_turns(epochs: int, threads: int) -> Iterator[dict[str, Any]]:
    """The measurements of every loop: seconds of each epoch, peak memory in MB, negative ELBO."""
    context = multiprocessing.get_context("spawn")
    pipes = {name: context.Pipe() for name in LOOPS}
    processes = [
        context.Process(target=loop_process, args=(name, epochs, threads, pipes[name][1]))
        for name in LOOPS
    ]
    seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
    peaks: dict[str, float] = {}
    for process, (connection, _) in zip(processes, pipes.values(), strict=True):
        process.start()
        connection.recv()  # it is ready
    for _ in range(epochs):
        for name, (connection, _) in pipes.items():
            start = time.perf_counter()
            connection.send("go")
            peaks[name] = connection.recv()
            seconds[name].append(time.perf_counter() - start)
    for name, (connection, _) in pipes.items():
        connection.send("stop")
        elbo = connection.recv() if name != LIMIT else ""
        yield {"loop": name, "seconds": seconds[name], "peak": peaks[name], "elbo": elbo}
    for process in processes:
        process.join()


def ratio(above: list[float], below: list[float]) -> float:
    """Median over the turns."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    flags = parser.parse_args()
    found = {result["loop"]: result for result in take_turns(flags.epochs, flags.threads)}
    limit, tutorial = found[LIMIT]["seconds"], found[TUTORIAL]["seconds"]
    rows = [
        {
            "loop": name,
            "s/epoch": statistics.median(result["seconds"]),
            "images/s": round(IMAGES / statistics.median(result["seconds"])),
            "times the limit": ratio(result["seconds"], limit),
            "speed-up": ratio(tutorial, result["seconds"]),
            "test neg. ELBO": result["elbo"],
            "peak MB": round(result["peak"]) if name != LIMIT else "",
        }
        for name, result in found.items()
    ]
    report(
        rows,
        epochs=flags.epochs,
        elbo_difference=found[OURS]["elbo"] - found[TUTORIAL]["elbo"],
        threads=flags.threads,
        device="cpu",
    )


if __name__ == "__main__":
    main()
