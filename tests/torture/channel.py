"""The live channel of a real server, on loopback: dropped, fuzzed, not read, flooded, lied to.

Every row has a server that other people use meanwhile; what it must be afterwards is the last two
rows: as large as before, and as fast.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator

import load
import psutil
from driver import Server

from core.limits import CLIENTS, FRAME_POINTS
from explorer import frames, live
from tests.torture import strangers
from tests.torture.fuzzed_frames import BROKEN, Fuzzed, asked, fuzzed, points, repair
from tests.torture.tally import Row, Tally
from tests.torture.wire import CLOSE, PING, Answer, Closed, Wire, framed, request

PATH = "/live/channel/mnist-mlp-20"
AT_ONCE = 16  # connections of ours
EVERY = 50  # attempts; then the server is asked whether it still answers
SETTLE = live.TIDY_EVERY + 10  # s that it has to give memory back
GROWTH = 0.1  # of the server's memory, allowed for all that
LARGE = 10 * (frames.STRIPS, frames.TILES)  # 8 MB: more than the kernel's buffers take
SLOW_BYTES = 2**21  # what the server may hold for one that does not read: two answers, and buffers
FRAME_TIME = 16.7  # ms, the 95th percentile that a normal client gets
MB = 2**20


def rows(scale: float, seed: int, server: Server | None = None) -> Iterator[Row]:
    def many(count: int) -> int:
        return max(1, round(count * scale))

    with contextlib.ExitStack() as stack:
        running = server or stack.enter_context(Server())
        runner = stack.enter_context(asyncio.Runner(loop_factory=load.loop_of_exact_timers))
        runner.run(_warm_up(running, seed))
        before = memory(running)
        yield runner.run(dropped(running, many(10_000), seed))
        yield runner.run(fuzzing(running, many(100_000), seed))
        yield runner.run(slow_readers(running, many(200), wait=scale >= 1))
        yield runner.run(floods(running, many(20), max(100, many(5_000))))
        yield runner.run(crowd(running, 20))
        yield runner.run(strangers.handshakes(running))
        yield runner.run(strangers.paths(running, many(70_000), seed))
        yield runner.run(_settled(running, before))
        yield runner.run(_normal_client(running, max(1.0, 20 * min(1.0, scale)), scale))


def memory(server: Server) -> int:
    """Resident bytes of the server's process."""
    assert server.process
    return int(psutil.Process(server.process.pid).memory_info().rss)


async def alive(server: Server) -> None:
    """Raises where an ordinary client is not answered rightly."""
    wire = await Wire.opened(server.url, PATH)
    try:
        wire.write(framed(asked(frames.DECODE, bytes(80), 77)))
        answer = await wire.receive()
        if not isinstance(answer, Answer) or answer[:3] != (77, frames.DECODE, 1):
            raise AssertionError(f"An ordinary client was answered with {answer}.")
    finally:
        wire.drop()


async def _in_turns(tally: Tally, count: int, turn: Callable[[int], Awaitable[None]]) -> None:
    """turn(0) ... turn(count - 1), AT_ONCE of them at any time."""
    left = iter(range(count))

    async def work() -> None:
        for n in left:
            with tally.attempt(f"number {n}"):
                await turn(n)

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, count))))


STAGES = (
    "connected", "half a handshake", "handshake not read", "open", "half a frame",
    "half of 10 MB", "decode not read", "filmstrips not read", "during a repair",
    "during 16 answers", "close not read", "after its close", "in pieces", "unknown model",
)  # fmt: skip


async def dropped(server: Server, count: int, seed: int) -> Row:
    """Connections that end at every stage of their life."""
    tally = Tally("connections dropped at every stage")

    async def turn(n: int) -> None:
        await _drop_at(server, STAGES[n % len(STAGES)], random.Random(f"{seed} {n}"))
        if n % EVERY == EVERY - 1 or n == count - 1:
            await alive(server)

    await _in_turns(tally, count, turn)
    tally.note = f"{len(STAGES)} stages; after every {EVERY} the server must answer"
    return tally.row()


async def _drop_at(server: Server, stage: str, rng: random.Random) -> None:
    early = {
        "connected": b"",
        "half a handshake": request(server.url, PATH)[: rng.randint(1, 90)],
        "handshake not read": request(server.url, PATH),
        "unknown model": request(server.url, "/live/channel/nobody"),
    }
    late = {
        "open": b"",
        "half a frame": framed(asked(frames.DECODE, points(rng)))[: rng.randint(1, 80)],
        "half of 10 MB": framed(bytes(rng.randint(0, 60_000)), length=10 * MB),
        "decode not read": framed(asked(frames.DECODE, points(rng))),
        "filmstrips not read": framed(asked(frames.STRIPS, bytes(80 * FRAME_POINTS.most))),
        "during a repair": framed(asked(frames.REPAIR, repair(rng))),
        "during 16 answers": framed(asked(frames.COMPLETE, repair(rng, k=16, steps=50))),
        "close not read": framed(b"\x03\xe8", CLOSE),
        "after its close": framed(b"\x03\xe8", CLOSE) + framed(asked(frames.DECODE, bytes(80))),
        "in pieces": framed(b"begun", last=False),
    }
    wire = await (Wire.to(server.url) if stage in early else Wire.opened(server.url, PATH))
    wire.write(early[stage] if stage in early else late[stage])
    if stage == "unknown model":
        status, sentence = await wire.response()
        assert status == 404 and sentence.endswith("."), (status, sentence)
    if rng.random() < 0.5:  # half of them say good-bye to TCP, half do not
        with contextlib.suppress(OSError):
            await wire.writer.drain()
        wire.writer.close()
    else:
        await asyncio.sleep(rng.random() / 100)
        wire.drop()


async def fuzzing(server: Server, count: int, seed: int) -> Row:
    """Frames of all kinds; each has its answer, or a close code with a sentence."""
    tally = Tally("fuzzed frames")
    seen = {"answers": 0, "refusals": 0}

    async def work(start: int) -> None:
        wire: Wire | None = None
        for n in range(start, count, AT_ONCE):
            made = fuzzed(random.Random(f"{seed} {n}"))
            with tally.attempt(f"seed {seed}, frame {n}, {made.how}"):
                wire = wire or await Wire.opened(server.url, PATH)
                wire.write(made.data)
                answer = await wire.receive()
                seen["answers" if isinstance(answer, Answer) else "refusals"] += 1
                if isinstance(answer, Closed):
                    wire.drop()
                    wire = None
                _check(made, answer)
        if wire is not None:
            wire.drop()

    await asyncio.gather(*(work(start) for start in range(min(AT_ONCE, count))))
    tally.note = f"{seen['answers']:,} answered, {seen['refusals']:,} refused with code and reason"
    return tally.row()


def _check(made: Fuzzed, answer: Answer | Closed) -> None:
    if isinstance(answer, Answer):
        assert made.answered is not False, f"answered: {answer}"
        return
    assert not made.answered, f"refused: {answer}"
    codes = made.codes if made.sentence else made.codes | BROKEN
    assert answer.code in codes, answer
    assert answer.reason or not made.sentence, answer


async def slow_readers(server: Server, count: int, *, wait: bool) -> Row:
    """Clients that ask for large answers and read none, while another one works."""
    tally = Tally("clients that ask and do not read")
    before, most = memory(server), count * SLOW_BYTES + 32 * MB
    wires, peak = [], before
    for _ in range(count):
        with tally.attempt("a slow reader"):
            wire = await Wire.opened(server.url, PATH)
            wires.append(wire)
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for kind in LARGE:
                wire.write(framed(asked(kind, bytes(80 * FRAME_POINTS.most))))
    end = time.monotonic() + (0.5 if not wait else live.STUCK / 1000 + 15)
    while time.monotonic() < end:
        await alive(server)
        peak = max(peak, memory(server))
        await asyncio.sleep(0.2)
    grown = peak - before
    tally.note = f"+{grown / MB:.0f} MB at most; ceiling {most / MB:.0f} MB"
    tally.demand(grown < most, f"The server grew by {grown / MB:.0f} MB.")
    if wait:
        await asyncio.sleep(1)
        left = _connections(server, {wire.writer.get_extra_info("sockname")[1] for wire in wires})
        tally.note += f"; {count - left} of {count} hung up on"
        tally.demand(left == 0, f"{left} connections that take nothing are still held.")
    for wire in wires:
        wire.drop()
    return tally.row()


def _connections(server: Server, ports: set[int]) -> int:
    assert server.process
    held = psutil.Process(server.process.pid).net_connections("tcp")
    return sum(1 for one in held if one.raddr and one.raddr.port in ports)


async def floods(server: Server, count: int, requests: int) -> Row:
    """Clients that send without waiting: all is answered, in its order, and others are too."""
    tally = Tally("requests sent without waiting for an answer")

    async def flood(n: int) -> None:
        wire = await Wire.opened(server.url, PATH)
        rng = random.Random(n)
        kinds = [rng.choice((frames.DECODE, frames.PLACE)) for _ in range(requests)]
        for sequence, kind in enumerate(kinds):
            wire.write(framed(asked(kind, points(rng), sequence)))
            if sequence % 97 == 0:
                wire.write(framed(b"still there?", PING))
        for sequence, kind in enumerate(kinds):
            with tally.attempt(f"flood {n}, request {sequence}"):
                answer = await wire.receive()
                assert answer[:2] == (sequence, kind), answer
        wire.drop()

    async def meanwhile() -> None:
        while True:
            await alive(server)
            await asyncio.sleep(0.1)

    others = asyncio.create_task(meanwhile())
    await asyncio.gather(*(flood(n) for n in range(count)))
    others.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await others
    tally.note = f"{count} clients"
    return tally.row()


async def crowd(server: Server, surplus: int) -> Row:
    """More clients than there are places: the surplus is told so, and the rest are answered."""
    tally = Tally("clients beyond the limit")
    wires: list[Wire] = []
    told = 0
    while told < surplus and len(wires) < CLIENTS.most + surplus:
        wire = await Wire.opened(server.url, PATH)
        wires.append(wire)
        wire.write(framed(asked(frames.DECODE, bytes(80))))
        answer = await wire.receive()
        if isinstance(answer, Closed):
            with tally.attempt(f"client {len(wires)}"):
                told += 1
                assert answer.code == frames.TRY_AGAIN_LATER and str(CLIENTS) in answer.reason
    for wire in wires:
        wire.drop()
    tally.note = f"{len(wires) - told} were served"
    tally.demand(told == surplus, f"Only {told} of {surplus} were refused.")
    await _until_free(server)
    return tally.row()


async def _until_free(server: Server) -> None:
    for _ in range(100):
        with contextlib.suppress(AssertionError):
            return await alive(server)
        await asyncio.sleep(0.1)
    raise AssertionError("The places of those who left are not free again.")


async def _warm_up(server: Server, seed: int) -> None:
    """Everything once, so that what is kept on purpose is there before memory is measured."""
    await dropped(server, 2 * len(STAGES), seed + 1)
    await fuzzing(server, 100, seed + 1)
    await slow_readers(server, 16, wait=False)
    await floods(server, 4, 100)
    await strangers.paths(server, 50, seed)


async def _settled(server: Server, before: int) -> Row:
    tally = Tally("memory afterwards")
    with tally.attempt("afterwards"):
        end = time.monotonic() + SETTLE
        while (after := memory(server)) >= (1 + GROWTH) * before and time.monotonic() < end:
            await asyncio.sleep(0.1)
        tally.note = f"{before / MB:.0f} MB before, {after / MB:.0f} MB after; at most 10% more"
        assert after < (1 + GROWTH) * before, f"The server has {after / MB:.0f} MB."
    return tally.row()


async def _normal_client(server: Server, seconds: float, scale: float) -> Row:
    tally = Tally("z of a normal client afterwards")
    found = await load.drags(server, 1, seconds)
    tally.tried, tally.survived = int(str(found["z due"])), int(str(found["z due"]))
    p95 = float(str(found["p95 ms"]))
    tally.note = f"95th percentile {p95:.1f} ms of {FRAME_TIME}; load {os.getloadavg()[0]:.1f}"
    if scale >= 1:
        tally.demand(p95 <= FRAME_TIME, f"The 95th percentile is {p95:.1f} ms.")
    return tally.row()
