"""The arrays of an .npz that anybody may have written: no pickles, and no more than a limit."""

import zipfile
from pathlib import Path

import numpy as np

from core.limits import MAP_BYTES


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """All arrays by their names. Raises what zipfile, zlib or the parser raise, and ValueError for
    an archive that would unpack to more than MAP_BYTES, which its directory tells."""
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAP_BYTES.most:
            raise ValueError(f"it would unpack to over {MAP_BYTES}: {MAP_BYTES.why}")
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
