"""Frames that nobody should send, and some that one may: each with what has to come of it."""

import json
import random
from typing import NamedTuple

import numpy as np

from core.limits import FRAME_POINTS
from explorer import frames, repairs
from tests.torture.wire import BINARY, CONTINUATION, PING, PONG, TEXT, framed

Z_DIM, PIXELS = 20, 784  # of mnist-mlp-20
REFUSED = frozenset({1003, 1007, 1009})  # by explorer/frames.py, with a sentence
BROKEN = frozenset({1002, 1007, 1009})  # by the library below it


class Fuzzed(NamedTuple):
    how: str
    data: bytes
    answered: bool | None  # whether it must be answered (True), refused (False), either (None)
    codes: frozenset[int] = REFUSED
    sentence: bool = True  # whether the refusal is ours, and says why


def fuzzed(rng: random.Random) -> Fuzzed:
    """Another one. All that it depends on is `rng`."""
    return rng.choice(_KINDS)(rng)


def points(rng: random.Random, count: int = 1) -> bytes:
    return np.array([rng.gauss(0, 1) for _ in range(count * Z_DIM)], "<f4").tobytes()


def repair(rng: random.Random, **settings: object) -> bytes:
    """A REPAIR's or COMPLETE's payload: a box of noise to fill in."""
    text = json.dumps({"k": 2, "steps": 1, "seed": rng.getrandbits(20)} | settings).encode()
    mask = bytes(rng.random() < 0.7 for _ in range(PIXELS))
    return repairs.LENGTH.pack(len(text)) + text + rng.randbytes(PIXELS) + mask


def asked(kind: int, payload: bytes, sequence: int = 1) -> bytes:
    return frames.REQUEST.pack(sequence, kind) + payload


def _right(rng: random.Random) -> Fuzzed:
    kind = rng.choice([frames.DECODE, frames.PLACE, frames.STRIPS, frames.TILES])
    many = 1 if kind in (frames.DECODE, frames.PLACE) else rng.randint(1, 9)
    return Fuzzed(f"kind {kind}", framed(asked(kind, points(rng, many))), True)


def _right_repair(rng: random.Random) -> Fuzzed:
    kind = frames.COMPLETE if rng.random() < 0.02 else frames.REPAIR
    return Fuzzed(f"kind {kind}", framed(asked(kind, repair(rng))), True)


def _right_lesson(rng: random.Random) -> Fuzzed:
    kind = rng.choice([frames.TERMS, frames.PASSES, frames.ALIVE])
    payload = {
        frames.TERMS: points(rng, 2) + rng.randbytes(PIXELS),
        frames.PASSES: repair(rng),
        frames.ALIVE: b"",
    }[kind]
    return Fuzzed(f"kind {kind}", framed(asked(kind, payload)), True)


def _wrong_lesson(rng: random.Random) -> Fuzzed:
    kind, payload = rng.choice([
        (frames.ALIVE, rng.randbytes(rng.randint(1, 99))),
        (frames.TERMS, points(rng, 2) + rng.randbytes(PIXELS - rng.randint(1, PIXELS))),
        (frames.TERMS, points(rng) + np.full(Z_DIM, 1e3, "<f4").tobytes() + bytes(PIXELS)),
        (frames.TERMS, np.full(2 * Z_DIM, np.nan, "<f4").tobytes() + bytes(PIXELS)),
        (frames.PASSES, repair(rng)[: -rng.randint(1, PIXELS)]),
    ])  # fmt: skip
    return Fuzzed(f"kind {kind} bent", framed(asked(kind, payload)), False)


def _noise(rng: random.Random) -> Fuzzed:
    return Fuzzed("noise", framed(rng.randbytes(rng.randint(0, 300))), None)


def _unknown_kind(rng: random.Random) -> Fuzzed:
    after = frames.PASSES + 1  # the last one
    kind = rng.choice([0, after, 255, 256, 2**31, 2**32 - 1, rng.randint(after, 2**32 - 1)])
    return Fuzzed(f"kind {kind}", framed(asked(kind, points(rng))), False)


def _no_number(rng: random.Random) -> Fuzzed:
    z = np.frombuffer(points(rng), "<f4").copy()
    z[rng.randrange(Z_DIM)] = rng.choice([np.nan, np.inf, -np.inf, 3e38, -1.1e6])
    kind = rng.choice([frames.DECODE, frames.PLACE, frames.STRIPS, frames.TILES])
    return Fuzzed(f"no number, kind {kind}", framed(asked(kind, z.tobytes())), False)


def _wrong_length(rng: random.Random) -> Fuzzed:
    kind = rng.choice([frames.DECODE, frames.PLACE, frames.STRIPS, frames.TILES])
    size = rng.choice([n for n in range(400) if n % (4 * Z_DIM)] + [0])
    return Fuzzed(f"{size} bytes, kind {kind}", framed(asked(kind, bytes(size))), False)


def _too_many(rng: random.Random) -> Fuzzed:
    kind, many = rng.choice(
        [(frames.DECODE, 2), (frames.PLACE, 9), (frames.STRIPS, FRAME_POINTS.most + 1)]
    )
    return Fuzzed(f"{many} points, kind {kind}", framed(asked(kind, bytes(80 * many))), False)


def _too_long(rng: random.Random) -> Fuzzed:
    size = rng.choice([50_000, 65_535, 65_536, 500_000])
    return Fuzzed(f"{size} bytes", framed(rng.randbytes(size)), False)


def _text(rng: random.Random) -> Fuzzed:
    said = rng.choice(["", "hello", "{}", "\0" * 9, "零一二", "z=" + "1," * 2000])
    return Fuzzed(f"text {said[:9]!r}", framed(said.encode(), TEXT), False)


def _pieces(rng: random.Random) -> Fuzzed:
    """A right request in pieces, with pings between them."""
    data, sent = asked(frames.DECODE, points(rng)), b""
    cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(1, 5)))
    for n, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(data)], strict=True)):
        sent += framed(data[start:end], CONTINUATION if n else BINARY, last=n == len(cuts))
        if n < len(cuts) and rng.random() < 0.3:
            sent += framed(rng.randbytes(5), rng.choice([PING, PONG]))
    return Fuzzed(f"in {len(cuts) + 1} pieces", sent, True)


def _wrong_repair(rng: random.Random) -> Fuzzed:
    said = rng.choice([
        {"k": 0}, {"k": 10**9}, {"k": 2.5}, {"k": True}, {"steps": -1}, {"steps": 10**30},
        {"seed": -1}, {"noise": "a lot"}, {"salt": [1]}, {"blur": None}, {"factor": 3.0},
        {"factor": 5}, {"method": "../posterior"}, {"method": None}, {"more": 1}, {"": {}},
    ])  # fmt: skip
    kind = rng.choice([frames.REPAIR, frames.COMPLETE])
    return Fuzzed(f"settings {said}", framed(asked(kind, repair(rng, **said))), False)


def _bent_repair(rng: random.Random) -> Fuzzed:
    """A right one cut, flipped or with other settings."""
    data = bytearray(repair(rng))
    way = rng.randrange(4)
    if way == 0:
        data = data[: rng.randrange(len(data))]
    elif way == 1:
        data[-rng.randint(1, PIXELS)] = rng.randint(2, 255)  # of the mask
    elif way == 2:
        data[:4] = rng.choice([0, 1, 1024, 1025, 2**31, 2**32 - 1]).to_bytes(4, "little")
    else:
        text = rng.choice([b"[1]", b"[" * 900, b"nul", b"\xff\xfe", b'{"k":NaN}', b'{"k":1e999}'])
        data = bytearray(repairs.LENGTH.pack(len(text)) + text + bytes(2 * PIXELS))
    kind = rng.choice([frames.REPAIR, frames.COMPLETE])
    return Fuzzed(f"bent {way}, kind {kind}", framed(asked(kind, bytes(data))), False)


def _no_websocket(rng: random.Random) -> Fuzzed:
    """What the protocol itself forbids."""
    data = rng.choice([
        framed(points(rng), masked=False),
        framed(points(rng), reserved=rng.randint(1, 7)),
        framed(b"", rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])),
        framed(bytes(126), PING),
        framed(b"", PING, last=False),
        framed(b"more", CONTINUATION),
        framed(b"begun", last=False) + framed(b"anew"),
        framed(b"\xff\xfe\xfd", TEXT),
        framed(b"", length=2**40),
    ])  # fmt: skip
    return Fuzzed(f"no WebSocket: {data[:4].hex()}", data, False, BROKEN, sentence=False)


_KINDS = (
    _right, _right, _right_repair, _right_lesson, _pieces, _pieces, _noise, _unknown_kind,
    _no_number, _wrong_length, _too_many, _too_long, _text, _wrong_repair, _bent_repair,
    _wrong_lesson, _no_websocket,
)  # fmt: skip
