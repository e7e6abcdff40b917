"""A step of the Learn panel: something to try, live, and the tasks that notice when it is done."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from explorer.components.wrapping import Live, register

_mount = register("lesson", styles=["buttons"])


def lesson(
    live: Live,
    step: str,
    content: Mapping[str, Any],
    *,
    of: str,
    words: Mapping[str, str],
    done: Sequence[str],
    key: str,
    on_done_change: Callable[[], None],
) -> None:
    """The stage of one step (explorer.lessons.stages) with its tasks.

    `of` says what `content` was made from: with another, the stage begins anew. `words` are those
    of the step in one language (explorer.lessons.words). `done` are the tasks that have their tick;
    during on_done_change session_state[key].done is {"step": ..., "task": ...} of another one.
    """
    data = {
        "live": live, "step": step, "content": dict(content), "of": of, "words": dict(words),
        "done": list(done),
    }  # fmt: skip
    _mount(key=key, data=data, on_done_change=on_done_change)
