"""Checkpoints of every kind of damage and malice through every way in.

Each file of a checkpoint is damaged while the others are right. What loads must then work, which
is tried; what does not must end in CheckpointError with a sentence.
"""

import contextlib
import functools
import pickle
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from core import VAE, checkpoint, library
from core.limits import MODEL_BYTES
from core.model import VAE as Network
from core.posterior import load_posterior
from core.prior import better_prior, load_mixture
from core.uploads import model_from_bytes
from core.weights import CheckpointError
from explorer import caches, catalogue, map_data, priors, run_files
from tests.torture import checkpoint_files as files
from tests.torture.checkpoint_files import Case
from tests.torture.confined import Confined
from tests.torture.map_files import maps
from tests.torture.payloads import layouts, payloads
from tests.torture.tally import Row, Tally
from tests.torture.uploads import proper
from tests.torture.weight_bombs import BOMBS

MB = 2**20
# The largest upload is held up to four times: as the file, as its tensors, as float32, and once
# more by whoever unpacks it. What else is loaded is small here.
MEMORY = 5 * MODEL_BYTES.most // MB
PATIENCE = 60  # s: a hang
QUICK = 0.2  # a smaller scale goes without what takes seconds
HEAVY = ("the largest", "twice the largest", "a zip bomb", "the same numbers")
COUNTS = {"damaged": 700, "headers": 700, "wild_json": 500}
WHAT = {
    "damaged": "files of a checkpoint: bits, bytes, lengths",
    "headers": "safetensors: headers and numbers that lie",
    "wild_json": "config, metrics, history, progress: wild values",
}


def rows(scale: float, seed: int) -> Iterator[Row]:
    """The lines of the table; at scale 1 over 2,000 files."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name, Confined(PATIENCE) as process:
        root = Path(name)
        good = files.make(root / "good")
        whole = Case("nothing", "config.json", good["config.json"])
        yield _row(process, "a checkpoint as it should be", [(good, whole, True)], load)
        for kind, count in COUNTS.items():
            cases = getattr(files, kind)(good, max(9, round(count * scale)), seed)
            yield _row(
                process, WHAT[kind], ((good, case) for case in _some(cases, rng, scale, kind)), load
            )
        changed = _some(maps(good, quick=scale < QUICK), rng, scale, "maps")
        yield _row(
            process, "map.npz: kinds, sizes, bombs", ((good, case) for case in changed), load
        )
        yield _payloads(root, scale, rng)
        bombs = [(name,) for name in BOMBS if scale >= QUICK or not name.startswith(HEAVY)]
        yield _row(process, "uploads that would take all memory", bombs, upload)


def _some(cases: Iterable[Case], rng: random.Random, scale: float, kind: str) -> list[Case]:
    """Those made by the count are as many already; of a fixed list a share."""
    every = list(cases)
    if kind != "maps":
        return every[: max(9, round(1.2 * COUNTS[kind] * scale))]
    return rng.sample(every, max(4, round(len(every) * min(1.0, scale))))


def _row(
    process: Confined, what: str, cases: Iterable[tuple[Any, ...]], way: Callable[..., str]
) -> Row:
    tally = Tally(what)
    words: dict[str, int] = {}
    process.begin()
    for case in cases:
        outcome = process.tried(way, *case)
        name = case[1].name if len(case) > 1 else case[0]
        words[outcome.word] = words.get(outcome.word, 0) + 1
        with tally.attempt(str(name)):
            if outcome.lost:
                raise AssertionError(outcome.lost)
            if outcome.peak > MEMORY * MB:
                raise AssertionError(f"{outcome.peak / MB:.0f} MB of memory")
    peak, slowest = process.most_peak / MB, process.most_seconds
    loaded = words.get("loaded", 0)
    tally.note = f"{loaded:,} load; memory {peak:.0f} MB of {MEMORY}, slowest {slowest:.1f} s"
    return tally.row()


def load(good: dict[str, bytes], case: Case, whole: bool = False) -> str:
    """Every way in for a checkpoint with one file changed. Raises what is wrong."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        folder.mkdir()
        for file, content in (good | {case.file: case.content}).items():
            if content is not None:
                (folder / file).write_bytes(content)
        checkpoint.CHECKPOINTS = folder.parent
        checkpoint.list_checkpoints.__defaults__ = (folder.parent,)
        for function in (
            checkpoint.load_checkpoint,
            checkpoint.describe,
            checkpoint.find_checkpoint,
        ):
            function.__defaults__ = (folder.parent,)
        ways = _ways(folder)
        said = [_said(way) for way in ways]
    if whole:
        assert all(word == "loaded" for word in said), said
    return "loaded" if all(word == "loaded" for word in said) else "sentence"


def _said(way: Callable[[], object]) -> str:
    try:
        way()
    except CheckpointError as error:
        assert proper(_from_letter(str(error))), f"no sentence: {str(error)[:300]!r}"
        return "sentence"
    return "loaded"


def _from_letter(sentence: str) -> str:
    """Sentences here may begin with a path or a name."""
    return "File " + sentence


def _ways(folder: Path) -> list[Callable[[], object]]:
    root, name = folder.parent, folder.name
    return [
        lambda: _works(checkpoint.load_checkpoint(folder)),
        lambda: _works(checkpoint.load_checkpoint(name, root)),
        lambda: _bytes(folder / "model.safetensors"),
        lambda: checkpoint.describe(name, root),
        lambda: better_prior(checkpoint.describe(name, root).metrics),
        lambda: checkpoint.list_checkpoints(root),
        lambda: checkpoint.fingerprint(folder),
        lambda: library.parameter_count(folder),
        lambda: library.read_history(folder),
        lambda: library.is_training(folder),
        lambda: library.files_of(name, root),
        lambda: (
            library.pack_checkpoint(name, root)
            if name in checkpoint.list_checkpoints(root)
            else None
        ),
        lambda: run_files.history(folder),
        lambda: run_files.progress(folder),
        lambda: _map(folder),
        lambda: _mixture(folder),
        lambda: _posterior(folder),
        lambda: _page(name),
    ]


def _bytes(file: Path) -> None:
    if file.exists():
        _works(model_from_bytes(file.read_bytes()))


def _works(model: Network) -> None:
    """A model that loads encodes and decodes."""
    assert all(
        value.dtype == torch.float32 and value.isfinite().all() for value in model.parameters()
    )
    mu, log_var = model.encode(torch.rand(2, model.image_size))
    assert mu.shape == log_var.shape == (2, model.z_dim)
    assert model.decode(torch.zeros(1, model.z_dim)).shape == (1, *model.image_shape)


def _map(folder: Path) -> None:
    found = checkpoint.load_map(folder)
    if found is None:
        return
    assert found.mu.dtype == found.kl_per_dim.dtype == torch.float32 and len(found.mu)
    assert found.mu.isfinite().all() and found.kl_per_dim.isfinite().all()
    assert 0 <= found.labels.min() <= found.labels.max() < 2**15
    assert all(
        xy.dtype == torch.float32 and xy.isfinite().all() for xy in found.embeddings.values()
    )


def _mixture(folder: Path) -> None:
    found = load_mixture(folder)
    if found is None:
        return
    z = found.sample(5, torch.Generator().manual_seed(0))
    assert z.dtype == torch.float32 and z.isfinite().all()
    assert found.log_prob(z).isfinite().all()


@torch.no_grad()
def _posterior(folder: Path) -> None:
    found = load_posterior(folder)
    if found is not None:
        picture = torch.zeros(1, 1, found.side, found.side)
        belief = found(picture, picture)
        assert belief.mean_logits.shape == picture.shape
        assert belief.z.sample(2).shape == (1, 2, found.z_dim)


def _page(name: str) -> None:
    """What the page's caches make of it."""
    if name not in catalogue.checkpoints():
        return
    model = caches.model(name)
    catalogue.described(name)
    caches.facts(name)
    stored = caches.stored_map(name)
    assert stored.problem is None or proper(_from_letter(stored.problem))
    subject = caches.subject(name)
    assert 0 < len(subject.classes) <= 2**15
    assert len(priors.draw(name, 0)) == model.z_dim
    assert proper(priors.described(name))
    if stored.latent is not None:
        assert caches.latent_map(name).mu.shape[1] == model.z_dim
        caches.reference(name)
        map_data.projection(name, "pca")


def _payloads(root: Path, scale: float, rng: random.Random) -> Row:
    """None runs, through any way in; and each would, which is tried as well."""
    tally = Tally("pickles with a payload: none runs, and each would in pickle.load")
    mark = root / "mark"
    weights = dict(VAE(h_dim=8, z_dim=2).state_dict())
    every = list(payloads(mark))
    for payload in every if scale >= QUICK else rng.sample(every, 2):
        with tally.attempt(f"{payload.name}: the payload itself"):
            with contextlib.suppress(Exception):  # some make the file and then fail
                pickle.loads(payload.pickled)
            assert mark.exists(), "it does nothing, so this proves nothing"
        mark.unlink(missing_ok=True)
        for layout, content in layouts(payload, mark, weights):
            with tally.attempt(f"{payload.name}, {layout}"):
                _try_payload(root / "good", content)
                assert not mark.exists(), "it ran"
            mark.unlink(missing_ok=True)
    return tally.row()


def _try_payload(good: Path, content: bytes) -> None:
    """As an upload, as a file of weights, and in place of every file of a checkpoint."""
    file = good.parent / "uploaded.ckpt"
    file.write_bytes(content)
    for way in (lambda: model_from_bytes(content), lambda: checkpoint.load_checkpoint(file)):
        word = _said(way)
        assert word == "sentence" or b"data.pkl" in content, "it was taken"
    for name in (*files.TENSORS, "map.npz", "config.json"):
        kept = (good / name).read_bytes()
        (good / name).write_bytes(content)
        for load_file in (
            checkpoint.load_checkpoint,
            checkpoint.load_map,
            load_mixture,
            load_posterior,
        ):
            _said(functools.partial(load_file, good))
        (good / name).write_bytes(kept)


def upload(name: str) -> str:
    """A bomb as an upload and as a file that a command line names."""
    torch.set_num_threads(1)
    content = BOMBS[name]()
    return _tried(content)


def _tried(content: bytes) -> str:
    with tempfile.NamedTemporaryFile(suffix=".ckpt") as file:
        file.write(content)
        file.flush()
        words = [_said(lambda: _works(model_from_bytes(content)))]
        words.append(_said(lambda: _works(checkpoint.load_checkpoint(file.name))))
    return "loaded" if words[0] == "loaded" else "sentence"
