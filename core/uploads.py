"""A model out of an uploaded file: bytes from anyone, so nothing in them is believed or run.

Looked at before anything is unpacked: the file's length, the sizes in a zip's directory, and what
a pickle would call. Knows no pages.
"""

import io
import zipfile

from core.limits import MB, MODEL_BYTES
from core.model import VAE
from core.pickles import called
from core.recognise import from_config, recognised
from core.weights import CheckpointError, Weights, parse_safetensors, read_state_dict

ORIGIN = "The upload"  # in sentences
# What the pickle of a plain state_dict calls. torch's weights_only takes more, some of which (a
# bytearray of any length) would let a small file ask for all memory.
CALLED = {
    "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    *(
        f"torch {kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte",
                     "Bool")
    ),
}  # fmt: skip


def model_from_bytes(content: bytes) -> VAE:
    """The model whose weights these are: a safetensors file, or a state_dict saved with torch.save.

    Its architecture comes from the config that save_checkpoint writes into a safetensors' header,
    else from names and shapes. Raises CheckpointError with a sentence.
    """
    if len(content) > MODEL_BYTES.most:
        raise _too_large("has", len(content))
    if _is_safetensors(content):
        weights, config = parse_safetensors(content, ORIGIN)
        _check_size(weights)
        if config is not None:
            return from_config(config, weights, "The config in the upload's header", ORIGIN)
        return recognised(weights, ORIGIN)
    _check_archive(content)
    weights = read_state_dict(content, ORIGIN)
    _check_size(weights)
    return recognised(weights, ORIGIN)


def _is_safetensors(content: bytes) -> bool:
    """Its first eight bytes are the length of a JSON object that follows."""
    return content[8:9] == b"{" and content[:2] != b"PK"


def _check_size(weights: Weights) -> None:
    """Half a precision, or many names for the same numbers, may still need much memory as float."""
    needed = 4 * sum(value.numel() for value in weights.values())
    if needed > MODEL_BYTES.most:
        raise _too_large("would have, as 32-bit numbers,", needed)


def _check_archive(content: bytes) -> None:
    """Of the zip that torch.save writes: what it unpacks to, and what its pickle calls."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > MODEL_BYTES.most + MB:  # torch pads its records
                raise _too_large("would unpack to", unpacked)
            pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
            names = {name for entry in pickles for name in called(archive.read(entry))}
    except zipfile.BadZipFile:
        raise CheckpointError(
            f"{ORIGIN} is neither a safetensors file nor a state_dict saved by torch 1.6 or newer, "
            "or it is cut off. Save it with `torch.save(model.state_dict(), file)` and choose that "
            "file."
        ) from None
    except CheckpointError:
        raise
    except Exception as error:  # zipfile passes on what each kind of packing raises
        raise CheckpointError(f"{ORIGIN} is a damaged archive ({error}). Save it again.") from None
    if not pickles:
        raise CheckpointError(
            f"{ORIGIN} is a zip archive, but none that torch.save wrote. Choose the file of "
            "weights itself."
        )
    if not names <= CALLED:
        raise CheckpointError(
            f"{ORIGIN} holds more than tensors: its pickle would call "
            f"{', '.join(sorted(names - CALLED)[:3])}, which could run code and was refused. Save "
            "`model.state_dict()` alone."
        )


def _too_large(what: str, count: int) -> CheckpointError:
    return CheckpointError(
        f"{ORIGIN} {what} {count / MB:.1f} MB; models of at most {MODEL_BYTES} are taken: "
        f"{MODEL_BYTES.why}. Choose a smaller one."
    )
