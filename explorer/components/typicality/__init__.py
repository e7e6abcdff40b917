"""How usual z is."""

from collections.abc import Callable

from explorer.components.wrapping import Live, register

_mount = register("typicality")


def typicality(
    live: Live, *, noun: str, named: bool, key: str, on_load_change: Callable[[], None]
) -> None:
    """How usual z is, and its nearest neighbours: each called a `noun`, `named` by its class.

    During on_load_change session_state[key].load is the index of a neighbour that was chosen.
    """
    _mount(
        key=key, data={"live": live, "noun": noun, "named": named}, on_load_change=on_load_change
    )
