"""The frames of the live channel: what a request asks of a checkpoint, and its answer.

Little-endian; see explorer/components/live.js for the browser's side.

    request   uint32 sequence, uint32 kind, then the payload
    answer    uint32 sequence, uint16 kind, uint16 P, uint16 H, uint16 W, uint32 n,
              then P*H*W pixels and n bytes of JSON

    DECODE    z as float32, D numbers                  the decoded picture
    STRIPS    M points as float32, (M, D)              M decoded pictures, the filmstrips
    TILES     the same                                 the same, the tiles under the map
    PLACE     z as float32, D numbers                  the nearest images, and in JSON where z lies
    REPAIR    a damaged picture (explorer/repairs.py)  plain pass, posterior mean, uncertainty
    COMPLETE  the same                                 the same three, then K completions
    ALIVE     nothing                                  in JSON which files the checkpoint has

A frame that does not fit is refused with a close code and a reason.
"""

import json
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer import caches, repairs

if TYPE_CHECKING:
    from core import VAE

DECODE, REPAIR, COMPLETE, STRIPS, TILES, PLACE, ALIVE = 1, 2, 3, 4, 5, 6, 7
MOST_POINTS = 512  # decoded by one request
MOST_VALUE = 1e6  # of a coordinate of z: the squares of more are no float32
MOST_REASON = 123  # bytes, RFC 6455
NO_PIXELS = np.empty((0, 0, 0), np.uint8)
REQUEST = struct.Struct("<II")  # sequence, kind
ANSWER = struct.Struct("<IHHHHI")  # sequence, kind, planes, H, W, length of the JSON

UNSUPPORTED, INVALID, TOO_BIG, INTERNAL = (
    1003,
    1007,
    1009,
    1011,
)  # close codes of RFC 6455, section 7.4.1


class FrameError(Exception):
    """A frame that cannot be answered: a close code and a reason of at most MOST_REASON bytes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Job(NamedTuple):
    """A request that is understood; `run` computes its answer frame."""

    kind: int
    run: Callable[[], bytes]


def understood(name: str, model: "VAE", frame: bytes | None) -> Job:
    """What one request frame (None: it was text) asks of a checkpoint. Raises FrameError."""
    if frame is None:
        raise FrameError(UNSUPPORTED, "The live channel takes binary frames, not text.")
    point = 4 * model.z_dim
    picture = REQUEST.size + repairs.most_bytes(model.image_shape)
    most = max(REQUEST.size + MOST_POINTS * point, picture)
    if len(frame) > most:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {most} are taken.")
    if len(frame) < REQUEST.size:
        raise FrameError(
            INVALID, f"The frame has {len(frame)} bytes; its header alone has {REQUEST.size}."
        )
    sequence, kind = REQUEST.unpack_from(frame)
    if kind in (DECODE, PLACE, STRIPS, TILES):
        z = _points(frame, model.z_dim, 1 if kind in (DECODE, PLACE) else MOST_POINTS)
        if kind == PLACE:
            return Job(kind, lambda: _placed(name, sequence, z[0]))
        return Job(kind, lambda: _decoded(sequence, kind, model, z))
    if kind == ALIVE:
        return Job(kind, lambda: _alive(name, sequence))
    if kind not in (REPAIR, COMPLETE):
        raise FrameError(INVALID, f"There is no request of kind {kind}.")
    if len(frame) > picture:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {picture} are taken.")
    try:
        ask = repairs.parsed(frame[REQUEST.size :], model.image_shape)
    except repairs.PayloadError as error:
        raise FrameError(INVALID, str(error)) from None
    return Job(kind, lambda: _repaired(name, sequence, kind, ask))


def _alive(name: str, sequence: int) -> bytes:
    """The answer to ALIVE. FrameError once the checkpoint is gone."""
    from core.checkpoint import CheckpointError

    try:
        facts = json.dumps({"version": caches.version(name)})
    except CheckpointError as error:
        raise FrameError(INTERNAL, str(error)[:MOST_REASON]) from None
    return packed(sequence, ALIVE, NO_PIXELS, facts)


def _points(frame: bytes, z_dim: int, most: int) -> np.ndarray:
    """The payload as up to `most` points, (M, D), all finite. Raises FrameError."""
    size, point = len(frame) - REQUEST.size, 4 * z_dim
    if size > most * point:
        expected = REQUEST.size + most * point
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; {expected} are expected.")
    if size % point or not size:
        raise FrameError(
            INVALID, f"The frame has {len(frame)} bytes; {REQUEST.size + point} are expected."
        )
    z = np.frombuffer(frame, "<f4", offset=REQUEST.size).reshape(-1, z_dim)
    if not (np.abs(z) <= MOST_VALUE).all():  # false for NaN, too
        raise FrameError(INVALID, "z holds a value that is not a finite number within ±1,000,000.")
    return z


def _decoded(sequence: int, kind: int, model: "VAE", z: np.ndarray) -> bytes:
    """The answer to DECODE, STRIPS and TILES. FrameError where a person's own decoder fails."""
    from core.checkpoint import CheckpointError

    try:
        return packed(sequence, kind, decode_pixels(model, z))
    except CheckpointError as error:
        reason = str(error).encode()[:MOST_REASON].decode(errors="ignore")
        raise FrameError(INVALID, reason) from error


def _placed(name: str, sequence: int, z: np.ndarray) -> bytes:
    """The answer to PLACE; without a data set to compare with, a sentence in it."""
    from core.checkpoint import CheckpointError
    from core.data import DataError

    try:
        planes, facts = place(name, z)
    except (CheckpointError, DataError) as error:
        planes, facts = NO_PIXELS, json.dumps({"error": str(error)})
    return packed(sequence, PLACE, planes, facts)


def place(name: str, z: np.ndarray) -> tuple[np.ndarray, str]:
    """The encoded images nearest to z (D,) as planes, and core.typicality.Typicality as JSON."""
    import torch

    from core.images import to_uint8
    from core.typicality import typicality

    found = typicality(torch.tensor(z, dtype=torch.float32), caches.reference(name))
    test, classes = caches.test_set(name), caches.classes(name)
    facts = found._asdict() | {
        "nearest": found.nearest.tolist(),
        "distances": found.distances.tolist(),
        "classes": [classes[label] for label in test.labels[found.nearest].tolist()],
    }
    planes = to_uint8(test.images[found.nearest]).flatten(0, 1).numpy()
    return planes, json.dumps(facts)


def _repaired(name: str, sequence: int, kind: int, ask: repairs.Ask) -> bytes:
    """The answer frame of a repair; what a user can mend is a sentence in it, without pixels."""
    from core.checkpoint import CheckpointError
    from core.methods import RepairError

    try:
        found = (
            repairs.glimpse(name, ask) if kind == REPAIR else caches.completion(name, ask).answer
        )
    except (RepairError, CheckpointError) as error:
        return packed(sequence, kind, NO_PIXELS, json.dumps({"error": str(error)}))
    return packed(sequence, kind, found.planes, found.facts)


def packed(sequence: int, kind: int, planes: np.ndarray, facts: str = "") -> bytes:
    """An answer frame: planes (P, H, W) uint8 and JSON."""
    text = facts.encode()
    return ANSWER.pack(sequence, kind, *planes.shape, len(text)) + planes.tobytes() + text


def decode_pixels(model: "VAE", z: np.ndarray) -> np.ndarray:
    """model.decode of z (D,) or (M, D) as uint8 planes, (C, H, W) or (M*C, H, W)."""
    import torch

    from core.images import to_uint8

    with torch.inference_mode():
        points = torch.tensor(z, dtype=torch.float32)
        images = to_uint8(model.decode(points[None] if points.ndim == 1 else points))
    return images.flatten(0, 1).numpy()
