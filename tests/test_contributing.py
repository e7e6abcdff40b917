"""The examples of CONTRIBUTING.md do what it says: applied to a copy of the tree, and run there."""

import gzip
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TINY = 32  # pictures of the data set that the example adds


def blocks(kind: str) -> list[str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def copy_of_the_tree(to: Path) -> None:
    for package in ("core", "explorer"):
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    (to / "checkpoints").mkdir()
    (to / "data").mkdir()
    for shared in ("checkpoints/mnist-mlp-20", "data/MNIST", ".streamlit"):
        (to / shared).symlink_to(ROOT / shared)


def apply_examples(to: Path) -> None:
    """New files begin with their path in a comment; changes with it in a line of its own, before
    hunks whose unmarked lines are in the file once."""
    for block in blocks("python"):
        path = to / block.partition("\n")[0].removeprefix("# ")
        assert not path.exists(), f"{path} is there already"
        path.write_text(block.partition("\n")[2], encoding="utf-8")
    for block in blocks("diff"):
        name, _, changes = block.partition("\n")
        text = (to / name).read_text(encoding="utf-8")
        for hunk in changes.split("@@\n"):
            lines = hunk.splitlines()
            old = "".join(line[1:] + "\n" for line in lines if not line.startswith("+"))
            new = "".join(line[1:] + "\n" for line in lines)
            assert text.count(old) == 1, f"{name} has not exactly once:\n{old}"
            text = text.replace(old, new)
        (to / name).write_text(text, encoding="utf-8")


def write_tiny_emnist(raw: Path) -> None:
    """One white pixel in row 5, column 2 of every picture, as stored: columns for rows."""
    raw.mkdir(parents=True)
    picture = bytearray(784)
    picture[5 * 28 + 2] = 255
    images = struct.pack(">4i", 2051, TINY, 28, 28) + bytes(picture) * TINY
    labels = struct.pack(">2i", 2049, TINY) + bytes(n % 10 for n in range(TINY))
    for split in ("train", "test"):
        for part, content in (("images-idx3", images), ("labels-idx1", labels)):
            file = raw / f"emnist-digits-{split}-{part}-ubyte.gz"
            file.write_bytes(gzip.compress(content))


def test_the_examples_work(tmp_path: Path) -> None:
    assert len(blocks("python")) == 2 and len(blocks("diff")) == 4
    copy_of_the_tree(tmp_path)
    apply_examples(tmp_path)
    write_tiny_emnist(tmp_path / "data" / "EMNIST" / "raw")
    script = tmp_path / "contributed.py"
    shutil.copy(ROOT / "tests" / "contributed.py", script)
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and done.stdout.endswith("contributed\n"), done.stderr
