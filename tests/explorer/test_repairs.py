"""Repairs on the live channel: right answers, every bad frame refused, found only once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core import VAE, load_checkpoint, methods, metrics, repair
from core.damage import Observation, centre_box, observe
from core.data import load_dataset
from core.images import to_uint8
from core.limits import REPAIR_SECONDS
from explorer import caches, frames, live, map_data, repairs
from explorer.lessons import answers

NAME = "mnist-mlp-20"
HOST = {"origin": "http://testserver"}
QUICK = {"method": "smc", "k": 4, "steps": 2}
PIXELS = 784


@pytest.fixture(scope="module")
def model() -> VAE:
    return load_checkpoint(NAME)


@pytest.fixture
def socket() -> Iterator[Any]:
    client = TestClient(Starlette(routes=live.ROUTES))
    with client.websocket_connect(f"/live/channel/{NAME}", headers=HOST) as connected:
        yield connected


def digit(index: int = 0) -> torch.Tensor:
    return load_dataset("mnist", "test").images[index]


def boxed(index: int = 0) -> Observation:
    return centre_box(observe(digit(index)[None]), torch.Generator(), 0.5)


def payload(said: object, *pictures: bytes) -> bytes:
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    return repairs.LENGTH.pack(len(text)) + text + b"".join(pictures)


def frame(kind: int, body: bytes, sequence: int = 1) -> bytes:
    return frames.REQUEST.pack(sequence, kind) + body


def request(kind: int, seen: Observation, said: object = QUICK, original: bytes = b"") -> bytes:
    image, mask = repairs.levels(seen.image), seen.mask.byte().numpy().tobytes()
    return frame(kind, payload(said, image, mask, original))


def opened(reply: bytes) -> tuple[int, np.ndarray, dict[str, Any]]:
    """Kind, planes and facts of an answer."""
    _, kind, *shape, length = frames.ANSWER.unpack_from(reply)
    size = int(np.prod(shape))
    assert len(reply) == frames.ANSWER.size + size + length
    planes = np.frombuffer(reply, np.uint8, size, frames.ANSWER.size).reshape(shape)
    return kind, planes, json.loads(reply[len(reply) - length :])


def test_a_glimpse_is_what_core_says(socket: Any, model: VAE) -> None:
    seen = boxed()
    socket.send_bytes(request(frames.REPAIR, seen, {}, repairs.levels(digit())))
    kind, planes, facts = opened(socket.receive_bytes())
    exact = seen._replace(image=to_uint8(seen.image) / 255)
    expected = repair.glimpse(model, exact, caches.posterior(NAME))
    assert kind == frames.REPAIR and planes.shape == (3, 28, 28)
    np.testing.assert_array_equal(planes[0], to_uint8(expected.plain)[0])
    np.testing.assert_array_equal(planes[1], to_uint8(expected.mean)[0])
    np.testing.assert_array_equal(planes[2], to_uint8(repairs.STD_SCALE * expected.std)[0])
    assert facts["ms"] > 0 and len(facts["psnr"]) == 2
    assert facts["ssim"] is None, "there is time for it at rest only"


def test_a_known_original_is_compared_at_rest(socket: Any) -> None:
    socket.send_bytes(request(frames.COMPLETE, boxed(), QUICK, repairs.levels(digit())))
    _, planes, facts = opened(socket.receive_bytes())
    x = digit()
    for n, (db, structure) in enumerate(zip(facts["psnr"], facts["ssim"], strict=True)):
        picture = torch.from_numpy(planes[n] / 255).float()[None]
        where = boxed().mask[0] == 0
        assert db == pytest.approx(metrics.psnr(x, picture, where), abs=0.1)
        assert structure == pytest.approx(metrics.ssim(x, picture), abs=0.01)


def test_completions_have_weights_groups_and_places(socket: Any) -> None:
    seen = boxed()
    socket.send_bytes(request(frames.COMPLETE, seen))
    kind, planes, facts = opened(socket.receive_bytes())
    assert kind == frames.COMPLETE and planes.shape == (3 + 4, 28, 28)
    known = seen.mask[0, 0].numpy() == 1
    for completion in planes[3:]:
        np.testing.assert_array_equal(completion[known], to_uint8(seen.image)[0, 0].numpy()[known])
    assert sum(facts["weights"]) == pytest.approx(1, abs=1e-3)
    assert facts["weights"] == sorted(facts["weights"], reverse=True)
    members = [index for group in facts["groups"] for index in group["members"]]
    assert sorted(members) == [0, 1, 2, 3]
    assert len(facts["z"]) == 4 and len(facts["z"][0]) == 20
    plane = map_data.projection(NAME, "pca")
    np.testing.assert_allclose(facts["xy"], plane.project(np.array(facts["z"])), atol=1e-3)
    assert facts["psnr"] is None and facts["ssim"] is None, "the original is not known"


def test_the_same_request_has_the_same_answer(model: VAE) -> None:
    ask = repairs.parsed(
        request(frames.COMPLETE, boxed(1))[frames.REQUEST.size :], model.image_shape
    )
    first, again = (repairs.complete(NAME, ask, lambda done, total: None) for _ in range(2))
    np.testing.assert_array_equal(first.answer.planes, again.answer.planes)
    other = repairs.complete(NAME, ask._replace(seed=1), lambda done, total: None)
    assert (first.answer.planes != other.answer.planes).any()


def test_what_the_socket_found_python_does_not_compute(
    socket: Any, model: VAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = boxed(2)
    socket.send_bytes(request(frames.COMPLETE, seen, {**QUICK, "noise": 0, "blur": 0}))
    _, planes, _ = opened(socket.receive_bytes())
    monkeypatch.setattr(repairs, "complete", None)
    # As the panel asks: floats where the browser said 0, and levels beneath the hole.
    whole, mask = repairs.levels(digit(2)), seen.mask.byte().numpy().tobytes()
    ask = repairs.asked(whole, mask, **QUICK, noise=0.0, salt=0.0, blur=0.0, factor=1, seed=0)
    np.testing.assert_array_equal(caches.completion(NAME, ask).answer.planes, planes)


def test_two_who_ask_at_once_compute_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, computed, compute = boxed(4), [], repairs.complete

    def counted(*arguments: Any) -> repairs.Completed:
        computed.append(1)
        return compute(*arguments)

    monkeypatch.setattr(repairs, "complete", counted)
    ask = repairs.asked(
        repairs.levels(seen.image), seen.mask.byte().numpy().tobytes(), **QUICK, seed=7
    )
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: caches.completion(NAME, ask), range(4)))
    assert computed == [1] and all(each is found[0] for each in found)


def test_steps_are_heard_and_failures_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, heard = boxed(3), []
    ask = repairs.asked(
        repairs.levels(seen.image), seen.mask.byte().numpy().tobytes(), **QUICK, noise=99.0
    )
    for _ in range(2):
        with pytest.raises(methods.RepairError):
            caches.completion(NAME, ask)
    caches.completion(NAME, ask._replace(noise=0.0), lambda done, total: heard.append(done))
    assert heard == [1, 2]


def test_no_repair_takes_longer_than_the_limit_whoever_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caches, "REPAIR_SECONDS", REPAIR_SECONDS._replace(most=0))
    ask = repairs.asked(bytes(PIXELS), bytes(PIXELS), method="smc", k=4, steps=90)
    with pytest.raises(methods.RepairError, match="after 0 s, at step 1 of 90.* Ask for fewer"):
        caches.completion(NAME, ask)


def test_who_waits_for_the_same_repair_can_leave_and_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, end = Event(), Event()

    def slow(name: str, ask: repairs.Ask, on_step: Any) -> str:
        begun.set()
        end.wait(60)
        return "found"

    monkeypatch.setattr(repairs, "complete", slow)
    ask = repairs.asked(bytes(PIXELS), bytes(PIXELS), method="smc", k=4, steps=91)
    job = frames.Job(1, frames.COMPLETE, frames.NO_POINTS, ask)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(caches.completion, NAME, ask)
        try:
            assert begun.wait(60)
            with pytest.raises(frames.Gone):
                frames.answered(frames.loaded(NAME), job, gone=lambda: True)
            monkeypatch.setattr(caches, "REPAIR_SECONDS", REPAIR_SECONDS._replace(most=0))
            with pytest.raises(methods.RepairError, match="after 0 s, as others wait"):
                caches.completion(NAME, ask)
        finally:
            end.set()
        assert first.result() == "found"


IMAGE, MASK = bytes(PIXELS), bytes([1]) * PIXELS


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"", 1007, "before its settings"),
        (repairs.LENGTH.pack(5000), 1007, "5000 bytes"),
        (payload({}, IMAGE), 1007, "784 bytes; 1568 or 2352"),
        (payload({}, IMAGE, MASK, b"x"), 1007, "1569 bytes"),
        (payload({}, IMAGE, bytes([2]) * PIXELS), 1007, "mask"),
        (payload(b"{", IMAGE, MASK), 1007, "no JSON"),
        (payload(b"\xff\xfe", IMAGE, MASK), 1007, "no JSON"),
        (payload(b"[" * 1024, IMAGE, MASK), 1007, "no JSON"),
        (payload([], IMAGE, MASK), 1007, "no JSON object"),
        (payload(b'{"noise": NaN}', IMAGE, MASK), 1007, "'noise' cannot be nan"),
        (payload(b'{"noise": 1e999}', IMAGE, MASK), 1007, "'noise' cannot be inf"),
        (payload(b'{"blur": 1' + b"0" * 900 + b"}", IMAGE, MASK), 1007, "'blur'"),
        (payload({"noise": "much"}, IMAGE, MASK), 1007, "'noise'"),
        (payload({"factor": 1.5}, IMAGE, MASK), 1007, "'factor'"),
        (payload({"factor": 5}, IMAGE, MASK), 1007, "'factor' cannot be 5"),
        (payload({"method": "magic"}, IMAGE, MASK), 1007, "'method'"),
        (payload({"k": 0}, IMAGE, MASK), 1007, "'k' cannot be 0"),
        (payload({"k": 10_000}, IMAGE, MASK), 1007, "'k' cannot be 10000"),
        (payload({"k": True}, IMAGE, MASK), 1007, "'k'"),
        (payload({"steps": -1}, IMAGE, MASK), 1007, "'steps'"),
        (payload({"seed": 2**32}, IMAGE, MASK), 1007, "'seed'"),
        (payload({"path": "/etc"}, IMAGE, MASK), 1007, "'path'"),
        (payload({}, *[bytes(PIXELS)] * 5), 1009, "at most"),
    ],
)
@pytest.mark.parametrize("kind", [frames.REPAIR, frames.COMPLETE, frames.PASSES])
def test_a_bad_request_closes_with_a_reason(
    socket: Any, kind: int, body: bytes, code: int, reason: str
) -> None:
    socket.send_bytes(frame(kind, body))
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    assert closed.value.code == code
    assert reason in closed.value.reason and len(closed.value.reason.encode()) <= 123


@settings(max_examples=200)
@given(kind=st.sampled_from([frames.REPAIR, frames.COMPLETE]), body=st.binary(max_size=300))
def test_any_short_request_is_refused(model: VAE, kind: int, body: bytes) -> None:
    with pytest.raises(frames.FrameError) as refused:
        frames.understood(model, frame(kind, body))
    assert refused.value.code == 1007 and 0 < len(refused.value.reason.encode()) <= 123


@pytest.mark.parametrize("said", [{"noise": 1e6}, {"noise": -1.0}, {"salt": 2.0}])
def test_an_absurd_level_is_a_sentence_and_the_socket_goes_on(socket: Any, said: dict) -> None:
    for kind in (frames.REPAIR, frames.COMPLETE):
        socket.send_bytes(request(kind, boxed(), QUICK | said))
        _, planes, facts = opened(socket.receive_bytes())
        assert planes.size == 0 and facts["error"].split()[-1]
    socket.send_bytes(request(frames.REPAIR, boxed()))
    assert opened(socket.receive_bytes())[1].shape == (3, 28, 28)


@pytest.mark.parametrize("known", [0, 1], ids=["nothing observed", "everything observed"])
def test_the_ends_of_the_scale(socket: Any, known: int) -> None:
    mask = bytes([known]) * PIXELS
    for kind, planes in ((frames.REPAIR, 3), (frames.COMPLETE, 7)):
        body = payload(QUICK, repairs.levels(digit()), mask, repairs.levels(digit()))
        socket.send_bytes(frame(kind, body))
        _, found, facts = opened(socket.receive_bytes())
        assert found.shape == (planes, 28, 28)
        if known:
            np.testing.assert_array_equal(found[1], to_uint8(digit())[0])
            assert facts["psnr"][1] == repairs.EXACT


def test_a_slow_repair_holds_up_no_decode(socket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    free, slow = threading.Event(), caches.completion

    def waiting(*arguments: Any) -> repairs.Completed:
        free.wait(30)
        return slow(*arguments)

    monkeypatch.setattr(caches, "completion", waiting)
    socket.send_bytes(request(frames.COMPLETE, boxed()))
    socket.send_bytes(frame(frames.DECODE, np.zeros(20, "<f4").tobytes(), 2))
    assert frames.ANSWER.unpack_from(socket.receive_bytes())[:2] == (2, frames.DECODE)
    socket.send_bytes(request(frames.REPAIR, boxed()))
    assert frames.ANSWER.unpack_from(socket.receive_bytes())[1] == frames.REPAIR
    free.set()
    assert frames.ANSWER.unpack_from(socket.receive_bytes())[1] == frames.COMPLETE


def test_the_map_beneath_the_answers_is_a_transparent_picture() -> None:
    import io

    from PIL import Image

    client = TestClient(Starlette(routes=live.ROUTES))
    answer = client.get(f"/live/shadow/{NAME}.png")
    picture = Image.open(io.BytesIO(answer.content))
    alpha = np.asarray(picture)[..., 3]
    assert picture.mode == "RGBA" and (alpha == 0).mean() > 0.2 and (alpha > 0).mean() > 0.2
    assert client.get("/live/shadow/nope.png").status_code == 404


def test_both_halves_agree_on_repairs() -> None:
    folder = Path(live.COMPONENTS)
    script = (folder / "channel.js").read_text()
    assert f"const REPAIR = {frames.REPAIR};" in script
    assert f"const COMPLETE = {frames.COMPLETE};" in script
    board = (folder / "repair_board" / "repair_board.js").read_text()
    assert f"const HEAD = {repairs.LENGTH.size};" in board
    pictures = (folder / "repair_board" / "pictures.js").read_text()
    assert f"const STD_SCALE = {repairs.STD_SCALE};" in pictures
    assert f"const EXACT = {repairs.EXACT:.0f};" in pictures


def test_passes_are_what_encoding_and_decoding_again_makes(socket: Any, model: VAE) -> None:
    seen = boxed()
    socket.send_bytes(request(frames.PASSES, seen))
    reply = socket.receive_bytes()
    _, kind, *shape, length = frames.ANSWER.unpack_from(reply)
    planes = np.frombuffer(reply, np.uint8, offset=frames.ANSWER.size).reshape(shape)
    assert length == 0
    assert (kind, planes.shape) == (frames.PASSES, (answers.PASSES, 28, 28))
    x = seen.image
    for pass_ in range(3):
        made = model.decode(model.encode(x)[0])
        assert np.abs(planes[pass_].astype(int) - to_uint8(made)[0, 0].numpy()).max() <= 1
        x = torch.where(seen.mask > 0, seen.image, made)
