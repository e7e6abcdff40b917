"""Whether visitors may change what the server holds. Knows no Streamlit.

A server for a class is started with LATENT_EXPLORER_READ_ONLY=1: its models stay as they are and
nobody begins work that lasts minutes. What is not offered is refused as well where it is done.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

READ_ONLY = "LATENT_EXPLORER_READ_ONLY"  # environment variable; set and not 0: nothing is changed
REFUSED = (
    f"This server was started with {READ_ONLY} set: its models are not to be changed from the "
    "page, and nothing is trained or computed for them."
)


def writable() -> bool:
    """Whether visitors may change the models of this server."""
    return os.environ.get(READ_ONLY, "0").strip().lower() in ("", "0", "false", "no")


def refused_by(kind: type[Exception]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that raises `kind` with REFUSED, instead of being run, on a read-only server."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            if not writable():
                raise kind(REFUSED)
            return function(*args, **kwargs)

        return checked

    return decorate
