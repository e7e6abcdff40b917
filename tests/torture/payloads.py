"""Pickles that do something when they are loaded, in every layout that a checkpoint may have.

What they do is to make a file, MARK, so that whoever ran one is found out.
"""

import io
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Payload(NamedTuple):
    name: str
    pickled: bytes


class _Reduced:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def payloads(mark: Path) -> Iterator[Payload]:
    """By every opcode that can name or call something."""
    command = f"touch {mark}".encode()
    text = f"open({str(mark)!r}, 'w')".encode()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for function, arguments in (
            (Path.touch, (mark,)), (os.system, (command.decode(),)), (eval, (text.decode(),)),
        ):  # fmt: skip
            value = {"fc1.weight": _Reduced(function, *arguments)}
            name = f"{function.__name__}, protocol {protocol}"
            yield Payload(name, pickle.dumps(value, protocol))
    yield Payload("GLOBAL and REDUCE", b"cos\nsystem\n(S'" + command + b"'\ntR.")
    yield Payload("INST", b"(S'" + command + b"'\nios\nsystem\n.")
    yield Payload("OBJ", b"(cos\nsystem\nS'" + command + b"'\no.")
    yield Payload("the names of Python 2", b'c__builtin__\neval\n(S"' + text + b'"\ntR.')
    short = bytes([0x8C, len(command)]) + command
    stack = b"\x80\x04\x8c\x02os\x8c\x06system\x93" + short + b"\x85R."
    yield Payload("STACK_GLOBAL", stack)
    yield Payload(
        "STACK_GLOBAL in a frame",
        b"\x80\x04\x95" + len(stack[2:]).to_bytes(8, "little") + stack[2:],
    )
    yield Payload(
        "a name by memo",
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93" + short + b"\x85R.",
    )
    yield Payload("below what is returned", b"cos\nsystem\n(S'" + command + b"'\ntR0}.")
    partial = b"cfunctools\npartial\n(cos\nsystem\nS'" + command + b"'\ntR(tR."
    yield Payload("functools.partial", partial)


def layouts(
    payload: Payload, mark: Path, weights: dict[str, torch.Tensor]
) -> Iterator[tuple[str, bytes]]:
    """Files that hold it: as a checkpoint, as weights, as a map."""
    good = io.BytesIO()
    torch.save(weights, good)
    yield "bare", payload.pickled
    yield "after a header", (2).to_bytes(8, "little") + b"{}" + payload.pickled
    yield "old torch", _old_torch(payload.pickled)
    yield "zip of torch", zipped(good.getvalue(), {"data.pkl": payload.pickled})
    yield "beside the right one", zipped(good.getvalue(), {}, {"other/data.pkl": payload.pickled})
    yield "twice", zipped(good.getvalue(), {}, {"archive/data.pkl": payload.pickled})
    yield (
        "constants of TorchScript",
        zipped(
            good.getvalue(),
            {},
            {"archive/constants.pkl": payload.pickled, "archive/code/x.py": b"import os\n"},
        ),
    )
    yield (
        "zip behind something",
        b"#!/bin/sh\n" + zipped(good.getvalue(), {"data.pkl": payload.pickled}),
    )
    array = io.BytesIO()
    np.save(array, np.array([0], dtype=object), allow_pickle=True)
    head = array.getvalue()[:128]
    yield "npy", head + payload.pickled
    yield "npz", _npz(head + payload.pickled)


def _old_torch(pickled: bytes) -> bytes:
    """What torch wrote before 1.6: five pickles one after the other."""
    content = io.BytesIO()
    torch.save({}, content, _use_new_zipfile_serialization=False)
    parts = content.getvalue()
    return parts[: parts.rindex(pickle.dumps({}, 2)[:3])] + pickled


def zipped(
    original: bytes, replaced: dict[str, bytes], added: dict[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
) -> bytes:  # fmt: skip
    """A zip with some entries (by the last part of their names) replaced and others added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for entry in old.infolist():
            content = replaced.get(entry.filename.rpartition("/")[2], old.read(entry))
            new.writestr(entry.filename, content)
        for name, content in (added or {}).items():
            new.writestr(name, content)
    return buffer.getvalue()


def _npz(array: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("mu", "labels", "kl_per_dim", "weights"):
            archive.writestr(f"{name}.npy", array)
    return buffer.getvalue()
