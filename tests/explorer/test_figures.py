"""Figures hold the arrays they were given."""

import io

import numpy as np
import pytest
from PIL import Image

from explorer import figures


def test_latent_map_keeps_every_point_once() -> None:
    rng = np.random.default_rng(0)
    xy, labels = rng.standard_normal((50, 2)), rng.integers(0, 3, 50)
    figure = figures.latent_map(xy, labels, ("a", "b", "c"), ("across", "up"))
    dots = figure.data[1:]
    assert [trace.name for trace in dots] == ["a", "b", "c"]
    index = np.concatenate([trace.customdata for trace in dots])
    assert sorted(index) == list(range(50))
    for trace, label in zip(dots, range(3), strict=True):
        assert (labels[trace.customdata] == label).all()
        np.testing.assert_allclose(trace.x, xy[trace.customdata, 0], rtol=1e-6)


def test_many_dots_are_smaller() -> None:
    def size(count: int) -> float:
        xy = np.random.default_rng(0).standard_normal((count, 2))
        figure = figures.latent_map(xy, np.zeros(count, int), ("a",), ("across", "up"))
        return float(figure.data[1].marker.size)

    assert size(70_000) < size(10_000)


def test_the_density_is_high_where_the_dots_are() -> None:
    rng = np.random.default_rng(0)
    xy = np.concatenate([rng.normal((-3, 1), 0.3, (800, 2)), rng.normal((4, -2), 0.3, (400, 2))])
    figure = figures.latent_map(xy, np.zeros(1200, int), ("a",), ("across", "up"))
    density = figure.data[0]
    assert density.type == "contour" and density.visible is False
    row, column = np.unravel_index(np.argmax(density.z), density.z.shape)
    np.testing.assert_allclose([density.x[column], density.y[row]], [-3, 1], atol=0.3)
    strip = figures.latent_map(xy, np.zeros(1200, int), ("a",), ("z0", "digits"), square=False)
    assert [trace.type for trace in strip.data] == ["scattergl"]


def test_the_density_of_a_single_place_is_drawn() -> None:
    figures.latent_map(np.ones((5, 2)), np.zeros(5, int), ("a",), ("across", "up")).to_json()


def test_kl_bars_run_by_the_mean() -> None:
    figure = figures.kl_bars(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.3, 0.2]))
    bars, means = figure.data
    assert list(bars.x) == ["z1", "z2", "z0"] and list(bars.y) == [2, 3, 1]
    assert list(means.y) == [0.3, 0.2, 0.1]


def test_the_shadow_map_has_a_dot_where_a_point_lies() -> None:
    xy = np.array([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]])
    bounds = (-2.0, 2.0, -2.0, 2.0)
    picture = Image.open(io.BytesIO(figures.shadow_map(xy, np.array([0, 1, 2]), bounds)))
    pixels = np.asarray(picture)
    for (x, y), colour in zip(xy, figures.CLASS_COLOURS, strict=False):
        column, row = (x + 2) / 4 * picture.width, (2 - y) / 4 * picture.height
        assert tuple(pixels[int(row), int(column), :3]) == tuple(bytes.fromhex(colour[1:]))
    assert (pixels[..., 3] > 0).mean() < 0.01


def test_where_all_codes_are_one_the_bounds_are_a_square_about_it() -> None:
    left, right, bottom, top = figures.bounds(np.full((3, 2), 7.0, np.float32))
    assert left < 7 < right and bottom < 7 < top


def test_bounds_are_a_square_about_the_points() -> None:
    xy = np.random.default_rng(0).standard_normal((1000, 2)) * [3, 1]
    left, right, bottom, top = figures.bounds(xy)
    assert right - left == pytest.approx(top - bottom)
    inside = (xy >= [left, bottom]).all(1) & (xy <= [right, top]).all(1)
    assert inside.mean() > 0.98


def test_the_correlation_table_has_a_number_in_every_cell() -> None:
    values = np.array([[0.5, -0.25, 0.0], [1.0, 0.125, -1.0]])
    figure = figures.correlation_table(values, ["slant", "width"], ["z2", "<lean>", "z2"])
    (table,) = figure.data
    np.testing.assert_array_equal(table.z, values.T)
    assert list(table.x) == ["slant", "width"]
    assert len(set(table.y)) == 3  # a row each, whatever they are called
    assert figure.layout.yaxis.ticktext == ("z2 ", "&lt;lean&gt; ", "z2 ")
    assert table.text[0][0] == "+0.50" and table.text[1][0] == "−0.25"
    assert table.zmin == -table.zmax == -1  # pale is nothing in common


def row(epoch: int) -> dict[str, float]:
    nats = {"reconstruction": 100 / epoch, "kl": epoch, "neg_elbo": 100 / epoch + epoch}
    return {"epoch": epoch, **nats, "active_units": 7}


@pytest.mark.parametrize("epochs", [0, 1, 3, 40, 500])
def test_curves_hold_every_epoch_and_mark_whole_ones(epochs: int) -> None:
    history = [row(epoch) for epoch in range(1, epochs + 1)]
    figure = figures.training_curves(history, tuple(figures.CURVES))
    for trace, key in zip(figure.data, figures.CURVES, strict=True):
        assert list(trace.y) == [row[key] for row in history]
    axis = figure.layout.xaxis
    assert axis.dtick == int(axis.dtick) >= 1
    assert axis.range[0] < 1 and axis.range[1] > max(1, epochs)
    assert figure.layout.yaxis4.range[0] == 0 and figure.layout.yaxis4.range[1] > 0
