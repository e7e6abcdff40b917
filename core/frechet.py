"""How near a set of pictures lies to the data: the Frechet distance in a classifier's features.

As Heusel et al. 2017 do with an Inception network, which knows photographs and not digits; here the
features are the last hidden layer, 128 numbers, of a small classifier of the data set itself.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from core.latent import encode_images
from core.model import VAE
from core.prior import GaussianMixture, sample_prior

CLASSIFIERS = Path(__file__).parent / "classifiers"


def network(classes: int = 10) -> nn.Sequential:
    """The classifier: (B, 1, 28, 28) in [0, 1] -> logits (B, classes)."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, stride=2, padding=2), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Dropout(0.3), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(128, classes),
    )  # fmt: skip


def load_classifier(dataset: str) -> nn.Sequential | None:
    """The frozen classifier of a data set, made by benchmarks/judge.py; None if there is none."""
    file = CLASSIFIERS / f"{Path(dataset).name}.safetensors"
    if not file.exists():
        return None
    with safe_open(str(file), "pt") as tensors:
        weights = {name: tensors.get_tensor(name).float() for name in tensors.keys()}  # noqa: SIM118
    classifier = network(len(weights["12.bias"]))
    classifier.load_state_dict(weights)
    return classifier.requires_grad_(False).eval()


@torch.inference_mode()
def features(classifier: nn.Sequential, images: Tensor, *, batch_size: int = 500) -> Tensor:
    """The last hidden layer of images (N, 1, 28, 28), (N, 128)."""
    return torch.cat([classifier[:-2](batch) for batch in images.split(batch_size)])


def frechet_distance(x: Tensor, y: Tensor) -> float:
    """|mean_x - mean_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^1/2) of features x (N, F), y (M, F).

    Never negative. (S_x S_y)^1/2 has the trace of (S_x^1/2 S_y S_x^1/2)^1/2, whose eigenvalues are
    real.
    """
    x64, y64 = x.double().numpy(), y.double().numpy()
    covariance_x, covariance_y = np.cov(x64, rowvar=False), np.cov(y64, rowvar=False)
    values, vectors = np.linalg.eigh(covariance_x)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariance_y @ root).clip(min=0)).sum()
    offset = np.square(x64.mean(0) - y64.mean(0)).sum()
    distance = offset + np.trace(covariance_x) + np.trace(covariance_y) - 2 * cross
    return float(max(distance, 0.0))


@torch.inference_mode()
def sample_distances(
    model: VAE, mixture: GaussianMixture, images: Tensor, classifier: nn.Sequential, *, seed: int
) -> dict[str, float]:
    """Frechet distances to images (N, 1, 28, 28) of as many decoded samples of N(0, I)
    ("frechet_prior") and of the mixture ("frechet_mixture"), and of the images' own
    reconstructions ("frechet_reconstruction"), which no prior will better."""
    real = features(classifier, images)
    generator = torch.Generator().manual_seed(seed)
    points = {
        "frechet_prior": sample_prior(model.z_dim, len(images), generator),
        "frechet_mixture": sample_prior(model.z_dim, len(images), generator, mixture),
        "frechet_reconstruction": encode_images(model, images)[0],
    }
    return {
        name: frechet_distance(decoded_features(model, classifier, z), real)
        for name, z in points.items()
    }


def decoded_features(model: VAE, classifier: nn.Sequential, z: Tensor) -> Tensor:
    """Features of decoded points z (N, D), a few at a time."""
    return torch.cat([features(classifier, model.decode(part)) for part in z.split(500)])
