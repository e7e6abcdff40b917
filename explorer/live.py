"""The server's half of the live channel, and the files that the browser's half is made of.

One socket serves one checkpoint, named by its id in the address; explorer/frames.py says what is
asked and answered. A frame that does not fit closes the socket with a code and a reason; nothing
that a client sends stops the server.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from explorer import caches, repairs
from explorer.frames import DECODE, INTERNAL, PLACE, FrameError, Job, decode_pixels, understood

if TYPE_CHECKING:
    from core import VAE

COMPONENTS = Path(__file__).parent / "components"
MOST_REASON = 123  # bytes, of a frame that closes a socket
TEND_EVERY = 2.0  # s between two looks whether the next training may start
LOOK_AGAIN = 1.0  # s between two looks whether a checkpoint was replaced


def _prepared(name: str) -> "VAE":
    """The model, with all in memory that is answered on the event loop."""
    model = caches.model(name)
    with contextlib.suppress(*_page_errors()):  # without its data set the model still decodes
        caches.reference(name)
        caches.test_set(name)
    return model


async def channel(socket: WebSocket) -> None:
    """Answer every frame until the client goes."""
    origin = socket.headers.get("origin", "(none)")
    if origin.partition("://")[2] != socket.headers.get("host"):
        await deny(socket, 403, f"The origin {origin} is not this host.")
        return
    name = socket.path_params["checkpoint"]
    try:
        model = await run_in_threadpool(_prepared, name)
    except _page_errors() as error:
        await deny(socket, 404, str(error))
        return
    await socket.accept()
    looked = time.monotonic()
    tasks: dict[int, asyncio.Task[None]] = {}
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if time.monotonic() > looked + LOOK_AGAIN:  # a training may replace the weights
                model, looked = await run_in_threadpool(_prepared, name), time.monotonic()
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
    except _page_errors()[:1] as error:  # deleted or renamed meanwhile: no fault of this program
        with contextlib.suppress(RuntimeError):
            await socket.close(INTERNAL, str(error).encode()[:MOST_REASON].decode(errors="ignore"))
    except WebSocketDisconnect:
        return
    except Exception:
        with contextlib.suppress(RuntimeError):  # it may be closed already
            await socket.close(INTERNAL, "The request failed; the server's log says why.")
        raise
    finally:
        for task in tasks.values():
            task.cancel()


async def _send_from_thread(socket: WebSocket, job: Job) -> None:
    try:
        await socket.send_bytes(await run_in_threadpool(job.run))
    except WebSocketDisconnect:
        return
    except FrameError as error:
        await socket.close(error.code, error.reason)
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
    media_type: str, function: Callable[..., str | bytes], *arguments: str | int
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


async def epoch_map(request: Request) -> Response:
    """A run's held-out images after an epoch, as explorer.caches.epoch_map lays them out."""
    which = (request.path_params[key] for key in ("checkpoint", "epoch"))
    return await _answered("application/octet-stream", caches.epoch_map, *which)


async def epoch_picture(request: Request) -> Response:
    which = (request.path_params[key] for key in ("checkpoint", "kind", "epoch"))
    return await _answered("image/png", caches.epoch_picture, *which)


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
    Route("/live/training/{checkpoint}/{epoch:int}.map", epoch_map),
    Route("/live/training/{checkpoint}/{kind}-{epoch:int}.png", epoch_picture),
    Route("/live/plotly.js", plotly_js),
    Mount("/live/static", BrowserFiles(directory=COMPONENTS)),
]


# What is uploaded stays in memory: from a megabyte on, Starlette would put it into a file in /tmp.
MultiPartParser.spool_max_size = 0  # never; server.maxUploadSize is its limit


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Bring torch and the default model into memory while the browser fetches the page."""

    def warm() -> None:
        import torch

        # One image is too little to share: a second thread would only add waiting, much of it
        # when the machine is busy.
        torch.set_num_threads(1)
        try:
            name = caches.default_checkpoint()
            model = caches.model(name)
            decode_pixels(model, np.zeros(model.z_dim, np.float32))
            caches.reference(name)
            blank, mask = bytes(model.image_size), bytes(model.image_size // model.image_shape[0])
            repairs.glimpse(name, repairs.asked(blank, mask, blank))
        except _page_errors():
            pass  # the page names what is wrong, where someone can read it

    async def tend() -> None:
        """The queue of trainings goes on also when nobody looks at it."""
        await warming
        from explorer import trainings

        while True:
            with contextlib.suppress(trainings.Refused, OSError):  # full disk: tried again
                await asyncio.to_thread(trainings.advance)
            await asyncio.sleep(TEND_EVERY)

    warming = asyncio.create_task(asyncio.to_thread(warm))
    tending = asyncio.create_task(tend())
    yield
    tending.cancel()
    await warming
