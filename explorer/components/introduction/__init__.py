"""The introduction of a first visit."""

from explorer.components.wrapping import register

_mount = register("introduction")


def introduction(noun: str, z_dim: int, *, again: int, key: str) -> None:
    """Three steps above the picture, the sliders and the map that they speak of.

    Shown until this browser has dismissed them, which only the browser remembers, and whenever
    `again` has grown.
    """
    _mount(key=key, data={"noun": noun, "z_dim": z_dim, "again": again})
