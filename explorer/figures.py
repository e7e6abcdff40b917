"""Arrays -> plotly figures. Imports no Streamlit; colours that must be read in both themes."""

import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageDraw
from plotly.subplots import make_subplots

# Ten hues that stay apart on light and on dark ground (Tableau 10, the order shuffled so that
# digits that lie close together, 4-7-9 and 3-5-8, do not get neighbouring hues). For data of more
# classes, colours of CIELAB lightness 38 to 80 follow, each as far as can be from all before it:
# any two of the first 47 are as far apart as the two nearest of the ten, or further.
CLASS_COLOURS = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#17a2a8",
    "#b07aa1", "#9c755f", "#edc948", "#7f7f7f", "#ff6fae",
    "#6d00ff", "#00db00", "#006dff", "#ff18e7", "#ff0000", "#92319e",
    "#796d00", "#92c200", "#aa9eff", "#aaceaa", "#aa55ff", "#ff86ff",
    "#00dbaa", "#92490c", "#ffb686", "#00c2ff", "#00db6d", "#ff006d",
    "#496131", "#b6c2e7", "#ff0caa", "#4955aa", "#9e3161", "#b62400",
    "#ff9eaa", "#249e00", "#009eff", "#0049ff", "#c2b66d", "#ffaaf3",
    "#008661", "#ce00ff", "#f3183d", "#aace61", "#9e4949", "#ff6100",
    "#8661db", "#9e9e00", "#794986", "#006d00", "#c29231", "#c23192",
    "#b618c2", "#c26dc2", "#316d6d", "#db7949", "#49dbce", "#b60049",
    "#e7b6aa", "#ffb600", "#61860c", "#86926d", "#6ddb49", "#79cee7",
)  # fmt: skip

DOTS, MANY_DOTS = (4.0, 0.65), (2.6, 0.45)  # size in px and opacity of a dot; among many dots
MANY = 20_000
DENSITY_SIDE = 96  # cells of the density's histogram


def latent_map(
    xy: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    axes: Sequence[str],
    *,
    square: bool = True,
) -> go.Figure:
    """One trace a class, so that the legend toggles it. xy (N, 2), labels (N,) below len(classes).

    customdata is the point's index in the data set. `square`: both axes have the same scale, and
    below the dots lies their density, which the browser hides until it is asked for.
    """
    figure = go.Figure([_density(xy)] if square else [])
    size, opacity = DOTS if len(xy) <= MANY else MANY_DOTS
    for label, name in enumerate(classes):
        index = np.flatnonzero(labels == label)
        figure.add_scattergl(
            x=xy[index, 0].astype(np.float32),
            y=xy[index, 1].astype(np.float32),
            customdata=index.astype(np.int32),
            name=name,
            mode="markers",
            marker={
                "size": size, "opacity": opacity, "color": CLASS_COLOURS[label % len(CLASS_COLOURS)]
            },
            hoverinfo="skip",
        )  # fmt: skip
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 52, "r": 8, "t": 8, "b": 42},
        hovermode=False,
        xaxis={"title": {"text": axes[0], "standoff": 6}},
        yaxis={
            "title": {"text": axes[1], "standoff": 4}, **({"scaleanchor": "x"} if square else {})
        },
    )  # fmt: skip
    return figure


def _density(xy: np.ndarray) -> go.Contour:
    """Contours of the density of xy (N, 2): a histogram, smoothed.

    By half of what Scott's rule says, which is for a single hump and would melt clusters together;
    and of the density's square root, as a few crowded places would otherwise be all that shows.
    """
    from scipy.ndimage import gaussian_filter

    spread = 0.5 * xy.std(0) * len(xy) ** (-1 / 6)  # Scott 1992, in two dimensions
    low, high = xy.min(0) - 3 * spread, xy.max(0) + 3 * spread
    high = np.maximum(high, low + 1e-6)
    cells = (high - low) / DENSITY_SIDE
    counts, *_ = np.histogram2d(
        xy[:, 0], xy[:, 1], bins=DENSITY_SIDE, range=np.stack([low, high], 1)
    )
    smooth = gaussian_filter(counts.T, sigma=np.maximum(spread / cells, 0.5)[::-1])
    x, y = (low[:, None] + cells[:, None] * (np.arange(DENSITY_SIDE) + 0.5)).astype(np.float32)
    height = np.sqrt(smooth / smooth.max()).astype(np.float32)
    return go.Contour(
        x=x, y=y, z=height, visible=False, showscale=False, hoverinfo="skip", name="density",
        contours={"coloring": "fill", "start": 0.12, "end": 0.96, "size": 0.12},
        line={"width": 0.8, "smoothing": 1.1}, showlegend=False,
    )  # fmt: skip


SHADOW_SIDE, SHADOW_DOT, SHADOW_ALPHA = 640, 3, 95  # px, px of radius, of 255


def bounds(xy: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of a square that holds all but the outermost of xy (N, 2)."""
    low, high = np.quantile(xy, [0.002, 0.998], axis=0)
    widest = float((high - low).max()) or 1.0  # all at one place: an encoder that collapsed
    middle, reach = (low + high) / 2, 0.54 * widest
    (x0, y0), (x1, y1) = middle - reach, middle + reach
    return float(x0), float(x1), float(y0), float(y1)


def shadow_map(
    xy: np.ndarray, labels: np.ndarray, bounds: tuple[float, float, float, float]
) -> bytes:
    """A transparent PNG of xy (N, 2) within `bounds`, a faint dot each in its class's colour."""
    left, right, bottom, top = bounds
    picture = Image.new("RGBA", (SHADOW_SIDE, SHADOW_SIDE))
    draw = ImageDraw.Draw(picture)
    colours = [(*bytes.fromhex(colour[1:]), SHADOW_ALPHA) for colour in CLASS_COLOURS]
    across = (xy[:, 0] - left) / (right - left) * SHADOW_SIDE
    down = (top - xy[:, 1]) / (top - bottom) * SHADOW_SIDE
    for x, y, label in zip(across, down, labels, strict=True):
        box = (x - SHADOW_DOT, y - SHADOW_DOT, x + SHADOW_DOT, y + SHADOW_DOT)
        draw.ellipse(box, fill=colours[label % len(colours)])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def correlation_table(
    correlations: np.ndarray, attributes: Sequence[str], dimensions: Sequence[str]
) -> go.Figure:
    """Numbers on colours: correlations (A, D) in -1 to 1, a column an attribute, a row a dimension.

    The strongest in each column are the ones to look at; what is near 0 is left pale.
    """
    values = correlations.T  # (D, A)
    figure = go.Figure()
    figure.add_heatmap(
        z=values,
        x=list(attributes),
        y=list(range(len(dimensions))),  # numbers: two dimensions may be called the same
        text=[[f"{value:+.2f}".replace("-", "−") for value in row] for row in values],
        texttemplate="%{text}",
        hoverinfo="skip",
        colorscale="RdBu_r",
        zmin=-1,
        zmax=1,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_layout(
        height=60 + 26 * len(dimensions),
        margin={"l": 8, "r": 8, "t": 44, "b": 8},
        xaxis={"side": "top", "fixedrange": True, "showgrid": False},
        yaxis={
            "autorange": "reversed", "fixedrange": True, "showgrid": False, "automargin": True,
            "tickvals": list(range(len(dimensions))),
            "ticktext": [f"{html.escape(name)} " for name in dimensions],
        },
    )  # fmt: skip
    return figure


def kl_bars(kl_per_dim: np.ndarray, mean_per_dim: np.ndarray, *, noun: str = "image") -> go.Figure:
    """KL of one image in every latent dimension beside the test set's mean; both (D,) nats.

    Dimensions run by the test set's mean, as the sliders do.
    """
    order = np.argsort(-mean_per_dim, kind="stable")
    names = [f"z{d}" for d in order]
    figure = go.Figure()
    figure.add_bar(x=names, y=kl_per_dim[order], name=f"this {noun}", marker_color="#4e79a7")
    figure.add_scatter(
        x=names, y=mean_per_dim[order], name="mean of the test set", mode="markers",
        marker={"symbol": "line-ew-open", "size": 14, "color": "#f28e2b", "line": {"width": 2}},
    )  # fmt: skip
    figure.update_layout(
        height=260,
        margin={"l": 40, "r": 8, "t": 8, "b": 30},
        yaxis_title="KL (nats)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure


CURVES = {
    "reconstruction": ("Reconstruction (nats)", "#4e79a7"),
    "kl": ("KL (nats)", "#f28e2b"),
    "neg_elbo": ("Negative ELBO (nats)", "#59a14f"),
    "active_units": ("Active units", "#b07aa1"),
}
FEW_EPOCHS = 40  # with a dot each


def training_curves(history: Sequence[Mapping[str, float]], keys: Sequence[str]) -> go.Figure:
    """What a training's epochs came to, a small chart for each of `keys`, side by side.

    A row of `history` holds "epoch" and the keys of CURVES.
    """
    titles = [CURVES[key][0] for key in keys]
    figure = make_subplots(1, len(keys), subplot_titles=titles, horizontal_spacing=0.16)
    epochs = [row["epoch"] for row in history]
    for n, key in enumerate(keys, 1):
        values = [row[key] for row in history]
        figure.add_scatter(
            x=epochs, y=values, name=CURVES[key][0], row=1, col=n,
            mode="lines+markers" if len(epochs) <= FEW_EPOCHS else "lines",
            line={"color": CURVES[key][1], "width": 2}, marker={"size": 5},
            hovertemplate="epoch %{x}: %{y:.2f}<extra></extra>",
        )  # fmt: skip
        if key == "active_units":  # are counted from none
            figure.update_yaxes(range=[0, 1.15 * max(1, *values, 0)], tickformat="d", col=n)
    figure.update_annotations(font_size=12)
    # Whole epochs only, also where there are few of them.
    first, last = (epochs[0], epochs[-1]) if epochs else (1, 1)
    step, margin = max(1, -(-(last - first) // 4)), max(0.5, 0.04 * (last - first))
    figure.update_xaxes(
        fixedrange=True, tickformat="d", tick0=first, dtick=step, showgrid=False,
        range=[first - margin, last + margin],
    )  # fmt: skip
    figure.update_yaxes(fixedrange=True, nticks=4)
    figure.update_layout(height=158, margin={"l": 34, "r": 6, "t": 24, "b": 22}, showlegend=False)
    return figure
