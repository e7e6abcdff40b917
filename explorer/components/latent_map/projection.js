// core/projection.py for the browser: project(z) -> [x, y] on the map, lift([x, y], z) -> z there.

import { currentPlace } from "../live.js";

const NEIGHBOURS = 8; // as in core/projection.py

/** A plane through the latent space: `axes` project, by `lifts` z moves when xy does. */
export function linear({ origin, axes, lifts }) {
  const project = (z) =>
    axes.map((axis) => axis.reduce((sum, a, d) => sum + a * (z[d] - origin[d]), 0));
  const lift = (xy, z) => {
    const here = project(z);
    return Float32Array.from(z, (value, d) =>
      value + lifts.reduce((sum, step, i) => sum + step[d] * (xy[i] - here[i]), 0));
  };
  return { exact: true, dimensions: origin.length, lifts, project, lift };
}

/**
 * A map without a formula: `places` (n, 2) of n encoded images with their `mu` (n, D), row-major.
 *
 * Both ways go through the nearest images, weighed by their inverse distance. Which are the
 * nearest to z the server tells with every picture; until it has, project(z) is null.
 */
export function neighbours(places, mu) {
  const dimensions = mu.length / (places.length / 2);
  const project = () => {
    const near = currentPlace();
    if (!near) return null;
    const weights = inverse(near.distances);
    return [0, 1].map((axis) =>
      near.nearest.reduce((sum, index, i) => sum + weights[i] * places[2 * index + axis], 0));
  };
  const lift = (xy) => {
    const { nearest, distances } = nearestPlaces(places, xy);
    const weights = inverse(distances);
    return Float32Array.from({ length: dimensions }, (_, d) =>
      nearest.reduce((sum, index, i) => sum + weights[i] * mu[index * dimensions + d], 0));
  };
  return { exact: false, dimensions, project, lift };
}

function inverse(distances) {
  const weights = distances.map((distance) => 1 / Math.max(distance, 1e-6));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** The nearest of `places` to [x, y], nearest first. */
function nearestPlaces(places, [x, y]) {
  const nearest = [];
  const squares = [];
  const many = Math.min(NEIGHBOURS, places.length / 2);
  for (let i = 0; i < places.length / 2; i += 1) {
    const square = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2;
    if (squares.length === many && square >= squares[many - 1]) continue;
    let at = squares.findIndex((other) => other > square);
    if (at < 0) at = squares.length;
    squares.splice(at, 0, square);
    nearest.splice(at, 0, i);
    squares.length = nearest.length = Math.min(many, squares.length);
  }
  return { nearest, distances: squares.map(Math.sqrt) };
}
