"""The constants of core/likelihood.py: how real pixels lie about decoded ones.

python benchmarks/grey_levels.py fits base_v and s of p(x = v | z) ~ base_v exp(s v l) by maximum
likelihood, with l the logit that mnist-res-32 decodes and v the nearest of five grey levels, to two
million pixels of MNIST's training digits. Prints one JSON line.
"""

import json

import torch
import torch.nn.functional as F
from driver import ROOT

from core import load_checkpoint
from core.data import load_dataset
from core.likelihood import BASE, LEVELS, SHARPNESS

CHECKPOINT, DIGITS, PIXELS = ROOT / "checkpoints" / "mnist-res-32", 20_000, 2_000_000


def main() -> None:
    model = load_checkpoint(CHECKPOINT)
    x = load_dataset("mnist", "train").images[:DIGITS]
    logits = torch.logit(model.decode(model.encode(x)[0]), eps=1e-6).flatten()
    chosen = torch.randperm(len(logits), generator=torch.Generator().manual_seed(0))[:PIXELS]
    logits = logits[chosen, None]  # (P, 1)
    nearest = (x.flatten()[chosen, None] - LEVELS).abs().argmin(1)  # (P,)
    log_base, sharpness = torch.zeros(5, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_base, sharpness], max_iter=100)

    def nats() -> torch.Tensor:
        return F.cross_entropy(log_base + sharpness * LEVELS * logits, nearest)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nats()
        loss.backward()
        return loss

    even = nats().item()
    optimizer.step(closure)
    print(
        json.dumps(
            {
                "benchmark": "grey_levels",
                "base": log_base.softmax(0).tolist(),
                "sharpness": sharpness.item(),
                "nats a pixel": nats().item(),
                "nats of an even base with s = 1": even,
                "in use": [BASE.tolist(), SHARPNESS],
            }
        )
    )


if __name__ == "__main__":
    main()
