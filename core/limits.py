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

# What the page's live channel, its maps and its memory take.
CLIENTS = Limit(
    512,
    "connections to the live channel of one process",
    "a lecture hall: a page takes one, in a step of Learn three; one that rests costs 22 KB",
)
FRAME_POINTS = Limit(
    512, "points that one request decodes", "the filmstrips of 56 sliders; 65 ms on one core"
)
COORDINATE = Limit(
    1_000_000, "as the absolute value of a coordinate of z", "float32 still tells neighbours apart"
)
LOG_VARIANCE = Limit(
    20, "as the absolute value of a log variance that a page asks the loss of",
    "a sigma of 1/22,000 to 22,000: beyond it nothing more is to be seen",
)  # fmt: skip
SETTINGS_BYTES = Limit(1024, "bytes of a repair's settings", "all eight fields together take 141")
REPAIR_SECONDS = Limit(30, "seconds of one repair", "others wait for the same core")
REPAIRS_KEPT = Limit(64, "repairs that are found again", "0.1 MB each; all pages share them")
REQUESTS_WAITING = Limit(
    128,
    "requests that wait for a map or its pictures",
    "a page that opens asks for three: forty pages at once",
)
ID_LENGTH = Limit(
    200,
    "characters of a model's or a projection's id",
    "a name on the Hugging Face Hub has at most 96",
)
MAP_POINTS = Limit(
    250_000, "points of a map", "the largest data set here has 145,600; a browser unpacks 200 MB"
)
BOOKMARKS = Limit(
    500, "bookmarks or directions of a model", "a browser stores 5 MB, enough at 64 dimensions"
)
LABEL_LENGTH = Limit(60, "characters of a bookmark's or group's name", "one line of the page")
TRAININGS_WAITING = Limit(20, "trainings in the queue", "one trains at a time: days of work")

LIMITS = {name: value for name, value in list(globals().items()) if isinstance(value, Limit)}
