"""The command that trains: whose folder, which settings, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from core import __main__, checkpoint, load_checkpoint
from core.claim import claimed

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 40 grey images in two classes, of which most are to train on."""
    for n in range(40):
        path = tmp_path / "pictures" / "ab"[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 6 * n).save(path)
    return tmp_path / "pictures"


Train = Callable[..., None]


@pytest.fixture
def train(
    checkpoints: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """train("--epochs", "2") -> python -m core train of a tiny network in an empty checkpoints/."""

    def run(*arguments: str) -> None:
        small = ("--dataset", str(pictures), "--h-dim", "8", "--z-dim", "2", "--batch-size", "16")
        given = arguments if "--resume" in arguments else (*small, "--epochs", "2", *arguments)
        monkeypatch.setattr(sys, "argv", ["core", "train", *given])
        __main__.main()

    return run


def refused(train: Train, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        train(*arguments)
    assert str(ended.value).startswith("error: ")
    return str(ended.value)


@pytest.mark.parametrize("file", ["training.pt", "model.safetensors", "history.json"])
def test_half_a_run_is_not_overwritten(train: Train, checkpoints: Path, file: str) -> None:
    (checkpoints / "mine").mkdir()
    (checkpoints / "mine" / file).write_bytes(b"mine")
    assert "already holds a model" in refused(train, "--name", "mine")
    assert (checkpoints / "mine" / file).read_bytes() == b"mine"
    assert [path.name for path in (checkpoints / "mine").glob("[!.]*")] == [file]


def test_a_name_that_another_process_trains_is_not_touched(train: Train, checkpoints: Path) -> None:
    with claimed(checkpoints / "mine", resume=False):
        (checkpoints / "mine" / "progress.json").write_text("theirs")
        assert "being trained by another process" in refused(train, "--name", "mine")
        assert (checkpoints / "mine" / "progress.json").read_text() == "theirs"


def test_a_name_taken_this_very_moment_is_passed_over(
    train: Train, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that start at once without --name see the same free one."""
    exists, first = Path.exists, checkpoints / "pictures-mlp-2"
    with claimed(first, resume=False), monkeypatch.context() as patched:
        patched.setattr(Path, "exists", lambda p: p != first and exists(p))
        train()
    assert checkpoint.list_checkpoints(checkpoints) == ["pictures-mlp-2-2"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--seed", "4"], "cannot be resumed with seed=4"),
        (["--z-dim", "20"], "started with z_dim=2; it cannot be resumed with z_dim=20"),
        (["--z-dim=20"], "z_dim=20"),
        (["--binarize"], "binarize=True"),
        (["--h_dim", "400"], "h_dim=400"),
        (["--dataset", "mnist"], "dataset=mnist"),
        (["--epochs", "1"], "epochs can only be raised"),
    ],
)
def test_other_settings_are_refused_also_when_they_are_the_defaults(
    train: Train, checkpoints: Path, flags: list[str], sentence: str
) -> None:
    train("--name", "mine")
    before = (checkpoints / "mine" / "training.pt").read_bytes()
    assert sentence in refused(train, "--name", "mine", "--resume", *flags)
    assert (checkpoints / "mine" / "training.pt").read_bytes() == before


def test_the_same_settings_may_be_said_again(
    train: Train, checkpoints: Path, pictures: Path
) -> None:
    train("--name", "mine")
    again = ("--z-dim", "2", "--dataset", str(pictures), "--epochs", "3")
    train("--name", "mine", "--resume", *again)
    assert checkpoint.describe("mine").config["training"]["epochs_done"] == 3


def test_resuming_a_finished_run_leaves_its_figures(
    train: Train, checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train("--name", "mine")
    figures = json.loads((checkpoints / "mine" / "metrics.json").read_text()) | {"nll": 80.0}
    (checkpoints / "mine" / "metrics.json").write_text(json.dumps(figures))
    train("--name", "mine", "--resume")
    assert json.loads((checkpoints / "mine" / "metrics.json").read_text()) == figures
    assert "All 2 epochs were done already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--batch-size", "41"], "batch_size must be at most the number of training images, 3"),
        (["--z-dim", "0"], "z_dim must be above 0"),
        (["--learning-rate", "-1"], "learning_rate must be above 0"),
        (["--shift", "28"], "shift must be below"),
    ],
)
def test_impossible_settings_leave_nothing_behind(
    train: Train, checkpoints: Path, flags: list[str], sentence: str
) -> None:
    assert sentence in refused(train, "--name", "mine", *flags)
    assert not list(checkpoints.glob("mine/[!.]*"))


def test_one_image_is_no_data_set(
    train: Train, checkpoints: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import data

    one = data.load_dataset(str(pictures), "train")
    few = data.LabelledImages(one.images[:1], one.labels[:1])
    monkeypatch.setattr(data, "load_dataset", lambda *a, **k: few)
    said = refused(train, "--name", "mine", "--batch-size", "1")
    assert "dataset must hold at least 2 training images" in said


@pytest.fixture
def run(
    pictures: Path, tmp_path: Path
) -> Iterator[Callable[..., "tuple[Path, subprocess.Popen[str]]"]]:
    """run("--epochs", "9") -> the folder and the process of a real command line."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "tuple[Path, subprocess.Popen[str]]":
        folder = tmp_path / "checkpoints" / "run"
        command = [sys.executable, "-m", "tests.core.elsewhere", str(folder.parent), "train"]
        command += ["--name", folder.name, "--dataset", str(pictures), "--z-dim", "2"]
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=os.environ | {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"},
            # A shell without job control starts what it puts in the background deaf to Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        started.append(process)
        return folder, process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM], [2, 15, 2]])
def test_a_signal_leaves_a_valid_checkpoint_and_says_how_to_resume(
    run: Callable[..., "tuple[Path, subprocess.Popen[str]]"], numbers: list[int]
) -> None:
    """After an epoch; also when a launcher sends several."""
    folder, process = run("--h-dim", "8", "--batch-size", "16", "--epochs", "100000")
    wait_for(lambda: (folder / "samples" / "codes-1.npz").exists(), process)
    for number in numbers:
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped. Epoch" in said and "Traceback" not in said
    assert f"python -m core train --name {folder.name} --resume" in said
    assert load_checkpoint(folder).z_dim == 2
    assert json.loads((folder / "progress.json").read_text())["state"] == "stopped"


def test_a_signal_in_the_first_epoch_ends_it_soon(
    run: Callable[..., "tuple[Path, subprocess.Popen[str]]"],
) -> None:
    """A step at a time is waited for, not an epoch: this one would take minutes."""
    folder, process = run(
        "--batch-size", "1", "--importance-samples", "64", "--architecture", "ConvVAE",
        "--width", "64", "--h-dim", "64", "--blocks", "8",
    )  # fmt: skip
    wait_for(lambda: (folder / "config.json").exists(), process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped. What there was before is saved" in said
    assert json.loads((folder / "progress.json").read_text())["state"] == "stopped"
    assert json.loads((folder / "config.json").read_text())["training"]["epochs_done"] == 0


def test_a_start_that_failed_does_not_take_the_name(train: Train, checkpoints: Path) -> None:
    assert "batch_size must be" in refused(train, "--batch-size", "41")
    left = [path.name for path in checkpoints.iterdir()]
    train("--batch-size", "8")
    trained = [path.parent.name for path in checkpoints.glob("*/config.json")]
    assert len(left) == 1 and trained == left
