"""Points that come together are decoded together, and everyone gets their own picture."""

import asyncio
import threading

import numpy as np
import pytest

from core import VAE
from explorer import desks, frames
from explorer.desks import Desk

Z = np.random.default_rng(0).standard_normal((40, 1, 3)).astype(np.float32)


def decoded(desk: Desk, model: VAE, z: np.ndarray = Z) -> list[np.ndarray | BaseException]:
    async def together() -> list[np.ndarray | BaseException]:
        asked = (desk.decode(model, one) for one in z)
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(together())


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """How many points each pass of the network had, and whether on the event loop's thread."""
    seen: list[tuple[int, bool]] = []
    right = frames.decoded

    def counted(model: VAE, z: np.ndarray) -> np.ndarray:
        seen.append((len(z), threading.current_thread() is threading.main_thread()))
        if (z > 100).any():
            raise frames.FrameError(frames.INVALID, "This decoder takes no large numbers.")
        return right(model, z)

    monkeypatch.setattr(frames, "decoded", counted)
    return seen


def test_everyone_gets_their_own(tiny: VAE, passes: list[tuple[int, bool]]) -> None:
    for picture, z in zip(decoded(Desk("tiny"), tiny), Z, strict=True):
        assert isinstance(picture, np.ndarray) and picture.shape == (1, 28, 28)
        alone = frames.decode_pixels(tiny, z).astype(int)
        assert np.abs(picture - alone).max() <= 1  # floats may differ in the last digit
    assert [count for count, _ in passes] == [desks.MOST_AT_ONCE, 40 - desks.MOST_AT_ONCE]


def test_one_that_cannot_be_decoded_spoils_no_other(
    tiny: VAE, passes: list[tuple[int, bool]]
) -> None:
    z = Z[:5].copy()
    z[2] = 1000
    found = decoded(Desk("tiny"), tiny, z)
    assert [isinstance(one, frames.FrameError) for one in found] == [n == 2 for n in range(5)]


def test_a_slow_decoder_leaves_the_event_loop(
    tiny: VAE, passes: list[tuple[int, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "SLOW", 0.0)
    decoded(Desk("tiny"), tiny)
    assert [here for _, here in passes] == [True, False]  # once measured, it goes to a thread


def test_two_models_of_one_name(tiny: VAE) -> None:
    """A training replaces the weights, even the dimensions, while some still ask the old ones."""

    async def together() -> list[np.ndarray]:
        desk, other = Desk("tiny"), VAE(h_dim=16, z_dim=2).requires_grad_(False).eval()
        return await asyncio.gather(
            desk.decode(tiny, Z[0]), desk.decode(other, Z[0, :, :2]), desk.decode(tiny, Z[1])
        )

    assert len({picture.tobytes() for picture in asyncio.run(together())}) == 3
