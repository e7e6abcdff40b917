"""Threads for work that takes too long, or too much: a few for each kind, its lane.

No kind waits for another: repairs of a class full of people hold up no map, and neither holds up
Streamlit's own files, which have threads of their own. One kind's work is done in the order in
which it came; there is no more of it at once than there are cores to do it.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

HALF = max(1, (os.cpu_count() or 2) // 2)  # of the cores: the event loop needs one too
AT_ONCE = {
    "load": 4,  # mostly waiting for each other: the first one loads, the rest find it loaded
    "decode": 1,
    "strips": HALF,
    "glimpse": HALF,
    "repair": HALF,
    "map": 4,  # as for "load"
    # What people send. A few kilobytes may unpack to all that core.limits allows: six pictures at
    # once took 4.8 GB, and one after another, in a little less time, the 0.7 GB of one.
    "upload": 1,
}
_threads = {lane: ThreadPoolExecutor(most, f"{lane} lane") for lane, most in AT_ONCE.items()}
_waiting = dict.fromkeys(AT_ONCE, 0)


async def in_lane(lane: str, function: Callable[..., T], *arguments: object) -> T:
    """function(*arguments) from a thread of the lane. Cancelled while it waits for one, it is
    never called; one that runs goes on to its end, and nobody hears what it returns."""
    _waiting[lane] += 1
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads[lane], function, *arguments)
    finally:
        _waiting[lane] -= 1


def through_lane(lane: str, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """The same for a session's own thread, which waits."""
    return _threads[lane].submit(function, *arguments, **options).result()


def waiting(lane: str) -> int:
    """How many callers the lane has, those that are being served included."""
    return _waiting[lane]
