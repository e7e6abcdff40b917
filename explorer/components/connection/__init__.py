"""What a page does when the server is gone, and when it is back."""

from collections.abc import Callable

from explorer.components.wrapping import Live, register

_mount = register("connection", isolate_styles=False)


def connection(
    page: Live,
    *,
    memory: str,
    unseen: bool,
    looked: int,
    key: str,
    on_memory_change: Callable[[], None],
    on_seen_change: Callable[[], None],
    on_look_change: Callable[[], None],
) -> None:
    """Says while the connection is lost, and holds `memory` over a restart of the server.

    A server that was restarted begins a new session; in it session_state[key].memory is, during
    on_memory_change, {"text": what the session before has left here, "upload": the picture that was
    uploaded on the page, as image_input tells it, or None}. As long as some of it is `unseen`, the
    page says, once it has shown what it was sent, on_seen_change.

    on_look_change asks for a rerun: after a cut, or since the checkpoint's files are others or
    gone; its number, session_state[key].look, is to come back as `looked`, or it is asked again.
    """
    _mount(
        key=key,
        data={"page": page, "memory": memory, "unseen": unseen, "looked": looked},
        on_memory_change=on_memory_change,
        on_seen_change=on_seen_change,
        on_look_change=on_look_change,
    )
