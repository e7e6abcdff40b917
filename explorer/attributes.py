"""Directions of a checkpoint's latent space: those that are built in, and new ones from groups."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import attributes
from core.images import grid, to_png
from explorer import caches, map_data

SPAN = tuple(n / 2 for n in range(-4, 5))  # units that a preview goes along a direction


def built_in(name: str) -> list[tuple[str, list[float]]]:
    """("thicker", vector), ("more slanted", ...), ...: z + t * vector is t standard deviations of
    the attribute further, as the test digits have it on average. An attribute that does not vary
    has none, and neither have pictures that are no handwriting. The first call of a data set takes
    seconds."""
    return list(caches.attribute_directions(name))


class Method(NamedTuple):
    """How two groups make a direction."""

    label: str
    explanation: str
    make: Callable[[Tensor, Tensor], Tensor]


METHODS = {
    "mean": Method(
        "Difference of means",
        "From the middle of A to the middle of B. It carries along whatever else differs.",
        attributes.mean_difference,
    ),
    "logistic": Method(
        "Logistic regression",
        "Perpendicular to the boundary that tells A from B best. It changes other things less, and "
        "the picture as a whole less.",
        attributes.logistic_normal,
    ),
}


def of_class(name: str, label: int) -> Tensor:
    """mu of all test pictures of a class, (M, D)."""
    latent = caches.latent_map(name)
    return latent.mu[latent.labels == label]


def of_group(name: str, indices: Sequence[int]) -> Tensor:
    """mu of lassoed pictures, (M, D): those of the test set come first in the numbering."""
    mu = caches.latent_map(name).mu
    wanted = np.asarray(indices, int)
    if len(wanted) and wanted.max() >= len(mu):
        mu = torch.from_numpy(map_data.encoded(name, "all").mu)
    return mu[torch.from_numpy(wanted[(wanted >= 0) & (wanted < len(mu))])]


class Preview(NamedTuple):
    """What a direction does."""

    png: bytes  # a row of pictures, at SPAN units; z itself is framed
    measured: dict[str, list[float]]  # attribute -> its value in each; empty: no handwriting

    def said(self, first: str = "") -> str:
        """What is measured at both ends, in Markdown; the attribute that `first` names leads."""
        order = sorted(attributes.ATTRIBUTES.items(), key=lambda item: item[1].direction != first)
        parts = []
        for id, attribute in order:
            digits = 1 if id == "thickness" else 0
            low, high = (f"{self.measured[id][end]:.{digits}f}" for end in (0, -1))
            text = f"{attribute.name.lower()} {low} → {high} {attribute.unit}"
            text = text.replace("-", "−").replace(" °", "°")
            parts.append(f"**{text}**" if attribute.direction == first else text)
        return " · ".join(parts)


@torch.no_grad()
def preview(name: str, z: Sequence[float], vector: Sequence[float]) -> Preview:
    """From z, along a direction."""
    steps = torch.tensor(SPAN)[:, None] * torch.tensor(list(vector))[None]
    pictures = caches.model(name).decode(torch.tensor([list(z)]) + steps)
    measured = attributes.measure(pictures) if caches.subject(name).ink else {}
    framed = F.pad(pictures, (1, 1, 1, 1))
    framed[len(SPAN) // 2] = F.pad(pictures[len(SPAN) // 2], (1, 1, 1, 1), value=1)  # z itself
    return Preview(
        to_png(grid(framed, columns=len(SPAN), padding=0), scale=2),
        {id: values.tolist() for id, values in measured.items()},
    )
