"""Where new pictures come from: N(0, I), or a Gaussian mixture over the encoded data.

A VAE is trained so that the aggregate posterior, the mean of q(z | x) over the data, comes near
N(0, I). It never quite does, and what lies between decodes to pictures that are none. A mixture of
Gaussians fitted to the aggregate posterior (as Ghosh et al. 2020 do after training) leaves those
places out. Which of the two draws better pictures is measured by `python -m core evaluate`, and
the better one is what "random from the prior" draws from.
"""

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.checkpoint import CheckpointError, replace, same_weights, weights_digest
from core.plain_json import finite

FILE = "prior.safetensors"
COMPONENTS = 50
MOST_POINTS = 10_000  # codes that the mixture is fitted to: 200 for each component
NAMES = {"normal": "N(0, I)", "mixture": "the Gaussian mixture"}


class GaussianMixture(NamedTuple):
    """sum_k weights_k N(means_k, cholesky_k cholesky_k^T): K components in D dimensions."""

    weights: Tensor  # (K,), they sum to 1
    means: Tensor  # (K, D)
    cholesky: Tensor  # (K, D, D), lower triangular

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """n points, (n, D)."""
        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        epsilon = torch.randn(n, self.means.shape[1], generator=generator)
        return self.means[component] + torch.einsum("nij,nj->ni", self.cholesky[component], epsilon)

    def log_prob(self, z: Tensor) -> Tensor:
        """log density of z (N, D), (N,) nats."""
        centred = (z[:, None] - self.means).transpose(0, 1).transpose(1, 2)  # (K, D, N)
        white = torch.linalg.solve_triangular(self.cholesky, centred, upper=False)
        log_volume = self.cholesky.diagonal(dim1=1, dim2=2).log().sum(1)  # (K,)
        log_normal = -0.5 * (white.square().sum(1) + self.means.shape[1] * math.log(2 * math.pi))
        return torch.logsumexp(self.weights.log()[:, None] + log_normal - log_volume[:, None], 0)


def fit_mixture(
    mu: Tensor, log_var: Tensor, *, components: int = COMPONENTS, seed: int = 0
) -> GaussianMixture:
    """A mixture of full Gaussians fitted by EM to one draw of q(z | x) for each mu (N, D).

    Of many codes a random part is taken, and of few so many components that each has 20 points.
    """
    # Half a second to import: not on the page's path.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Fit

    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(mu), generator=generator)[:MOST_POINTS]
    epsilon = torch.randn(len(chosen), mu.shape[1], generator=generator)
    z = mu[chosen] + torch.exp(0.5 * log_var[chosen]) * epsilon
    found = Fit(
        max(1, min(components, len(z) // 20)), covariance_type="full", reg_covar=1e-4,
        init_params="k-means++", max_iter=50, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():  # 50 steps are near enough: it need not have converged
        warnings.simplefilter("ignore", ConvergenceWarning)
        # In float32 what keeps a covariance invertible drowns where codes lie hundreds apart.
        found.fit(z.double().numpy())
    covariances = torch.from_numpy(found.covariances_)
    return GaussianMixture(
        torch.from_numpy(found.weights_).float(),
        torch.from_numpy(found.means_).float(),
        torch.linalg.cholesky(covariances).float(),
    )


def save_mixture(path: Path, mixture: GaussianMixture, *, weights: str | None = None) -> None:
    """Write prior.safetensors into a checkpoint's folder; `weights` as same_weights takes it.
    Raises CheckpointError."""
    tensors = {name: value.contiguous() for name, value in mixture._asdict().items()}
    header = {"weights_digest": same_weights(path, weights, "the mixture")}
    replace(path / FILE, lambda temporary: save_file(tensors, temporary, header))


def load_mixture(path: Path) -> GaussianMixture | None:
    """The mixture of a checkpoint's folder; None where there is none, or of other weights.

    Raises CheckpointError when the file is damaged.
    """
    file = path / FILE
    if not file.exists():
        return None
    try:
        with safe_open(str(file), "pt") as tensors:
            digest = (tensors.metadata() or {}).get("weights_digest")
            mixture = GaussianMixture(*(tensors.get_tensor(n) for n in GaussianMixture._fields))
        k, d = mixture.means.shape
        if mixture.weights.shape != (k,) or mixture.cholesky.shape != (k, d, d):
            raise ValueError("its tensors do not fit each other")
        if any(part.dtype != torch.float32 or not part.isfinite().all() for part in mixture):
            raise ValueError("it holds values that are not finite numbers of 32 bits")
        if not k * d or mixture.weights.min() < 0 or not 0 < mixture.weights.sum() < math.inf:
            raise ValueError("its weights are none")
        if mixture.cholesky.diagonal(dim1=1, dim2=2).min() <= 0:
            raise ValueError("its covariances are none")
    except Exception as error:  # of a damaged header the library raises many kinds
        raise CheckpointError(
            f"{file} is damaged ({error}). Write it again with `python -m core evaluate "
            f"{path.name}`."
        ) from None
    return mixture if digest == weights_digest(path) else None


def better_prior(metrics: Mapping[str, object] | None) -> str:
    """ "normal" or "mixture": of which samples lie nearer to the data. The mixture where that was
    not measured; it is fitted to them."""
    normal, mixture = frechet_distances(metrics)
    if normal is None or mixture is None:
        return "mixture"
    return "normal" if normal < mixture else "mixture"


def frechet_distances(metrics: Mapping[str, object] | None) -> tuple[float | None, float | None]:
    """How far samples of N(0, I) and of the mixture lie from the data; None: not measured."""
    said = metrics or {}
    return finite(said.get("frechet_prior")), finite(said.get("frechet_mixture"))


def sample_prior(
    z_dim: int, n: int, generator: torch.Generator, mixture: GaussianMixture | None = None
) -> Tensor:
    """n points (n, z_dim): of the mixture if there is one, else of N(0, I)."""
    if mixture is not None:
        return mixture.sample(n, generator)
    return torch.randn(n, z_dim, generator=generator)
