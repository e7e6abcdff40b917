"""Uploads: what is a model opens with the right sizes; whatever else is refused with a sentence."""

import contextlib
import io
import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import Tensor

from core import VAE, save_checkpoint, uploads
from core.architectures import ARCHITECTURES
from core.limits import MODEL_BYTES
from core.pixels import LIKELIHOODS
from core.recognise import RENAMED
from core.uploads import model_from_bytes
from core.weights import CheckpointError

SMALL = {"h_dim": 12, "z_dim": 3}


def saved(value: object, **options: object) -> bytes:
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def equal(one: VAE, other: VAE) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["safetensors", "state_dict"])
def test_every_architecture_is_recognised(architecture: str, kind: str) -> None:
    model = ARCHITECTURES[architecture](**SMALL)
    weights = model.state_dict()
    plain = {name: value.contiguous() for name, value in weights.items()}
    content = save(plain) if kind == "safetensors" else saved(weights)
    loaded = model_from_bytes(content)
    assert type(loaded) is type(model) and loaded.config() == model.config()
    assert equal(loaded, model) and not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_the_config_in_a_checkpoints_own_file_is_used(tmp_path: Path, tiny: VAE) -> None:
    save_checkpoint(tmp_path, tiny, dataset="mnist")
    assert equal(model_from_bytes((tmp_path / "model.safetensors").read_bytes()), tiny)
    wrong = {"config": json.dumps({"architecture": "VAE", **tiny.config(), "z_dim": 4})}
    with pytest.raises(CheckpointError, match="'fc2.bias' has shape"):
        model_from_bytes(save(dict(tiny.state_dict()), wrong))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model": weights, "optimizer": {"lr": 0.1}},
        lambda weights: {"model_state_dict": weights},
        lambda weights: {f"module.{name}": value for name, value in weights.items()},
        lambda weights: {f"_orig_mod.module.{name}": value for name, value in weights.items()},
        lambda weights: {name: torch.nn.Parameter(value) for name, value in weights.items()},
    ],
)
def test_wrappings_that_people_have(tiny: VAE, wrap: object) -> None:
    assert equal(model_from_bytes(saved(wrap(tiny.state_dict()))), tiny)  # type: ignore[operator]


def test_the_other_tutorials_names(tiny: VAE) -> None:
    theirs = {ours: name for name, ours in RENAMED.items()}
    weights = {
        f"{theirs[name.split('.')[0]]}.{name.split('.')[1]}": value
        for name, value in tiny.state_dict().items()
    }
    assert {"fc21.weight", "fc22.bias"} <= weights.keys() and "fc5.weight" not in weights
    assert equal(model_from_bytes(saved(weights)), tiny)


def test_half_precision_becomes_float(tiny: VAE) -> None:
    loaded = model_from_bytes(saved({k: v.half() for k, v in tiny.state_dict().items()}))
    assert loaded.fc1.weight.dtype == torch.float32


class Payload:
    """A pickle that would leave a trace if it were ever executed."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_payload_is_never_executed(tmp_path: Path, tiny: VAE, protocol: int) -> None:
    trace = tmp_path / "executed"
    weights = dict(tiny.state_dict()) | {"fc9.weight": Payload(trace)}
    for content in (
        saved(weights, pickle_protocol=protocol),
        pickle.dumps(weights, protocol),
        saved(weights, pickle_protocol=protocol, _use_new_zipfile_serialization=False),
    ):
        with pytest.raises(CheckpointError):
            model_from_bytes(content)
        assert not trace.exists()
    torch.load(io.BytesIO(saved(weights)), weights_only=False)
    assert trace.exists()  # the payload works: it was the reader that did not run it


def test_what_a_pickle_would_call_is_named() -> None:
    with pytest.raises(CheckpointError, match="would call __builtin__ bytearray.*state_dict"):
        model_from_bytes(saved({"fc1.weight": bytearray(8)}))
    with pytest.raises(CheckpointError, match="holds more than tensors"):
        model_from_bytes(saved(VAE(**SMALL)))


def test_too_large(monkeypatch: pytest.MonkeyPatch, tiny: VAE) -> None:
    content = saved(tiny.state_dict())
    monkeypatch.setattr(uploads, "MODEL_BYTES", MODEL_BYTES._replace(most=len(content) - 1))
    with pytest.raises(
        CheckpointError, match=f"has 0.1 MB; models of at most {len(content) - 1:,} are"
    ):
        model_from_bytes(content)


def test_a_zip_bomb_is_refused_by_its_directory() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("archive/data/0", bytes(2 * MODEL_BYTES.most))
    assert len(file.getvalue()) < 2**20
    with pytest.raises(CheckpointError, match="would unpack to 128.0 MB; .* 64 MB"):
        model_from_bytes(file.getvalue())


def test_small_numbers_that_claim_to_be_many(tiny: VAE) -> None:
    weights = dict(tiny.state_dict())
    weights["fc1.weight"] = torch.zeros(1).expand(10**6, 10**6)  # 4 TB, if it were copied
    with pytest.raises(CheckpointError, match="'fc1.weight'.*no plain tensor"):
        model_from_bytes(saved(weights))
    shared = torch.zeros(2**20)
    many = {f"fc{n}.weight": shared for n in range(17)}  # one MiB of numbers, 17 times
    with pytest.raises(CheckpointError, match="as 32-bit numbers, 68.0 MB; .* at most 64 MB"):
        model_from_bytes(saved(many))


def test_no_numbers(tiny: VAE) -> None:
    weights = {name: value.clone() for name, value in tiny.state_dict().items()}
    weights["fc3.bias"][1] = float("nan")
    for content in (saved(weights), save(weights)):
        with pytest.raises(CheckpointError, match="'fc3.bias' holds values that are not finite"):
            model_from_bytes(content)


def test_unknown_names_are_told() -> None:
    weights = {f"encoder.{n}.weight": torch.zeros(2) for n in range(20)}
    with pytest.raises(CheckpointError, match="Found: encoder.0.weight, .* and 8 more.*factory"):
        model_from_bytes(saved(weights))


def test_wrong_shapes(tiny: VAE) -> None:
    weights = dict(tiny.state_dict())
    weights["fc5.bias"] = torch.zeros(7)
    with pytest.raises(CheckpointError, match=r"'fc5.bias' has shape \(7,\) where the other tens"):
        model_from_bytes(saved(weights))
    weights["fc1.weight"] = torch.zeros(16, 783)
    with pytest.raises(CheckpointError, match="no network has these sizes"):
        model_from_bytes(saved(weights))
    weights["fc1.weight"] = torch.zeros(16)
    with pytest.raises(CheckpointError, match="tensors of a VAE, but a tensor's dimension is miss"):
        model_from_bytes(saved(weights))
    del weights["fc2.weight"]
    with pytest.raises(CheckpointError, match="upload"):
        model_from_bytes(saved(weights))


def test_a_tensor_missing(tiny: VAE) -> None:
    weights = dict(tiny.state_dict())
    del weights["fc4.bias"]
    with pytest.raises(CheckpointError, match="'fc4.bias' is missing"):
        model_from_bytes(save(weights))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"hello",
        b"PK\x03\x04",
        bytes(100),
        bytes(range(64, 128)),
        b"\x89PNG\r\n\x1a\n" + bytes(99),
    ],
)
def test_neither_kind(content: bytes) -> None:
    with pytest.raises(CheckpointError, match="The upload is"):
        model_from_bytes(content)


def test_another_zip() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("photo.txt", "a")
    with pytest.raises(CheckpointError, match="none that torch.save wrote"):
        model_from_bytes(file.getvalue())


@pytest.mark.parametrize(
    "value", [{}, [1], {"a": 1}, {1: torch.zeros(1)}, {"state_dict": {}}, torch.zeros(3), None]
)
def test_no_mapping_of_tensors(value: object) -> None:
    with pytest.raises(CheckpointError, match="must map names to tensors"):
        model_from_bytes(saved(value))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, 2, dtype=torch.cfloat),
        torch.zeros(2, device="meta"),
    ],
    ids=["sparse", "complex", "meta"],
)
def test_other_kinds_of_tensors(tiny: VAE, tensor: Tensor) -> None:
    with pytest.raises(CheckpointError):
        model_from_bytes(saved(dict(tiny.state_dict()) | {"fc1.weight": tensor}))


CONTENT = {
    "state_dict": saved(OrderedDict(VAE(image_size=4, h_dim=2, z_dim=1).state_dict())),
    "safetensors": save(dict(VAE(image_size=4, h_dim=2, z_dim=1).state_dict())),
}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(CONTENT)), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_any_damage_is_refused_or_harmless(kind: str, where: int, bytes_: bytes) -> None:
    original = CONTENT[kind]
    at = where % len(original)
    for content in (original[:at] + bytes_ + original[at + len(bytes_) :], original[:at]):
        with contextlib.suppress(CheckpointError):
            assert isinstance(model_from_bytes(content), VAE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_checkpoints_own_file_says_all_of_it(
    tmp_path: Path, architecture: str, likelihood: str, channels: int
) -> None:
    model = ARCHITECTURES[architecture](
        image_size=channels * 32**2, channels=channels, likelihood=likelihood, **SMALL
    )
    save_checkpoint(tmp_path, model)
    assert (
        model_from_bytes((tmp_path / "model.safetensors").read_bytes()).config() == model.config()
    )
    # Without the header a continuous Bernoulli looks like a Bernoulli; all else shows.
    bare = model_from_bytes(saved(model.state_dict())).config()
    shown = "bernoulli" if likelihood == "continuous_bernoulli" else likelihood
    assert bare == model.config() | {"likelihood": shown}
