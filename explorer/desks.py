"""Where the clients of one checkpoint are served together.

A desk stands as long as somebody is connected. It holds the checkpoint in memory, so that nothing
is looked up while hands move, and it decodes what has come within one turn of the event loop in
one pass of the network: 32 points at once cost four to eight times less than one by one, and who
is alone waits for nobody.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from explorer import frames
from explorer.lanes import in_lane

if TYPE_CHECKING:
    from core import VAE

LOOK_AGAIN = 1.0  # s between two looks whether a checkpoint was replaced
MOST_AT_ONCE = 32  # points of one pass
SLOW = 0.01  # s; a pass that takes longer goes to a thread, and the event loop to others


class _Asked(NamedTuple):
    model: "VAE"
    z: np.ndarray  # (1, D)
    planes: "asyncio.Future[np.ndarray]"  # (C, H, W) uint8


class Desk:
    """Serves one checkpoint within one event loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients = 0
        self.problem: Exception | None = None  # of the last look: deleted, renamed, damaged
        self._loaded: frames.Loaded | None = None
        self._looked = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._waiting: list[_Asked] = []
        self._decoding: asyncio.Task[None] | None = None
        self._cost = 0.0  # s a picture, as last measured

    async def open(self) -> frames.Loaded:
        """The checkpoint, read if need be. Raises CheckpointError."""
        if self._loaded is None:
            await self._look()
        return self.serving()

    def serving(self) -> frames.Loaded:
        """The checkpoint; a training may have replaced it since, so it is looked at now and then.

        Raises CheckpointError when it is gone.
        """
        if self.problem is not None or self._loaded is None:
            raise self.problem or RuntimeError("The desk is not open.")
        if self._looking is None and time.monotonic() > self._looked + LOOK_AGAIN:
            self._looking = asyncio.create_task(self._look())
        return self._loaded

    async def _look(self) -> None:
        try:
            self._loaded = await in_lane("load", frames.loaded, self.name)
        except Exception as error:
            self.problem = error
        self._looked, self._looking = time.monotonic(), None

    async def decode(self, model: "VAE", z: np.ndarray) -> np.ndarray:
        """The picture of z (1, D) as uint8 planes (C, H, W). Raises FrameError."""
        asked = _Asked(model, z, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._decoding is None:
            self._decoding = asyncio.create_task(self._decode_waiting())
        return await asked.planes

    async def _decode_waiting(self) -> None:
        try:
            while self._waiting:
                model = self._waiting[0].model  # of all but where a training has just replaced it
                same = [asked for asked in self._waiting if asked.model is model]
                others = [asked for asked in self._waiting if asked.model is not model]
                batch, self._waiting = same[:MOST_AT_ONCE], others + same[MOST_AT_ONCE:]
                await self._decode(model, batch)
                await asyncio.sleep(0)  # the answers go out, and who has come meanwhile is next
        finally:
            self._decoding = None

    async def _decode(self, model: "VAE", batch: list[_Asked]) -> None:
        z = np.concatenate([asked.z for asked in batch])
        start = time.perf_counter()
        try:
            if self._cost * len(batch) > SLOW:
                planes = await in_lane("decode", frames.decoded, model, z)
            else:
                planes = frames.decoded(model, z)
        except Exception as error:
            if len(batch) > 1:  # one of them may be what a person's own decoder cannot take
                for asked in batch:
                    await self._decode(model, [asked])
            elif not batch[0].planes.done():
                batch[0].planes.set_exception(error)
            return
        self._cost = (time.perf_counter() - start) / len(batch)
        pictures = planes.reshape(len(batch), -1, *planes.shape[1:])
        for asked, picture in zip(batch, pictures, strict=True):
            if not asked.planes.done():  # its client may be gone
                asked.planes.set_result(picture)


_desks: dict[tuple[asyncio.AbstractEventLoop, str], Desk] = {}


def clients() -> int:
    """How many are connected to all desks."""
    return sum(desk.clients for desk in _desks.values())


@asynccontextmanager
async def seat(name: str) -> AsyncIterator[Desk]:
    """A place at a checkpoint's desk, which is set up for the first and goes with the last."""
    key = (asyncio.get_running_loop(), name)
    desk = _desks.get(key)
    if desk is None or desk.problem is not None:  # what it lost may be there again
        desk = _desks[key] = Desk(name)
    desk.clients += 1
    try:
        yield desk
    finally:
        desk.clients -= 1
        if not desk.clients and _desks.get(key) is desk:
            del _desks[key]
