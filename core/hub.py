"""Models on the Hugging Face Hub, as PyTorchModelHubMixin pushes them there: fetched once, then
read from the Hub's own cache on this machine. Weights and JSON only, never code."""

import re
from pathlib import Path

from core.weights import CheckpointError

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")  # owner/name
CARRIED = (  # what a checkpoint's folder may hold beside config and weights, and the Hub too
    "metrics.json", "map.npz", "history.json", "prior.safetensors", "repair.safetensors",
)  # fmt: skip
FILES = ["config.json", "model.safetensors", *CARRIED]


def is_repo_id(text: str) -> bool:
    """Whether it can only be a repository: of the right form, and no folder's beginning."""
    return bool(REPO_ID.fullmatch(text)) and not Path(text).parent.is_dir()


def download(repo_id: str) -> Path:
    """The folder with a repository's config.json and model.safetensors. Raises CheckpointError."""
    # Imported here: the page, which starts with torch alone, never asks the network.
    from huggingface_hub import errors, snapshot_download

    try:
        folder = Path(snapshot_download(repo_id, allow_patterns=FILES))
    except errors.GatedRepoError:  # before its parent RepositoryNotFoundError
        raise CheckpointError(
            f"The Hub's model {repo_id!r} is gated: ask for access on its page, then log in with "
            "`hf auth login`."
        ) from None
    except errors.RepositoryNotFoundError:
        raise CheckpointError(
            f"There is no {repo_id!r}: no folder of that name here, and no model on the Hub that "
            "you may see. Check the name; for a private one log in with `hf auth login`."
        ) from None
    except errors.LocalEntryNotFoundError:
        raise CheckpointError(
            f"There is no folder {repo_id!r} here, the Hub cannot be reached, and this machine's "
            "cache has no copy of such a model. Check the network, or give a snapshot's folder."
        ) from None
    except (errors.HFValidationError, errors.HfHubHTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"There is no folder {repo_id!r} here, and the Hub's model of that name could not be "
            f"fetched: {reason}"
        ) from None
    missing = [name for name in FILES[:2] if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            f"The Hub's model {repo_id!r} has no {' and no '.join(missing)}, which "
            "PyTorchModelHubMixin's push_to_hub writes; it is not for this program."
        )
    return folder
