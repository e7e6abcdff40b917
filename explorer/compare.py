"""Models: two of them side by side on the same inputs."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from core import VAE, images, traversal
from core.checkpoint import CheckpointError
from core.data import DataError, LabelledImages
from core.prior import GaussianMixture, sample_prior
from core.projection import default_projection
from explorer import caches, explained, map_data, model_figures, sources, state
from explorer.components import Row, Tile, picture_grid
from explorer.wording import escaped

SHARED = 10  # test images that every comparison shows
TILE_PX, STRIP_PX = 62, 470  # on screen
DIMENSIONS, STEPS = 6, 9  # of the traversals: rows and pictures of each
SEEDS = 12  # prior samples


class Side(NamedTuple):
    """One of the two."""

    name: str
    model: VAE
    test: LabelledImages | None  # None: its data set is not at hand


def render(other: str) -> None:
    """The open model and another: reconstructions, traversals, prior samples, maps."""
    try:
        sides = [_side(name) for name in (state.checkpoint(), other)]
    except CheckpointError as error:
        st.error(f"{escaped(other)} cannot be compared. {error}")
        return
    _differences(sides)
    picked = _pick(sides)
    st.markdown("**Reconstructions** :small[:gray[MSE of a pixel below each, the better one bold]]")
    same = sides[0].model.image_shape == sides[1].model.image_shape
    shown = _shared_input(sides) if same else None
    if shown is not None:
        _reconstructions(sides, shown, picked, key="both")
    elif not same:
        for side in sides:
            if side.test is not None:
                _reconstructions([side], side.test, picked, key=side.name)
    _missing_data(sides)
    st.markdown(
        f"**Traversals** of the {DIMENSIONS} dimensions that carry most, through the code of your "
        "pick :small[:gray[from the 0.5% to the 99.5% quantile of what the encoder uses]]"
    )
    _beside("traversals", sides, lambda side: _traversals(side, shown or side.test, picked))
    _prior_samples(sides)
    st.markdown("**Maps** of the encoded test sets")
    _beside("map", sides, _map)
    explained.about("side_by_side")


def _beside(what: str, sides: Sequence[Side], draw: Callable[[Side], None]) -> None:
    """One column each; what a side cannot have leaves the other's."""
    for column, side in zip(st.columns(2, gap="large"), sides, strict=True):
        with column:
            try:
                draw(side)
            except DataError as error:  # neither its data set nor a map of it is here
                st.error(f"{escaped(side.name)} has no {what}. {error}")


def _side(name: str) -> Side:
    model = caches.model(name)
    try:
        test: LabelledImages | None = caches.test_set(name)
    except DataError:
        test = None
    if test is not None and tuple(test.images.shape[1:]) != tuple(model.image_shape):
        test = None
    return Side(name, model, test)


def _differences(sides: Sequence[Side]) -> None:
    """What must be known before the pictures are compared."""
    a, b = sides
    data = [caches.dataset_of(side.name) for side in sides]
    shapes = ["×".join(map(str, side.model.image_shape)) for side in sides]
    if shapes[0] != shapes[1]:
        st.info(
            f"{escaped(a.name)} makes pictures of {shapes[0]} and {escaped(b.name)} of "
            f"{shapes[1]}: each reconstructs test images of its own data, and their errors do not "
            "compare. Traversals, prior samples and maps stand side by side."
        )
    elif data[0] != data[1]:
        st.info(
            f"{escaped(a.name)} was trained on {escaped(data[0])} and {escaped(b.name)} on "
            f"{escaped(data[1])}. Both get the same test images of {escaped(data[0])}, which only "
            "one of them knows."
        )


def _missing_data(sides: Sequence[Side]) -> None:
    for side in sides:
        if side.test is None:
            data = caches.dataset_of(side.name)
            st.warning(
                f"The test images of {escaped(side.name)} ({escaped(data)}) are not at hand. "
                f"`python -m core fetch {data}` brings those of a data set that has a name."
            )


def _shared_input(sides: Sequence[Side]) -> LabelledImages | None:
    return next((side.test for side in sides if side.test is not None), None)


def _pick(sides: Sequence[Side]) -> int:
    """Which test image stands beside the shared ones, and is what the traversals start from."""
    counts = [len(side.test.images) for side in sides if side.test is not None]
    if not counts:
        return 0
    most = min(counts) - 1
    st.session_state[state.PICK] = min(int(st.session_state[state.PICK]), most)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = st.number_input(
            f"Your pick of the test images, 0 to {most}", 0, most, key=state.PICK, width=260
        )
        st.button("Another", on_click=sources.random_number, args=(state.PICK, most + 1))
    return int(index)


def shared_indices(labels: Tensor) -> list[int]:
    """The first image of each class, as far as SHARED reaches, then the first of the others."""
    found = labels.tolist()
    first = [found.index(label) for label in sorted(set(found))][:SHARED]
    rest = (n for n in range(len(found)) if n not in first)
    return [*first, *(n for n, _ in zip(rest, range(SHARED - len(first)), strict=False))]


def errors(x: Tensor, x_recon: Tensor) -> list[float]:
    """Mean squared error of a pixel of each image; (N, C, H, W) both."""
    return [float(value) for value in (x_recon - x).square().flatten(1).mean(1)]


def _reconstructions(sides: Sequence[Side], test: LabelledImages, picked: int, *, key: str) -> None:
    indices = [*shared_indices(test.labels), picked]
    x = test.images[indices]
    with torch.no_grad():
        made = [side.model.decode(side.model.encode(x)[0]) for side in sides]
    found = np.array([errors(x, x_recon) for x_recon in made])  # (sides, N)
    best = found.min(0)
    captions = [*(f"test {n}" for n in indices[:-1]), f"pick: {picked}"]
    rows = [
        Row(
            "test image",
            "",
            [
                Tile(images.to_png(image), f"Test image {n}", caption)
                for image, n, caption in zip(x, indices, captions, strict=True)
            ],
        )
    ]
    for side, x_recon, row in zip(sides, made, found, strict=True):
        tiles = [
            Tile(
                images.to_png(image),
                f"{side.name} reconstructs test image {n}",
                f"{error:.4f}",
                strong=bool(len(sides) > 1 and error == least),
            )
            for image, n, error, least in zip(x_recon, indices, row, best, strict=True)
        ]
        rows.append(Row(side.name, f"mean {row.mean():.4f}", tiles))
    picture_grid(rows, width=TILE_PX, key=f"{state.RECONSTRUCTIONS}_{key}")


def _traversals(side: Side, test: LabelledImages | None, picked: int) -> None:
    latent = caches.latent_map(side.name)
    active = latent.active.tolist()
    rows = [d for d in latent.order if active[d]][:DIMENSIONS]
    st.markdown(f"{escaped(side.name)} :small[:gray[{_active(active)}]]")
    if not rows:
        st.caption("No dimension carries anything: there is nothing to see.")
        return
    z = latent.mu[0]
    if test is not None:
        with torch.no_grad():
            z = side.model.encode(test.images[picked][None])[0][0]
    points = traversal.traversal(z, rows, latent.ranges[:, [0, 2]], steps=STEPS)
    with torch.no_grad():
        strips = [images.grid(side.model.decode(row), columns=STEPS, padding=1) for row in points]
    picture_grid(
        [
            Row(
                f"z{d}",
                f"{float(latent.kl_per_dim[d]):.2f} nats",
                [Tile(images.to_png(strip), f"{side.name}: z{d} from low to high")],
            )
            for d, strip in zip(rows, strips, strict=True)
        ],
        width=STRIP_PX,
        key=f"{state.TRAVERSALS}_{side.name}",
    )


def _active(active: Sequence[bool]) -> str:
    return f"{sum(active)} of {len(active)} dimensions active"


def prior_draws(seeds: Sequence[int], z_dim: int, mixture: GaussianMixture | None = None) -> Tensor:
    """A draw from N(0, I), or from the mixture, a seed: (len(seeds), z_dim)."""
    return torch.cat(
        [sample_prior(z_dim, 1, torch.Generator().manual_seed(seed), mixture) for seed in seeds]
    )


def _prior_samples(sides: Sequence[Side]) -> None:
    first = int(st.session_state[state.SAMPLE_SEED])
    seeds = range(first, first + SEEDS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Prior samples**, decode(z) for z of the same seeds")
        st.button("Other seeds", on_click=_other_seeds)
    rows = []
    for side in sides:
        priors = {"N(0, I)": None, "mixture over the data": _mixture(side.name)}
        for prior, mixture in priors.items():
            if prior != "N(0, I)" and mixture is None:
                continue
            with torch.no_grad():
                made = side.model.decode(prior_draws(seeds, side.model.z_dim, mixture))
            tiles = [
                Tile(images.to_png(image), f"{side.name}, {prior}, seed {seed}", f"seed {seed}")
                for image, seed in zip(made, seeds, strict=True)
            ]
            rows.append(Row(side.name, prior, tiles))
    picture_grid(rows, width=TILE_PX, key=state.PRIOR_SAMPLES)


def _mixture(name: str) -> GaussianMixture | None:
    try:
        return caches.prior_mixture(name)
    except CheckpointError:  # a damaged file: N(0, I) is always there
        return None


def _other_seeds() -> None:
    st.session_state[state.SAMPLE_SEED] += SEEDS


def _map(side: Side) -> None:
    st.markdown(escaped(side.name))
    z_dim = side.model.z_dim
    labels = map_data.encoded(side.name, "test").labels
    id = default_projection(z_dim, len(np.unique(labels)))
    if id == "dimensions" or (z_dim > 1 and not map_data.has_plane(side.name)):
        id = "0,1"
    st.plotly_chart(
        model_figures.side_map(
            map_data.places(side.name, id, "test"),
            labels,
            caches.classes(side.name),
            map_data.projection(side.name, id).names,
        ),
        config={"displayModeBar": False},
        key=f"{state.SIDE_MAP}_{side.name}",
        alt=f"The encoded test set of {side.name}, {caches.dataset_of(side.name)}",
    )
