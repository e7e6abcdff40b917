"""UMAP and t-SNE keep neighbours together, tell how far they are, and repeat themselves."""

import pytest
import torch

from core.embedding import EMBEDDINGS


@pytest.mark.parametrize("method", EMBEDDINGS)
def test_too_few_points_are_a_sentence(method: str) -> None:
    """A tenth of a small folder of pictures."""
    for n in (1, 2, 4):
        with pytest.raises(ValueError, match=f"has {n} test images, and UMAP and t-SNE need"):
            EMBEDDINGS[method](torch.randn(n, 6))
    assert EMBEDDINGS[method](torch.randn(5, 6)).shape == (5, 2)


@pytest.mark.parametrize("method", EMBEDDINGS)
def test_clusters_stay_together(method: str) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    mu = 8 * torch.eye(3, 6)[labels] + torch.randn(90, 6, generator=generator)
    steps: list[tuple[int, int]] = []
    embed = EMBEDDINGS[method]
    xy = embed(mu, seed=3, on_step=lambda done, total: steps.append((done, total)))
    assert xy.shape == (90, 2) and xy.dtype == torch.float32 and xy.isfinite().all()
    nearest = torch.cdist(xy, xy).fill_diagonal_(float("inf")).argmin(1)
    assert (labels[nearest] == labels).float().mean() > 0.95
    assert steps[-1][0] == steps[-1][1] and len(steps) >= 2
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    torch.testing.assert_close(embed(mu, seed=3), xy)
