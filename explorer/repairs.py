"""What the live channel and the Repair panel ask of core.repair, and the answers as bytes and JSON.

An Ask is a repair as plain values: the same hand gives the same Ask, from the browser as from
Python, so a result found for the one is found again for the other (explorer/caches.py). Its payload
in a frame is

    uint32 n, n bytes of JSON (the settings), C*H*W bytes of image, H*W bytes of mask (0 or 1), and,
    if the picture before its damage is known, C*H*W bytes of that original.

An Answer is what is painted: pictures of C planes of bytes, and JSON with what they do not say.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core.limits import SETTINGS_BYTES
from explorer import caches, map_data

if TYPE_CHECKING:
    from torch import Tensor

    from core.damage import Observation
    from core.repair import Glimpse, Repair

LENGTH = struct.Struct("<I")
# A standard deviation in [0, 1] is at most 0.5: twice of it fills a byte. pictures.js knows it too.
STD_SCALE = 2
EXACT = 99.0  # dB; a picture without any error has infinitely many, and JSON has no infinity


class PayloadError(ValueError):
    """A payload that says nothing which can be repaired; the message is a sentence."""


class Ask(NamedTuple):
    """One picture to repair and how. Hashable: a cache's key."""

    image: bytes  # C*H*W levels, 0 where missing
    mask: bytes  # H*W of 0 (missing) and 1 (observed)
    original: bytes = b""  # C*H*W levels, or none when it is not known
    noise: float | None = 0.0  # None: estimated. As core.damage.Observation has them
    salt: float | None = 0.0
    blur: float = 0.0
    factor: int = 1
    method: str = "posterior"
    k: int = 16
    steps: int | None = None
    seed: int = 0


class Answer(NamedTuple):
    planes: np.ndarray  # (P*C, H, W) uint8; of the uncertainty all C planes are the same
    facts: str  # JSON

    def encoded(self) -> dict[str, Any]:
        """For a page that has no socket: what the frame holds, in base64."""
        pixels = base64.b64encode(self.planes.tobytes()).decode()
        return {"shape": self.planes.shape, "pixels": pixels, "facts": self.facts}


class Completed(NamedTuple):
    """A repair with everything that is shown of it."""

    repair: Repair
    answer: Answer  # plain, mean, std, then the completions


def most_bytes(shape: tuple[int, ...]) -> int:
    """The longest payload for pictures of `shape` (C, H, W)."""
    return LENGTH.size + SETTINGS_BYTES.most + 2 * math.prod(shape) + math.prod(shape[1:])


def parsed(payload: bytes, shape: tuple[int, ...]) -> Ask:
    """The Ask in a frame's payload. Raises PayloadError."""
    if len(payload) < LENGTH.size:
        raise PayloadError("The request ends before its settings.")
    (length,) = LENGTH.unpack_from(payload)
    if length > SETTINGS_BYTES.most:
        raise PayloadError(f"The settings have {length} bytes; at most {SETTINGS_BYTES} are taken.")
    settings, pictures = payload[LENGTH.size :][:length], payload[LENGTH.size + length :]
    size, pixels = math.prod(shape), math.prod(shape[1:])
    least = size + pixels
    if len(settings) < length or len(pictures) not in (least, least + size):
        raise PayloadError(
            f"The pictures have {len(pictures)} bytes; {least} or {least + size} are expected."
        )
    image, mask, original = pictures[:size], pictures[size:least], pictures[least:]
    return asked(image, mask, original, **_settings(settings, side=shape[-1]))


def asked(image: bytes, mask: bytes, original: bytes = b"", **settings: Any) -> Ask:
    """An Ask whose missing pixels hold 0, whatever `image` has there."""
    known = np.frombuffer(mask, np.uint8)
    if known.size and known.max() > 1:
        raise PayloadError("The mask holds a value other than 0 and 1.")
    kept = np.frombuffer(image, np.uint8).reshape(-1, max(known.size, 1)) * known  # (C, H*W)
    return Ask(kept.tobytes(), bytes(mask), bytes(original), **settings)


def _settings(text: bytes, *, side: int) -> dict[str, Any]:
    """The JSON of a payload, each field checked by its kind. Raises PayloadError."""
    from core.limits import REPAIR_ANSWERS, REPAIR_STEPS
    from core.methods import METHODS

    def number(value: object) -> bool:
        # Comparing refuses NaN and takes an int of any length, which math.isfinite does not.
        return type(value) in (int, float) and -1e9 < value < 1e9  # type: ignore[operator]

    def whole(value: object, least: int, most: int) -> bool:
        return type(value) is int and least <= value <= most

    checks: dict[str, Callable[[Any], bool]] = {
        "noise": lambda value: value is None or number(value),
        "salt": lambda value: value is None or number(value),
        "blur": number,
        "factor": lambda value: whole(value, 1, side) and side % value == 0,
        "method": lambda value: isinstance(value, str) and value in METHODS,
        "k": lambda value: whole(value, 1, REPAIR_ANSWERS.most),
        "steps": lambda value: value is None or whole(value, 0, REPAIR_STEPS.most),
        "seed": lambda value: whole(value, 0, 2**32 - 1),
    }
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or nested without end
        raise PayloadError("The settings are no JSON.") from None
    if not isinstance(settings, dict):
        raise PayloadError("The settings are no JSON object.")
    for field, value in settings.items():
        if field not in checks or not checks[field](value):
            raise PayloadError(f"The settings' field {field[:20]!r} cannot be {repr(value)[:30]}.")
    return {
        field: float(value) if isinstance(value, int) and field in ("noise", "salt", "blur")
        else value
        for field, value in settings.items()
    }  # fmt: skip


def glimpse(name: str, ask: Ask) -> Answer:
    """The plain pass, the posterior mean and the uncertainty, in milliseconds. RepairError."""
    import time

    start = time.perf_counter()
    found = _glimpse(name, ask)
    scores = _scores(ask, found.plain, found.mean)
    facts = {"ms": round(1000 * (time.perf_counter() - start), 2), **scores}
    return Answer(_planes(found.plain, found.mean, found.std), json.dumps(facts))


def complete(name: str, ask: Ask, on_step: Callable[[int, int], None]) -> Completed:
    """K answers with their weights, grouped by class. Deterministic. Raises RepairError."""
    import torch

    from core import repair

    model = caches.model(name)
    result = repair.repair(
        model, observation(ask, model.image_shape), method=ask.method, k=ask.k, steps=ask.steps,
        generator=torch.Generator().manual_seed(ask.seed), posterior=caches.posterior(name),
        encoded=caches.latent_map(name),
        on_step=on_step,
    )  # fmt: skip
    plain = _glimpse(name, ask).plain
    classes = caches.classes(name)
    facts = {
        "weights": _rounded(result.weights),
        "groups": _groups(result, classes),
        "z": [_rounded(z) for z in result.z],
        "xy": _on_the_map(name, result.z),
        "ess": round(result.ess, 2),
        "ms": round(result.milliseconds, 1),
        "noise": result.seen.noise,
        "salt": result.seen.salt,
        **_scores(ask, plain, result.mean, structure=True),
    }
    planes = _planes(plain, result.mean, result.std, *result.completions)
    return Completed(result, Answer(planes, json.dumps(facts)))


def _groups(result: Repair, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Answers by class; all together where nobody knows classes."""
    from core import repair

    weights = result.weights.tolist()
    if result.labels is None:
        members = list(range(len(weights)))
        return [{"class": None, "label": "", "weight": 1.0, "members": members}]
    return [
        {
            "class": group.label,
            "label": classes[group.label or 0],
            "weight": round(group.weight, 5),
            # Of equal weights the typical one, which core puts in front, stays in front.
            "members": sorted(group.members, key=lambda n: -round(weights[n], 4)),
        }
        for group in repair.groups(result)
    ]


def observation(ask: Ask, shape: tuple[int, ...]) -> Observation:
    """What core repairs: one picture, (1, 1, H, W)."""
    from core.damage import Observation

    return Observation(
        picture(ask.image, shape), _mask(ask.mask, shape),
        ask.noise, ask.salt, ask.blur, ask.factor,
    )  # fmt: skip


def levels(image: Tensor) -> bytes:
    """A picture in [0, 1] as an Ask has it."""
    from core.images import to_uint8

    return to_uint8(image).numpy().tobytes()


def picture(levels: bytes, shape: tuple[int, ...], most: int = 255) -> Tensor:
    """Levels up to `most` as core has pictures: (1, C, H, W) in [0, 1]."""
    import torch

    pixels = np.frombuffer(levels, np.uint8).astype(np.float32) / most
    return torch.from_numpy(pixels).view(1, *shape)


def _mask(mask: bytes, shape: tuple[int, ...]) -> Tensor:
    """The same in all channels, (1, C, H, W)."""
    return picture(mask, (1, *shape[1:]), 1).repeat(1, shape[0], 1, 1)


def _glimpse(name: str, ask: Ask) -> Glimpse:
    from core import repair

    model = caches.model(name)
    return repair.glimpse(model, observation(ask, model.image_shape), caches.posterior(name))


def _scores(ask: Ask, plain: Tensor, mean: Tensor, *, structure: bool = False) -> dict[str, Any]:
    """PSNR where pixels are missing (everywhere if none is) of plain pass and repair, and SSIM if
    there is time for it."""
    if not ask.original:
        return {"psnr": None, "ssim": None}
    from core.metrics import psnr, ssim

    shape = tuple(plain.shape)
    x, known = picture(ask.original, shape)[0], _mask(ask.mask, shape)[0]
    where = None if known.all() else known == 0
    return {
        "psnr": [round(min(psnr(x, y, where), EXACT), 2) for y in (plain, mean)],
        "ssim": [round(ssim(x, y), 4) for y in (plain, mean)] if structure else None,
    }


def _planes(plain: Tensor, mean: Tensor, std: Tensor, *completions: Tensor) -> np.ndarray:
    import torch

    from core.images import to_uint8
    from core.repair import over_channels

    spread = STD_SCALE * over_channels(std).expand_as(mean)
    return to_uint8(torch.cat([plain, mean, spread, *completions])).numpy()


def _on_the_map(name: str, z: Tensor) -> list[list[float]]:
    """Where (K, D) lie on the plane of map_data.shadow_map; none where there is none."""
    if not map_data.has_plane(name):
        return []
    return [_rounded(xy) for xy in map_data.projection(name, "pca").project(z.numpy())]


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 5) for value in values]
