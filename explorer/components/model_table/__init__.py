"""A table of models that can be sorted and opened."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from explorer.components.wrapping import register


class Column(TypedDict):
    """A column of figures."""

    key: str
    label: str
    hint: str  # shown when the pointer rests on the heading


class Cell(TypedDict):
    """What a column says of a model; `command` is set where it was not measured."""

    text: str
    value: float | str | None  # what it is sorted by
    command: str | None


class ModelRow(TypedDict):
    """A model."""

    name: str
    is_open: bool
    note: str | None  # what it is busy with
    problem: str | None  # why it cannot be used; then it has no cells
    cells: dict[str, Cell]


_mount = register("model_table")


def model_table(
    columns: Sequence[Column],
    rows: Sequence[ModelRow],
    *,
    key: str,
    on_open_change: Callable[[], None],
) -> None:
    """A row a model. During on_open_change session_state[key].open is the name of one."""
    _mount(
        key=key, data={"columns": list(columns), "rows": list(rows)}, on_open_change=on_open_change
    )
