"""Repair, ours and others', on the first test digits: python benchmarks/repair.py

Every method gets the same damaged digits (seed 0). Prints one JSON line and writes
benchmarks/repair.json, docs/repair-table.md and the contact sheet docs/repair-sheet.png.

    --tune            our method's settings on training digits instead
    --digits 200      fewer digits
    --sheet           the contact sheet only

What the columns mean: PSNR is -10 log10 of the mean over digits of the mean squared error on the
damaged pixels (all pixels for noise) of the point estimate. "read" is how often an independent
classifier (judge.py) reads a single best answer as the digit's label, "mean read" the same for the
point estimate. Of several answers the best one is found alike for every method: the most typical
of the heaviest class, as the partial encoder reads them. "best of 16" is the PSNR of the answer
nearest to the truth. The log score is log sum_k w_k p(x | answer k) over the damaged pixels, each
answer giving the means of Bernoulli pixels, kept 1, 3 or 10% away from black and white, whichever
suits the method best; since x is grey this is a score and no density. The calibration error is the
expected one over ten bins (Guo et al. 2017), of the heaviest class's weight and of all classes'
weights, as the judge reads the answers.

Ours was trained on masks like these, the cells' own among many others; the rest knows nothing of
masks. The levels of f and g are given to all that can use them; one row has ours without. BETA and
the number of steps were chosen on 150 training digits that the encoder of that trial had not seen;
`--tune` repeats it with the shipped encoder, which has seen them.
"""

import argparse
import json
import math
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import baselines
import judge
import torch
import torch.nn.functional as F
from driver import ROOT
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from core import load_checkpoint, methods
from core.checkpoint import CHECKPOINTS
from core.damage import (
    Observation,
    centre_box,
    gaussian_noise,
    left_half,
    mnist_mask_generator,
    observe,
    random_pixels,
    salt_and_pepper,
    scribbles,
    top_half,
)
from core.data import load_dataset
from core.images import grid, to_pil
from core.metrics import ssim
from core.posterior import load_posterior
from core.repair import Repair, glimpse, groups, repair

CHECKPOINT = "mnist-res-32"
HERE, DOCS = ROOT / "benchmarks", ROOT / "docs"
SEED, K = 0, 16
MARGINS = (0.01, 0.03, 0.1)  # of the log score's kernel
MARGIN = 190  # px for the contact sheet's labels

Damage = Callable[[Observation, torch.Generator], Observation]
CELLS: dict[str, tuple[str, Damage]] = {
    "a": ("top half", lambda seen, g: top_half(seen, g, 0.5)),
    "b": ("left half", lambda seen, g: left_half(seen, g, 0.5)),
    "c": ("centre 14 x 14", lambda seen, g: centre_box(seen, g, 0.5)),
    "d": ("80% of the pixels", lambda seen, g: random_pixels(seen, g, 0.8)),
    "e": ("three scribbles", lambda seen, g: scribbles(seen, g, 0.3)),
    "f": ("Gaussian noise 0.5", lambda seen, g: gaussian_noise(seen, g, 0.5)),
    "g": ("salt and pepper 30%", lambda seen, g: salt_and_pepper(seen, g, 0.3)),
    "mix": ("MNISTMaskGenerator", mnist_mask_generator),
}


class Answer(NamedTuple):
    """What a method says about one digit, for scoring."""

    mean: Tensor  # (1, H, W)
    completions: Tensor  # (K, 1, H, W), the single best answer first
    weights: Tensor  # (K,)


Solve = Callable[[Observation, torch.Generator], Answer]


class Contestant(NamedTuple):
    name: str
    digits: int  # how many of the digits it gets: the slow ones fewer
    cells: str  # which cells it can do
    solve: Solve


def contestants() -> list[Contestant]:
    model, tutorial = load_checkpoint(CHECKPOINT), load_checkpoint("mnist-mlp-20")
    posterior = load_posterior(CHECKPOINTS / CHECKPOINT)
    every, holes = "abcdefgm", "abcdem"

    assert posterior is not None

    def best_first(answer: Repair) -> Answer:
        """The most typical answer of the heaviest class in front."""
        whole = torch.ones_like(answer.completions)
        labels = posterior(answer.completions, whole).z.class_weight.argmax(-1)
        best = groups(answer._replace(labels=labels))[0].members[0]
        order = torch.tensor([best, *(n for n in range(len(labels)) if n != best)])
        return Answer(answer.mean, answer.completions[order], answer.weights[order])

    def ours(
        method: str, steps: int | None = None, *, trained: bool = True, told: bool = True
    ) -> Solve:
        def solve(seen: Observation, generator: torch.Generator) -> Answer:
            return best_first(repair(
                model, seen if told else seen._replace(noise=None, salt=None), method=method, k=K,
                steps=steps, generator=generator, posterior=posterior if trained else None,
            ))  # fmt: skip

        return solve

    def head(seen: Observation, generator: torch.Generator) -> Answer:
        return _single(glimpse(model, seen, posterior).mean)

    def plain(seen: Observation, generator: torch.Generator) -> Answer:
        return _single(tutorial.decode(tutorial.encode(seen.image)[0])[0])

    train = load_dataset("mnist", "train").images
    neighbours = baselines.Neighbours(train)

    def nearest(seen: Observation, generator: torch.Generator) -> Answer:
        found = neighbours(seen, K)
        even = torch.full((K,), 1 / K)
        nobody = torch.zeros(K, 1)
        return best_first(
            Repair(found, even, found.mean(0), found.std(0), nobody, None, K, 0.0, None, seen)
        )

    def simple(function: Callable[[Observation], Tensor]) -> Solve:
        return lambda seen, generator: _single(function(seen))

    return [
        Contestant("plain pass, tutorial network", 1000, every, plain),
        Contestant("Telea (OpenCV)", 1000, holes, simple(baselines.telea)),
        Contestant("biharmonic (scikit-image)", 100, holes, simple(baselines.biharmonic)),
        Contestant("median 3 x 3", 1000, "fg", simple(baselines.median)),
        Contestant("16 nearest training digits", 1000, every, nearest),
        Contestant("pseudo-Gibbs, 50 steps", 100, every, ours("pseudo_gibbs", trained=False)),
        Contestant("Metropolis within Gibbs, 50 steps", 100, every,
                   ours("metropolis_within_gibbs", trained=False)),
        Contestant("MAP, 16 starts, 100 steps", 100, every, ours("map", trained=False)),
        Contestant("annealed SMC", 100, every, ours("smc", trained=False)),
        Contestant("ours on the same", 100, every, ours("posterior")),
        Contestant("ours live: the mean head alone", 1000, every, head),
        Contestant("ours, not refined", 1000, every, ours("posterior", 0)),
        Contestant("ours, levels not told", 1000, "fg", ours("posterior", told=False)),
        Contestant("ours", 1000, every, ours("posterior")),
    ]  # fmt: skip


def _single(mean: Tensor) -> Answer:
    return Answer(mean, mean[None], torch.ones(1))


class Scores:
    """Running sums over digits of one method in one cell."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.shares: list[Tensor] = []  # the judge's weight of every class, each (10,)
        self.labels: list[int] = []

    def add(self, x: Tensor, label: int, seen: Observation, answer: Answer, ms: float) -> None:
        """x (1, H, W), the undamaged digit."""
        damaged = torch.ones_like(x) if seen.noise or seen.salt else 1 - seen.mask[0]
        read = JUDGE(torch.cat([answer.completions, answer.mean[None]])).argmax(1)
        share = torch.zeros(10).scatter_add_(0, read[:-1], answer.weights)
        errors = (answer.completions - x).square() * damaged
        scores = {}
        for margin in MARGINS:
            kernel = F.binary_cross_entropy(
                answer.completions.clamp(margin, 1 - margin), x.expand_as(answer.completions),
                reduction="none",
            )  # fmt: skip
            log_p = -(kernel * damaged).flatten(1).sum(1)
            scores[f"log_score_{margin}"] = float((answer.weights.log() + log_p).logsumexp(0))
        pixels = float(damaged.sum().clamp_min(1))
        self.rows.append({
            "mse": float(((answer.mean - x).square() * damaged).sum()) / pixels,
            "ssim": ssim(x, answer.mean),
            "read": float(read[0] == label),
            "mean_read": float(read[-1] == label),
            "best_mse": float(errors.flatten(1).sum(1).min()) / pixels,
            "ms": ms,
            **scores,
        })  # fmt: skip
        self.shares.append(share)
        self.labels.append(label)

    def summary(self) -> dict[str, float | int]:
        column = {key: torch.tensor([row[key] for row in self.rows]) for key in self.rows[0]}
        share, label = torch.stack(self.shares), torch.tensor(self.labels)
        heaviest = share.max(1)
        truth = F.one_hot(label, 10).float()
        return {
            "psnr": -10 * math.log10(float(column["mse"].mean())),
            "ssim": float(column["ssim"].mean()),
            "read": float(column["read"].mean()),
            "mean_read": float(column["mean_read"].mean()),
            "best_psnr": -10 * math.log10(float(column["best_mse"].mean())),
            "log_score": max(float(column[f"log_score_{margin}"].mean()) for margin in MARGINS),
            "calibration_error": calibration_error(
                heaviest.values, (heaviest.indices == label).float()
            ),
            "calibration_error_classes": calibration_error(share.flatten(), truth.flatten()),
            "ms": float(column["ms"].median()),
            "digits": len(self.rows),
        }


def calibration_error(confidence: Tensor, right: Tensor, bins: int = 10) -> float:
    """Expected calibration error: the mean over bins of |confidence - how often it was right|."""
    place = (confidence * bins).long().clamp_max(bins - 1)
    gaps = [
        (confidence[place == n].mean() - right[place == n].mean()).abs() * (place == n).sum()
        for n in range(bins)
        if (place == n).any()
    ]
    return float(sum(gaps) / len(confidence))


def damaged_digits(cell: str, x: Tensor) -> list[Observation]:
    """Each digit of x (N, 1, H, W) damaged, as one observation each; the same in every run."""
    seen = CELLS[cell][1](observe(x), torch.Generator().manual_seed(SEED))
    return [seen._replace(image=seen.image[n : n + 1], mask=seen.mask[n : n + 1])
            for n in range(len(x))]  # fmt: skip


def run_cell(job: tuple[str, int]) -> tuple[str, dict[str, dict[str, float | int]]]:
    cell, digits = job
    torch.set_num_threads(1)
    test = load_dataset("mnist", "test")
    observations = damaged_digits(cell, test.images[:digits])
    results = {}
    for contestant in contestants():
        if cell[0] not in contestant.cells:
            continue
        scores, generator = Scores(), torch.Generator().manual_seed(SEED)
        for n in range(min(digits, contestant.digits)):
            start = time.perf_counter()
            answer = contestant.solve(observations[n], generator)
            ms = 1e3 * (time.perf_counter() - start)
            scores.add(test.images[n], int(test.labels[n]), observations[n], answer, ms)
        results[contestant.name] = scores.summary()
        print(f"{cell} {contestant.name}: {results[contestant.name]}", flush=True)
    return cell, results


def memory() -> float | None:
    """MB that one repair takes at its most, beyond the model and its encoder; None where the
    system does not tell."""
    torch.set_num_threads(1)
    model, posterior = load_checkpoint(CHECKPOINT), load_posterior(CHECKPOINTS / CHECKPOINT)
    seen = damaged_digits("a", load_dataset("mnist", "test").images[:1])[0]
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not status.exists():
        return None

    def kilobytes(field: str) -> int:
        line = next(line for line in status.read_text().splitlines() if line.startswith(field))
        return int(line.split()[1])

    reset.write_text("5")  # the peak begins anew
    before = kilobytes("VmRSS")
    repair(model, seen, k=K, posterior=posterior, generator=torch.Generator().manual_seed(SEED))
    return (kilobytes("VmHWM") - before) / 1024


def tables(results: dict[str, dict[str, dict[str, float | int]]]) -> str:
    """Two Markdown tables: PSNR / read for every cell, and what else was measured of ours."""
    names = list(dict.fromkeys(name for cell in results.values() for name in cell))
    lines = [
        "| PSNR in dB / % read rightly | " + " | ".join(CELLS[c][0] for c in results) + " | ms |",
        "|---" * (len(results) + 2) + "|",
    ]
    for name in names:
        rows = [results[cell].get(name) for cell in results]
        cells = [f"{r['psnr']:.1f} / {100 * r['read']:.0f}" if r else "" for r in rows]
        found = [r for r in rows if r]
        few = f" ({found[0]['digits']} digits)" if found[0]["digits"] < max(
            r["digits"] for cell in results.values() for r in cell.values()) else ""  # fmt: skip
        ms = sum(r["ms"] for r in found) / len(found)
        lines.append(f"| {name}{few} | " + " | ".join(cells) + f" | {ms:.1f} |")
    lines += [
        "",
        "| ours | " + " | ".join(CELLS[c][0] for c in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    for label, key, form in (
        ("SSIM of the mean", "ssim", "{:.3f}"),
        ("mean read rightly", "mean_read", "{:.1%}"),
        ("PSNR, best of 16", "best_psnr", "{:.1f}"),
        ("log score", "log_score", "{:.1f}"),
        ("the same, 16 nearest digits", "log_score", "{:.1f}"),
        ("calibration error, heaviest class", "calibration_error", "{:.3f}"),
        ("calibration error, all classes", "calibration_error_classes", "{:.3f}"),
    ):
        name = "16 nearest training digits" if "nearest" in label else "ours"
        cells = [form.format(results[cell][name][key]) for cell in results]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def contact_sheet() -> None:
    """Rows: original, damaged, plain pass, nearest neighbours, ours, four alternatives. The digits
    are the first of each class in the test set, so that nobody chose them."""
    test = load_dataset("mnist", "test")
    picks = [int((test.labels == n).nonzero()[0]) for n in range(10)]
    field = {contestant.name: contestant for contestant in contestants()}
    rows = ["original", "damaged", "plain pass", "16 nearest digits", "ours: the mean"]
    rows += [f"ours: answer {n}" for n in range(1, 5)]
    columns = []
    for n, pick in enumerate(picks):
        cell = "abcdefgabc"[n]
        seen = damaged_digits(cell, test.images[pick : pick + 1])[0]
        generator = torch.Generator().manual_seed(SEED)
        plain, near, ours = (
            field[name].solve(seen, generator)
            for name in ("plain pass, tutorial network", "16 nearest training digits", "ours")
        )
        # A hole is mid-grey here: black would look like paper.
        shown = torch.where(seen.mask > 0, seen.image, 0.35)[0]
        alternatives = ours.completions[ours.weights.argsort(descending=True)[:4]]
        columns.append(
            torch.stack([test.images[pick], shown, plain.mean, near.mean, ours.mean, *alternatives])
        )
    sheet = torch.stack(columns, 1).flatten(0, 1)  # row-major: every kind is one row
    picture = to_pil(grid(sheet, columns=10), scale=3)
    labelled = Image.new("RGB", (picture.width + MARGIN, picture.height), "black")
    labelled.paste(picture, (MARGIN, 0))
    pen, font = ImageDraw.Draw(labelled), ImageFont.load_default(size=18)
    for n, label in enumerate(rows):
        middle = (n + 0.5) * picture.height / len(rows)
        pen.text((MARGIN - 12, middle), label, fill="white", font=font, anchor="rm")
    labelled.save(DOCS / "repair-sheet.png", optimize=True)


def tune(digits: int) -> None:
    """Our method's settings on the last training digits: PSNR, read, calibration error."""
    train = load_dataset("mnist", "train")
    x, labels = train.images[-digits:], train.labels[-digits:]
    solve = next(contestant for contestant in contestants() if contestant.name == "ours").solve
    for beta in (0.25, 0.5, 0.65, 0.8):
        for steps in (0, 8, 16):
            methods.BETA = beta
            methods.METHODS["posterior"] = methods.METHODS["posterior"]._replace(steps=steps)
            line = {}
            for cell in CELLS:
                scores, generator = Scores(), torch.Generator().manual_seed(SEED)
                for n, seen in enumerate(damaged_digits(cell, x)):
                    answer = solve(seen, generator)
                    scores.add(x[n], int(labels[n]), seen, answer, 0.0)
                found = scores.summary()
                line[cell] = [round(found[key], 3) for key in ("psnr", "read", "calibration_error")]
            print(json.dumps({"beta": beta, "steps": steps} | line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--digits", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--sheet", action="store_true")
    arguments = parser.parse_args()
    if arguments.tune:
        torch.set_num_threads(1)
        tune(arguments.digits)
        return
    contact_sheet()
    if arguments.sheet:
        return
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        jobs = [(cell, arguments.digits) for cell in CELLS]
        megabytes = pool.apply(memory)
        found = dict(pool.imap_unordered(run_cell, jobs, chunksize=1))
    results = {cell: found[cell] for cell in CELLS}
    table = tables(results)
    DOCS.joinpath("repair-table.md").write_text(table, encoding="utf-8")
    line = json.dumps(
        {
            "benchmark": "repair", "digits": arguments.digits, "memory_mb": megabytes,
            "results": results,
        }
    )  # fmt: skip
    HERE.joinpath("repair.json").write_text(line + "\n", encoding="utf-8")
    print(table)
    print(line)


JUDGE = judge.load()

if __name__ == "__main__":
    main()
