"""What git knows of checkpoints/. Knows nothing of Streamlit."""

import functools
import subprocess
import time
from pathlib import Path

from core import checkpoint

ROOT = Path(__file__).parent.parent
TIMEOUT = 20  # s
AGAIN = 60  # s for which what git said is believed: every page that shows a run asks each second


def is_committed(name: str) -> bool:
    """Whether git knows the run's files: then it was shipped, or somebody wants to keep it."""
    return _is_committed(checkpoint.CHECKPOINTS / name, int(time.monotonic() / AGAIN))


@functools.lru_cache(maxsize=64)
def _is_committed(folder: Path, _when: int) -> bool:
    # A server's user need not be the one who cloned the repository, whom alone git answers.
    git = ["git", "-c", f"safe.directory={ROOT}"]
    try:
        found = subprocess.run(
            [*git, "ls-files", "--", f"{folder}/"],
            cwd=ROOT, capture_output=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False  # no git, no repository
    return bool(found.stdout.strip())
