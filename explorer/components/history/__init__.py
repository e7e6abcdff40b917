"""Undo and redo of z."""

from collections.abc import Callable

from explorer.components.wrapping import Live, register

_mount = register("history")


def history(live: Live, *, key: str, on_z_change: Callable[[], None]) -> None:
    """Undo and redo of z. Commits like latent_sliders."""
    _mount(key=key, data={"live": live}, on_z_change=on_z_change)
