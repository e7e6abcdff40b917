"""The figures of Models hold what they were given, and say it without colour."""

import numpy as np
import pytest

from explorer import model_figures
from explorer.model_figures import Dot
from explorer.published import PUBLISHED

DOTS = [
    Dot("ours", 84.5, "", "K = 5000", "ours"),
    Dot("tutorial", 140.0, "", "K = 5000", "ours"),
    Dot("<b>new</b>", None, "", "not measured: run <x>", "ours"),
    Dot("IWAE", 84.78, "Burda <et al.>", "K = 5000", "dynamic"),
    Dot("VAE", 89.78, "pythae", "K = 200", "fixed"),
]


def test_every_dot_has_a_row_and_its_number() -> None:
    figure = model_figures.nll_dots(DOTS)
    places = {(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert {(84.5, 0), (84.78, 3), (89.78, 4)} < places and len(places) == 4
    texts = [text.strip() for trace in figure.data for text in trace.text]
    assert texts == ["84.50", "140.00", "84.78", "89.78"]
    assert figure.layout.yaxis.ticktext[2] == "&lt;b&gt;new&lt;/b&gt; "
    assert figure.layout.yaxis.ticktext[3].startswith("IWAE<br>")
    assert ">Burda &lt;et al.&gt;<" in figure.layout.yaxis.ticktext[3]
    (missing,) = figure.layout.annotations
    assert (missing.y, missing.text) == (2, "not measured yet")
    assert missing.hovertext == "not measured: run &lt;x&gt;"


def test_a_figure_far_off_is_an_arrow_at_the_edge_with_its_number() -> None:
    ours = model_figures.nll_dots(DOTS).data[0]
    assert list(ours.marker.symbol) == ["circle", "triangle-right"]
    low, high = model_figures.nll_dots(DOTS).layout.xaxis.range
    assert low < 84.5 and ours.x[1] < high < 95


def test_groups_differ_in_shape_as_well() -> None:
    symbols = [symbol for _, symbol, _ in model_figures.GROUPS.values()]
    assert len(set(symbols)) == 3


def test_nothing_measured_is_drawn_all_the_same() -> None:
    published = [Dot(p.method, p.nll, p.source, "", p.protocol) for p in PUBLISHED]
    figure = model_figures.nll_dots([Dot("a", None, "", "not measured", "ours"), *published])
    assert len(figure.data[0].x) == 0 and len(figure.data[1].x) > 3


@pytest.mark.parametrize("figure", PUBLISHED)
def test_a_published_figure_says_where_it_can_be_read(figure) -> None:  # type: ignore[no-untyped-def]
    assert figure.url.startswith("https://") and figure.protocol in ("dynamic", "fixed")
    assert 80 < figure.nll < 95 and figure.samples >= 200 and figure.source


def test_bars_fall_and_inactive_ones_are_hatched() -> None:
    kl = np.array([0.1, 2.0, 0.0, 1.0])
    variance = np.array([0.005, 0.9, 1e-6, 0.5])
    active, dots, inactive, hollow = model_figures.dimension_bars(kl, variance, list("abcd")).data
    assert list(active.x) == ["b", "d"] and list(active.y) == [2.0, 1.0]
    assert list(inactive.x) == ["a", "c"] and list(inactive.y) == [0.1, 0.0]
    assert active.marker.pattern.shape == "" and inactive.marker.pattern.shape == "/"
    assert dots.marker.symbol == "circle" and hollow.marker.symbol == "circle-open"
    assert active.name == "active (2)" and inactive.name == "inactive (2)"
    assert list(dots.y) == [0.9, 0.5] and list(hollow.y) == [0.005, 1e-6]


def test_dimensions_of_the_same_name_keep_their_own_bars() -> None:
    kl = np.array([0.1, 2.0, 1.0])
    figure = model_figures.dimension_bars(kl, np.ones(3), ["lean", "<lean>", "lean"])
    x = list(figure.data[0].x)
    assert len(set(x)) == 3 and [name.rstrip("\u200b") for name in x] == [
        "&lt;lean&gt;", "lean", "lean"
    ]  # fmt: skip
    assert list(figure.layout.xaxis.categoryarray) == x


def test_curves_of_two_runs_differ_in_dash() -> None:
    epochs = [{"epoch": n, "neg_elbo": 100 - n, "kl": 20.0 + n} for n in (1.0, 2.0, 3.0)]
    figure = model_figures.training_curves({"one": epochs, "<two>": epochs[:2]})
    first, second = figure.data[:4], figure.data[4:]
    assert {trace.line.dash for trace in first} == {"solid"}
    assert {trace.line.dash for trace in second} == {"dash"}
    assert list(first[0].x) == [1, 2, 3] and list(first[0].y) == [99, 98, 97]
    assert list(first[2].y) == [21, 22, 23] and len(first[1].x) == 0  # no reconstruction kept
    assert second[0].name == "&lt;two&gt;" and [t.showlegend for t in first] == [True] + [False] * 3


def test_the_small_map_keeps_every_point_once() -> None:
    rng = np.random.default_rng(0)
    xy, labels = rng.standard_normal((60, 2)), rng.integers(0, 12, 60)
    figure = model_figures.side_map(xy, labels, [f"c{n}" for n in range(12)], ("x", "y"))
    assert sum(len(trace.x) for trace in figure.data) == 60 and len(figure.data) == 12
    assert figure.layout.showlegend
