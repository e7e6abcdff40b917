"""The commands of repair: python -m core train-repair | repair."""

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from torch import Tensor
from tqdm import tqdm

from core import data, digits, exports, images, repair
from core.checkpoint import (
    CheckpointError,
    describe,
    find_folder,
    load_checkpoint,
    open_model,
    weights_digest,
    write_json,
)
from core.damage import guess_mask, hide, observe
from core.methods import default_method
from core.posterior import FILE, PartialEncoder, load_posterior, save_posterior
from core.train_repair import RepairConfig, RepairProgress, train_posterior


def train_repair_command(
    name: tyro.conf.Positional[str],
    config: Annotated[RepairConfig, tyro.conf.arg(name="")],
) -> None:
    """Train the partial encoder that repair uses, and keep it as repair.safetensors.

    Args:
        name: A checkpoint's name or folder.
        config: What the run is made of.
    """
    folder = find_folder(name)
    weights = weights_digest(folder)
    model = load_checkpoint(folder).to("cuda" if torch.cuda.is_available() else "cpu")
    if model.image_shape[0] > 1:
        raise CheckpointError(
            f"{folder.name} makes colour pictures; the partial encoder is for grey ones. Repair "
            "works without it, by an iterative method."
        )
    pictures, labels = data.load_split(describe(folder).config, "train")
    several = len(labels) and int(labels.max()) > 0  # a folder without folders has one class
    training = dataclasses.asdict(config)
    saved = 0
    with tqdm(desc="starting", unit="step", dynamic_ncols=True) as bar:

        def on_step(p: RepairProgress) -> None:
            bar.total = p.epochs * p.steps
            bar.n = (p.epoch - 1) * p.steps + p.step
            bar.set_description(_repair_line(p))

        def on_epoch(posterior: PartialEncoder, p: RepairProgress) -> None:
            nonlocal saved
            saved = p.epoch
            save_posterior(folder, posterior, training | {"epochs_done": p.epoch}, weights=weights)
            bar.write(_repair_line(p))

        try:
            train_posterior(
                model, pictures, labels if several else None, config, start=_start(config),
                on_step=on_step, on_epoch=on_epoch,
            )  # fmt: skip
        except KeyboardInterrupt:
            bar.close()
            kept = f"Epoch {saved} of {config.epochs} is" if saved else "Nothing new is"
            sys.exit(f"Stopped. {kept} saved in {os.path.relpath(folder)}.")
    print(f"The partial encoder is {os.path.relpath(folder / FILE)}.")


def _repair_line(p: RepairProgress) -> str:
    return (
        f"epoch {p.epoch}/{p.epochs}: -log q(z | seen) {p.nats:.2f} nats, squared error of the "
        f"mean {p.squared_error:.2f}"
    )


def repair_command(
    name: tyro.conf.Positional[str],
    image: tyro.conf.Positional[Path],
    mask: str = "auto",
    samples: int = 16,
    method: str | None = None,
    steps: int | None = None,
    noise: str = "0",
    salt: str = "0",
    blur: float = 0.0,
    block: int = 1,
    seed: int = 0,
    out: Path = Path("repaired"),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> None:
    """Give a damaged digit back, with several plausible answers and their weights.

    Args:
        name: A checkpoint's name or folder, owner/name on the Hub, a file, or module:factory.
        image: A picture of the model's own size, as it is; any other is read as a photo of a digit.
        mask: A picture of the same size, white where pixels are missing; "auto" guesses, "none"
            has nothing missing.
        samples: How many answers.
        method: posterior, smc, map, metropolis_within_gibbs, pseudo_gibbs or plain. When left out,
            posterior if the checkpoint has a partial encoder, else smc.
        steps: Of the method; its own number when left out.
        noise: Standard deviation of Gaussian noise in the picture, or "auto".
        salt: Share of salt-and-pepper pixels, or "auto".
        blur: Standard deviation in pixels of a Gaussian blur in the picture.
        block: Side in pixels of the blocks of a low resolution.
        seed: Of the draws.
        out: The folder to write repaired.png, plain.png, uncertainty.png, answers.png,
            repair.npz and repair.json into.
        json_: Print repair.json as well, on one line.
    """
    model, folder, ours, config = open_model(name)
    posterior = load_posterior(folder) if folder else None
    x = digits.to_picture(image.read_bytes(), model.image_shape, ink=of_ink(config))
    seen = hide(observe(x), _mask(mask, x))._replace(
        noise=_level(noise, "noise"), salt=_level(salt, "salt"), blur=blur, factor=block
    )
    generator = torch.Generator().manual_seed(seed)
    with tqdm(desc="repair", unit="step", dynamic_ncols=True, leave=False) as bar:

        def on_step(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        answer = repair.repair(
            model, seen, method=method, k=samples, steps=steps, generator=generator,
            posterior=posterior, on_step=on_step,
        )  # fmt: skip
    summary = _write_repair(out, answer, model.decode(model.encode(answer.seen.image)[0])[0])
    summary |= {
        "method": method or default_method(posterior),
        "checkpoint": folder.name if folder and ours else name,
        "seed": seed,
    }
    write_json(out / "repair.json", summary)
    print(f"Wrote {out}: {_said(summary)}")
    if json_:
        print(json.dumps(summary))


def of_ink(config: Mapping[str, Any]) -> bool:
    """Whether a model was trained on handwriting, by its config.json; one without is taken for a
    tutorial's."""
    return data.is_ink(config.get("dataset", "mnist"))


def _start(config: RepairConfig) -> PartialEncoder | None:
    """The partial encoder that training starts from."""
    if config.start_from is None:
        return None
    found = load_posterior(find_folder(config.start_from))
    if found is None:
        raise CheckpointError(
            f"start_from: {config.start_from} has no partial encoder. Leave it out, or train one "
            f"with `python -m core train-repair {config.start_from}`."
        )
    return found


def _mask(asked: str, x: Tensor) -> Tensor:
    """Known pixels, (1, C, H, W), from a file, "auto" or "none"."""
    if asked == "none":
        return torch.ones_like(x)
    if asked == "auto":
        return guess_mask(x[0])[None].expand_as(x)
    picture = digits.open_image(Path(asked).read_bytes())
    if picture.size != (x.shape[3], x.shape[2]):
        raise ValueError(
            f"The mask {asked} has {picture.size[0]} x {picture.size[1]} pixels; the picture that "
            f"it is for has {x.shape[3]} x {x.shape[2]}. Scale it to that."
        )
    return torch.from_numpy(np.asarray(picture.convert("L")) < 128).expand_as(x)


def _level(asked: str, flag: str) -> float | None:
    if asked == "auto":
        return None
    try:
        return float(asked)
    except ValueError:
        raise ValueError(f'--{flag} takes a number or "auto"; got {asked!r}.') from None


def _write_repair(out: Path, answer: repair.Repair, plain: Tensor) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    (out / "repaired.png").write_bytes(images.to_png(answer.mean, scale=8))
    (out / "plain.png").write_bytes(images.to_png(plain, scale=8))
    (out / "uncertainty.png").write_bytes(
        images.to_png(2 * repair.over_channels(answer.std), scale=8)
    )
    (out / "answers.png").write_bytes(exports.png_sheet(answer))
    (out / "repair.npz").write_bytes(exports.npz(answer))
    return {
        "answers": [group._asdict() for group in repair.groups(answer)],
        "weights": answer.weights.tolist(),
        "known_pixels": int(answer.seen.mask[0, 0].sum()),
        "pixels": answer.seen.mask[0, 0].numel(),
        "noise": answer.seen.noise,
        "salt": answer.seen.salt,
        "blur": answer.seen.blur,
        "block": answer.seen.factor,
        "ess": answer.ess,
        "milliseconds": answer.milliseconds,
    }


def _said(summary: dict[str, Any]) -> str:
    """What the answers are, in words."""
    clean = not (summary["noise"] or summary["salt"] or summary["blur"]) and summary["block"] == 1
    if summary["method"] == "plain":
        found = "the damaged picture, encoded and decoded: it repairs nothing"
    elif summary["known_pixels"] == 0:
        found = "nothing of the picture is known, so these are draws from the prior"
    elif summary["known_pixels"] == summary["pixels"] and clean:
        found = "every pixel is known, so this is the picture itself"
    elif summary["answers"][0]["label"] is None:
        found = f"{len(summary['weights'])} answers"
    else:
        found = ", ".join(f"{g['label']}: {g['weight']:.0%}" for g in summary["answers"])
    return f"{found} ({summary['milliseconds']:.0f} ms)"
