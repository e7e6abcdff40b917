"""Results of blocks, kept as they come, so that long work goes on where it was killed.

One line of JSON a block, in a file for each process; whoever continues reads them all, however
many processes there were and are. A line torn by a crash is none.
"""

import json
from pathlib import Path
from typing import Any


class Journal:
    """What is known already of the work that `key` describes, and a file to add to."""

    def __init__(self, folder: Path, name: str, key: dict[str, object], index: int = 0) -> None:
        """`key` must name all that the results depend on; `index` is the process's."""
        self.folder, self.name, self.key = folder, name, key
        self.file = folder / f"{name}.{index}.jsonl"
        self.torn = self.file.exists() and not self.file.read_bytes().endswith(b"\n")
        self.known: dict[int, Any] = {}
        for file in sorted(folder.glob(f"{name}.*.jsonl")):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            entry = json.loads(line)
            if entry["key"] == self.key:
                self.known[int(entry["block"])] = entry["result"]
        except (ValueError, KeyError, TypeError):
            pass  # torn: its block is done again

    def write(self, block: int, result: object) -> None:
        """Add a block's result, of plain values that JSON gives back as they were."""
        line = json.dumps({"key": self.key, "block": block, "result": result}) + "\n"
        with self.file.open("a", encoding="utf-8") as file:
            file.write("\n" + line if self.torn else line)
        self.torn = False

    def remove(self) -> None:
        """All processes' files, once the work is done."""
        for file in self.folder.glob(f"{self.name}.*.jsonl"):
            file.unlink(missing_ok=True)
