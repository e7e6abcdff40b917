"""The server's half of the live channel: one socket serves one checkpoint, named in its address.

explorer/frames.py says what is asked and answered. A frame that does not fit closes the socket with
a code and a sentence; nothing that a client sends, or does not read, stops the server.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.limits import CLIENTS, ID_LENGTH
from explorer import desks, frames, origins
from explorer.desks import Desk
from explorer.frames import FrameError, Job, Loaded
from explorer.lanes import in_lane

LANES = {
    frames.REPAIR: "glimpse",
    frames.COMPLETE: "repair",
    frames.STRIPS: "strips",
    frames.TILES: "strips",
    frames.TERMS: "glimpse",
    frames.PASSES: "glimpse",
}
SEND_WITHIN = 30.0  # s; who takes nothing for so long is gone, whatever the network says


async def channel(socket: WebSocket) -> None:
    """Answer every frame until the client goes."""
    if (reason := origins.refusal(socket.headers)) is not None:
        await _deny(socket, 403, reason)
        return
    name = socket.path_params["checkpoint"]
    if len(name) > ID_LENGTH.most:
        await _deny(socket, 404, f"A checkpoint's name has at most {ID_LENGTH} characters.")
        return
    if desks.clients() >= CLIENTS.most:
        await socket.accept()  # a browser shows no reason of a refused handshake to its page
        await _close(
            socket,
            frames.TRY_AGAIN_LATER,
            f"{CLIENTS} connections are open already. Try again.",
        )
        return
    async with desks.seat(name) as desk:
        try:
            await desk.open()
        except page_errors() as error:
            await _deny(socket, 404, str(error))
            return
        await socket.accept()
        try:
            async with asyncio.TaskGroup() as answers:
                await _converse(socket, desk, answers)
        except ExceptionGroup as group:
            for one in _leaves(group):
                await _end(socket, one)


async def _converse(socket: WebSocket, desk: Desk, answers: asyncio.TaskGroup) -> None:
    gone = threading.Event()
    slow: dict[int, asyncio.Task[None]] = {}
    try:
        while (message := await socket.receive())["type"] != "websocket.disconnect":
            serving = desk.serving()
            job = frames.understood(serving.model, message.get("bytes"))
            if job.kind == frames.DECODE:
                planes = await desk.decode(serving.model, job.z)
                await _send(socket, frames.packed(job.sequence, job.kind, planes))
            elif job.kind in (frames.PLACE, frames.ALIVE):
                # Less than a millisecond, as what handing it to another thread would take.
                await _send(socket, frames.answered(serving, job))
            else:
                # The rest goes to a thread, one of a kind at a time. channel.js asks again only
                # after an answer; a client that does not is not read before its last request is
                # done.
                if job.kind in slow:
                    await asyncio.wait([slow[job.kind]])
                slow[job.kind] = answers.create_task(_answer(socket, serving, job, gone))
    finally:
        gone.set()
        for task in slow.values():
            task.cancel()


async def _answer(socket: WebSocket, serving: Loaded, job: Job, gone: threading.Event) -> None:
    await _send(socket, await in_lane(LANES[job.kind], frames.answered, serving, job, gone.is_set))


async def _send(socket: WebSocket, answer: bytes) -> None:
    async with asyncio.timeout(SEND_WITHIN):
        await socket.send_bytes(answer)


async def _end(socket: WebSocket, error: Exception) -> None:
    """Close the socket with what went wrong; what is a fault of this program goes to the log."""
    if isinstance(error, (WebSocketDisconnect, TimeoutError, frames.Gone)):
        return  # nobody is there to be told
    if isinstance(error, FrameError):
        await _close(socket, error.code, error.reason)
    elif isinstance(error, page_errors()[0]):  # deleted or renamed meanwhile: no fault
        await _close(socket, frames.INTERNAL, FrameError(frames.INTERNAL, str(error)).reason)
    else:
        await _close(socket, frames.INTERNAL, "The request failed; the server's log says why.")
        raise error


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    # It may be closed already, or its client reads nothing more.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(SEND_WITHIN):
            await socket.close(code, reason)


async def _deny(socket: WebSocket, status: int, reason: str) -> None:
    """Refuse the handshake with a status and a sentence."""
    await socket.send_denial_response(PlainTextResponse(reason, status))


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def page_errors() -> tuple[type[Exception], ...]:
    """What core raises for a user to read."""
    from core.checkpoint import CheckpointError
    from core.data import DataError

    return CheckpointError, DataError, ValueError
