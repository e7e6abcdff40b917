"""A person's own VAE behaves as one of ours; what does not fit is said with the factory's name."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core import VAE, load_checkpoint, save_checkpoint
from core.damage import hide, observe
from core.foreign import ForeignVAE, is_factory, open_factory
from core.repair import repair
from core.walk import walk
from core.weights import CheckpointError

Offer = Callable[[object], str]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """offer(value) -> the name under which a module of the person's gives that value."""

    def make(value: object) -> str:
        module = types.ModuleType("their_module")
        module.make = value if callable(value) else lambda: value  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "their_module", module)
        return "their_module:make"

    return make


class Theirs(nn.Module):
    """A VAE as people write it: flat images, dropout, trained on `side` x `side` pixels."""

    def __init__(self, channels: int = 1, side: int = 28, z_dim: int = 3) -> None:
        super().__init__()
        torch.manual_seed(3)
        n = channels * side**2
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(n, 16), nn.ReLU(), nn.Dropout(0.5))
        self.mean, self.spread = nn.Linear(16, z_dim), nn.Linear(16, z_dim)
        self.out = nn.Sequential(nn.Linear(z_dim, n), nn.Sigmoid())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h), self.spread(h)

    def decode(self, z: Tensor) -> Any:
        return self.out(z)


class Convolutional(Theirs):
    """Takes any size, so that only what it decodes tells which."""

    def __init__(self) -> None:
        super().__init__(3, 32)
        pool = nn.AdaptiveAvgPool2d(8)
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), pool, nn.Flatten(), nn.Linear(256, 16))

    def decode(self, z: Tensor) -> Any:
        return self.out(z).view(-1, 3, 32, 32)


class FlatOnly(Theirs):
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert x.ndim == 2
        return super().encode(x)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (Theirs, (1, 28, 28)),
        (FlatOnly, (1, 28, 28)),
        (Convolutional, (3, 32, 32)),
        (lambda: Theirs(3, 64), (3, 64, 64)),
        (lambda: (Theirs(1, 20), (1, 20, 20)), (1, 20, 20)),
    ],
)
def test_it_has_our_interface(offer: Offer, make: object, shape: tuple[int, int, int]) -> None:
    model = load_checkpoint(offer(make), trusted=True)
    assert isinstance(model, VAE) and not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.image_shape == shape and model.z_dim == 3
    assert model.image_size == shape[0] * shape[1] * shape[2]
    x = torch.rand(5, *shape)
    mu, log_var = model.encode(x)
    assert mu.shape == log_var.shape == (5, 3)
    assert torch.equal(mu, model.encode(x.flatten(1))[0])  # no dropout either
    images = model.decode(mu)
    assert images.shape == x.shape and images.min() >= 0 and images.max() <= 1
    assert torch.allclose(torch.sigmoid(model.decode_logits(mu)), images, atol=2e-6)
    assert [part.shape for part in model(x)] == [x.shape, mu.shape, mu.shape]
    assert model.reparameterize(mu, log_var).shape == mu.shape


def test_a_shape_may_be_an_attribute(offer: Offer) -> None:
    theirs = Theirs(1, 24)
    theirs.image_shape = (1, 24, 24)  # type: ignore[assignment]
    assert open_factory(offer(lambda: theirs)).image_shape == (1, 24, 24)


class Wrapped:
    """No module itself, and it answers in numpy."""

    def __init__(self) -> None:
        self.net = Theirs()

    def encode(self, x: Tensor) -> list[np.ndarray]:
        return [part.numpy() for part in self.net.encode(x)]

    def decode(self, z: Tensor) -> np.ndarray:
        return self.net.decode(z).detach().numpy()


def test_an_object_that_is_no_module(offer: Offer) -> None:
    wrapped = Wrapped()
    model = open_factory(offer(wrapped))
    assert not wrapped.net.training and not wrapped.net.out[0].weight.requires_grad
    assert model.decode(torch.zeros(2, 3)).shape == (2, 1, 28, 28)
    assert next(model.parameters()).device == torch.device("cpu")
    z = torch.zeros(1, 3, requires_grad=True)
    with pytest.raises(CheckpointError, match="their_module:make: decode gives no gradient"):
        model.decode_logits(z)


def test_logits_stay_finite(offer: Offer) -> None:
    class Certain(Theirs):
        def decode(self, z: Tensor) -> Tensor:
            return super().decode(z).round()

    assert open_factory(offer(Certain)).decode_logits(torch.randn(4, 3)).isfinite().all()


def test_repair_and_walks_take_it(offer: Offer, generator: torch.Generator) -> None:
    model = open_factory(offer(Theirs))
    x = torch.rand(1, 1, 28, 28, generator=generator)
    known = torch.ones_like(x)
    known[..., :14] = 0
    for method, steps in (("smc", 2), ("map", 2), ("metropolis_within_gibbs", 2), ("plain", 0)):
        found = repair(
            model, hide(observe(x), known), method=method, k=3, steps=steps, generator=generator
        )
        assert found.completions.shape == (3, 1, 28, 28)
        assert found.completions.isfinite().all()
    assert walk(model, "geodesic", torch.randn(2, 3), 4).images.shape == (4, 1, 28, 28)


class Broken(Theirs):
    """Theirs with one method's answer spoiled."""

    def __init__(self, method: str, spoil: Callable[[Any], object]) -> None:
        super().__init__()
        self.method, self.spoil = method, spoil

    def encode(self, x: Tensor) -> Any:
        found = super().encode(x)
        return self.spoil(found) if self.method == "encode" else found

    def decode(self, z: Tensor) -> Any:
        found = super().decode(z)
        return self.spoil(found) if self.method == "decode" else found


@pytest.mark.parametrize(
    ("method", "spoil", "sentence"),
    [
        ("decode", lambda x: 6 * x - 3, r"values from .* to .*Apply a sigmoid"),
        ("decode", lambda x: x / 0 * 0, "values from nan to nan"),
        ("decode", lambda x: x[:, :700], r"decode gave \(8, 700\) for 8 points"),
        ("decode", lambda x: x[:1], r"decode gave \(1, 784\)"),
        ("decode", lambda x: (x, x, x), "decode must return tensors or arrays; it returned 3 val"),
        ("decode", lambda x: x.nothing, "decode failed on z .8, 3.. AttributeError: 'Tensor'"),
        ("encode", lambda pair: pair[0], r"pair \(mu, log_var\); it returned a tensor \(3, 3\)"),
        ("encode", lambda pair: (*pair, 1), r"it returned 3 values"),
        ("encode", lambda pair: (pair[0], pair[1][:, :2]), r"\(3, 3\) and \(3, 2\)"),
        ("encode", lambda pair: (pair[0][..., None], pair[1][..., None]), "a vector for each"),
        ("encode", lambda pair: (pair[0] / 0, pair[1]), "not finite"),
        ("encode", lambda pair: (torch.randn_like(pair[0]), pair[1]), "not a sample"),
        ("encode", lambda pair: 1 // 0, "encode failed on .*ZeroDivisionError: int"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(
    offer: Offer, method: str, spoil: Callable[[Any], object], sentence: str
) -> None:
    with pytest.raises(CheckpointError, match=f"^their_module:make: .*{sentence}") as caught:
        open_factory(offer(lambda: Broken(method, spoil)))
    assert "\n" not in str(caught.value)


def test_answers_are_checked_each_time(offer: Offer) -> None:
    theirs = Theirs()
    model = open_factory(offer(lambda: theirs))
    theirs.out[0].bias.data.fill_(float("nan"))
    with pytest.raises(CheckpointError, match="their_module:make: decode gave values from nan"):
        model.decode(torch.zeros(1, 3))


@pytest.mark.parametrize("shape", [(1, 28, 30), (2, 28, 28), 784, (28, 28), "x", (1, -1, -1)])
def test_a_shape_that_cannot_be(offer: Offer, shape: object) -> None:
    with pytest.raises(CheckpointError, match="its image_shape is"):
        open_factory(offer(lambda: (Theirs(), shape)))


def test_an_unusual_size_must_be_told(offer: Offer) -> None:
    with pytest.raises(CheckpointError, match=r"none of the image shapes.*image_shape = \(C, H"):
        open_factory(offer(lambda: Theirs(1, 20)))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (3, "gives a int without encode"),
        (lambda: None, "gives a NoneType without encode"),
        (lambda needed: None, r"calling make\(\) failed. TypeError"),
        (nn.Linear, r"calling make\(\) failed. TypeError"),
    ],
)
def test_no_vae(offer: Offer, value: object, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=f"their_module:make.*{sentence}"):
        open_factory(offer(value))


def test_no_such_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    with pytest.raises(CheckpointError, match=f"No module named 'nowhere'.*in {tmp_path}"):
        open_factory("nowhere:make")
    with pytest.raises(CheckpointError, match="math has no 'nothing'"):
        open_factory("math:nothing")
    (tmp_path / "faulty_module.py").write_text("import nowhere_else\n")
    with pytest.raises(CheckpointError, match="No module named 'nowhere_else'.$"):
        open_factory("faulty_module:make")


def test_a_module_of_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "one_of_mine.py").write_text(
        "from core import VAE\n\nclass Models:\n    @staticmethod\n    def small():\n"
        "        return VAE(h_dim=4, z_dim=2)\n"
    )
    assert open_factory("one_of_mine:Models.small").z_dim == 2


def test_code_is_opened_only_by_who_trusts_it(offer: Offer) -> None:
    def called() -> None:
        pytest.fail("the factory was called")

    with pytest.raises(CheckpointError, match="their_module:make is code"):
        load_checkpoint(offer(called))


def test_it_cannot_be_saved_as_a_checkpoint(offer: Offer, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="their_module:make is code"):
        save_checkpoint(tmp_path / "new", open_factory(offer(Theirs)))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:b", True), ("my_pkg.models:make", True), ("a:B.c", True), ("C:\\models", False),
        ("mnist-mlp-20", False), ("owner/name", False), ("a:b:c", False), ("a:", False),
        ("./a:b", False),
    ],
)  # fmt: skip
def test_the_form_of_a_factory(text: str, expected: bool) -> None:
    assert is_factory(text) is expected


def test_batches_of_any_size(offer: Offer) -> None:
    model = open_factory(offer(Theirs))
    assert isinstance(model, ForeignVAE)
    for n in (1, 2, 9):
        assert model.encode(torch.rand(n, 784))[0].shape == (n, 3)
    with pytest.raises(ValueError, match=r"\(B, 1, 28, 28\)"):
        model.encode(torch.rand(2, 1, 14, 14))
    with pytest.raises(ValueError, match=r"shape \(B, 3\)"):
        model.decode(torch.rand(2, 4))
