"""core/conv.py: the convolutional VAE."""

from pathlib import Path

import pytest
import torch

from core import load_checkpoint, save_checkpoint
from core.conv import ConvVAE


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (32, 3), (64, 3)])
def test_it_is_a_vae_of_any_square_picture(side: int, channels: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ConvVAE(channels * side * side, 16, 4, blocks=2, width=4, channels=channels)
    x = torch.rand(5, channels, side, side)
    mu, log_var = model.encode(x)
    assert mu.shape == log_var.shape == (5, 4)
    assert model.decode(mu).shape == x.shape == (5, *model.image_shape)
    assert model(x.flatten(1))[0].shape == (5, channels * side * side)
    save_checkpoint(tmp_path, model)
    loaded = load_checkpoint(tmp_path)
    assert isinstance(loaded, ConvVAE) and loaded.config() == model.config()
    torch.testing.assert_close(loaded.decode(mu), model.decode(mu))


def test_one_picture_decodes_as_it_does_among_others() -> None:
    torch.manual_seed(0)
    model, z = ConvVAE(h_dim=16, z_dim=4, width=4), torch.randn(9, 4)
    torch.testing.assert_close(model.decode(z)[3:4], model.decode(z[3:4]))


def test_every_weight_takes_part() -> None:
    torch.manual_seed(0)
    model = ConvVAE(h_dim=16, z_dim=4, width=4)
    for block in model.modules():
        if hasattr(block, "second"):  # at first a block is the identity
            torch.nn.init.normal_(block.second.weight, std=0.1)
    x_recon, mu, log_var = model(torch.rand(5, 784))
    (x_recon.square().sum() + mu.square().sum() + log_var.square().sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_neighbouring_pixels_of_a_block_of_four_are_its_own() -> None:
    """pixel_shuffle puts the head's four numbers where they belong: no pixel is left out."""
    model = ConvVAE(h_dim=16, z_dim=4, width=4)
    model.head.weight.data.zero_()
    model.head.bias.data = torch.arange(4.0)
    image = model.decode_logits(torch.zeros(1, 4))[0, 0]
    assert image[:2, :2].tolist() == [[0, 1], [2, 3]] == image[-2:, -2:].tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"image_size": 26 * 26}, "multiples of 4"),
        ({"width": 0}, "width"),
        ({"blocks": 0}, "blocks must lie between 1 and 64"),
        ({"image_size": 785}, "pixel count of a square"),
        ({"channels": 3}, "times its channels"),
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli"),
    ],
)
def test_impossible_sizes_are_refused(arguments: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ConvVAE(**arguments)
