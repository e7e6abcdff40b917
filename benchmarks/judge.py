"""The judges: small convolutional classifiers, one a data set.

Benchmarks let one read what a repair gives back, and core.frechet compares pictures in its last
hidden layer. It has seen no VAE and no damage. `python benchmarks/judge.py [DATASET]` trains it
(seed 0) on the training images, moved by up to two pixels, and writes
core/classifiers/DATASET.safetensors with its accuracy on the clean test images in the header.
"""

import math
import sys

import driver  # noqa: F401  puts core on the path
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from core.augment import shifted
from core.data import find_source, load_dataset
from core.frechet import CLASSIFIERS, load_classifier, network

EPOCHS, BATCH, SEED = 10, 128, 0


def load(dataset: str = "mnist") -> nn.Sequential:
    """The judge, frozen."""
    judge = load_classifier(dataset)
    if judge is None:
        raise FileNotFoundError(f"There is no judge of {dataset}: python benchmarks/judge.py.")
    return judge


def train(dataset: str) -> None:
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    train_set, test_set = load_dataset(dataset, "train"), load_dataset(dataset, "test")
    judge = network(len(find_source(dataset).classes))
    optimizer = torch.optim.AdamW(judge.parameters(), 1e-3, weight_decay=1e-2, fused=True)
    steps = len(train_set.images) // BATCH
    for epoch in range(EPOCHS):
        order = torch.randperm(len(train_set.images), generator=generator)
        for step in range(steps):
            done = (epoch * steps + step) / (EPOCHS * steps)
            optimizer.param_groups[0]["lr"] = 5e-4 * (1 + math.cos(math.pi * done))
            index = order[step * BATCH : (step + 1) * BATCH]
            with torch.autocast("cpu", torch.bfloat16):
                logits = judge(shifted(train_set.images[index], 2, generator))
            loss = F.cross_entropy(logits.float(), train_set.labels[index], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        judge.eval()
        with torch.no_grad():
            right = judge(test_set.images).argmax(1) == test_set.labels
        judge.train()
        accuracy = right.double().mean().item()
        print(f"epoch {epoch + 1}/{EPOCHS}: {100 * accuracy:.2f}% of the test images", flush=True)
    halves = {name: value.half() for name, value in judge.state_dict().items()}
    CLASSIFIERS.mkdir(exist_ok=True)
    file = CLASSIFIERS / f"{dataset}.safetensors"
    save_file(halves, file, {"test_accuracy": f"{accuracy:.4f}", "seed": str(SEED)})


if __name__ == "__main__":
    train(sys.argv[1] if len(sys.argv) > 1 else "mnist")
