"""The training loop of the tutorials beside ours, in one run: seconds an epoch and the ELBO.

python benchmarks/train_speed.py [epochs]

The two take turns, an epoch each, and the ratio is taken turn by turn, since a shared machine
drifts. Each row: seconds per epoch (median), images per second, test negative ELBO after the same
number of epochs; and the limit, the seconds that an epoch's matrix products alone take here.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from driver import ROOT, report
from torch import Tensor

from core import VAE
from core.data import load_dataset
from core.metrics import evaluate
from core.train import TrainConfig, train

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
BATCH = 128


def tutorial_loop() -> Iterator[VAE]:
    """DataLoader over PIL images with ToTensor, a loss on probabilities, the default Adam; yields
    its model after every epoch."""
    dataset = torchvision.datasets.MNIST(
        str(ROOT / "data"), train=True, transform=torchvision.transforms.ToTensor(), download=True
    )
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
    torch.manual_seed(0)
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    while True:
        for x, _ in loader:
            x = x.view(-1, 784)
            x_recon, mu, log_var = model(x)
            reconstruction = F.binary_cross_entropy(x_recon, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
            optimizer.zero_grad()
            (reconstruction + kl).backward()
            optimizer.step()
        yield model


def our_loop(folder: Path) -> Iterator[VAE]:
    """core.train as the command line calls it, checkpoints and pictures included; every epoch is
    resumed from the last, which costs ours a little more."""
    images = load_dataset("mnist", "train").images
    for epoch in itertools.count(1):
        config = TrainConfig(epochs=epoch, batch_size=BATCH)
        yield train(config, images, folder, resume=epoch > 1)


def matrix_products(batch: int = BATCH) -> float:
    """Seconds of an epoch's matrix products alone: forward, and backward into weights and, but
    for the first layer, into inputs, in the layouts that nn.Linear uses; 197 GFLOP."""
    layers = [(784, 400), (400, 20), (400, 20), (20, 400), (400, 784)]
    work: list[tuple[Tensor, Tensor, Tensor, bool]] = [
        (torch.randn(batch, i), torch.randn(o, i), torch.randn(batch, o), i != 784)
        for i, o in layers
    ]

    def step() -> None:
        for x, weight, gradient, inner in work:
            torch.mm(x, weight.t())
            torch.mm(gradient.t(), x)
            if inner:
                torch.mm(gradient, weight)

    for _ in range(50):
        step()
    steps = 60_000 // batch
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - start


def main() -> None:
    test = load_dataset("mnist", "test").images
    seconds: dict[str, list[float]] = {}
    models: dict[str, VAE] = {}
    limits = []
    with tempfile.TemporaryDirectory() as folder:
        loops = {"tutorial loop": tutorial_loop(), "core.train": our_loop(Path(folder))}
        for _ in range(EPOCHS):
            limits.append(matrix_products())
            for name, loop in loops.items():
                start = time.perf_counter()
                models[name] = next(loop)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
    rows = []
    for name, model in models.items():
        median = statistics.median(seconds[name])
        with torch.no_grad():
            elbo = evaluate(model, test)["neg_elbo"]
        rows.append({
            "loop": name,
            "s/epoch": median,
            "images/s": round(60_000 / median),
            "test neg. ELBO": elbo,
        })  # fmt: skip
    limit = statistics.median(limits)
    rows.append({"loop": "matrix products alone", "s/epoch": limit, "images/s": round(6e4 / limit)})
    theirs, ours = seconds.values()
    report(
        rows,
        epochs=EPOCHS,
        median_speedup=statistics.median(a / b for a, b in zip(theirs, ours, strict=True)),
        times_the_limit=statistics.median(a / b for a, b in zip(ours, limits, strict=True)),
        elbo_difference=rows[1]["test neg. ELBO"] - rows[0]["test neg. ELBO"],
        threads=torch.get_num_threads(),
        device="cpu",
    )


if __name__ == "__main__":
    main()
