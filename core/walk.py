"""Walks through the latent space: straight, on the sphere, and the shortest in pictures.

A walk goes through two to five keys in N points, every key hit exactly. `geodesic` is the shortest
path under the decoder's pull-back metric J(z)^T J(z), J the Jacobian of z -> model.decode(z): the
length of a path is how far its *pictures* travel, in Euclidean distance of pixels (Arvanitidis,
Hansen and Hauberg 2018, "Latent Space Oddity", with the decoder's mean alone; Shao et al. 2018).

Shapes: K keys, N points, D latent dimensions. `stops` are the K indices of a walk's keys, from 0
to N - 1; without them the points are shared out evenly between the segments.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from core.limits import WALK_KEYS
from core.model import VAE

LEAST_KEYS = 2
METHODS = ("lerp", "slerp", "geodesic")
FINE = 96  # points at which a walk is computed, give or take
BETWEEN = 4  # lengths are measured at so many times as many
STEPS = 200  # of L-BFGS; most walks have settled long before
SETTLED = 1e-3  # a smaller relative gain of energy over PATIENCE steps is none
PATIENCE = 5


class Walk(NamedTuple):
    """A path with its pictures."""

    z: Tensor  # (N, D)
    images: Tensor  # (N, C, H, W)
    lengths: Tensor  # (N - 1,) how far the picture travels to the next, in pixel space
    stops: tuple[int, ...]  # which of the points are keys

    @property
    def total(self) -> float:
        """The length of the whole walk, in pixel space."""
        return float(self.lengths.sum())

    @property
    def unevenness(self) -> float:
        """Coefficient of variation of the steps: 0 when all are equally long, as when smooth."""
        mean = float(self.lengths.mean())
        return float(self.lengths.std(correction=0)) / mean if mean > 0 else 0.0


def even_stops(keys: int, n: int) -> tuple[int, ...]:
    """Every segment gets the same number of steps, give or take one."""
    return tuple(round(k * (n - 1) / (keys - 1)) for k in range(keys))


@torch.no_grad()
def fair_stops(model: VAE, keys: Tensor, n: int) -> tuple[int, ...]:
    """Steps in proportion to how far apart the pictures of neighbouring keys lie along a straight
    line: a short way between two keys takes few steps, and the walk has one pace."""
    _check(keys, n)
    fine = path_lengths(model, lerp(keys, 8 * (len(keys) - 1) + 1))
    shares = fine.view(-1, 8).sum(1).double().tolist()
    steps = [1] * len(shares)  # at least one each; the rest to whoever's steps are longest
    for _ in range(n - 1 - len(shares)):
        longest = max(range(len(shares)), key=lambda s: shares[s] / steps[s])
        steps[longest] += 1
    return tuple(sum(steps[:k]) for k in range(len(keys)))


def walk(
    model: VAE,
    method: str,
    keys: Tensor,
    n: int,
    *,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Walk:
    """A walk of n pictures through keys (K, D) by one of METHODS.

    The path is computed at about FINE points whatever n is: it is the same path for few pictures
    and for many.
    """
    stops = fair_stops(model, keys, n)
    every = max(1, math.ceil(FINE / (n - 1)))
    fine = [every * stop for stop in stops]
    points = every * (n - 1) + 1
    if method == "geodesic":
        path = geodesic(model, keys, points, stops=fine, on_step=on_step)
    else:
        path = {"lerp": lerp, "slerp": slerp}[method](keys, points, stops=fine)
    z = path[::every]
    with torch.no_grad():
        images = model.decode(z)
    return Walk(z, images, path_lengths(model, path).view(-1, every).sum(1), stops)


def lerp(keys: Tensor, n: int, *, stops: Sequence[int] | None = None) -> Tensor:
    """Straight lines from key (K, D) to key, (N, D)."""
    return _through(keys, n, stops, lambda a, b, t: a + t * (b - a))


def slerp(keys: Tensor, n: int, *, stops: Sequence[int] | None = None) -> Tensor:
    """Great arcs about the origin, (N, D): the direction turns evenly (Shoemake 1985) and the norm
    goes evenly from one key's to the next's, so that the walk comes no nearer to the origin.

    Between two keys in the same or in opposite directions, and from or to the origin, no arc is
    better than another: there it is `lerp`.
    """
    return _through(keys, n, stops, _arc)


def _arc(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    lengths = a.norm(), b.norm()
    straight = a + t * (b - a)
    if min(lengths) < 1e-9:
        return straight
    cosine = float((a / lengths[0]) @ (b / lengths[1]))
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    if math.sin(angle) < 1e-4:
        return straight
    direction = (
        torch.sin((1 - t) * angle) * (a / lengths[0]) + torch.sin(t * angle) * (b / lengths[1])
    ) / math.sin(angle)
    return direction * (lengths[0] + t * (lengths[1] - lengths[0]))


def geodesic(
    model: VAE,
    keys: Tensor,
    n: int,
    *,
    stops: Sequence[int] | None = None,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """The shortest path in pixel space, (N, D), found from `lerp` by L-BFGS.

    What goes down is the energy sum ||g(z_{i+1}) - g(z_i)||^2, g = model.decode, with the points
    between the keys free. A curve of least energy is a shortest one that is walked at constant
    speed, so the steps come out even. It is a local minimum; no segment is ever longer in pixel
    space than lerp's, which is kept where nothing shorter was found. Deterministic. on_step hears
    (done, steps) and may end the search by raising.
    """
    stops = _stops(keys, n, stops)
    straight = lerp(keys, n, stops=stops)
    shapes = _shapes(stops)  # (N, M)
    if not shapes.shape[1]:
        return straight
    start = _respaced(straight, path_lengths(model, straight), stops)
    x = torch.zeros(shapes.shape[1], keys.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [x], max_iter=1, max_eval=10, history_size=20, line_search_fn="strong_wolfe"
    )

    def energy() -> Tensor:
        optimiser.zero_grad()
        value = model.decode(start + shapes @ x).flatten(1).diff(dim=0).square().sum()
        value.backward()
        return value

    past: list[float] = []
    for done in range(steps):
        past.append(optimiser.step(energy).item())
        on_step(done + 1, steps)
        if done >= PATIENCE and past[-1 - PATIENCE] - past[-1] <= SETTLED * past[-1]:
            break
    with torch.no_grad():
        found = start + shapes @ x
        found[list(stops)] = keys
        candidates = (found.clone(), start, straight)
        lengths = [path_lengths(model, z) for z in candidates]
        for first, last in pairwise(stops):
            most = lengths[-1][first:last].sum()
            for candidate, length in zip(candidates, lengths, strict=True):
                if length[first:last].sum() <= most:  # at the latest with `straight` itself
                    found[first : last + 1] = candidate[first : last + 1]
                    break
    return found


def _respaced(z: Tensor, lengths: Tensor, stops: Sequence[int]) -> Tensor:
    """The same line (N, D) with its points so placed that the steps between two stops are even."""
    placed = z.clone()
    for first, last in pairwise(stops):
        along = torch.cat([torch.zeros(1), lengths[first:last].cumsum(0)])
        wanted = torch.linspace(0, along[-1].item(), last - first + 1)[1:-1]
        after = torch.searchsorted(along, wanted).clamp(1, last - first)
        step = (along[after] - along[after - 1]).clamp_min(1e-12)
        share = ((wanted - along[after - 1]) / step)[:, None]
        before = z[first + after - 1]
        placed[first + 1 : last] = before + share * (z[first + after] - before)
    return placed


def _shapes(stops: Sequence[int]) -> Tensor:
    """What the free points may do between fixed keys, (N, M): sine waves of each segment.

    Scaled so that all are equally stiff, they make the descent as short for a hundred points as for
    ten: of a straight decoder's energy the Hessian is then the identity.
    """
    columns = []
    for first, last in pairwise(stops):
        steps = last - first
        i, k = torch.meshgrid(torch.arange(steps + 1), torch.arange(1, steps), indexing="ij")
        waves = torch.sin(math.pi * k * i / steps) * math.sqrt(2 / steps)
        column = torch.zeros(stops[-1] + 1, steps - 1)
        column[first : last + 1] = waves / (2 * torch.sin(math.pi * k / (2 * steps)))
        columns.append(column)
    return torch.cat(columns, dim=1)


def _through(
    keys: Tensor,
    n: int,
    stops: Sequence[int] | None,
    between: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> Tensor:
    """Points on `between(a, b, t)`, t (T, 1) from 0 to 1, from each key to the next."""
    stops = _stops(keys, n, stops)
    path = torch.empty(n, keys.shape[1], dtype=keys.dtype)
    for (first, last), (a, b) in zip(pairwise(stops), pairwise(keys.double()), strict=True):
        t = torch.linspace(0, 1, last - first + 1, dtype=torch.float64)[:, None]
        path[first : last + 1] = between(a, b, t).to(keys.dtype)
    path[list(stops)] = keys  # exactly
    return path


def _stops(keys: Tensor, n: int, stops: Sequence[int] | None) -> tuple[int, ...]:
    _check(keys, n)
    chosen = even_stops(len(keys), n) if stops is None else tuple(stops)
    ascending = all(first < last for first, last in pairwise(chosen))
    if len(chosen) != len(keys) or chosen[0] != 0 or chosen[-1] != n - 1 or not ascending:
        raise ValueError(f"The keys cannot be the points {chosen} of a walk of {n}.")
    return chosen


def _check(keys: Tensor, n: int) -> None:
    """Raises ValueError with a sentence."""
    if keys.ndim != 2 or not LEAST_KEYS <= len(keys) <= WALK_KEYS.most:
        raise ValueError(
            f"A walk takes {LEAST_KEYS} to {WALK_KEYS} keys, (K, D); got {tuple(keys.shape)}."
        )
    if n < len(keys):
        raise ValueError(f"A walk through {len(keys)} keys has at least as many points; got {n}.")
    if not keys.isfinite().all():
        raise ValueError("A key holds a value that is not a finite number.")


@torch.no_grad()
def path_lengths(model: VAE, z: Tensor) -> Tensor:
    """How far the picture travels from each point of a path (N, D) to the next, (N - 1,).

    Measured on BETWEEN times as many points of the straight lines that join them: chords alone
    would make a path look the shorter the more unevenly it is walked.
    """
    share = torch.arange(BETWEEN)[:, None] / BETWEEN
    fine = (z[:-1, None] + share * z.diff(dim=0)[:, None]).flatten(0, 1)
    images = model.decode(torch.cat([fine, z[-1:]])).flatten(1)
    return images.diff(dim=0).norm(dim=1).view(-1, BETWEEN).sum(1)
