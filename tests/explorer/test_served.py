"""Models that the server was started with are in the list and in every panel; links name none."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit.testing.v1 import AppTest

from core import VAE, save_checkpoint
from core.checkpoint import CheckpointError
from core.foreign import ForeignVAE
from core.images import to_png
from explorer import caches, catalogue, frames, live, naming, served, state
from explorer.wording import escaped

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "streamlit_app.py"
SPEC = "their_models:make"
HOST = {"origin": "http://testserver"}


class Theirs:
    """A person's own object round a network, and a switch that breaks it."""

    broken = False

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.net = VAE(h_dim=8, z_dim=3)
        self.net.fc2.weight.data.mul_(8)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.net.encode(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.net.decode(z) + (2.0 if Theirs.broken else 0.0)


@pytest.fixture(autouse=True)
def their_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = types.ModuleType("their_models")
    module.make = Theirs  # type: ignore[attr-defined]
    module.large = lambda: VAE(1024, 8, 3)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "their_models", module)
    monkeypatch.setattr(Theirs, "broken", False)
    served.SERVED.clear()
    yield
    served.SERVED.clear()


def start(*arguments: str) -> None:
    """As `streamlit run` starts the script."""
    served.from_command_line(SCRIPT, [str(SCRIPT), *arguments])


def test_it_is_first_in_the_list_and_the_page_opens_with_it() -> None:
    start("--model", SPEC)
    assert catalogue.checkpoints()[0] == catalogue.default_checkpoint() == SPEC
    assert isinstance(caches.model(SPEC), ForeignVAE)
    assert caches.latent_map(SPEC).mu.shape == (10_000, 3)
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=100).run()
    assert not app.exception and not app.error and not app.warning
    assert app.session_state[state.CHECKPOINT] == SPEC
    assert app.sidebar.selectbox[0].options[0] == SPEC
    told = f"Your model {escaped(SPEC)}, 784-3, on the test images of MNIST"
    assert app.sidebar.caption[0].value == told


def _page(name: str) -> None:
    import importlib

    from explorer import links

    links.restore()
    links.restore_z()
    importlib.import_module(f"explorer.panels.{name}").render()


@pytest.mark.parametrize("name", ["reconstruct", "repair", "walk", "attributes", "learn"])
def test_every_panel_takes_it(name: str) -> None:
    start("--model", SPEC)
    app = AppTest.from_function(_page, default_timeout=200, args=(name,))
    app.session_state[state.METHOD_STEPS] = 2
    app.session_state[state.ANSWERS] = 3
    app.run()
    assert not app.exception and not app.error


def test_the_maps_that_need_a_folder_say_so() -> None:
    start("--model", SPEC)
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=100)
    app.run()
    app.session_state[state.PROJECTION] = "umap"
    app.run()
    assert not app.exception
    assert "this model has none to keep it in" in app.info[0].value
    assert not any("Compute" in button.label for button in app.button)


def frame(kind: int = frames.DECODE) -> bytes:
    return frames.REQUEST.pack(1, kind) + np.zeros(3, "<f4").tobytes()


@pytest.mark.parametrize("kind", [frames.DECODE, frames.STRIPS])
def test_the_live_channel_decodes_it_and_survives_its_failure(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("--model", SPEC)
    client = TestClient(Starlette(routes=live.ROUTES))
    with client.websocket_connect(f"/live/channel/{SPEC}", headers=HOST) as socket:
        socket.send_bytes(frame(kind))
        assert len(socket.receive_bytes()) == frames.ANSWER.size + 784
        monkeypatch.setattr(Theirs, "broken", True)
        socket.send_bytes(frame(kind))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == 1007 and f"{SPEC}: decode gave values" in closed.value.reason
    assert len(closed.value.reason.encode()) <= 123


def test_what_fails_in_a_panel_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    start("--model", SPEC)
    caches.latent_map(SPEC)
    monkeypatch.setattr(Theirs, "broken", True)
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=100).run()
    assert not app.exception
    assert "decode gave values" in " ".join(error.value for error in app.error)


def test_a_link_and_a_request_name_no_code() -> None:
    app = AppTest.from_file(str(ROOT / "explorer" / "app.py"), default_timeout=100)
    app.query_params["model"] = SPEC
    app.run()
    assert app.session_state[state.CHECKPOINT] != SPEC
    assert "that is not here" in app.warning[0].value
    with pytest.raises(CheckpointError, match="no checkpoint 'their_models:make'"):
        caches.model(SPEC)


def test_a_folder_of_ours_is_served_with_its_map(tmp_path: Path) -> None:
    folder = tmp_path / "from-elsewhere"
    save_checkpoint(folder, VAE(h_dim=8, z_dim=2), dataset="mnist")
    start("--model", str(folder))
    assert catalogue.default_checkpoint() == "from-elsewhere"
    assert catalogue.folder("from-elsewhere") == folder
    assert catalogue.described("from-elsewhere").config["h_dim"] == 8


def test_a_file_keeps_its_name_and_reads_no_folder_of_that_name(
    checkpoints: Path, tmp_path: Path
) -> None:
    torch.save(VAE(h_dim=8, z_dim=2).state_dict(), tmp_path / "my.pt")
    start("--model", str(tmp_path / "my.pt"))
    assert naming.why_refused("my") and naming.free_name("my") == "my-2"
    before = catalogue.version("my")
    save_checkpoint(checkpoints / "my", VAE(h_dim=8, z_dim=3), dataset="kmnist")  # from a shell
    assert catalogue.checkpoints() == ["my"] and catalogue.version("my") == before
    assert caches.model("my").z_dim == 2 and caches.dataset_of("my") == "mnist"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere:make"], "error: nowhere:make: importing nowhere failed"),
        (["--model", "their_models:large"], "images of mnist are 28 x 28.*model takes 32 x 32"),
        (["--model", SPEC, "--dataset", "nothing-known"], "error: .*nothing-known"),
        (["--model", "nothing-here"], "error: There is no checkpoint 'nothing-here'"),
        (["--model", "mnist-mlp-2"], "There is a model 'mnist-mlp-2' already"),
        (["--model", SPEC, "--model", SPEC], "There is a model 'their_models:make' already"),
    ],
)
def test_what_cannot_be_served_ends_the_program(arguments: list[str], sentence: str) -> None:
    with pytest.raises(SystemExit, match=sentence):
        start(*arguments)


def test_a_mistyped_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        start("--modle", SPEC)
    assert "unrecognized arguments: --modle" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["pytest", "--model", SPEC], [str(SCRIPT)]])
def test_other_launchers_arguments_are_not_read(argv: list[str]) -> None:
    served.from_command_line(SCRIPT, argv)
    assert not served.SERVED


def test_a_folder_of_pictures_is_its_data_set(tmp_path: Path) -> None:
    for kind in ("round", "square"):
        (tmp_path / kind).mkdir()
        for n in range(10):
            (tmp_path / kind / f"{n}.png").write_bytes(to_png(torch.rand(1, 32, 32)))
    start("--model", "their_models:large", "--dataset", str(tmp_path))
    name = "their_models:large"
    assert caches.dataset_of(name) == str(tmp_path)
    assert caches.classes(name) == ("round", "square")
    assert caches.test_set(name).images.shape[1:] == (1, 32, 32)
    assert caches.latent_map(name).mu.shape[1] == 3
