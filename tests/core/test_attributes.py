"""Attributes: strokes of known make are measured right, and directions point where they should."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from core.attributes import (
    ATTRIBUTES,
    attribute_direction,
    correlations,
    logistic_normal,
    mean_difference,
    measure,
)

UP = 16  # drawn so many times finer, then averaged: edges as a scan has them


def drawn(inside) -> Tensor:  # type: ignore[no-untyped-def]
    """Ink where inside(x, y) holds, x right and y up from the middle, (1, 1, 28, 28)."""
    y, x = np.mgrid[0 : 28 * UP, 0 : 28 * UP] / UP
    ink = inside(x - 14, 14 - y).astype(np.float32).reshape(28, UP, 28, UP).mean((1, 3))
    return torch.from_numpy(ink)[None, None]


def line(width: float, degrees: float) -> Tensor:
    """A stroke 18 px long that leans to the right by so many degrees."""
    lean = math.radians(degrees)

    def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        across = x * math.cos(lean) - y * math.sin(lean)
        along = x * math.sin(lean) + y * math.cos(lean)
        return (abs(across) <= width / 2) & (abs(along) <= 9)

    return drawn(inside)


def ring(radius: float, width: float) -> Tensor:
    return drawn(lambda x, y: abs(np.hypot(x, y) - radius) <= width / 2)


@pytest.mark.parametrize("width", [1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("degrees", [0.0, 15.0, -20.0])
def test_a_line_of_known_width_and_slant(width: float, degrees: float) -> None:
    found = measure(line(width, degrees))
    assert float(found["thickness"]) == pytest.approx(width, abs=0.5)
    assert float(found["slant"]) == pytest.approx(degrees, abs=1.5)
    assert float(found["width"]) < width + 2.5  # the lean is no width
    assert float(found["loop"]) == 0


@pytest.mark.parametrize(("radius", "width"), [(8.0, 3.0), (6.0, 2.0), (4.0, 2.0)])
def test_a_ring_of_known_size(radius: float, width: float) -> None:
    found = measure(ring(radius, width))
    assert float(found["loop"]) == pytest.approx(math.pi * (radius - width / 2) ** 2, rel=0.07)
    assert float(found["thickness"]) == pytest.approx(width, abs=0.5)
    assert float(found["width"]) == pytest.approx(2 * radius + width, abs=2)
    assert abs(float(found["slant"])) < 1


def test_thicker_is_more_and_neighbours_do_not_touch() -> None:
    """On the sheet a picture that is ink to its very edge lies beside others."""
    full = torch.ones(1, 1, 28, 28)
    many = torch.cat([line(2, 0), full, ring(6, 2), full, line(4, 0), full, full])
    together = measure(many)
    for n in range(len(many)):
        alone = measure(many[n : n + 1])
        for name in ATTRIBUTES:
            assert float(together[name][n]) == pytest.approx(float(alone[name]), abs=1e-4)
    assert together["thickness"][0] < together["thickness"][4] < together["thickness"][1]


def test_empty_faint_and_no_pictures_are_finite() -> None:
    dot = torch.zeros(1, 1, 28, 28)
    dot[..., 5, 5] = 1
    for images in (torch.zeros(3, 1, 28, 28), torch.full((1, 1, 28, 28), 1e-5), dot):
        for values in measure(images).values():
            assert values.shape == (len(images),) and values.isfinite().all()
    assert all(len(values) == 0 for values in measure(torch.zeros(0, 1, 28, 28)).values())
    assert not any(measure(torch.zeros(1, 1, 28, 28)).values())
    with pytest.raises(ValueError, match="takes images"):
        measure(torch.zeros(28, 28))


def test_correlations_are_pearsons(generator: torch.Generator) -> None:
    mu = torch.randn(500, 4, generator=generator)
    mu[:, 3] = 0.7  # dead
    values = {"a": 2 * mu[:, 0] + 5, "b": -mu[:, 1], "c": torch.ones(500)}
    found = correlations(mu, values)
    assert found.shape == (3, 4)
    assert float(found[0, 0]) == pytest.approx(1, abs=1e-5)
    assert float(found[1, 1]) == pytest.approx(-1, abs=1e-5)
    assert not found[2].any() and not found[:, 3].any() and found.isfinite().all()
    expected = np.corrcoef(values["a"].numpy(), mu[:, 2].numpy())[0, 1]
    assert float(found[0, 2]) == pytest.approx(expected, abs=1e-4)


def test_the_direction_of_an_attribute_is_what_a_standard_deviation_changes(
    generator: torch.Generator,
) -> None:
    values = 3 * torch.randn(20_000, generator=generator)
    noise = torch.randn(20_000, 3, generator=generator)
    mu = values[:, None] / 3 * torch.tensor([0.5, 0.0, -1.0]) + 0.2 * noise + 4
    found = attribute_direction(mu, values)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.0, -1.0]), atol=0.02, rtol=0)
    assert not attribute_direction(mu, torch.ones(20_000)).any()


def test_two_groups(generator: torch.Generator) -> None:
    a = torch.randn(400, 3, generator=generator) * torch.tensor([1.0, 3.0, 0.001])
    b = torch.randn(300, 3, generator=generator) * torch.tensor([1.0, 3.0, 0.001])
    b = b + torch.tensor([4.0, 0.5, 0.0])
    torch.testing.assert_close(a.mean(0) + mean_difference(a, b), b.mean(0))
    normal = logistic_normal(a, b)
    assert normal[0] / normal.norm() > 0.99 and abs(normal[2]) < 1e-6  # the dead one stays out
    way = (b.mean(0) - a.mean(0)) @ normal / normal.norm()
    assert float(normal.norm()) == pytest.approx(float(way), rel=1e-4)
    torch.testing.assert_close(logistic_normal(b, a), -normal, atol=1e-3, rtol=1e-3)


def test_single_pictures_make_a_direction_too() -> None:
    a, b = torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 1.0]])
    for make in (mean_difference, logistic_normal):
        torch.testing.assert_close(make(a, b), torch.tensor([2.0, 0.0]))


def test_groups_without_a_way_between_them_are_a_sentence() -> None:
    for make in (mean_difference, logistic_normal):
        with pytest.raises(ValueError, match="at least one picture"):
            make(torch.zeros(0, 2), torch.ones(3, 2))
        with pytest.raises(ValueError, match="same place"):
            make(torch.ones(2, 2), torch.ones(3, 2))
