// The dots of a map: which lies under the pointer, which lie within an outline.

import { numbers } from "./fetched.js";

/** The classes of a figure, [{ name, marker, x, y, index }]; `index` counts all images. */
export const classesOf = (figure) =>
  figure.data.filter(({ type }) => type !== "contour").map(({ name, marker, x, y, customdata }) => ({
    name,
    marker,
    x: Float32Array.from(numbers(x)),
    y: Float32Array.from(numbers(y)),
    index: Int32Array.from(numbers(customdata)),
  }));

/**
 * The dot nearest to (px, py), no further than `reach` px: { index, name, xy } or null.
 *
 * Every dot is looked at: 70,000 take a fifth of a millisecond, less than keeping a grid in step
 * with zoom and legend would cost in lines.
 */
export function nearestDot(classes, hidden, frame, [px, py], reach) {
  const { x: x0, y: y0 } = frame.origin();
  const { x: sx, y: sy } = frame.scale();
  let best = reach * reach;
  let found = null;
  for (const { name, x, y, index } of classes) {
    if (hidden.has(name)) continue;
    for (let i = 0; i < x.length; i += 1) {
      const dx = x0 + sx * x[i] - px;
      if (dx * dx > best) continue;
      const dy = y0 + sy * y[i] - py;
      const distance = dx * dx + dy * dy;
      if (distance > best) continue;
      best = distance;
      found = { index: index[i], name, xy: [x[i], y[i]] };
    }
  }
  return found;
}

/** A bit for every image, lowest first: those of the shown classes within `outline`, [[x, y], ...]. */
export function maskWithin(classes, hidden, outline) {
  const size = classes.reduce((sum, { index }) => sum + index.length, 0);
  const mask = new Uint8Array(Math.ceil(size / 8));
  const reach = (axis, pick) => pick(...outline.map((corner) => corner[axis]));
  const [left, right] = [reach(0, Math.min), reach(0, Math.max)];
  const [bottom, top] = [reach(1, Math.min), reach(1, Math.max)];
  for (const { name, x, y, index } of classes) {
    if (hidden.has(name)) continue;
    for (let i = 0; i < x.length; i += 1) {
      if (x[i] < left || x[i] > right || y[i] < bottom || y[i] > top) continue;
      if (isWithin(outline, x[i], y[i])) mask[index[i] >> 3] |= 1 << (index[i] & 7);
    }
  }
  return mask;
}

/** Even-odd rule: a ray to the right crosses the outline an odd number of times. */
function isWithin(outline, x, y) {
  let within = false;
  let [bx, by] = outline.at(-1);
  for (const [ax, ay] of outline) {
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    [bx, by] = [ax, ay];
  }
  return within;
}

const isMarked = (mask, index) => ((mask[index >> 3] ?? 0) >> (index & 7)) & 1;

/** Where in a class's arrays the marked images stand. */
export function markedPositions(mask, index) {
  const found = [];
  for (let i = 0; i < index.length; i += 1) if (isMarked(mask, index[i])) found.push(i);
  return found;
}

/** The places of the first `count` images, (count, 2) row-major. */
export function firstPlaces(classes, count) {
  const places = new Float32Array(2 * count);
  for (const { x, y, index } of classes) {
    for (let i = 0; i < index.length; i += 1) {
      if (index[i] < count) places.set([x[i], y[i]], 2 * index[i]);
    }
  }
  return places;
}
