"""A small checkpoint with all its files, and what a stranger or a broken disk makes of each."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from core import VAE, save_checkpoint
from core.checkpoint import save_map, write_json
from core.latent import latent_map
from core.posterior import PartialEncoder, save_posterior
from core.prior import GaussianMixture, save_mixture

TENSORS = ("model.safetensors", "prior.safetensors", "repair.safetensors")
JSON = ("config.json", "metrics.json", "history.json", "progress.json")
DTYPES = (
    "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2",
    "F8_E8M0", "F4", "U16", "U32", "U64", "C64", "f32", "", 7, None,
)  # fmt: skip
NUMBERS = (0, -1, 1, 7, 255, 2**31, 2**32, 2**63, 2**64, 10**9, 10**30, 0.5, True, None, "1", [])


class Case(NamedTuple):
    """One file of the checkpoint replaced; None: taken away."""

    name: str
    file: str
    content: bytes | None


def make(folder: Path) -> dict[str, bytes]:
    """Write the whole checkpoint; the content of its files by name."""
    torch.manual_seed(0)
    model = VAE(h_dim=8, z_dim=2).requires_grad_(False).eval()
    save_checkpoint(folder, model, dataset="mnist", training={"epochs": 2, "seed": 0})
    save_map(folder, latent_map(model, torch.rand(24, 1, 28, 28), torch.arange(24) % 10))
    mixture = GaussianMixture(
        torch.full((3,), 1 / 3), torch.randn(3, 2), torch.eye(2).repeat(3, 1, 1)
    )
    save_mixture(folder, mixture)
    encoder = PartialEncoder(z_dim=2, classes=2, components=1, width=2, h_dim=4)
    save_posterior(folder, encoder, {"epochs": 1})
    write_json(folder / "metrics.json", {
        "neg_elbo": 100.5, "reconstruction": 90.0, "kl": 10.5, "kl_per_dim": [5.0, 5.5],
        "active_units": 2, "nll": 98.0, "nll_samples": 10, "mse": 0.04, "frechet_prior": 4.0,
        "frechet_mixture": 2.0, "evaluated": "2025-01-01",
    })  # fmt: skip
    rows = [
        {"epoch": n, "reconstruction": 90.0, "kl": 10.0, "neg_elbo": 100.0, "active_units": 2}
        for n in (1, 2)
    ]
    write_json(folder / "history.json", {"epochs": rows})
    write_json(
        folder / "progress.json", {"state": "finished", "pid": 1, "epoch": 2, "updated": 0.0}
    )
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def damaged(good: dict[str, bytes], count: int, seed: int) -> Iterator[Case]:
    """Bits, bytes and lengths of any file."""
    rng = random.Random(seed)
    names = sorted(good)
    for n in range(count):
        name = names[n % len(names)]
        content = bytearray(good[name])
        how = rng.choice(("bits", "bytes", "cut", "left out", "twice", "gone", "empty", "swapped"))
        at = (
            rng.randrange(min(len(content), 600))
            if rng.random() < 0.7
            else rng.randrange(len(content))
        )
        if how == "bits":
            for place in (at, rng.randrange(len(content))):
                content[place] ^= 1 << rng.randrange(8)
        elif how == "bytes":
            content[at : at + 4] = rng.randbytes(4)
        elif how == "cut":
            del content[at:]
        elif how == "left out":
            del content[at : at + rng.randrange(1, 64)]
        elif how == "twice":
            content[at:at] = content[at : at + 64]
        elif how == "swapped":
            content = bytearray(good[rng.choice(names)])
        changed = None if how == "gone" else b"" if how == "empty" else bytes(content)
        yield Case(f"{name} {how} at {at}", name, changed)


def headers(good: dict[str, bytes], count: int, seed: int) -> Iterator[Case]:
    """Safetensors whose headers say something else than what is there."""
    rng = random.Random(seed)
    for n in range(count):
        name = TENSORS[n % 3]
        yield _header(name, good[name], rng)


def _header(file: str, content: bytes, rng: random.Random) -> Case:
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    body = content[8 + length :]
    tensor = rng.choice([name for name in header if name != "__metadata__"])
    how = rng.choice((
        "dtype", "shape", "shape and offsets", "offsets", "no tensor", "more", "metadata", "field",
            "numbers", "length", "doubled", "deep", "name",
    ))  # fmt: skip
    said: object = None
    text = None
    if how == "dtype":
        said = header[tensor]["dtype"] = rng.choice(DTYPES)
    elif how == "shape":
        said = header[tensor]["shape"] = [rng.choice(NUMBERS) for _ in range(rng.randrange(5))]
    elif how == "shape and offsets":  # true to its bytes, of another form
        begin, end = header[tensor]["data_offsets"]
        size = (end - begin) // {"F32": 4, "F16": 2}[header[tensor]["dtype"]]
        said = header[tensor]["shape"] = rng.choice(
            ([size], [1, size], [size, 1, 1], [1] * 40 + [size])
        )
    elif how == "offsets":
        said = header[tensor]["data_offsets"] = [
            rng.choice(NUMBERS) for _ in range(rng.choice((2, 2, 1, 3)))
        ]
    elif how == "no tensor":
        del header[tensor]
    elif how == "more":
        header["x" * rng.choice((1, 9, 9999)) + "\n\x1b"] = {
            "dtype": "F32",
            "shape": [0],
            "data_offsets": [0, 0],
        }
    elif how == "metadata":
        said = header["__metadata__"] = rng.choice(
            (
                None,
                [],
                "a",
                {"config": 1},
                {"config": "{"},
                {"config": "[" * 9999},
                {"sizes": "{}"},
                {"sizes": "[1]"},
                {},
            )
        )
    elif how == "field" and "__metadata__" in header:
        key = rng.choice(sorted(header["__metadata__"]))
        try:
            inner = json.loads(header["__metadata__"][key])
            field = rng.choice(sorted(inner))
            said = inner[field] = rng.choice((*NUMBERS, {}, {"a": 1}, [[]], "VAE"))
            header["__metadata__"][key] = json.dumps(inner)
        except (ValueError, TypeError):
            header["__metadata__"][key] = "0" * 64
    elif how == "numbers":
        begin, end = header[tensor]["data_offsets"]
        said = rng.choice(
            (
                b"\x00\x00\xc0\x7f",
                b"\x00\x00\x80\xff",
                b"\xff\xff\xff\xff",
                b"\x00\x7c\x00\x7c",
                b"\x00\x00\x00\x00",
            )
        )
        body = body[:begin] + (said * (end - begin))[: end - begin] + body[end:]  # type: ignore[operator]
    elif how == "doubled":
        text = json.dumps(header)[:-1] + f', "{tensor}": {json.dumps(header[tensor])}}}'
    elif how == "deep":
        text = "[" * 100_000
    elif how == "name":
        said = rng.choice(
            ("fc1", "", "fc9.weight", "encoder_blocks.0.norm.weight", "stem.weight", "fc5.bias.x")
        )
        header[said] = header.pop(tensor)
    written = (text or json.dumps(header)).encode()
    size = (
        rng.choice((0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1))
        if how == "length"
        else len(written)
    )
    return Case(
        f"{file} {how} {tensor[:20]} {said!r:.60}",
        file,
        size.to_bytes(8, "little") + written + body,
    )


def wild_json(good: dict[str, bytes], count: int, seed: int) -> Iterator[Case]:
    """Every field of the JSON files with every value that JSON has, by hypothesis."""
    cases: list[tuple[str, float, object]] = []
    odd = st.sampled_from([
        -1, 0, 10**9, 2**63, 10**400, 1e308, float("nan"), float("inf"), "", "mnist", "../..",
        "/etc/passwd", "\x00", "x" * 10_000, [], {}, [[]], None, True, 0.5, "VAE", "ConvVAE",
        "gaussian", [None], {"a": {}}, ["a"] * 300,
    ])  # fmt: skip
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    deep = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
    )

    @seeded(seed)
    @settings(
        max_examples=count, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(JSON), st.floats(0, 0.999), odd | odd | deep)
    def collect(file: str, which: float, value: object) -> None:
        cases.append((file, which, value))

    collect()
    for n, (file, which, value) in enumerate(cases):
        file = JSON[(JSON.index(file) + n) % len(JSON)]
        content = json.loads(good[file])
        if which > 0.95:  # all of it, or something nobody knows
            content = value if n % 2 else content | {"unknown": value}
        else:
            within = _place(content, which, n)
            within[0][within[1]] = value
        yield Case(
            f"{file} {value!r:.60}", file, json.dumps(content).encode("utf-8", "surrogatepass")
        )
    for file in JSON:
        for text in (
            b"[" * 100_000,
            b"{" * 100_000,
            b'{"a":' * 100_000,
            b"1" * 100_000,
            b"\xff\xfe",
            b"null",
            b'{"a": 1, "a": 2}',
            b"NaN",
        ):
            yield Case(f"{file} {text[:9]!r}", file, text)


def _place(content: Any, which: float, n: int) -> tuple[Any, Any]:
    """A place in nested JSON: what holds it, and its key there."""
    keys: list[Any] = list(content) if isinstance(content, dict) else list(range(len(content)))
    key = keys[(int(which * len(keys)) + n) % len(keys)]
    inner = content[key]
    if isinstance(inner, dict | list) and inner and n % 3:
        return _place(inner, which, n // 3)
    return content, key
