"""Walks: every key hit, arcs on the sphere, and the shortest path where it is known."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core import VAE
from core.walk import (
    METHODS,
    even_stops,
    fair_stops,
    geodesic,
    lerp,
    path_lengths,
    slerp,
    walk,
)


class Decoder(nn.Module):
    """A decoder by formula: z (N, D) -> pixels (N, P)."""

    def __init__(self, formula) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.decode = formula


def linear(z: Tensor) -> Tensor:
    return z @ torch.tensor([[2.0, 0.0, 1.0], [0.5, 1.0, 0.0]])


def sphere(z: Tensor) -> Tensor:
    """Longitude and latitude on a ball of radius 10."""
    longitude, latitude = z.T
    rings = torch.cos(latitude)
    place = (rings * torch.cos(longitude), rings * torch.sin(longitude), torch.sin(latitude))
    return 10 * torch.stack(place, 1)


def cylinder(z: Tensor) -> Tensor:
    """A half cylinder that is wound unevenly: what is far in z may be near, and reverse."""
    angle = z[:, 0] + 0.4 * torch.sin(2 * z[:, 0])
    return torch.stack([5 * torch.cos(angle), 5 * torch.sin(angle), 3 * z[:, 1]], 1)


def lengths(decoder: Decoder, z: Tensor) -> Tensor:
    return decoder.decode(z).diff(dim=0).norm(dim=1)


KEYS = torch.tensor([[0.0, 0.5], [1.5, 0.9], [2.5, -0.5]])


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("n", [6, 7, 16, 24])
def test_every_key_is_hit_exactly_by_every_method(tiny: VAE, count: int, n: int) -> None:
    keys = torch.randn(count, 3, generator=torch.Generator().manual_seed(n))
    for path in (lerp(keys, n), slerp(keys, n), geodesic(tiny, keys, n, steps=5)):
        assert path.shape == (n, 3)
        assert torch.equal(path[list(even_stops(count, n))], keys)
    for method in METHODS:
        found = walk(tiny, method, keys, n)
        assert found.z.shape == (n, 3) and found.images.shape == (n, 1, 28, 28)
        assert torch.equal(found.z[list(found.stops)], keys)
        assert found.lengths.shape == (n - 1,) and found.total > 0


points = st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4)


@given(st.lists(points, min_size=2, max_size=5), st.integers(5, 30))
def test_lerp_is_straight_and_even_and_slerp_is_finite(keys: list[list[float]], n: int) -> None:
    z = torch.tensor(keys)
    stops = even_stops(len(z), n)
    path = lerp(z, n)
    for first, last in pairwise(stops):
        steps = path[first : last + 1].diff(dim=0)
        torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=1e-5, rtol=1e-4)
    arcs = slerp(z, n)
    assert arcs.isfinite().all() and torch.equal(arcs[list(stops)], z)
    assert arcs.norm(dim=1).max() <= z.norm(dim=1).max() * 1.0001 + 1e-6  # never further out


@given(points, points, st.integers(2, 30))
def test_slerp_keeps_the_norm_of_unit_keys(a: list[float], b: list[float], n: int) -> None:
    keys = torch.tensor([a, b])
    if keys.norm(dim=1).min() < 0.1:
        return
    keys = keys / keys.norm(dim=1, keepdim=True)
    if abs(float(keys[0] @ keys[1])) > 0.9999:
        return  # the next test
    torch.testing.assert_close(slerp(keys, n).norm(dim=1), torch.ones(n), atol=1e-4, rtol=0)


@pytest.mark.parametrize("other", [[1.0, 2.0], [-1.0, -2.0], [3.0, 6.0], [-2.0, -4.0], [0.0, 0.0]])
def test_slerp_is_lerp_where_no_arc_is_better_than_another(other: list[float]) -> None:
    keys = torch.tensor([[1.0, 2.0], other])
    torch.testing.assert_close(slerp(keys, 9), lerp(keys, 9))


def test_slerp_turns_evenly() -> None:
    path = slerp(torch.tensor([[1.0, 0.0], [0.0, 3.0]]), 10)
    angles = torch.atan2(path[:, 1], path[:, 0])
    torch.testing.assert_close(angles, torch.linspace(0, math.pi / 2, 10))
    torch.testing.assert_close(path.norm(dim=1), torch.linspace(1, 3, 10))


def test_the_geodesic_of_a_linear_decoder_is_the_straight_line() -> None:
    path = geodesic(Decoder(linear), KEYS, 13)  # type: ignore[arg-type]
    torch.testing.assert_close(path, lerp(KEYS, 13), atol=1e-4, rtol=0)


def test_the_geodesic_of_a_sphere_is_its_great_circle() -> None:
    decoder = Decoder(sphere)
    keys = torch.tensor([[0.0, 0.8], [2.4, 0.8]])
    a, b = sphere(keys) / 10
    known = 10 * math.acos(float(a @ b))
    path = geodesic(decoder, keys, 65)  # type: ignore[arg-type]
    steps = lengths(decoder, path)
    assert float(steps.sum()) == pytest.approx(known, rel=2e-3)
    assert float(lengths(decoder, lerp(keys, 65)).sum()) > 1.1 * known  # along the parallel
    assert float(steps.std() / steps.mean()) < 0.01  # constant speed


def test_the_geodesic_of_a_cylinder_is_its_helix_at_constant_speed() -> None:
    decoder = Decoder(cylinder)
    keys = torch.tensor([[0.0, 0.0], [math.pi, 1.0]])
    path = geodesic(decoder, keys, 65)  # type: ignore[arg-type]
    steps = lengths(decoder, path)
    assert float(steps.sum()) == pytest.approx(math.hypot(5 * math.pi, 3), rel=2e-3)
    assert float(steps.std() / steps.mean()) < 0.01
    straight = lengths(decoder, lerp(keys, 65))
    assert float(straight.std() / straight.mean()) > 0.2


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [3, 8, 40])
def test_a_geodesic_is_never_longer_than_lerp(seed: int, n: int) -> None:
    torch.manual_seed(seed)
    model = VAE(h_dim=16, z_dim=2)
    model.fc4.weight.data *= 6  # a crooked decoder
    model.fc5.weight.data *= 6
    keys = 2 * torch.randn(3, 2)
    found = geodesic(model, keys, n), lerp(keys, n)
    shortest, straight = (float(path_lengths(model, z).sum()) for z in found)
    assert shortest <= straight * (1 + 1e-6)


def test_a_walk_along_the_geodesic_is_shorter_and_smoother() -> None:
    torch.manual_seed(3)
    model = VAE(h_dim=16, z_dim=2)
    model.fc4.weight.data *= 6
    keys = 2 * torch.randn(3, 2)
    found = {method: walk(model, method, keys, 9) for method in METHODS}
    assert found["geodesic"].total < found["lerp"].total
    assert found["geodesic"].unevenness < found["lerp"].unevenness / 2


def test_a_length_counts_what_lies_between_two_points() -> None:
    """Half round the cylinder and back to a point opposite: the chord is the diameter only."""
    z = torch.tensor([[0.0, 0.0], [math.pi, 0.0]])
    (length,) = path_lengths(Decoder(cylinder), z)  # type: ignore[arg-type]
    assert 14 < float(length) < 5 * math.pi


def test_a_geodesic_is_found_the_same_way_twice_and_can_be_stopped(tiny: VAE) -> None:
    keys = torch.randn(3, 3, generator=torch.Generator().manual_seed(2))
    heard: list[tuple[int, int]] = []
    first = geodesic(
        tiny, keys, 12, steps=7, on_step=lambda done, total: heard.append((done, total))
    )
    assert torch.equal(first, geodesic(tiny, keys, 12, steps=7))
    assert heard and heard == [(n, 7) for n in range(1, len(heard) + 1)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        geodesic(tiny, keys, 12, on_step=stop)


def test_a_short_way_gets_few_steps(tiny: VAE) -> None:
    keys = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [3.0, 3.0, -3.0]])
    assert fair_stops(tiny, keys, 12) == (0, 1, 11)
    assert even_stops(3, 12) != (0, 1, 11)


def test_two_keys_in_one_place_make_a_walk_of_no_length(tiny: VAE) -> None:
    for method in METHODS:
        found = walk(tiny, method, torch.ones(2, 3), 6)
        assert found.total == pytest.approx(0, abs=1e-4) and math.isfinite(found.unevenness)


@pytest.mark.parametrize(
    ("keys", "n", "sentence"),
    [
        (torch.zeros(1, 3), 8, "2 to 5 keys"),
        (torch.zeros(6, 3), 8, "2 to 5 keys"),
        (torch.zeros(5, 3), 4, "at least as many points"),
        (torch.full((2, 3), torch.nan), 8, "not a finite number"),
    ],
)
def test_what_makes_no_walk_is_a_sentence(keys: Tensor, n: int, sentence: str) -> None:
    for make in (lerp, slerp):
        with pytest.raises(ValueError, match=sentence):
            make(keys, n)
