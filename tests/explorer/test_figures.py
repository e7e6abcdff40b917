"""Figures hold the arrays they were given."""

import numpy as np

from explorer import figures


def test_latent_map_keeps_every_point_once() -> None:
    rng = np.random.default_rng(0)
    xy, labels = rng.standard_normal((50, 2)), rng.integers(0, 3, 50)
    figure = figures.latent_map(xy, labels, ("a", "b", "c"), ("across", "up"))
    assert [trace.name for trace in figure.data] == ["a", "b", "c"]
    index = np.concatenate([trace.customdata for trace in figure.data])
    assert sorted(index) == list(range(50))
    for trace, label in zip(figure.data, range(3), strict=True):
        assert (labels[trace.customdata] == label).all()
        np.testing.assert_allclose(trace.x, xy[trace.customdata, 0], rtol=1e-6)


def test_kl_bars_run_by_the_mean() -> None:
    figure = figures.kl_bars(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.2]))
    bars, means = figure.data
    assert list(bars.x) == ["z1", "z2", "z0"] and list(bars.y) == [2, 3, 1]
    assert list(means.y) == [0.3, 0.2, 0.1]
