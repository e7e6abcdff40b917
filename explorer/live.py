"""The routes that the page's own scripts speak to: the live channel, the maps, the scripts.

explorer/channel.py is the channel's half of the server. Whatever else is asked here is answered
from the caches by threads of its own lane, for an id out of the list and nothing else.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from core.limits import ID_LENGTH, MODEL_BYTES, REQUESTS_WAITING
from explorer import caches, catalogue, map_data, panels, repairs, run_figures
from explorer.channel import channel, page_errors
from explorer.frames import decode_pixels
from explorer.lanes import in_lane, waiting

COMPONENTS = Path(__file__).parent / "components"
TEND_EVERY = 2.0  # s between two looks whether the next training may start
TIDY_EVERY = 60.0  # s between two looks for what can go, such as what pages that were left held
STUCK = 30_000  # ms after which the kernel hangs up on a peer that takes nothing
# s that a thread may keep Python from the event loop. With CPython's 5 ms a hand beside a repair
# had a 95th percentile of 95 ms, with this 26 ms, on a busy machine of two cores.
TURN = 0.0005
CHUNK = 2**16  # bytes of an answer that are held for a peer that reads slowly


async def _answered(
    request: Request, media_type: str, function: Callable[..., str | bytes], *keys: str
) -> Response:
    """What a cached function of some of the path's parameters returns, as a response; what it
    raises for a user, as a sentence."""
    arguments = [_checked(key, request.path_params[key]) for key in keys]
    if waiting("map") >= REQUESTS_WAITING.most:
        sentence = f"{REQUESTS_WAITING} requests wait for maps and pictures already. Try again."
        raise HTTPException(503, sentence, {"Retry-After": "5"})
    try:
        content = await in_lane("map", function, *arguments)
    except page_errors() as error:
        raise HTTPException(404, str(error)) from None
    body = content.encode() if isinstance(content, str) else content
    headers = {"Cache-Control": "no-cache", "Content-Length": str(len(body))}
    return StreamingResponse(_chunks(body), media_type=media_type, headers=headers)


def _checked(key: str, value: str) -> str | int:
    if len(value) > ID_LENGTH.most:
        raise HTTPException(404, f"An id has at most {ID_LENGTH} characters; got {len(value):,}.")
    if key != "epoch":
        return value
    if not re.fullmatch("[0-9]{1,6}", value):
        raise HTTPException(404, f"There is no epoch {value!r}.")
    return int(value)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """In parts: the next one is not taken before the peer has read, so a slow one holds little."""
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]


async def map_figure(request: Request) -> Response:
    keys = ("checkpoint", "projection", "points")
    return await _answered(request, "application/json", map_data.map_figure, *keys)


async def encoded(request: Request) -> Response:
    """mu of a map's images: float32, (N, D), row-major."""

    def mu(name: str, points: str) -> bytes:
        return map_data.encoded(name, points).mu.astype("<f4").tobytes()

    return await _answered(request, "application/octet-stream", mu, "checkpoint", "points")


async def pictures(request: Request) -> Response:
    """A map's images: one byte a pixel, (N, C, H, W), row-major."""
    keys = ("checkpoint", "points")
    response = await _answered(request, "application/octet-stream", map_data.pictures, *keys)
    response.headers["Content-Encoding"] = "gzip"
    return response


async def shadow_map(request: Request) -> Response:
    def png(name: str) -> bytes:
        return map_data.shadow_map(name).png

    return await _answered(request, "image/png", png, "checkpoint")


async def epoch_map(request: Request) -> Response:
    """A run's test images after an epoch, as run_figures.epoch_map lays them out."""
    keys = ("checkpoint", "epoch")
    return await _answered(request, "application/octet-stream", run_figures.epoch_map, *keys)


async def epoch_picture(request: Request) -> Response:
    keys = ("checkpoint", "kind", "epoch")
    return await _answered(request, "image/png", run_figures.epoch_picture, *keys)


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


INSIDE: list[BaseRoute] = [
    WebSocketRoute("/channel/{checkpoint}", channel),
    Route("/map/{checkpoint}/{projection}/{points}.json", map_figure),
    Route("/encoded/{checkpoint}/{points}.f32", encoded),
    Route("/pictures/{checkpoint}/{points}.u8", pictures),
    Route("/shadow/{checkpoint}.png", shadow_map),
    Route("/training/{checkpoint}/{epoch}.map", epoch_map),
    Route("/training/{checkpoint}/{kind}-{epoch}.png", epoch_picture),
    Route("/plotly.js", plotly_js),
    Mount("/static", BrowserFiles(directory=COMPONENTS)),
]


def routes(base_path: str = "") -> list[BaseRoute]:
    """Everything below live/, where the page looks for it: below Streamlit's server.baseUrlPath,
    which Streamlit puts before its own routes only."""
    return [Mount(f"/{base_path.strip('/')}/live".replace("//", "/"), routes=INSIDE)]


ROUTES = routes()


def _listening() -> Iterator[socket.socket]:
    """This server's listening sockets."""
    for connection in psutil.Process().net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.fd >= 0:
            with socket.socket(fileno=os.dup(connection.fd)) as listening:
                yield listening


def hang_up_on_the_stuck() -> None:
    """Let the kernel end a connection whose peer takes nothing for STUCK ms: what waits to be
    sent would be held for as long as it likes. Accepted sockets inherit it. Linux only."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        for listening in _listening():
            listening.setsockopt(socket.IPPROTO_TCP, option, STUCK)


def settle_down() -> None:
    """Import what the panels need, and count all that is there by now as there for good: a look for
    garbage goes through every object, and those of torch and plotly alone kept all hands from
    their pictures for a quarter of a second."""
    for panel in pkgutil.iter_modules(panels.__path__, f"{panels.__name__}."):
        importlib.import_module(panel.name)
    gc.collect()
    gc.freeze()


def forget_the_gone(app: Any) -> None:
    """Let go of what the sessions held whose pages were left longer ago than Streamlit waits for
    them. It does so itself only when the next page is left, and never with the last: on a quiet
    evening a class's uploads would stay until morning. Streamlit has no public name for it; with
    another version of it nothing may happen here, which tests/browser/test_sessions.py would tell.
    """
    with contextlib.suppress(AttributeError):
        for _, gone in app._runtime._session_mgr._session_storage._cache.expire():
            gone.session.shutdown()
            gone.session.session_state.clear()


def give_back() -> None:
    """Have the C library return to the system what is free. By itself glibc keeps it: 200 clients
    that asked for large pictures and read none left 240 MB. Elsewhere this does nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """Bring torch and the default model into memory while the browser fetches the page."""
    # Uploads live in memory only: past a megabyte Starlette would put them into a file.
    MultiPartParser.spool_max_size = MODEL_BYTES.most

    def warm() -> None:
        import torch

        # One image is too little to share: a second thread would only add waiting, much of it
        # when the machine is busy.
        torch.set_num_threads(1)
        try:
            name = catalogue.default_checkpoint()
            model = caches.model(name)
            decode_pixels(model, np.zeros(model.z_dim, np.float32))
            caches.reference(name)
            blank, mask = bytes(model.image_size), bytes(model.image_size // model.image_shape[0])
            repairs.glimpse(name, repairs.asked(blank, mask, blank))
        except page_errors():
            pass  # the page names what is wrong, where someone can read it
        settle_down()

    async def tend() -> None:
        """The queue of trainings goes on also when nobody looks at it."""
        await asyncio.shield(warming)  # a server that ends meanwhile ends this, not that
        from explorer import trainings

        while True:
            with contextlib.suppress(trainings.Refused, OSError):  # full disk: tried again
                await asyncio.to_thread(trainings.advance)
            await asyncio.sleep(TEND_EVERY)

    async def tidy() -> None:
        """What Streamlit would do after every run of every page."""
        while True:
            await asyncio.sleep(TIDY_EVERY)
            forget_the_gone(app)
            gc.collect()
            await asyncio.to_thread(give_back)

    sys.setswitchinterval(TURN)
    with contextlib.suppress(OSError, psutil.Error):  # a system that does not tell, or not let
        hang_up_on_the_stuck()
    warming = asyncio.create_task(asyncio.to_thread(warm))
    tasks = [asyncio.create_task(tend()), asyncio.create_task(tidy())]
    yield
    for task in tasks:
        task.cancel()
    await warming
    from explorer import jobs

    await asyncio.to_thread(jobs.end)
