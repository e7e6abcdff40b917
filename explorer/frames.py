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
    PASSES    the same                                 encoded and decoded 1 to PASSES_MADE times
    TERMS     mu and log_var of a q(z), D float32      decode(mu), then TERM_SAMPLES draws of q
              each, and C*H*W levels of a picture x    decoded, and in JSON the nats of both terms

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

DECODE, REPAIR, COMPLETE, STRIPS, TILES, PLACE, TERMS, PASSES = 1, 2, 3, 4, 5, 6, 7, 8
TERM_SAMPLES = 8  # of q: what the reconstruction is the mean over
PASSES_MADE = 30
MOST_LOG_VAR = 20.0  # either way, of the log variance of a q
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
    if kind == TERMS:
        mu, log_var, x = _belief(frame, model)
        return Job(kind, lambda: _terms(sequence, model, mu, log_var, x))
    if kind not in (REPAIR, COMPLETE, PASSES):
        raise FrameError(INVALID, f"There is no request of kind {kind}.")
    if len(frame) > picture:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {picture} are taken.")
    try:
        ask = repairs.parsed(frame[REQUEST.size :], model.image_shape)
    except repairs.PayloadError as error:
        raise FrameError(INVALID, str(error)) from None
    if kind == PASSES:
        return Job(kind, lambda: _passes(sequence, model, ask))
    return Job(kind, lambda: _repaired(name, sequence, kind, ask))


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


def _belief(frame: bytes, model: "VAE") -> tuple[np.ndarray, np.ndarray, bytes]:
    """The payload of TERMS: mu and log_var, (D,) each, and the levels of x. Raises FrameError."""
    numbers = 8 * model.z_dim
    expected = REQUEST.size + numbers + model.image_size
    if len(frame) != expected:
        raise FrameError(
            INVALID, f"The frame has {len(frame)} bytes; {expected} are expected of this kind."
        )
    q = np.frombuffer(frame, "<f4", 2 * model.z_dim, REQUEST.size).reshape(2, -1)
    if not (np.abs(q) <= np.array([[MOST_VALUE], [MOST_LOG_VAR]])).all():  # false for NaN, too
        raise FrameError(
            INVALID,
            f"mu must lie within ±{MOST_VALUE:,.0f} and log_var within ±{MOST_LOG_VAR:.0f}.",
        )
    return q[0], q[1], frame[REQUEST.size + numbers :]


def _terms(sequence: int, model: "VAE", mu: np.ndarray, log_var: np.ndarray, x: bytes) -> bytes:
    """The answer to TERMS. The noise is the same each time: what changes is what was moved."""
    import torch

    from core.checkpoint import CheckpointError
    from core.images import to_uint8
    from core.reconstruct import with_belief

    noise = torch.randn(TERM_SAMPLES, model.z_dim, generator=torch.Generator().manual_seed(0))
    q = torch.from_numpy(np.stack([mu, log_var]))
    try:
        found = with_belief(model, repairs.picture(x, model.image_shape), q[0], q[1], noise)
    except CheckpointError as error:
        return packed(sequence, TERMS, NO_PIXELS, json.dumps({"error": str(error)}))
    planes = to_uint8(torch.cat([found.x_recon[None], found.samples])).flatten(0, 1).numpy()
    facts = {"reconstruction": found.nll, "kl": found.kl}
    return packed(sequence, TERMS, planes, json.dumps(facts))


def _passes(sequence: int, model: "VAE", ask: repairs.Ask) -> bytes:
    """The answer to PASSES."""
    import torch

    from core.checkpoint import CheckpointError
    from core.images import to_uint8
    from core.repair import iterated_passes

    try:
        made = iterated_passes(model, repairs.observation(ask, model.image_shape), PASSES_MADE)
    except CheckpointError as error:
        return packed(sequence, PASSES, NO_PIXELS, json.dumps({"error": str(error)}))
    return packed(sequence, PASSES, to_uint8(torch.cat(made)).flatten(0, 1).numpy())


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
