"""A client that speaks WebSocket (RFC 6455) as well or as badly as it is told, to the bytes."""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from explorer import frames

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PATIENCE = 120  # s; whatever takes longer is lost
LINGER_NOT = struct.pack("ii", 1, 0)  # close by RST: nothing is waited for


class Answer(NamedTuple):
    sequence: int
    kind: int
    planes: int
    text: bytes


class Closed(NamedTuple):
    """How the server closed; code 1006: it hung up."""

    code: int
    reason: str


def framed(
    payload: bytes,
    opcode: int = BINARY,
    *,
    last: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """One frame; `length` is what its header claims where that is not the payload's."""
    size = len(payload) if length is None else length
    mark = 0x80 if masked else 0
    head = bytes([(0x80 if last else 0) | reserved << 4 | opcode])
    if size < 126:
        head += bytes([mark | size])
    elif size < 2**16:
        head += bytes([mark | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mark | 127]) + struct.pack("!Q", size)
    return head + (bytes(4) if masked else b"") + payload  # a mask of zeros changes nothing


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> "Wire":
        where = urlsplit(url)
        return cls(*await asyncio.open_connection(where.hostname, where.port))

    @classmethod
    async def opened(cls, url: str, path: str) -> "Wire":
        """After a right handshake."""
        wire = await cls.to(url)
        status, body = await wire.handshake(url, path)
        if status != 101:
            raise ConnectionError(f"The handshake was refused with {status}: {body}")
        return wire

    async def handshake(
        self, url: str, path: str, headers: Mapping[str, str | None] | None = None
    ) -> tuple[int, str]:
        """The status, and the sentence where it is a refusal. None leaves a header out."""
        self.write(request(url, path, headers))
        return await self.response()

    async def response(self) -> tuple[int, str]:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            status = int(head.split()[1])
            return status, "" if status == 101 else (await self.reader.read(2**16)).decode()

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> Answer | Closed:
        """The next answer, or how the server closed."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    opcode, payload = await self._frame()
                    if opcode == BINARY:
                        return _answer(payload)
                    if opcode == CLOSE:
                        code = int.from_bytes(payload[:2]) if payload else 1005
                        return Closed(code, payload[2:].decode())
                    if opcode == PING:
                        self.write(framed(payload, PONG))
        except (asyncio.IncompleteReadError, ConnectionError):
            return Closed(1006, "")

    async def _frame(self) -> tuple[int, bytes]:
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        return first & 0x0F, await self.reader.readexactly(size)

    def drop(self) -> None:
        """At once, whatever is under way."""
        held = self.writer.get_extra_info("socket")
        if held is not None and held.fileno() >= 0:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.writer.transport.abort()


def request(url: str, path: str, headers: Mapping[str, str | None] | None = None) -> bytes:
    """The handshake as a browser's page from `url` sends it, but for `headers`."""
    key = base64.b64encode(os.urandom(16)).decode()
    all_headers: dict[str, str | None] = {
        "Host": urlsplit(url).netloc, "Origin": url, "Upgrade": "websocket",
        "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
        **(headers or {}),
    }  # fmt: skip
    lines = [f"{name}: {value}" for name, value in all_headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def _answer(payload: bytes) -> Answer:
    sequence, kind, planes, height, width, length = frames.ANSWER.unpack_from(payload)
    if len(payload) != frames.ANSWER.size + planes * height * width + length:
        raise ValueError(f"An answer of kind {kind} has {len(payload)} bytes.")
    return Answer(sequence, kind, planes, payload[len(payload) - length :])
