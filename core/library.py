"""The library of checkpoints: keep a new one, rename, delete, pack; what one says of its run.

A name is an entry of the list of checkpoints and never a path, and a link is never followed: what
these functions change lies in `root` itself. A checkpoint that is being trained is left alone.
"""

import contextlib
import io
import os
import re
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
from safetensors import safe_open

from core.checkpoint import CheckpointError, checkpoints_root, list_checkpoints, save_checkpoint
from core.limits import NAME as LENGTH
from core.model import VAE
from core.plain_json import finite, parsed

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Names that a file system of Windows takes for devices, with or without an ending.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# What a model consists of, without the pictures of its training and what resuming needs.
PACKED = (
    "config.json", "model.safetensors", "metrics.json", "history.json", "map.npz",
    "prior.safetensors", "repair.safetensors",
)  # fmt: skip
FRESH = 30  # s; a training writes its progress about once a second
DELETED = ".deleted-"  # what a folder's new home is called on its way out


def checked_name(name: str, root: Path | None = None) -> str:
    """A name that a new checkpoint may have. Raises CheckpointError."""
    if len(name) > LENGTH.most or not NAME.fullmatch(name) or RESERVED.fullmatch(name):
        raise CheckpointError(
            f"A model cannot be called {name[: LENGTH.most + 1]!r}: a name has up to {LENGTH} "
            "letters of a to z, digits, dots, hyphens and underscores, begins with a letter or a "
            "digit, and is none that Windows keeps for a device. Choose another name."
        )
    # Where upper and lower case are the same to the file system, they are the same name.
    taken = {path.name.lower() for path in checkpoints_root(root).glob("*")}
    if name.lower() in taken:
        raise CheckpointError(f"There is a {name!r} already. Choose another name.")
    return name


def free_name(wanted: str, root: Path | None = None) -> str:
    """`wanted` as a name that nothing has yet, numbered if need be."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[: LENGTH.most - 4] or "model"
    for name in (stem, *(f"{stem}-{n}" for n in range(2, 1000))):
        with contextlib.suppress(CheckpointError):
            return checked_name(name, root)
    return checked_name(stem, root)  # says why not


def add_checkpoint(name: str, model: VAE, root: Path | None = None, **provenance: object) -> Path:
    """Keep a model as a new checkpoint and return its folder; nothing is overwritten.

    `provenance` (dataset, ...) goes into config.json. Raises CheckpointError.
    """
    folder = checkpoints_root(root) / checked_name(name, root)
    try:
        folder.mkdir(parents=True)  # whoever makes the folder has the name
    except FileExistsError:
        raise CheckpointError(f"There is a {name!r} already. Choose another name.") from None
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be made ({error.strerror}).") from None
    try:
        save_checkpoint(folder, model, **provenance)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise CheckpointError(
                f"{folder} cannot be written ({error.strerror}). Free some space, or make the "
                "folder writable, and try again."
            ) from None
        raise
    return folder


def rename_checkpoint(name: str, new: str, root: Path | None = None) -> Path:
    """Give a checkpoint another name, in one step; nothing is overwritten.

    Raises CheckpointError.
    """
    folder = _own_folder(name, root, "renamed")
    target = checkpoints_root(root) / checked_name(new, root)
    try:
        os.rename(folder, target)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be renamed ({error.strerror}).") from None
    return target


def delete_checkpoint(name: str, root: Path | None = None) -> None:
    """Delete a checkpoint: it leaves the list in one step, then its files go. The last one stays.

    Links inside are deleted, not what they lead to. Raises CheckpointError.
    """
    folder = _own_folder(name, root, "deleted")
    if list_checkpoints(root) == [name]:
        raise CheckpointError(f"{name} is the only model; the last one cannot be deleted.")
    sweep(root)
    try:
        grave = Path(tempfile.mkdtemp(prefix=DELETED, dir=checkpoints_root(root)))
        os.rename(folder, grave / name)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be deleted ({error.strerror}).") from None
    try:
        shutil.rmtree(grave)
    except OSError as error:
        raise CheckpointError(
            f"{name} is out of the list, but some of its files are still in {grave} "
            f"({error.strerror}). Delete that folder by hand."
        ) from None


def sweep(root: Path | None = None) -> None:
    """Finish deletions that a crash has cut short."""
    for grave in checkpoints_root(root).glob(f"{DELETED}*"):
        if not grave.is_symlink():
            shutil.rmtree(grave, ignore_errors=True)


def files_of(name: str, root: Path | None = None) -> list[tuple[str, int]]:
    """All files of a checkpoint with their bytes, in the order of their names."""
    folder = checkpoints_root(root) / name
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # a training replaces its files meanwhile
            if path.is_symlink() or path.is_file():
                found.append((path.relative_to(folder).as_posix(), path.lstat().st_size))
    return found


def pack_checkpoint(name: str, root: Path | None = None) -> bytes:
    """A zip of a folder NAME with the files of PACKED: unpacked into checkpoints/, it is there.

    Raises CheckpointError.
    """
    folder = _listed(name, root)
    buffer = io.BytesIO()
    # Weights and .npz hardly shrink any more: storing them takes no time.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in PACKED:
            path = folder / file
            if path.is_symlink() or not path.is_file():
                continue
            try:
                archive.write(path, f"{name}/{file}")
            except OSError as error:
                raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from None
    return buffer.getvalue()


def parameter_count(path: Path) -> int:
    """How many numbers a checkpoint's weights are, read from the file's header alone."""
    file = path / "model.safetensors"
    try:
        with safe_open(str(file), "pt") as tensors:
            shapes = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118
    except Exception as error:  # of a damaged header the library raises many kinds
        raise CheckpointError(f"{file} is no intact safetensors file ({error}).") from None
    total = 0
    for shape in shapes:
        count = 1
        for side in shape:
            count *= side
        total += count
    return total


def read_history(path: Path) -> list[dict[str, float]]:
    """What each epoch of a training came to, in order; nothing where there is no history.json.

    Keys: "epoch" and those numbers that were written, as "neg_elbo" in nats per image. Raises
    CheckpointError when the file is damaged.
    """
    file = path / "history.json"
    try:
        epochs: Any = parsed(file.read_bytes())["epochs"]
        return [
            {key: number for key, value in epoch.items() if (number := finite(value)) is not None}
            for epoch in epochs
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CheckpointError(
            f"{file} is damaged: it holds no list of epochs. Restore it or delete it."
        ) from None


def is_training(path: Path) -> bool:
    """Whether a run is writing into this folder, as its progress.json and its process say."""
    try:
        value: Any = parsed((path / "progress.json").read_bytes())
        running, pid = value["state"] == "running", int(finite(value["pid"]) or 0)
        updated = finite(value.get("updated")) or 0.0
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    # A time to come is none: the clock was set back since.
    return running and (trains(pid, path.name) or abs(time.time() - updated) < FRESH)


def trains(pid: int, name: str) -> bool:
    """Whether this process trains the run `name`: after a crash its number may be another's."""
    try:
        words = command_line(pid)
    except psutil.AccessDenied:
        return True  # somebody else's: nothing speaks against it
    if "core" not in words or "train" not in words:
        return False
    named = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--name"]
    named += [word.removeprefix("--name=") for word in words if word.startswith("--name=")]
    return not named or name in named


def command_line(pid: int) -> list[str]:
    """Of a living process; [] where there is none, or where it has only not been buried yet.
    Raises psutil.AccessDenied."""
    try:
        process = psutil.Process(pid)
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.AccessDenied:
        raise
    except (psutil.Error, ValueError, OverflowError):
        return []


def _listed(name: str, root: Path | None) -> Path:
    if name not in list_checkpoints(root):
        raise CheckpointError(f"There is no model {name!r} any more.")
    return checkpoints_root(root) / name


def _own_folder(name: str, root: Path | None, what: str) -> Path:
    """The folder of a checkpoint that may be changed."""
    folder = _listed(name, root)
    if folder.is_symlink():
        raise CheckpointError(
            f"{folder} is a link to another place; it is {what} by hand or not at all."
        )
    if is_training(folder):
        raise CheckpointError(
            f"{name} is being trained and cannot be {what} now. Stop the training first."
        )
    return folder
