"""What a checkpoint was trained on, as its page needs it: what the pictures are called, and test
pictures even where the data set is not at hand.

Everything here starts from the checkpoint's config.json and map.npz; explorer/caches.py keeps the
results. `core` is imported on first use, as there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from core import VAE
    from core.data import LabelledImages
    from core.latent import LatentMap

NO_INK = (
    "Stroke thickness, slant, width and loops are measured on handwriting of 28 x 28 pixels, white "
    "on black; what this model knows is something else."
)


class Subject(NamedTuple):
    """What the pictures are."""

    title: str  # of the data set
    noun: str  # what one picture is called: "digit", "letter", "image"
    classes: tuple[str, ...]  # a single one where images have no labels
    ink: bool  # handwriting, white on black, of the size whose strokes can be measured

    @property
    def a_noun(self) -> str:
        """With its article."""
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"


def dataset_of(config: Mapping[str, Any]) -> str:
    """A name in core.data.SOURCES, or the path of a folder."""
    return str(config.get("dataset", "mnist"))


def is_plain_autoencoder(config: Mapping[str, Any]) -> bool:
    """Whether it was trained without noise on the code: then its KL and ELBO say little."""
    training = config.get("training")
    return isinstance(training, dict) and training.get("noise") is False


def subject(config: Mapping[str, Any], stored: LatentMap | None) -> Subject:
    """From the config alone where it says enough, else from the data set or, at the last, from the
    labels that the map has."""
    from core.data import SOURCES, DataError, find_source, short_name

    name = dataset_of(config)
    source = SOURCES.get(name)
    told = config.get("classes")
    classes: tuple[str, ...] = ()
    if isinstance(told, list) and told and all(isinstance(entry, str) for entry in told):
        classes = tuple(told)
    elif source:
        classes = source.classes
    else:
        with contextlib.suppress(DataError):
            classes = find_source(name).classes
    labels = 0 if stored is None or not len(stored.labels) else int(stored.labels.max()) + 1
    if not classes and labels <= 1:
        classes = ("image",)
    classes += tuple(str(n) for n in range(len(classes), labels))  # what nobody has named
    if source is None:
        return Subject(short_name(name), "image", classes, False)
    grey_28 = (config.get("channels", 1), config.get("image_size")) == (1, 28 * 28)
    return Subject(source.title, source.noun, classes, source.ink and grey_28)


class TestPictures(NamedTuple):
    """Test pictures, and whether they are what the data set itself has."""

    pictures: LabelledImages
    from_data: bool


def test_pictures(config: Mapping[str, Any], stored: LatentMap | None) -> TestPictures:
    """The test split; where it is not at hand, the pictures that map.npz keeps. A map of fewer
    pictures cuts it to those, so that an index means the same to both. Raises DataError.

    A folder is only read when the map keeps no pictures: its files may have changed since.
    """
    from core.data import DataError, LabelledImages, is_folder, load_split

    kept = None
    if stored is not None and stored.images is not None:
        kept = LabelledImages(stored.images.float().div(255), stored.labels)
    if kept is not None and is_folder(dataset_of(config)):
        return TestPictures(kept, False)
    try:
        found = load_split(config, "test")
    except DataError:
        if kept is None:
            raise
        return TestPictures(kept, False)
    if stored is not None and len(stored.mu) < len(found.images):
        found = LabelledImages(*(part[: len(stored.mu)] for part in found))
    return TestPictures(found, True)


def stale(stored: LatentMap, config: Mapping[str, Any], model: VAE) -> str | None:
    """Why a map.npz is not of this model's test pictures; None when it may be."""
    from core.data import DataError, is_folder, load_split

    z_dim, shape = stored.mu.shape[1], model.image_shape
    if z_dim != model.z_dim:
        return f"has {z_dim} dimensions, the model {model.z_dim}"
    if stored.images is not None:
        if tuple(stored.images.shape[1:]) != shape:
            return f"keeps images of the shape {tuple(stored.images.shape[1:])}, not {shape}"
        return None
    if is_folder(dataset_of(config)):
        try:
            labels = load_split(config, "test").labels
        except DataError:
            return None  # nothing to compare with; who needs the pictures will be told
        if not labels[: len(stored.labels)].equal(stored.labels):
            return "is of other images than the folder holds by now"
    return None
