"""Figures of the Models panel: arrays -> plotly figures. Imports no Streamlit.

Two models are told apart by marker, dash or pattern as well as by colour.
"""

import html
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.latent import ACTIVE_VARIANCE
from explorer.figures import CLASS_COLOURS

BLUE, ORANGE = CLASS_COLOURS[:2]
GREY = "#8a8a8a"
STRETCH = 2.5  # nats that the axis shows beyond the published figures
ROW = 36  # px of a dot's row
FEWEST_BARS = 12  # that a chart has room for: two dimensions do not make two walls
CURVES = {
    "neg_elbo": "negative ELBO (nats)",
    "reconstruction": "reconstruction (nats)",
    "kl": "KL (nats)",
    "active_units": "active units",
}


class Dot(NamedTuple):
    """A row of the dot plot."""

    label: str
    nll: float | None  # nats; None: not measured
    source: str  # who measured it, in small letters; may be empty
    note: str  # shown when the pointer rests on it: how it was measured, or what to run
    group: str  # "ours", "dynamic" or "fixed"


GROUPS = {
    "ours": ("models here", "circle", BLUE),
    "dynamic": ("published, same test", "diamond-open", ORANGE),
    "fixed": ("published, fixed binarisation: another, harder test", "x-thin-open", GREY),
}


def nll_dots(dots: Sequence[Dot]) -> go.Figure:
    """A row a dot, in the given order from the top: -log p(x) in nats, lower is better.

    Figures far beyond the published ones stand at the edge, as an arrow with their number.
    """
    published = [dot.nll for dot in dots if dot.group != "ours" and dot.nll is not None]
    everything = [dot.nll for dot in dots if dot.nll is not None]
    low = min(everything) - 0.8
    high = max(published or everything) + STRETCH
    figure = go.Figure()
    for group, (name, symbol, colour) in GROUPS.items():
        rows = [n for n, dot in enumerate(dots) if dot.group == group]
        known = [(n, dots[n].nll) for n in rows if dots[n].nll is not None]
        figure.add_scatter(
            x=[min(float(nll), high - 0.35) for _, nll in known],  # type: ignore[arg-type]
            y=[n for n, _ in known],
            name=name,
            mode="markers+text",
            marker={
                "symbol": [
                    "triangle-right" if nll > high - 0.35 else symbol  # type: ignore[operator]
                    for _, nll in known
                ],
                "size": 12, "color": colour, "line": {"width": 2.2, "color": colour},
            },
            text=[f" {nll:.2f} " for _, nll in known],
            textposition=[
                "middle left" if nll > high - 1.2 else "middle right"  # type: ignore[operator]
                for _, nll in known
            ],
            hovertext=[_words(f"{dots[n].label}: {dots[n].note}") for n, _ in known],
            hoverinfo="text",
            cliponaxis=False,
        )  # fmt: skip
    for n, dot in enumerate(dots):
        if dot.nll is None:
            figure.add_annotation(
                x=low, y=n, text="not measured yet", showarrow=False, xanchor="left",
                font={"size": 12}, opacity=0.8, hovertext=_words(dot.note),
            )  # fmt: skip
        else:  # a guide from the name to the dot
            end = min(dot.nll, high - 0.35)
            figure.add_shape(
                type="line", x0=low, x1=end, y0=n, y1=n, layer="below", opacity=0.35,
                line={"width": 1, "dash": "dot", "color": GREY},
            )  # fmt: skip
    for n in range(1, len(dots)):
        if dots[n].group != dots[n - 1].group:
            figure.add_hline(n - 0.5, line={"width": 1, "color": GREY}, opacity=0.6)
    figure.update_layout(
        height=96 + ROW * len(dots),
        margin={"l": 8, "r": 8, "t": 34, "b": 44},
        xaxis={
            "title": "nats per image, less is better", "range": [low, high],
            "fixedrange": True, "zeroline": False,
        },
        yaxis={
            "range": [len(dots) - 0.4, -0.6], "fixedrange": True, "automargin": True,
            "showgrid": False, "zeroline": False, "tickvals": list(range(len(dots))),
            "ticktext": [_row_name(dot) for dot in dots],
        },
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        hoverlabel={"align": "left"},
    )  # fmt: skip
    return figure


def dimension_bars(kl: np.ndarray, variance: np.ndarray, names: Sequence[str]) -> go.Figure:
    """KL and activity Var(mu) of every latent dimension, both (D,), by decreasing KL.

    Active dimensions are filled, the others hatched; below, the line that parts them.
    """
    order = np.argsort(-kl, kind="stable")
    active = variance[order] > ACTIVE_VARIANCE
    # As categories, of which the axis leaves some out where there is no room for all.
    axis = _each_once([_words(names[d]) for d in order])
    places_shown = max(len(order), FEWEST_BARS)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for label, shown, pattern, symbol in (
        ("active", active, "", "circle"), ("inactive", ~active, "/", "circle-open"),
    ):  # fmt: skip
        places = np.flatnonzero(shown)
        hover = [
            _words(f"{names[d]}: {kl[d]:.3f} nats, Var(μ) = {variance[d]:.4f}, {label}")
            for d in order[places]
        ]
        figure.add_bar(
            x=[axis[n] for n in places], y=kl[order[places]], row=1, col=1,
            name=f"{label} ({len(places)})",
            marker={
                "color": BLUE if label == "active" else GREY, "line": {"width": 1, "color": GREY},
                "pattern": {"shape": pattern, "fillmode": "overlay"},
            },
            hovertext=hover, hoverinfo="text", showlegend=bool(len(places)),
        )  # fmt: skip
        figure.add_scatter(
            x=[axis[n] for n in places], y=variance[order[places]], mode="markers",
            row=2, col=1, showlegend=False,
            marker={"symbol": symbol, "size": 8, "color": BLUE if label == "active" else GREY},
            hovertext=hover, hoverinfo="text",
        )  # fmt: skip
    figure.add_hline(
        ACTIVE_VARIANCE, row=2, col=1, line={"width": 1.5, "dash": "dash", "color": ORANGE}
    )
    figure.add_annotation(
        x=places_shown - 0.45, y=np.log10(ACTIVE_VARIANCE), row=2, col=1, showarrow=False,
        text=f"active above {ACTIVE_VARIANCE}", xanchor="right", yanchor="bottom",
        font={"size": 11},
    )  # fmt: skip
    figure.update_layout(
        height=380,
        barmode="overlay",
        bargap=0.15,
        margin={"l": 8, "r": 8, "t": 30, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    figure.update_xaxes(
        type="category", categoryorder="array", categoryarray=axis, tickangle=-90,
        fixedrange=True, range=[-0.6, places_shown - 0.4],
    )  # fmt: skip
    figure.update_yaxes(title="KL (nats)", row=1, fixedrange=True, automargin=True)
    figure.update_yaxes(
        title="activity Var(μ)", row=2, type="log", fixedrange=True, automargin=True,
        dtick=1, exponentformat="power",
    )  # fmt: skip
    return figure


def training_curves(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> go.Figure:
    """What each epoch of some runs came to, by name: solid lines the first, dashed the second."""
    figure = make_subplots(
        rows=2, cols=2, vertical_spacing=0.16, horizontal_spacing=0.1,
        subplot_titles=list(CURVES.values()),
    )  # fmt: skip
    styles = ((BLUE, "solid", "circle"), (ORANGE, "dash", "diamond"))
    for (name, epochs), (colour, dash, symbol) in zip(runs.items(), styles, strict=False):
        few = len(epochs) < 30
        for n, key in enumerate(CURVES):
            found = [(e["epoch"], e[key]) for e in epochs if key in e and "epoch" in e]
            figure.add_scatter(
                x=[epoch for epoch, _ in found], y=[value for _, value in found],
                name=_words(name), legendgroup=name, showlegend=n == 0,
                mode="lines+markers" if few else "lines", row=n // 2 + 1, col=n % 2 + 1,
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 6},
                hovertemplate="epoch %{x}: %{y:.2f}",
            )  # fmt: skip
    figure.update_layout(
        height=520,
        margin={"l": 8, "r": 8, "t": 64, "b": 8},
        legend={"orientation": "h", "y": 1.1, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    figure.update_xaxes(title="epoch", row=2, fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True, automargin=True)
    return figure


def side_map(
    xy: np.ndarray, labels: np.ndarray, classes: Sequence[str], axes: Sequence[str]
) -> go.Figure:
    """A small map to look at: xy (N, 2), a trace a class."""
    figure = go.Figure()
    for label, name in enumerate(classes):
        index = np.flatnonzero(labels == label)
        figure.add_scattergl(
            x=xy[index, 0].astype(np.float32), y=xy[index, 1].astype(np.float32),
            name=_words(name), mode="markers", hoverinfo="skip",
            marker={
                "size": 3, "opacity": 0.55, "color": CLASS_COLOURS[label % len(CLASS_COLOURS)]
            },
        )  # fmt: skip
    figure.update_layout(
        height=400,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hovermode=False,
        xaxis={"title": axes[0], "automargin": True},
        yaxis={"title": axes[1], "automargin": True},
        legend={"itemsizing": "constant", "font": {"size": 11}},
        showlegend=len(classes) > 1,
    )
    return figure


def _each_once(names: Sequence[str]) -> list[str]:
    """Names of which some may be the same, told apart by spaces without width."""
    return [name + "\u200b" * names[:n].count(name) for n, name in enumerate(names)]


def _row_name(dot: Dot) -> str:
    source = f'<br><span style="font-size:10px">{_words(dot.source)}</span>' if dot.source else ""
    return f"{_words(dot.label)}{source} "


def _words(text: str) -> str:
    """People's words: no tag of plotly's."""
    return html.escape(text, quote=False)
