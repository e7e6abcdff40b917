"""What every figure of the page is: a line, its formula, and where that comes from.

A figure's place on the page calls `about`, which draws a small button with the texts of
explorer/terms.py behind it. FIGURES says which functions draw what, and a test that none was
forgotten.
"""

from collections.abc import Collection
from typing import NamedTuple

import streamlit as st

from explorer.terms import TERMS


class Figure(NamedTuple):
    """Something to look at, under one button."""

    label: str
    terms: tuple[str, ...]
    drawn_by: tuple[str, ...]  # "file.function", the file below explorer/


TERMS_OF_TRAINING = ("reconstruction", "kl", "neg_elbo", "active_units")
FIGURES: dict[str, Figure] = {
    "picture": Figure(
        "About the picture", ("decode", "distance", "log_p"), ("panels/explore.render",)
    ),
    "sliders": Figure(
        "About the sliders", ("kl_per_dim", "traversal", "direction"), ("dials.render",)
    ),
    "map": Figure(
        "About the map", ("pca", "lda", "umap", "tsne", "dimensions", "line", "under", "selection"),
        ("maps._component", "selections._selection"),
    ),
    "comparison": Figure(
        "About A and B", ("apart", "psnr", "difference", "traversal"), ("shelf._compare",)
    ),
    "repair": Figure(
        "About these pictures",
        ("plain", "repaired", "uncertainty", "psnr", "ssim", "weights", "ess", "pca"),
        ("panels/repair._board", "panels/repair._trajectory"),
    ),
    "walk": Figure(
        "About the walks",
        ("decode", "lerp", "slerp", "geodesic", "length", "unevenness", "pca"),
        ("panels/walk._keys", "panels/walk._shown", "panels/walk._walks"),
    ),
    "correlation": Figure(
        "About the table", ("correlation", "handwriting"), ("panels/attributes._table",)
    ),
    "directions": Figure(
        "About directions", ("direction", "handwriting"), ("panels/attributes._direction",)
    ),
    "reconstruct": Figure(
        "About these figures",
        ("recon_picture", "difference", "reconstruction", "kl", "neg_elbo", "kl_per_dim",
         "posterior", "preparation"),
        ("panels/reconstruct._result", "panels/reconstruct._terms"),
    ),
    "scores": Figure(
        "About the scores",
        ("nll", "neg_elbo", "neg_elbo_binarized", "reconstruction", "kl", "active_units", "mse",
         "frechet"),
        ("overview.render",),
    ),
    "side_by_side": Figure(
        "About these pictures", ("recon_picture", "mse", "traversal", "prior_sample", "lda", "pca"),
        ("compare._reconstructions", "compare._traversals", "compare._prior_samples",
         "compare._map"),
    ),
    "bars": Figure(
        "About the bars", ("kl_per_dim", "active_units"), ("panels/models._dimensions",)
    ),
    "history": Figure("About the curves", TERMS_OF_TRAINING, ("panels/models._training",)),
    "training": Figure(
        "About curves and film", (*TERMS_OF_TRAINING, "prior_sample", "recon_picture", "pca"),
        ("train_watch._curves", "train_watch._run"),
    ),
}  # fmt: skip


def about(figure: str, *, leave_out: Collection[str] = ()) -> None:
    """A small button behind which stands what a figure is; terms that it has not now left out."""
    label, terms, _ = FIGURES[figure]
    with st.popover(label, icon=":material/help:", type="tertiary"):
        st.markdown("\n\n".join(text(name) for name in terms if name not in leave_out))


def text(name: str) -> str:
    """A term in Markdown."""
    term = TERMS[name]
    source = f"[{term.source}]({term.url})" if term.url else f"`{term.source}`"
    return f"**{term.name}** – {term.line}\n\n${term.formula}$  \n:small[{source}]"
