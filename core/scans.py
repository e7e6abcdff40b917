"""How many times the decoder of a JPEG would go over the whole picture.

A progressive JPEG refines the picture in scans, each of which may have a few bytes and touches
every coefficient: 200 kB can keep a decoder busy for minutes, 20 MB for hours.
"""

import re
from typing import IO

# A marker that a length and a body follow, or the end. FF before a 00 is a plain byte, restarts
# (D0-D7) and 01 have no body, and any number of FF may stand before a marker.
MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
SCAN, END = b"\xda", b"\xd9"


def count_scans(file: IO[bytes]) -> int:
    """Of a JPEG; what lies behind its end, as the film of a phone, does not count."""
    before = file.tell()
    file.seek(2)  # past the marker of the start, which has no body either
    content = file.read()
    file.seek(before)
    at, count = 0, 0
    while (found := MARKER.search(content, at)) and found[1] != END:
        count += found[1] == SCAN
        at = found.end() + int.from_bytes(content[found.end() : found.end() + 2])
    return count
