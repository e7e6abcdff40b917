"""Every limit on what people may send to a server, and the reason for it.

The sentences that refuse something name the limit from here; docs/deploy.md lists them all.
"""

from typing import NamedTuple

MB = 2**20


class Limit(NamedTuple):
    most: int
    what: str  # of which `most` is the number, with its unit
    why: str

    def __str__(self) -> str:
        """For a sentence: "20 MB", "40 megapixels", "512 points"."""
        for size, unit in ((2**30, "GB"), (MB, "MB")):
            if "bytes" in self.what and self.most >= size:
                return f"{self.most / size:g} {unit}"
        if "pixels" in self.what and self.most >= 10**6:
            return f"{self.most / 10**6:g} megapixels"
        return f"{self.most:,}"


PICTURE_BYTES = Limit(
    20 * MB, "bytes of an uploaded picture", "a large phone photo has about 15 MB"
)
PICTURE_PIXELS = Limit(
    40_000_000, "pixels of a picture", "160 MB once decoded: what a small server can spare for one"
)
PICTURE_SCANS = Limit(
    100, "scans of a JPEG", "each goes over the whole picture, and a few bytes are enough for one"
)
MODEL_BYTES = Limit(
    64 * MB,
    "bytes of an uploaded model, unpacked and as 32-bit numbers",
    "16 million weights, several times what follows a thumb on one core",
)
FOLDER_BYTES = Limit(
    4 * 2**30, "bytes of a folder's pictures as float32", "training shuffles a copy of them"
)
MAP_BYTES = Limit(
    512 * MB, "bytes of a map.npz, unpacked", "70,000 digits and their codes have 70 MB"
)
CLASSES = Limit(256, "class folders of a folder of images", "a label is kept in one byte")
NAME = Limit(60, "characters of a model's name", "it is a folder's name and a line of every list")
BLOCKS = Limit(
    64, "residual blocks on each side of a network",
    "building them takes time, whatever the file of weights holds",
)  # fmt: skip
IMPORTANCE_SAMPLES = Limit(
    64, "importance samples of a training", "an epoch's noise is drawn at once"
)
WALK_KEYS = Limit(5, "keys of a walk", "the geodesic between two of them takes up to a second")
REPAIR_ANSWERS = Limit(
    256, "answers of a repair", "each is a picture that is refined, sent and shown"
)
REPAIR_STEPS = Limit(2_000, "steps of a repair", "each decodes every answer: seconds, not minutes")

LIMITS = {name: value for name, value in list(globals().items()) if isinstance(value, Limit)}
