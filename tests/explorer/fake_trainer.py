"""Writes what a training writes, without learning anything: python fake_trainer.py core train ...

--epochs N epochs of --seconds S each, until --fail SENTENCE in the last; --silent SENTENCE ends
at once with this as its last words.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image


def replace(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("words", nargs=2)
    parser.add_argument("--name", required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--fail")
    parser.add_argument("--silent")
    given, _ = parser.parse_known_args()
    if given.silent:
        sys.exit(f"Traceback of something\nerror: {given.silent}")
    folder = given.root / given.name
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    rows = json.loads((folder / "history.json").read_text())["epochs"] if given.resume else []

    def tell(state: str, reason: str | None = None) -> None:
        kl = float(10 + len(rows))
        replace(folder / "progress.json", json.dumps({
            "state": state, "pid": os.getpid(), "epoch": min(len(rows) + 1, given.epochs),
            "epochs": given.epochs, "step": 1, "steps": 2, "reconstruction": 100.0, "kl": kl,
            "images_per_second": 1234.0, "eta": 65.0, "updated": time.time(), "reason": reason,
        }))  # fmt: skip

    def stopped(*_: object) -> None:
        tell("stopped")
        sys.exit("Stopped.")

    signal.signal(signal.SIGTERM, stopped)
    tell("running")
    generator = np.random.default_rng(0)
    mu = generator.normal(size=(50, 3))
    labels = (np.arange(50) % 10).astype(np.uint8)
    while len(rows) < given.epochs:
        if given.fail and len(rows) + 1 == given.epochs:
            tell("failed", given.fail)
            sys.exit(f"error: {given.fail}")
        time.sleep(given.seconds)
        epoch = len(rows) + 1
        rows.append({
            "epoch": epoch, "reconstruction": 100.0 / epoch, "kl": 10.0 + epoch,
            "neg_elbo": 100.0 / epoch + 10 + epoch, "active_units": 3, "kl_per_dim": [4.0] * 3,
            "seconds": given.seconds, "images_per_second": 1234.0, "learning_rate": 1e-3,
            "beta": 1.0,
        })  # fmt: skip
        codes = mu + 0.1 * generator.normal(size=mu.shape)
        with (folder / "samples" / f"codes-{epoch}.npz").open("wb") as file:
            np.savez(file, mu=codes.astype(np.float16), labels=labels)
        for kind in ("sampled", "reconst"):
            Image.new("L", (448, 224), 20 * epoch).save(folder / "samples" / f"{kind}-{epoch}.png")
        replace(folder / "history.json", json.dumps({"epochs": rows}))
        tell("running")
    tell("finished")


main()
