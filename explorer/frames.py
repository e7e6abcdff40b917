"""The frames of the live channel: what a request asks of a checkpoint, and its answer.

Little-endian; see explorer/components/channel.js for the browser's side.

    request   uint32 sequence, uint32 kind, then the payload
    answer    uint32 sequence, uint16 kind, uint16 P, uint16 H, uint16 W, uint32 n,
              then P*H*W pixels and n bytes of JSON

    DECODE    z as float32, D numbers                  the decoded picture
    STRIPS    M points as float32, (M, D)              M decoded pictures, the filmstrips
    TILES     the same                                 the same, the tiles under the map
    PLACE     z as float32, D numbers                  the nearest images, and in JSON where z lies
    REPAIR    a damaged picture (explorer/repairs.py)  plain pass, posterior mean, uncertainty
    COMPLETE  the same                                 the same three, then K completions
    PASSES    the same                                 encoded and decoded 1 to answers.PASSES times
    TERMS     mu and log_var of a q(z), D float32      decode(mu), then some draws of q
              each, and C*H*W levels of a picture x    decoded, and in JSON the nats of both terms
    ALIVE     nothing                                  in JSON which files the checkpoint has

A frame that does not fit is refused with a close code and a reason.
"""

import json
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.limits import COORDINATE, FRAME_POINTS, LOG_VARIANCE
from explorer import caches, catalogue, repairs

if TYPE_CHECKING:
    from core import VAE
    from core.data import LabelledImages
    from core.typicality import Reference

DECODE, REPAIR, COMPLETE, STRIPS, TILES, PLACE, ALIVE, TERMS, PASSES = 1, 2, 3, 4, 5, 6, 7, 8, 9
MOST_REASON = 123  # bytes, RFC 6455
NO_PIXELS = np.empty((0, 0, 0), np.uint8)
NO_POINTS = np.empty((0, 0), np.float32)
REQUEST = struct.Struct("<II")  # sequence, kind
ANSWER = struct.Struct("<IHHHHI")  # sequence, kind, planes, H, W, length of the JSON

# Close codes of RFC 6455, section 7.4.1; the last one is of IANA's registry.
UNSUPPORTED, INVALID, TOO_BIG, INTERNAL, TRY_AGAIN_LATER = 1003, 1007, 1009, 1011, 1013


class FrameError(Exception):
    """A frame that cannot be answered: a close code and a reason of at most MOST_REASON bytes."""

    def __init__(self, code: int, reason: str) -> None:
        self.code, self.reason = code, reason.encode()[:MOST_REASON].decode(errors="ignore")
        super().__init__(self.reason)


class Gone(Exception):
    """Nobody waits for the answer any more."""


class Surroundings(NamedTuple):
    """What a z is compared with."""

    reference: "Reference"
    pictures: "LabelledImages"
    classes: tuple[str, ...]


class Loaded(NamedTuple):
    """A checkpoint with all in memory that is answered while a hand moves."""

    name: str
    model: "VAE"
    surroundings: Surroundings | str  # or a sentence: why there are none


class Job(NamedTuple):
    """A request that is understood."""

    sequence: int
    kind: int
    z: np.ndarray  # (M, D) points
    ask: repairs.Ask | None = None  # or a repair
    x: bytes = b""  # the levels of a picture


def loaded(name: str) -> Loaded:
    """Reads a checkpoint, or finds it in the caches. Raises CheckpointError."""
    from core.checkpoint import CheckpointError
    from core.data import DataError

    model = caches.model(name)
    try:
        found = Surroundings(caches.reference(name), caches.test_set(name), caches.classes(name))
    except (CheckpointError, DataError, ValueError) as error:  # the model decodes without them
        return Loaded(name, model, str(error))
    return Loaded(name, model, found)


def understood(model: "VAE", frame: bytes | None) -> Job:
    """What one request frame (None: it was text) asks. Raises FrameError."""
    if frame is None:
        raise FrameError(UNSUPPORTED, "The live channel takes binary frames, not text.")
    picture = REQUEST.size + repairs.most_bytes(model.image_shape)
    most = max(REQUEST.size + FRAME_POINTS.most * 4 * model.z_dim, picture)
    if len(frame) > most:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {most} are taken.")
    if len(frame) < REQUEST.size:
        raise FrameError(
            INVALID, f"The frame has {len(frame)} bytes; its header alone has {REQUEST.size}."
        )
    sequence, kind = REQUEST.unpack_from(frame)
    if kind in (DECODE, PLACE):
        return Job(sequence, kind, _points(frame, model.z_dim, 1))
    if kind in (STRIPS, TILES):
        return Job(sequence, kind, _points(frame, model.z_dim, FRAME_POINTS.most))
    if kind == ALIVE:
        if len(frame) > REQUEST.size:
            raise FrameError(
                INVALID,
                f"The frame has {len(frame)} bytes; {REQUEST.size} are expected of this kind.",
            )
        return Job(sequence, kind, NO_POINTS)
    if kind == TERMS:
        belief, x = _belief(frame, model)
        return Job(sequence, kind, belief, x=x)
    if kind not in (REPAIR, COMPLETE, PASSES):
        raise FrameError(INVALID, f"There is no request of kind {kind}.")
    if len(frame) > picture:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {picture} are taken.")
    try:
        ask = repairs.parsed(frame[REQUEST.size :], model.image_shape)
    except repairs.PayloadError as error:
        raise FrameError(INVALID, str(error)) from None
    return Job(sequence, kind, NO_POINTS, ask)


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
    if not (np.abs(z) <= COORDINATE.most).all():  # false for NaN, too
        raise FrameError(
            INVALID, f"z holds a value that is not a finite number within ±{COORDINATE}."
        )
    return z


def answered(serving: Loaded, job: Job, gone: Callable[[], bool] = lambda: False) -> bytes:
    """The answer frame. A repair that nobody waits for any more, as `gone` says, ends with Gone.

    Raises FrameError where a person's own decoder fails.
    """
    if job.kind in (TERMS, PASSES):
        return _lesson(serving.model, job)
    if job.ask is not None:
        return _repaired(serving.name, job, job.ask, gone)
    if job.kind == PLACE:
        return _placed(serving, job.sequence, job.z[0])
    if job.kind == ALIVE:
        return _alive(serving.name, job.sequence)
    return packed(job.sequence, job.kind, decoded(serving.model, job.z))


def decoded(model: "VAE", z: np.ndarray) -> np.ndarray:
    """decode_pixels. Raises FrameError where a person's own decoder fails."""
    from core.checkpoint import CheckpointError

    try:
        return decode_pixels(model, z)
    except CheckpointError as error:
        raise FrameError(INVALID, str(error)) from error


def _placed(serving: Loaded, sequence: int, z: np.ndarray) -> bytes:
    """The answer to PLACE; without a data set to compare with, a sentence in it."""
    if isinstance(serving.surroundings, str):
        return packed(sequence, PLACE, NO_PIXELS, json.dumps({"error": serving.surroundings}))
    return packed(sequence, PLACE, *place(serving.surroundings, z))


def place(among: Surroundings, z: np.ndarray) -> tuple[np.ndarray, str]:
    """The encoded images nearest to z (D,) as planes, and core.typicality.Typicality as JSON."""
    import torch

    from core.images import to_uint8
    from core.typicality import typicality

    found = typicality(torch.tensor(z, dtype=torch.float32), among.reference)
    labels = among.pictures.labels[found.nearest].tolist()
    facts = found._asdict() | {
        "nearest": found.nearest.tolist(),
        "distances": found.distances.tolist(),
        "classes": [among.classes[label] for label in labels],
    }
    planes = to_uint8(among.pictures.images[found.nearest]).flatten(0, 1).numpy()
    return planes, json.dumps(facts)


def _alive(name: str, sequence: int) -> bytes:
    """The answer to ALIVE. Raises CheckpointError once the checkpoint is gone."""
    return packed(sequence, ALIVE, NO_PIXELS, json.dumps({"version": catalogue.version(name)}))


def _repaired(name: str, job: Job, ask: repairs.Ask, gone: Callable[[], bool]) -> bytes:
    """The answer frame of a repair; what a user can mend is a sentence in it, without pixels."""
    from core.checkpoint import CheckpointError
    from core.methods import RepairError

    def on_step(done: int, total: int) -> None:
        if gone():
            raise Gone

    try:
        found = (
            repairs.glimpse(name, ask)
            if job.kind == REPAIR
            else caches.completion(name, ask, on_step).answer
        )
    except (RepairError, CheckpointError) as error:
        return packed(job.sequence, job.kind, NO_PIXELS, json.dumps({"error": str(error)}))
    return packed(job.sequence, job.kind, found.planes, found.facts)


def _belief(frame: bytes, model: "VAE") -> tuple[np.ndarray, bytes]:
    """The payload of TERMS: mu and log_var, (2, D), and the levels of x. Raises FrameError."""
    numbers = 8 * model.z_dim
    expected = REQUEST.size + numbers + model.image_size
    if len(frame) != expected:
        raise FrameError(
            INVALID, f"The frame has {len(frame)} bytes; {expected} are expected of this kind."
        )
    q = np.frombuffer(frame, "<f4", 2 * model.z_dim, REQUEST.size).reshape(2, -1)
    if not (np.abs(q) <= np.array([[COORDINATE.most], [LOG_VARIANCE.most]])).all():  # nor NaN
        raise FrameError(
            INVALID,
            f"mu must lie within ±{COORDINATE} and log_var within ±{LOG_VARIANCE}.",
        )
    return q, frame[REQUEST.size + numbers :]


def _lesson(model: "VAE", job: Job) -> bytes:
    """The answer to TERMS and PASSES; where a person's own network fails, a sentence in it."""
    from core.checkpoint import CheckpointError
    from explorer.lessons import answers

    try:
        if job.ask is not None:
            planes, facts = answers.passes(model, job.ask)
        else:
            planes, facts = answers.terms(model, job.z, job.x)
    except CheckpointError as error:
        planes, facts = NO_PIXELS, json.dumps({"error": str(error)})
    return packed(job.sequence, job.kind, planes, facts)


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
