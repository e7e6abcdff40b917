"""The judge: a small convolutional classifier that reads what a repair gives back.

It has seen no VAE and no damage. `python benchmarks/judge.py` trains it (seed 0) on MNIST's
training digits, moved by up to two pixels, and writes judge.safetensors beside this file with its
accuracy on the clean test digits in the header.
"""

import math

import torch
import torch.nn.functional as F
from driver import ROOT
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from core.data import load_dataset

FILE = ROOT / "benchmarks" / "judge.safetensors"
EPOCHS, BATCH, SEED = 10, 128, 0


def network() -> nn.Sequential:
    """(B, 1, 28, 28) in [0, 1] -> logits (B, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Dropout(0.3), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
    )  # fmt: skip


def load() -> nn.Sequential:
    """The judge, frozen."""
    judge = network()
    with safe_open(str(FILE), "pt") as tensors:
        weights = {name: tensors.get_tensor(name).float() for name in tensors.keys()}  # noqa: SIM118
    judge.load_state_dict(weights)
    return judge.requires_grad_(False).eval()


def moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """Every picture moved by up to two pixels in each direction."""
    padded = F.pad(x, (2, 2, 2, 2))
    down, right = torch.randint(5, (2, len(x), 1, 1), generator=generator)
    rows = torch.arange(28).view(1, 28, 1) + down
    columns = torch.arange(28).view(1, 1, 28) + right
    return padded[torch.arange(len(x)).view(-1, 1, 1), 0, rows, columns][:, None]


def train() -> None:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    train_set, test_set = load_dataset("mnist", "train"), load_dataset("mnist", "test")
    judge = network()
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-3, weight_decay=1e-2, fused=True)
    steps = len(train_set.images) // BATCH
    for epoch in range(EPOCHS):
        order = torch.randperm(len(train_set.images), generator=generator)
        for step in range(steps):
            done = (epoch * steps + step) / (EPOCHS * steps)
            optimizer.param_groups[0]["lr"] = 5e-4 * (1 + math.cos(math.pi * done))
            index = order[step * BATCH : (step + 1) * BATCH]
            with torch.autocast("cpu", torch.bfloat16):
                logits = judge(moved(train_set.images[index], generator))
            loss = F.cross_entropy(logits.float(), train_set.labels[index], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        judge.eval()
        with torch.no_grad():
            right = judge(test_set.images).argmax(1) == test_set.labels
        judge.train()
        accuracy = right.double().mean().item()
        print(f"epoch {epoch + 1}/{EPOCHS}: {100 * accuracy:.2f}% of the test digits", flush=True)
    halves = {name: value.half() for name, value in judge.state_dict().items()}
    save_file(halves, FILE, {"test_accuracy": f"{accuracy:.4f}", "seed": str(SEED)})


if __name__ == "__main__":
    train()
