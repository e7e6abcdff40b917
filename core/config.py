"""What a training run is made of: one dataclass, from which flags and the page's form are made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from core.architectures import ARCHITECTURES
from core.limits import IMPORTANCE_SAMPLES

if TYPE_CHECKING:
    Architecture = str
else:
    Architecture = Literal[tuple(ARCHITECTURES)]


@dataclass(frozen=True)
class TrainConfig:
    """What a run is made of; it is kept in the checkpoint's config.json.

    Raises ValueError whose sentence begins with the field at fault.
    """

    dataset: str = "mnist"  # a name in core.data.SOURCES, or a folder of images
    image_side: Literal[28, 32, 64] = 28  # px, what a folder's images are resized to
    channels: Literal[1, 3] = 1  # grey or colour, of a folder's images
    architecture: Architecture = "VAE"  # a name in core.architectures.ARCHITECTURES
    h_dim: int = 400  # units of the hidden layers; of ConvVAE, of the one next to z
    blocks: int = 1  # residual blocks on each side; of ResidualVAE and ConvVAE
    width: int = 16  # channels at half resolution, twice that at a quarter; of ConvVAE only
    z_dim: int = 20  # latent dimensions
    likelihood: Literal["bernoulli", "continuous_bernoulli", "gaussian"] = "bernoulli"  # p(x | z)
    binarize: bool = False  # dynamic binarisation: every pixel drawn anew from its grey value
    epochs: int = 15  # passes over the training images
    batch_size: int = 128  # images a step, over all devices together
    learning_rate: float = 1e-3  # of Adam
    schedule: Literal["constant", "cosine"] = "constant"  # cosine: down to 0 over all epochs
    beta: float = 1.0  # weight of the KL; 1 is the ELBO
    noise: bool = True  # on the code; without it, and with beta 0, a plain autoencoder
    warm_up: float = 0.0  # epochs over which that weight rises from 0
    free_bits: float = 0.0  # nats that every latent dimension costs at least
    importance_samples: int = 1  # K of the importance-weighted bound; 1 is the ELBO
    ema: float = 0.0  # decay of the weights' moving average, which is what is kept; 0: none
    shift: int = 0  # px: training images are moved by up to this
    shift_until: float = 1.0  # share of the epochs with it; later ones see the images as they are
    precision: Literal["no", "bf16"] = "no"  # bf16: mixed; twice as fast where it is native
    seed: int = 0  # of the initial weights, the shuffles and the noise

    def __post_init__(self) -> None:
        whole = ("h_dim", "blocks", "width", "z_dim", "epochs", "batch_size", "importance_samples")
        for field in (*whole, "learning_rate"):
            if not 0 < getattr(self, field) < float("inf"):
                raise ValueError(f"{field} must be above 0; it is {getattr(self, field)}.")
        for field in ("seed", "beta", "warm_up", "free_bits", "shift"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise ValueError(f"{field} must not be negative; it is {getattr(self, field)}.")
        self._check_choices()
        if self.importance_samples > IMPORTANCE_SAMPLES.most:
            raise ValueError(
                f"importance_samples must be at most {IMPORTANCE_SAMPLES}, because "
                f"{IMPORTANCE_SAMPLES.why}; it is {self.importance_samples}."
            )
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must lie between 0 and 1, 1 excluded; it is {self.ema}.")
        if not 0 <= self.shift_until <= 1:
            raise ValueError(f"shift_until is a share, 0 to 1; it is {self.shift_until}.")
        if self.shift >= self.image_side:
            raise ValueError(f"shift must be below the image's side; it is {self.shift} px.")
        if self.free_bits and self.importance_samples > 1:
            raise ValueError(
                "free_bits belong to the ELBO; with importance_samples above 1 there is no KL "
                "for each dimension in the loss. Leave one of them out."
            )
        if not self.noise and (self.beta or self.importance_samples > 1):
            raise ValueError(
                "noise can be left out only with beta 0 and importance_samples 1: a code without "
                "any has an endless KL, so nothing but the reconstruction is left to train."
            )
        if self.binarize and self.likelihood != "bernoulli":
            raise ValueError(
                "binarize makes pixels 0 or 1, which only likelihood=bernoulli describes; it is "
                f"{self.likelihood}."
            )

    def _check_choices(self) -> None:
        """A literal field holds one of its values, also where no type checker looks."""
        for name, field in self.__dataclass_fields__.items():
            choices = get_args(field.type)
            if choices and getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(map(str, choices))}; it is "
                    f"{getattr(self, name)!r}."
                )
