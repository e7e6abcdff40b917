"""A model trained with pythae 0.1.2, opened here:

    export PYTHAE_MODEL=my_model/final_model
    streamlit run streamlit_app.py -- --model docs.examples.pythae_model:load

pythae's own loader is used, which unpickles the encoder and decoder of a model that has its own:
open only folders that you trust.
"""

import os

from pythae.models import AutoModel
from torch import Tensor, nn


class PythaeVAE(nn.Module):
    """Any of pythae's variational autoencoders with a Gaussian encoder: VAE, BetaVAE, IWAE, ..."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.model = AutoModel.load_from_folder(folder)
        self.image_shape = self.model.input_dim  # (C, H, W)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model.encoder(x)
        return found.embedding, found.log_covariance

    def decode(self, z: Tensor) -> Tensor:
        return self.model.decoder(z).reconstruction


def load() -> PythaeVAE:
    return PythaeVAE(os.environ["PYTHAE_MODEL"])
