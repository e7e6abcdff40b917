"""What the pickles in a file of torch.save would call: they are read, never run."""

import io
import pickletools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# Other ways to name something in a pickle than GLOBAL; torch.save uses none of them.
OTHER_GLOBALS = {"STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}
IN_A_ROW = 5  # pickles of a file as torch wrote it before 1.6
GROWS = ("bytearray",)  # what torch's weights_only calls for any length that a pickle names


def called(pickled: bytes | IO[bytes]) -> Iterator[str]:
    """Every global that a pickle names, as "module name". ValueError when it is damaged."""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            yield str(argument)
        elif opcode.name in OTHER_GLOBALS:
            yield f"what it names by {opcode.name}"


def swelling(source: Path | bytes) -> str | None:
    """What in a file would take more memory than the file has, so that a few bytes could take all;
    None if nothing would, as far as it can be read. Raises OSError."""
    file: IO[bytes]
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return next((name for name in _in_a_row(file) if name.endswith(GROWS)), None)
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED:
                    return f"the packed {entry.filename}"
                if entry.filename.endswith(".pkl"):
                    for name in called(archive.read(entry)):
                        if name.endswith(GROWS):
                            return name
    return None


def _in_a_row(file: IO[bytes]) -> Iterator[str]:
    for _ in range(IN_A_ROW):
        try:
            yield from called(file)
        except Exception:  # the numbers begin, or it is damaged: whoever loads it says so
            return
