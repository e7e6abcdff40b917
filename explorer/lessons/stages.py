"""What the stage of each step shows, as plain values for the browser."""

import base64
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core import methods
from core.checkpoint import CheckpointError
from core.latent import encode_images
from core.objective import kl_per_dim
from core.projection import LinearProjection
from explorer import caches, figures, map_data, repairs
from explorer.lessons.answers import PASSES

# A plain autoencoder and a VAE that differ in nothing else.
AUTOENCODER, ITS_VAE = "mnist-ae-20", "mnist-mlp-20"
TRAINED_BY = {
    AUTOENCODER: f"python -m core train --name {AUTOENCODER} --beta 0 --no-noise",
    ITS_VAE: f"python -m core train --name {ITS_VAE}",
}
MOST_NUMBERS = 32  # of a code, shown as sliders
BEYOND = 0.25  # of a dimension's range, that its slider goes on at either end
MOST_DOTS = 3000
WALK = (4, 1)  # classes between which the first walk leads
ANSWERS = 16  # of a repair


def compress(name: str, x: Tensor) -> dict[str, Any]:
    """x (1, C, H, W): the picture, its code, and over which range each number may be dragged."""
    latent, code = caches.latent_map(name), _code(name, x)[0]
    low, _, high = latent.ranges.unbind(1)
    room = BEYOND * (high - low)
    low, high = torch.minimum(low - room, code), torch.maximum(high + room, code)
    axes = [
        {"d": d, "low": float(low[d]), "high": float(high[d])}
        for d in latent.order[:MOST_NUMBERS]
    ]  # fmt: skip
    return _given(name, x) | {"code": code.tolist(), "axes": axes}


def terms(name: str, x: Tensor) -> dict[str, Any]:
    """The picture and the encoder's answer to it."""
    mu, log_var = _code(name, x)
    return _given(name, x) | {"mu": mu.tolist(), "log_var": log_var.tolist()}


def trick(name: str, x: Tensor) -> dict[str, Any]:
    """The same, and the dimension that spends most on this picture, with its range."""
    mu, log_var = _code(name, x)
    d = int(kl_per_dim(mu, log_var).argmax())
    low, _, high = caches.latent_map(name).ranges[d].tolist()
    room = BEYOND * (high - low)
    return terms(name, x) | {
        "dimension": d,
        "low": min(low - room, float(mu[d])),
        "high": max(high + room, float(mu[d])),
    }


def repair(name: str, x: Tensor) -> dict[str, Any]:
    """The picture to damage, and how answers are found. CheckpointError."""
    method = methods.default_method(caches.posterior(name))
    steps = methods.METHODS[method].steps
    return _given(name, x) | {
        "settings": {"method": method, "k": ANSWERS, "steps": steps, "seed": 0},
        "passes": PASSES,
        "colours": figures.CLASS_COLOURS,
    }


def noise() -> dict[str, Any]:
    """The autoencoder and the VAE. CheckpointError, DataError."""
    # By how much of their own width the VAE's codes are shaken: the one number, over dimensions,
    # that can be asked of the other model, whose dimensions are others.
    shaking = float((caches.code_noise(ITS_VAE) / _spread(ITS_VAE)).mean())
    return {
        "models": [
            _side(AUTOENCODER, "autoencoder", shaking),
            _side(ITS_VAE, "vae", shaking),
        ],
        "classes": caches.classes(ITS_VAE),
        "colours": figures.CLASS_COLOURS,
        "from": WALK[0],
        "to": WALK[1],
    }


def _side(name: str, kind: str, shaking: float) -> dict[str, Any]:
    latent = caches.latent_map(name)
    if not map_data.has_plane(name) or not set(range(len(caches.classes(name)))) <= set(
        latent.labels.tolist()
    ):
        raise CheckpointError(
            f"{name} has another network or other data than this lesson is about: it needs two "
            "dimensions and a picture of every class. Keep that model under another name."
        )
    plane = map_data.projection(name, "pca")
    assert isinstance(plane, LinearProjection)
    mu, labels = latent.mu.numpy(), latent.labels.numpy()
    xy = map_data.places(name, "pca", "test")
    origin, axes, lifts = (part.tolist() for part in plane[:3])
    covariance = np.cov(mu.T) + 1e-9 * np.eye(mu.shape[1])
    return {
        "name": name,
        "kind": kind,
        "shape": caches.model(name).image_shape,
        "plane": {"origin": origin, "axes": axes, "lifts": lifts},
        "dots": _packed(xy[:MOST_DOTS].astype("<f4")),
        "labels": _packed(labels[:MOST_DOTS].astype(np.uint8)),
        "bounds": figures.bounds(xy),
        "noise": (shaking * _spread(name)).tolist(),
        # The normal distribution that fits the codes: mean + factor @ epsilon.
        "mean": mu.mean(0).tolist(),
        "factor": np.linalg.cholesky(covariance).tolist(),
        "keys": [mu[_typical(mu, labels, n)].tolist() for n in range(len(caches.classes(name)))],
    }


def _typical(mu: np.ndarray, labels: np.ndarray, label: int) -> int:
    """The image of a class whose code is nearest to the mean of the class."""
    members = np.flatnonzero(labels == label)
    distances = np.linalg.norm(mu[members] - mu[members].mean(0), axis=1)
    return int(members[distances.argmin()])


def _spread(name: str) -> np.ndarray:
    """(D,) standard deviation of the codes."""
    return caches.latent_map(name).mu.numpy().std(0)


def _code(name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """mu and log_var, each (D,)."""
    mu, log_var = encode_images(caches.model(name), x)
    return mu[0], log_var[0]


def _given(name: str, x: Tensor) -> dict[str, Any]:
    shape = caches.model(name).image_shape
    return {"x": base64.b64encode(repairs.levels(x)).decode(), "shape": shape}


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
