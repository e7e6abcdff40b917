"""A place for one picture from outside."""

from collections.abc import Callable

from explorer.components.wrapping import register

_mount = register("image_input")


def image_input(
    name: str | None,
    id: str | None,
    *,
    key: str,
    testid: str,
    max_bytes: int,
    on_file_change: Callable[[], None],
) -> None:
    """A place to drop, paste or choose one picture; `name` is that of the present one.

    During on_file_change session_state[key].file is {"name": ..., "id": ..., "content": base64}, or
    {"name": ..., "id": ..., "error": ...} when the browser refused it. Its `id` is to come back, by
    which the browser knows that it was heard. It is a trigger and no state, because Streamlit sends
    a component's state again with every rerun.
    """
    data = {"name": name, "id": id, "testid": testid, "max_bytes": max_bytes}
    _mount(key=key, data=data, on_file_change=on_file_change)
