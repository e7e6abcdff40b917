"""The live channel of the running server, through a real socket: what the test client skips."""

import asyncio
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import load
import numpy as np
import pytest
from driver import Server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from explorer import frames


def channel(server: Server, origin: str | None = None) -> ClientConnection:
    address = f"ws://localhost:{server.port}/live/channel/mnist-mlp-20"
    return connect(address, origin=origin or server.url, open_timeout=60)  # type: ignore[arg-type]


def assert_alive(server: Server) -> None:
    with channel(server) as socket:
        socket.send(frames.REQUEST.pack(7, frames.DECODE) + np.zeros(20, "<f4").tobytes())
        reply = socket.recv(timeout=30)
        assert isinstance(reply, bytes) and len(reply) == frames.ANSWER.size + 784
        assert frames.ANSWER.unpack_from(reply)[0] == 7


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (bytes(100 * 2**20), 1009),
        (bytes(10 * 2**20), 1009),
        (bytes(10), 1007),
        (frames.REQUEST.pack(1, frames.DECODE) + np.full(20, np.nan, "<f4").tobytes(), 1007),
        ("text", 1003),
    ],
    ids=["100 MB", "10 MB", "short", "NaN", "text"],
)
def test_a_bad_frame_closes_and_the_server_goes_on(
    server: Server, frame: bytes | str, code: int
) -> None:
    with channel(server) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.send(frame)
        socket.recv(timeout=60)
    close = closed.value.rcvd
    # The server refuses 100 MB by their header and hangs up while they are still being sent; what
    # it said may be lost with the connection.
    if close is not None or len(frame) < 32 * 2**20:
        assert close is not None and close.code == code and close.reason
    assert_alive(server)


def test_another_origin_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused, channel(server, "http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    assert b"http://evil.example is not this host" in (refused.value.response.body or b"")
    assert_alive(server)


def test_many_clients_are_answered_each_with_its_own(server: Server) -> None:
    sockets = [channel(server) for _ in range(8)]
    rng = np.random.default_rng(0)
    zs = [rng.standard_normal(20).astype("<f4") for _ in sockets]
    for n, (socket, z) in enumerate(zip(sockets, zs, strict=True)):
        socket.send(frames.REQUEST.pack(n, frames.DECODE) + z.tobytes())
    replies = [socket.recv(timeout=30) for socket in sockets]
    assert [frames.ANSWER.unpack_from(reply)[0] for reply in replies] == list(range(8))  # type: ignore[arg-type]
    assert len({reply[frames.ANSWER.size :] for reply in replies}) == 8
    for socket in sockets:
        socket.close()


def test_no_hand_of_many_is_left_behind(server: Server) -> None:
    with ThreadPoolExecutor(1) as thread:  # this one's event loop may be the browser tests'
        found = thread.submit(asyncio.run, load.drags(server, 16, seconds=1)).result()
    assert found["z due"] == 16 * load.RATE
    # Latest wins may skip z on a busy machine, but every client is answered, up to its last z.
    assert found["slowest client, answers/s"] > load.RATE / 6
    assert found["longest ms"] < 1000 * load.GRACE


def test_pages_and_files_are_served(server: Server) -> None:
    for path in ("", "repair", "reconstruct", "live/static/live.js", "live/plotly.js"):
        with urllib.request.urlopen(f"{server.url}/{path}") as answer:
            assert answer.status == 200
