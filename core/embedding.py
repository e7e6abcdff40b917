"""UMAP and t-SNE of the encoded data: (N, D) -> (N, 2), with progress.

Both take a minute for 10,000 points and have no formula for a new point; they are computed once and
kept in map.npz. `python -m core embed NAME` runs them in a process of its own.
"""

import re
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

OnStep = Callable[[int, int], None]  # steps done, steps in all
PERPLEXITY = 30.0
TSNE_STEPS = 250, 500  # with early exaggeration, and without
UMAP_NEIGHBOURS, UMAP_DISTANCE, UMAP_STEPS = 15, 0.1, 200
LEAST = 5  # points; of fewer UMAP's start has no solution, and no plane has anything to show


def tsne(mu: Tensor, *, seed: int = 0, on_step: OnStep = lambda done, total: None) -> Tensor:
    """t-SNE (van der Maaten and Hinton 2008) by openTSNE, begun from the principal components."""
    import openTSNE

    _enough(mu)
    early, late = TSNE_STEPS
    begun = 0

    def report(step: int, error: float, embedding: np.ndarray) -> None:
        del error, embedding
        on_step(begun + step, early + late)

    points = mu.double().numpy()
    affinities = openTSNE.affinity.PerplexityBasedNN(
        points, perplexity=min(PERPLEXITY, (len(points) - 1) / 3), random_state=seed, n_jobs=1
    )
    start = openTSNE.initialization.pca(points, random_state=seed)
    embedding = openTSNE.TSNEEmbedding(
        start, affinities, random_state=seed, n_jobs=1, callbacks=report, callbacks_every_iters=10
    )
    embedding.optimize(early, exaggeration=12, momentum=0.5, inplace=True)
    begun = early
    embedding.optimize(late, momentum=0.8, inplace=True)
    on_step(early + late, early + late)
    return torch.from_numpy(np.asarray(embedding, np.float32))


def umap(mu: Tensor, *, seed: int = 0, on_step: OnStep = lambda done, total: None) -> Tensor:
    """UMAP (McInnes et al. 2018) by umap-learn."""
    from umap import UMAP

    _enough(mu)
    reducer = UMAP(
        n_neighbors=min(UMAP_NEIGHBOURS, len(mu) - 1), min_dist=UMAP_DISTANCE, n_epochs=UMAP_STEPS,
        random_state=seed, n_jobs=1, verbose=False,
        tqdm_kwds={"disable": False, "file": _Bar(on_step), "mininterval": 0.2},
    )  # fmt: skip
    embedding = torch.from_numpy(np.asarray(reducer.fit_transform(mu.numpy()), np.float32))
    on_step(UMAP_STEPS, UMAP_STEPS)
    return embedding


def _enough(mu: Tensor) -> None:
    """Raises ValueError."""
    if len(mu) < LEAST:
        raise ValueError(
            f"The map has {len(mu)} test images, and UMAP and t-SNE need at least {LEAST}. PCA and "
            "the dimensions themselves need none."
        )


class _Bar:
    """What umap-learn's progress bar writes to, since a bar is all that it offers."""

    def __init__(self, on_step: OnStep) -> None:
        self.on_step = on_step

    def write(self, text: str) -> None:
        if found := re.search(r"(\d+)/(\d+)", text):
            self.on_step(int(found[1]), int(found[2]))

    def flush(self) -> None:
        pass


EMBEDDINGS: dict[str, Callable[..., Tensor]] = {"umap": umap, "tsne": tsne}
