"""map.npz as save_map would never write it: other kinds, sizes and numbers, and bombs."""

import io
import struct
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.torture.checkpoint_files import Case


def npy(array: np.ndarray, **header: Any) -> bytes:
    """An array as a .npy, its header changed as told."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    content = buffer.getvalue()
    if not header:
        return content
    length = struct.unpack("<H", content[8:10])[0]
    said = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | header
    text = repr(said).encode().ljust(length)
    return content[:8] + struct.pack("<H", len(text)) + text + content[10 + length :]


def maps(good: dict[str, bytes], *, quick: bool = False) -> Iterator[Case]:
    """map.npz with arrays of other kinds, sizes and numbers; if there is time, bombs."""
    with np.load(io.BytesIO(good["map.npz"])) as arrays:
        right = {name: arrays[name] for name in arrays.files}
    n, d = right["mu"].shape
    kinds = (
        "f2",
        "f8",
        "i4",
        "u1",
        "c8",
        "?",
        "U3",
        "S3",
        "M8[s]",
        "O",
        "V8",
        ">f4",
        ">i8",
        "i8",
        "u8",
    )
    for name, array in right.items():
        if name != "weights":
            for kind in kinds:
                try:
                    changed = array.astype(kind)
                except (TypeError, ValueError):
                    changed = np.zeros(array.shape, kind)
                yield _map(f"{name} as {kind}", right | {name: changed})
        for shape in ((0,), (n + 1, d), (n, d, 1), (1,), ()):
            yield _map(f"{name} {shape}", right | {name: np.zeros(shape, array.dtype)})
        for shape in ((10**12, 2), (2**62,), (-1, 2), (10**5, 10**5), "a", (n, "b")):
            yield _map(
                f"{name} said to be {shape}", right, {name: npy(np.asarray(array), shape=shape)}
            )
        for descr in ("|O", "<f99", "os.system", [("a", "<f4")], 7):
            yield _map(
                f"{name} said of {descr}", right, {name: npy(np.asarray(array), descr=descr)}
            )
        yield _map(f"no {name}", {key: value for key, value in right.items() if key != name})
    for value in (np.nan, np.inf, -np.inf, 1e30):
        yield _map(f"mu {value}", right | {"mu": np.full((n, d), value, "f4")})
        yield _map(f"kl {value}", right | {"kl_per_dim": np.full(d, value, "f4")})
        yield _map(f"embedding {value}", right | {"embedding_umap": np.full((n, 2), value, "f4")})
    for label in (-1, 256, 32_767, 2**31):
        yield _map(f"labels {label}", right | {"labels": np.full(n, label)})
    yield _map(
        "no pictures at all", right | {"mu": np.zeros((0, d), "f4"), "labels": np.zeros(0, "i2")}
    )
    yield _map("pictures of no size", right | {"images": np.zeros((n, 1, 0, 0), "u1")})
    yield _map("pictures of another size", right | {"images": np.zeros((n, 3, 9, 9), "u1")})
    yield _map(
        "a thousand embeddings",
        right | {f"embedding_{k}": np.zeros((n, 2), "f4") for k in range(1000)},
    )
    if quick:
        return
    yield _map(
        "a bomb", right, {"mu": npy(np.zeros((n, d), "f4"), shape=(2**28, 1)) + bytes(2**30)}
    )
    yield _map(
        "a bomb beside it",
        right,
        {"embedding_x": npy(np.zeros(1, "f4"), shape=(2**28,)) + bytes(2**30)},
    )


def _map(name: str, arrays: dict[str, np.ndarray], raw: dict[str, bytes] | None = None) -> Case:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for key, array in arrays.items():
            if key not in (raw or {}):
                archive.writestr(f"{key}.npy", npy(array))
        for key, content in (raw or {}).items():
            archive.writestr(f"{key}.npy", content)
    return Case(f"map.npz {name}", "map.npz", buffer.getvalue())
