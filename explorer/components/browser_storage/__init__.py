"""What is kept in the browser."""

from collections.abc import Callable

from explorer.components.wrapping import register

_mount = register("browser_storage")


def browser_storage(
    name: str,
    value: str,
    *,
    session: str,
    empty: bool,
    heard: bool,
    key: str,
    on_stored_change: Callable[[], None],
) -> None:
    """Keeps `value` in the browser's storage as `name`.

    What the browser holds already is not written over before Python has `heard` of it; an `empty`
    value is not worth writing.

    During on_stored_change session_state[key].stored is {"key": name, "value": ..., "merge": bool}:
    what an earlier visit kept (to be joined with the present value) or another tab has just kept.
    """
    data = {"key": name, "value": value, "session": session, "empty": empty, "heard": heard}
    _mount(key=key, data=data, on_stored_change=on_stored_change)
