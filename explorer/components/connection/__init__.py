"""What a page does when the server is gone, and when it is back."""

from collections.abc import Callable

from explorer.components.wrapping import Live, register

_mount = register("connection", isolate_styles=False)


def connection(
    page: Live,
    *,
    memory: str,
    key: str,
    on_memory_change: Callable[[], None],
    on_look_change: Callable[[], None],
) -> None:
    """Says while the connection is lost, and holds `memory` over a restart of the server.

    A server that was restarted begins a new session; in it session_state[key].memory is, during
    on_memory_change, what the session before has left here. on_look_change asks for nothing but a
    rerun: the checkpoint's files are others, or gone.
    """
    _mount(
        key=key,
        data={"page": page, "memory": memory},
        on_memory_change=on_memory_change,
        on_look_change=on_look_change,
    )
