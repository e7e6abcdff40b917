"""Looks for garbage: rare, and past what is there for good; what a page leaves is still found."""

import asyncio
import ctypes
import gc
import tomllib
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from explorer import live

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()  # what servers of other tests have left
    yield
    gc.unfreeze()


class Left:
    """What only a look for garbage finds: it refers to itself."""

    def __init__(self) -> None:
        self.myself = self


async def until(happened: Callable[[], bool], otherwise: str) -> None:
    for _ in range(6000):
        if happened():
            return
        await asyncio.sleep(0.01)
    pytest.fail(otherwise)


def test_what_is_there_for_good_is_looked_at_no_more() -> None:
    live.settle_down()
    assert gc.get_freeze_count() > 5 * len(gc.get_objects())
    left = weakref.ref(Left())
    gc.collect()
    assert left() is None


def test_what_is_free_is_given_back() -> None:
    """glibc keeps all that lies below something still in use."""

    def resident() -> int:
        return int(psutil.Process().memory_info().rss)

    pieces = [bytes(2**16) for _ in range(2000)]
    left = pieces[::20]
    del pieces
    before = resident()
    live.give_back()
    returned = before - resident()
    assert len(left) == 100
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        assert returned > 60 * 2**20


def test_a_server_tidies_up_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's own look after every run of a script is off, so this one is needed."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["runner"]["postScriptGC"] is False
    monkeypatch.setattr(live, "TIDY_EVERY", 0.01)

    async def serve() -> None:
        gc.disable()
        try:
            async with live.lifespan(None):
                await until(lambda: gc.get_freeze_count() > 0, "it never settled down")
                left = weakref.ref(Left())
                await until(lambda: left() is None, "nobody looked for garbage")
        finally:
            gc.enable()

    with ThreadPoolExecutor(1) as thread:  # this one's event loop may be the browser tests'
        thread.submit(lambda: asyncio.run(serve())).result()
