"""Many hands dragging at once: 1, 8 and 32 clients of the live channel, 60 z a second each.

python benchmarks/load.py

The models are the one that the page opens with, and the tutorials' network. The clients run in this
process, the server in one of its own. Each does as channel.js: one request is under way, a newer z
takes the place of one that waits. Every z that was due counts, with the time from then until a
picture caught up with it: its own, or that of the newer z that replaced it. `echo` is the same
server with a route that answers as many bytes and decodes nothing: what the sockets and the clients
themselves cost.
"""

import asyncio
import os
import selectors
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
from driver import ROOT, Server, report
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

CLIENTS = (1, 8, 32)
MODELS = {"mnist-conv-32": 32, "mnist-mlp-20": 20}  # and their latent dimensions
RATE, SECONDS, WARM_UP = 60, 10, 3  # z a second of one client, s, s
GRACE = 1  # s for the answers under way at the end
PIXELS = 784  # of their pictures
REQUEST, ANSWER = struct.Struct("<II"), struct.Struct("<IHHHHI")  # as in explorer/frames.py
DECODE = 1

ECHO = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect
async def echo(socket):
    await socket.accept()
    try:
        while True:
            head = (await socket.receive_bytes())[:4]
            await socket.send_bytes(head + bytes({rest}))
    except WebSocketDisconnect:
        pass
app = st.App({page!r}, routes=[WebSocketRoute("/live/channel/{{checkpoint}}", echo)])
"""


class Client(asyncio.Protocol):
    """One browser's half of the channel, without the browser."""

    def __init__(self, address: str, origin: str, zs: np.ndarray) -> None:
        self.websocket = ClientProtocol(parse_uri(address), origin=origin)
        self.frames = [z.tobytes() for z in zs]
        self.open = asyncio.get_running_loop().create_future()
        self.pending: list[float] = []  # when the z's were due that no picture caught up with yet
        self.under_way = 0  # how many of them the request under way will have caught up with
        self.waits: list[float] = []  # s
        self.sent = self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.websocket.send_request(self.websocket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self.websocket.receive_data(data)
        for event in self.websocket.events_received():
            if isinstance(event, Response):
                self.open.set_result(event.status_code)
            elif isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                self._caught_up(event.data)
        self._flush()

    def drag(self, start: float, count: int, n: int = 0) -> None:
        """`count` z are due from `start` on; this is the n-th."""
        if n + 1 < count:
            following = start + (n + 1) / RATE
            asyncio.get_running_loop().call_at(following, self.drag, start, count, n + 1)
        self.pending.append(start + n / RATE)
        if not self.under_way:
            self._send()
            self._flush()

    def _send(self) -> None:
        self.sent += 1
        self.under_way = len(self.pending)
        z = self.frames[self.sent % len(self.frames)]
        self.websocket.send_binary(REQUEST.pack(self.sent, DECODE) + z)

    def _caught_up(self, answer: bytes) -> None:
        if len(answer) != ANSWER.size + PIXELS or REQUEST.unpack_from(answer)[0] != self.sent:
            raise RuntimeError("The server sent an answer that was not asked for.")
        now = asyncio.get_running_loop().time()
        self.waits += [now - due for due in self.pending[: self.under_way]]
        del self.pending[: self.under_way]
        self.under_way = 0
        self.answers += 1
        if self.pending:
            self._send()

    def _flush(self) -> None:
        self.transport.writelines(self.websocket.data_to_send())


async def drags(
    server: Server, count: int, seconds: float, model: str = "mnist-mlp-20"
) -> dict[str, object]:
    """`count` clients for `seconds`, each beginning at its own moment of the first period."""
    loop = asyncio.get_running_loop()
    rng = np.random.default_rng(0)
    clients = []
    for _ in range(count):
        _, client = await loop.create_connection(
            lambda: Client(
                f"ws://localhost:{server.port}/live/channel/{model}",
                server.url,
                rng.standard_normal((64, MODELS[model])).astype("<f4"),
            ),
            "localhost",
            server.port,
        )
        if (status := await client.open) != 101:
            raise RuntimeError(f"The server refused a client with status {status}.")
        clients.append(client)
    own, theirs = time.process_time(), cpu_seconds(server)
    starts = (loop.time() + 0.1 + rng.random(count) / RATE).tolist()
    for client, start in zip(clients, starts, strict=True):
        loop.call_at(start, client.drag, start, round(RATE * seconds))
    await asyncio.sleep(0.1 + 1 / RATE + seconds)
    own, theirs = time.process_time() - own, cpu_seconds(server) - theirs
    await asyncio.sleep(GRACE)
    waits: list[float] = []
    for client in clients:
        client.transport.close()
        # What was never caught up with has waited at least until now.
        waits += client.waits + [loop.time() - due for due in client.pending]
    answers = [client.answers for client in clients]
    return {
        "clients": count,
        "z due": len(waits),
        "sent": sum(client.sent for client in clients),
        "answers": sum(answers),
        "answered %": 100 * sum(answers) / len(waits),
        "slowest client, answers/s": min(answers) / seconds,
        **{f"p{p} ms": 1000 * float(np.percentile(waits, p)) for p in (50, 95, 99)},
        "longest ms": 1000 * max(waits),
        "server CPU %": 100 * theirs / seconds,
        "clients' CPU %": 100 * own / seconds,
    }


def cpu_seconds(server: Server) -> float:
    """What the server's process has used; nan where there is no /proc."""
    file = Path(f"/proc/{server.process.pid if server.process else 0}/stat")
    if not file.exists():
        return float("nan")
    fields = file.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system


def loop_of_exact_timers() -> asyncio.AbstractEventLoop:
    """epoll rounds every wait up to a millisecond, select does not."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        page, echo = Path(folder) / "page.py", Path(folder) / "echo.py"
        page.write_text("import streamlit as st\nst.write('echo')\n")
        rest = ANSWER.size - 4 + PIXELS
        echo.write_text(ECHO.format(root=str(ROOT), page=str(page), rest=rest))
        for name, server in (("live channel", Server()), ("echo", Server(echo))):
            with server, asyncio.Runner(loop_factory=loop_of_exact_timers) as runner:
                for model in MODELS if name != "echo" else ["mnist-mlp-20"]:
                    runner.run(drags(server, 1, WARM_UP, model))
                    for count in CLIENTS:
                        found = runner.run(drags(server, count, SECONDS, model))
                        rows.append({"route": name, "model": model, **found})
    report(rows, rate=RATE, seconds=SECONDS)


if __name__ == "__main__":
    main()
