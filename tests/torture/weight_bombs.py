"""Uploads of few bytes that would take all memory, and the largest that are taken."""

import io
import json
import zipfile
from collections.abc import Callable

import torch
from safetensors.torch import save

from core import VAE, checkpoint
from tests.torture.payloads import zipped


def _saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _state(**options: int) -> dict[str, torch.Tensor]:
    return dict(VAE(**({"h_dim": 8, "z_dim": 2} | options)).state_dict())


def _declared(shape: list[int], end: int) -> bytes:
    header = {"fc1.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(64)


def _config(**changed: object) -> bytes:
    model = VAE(h_dim=8, z_dim=2)
    config = checkpoint.config_of(model) | changed
    return save(dict(model.state_dict()), {"config": json.dumps(config)})


def _pickled(pickled: bytes) -> bytes:
    return zipped(_saved(_state()), {"data.pkl": pickled})


def _half(h_dim: int) -> bytes:
    return save({name: value.half() for name, value in _state(h_dim=h_dim).items()})


def _packed(replaced: dict[str, bytes], added: dict[str, bytes]) -> bytes:
    return zipped(_saved(_state()), replaced, added, zipfile.ZIP_DEFLATED)


EIGHT_GB = b"\x80\x02c__builtin__\nbytearray\n\x8a\x08" + (2**33).to_bytes(8, "little") + b"\x85R."
MEMO = b"".join(b"r" + n.to_bytes(4, "little") for n in range(0, 2**32, 2**20))
LARGEST = 10_200  # hidden units: just below the limit of bytes
BOMBS: dict[str, Callable[[], bytes]] = {
    "the largest safetensors": lambda: save(_state(h_dim=LARGEST)),
    "the largest state_dict": lambda: _saved(_state(h_dim=LARGEST)),
    "the largest in half a precision": lambda: _half(LARGEST),
    "twice the largest in half a precision": lambda: _half(2 * LARGEST),
    "a terabyte declared": lambda: _declared([2**19, 2**19], 2**40),
    "a terabyte without bytes": lambda: _declared([2**19, 2**19], 64),
    "2^64 numbers": lambda: _declared([2**32, 2**32], 0),
    "2^80 numbers of none": lambda: _declared([2**40, 2**40, 0], 0),
    "config of a million million": lambda: _config(h_dim=10**12),
    "config of a picture of 10^18": lambda: _config(image_size=10**18),
    "config of 10^40": lambda: _config(z_dim=10**40),
    "config of a billion blocks": lambda: _config(architecture="ResidualVAE", blocks=10**9),
    "one number as a terabyte": lambda: _saved({"fc1.weight": torch.zeros(1).expand(10**6, 10**6)}),
    "the same numbers 999 times": lambda: _saved(
        dict.fromkeys((f"fc{n}.weight" for n in range(999)), torch.zeros(2**18))
    ),
    "a zip bomb in data": lambda: _packed({}, {"archive/data/99": bytes(2**30)}),
    "a zip bomb for a pickle": lambda: _packed({"data.pkl": bytes(2**30)}, {}),
    "8 GB of bytearray": lambda: _pickled(EIGHT_GB),
    "8 GB of bytearray, alone": lambda: EIGHT_GB,
    "a string of 4 GB": lambda: _pickled(b"\x80\x02X\xff\xff\xff\xff."),
    "a number of 2^31 bytes": lambda: _pickled(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "lists in lists": lambda: _pickled(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."),
    "memo without end": lambda: _pickled(b"\x80\x02]" + MEMO + b"."),
}  # fmt: skip
