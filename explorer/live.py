"""The server's half of the live channel, and the files that the browser's half is made of.

Frames are little-endian; see explorer/components/live.js for the browser's side.

    request   uint32 sequence, uint32 kind, then the payload
    answer    uint32 sequence, uint16 kind, uint16 P, uint16 H, uint16 W, uint32 n,
              then P*H*W pixels and n bytes of JSON

    DECODE    z as float32, D numbers                  the decoded picture
    STRIPS    M points as float32, (M, D)              M decoded pictures, the filmstrips
    TILES     the same                                 the same, the tiles under the map
    PLACE     z as float32, D numbers                  the nearest images, and in JSON where z lies
    REPAIR    a damaged picture (explorer/repairs.py)  plain pass, posterior mean, uncertainty
    COMPLETE  the same                                 the same three, then K completions

One socket serves one checkpoint, named by its id in the address. A frame that does not fit closes
the socket with a code and a reason; nothing that a client sends stops the server.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from explorer import caches, repairs

if TYPE_CHECKING:
    from core import VAE

COMPONENTS = Path(__file__).parent / "components"
DECODE, REPAIR, COMPLETE, STRIPS, TILES, PLACE = 1, 2, 3, 4, 5, 6
MOST_POINTS = 512  # decoded by one request
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
    """A frame that cannot be answered: a close code and a reason of at most 123 bytes."""

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
            return Job(kind, lambda: packed(sequence, kind, *place(name, z[0])))
        return Job(kind, lambda: packed(sequence, kind, decode_pixels(model, z)))
    if kind not in (REPAIR, COMPLETE):
        raise FrameError(INVALID, f"There is no request of kind {kind}.")
    if len(frame) > picture:
        raise FrameError(TOO_BIG, f"The frame has {len(frame)} bytes; at most {picture} are taken.")
    try:
        ask = repairs.parsed(frame[REQUEST.size :], model.image_shape)
    except repairs.PayloadError as error:
        raise FrameError(INVALID, str(error)) from None
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
    if not np.isfinite(z).all():
        raise FrameError(INVALID, "z holds a value that is not a finite number.")
    return z


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
        images = to_uint8(model.decode(torch.tensor(z, dtype=torch.float32).view(-1, model.z_dim)))
    return images.flatten(0, 1).numpy()


async def channel(socket: WebSocket) -> None:
    """Answer every frame until the client goes."""
    origin = socket.headers.get("origin", "(none)")
    if origin.partition("://")[2] != socket.headers.get("host"):
        await deny(socket, 403, f"The origin {origin} is not this host.")
        return
    name = socket.path_params["checkpoint"]
    try:
        model = await run_in_threadpool(caches.model, name)
    except _page_errors() as error:
        await deny(socket, 404, str(error))
        return
    await socket.accept()
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            job = understood(name, model, message.get("bytes"))
            if job.kind in (DECODE, PLACE):
                # A fraction of a millisecond, less than handing it to another thread would take.
                await socket.send_bytes(job.run())
                continue
            # The rest goes to a thread, one of a kind at a time. live.js asks again only after an
            # answer; a client that does not is not read before its last request is done.
            if job.kind in tasks:
                await tasks[job.kind]
            tasks[job.kind] = asyncio.create_task(_send_from_thread(socket, job))
    except FrameError as error:
        await socket.close(error.code, error.reason)
    except WebSocketDisconnect:
        return
    finally:
        for task in tasks.values():
            task.cancel()


async def _send_from_thread(socket: WebSocket, job: Job) -> None:
    try:
        await socket.send_bytes(await run_in_threadpool(job.run))
    except WebSocketDisconnect:
        return
    except Exception:
        await socket.close(INTERNAL, "The request failed; the server's log says why.")
        raise


async def deny(socket: WebSocket, status: int, reason: str) -> None:
    """Refuse the handshake with a status and a sentence."""
    await socket.send_denial_response(PlainTextResponse(reason, status))


def _page_errors() -> tuple[type[Exception], ...]:
    from core.checkpoint import CheckpointError
    from core.data import DataError

    return CheckpointError, DataError, ValueError


async def _answered(
    media_type: str, function: Callable[..., str | bytes], *arguments: str
) -> Response:
    """What a cached function returns, as a response; what it raises for a user, as a sentence."""
    try:
        content = await run_in_threadpool(function, *arguments)
    except _page_errors() as error:
        raise HTTPException(404, str(error)) from None
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})


async def map_figure(request: Request) -> Response:
    which = (request.path_params[key] for key in ("checkpoint", "projection", "points"))
    return await _answered("application/json", caches.map_figure, *which)


async def encoded(request: Request) -> Response:
    """mu of a map's images: float32, (N, D), row-major."""

    def mu(name: str, points: str) -> bytes:
        return caches.encoded(name, points).mu.astype("<f4").tobytes()

    which = (request.path_params[key] for key in ("checkpoint", "points"))
    return await _answered("application/octet-stream", mu, *which)


async def pictures(request: Request) -> Response:
    """A map's images: one byte a pixel, (N, C, H, W), row-major."""
    which = (request.path_params[key] for key in ("checkpoint", "points"))
    response = await _answered("application/octet-stream", caches.pictures, *which)
    response.headers["Content-Encoding"] = "gzip"
    return response


async def shadow_map(request: Request) -> Response:
    def png(name: str) -> bytes:
        return caches.shadow_map(name).png

    return await _answered("image/png", png, request.path_params["checkpoint"])


async def plotly_js(request: Request) -> Response:
    """plotly.js as the plotly package ships it."""
    import plotly

    file = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    return FileResponse(file, headers={"Cache-Control": "no-cache"})


class BrowserFiles(StaticFiles):
    """The components' scripts and styles, and nothing else of that folder.

    The browser asks each time whether a file has changed: a page after an update must not mix
    old modules with new ones.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not path.endswith((".js", ".css")):
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


ROUTES: list[BaseRoute] = [
    WebSocketRoute("/live/channel/{checkpoint}", channel),
    Route("/live/map/{checkpoint}/{projection}/{points}.json", map_figure),
    Route("/live/encoded/{checkpoint}/{points}.f32", encoded),
    Route("/live/pictures/{checkpoint}/{points}.u8", pictures),
    Route("/live/shadow/{checkpoint}.png", shadow_map),
    Route("/live/plotly.js", plotly_js),
    Mount("/live/static", BrowserFiles(directory=COMPONENTS)),
]


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Bring torch and the default model into memory while the browser fetches the page."""

    def warm() -> None:
        import torch

        # One image is too little to share: a second thread would only add waiting, much of it
        # when the machine is busy.
        torch.set_num_threads(1)
        try:
            model = caches.model(caches.DEFAULT_CHECKPOINT)
            decode_pixels(model, np.zeros(model.z_dim, np.float32))
            caches.reference(caches.DEFAULT_CHECKPOINT)
            blank = bytes(model.image_size)
            repairs.glimpse(caches.DEFAULT_CHECKPOINT, repairs.asked(blank, blank, blank))
        except _page_errors():
            pass  # the page names what is wrong, where someone can read it

    warming = asyncio.create_task(asyncio.to_thread(warm))
    yield
    await warming
