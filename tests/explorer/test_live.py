"""The live channel: right answers, and every bad frame closed with a code and a reason."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from core import VAE, load_checkpoint
from core.data import DataError
from core.images import to_uint8
from core.library import delete_checkpoint
from core.limits import CLIENTS, COORDINATE, FRAME_POINTS, REPAIR_SECONDS
from core.objective import elbo
from explorer import caches, channel, desks, frames, live, repairs
from explorer.lessons import answers

HOST = {"origin": "http://testserver"}
ADDRESS = "/live/channel/mnist-mlp-20"


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=live.ROUTES))


@pytest.fixture(scope="module")
def model() -> VAE:
    return load_checkpoint("mnist-mlp-20")


def frame(z: np.ndarray, sequence: int = 1, kind: int = frames.DECODE) -> bytes:
    return frames.REQUEST.pack(sequence, kind) + z.astype("<f4").tobytes()


def belief(mu: np.ndarray, log_var: np.ndarray, x: bytes = bytes(784)) -> bytes:
    return frame(np.concatenate([mu, log_var]), kind=frames.TERMS) + x


def test_the_terms_of_any_belief(client: TestClient, model: VAE) -> None:
    """Of the encoder's own they are its ELBO's, up to the few draws that are taken."""
    x = (np.arange(784) % 256).astype(np.uint8).tobytes()
    picture = torch.tensor(list(x)).view(1, 1, 28, 28) / 255
    mu, log_var = (part[0].numpy() for part in model.encode(picture))
    facts = []
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        for wide in (log_var, log_var, np.zeros(20)):
            socket.send_bytes(belief(mu, wide, x))
            reply = socket.receive_bytes()
            planes = 1 + answers.SAMPLES
            assert frames.ANSWER.unpack_from(reply)[1:5] == (frames.TERMS, planes, 28, 28)
            facts.append(json.loads(reply[frames.ANSWER.size + planes * 784 :]))
    own, again, other = facts
    assert own == again != other
    terms = elbo(model, picture, samples=64, generator=torch.Generator().manual_seed(1))
    assert own["kl"] == pytest.approx(float(terms.kl), rel=1e-4)
    assert own["reconstruction"] == pytest.approx(float(terms.reconstruction), rel=0.1)
    assert other["kl"] == pytest.approx(0.5 * float(np.square(mu).sum()), rel=1e-4)


def assert_alive(client: TestClient) -> None:
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        socket.send_bytes(frame(np.zeros(20)))
        assert len(socket.receive_bytes()) == frames.ANSWER.size + 784


def test_an_answer_is_what_decode_says(client: TestClient, model: VAE) -> None:
    rng = np.random.default_rng(0)
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        for sequence in (1, 2, 2**32 - 1):
            z = rng.standard_normal(20).astype(np.float32)
            socket.send_bytes(frame(z, sequence))
            reply = socket.receive_bytes()
            assert frames.ANSWER.unpack_from(reply) == (sequence, frames.DECODE, 1, 28, 28, 0)
            pixels = np.frombuffer(reply, np.uint8, offset=frames.ANSWER.size)
            expected = to_uint8(model.decode(torch.from_numpy(z)[None])).flatten().numpy()
            np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ("bad", "code", "reason"),
    [
        (frame(np.zeros(19)), 1007, "84 bytes; 88 are expected"),
        (b"", 1007, "0 bytes"),
        (bytes(50_000), 1009, "50000 bytes"),
        (frame(np.zeros(21)), 1009, "92 bytes"),
        (frame(np.full(20, np.nan)), 1007, "not a finite number"),
        (frame(np.array([np.inf] + [0.0] * 19)), 1007, "not a finite number"),
        (frame(np.zeros(20), kind=77), 1007, "kind 77"),
        (frame(np.zeros(40), kind=frames.PLACE), 1009, "168 bytes"),
        (frame(np.zeros(30), kind=frames.STRIPS), 1007, "128 bytes"),
        (frame(np.zeros(0), kind=frames.TILES), 1007, "8 bytes"),
        (frame(np.zeros(1), kind=frames.ALIVE), 1007, "12 bytes; 8 are expected of this kind"),
        (frame(np.zeros(20 * 513), kind=frames.TILES), 1009, "41048 bytes"),
        (belief(np.zeros(20), np.zeros(20), bytes(783)), 1007, "951 bytes; 952 are expected"),
        (belief(np.full(20, np.nan), np.zeros(20)), 1007, "mu must lie within"),
        (belief(np.zeros(20), np.full(20, 21.0)), 1007, "log_var within ±20"),
        ("text", 1003, "not text"),
    ],
)
def test_a_bad_frame_closes_with_a_reason(
    client: TestClient, bad: bytes | str, code: int, reason: str
) -> None:
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        socket.send_text(bad) if isinstance(bad, str) else socket.send_bytes(bad)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == code
    assert reason in closed.value.reason and len(closed.value.reason.encode()) <= 123
    assert_alive(client)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_any_frame_is_answered_or_refused(model: VAE, data: bytes) -> None:
    serving = frames.Loaded("mnist-mlp-20", model, "Not asked for.")
    try:
        reply = frames.answered(serving, frames.understood(model, data))
        assert len(reply) >= frames.ANSWER.size + 784
    except frames.FrameError as error:
        assert error.code in (1003, 1007, 1009) and 0 < len(error.reason.encode()) <= 123


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {},
    ],
)
def test_another_origin_is_refused_with_a_reason(
    client: TestClient, headers: dict[str, str]
) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(ADDRESS, headers=headers),
    ):
        pass
    assert refused.value.status_code == 403
    assert "not this host" in refused.value.text
    assert_alive(client)


@pytest.mark.parametrize(
    "name", ["nope", "..", "%2e%2e%2fmnist-mlp-20", "x" * 5000, "mnist-mlp-20%00", "."]
)
def test_an_unknown_checkpoint_is_refused(client: TestClient, name: str) -> None:
    with (
        pytest.raises((WebSocketDenialResponse, WebSocketDisconnect)),
        client.websocket_connect(f"/live/channel/{name}", headers=HOST),
    ):
        pass
    for address in (f"/live/map/{name}/pca/test.json", f"/live/encoded/{name}/test.f32"):
        assert client.get(address).status_code == 404
    assert_alive(client)


def test_a_model_that_is_deleted_closes_its_socket_with_a_sentence(
    client: TestClient,
    checkpoints: Path,
    make_checkpoint: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desks, "LOOK_AGAIN", -1.0)
    make_checkpoint(2)
    name = make_checkpoint(3)
    with client.websocket_connect(f"/live/channel/{name}", headers=HOST) as socket:
        socket.send_bytes(frame(np.zeros(3)))
        socket.receive_bytes()
        delete_checkpoint(name)
        with pytest.raises(WebSocketDisconnect) as closed:
            for sequence in range(2, 1000):  # answered from memory until the server has looked
                socket.send_bytes(frame(np.zeros(3), sequence))
                socket.receive_bytes()
    assert closed.value.code == frames.INTERNAL
    assert closed.value.reason.startswith("There is no checkpoint 'tiny-3'")


def test_the_map_is_a_figure_of_ten_classes(client: TestClient) -> None:
    figure = client.get("/live/map/mnist-mlp-20/pca/test.json").json()
    dots = [trace for trace in figure["data"] if trace["type"] == "scattergl"]
    assert [trace["name"] for trace in dots] == list("0123456789")
    answer = client.get("/live/map/mnist-mlp-20/4,7/test.json")
    assert answer.json()["layout"]["xaxis"]["title"]["text"] == "z4"


@pytest.mark.parametrize("projection", ["line", "1,1", "0,20", "1", "a,b", "1,2,3"])
def test_an_impossible_projection_is_a_sentence(client: TestClient, projection: str) -> None:
    answer = client.get(f"/live/map/mnist-mlp-20/{projection}/test.json")
    assert answer.status_code == 404 and answer.text.endswith(".")


def test_encoded_and_pictures_have_the_test_set(client: TestClient) -> None:
    mu = np.frombuffer(client.get("/live/encoded/mnist-mlp-20/test.f32").content, "<f4")
    assert mu.size == 10_000 * 20 and np.isfinite(mu).all()
    answer = client.get("/live/pictures/mnist-mlp-20/test.u8")
    assert answer.headers["content-encoding"] == "gzip" and len(answer.content) == 10_000 * 784
    assert client.get("/live/pictures/mnist-mlp-20/half.u8").status_code == 404


@pytest.mark.parametrize("kind", [frames.STRIPS, frames.TILES])
def test_many_points_are_decoded_in_their_order(client: TestClient, model: VAE, kind: int) -> None:
    z = np.random.default_rng(0).standard_normal((180, 20)).astype(np.float32)
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        socket.send_bytes(frame(z, 5, kind))
        reply = socket.receive_bytes()
    assert frames.ANSWER.unpack_from(reply) == (5, kind, 180, 28, 28, 0)
    pixels = np.frombuffer(reply, np.uint8, offset=frames.ANSWER.size).reshape(180, 28, 28)
    for n in (0, 77, 179):  # one at a time: floats may differ in the last digit
        one = to_uint8(model.decode(torch.from_numpy(z[n : n + 1])))[0, 0].numpy()
        assert np.abs(pixels[n].astype(int) - one).max() <= 1


def test_place_tells_the_nearest_digits(client: TestClient) -> None:
    latent, test = caches.latent_map("mnist-mlp-20"), caches.test_set("mnist-mlp-20")
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        socket.send_bytes(frame(latent.mu[41].numpy(), 9, frames.PLACE))
        reply = socket.receive_bytes()
    sequence, kind, planes, height, width, length = frames.ANSWER.unpack_from(reply)
    assert (sequence, kind, planes, height, width) == (9, frames.PLACE, 8, 28, 28)
    facts = json.loads(reply[-length:])
    assert facts["verdict"] == "in" and facts["nearest"][0] == 41
    assert facts["distances"] == sorted(facts["distances"]) and facts["distances"][0] < 1e-5
    assert facts["classes"][0] == str(test.labels[41].item())
    pixels = np.frombuffer(reply, np.uint8, 784, frames.ANSWER.size).reshape(1, 28, 28)
    np.testing.assert_array_equal(pixels, to_uint8(test.images[41]).numpy())


def test_without_its_data_set_a_model_still_decodes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise DataError("The data file is missing.")

    monkeypatch.setattr(caches, "test_set", missing)
    with client.websocket_connect(ADDRESS, headers=HOST) as socket:
        socket.send_bytes(frame(np.zeros(20), 1, frames.PLACE))
        reply = socket.receive_bytes()
        assert json.loads(reply[frames.ANSWER.size :]) == {"error": "The data file is missing."}
        socket.send_bytes(frame(np.zeros(20), 2))
        assert len(socket.receive_bytes()) == frames.ANSWER.size + 784


def test_browser_files_and_nothing_else(client: TestClient) -> None:
    script = client.get("/live/static/live.js")
    assert script.status_code == 200 and "javascript" in script.headers["content-type"]
    assert script.headers["cache-control"] == "no-cache"
    assert client.get("/live/plotly.js").status_code == 200
    for path in ("__init__.py", "../live.py", "%2e%2e/live.py", "..%2f..%2frequirements.txt", ""):
        assert client.get(f"/live/static/{path}").status_code == 404


def test_both_halves_agree_on_the_frames() -> None:
    script = (Path(live.COMPONENTS) / "channel.js").read_text()
    assert f"const DECODE = {frames.DECODE};" in script
    for kind in ("REPAIR", "COMPLETE", "STRIPS", "TILES", "PLACE", "TERMS", "PASSES"):
        assert f"const {kind} = {getattr(frames, kind)};" in script
    filmstrips = (Path(live.COMPONENTS) / "latent_sliders" / "filmstrips.js").read_text()
    assert f"const MOST_POINTS = {FRAME_POINTS.most};" in filmstrips
    limits = (Path(live.COMPONENTS) / "live.js").read_text()
    assert f"const COORDINATE = {COORDINATE.most:_};" in limits
    assert f"const REQUEST_HEADER = {frames.REQUEST.size};" in script
    assert f"const ANSWER_HEADER = {frames.ANSWER.size};" in script


def test_one_client_too_many_is_told_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "CLIENTS", CLIENTS._replace(most=1))
    with client.websocket_connect(ADDRESS, headers=HOST) as first:
        with (
            client.websocket_connect(ADDRESS, headers=HOST) as second,
            pytest.raises(WebSocketDisconnect) as closed,
        ):
            second.receive_bytes()
        assert closed.value.code == frames.TRY_AGAIN_LATER
        assert closed.value.reason == "1 connections are open already. Try again."
        first.send_bytes(frame(np.zeros(20)))
        assert len(first.receive_bytes()) == frames.ANSWER.size + 784
    assert_alive(client)


def test_what_waits_for_maps_is_bounded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "waiting", lambda lane: live.REQUESTS_WAITING.most)
    answer = client.get("/live/map/mnist-mlp-20/pca/test.json")
    assert answer.status_code == 503 and answer.headers["retry-after"]
    assert answer.text.startswith(f"{live.REQUESTS_WAITING} requests wait")


@pytest.mark.parametrize(
    "path",
    ["training/mnist-mlp-20/" + "0" * 5000 + ".map", "training/mnist-mlp-20/sampled-1234567.png",
     "map/mnist-mlp-20/01,2/test.json", "map/mnist-mlp-20/" + "1" * 5000 + ",2/test.json", "what"],
)  # fmt: skip
def test_numbers_that_are_none_and_paths_that_lead_nowhere(client: TestClient, path: str) -> None:
    answer = client.get(f"/live/{path}")
    assert answer.status_code == 404 and len(answer.text) < 300


def repair_of(steps: int) -> frames.Job:
    ask = repairs.asked(bytes(784), bytes(784), method="posterior", k=4, steps=steps)
    return frames.Job(1, frames.COMPLETE, frames.NO_POINTS, ask)


def test_a_repair_ends_when_nobody_waits_for_it() -> None:
    asked: list[int] = []

    def gone() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(frames.Gone):
        frames.answered(frames.loaded("mnist-mlp-20"), repair_of(50), gone)
    assert len(asked) == 4


def test_a_repair_that_takes_too_long_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "REPAIR_SECONDS", REPAIR_SECONDS._replace(most=0))
    reply = frames.answered(frames.loaded("mnist-mlp-20"), repair_of(51))
    sentence = json.loads(reply[frames.ANSWER.size :])["error"]
    assert "was stopped after 0 s, at step 1 of 51" in sentence
    assert "Ask for fewer steps or answers" in sentence
