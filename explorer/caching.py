"""How results are kept: by a checkpoint's id and the fingerprint of its files, so that a replaced
checkpoint is read again.

functools and not st.cache_resource, because the live channel runs outside any session.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from core.limits import ID_LENGTH
from explorer import catalogue

T = TypeVar("T")
LOOK = 0.1  # s between two looks of one who waits whether to go on waiting


class Slot(Generic[T]):
    """A place for one result. Whoever comes second waits for the first and finds it there, so that
    many who ask at once cost what one does. What raises is not kept.

    `while_waiting` is called again and again by one who waits; if it raises, that one leaves.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._found: tuple[T] | None = None

    def get(self, make: Callable[[], T], while_waiting: Callable[[], None] = lambda: None) -> T:
        if self._found is None:
            while not self._lock.acquire(timeout=LOOK):
                while_waiting()
            try:
                if self._found is None:
                    self._found = (make(),)
            finally:
                self._lock.release()
        return self._found[0]

    @property
    def filled(self) -> bool:
        return self._found is not None


def per_checkpoint(max_entries: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Cache a function whose first argument is a checkpoint's id; many threads may call it."""

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        one_at_a_time = threading.Lock()  # or two that come together would get a slot each

        @functools.lru_cache(maxsize=max_entries)
        def slot(name: str, _fingerprint: tuple[int, ...], *rest: object) -> Slot[T]:
            return Slot()

        @functools.wraps(function)
        def call(name: str, *rest: object) -> T:
            from core.checkpoint import CheckpointError, fingerprint

            if name not in catalogue.checkpoints():  # an id out of the list, never a path
                raise CheckpointError(f"There is no checkpoint {name[: ID_LENGTH.most]!r}.")
            with one_at_a_time:
                place = slot(name, fingerprint(catalogue.folder(name)), *rest)
            return place.get(lambda: function(name, *rest))

        return call

    return decorate
