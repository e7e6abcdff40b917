"""The command line as a person types it, in a process of its own where that matters."""

import datetime
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from core import VAE, __main__, checkpoint, data, load_checkpoint, save_checkpoint
from core.data import LabelledImages, load_dataset
from core.images import to_png
from core.posterior import PartialEncoder, load_posterior, save_posterior
from core.prior import GaussianMixture, save_mixture
from core.train_repair import RepairProgress


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """checkpoints/ in a temporary place, with the tiny VAE in it."""
    root = tmp_path / "checkpoints"
    for function in ("find_checkpoint", "list_checkpoints", "load_checkpoint", "describe"):
        monkeypatch.setattr(getattr(checkpoint, function), "__defaults__", (root,))
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", root)
    torch.manual_seed(0)
    save_checkpoint(root / "tiny", VAE(h_dim=16, z_dim=3), dataset="mnist")
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def small_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """MNIST's first 256 images of each split."""

    def small(name: str, split: str, **sizes: object) -> LabelledImages:
        images, labels = load_dataset(name, split)
        return LabelledImages(images[:256], labels[:256])

    monkeypatch.setattr(data, "load_dataset", small)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["core", *arguments])
    __main__.main()


def error_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *arguments)
    return str(ended.value)


def test_train_then_evaluate_then_resume(
    root: Path,
    small_mnist: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train = ("train", "--h-dim", "8", "--z-dim", "2", "--epochs", "1")
    run(monkeypatch, *train)
    run(monkeypatch, *train)
    assert (root / "mnist-mlp-2" / "map.npz").exists()
    assert (root / "mnist-mlp-2-2").exists(), "a second run does not touch the first"
    assert "already holds a model" in error_of(monkeypatch, *train, "--name", "mnist-mlp-2")
    run(monkeypatch, "train", "--name", "mnist-mlp-2", "--resume", "--epochs", "2")
    config = checkpoint.describe("mnist-mlp-2").config
    assert config["training"]["epochs_done"] == 2 and config["z_dim"] == 2
    refused = error_of(monkeypatch, "train", "--name", "mnist-mlp-2", "--resume", "--seed", "4")
    assert "cannot be resumed with seed=4" in refused
    assert "there are: mnist-mlp-2, mnist-mlp-2-2" in error_of(monkeypatch, "train", "--resume")
    capsys.readouterr()
    run(monkeypatch, "evaluate", "mnist-mlp-2", "--json")
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    keys = {"neg_elbo", "reconstruction", "kl", "kl_per_dim", "active_units", "recon_mse", "images"}
    assert keys <= last.keys() and last["images"] == 256
    assert json.loads((root / "mnist-mlp-2" / "metrics.json").read_text()) == last


def test_evaluate_nll(
    root: Path,
    small_mnist: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "evaluate", "tiny", "--json", "--nll", "20")
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["nll_samples"] == 20 and last["nll"] > 0


def test_evaluate_tells_programs_how_far_it_is_and_keeps_the_day(
    root: Path,
    small_mnist: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "evaluate", "tiny", "--progress", "lines")
    told = capsys.readouterr()
    assert "evaluate 256 256" in told.out.splitlines() and not told.err
    metrics = json.loads((root / "tiny" / "metrics.json").read_text())
    assert metrics["evaluated"] == datetime.date.today().isoformat()


def test_sample_draws_from_the_prior_that_is_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"tiny has no mixture .*core evaluate tiny"):
        run(monkeypatch, "sample", "tiny", "--prior", "mixture")
    run(monkeypatch, "sample", "tiny")
    assert "Drawn from N(0, I)." in capsys.readouterr().out
    mixture = GaussianMixture(torch.ones(1), torch.full((1, 3), 50.0), torch.eye(3)[None])
    save_mixture(root / "tiny", mixture)
    for arguments, name in (((), "the Gaussian mixture"), (("--prior", "normal"), "N(0, I)")):
        run(monkeypatch, "sample", "tiny", *arguments, "--out", f"{len(arguments)}.png")
        assert f"Drawn from {name}." in capsys.readouterr().out
    assert Path("0.png").read_bytes() != Path("2.png").read_bytes()
    assert Path("2.png").read_bytes() == Path("samples.png").read_bytes()


def test_sample_and_reconstruct_write_pictures(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "sample", "tiny", "--count", "64", "--seed", "0", "--out", "out/grid.png")
    first = (tmp_path / "out" / "grid.png").read_bytes()
    assert Image.open(io.BytesIO(first)).size == (484, 484)
    run(monkeypatch, "sample", "tiny", "--out", "again.png")
    assert (tmp_path / "again.png").read_bytes() == first
    photo = tmp_path / "photo.png"
    photo.write_bytes(to_png(load_dataset("mnist", "test").images[0], scale=5))
    run(monkeypatch, "reconstruct", "tiny", str(photo), "--out", "pair.png")
    assert Image.open(tmp_path / "pair.png").size == (8 * 62, 8 * 32)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """40 coloured pictures in two classes, and one file that is none."""
    folder = tmp_path / "My photos"
    for kind in ("a", "b"):
        (folder / kind).mkdir(parents=True)
        for n in range(20):
            Image.new("RGB", (30, 20), (10 * n, 50, 200)).save(folder / kind / f"{n}.jpg")
    (folder / "a" / "broken.jpg").write_bytes(b"nothing")
    return folder


def test_a_folder_from_training_to_reconstruction(
    root: Path,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(
        monkeypatch, "train", "--dataset", "./My photos", "--image-side", "32", "--channels", "3",
        "--h-dim", "8", "--z-dim", "2", "--epochs", "1", "--batch-size", "8",
    )  # fmt: skip
    assert "1 file is not readable and left out: a/broken.jpg" in capsys.readouterr().err
    config = checkpoint.describe("My-photos-mlp-2").config
    assert config["dataset"] == str(photographs) and config["classes"] == ["a", "b"]
    assert checkpoint.load_checkpoint("My-photos-mlp-2").image_shape == (3, 32, 32)
    found = checkpoint.load_map(root / "My-photos-mlp-2")
    test = load_dataset(str(photographs), "test", side=32, channels=3)
    assert found is not None and found.images is not None, "a small folder's images are kept"
    assert torch.equal(found.images.float() / 255, test.images)
    picture = str(photographs / "a" / "3.jpg")
    run(monkeypatch, "reconstruct", "My-photos-mlp-2", picture, "--out", "pair.png")
    assert Image.open(tmp_path / "pair.png").size == (8 * 70, 8 * 36)
    run(monkeypatch, "repair", "My-photos-mlp-2", picture, "--method", "smc", "--steps", "2",
        "--samples", "3", "--json")  # fmt: skip
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["pixels"] == 32 * 32 and len(summary["weights"]) == 3
    told = error_of(monkeypatch, "train-repair", "My-photos-mlp-2")
    assert "partial encoder is for grey ones" in told
    run(monkeypatch, "train", "--name", "My-photos-mlp-2", "--resume", "--epochs", "2")
    assert checkpoint.describe("My-photos-mlp-2").config["training"]["epochs_done"] == 2


def test_evaluate_keeps_images(
    root: Path, small_mnist: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "evaluate", "tiny")
    found = checkpoint.load_map(root / "tiny")
    assert found is not None and found.images is None and len(found.mu) == 256
    run(monkeypatch, "evaluate", "tiny", "--keep-images", "12")
    found = checkpoint.load_map(root / "tiny")
    assert (
        found is not None and found.images is not None and len(found.mu) == len(found.labels) == 12
    )
    expected = load_dataset("mnist", "test").images[:12]
    assert torch.equal(found.images.float() / 255, expected)
    assert json.loads((root / "tiny" / "metrics.json").read_text())["images"] == 256
    for wrong in ("1", "-3", "257"):
        told = error_of(monkeypatch, "evaluate", "tiny", "--keep-images", wrong)
        assert "between 2 and 256" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("evaluate", "nope"), "no checkpoint 'nope'"),
        (("sample", "tiny", "--count", "0"), "--count must lie between"),
        (("reconstruct", "tiny", "missing.png"), "missing.png"),
        (("train", "--epochs", "0"), "epochs must be above 0"),
        (("train", "--dataset", "mnits"), "no data set 'mnits'"),
        (("fetch", "mnits"), "no data set 'mnits'"),
        (("fetch", "./here"), "There is no folder"),
        (("train", "--dataset", "./here"), "There is no folder"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    message = error_of(monkeypatch, *arguments)
    assert message.startswith("error: ") and sentence in message


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    """The first test digit as a file of the model's own size."""
    file = tmp_path / "digit.png"
    file.write_bytes(to_png(load_dataset("mnist", "test").images[0]))
    return file


def test_repair_with_and_without_a_partial_encoder(
    root: Path,
    small_mnist: None,
    digit: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hole = torch.zeros(1, 28, 28)
    hole[:, :, :14] = 1
    mask = digit.with_name("mask.png")
    mask.write_bytes(to_png(hole))
    arguments = [
        "repair",
        "tiny",
        str(digit),
        "--mask",
        str(mask),
        "--samples",
        "4",
        "--steps",
        "2",
    ]
    run(monkeypatch, *arguments, "--out", "first", "--json")
    summary = json.loads(capsys.readouterr().out.strip().rpartition("\n")[2])
    assert summary["method"] == "smc" and summary["known_pixels"] == 392
    assert len(summary["weights"]) == 4 and sum(summary["weights"]) == pytest.approx(1, abs=1e-4)

    run(monkeypatch, "train-repair", "tiny", "--epochs", "1", "--width", "4", "--h-dim", "8")
    assert (root / "tiny" / "repair.safetensors").exists()
    assert "partial encoder is" in capsys.readouterr().out
    run(monkeypatch, *arguments, "--out", "second")
    assert "%" in capsys.readouterr().out
    written = {file.name for file in Path("second").iterdir()}
    assert written == {
        "repaired.png", "plain.png", "uncertainty.png", "answers.png", "repair.npz", "repair.json",
    }  # fmt: skip
    with np.load("second/repair.npz") as arrays:
        assert arrays["completions"].shape == (4, 1, 28, 28)
        known = arrays["mask"] > 0
        expected = load_dataset("mnist", "test").images[0].numpy()
        assert np.allclose(arrays["completions"][0][known], expected[known], atol=1 / 500)
    assert json.loads(Path("second/repair.json").read_text())["method"] == "posterior"


def test_a_folder_of_one_class_gets_a_rich_mixture(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without classes that would have components of their own, one class has ten times as many."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(30):
        (pictures / f"{n}.png").write_bytes(to_png(torch.rand(1, 28, 28)))
    save_checkpoint(root / "own", VAE(h_dim=8, z_dim=3), dataset=str(pictures))
    run(
        monkeypatch, "train-repair", "own", "--epochs", "1", "--width", "4", "--h-dim", "8",
        "--components", "2",
    )  # fmt: skip
    posterior = load_posterior(root / "own")
    assert posterior is not None and (posterior.classes, posterior.mixture) == (1, 20)


def test_what_a_model_on_the_hub_brings_along_is_used(
    root: Path, small_mnist: None, digit: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = root / "tiny"
    mixture = GaussianMixture(torch.ones(1), torch.full((1, 3), 50.0), torch.eye(3)[None])
    save_mixture(folder, mixture)
    save_posterior(folder, PartialEncoder(28, z_dim=3, width=4, h_dim=8), {})
    before = {file: file.read_bytes() for file in folder.iterdir()}
    monkeypatch.setattr("core.hub.download", lambda repo_id: folder)
    run(monkeypatch, "sample", "someone/their-vae")
    assert "Drawn from the Gaussian mixture." in capsys.readouterr().out
    run(monkeypatch, "repair", "someone/their-vae", str(digit), "--steps", "1", "--out", "hub")
    summary = json.loads(Path("hub/repair.json").read_text())
    assert (summary["method"], summary["checkpoint"]) == ("posterior", "someone/their-vae")
    run(monkeypatch, "evaluate", "someone/their-vae")
    assert "Only printed" in capsys.readouterr().out
    assert before == {file: file.read_bytes() for file in folder.iterdir()}


def test_figures_of_weights_that_were_replaced_meanwhile_are_not_kept(
    root: Path, small_mnist: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "tiny"

    def fit(*args: object, **options: object) -> GaussianMixture:
        save_checkpoint(folder, VAE(h_dim=8, z_dim=3))  # a training ends just now
        return GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.eye(3)[None])

    monkeypatch.setattr("core.evaluate_command.fit_mixture", fit)
    assert "was replaced meanwhile; the mixture" in error_of(monkeypatch, "evaluate", "tiny")
    assert not (folder / "prior.safetensors").exists()
    assert not (folder / "metrics.json").exists()


def test_a_partial_encoder_of_weights_that_were_replaced_meanwhile_is_not_kept(
    root: Path, small_mnist: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "tiny"

    def train_posterior(*args: object, on_epoch: Any, **options: object) -> None:
        save_checkpoint(folder, VAE(h_dim=8, z_dim=3))
        posterior = PartialEncoder(28, z_dim=3, width=4, h_dim=8)
        on_epoch(posterior, RepairProgress(1, 1, 1, 1, 0.0, 0.0))

    monkeypatch.setattr("core.repair_commands.train_posterior", train_posterior)
    assert "the partial encoder" in error_of(monkeypatch, "train-repair", "tiny", "--epochs", "1")
    assert not (folder / "repair.safetensors").exists()


def test_repair_of_a_blurred_picture_names_answers(
    root: Path, digit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind a lens no pixel is known, so it is not "the picture itself"."""
    for damage in (("--blur", "2"), ("--block", "2")):
        run(
            monkeypatch, "repair", "tiny", str(digit), "--mask", "none", *damage, "--steps", "1",
            "--samples", "3", "--out", "sharp",
        )  # fmt: skip
        assert "3 answers" in capsys.readouterr().out
        summary = json.loads(Path("sharp/repair.json").read_text())
        assert (summary["blur"], summary["block"]) in ((2.0, 1), (0.0, 2))


def test_the_plain_pass_does_not_see_what_is_missing(
    root: Path, digit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mask hides pixels that the file still has."""
    hole = torch.zeros(1, 28, 28)
    hole[:, 7:21] = 1
    mask = digit.with_name("mask.png")
    mask.write_bytes(to_png(hole))
    run(
        monkeypatch, "repair", "tiny", str(digit), "--mask", str(mask), "--method", "plain",
        "--out", "plain",
    )  # fmt: skip
    assert "repairs nothing" in capsys.readouterr().out
    plain, repaired = (Path("plain", name).read_bytes() for name in ("plain.png", "repaired.png"))
    assert plain == repaired
    x = load_dataset("mnist", "test").images[:1] * (1 - hole)
    model = load_checkpoint(root / "tiny")
    assert plain == to_png(model.decode(model.encode(x)[0])[0], scale=8)


def test_repair_says_when_there_is_nothing_to_do(
    root: Path, digit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "repair", "tiny", str(digit), "--mask", "none", "--steps", "1")
    assert "every pixel is known" in capsys.readouterr().out
    everything = digit.with_name("mask.png")
    everything.write_bytes(to_png(torch.ones(1, 28, 28)))
    run(monkeypatch, "repair", "tiny", str(digit), "--mask", str(everything), "--steps", "1")
    assert "draws from the prior" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samples", "0"], "between 1 and 256; got 0"),
        (["--samples", "10000"], "between 1 and 256; got 10000"),
        (["--noise", "loud"], '--noise takes a number or "auto"'),
        (["--noise", "-1"], "level of noise"),
        (["--salt", "1"], "salt and pepper"),
        (["--method", "magic"], "There is no method 'magic'"),
        (["--mask", "small.png"], "has 14 x 14 pixels; the picture that it is for has 28 x 28"),
        (["--mask", "missing.png"], "missing.png"),
    ],
)
def test_repair_s_errors_are_sentences(
    arguments: list[str],
    sentence: str,
    root: Path,
    digit: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("small.png").write_bytes(to_png(torch.zeros(1, 14, 14)))
    said = error_of(monkeypatch, "repair", "tiny", str(digit), *arguments)
    assert sentence in said and said.startswith("error: ")


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the person's in the present folder."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    name = f"own_module_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(
        "from core import VAE\n\ndef make():\n    return VAE(h_dim=8, z_dim=2)\n"
    )
    return f"{name}:make"


def test_every_command_that_can_takes_a_persons_own_model(
    root: Path,
    small_mnist: None,
    own_module: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "evaluate", own_module, "--json")
    printed = capsys.readouterr().out.splitlines()
    assert json.loads(printed[-1])["images"] == 256
    assert f"Only printed: {own_module} has no folder" in printed[-2]
    run(monkeypatch, "sample", own_module, "--count", "4")
    assert Image.open("samples.png").size[0] > 28
    digit = Path("digit.png")
    digit.write_bytes(to_png(load_dataset("mnist", "test").images[0]))
    run(monkeypatch, "reconstruct", own_module, str(digit))
    assert Path("pair.png").exists()
    run(monkeypatch, "repair", own_module, str(digit), "--mask", "none", "--samples", "2")
    assert json.loads(Path("repaired/repair.json").read_text())["checkpoint"] == own_module
    run(monkeypatch, "export", own_module, "--format", "torch-export")
    exported = Path("exports", own_module.replace(":", "-"))
    assert sorted(file.name for file in exported.iterdir()) == ["decoder.pt2", "encoder.pt2"]
    assert [path.name for path in root.iterdir()] == ["tiny"]


@pytest.mark.parametrize("command", ["embed", "train-repair"])
def test_commands_that_need_a_folder_say_so(
    root: Path, own_module: str, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert "is code and no folder" in error_of(monkeypatch, command, own_module)


def test_a_checkpoint_knows_its_own_data_set(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = error_of(monkeypatch, "evaluate", "tiny", "--dataset", "fashionmnist")
    assert "tiny was trained on mnist; leave --dataset out" in told


def test_a_file_of_weights_is_measured_and_exported(
    root: Path,
    small_mnist: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.save(VAE(h_dim=8, z_dim=2).state_dict(), "tutorial.ckpt")
    run(monkeypatch, "evaluate", "tutorial.ckpt")
    assert "Only printed: tutorial.ckpt has no folder" in capsys.readouterr().out
    run(monkeypatch, "export", "tutorial.ckpt", "--format", "safetensors")
    assert load_checkpoint(Path("exports/tutorial")).z_dim == 2
