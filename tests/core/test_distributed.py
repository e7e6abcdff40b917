"""Two processes compute what one does, and end together, whatever ends one of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image

from core import load_checkpoint
from core.latent import latent_map
from core.metrics import evaluate
from core.train import train
from tests.core import launched

ROOT = Path(__file__).parent.parent.parent
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
TORCHRUN = ["torch.distributed.run", "--nproc_per_node", "2", "--standalone"]


def launch(launcher: list[str], *arguments: str) -> "subprocess.Popen[str]":
    """Two processes of this machine's CPU."""
    if launcher is ACCELERATE:
        launcher = [*launcher, "--main_process_port", "0", "--mixed_precision", "no"]
        launcher += ["--num_machines", "1", "--dynamo_backend", "no"]
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, "-m", *arguments], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def output(process: "subprocess.Popen[str]") -> str:
    """Everything that it said; within minutes, or it hangs."""
    try:
        return process.communicate(timeout=300)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(process.communicate()[0]) from None


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    two = tmp_path / "two"
    two.mkdir()
    process = launch(ACCELERATE, "tests.core.launched", "figures", str(two))
    said = output(process)
    assert process.returncode == 0, said
    for name, config in launched.CONFIGS.items():
        model = train(config, launched.made(), tmp_path / name)
        for x, y in zip(model.parameters(), load_checkpoint(two / name).parameters(), strict=True):
            torch.testing.assert_close(x, y, rtol=0, atol=1e-5)
        histories = [
            json.loads((folder / "history.json").read_text())["epochs"]
            for folder in (tmp_path / name, two / name)
        ]
        assert len(histories[0]) == len(histories[1]) == config.epochs
        for a, b in zip(*histories, strict=True):
            for key in ("reconstruction", "kl", "neg_elbo", "kl_per_dim", "learning_rate", "beta"):
                assert a[key] == pytest.approx(b[key], rel=1e-5, abs=1e-6), key
            assert a["active_units"] == b["active_units"]
    told = [json.loads((two / f"told-{index}.json").read_text()) for index in (0, 1)]
    assert told[0] == told[1], "every process is told the same"
    model, many = load_checkpoint(two / "vae"), launched.made().repeat(5, 1, 1, 1)
    for key, value in evaluate(model, many, nll=7).items():
        assert told[0]["metrics"][key] == pytest.approx(value, rel=1e-6), key
    mu = latent_map(model, many, torch.arange(300) % 4).mu
    torch.testing.assert_close(mu, torch.tensor(told[0]["mu"]))
    blocks = [
        [json.loads(line)["block"] for line in (two / f"evaluation.{i}.jsonl").open()]
        for i in (0, 1)
    ]
    assert blocks == [[0, 2], [1]], "the work was shared"


def test_when_one_dies_the_other_says_so_and_ends(tmp_path: Path) -> None:
    # By itself the launcher ends the others within 0.1 s, which they may not have said it by.
    patient = [*TORCHRUN, "--monitor-interval", "3"]
    process = launch(patient, "tests.core.launched", "one_dies", str(tmp_path / "run"))
    said = output(process)
    assert process.returncode != 0 and "threads are left" not in said, said
    assert "Another process of this launch has ended" in said, said
    assert load_checkpoint(tmp_path / "run").z_dim == 3


@pytest.mark.parametrize(
    ("work", "error"), [("main_cannot_write", "TakenError"), ("main_cannot_save", "TrainingError")]
)
def test_what_the_main_process_raises_all_raise(tmp_path: Path, work: str, error: str) -> None:
    if work == "main_cannot_write":
        (tmp_path / "history.json").write_text("{}")
    process = launch(TORCHRUN, "tests.core.launched", work, str(tmp_path))
    said = output(process)
    assert process.returncode == 0, said
    assert f"0: {error}" in said and f"1: {error}" in said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a checkpoint that a command may train."""
    return tmp_path / "checkpoints" / "run"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 40 grey images in two classes."""
    for n in range(40):
        path = tmp_path / "pictures" / "ab"[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 6 * n).save(path)
    return tmp_path / "pictures"


def arguments(folder: Path, pictures: Path, epochs: int) -> list[str]:
    return [
        "tests.core.elsewhere", str(folder.parent), "train", "--name", folder.name,
        "--dataset", str(pictures), "--h-dim", "8", "--z-dim", "2", "--batch-size", "16",
        "--epochs", str(epochs),
    ]  # fmt: skip


def test_the_command_line_prints_and_writes_once(folder: Path, pictures: Path) -> None:
    process = launch(ACCELERATE, *arguments(folder, pictures, 2))
    said = output(process)
    assert process.returncode == 0, said
    assert said.count("epoch 2: reconstruction") == 1 and said.count("The model is in") == 1
    assert said.count("active_units") == 1, "evaluated once, together"
    assert json.loads((folder / "progress.json").read_text())["state"] == "finished"
    assert (folder / "metrics.json").exists() and not list(folder.glob("evaluation.*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_of_them(folder: Path, pictures: Path, number: int) -> None:
    process = launch(TORCHRUN, *arguments(folder, pictures, 100_000))
    try:
        deadline = time.monotonic() + 300
        while not (folder / "samples" / "codes-2.npz").exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        said = output(process)
        assert not [worker for worker in workers if worker.is_running()]
        assert said.count("Stopped. Epoch") == 1, said
        assert json.loads((folder / "progress.json").read_text())["state"] == "stopped"
        assert load_checkpoint(folder).z_dim == 2
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
