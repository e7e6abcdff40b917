// What the sheets that are painted on share: where the hand is, and how far a stroke lies from a pixel.

import { ARROWS } from "./access.js";

/** Where the pointer is, in pixels of the canvas. */
export function pointOf(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [
    ((event.clientX - box.left) / box.width) * canvas.width,
    ((event.clientY - box.top) / box.height) * canvas.height,
  ];
}

/**
 * The step that a key asks for, [0, 0] where it only paints. None for any other key, and with Ctrl,
 * Alt or Meta, which make it the browser's: Alt+Left goes back to the page before.
 */
export const stepOf = ({ key, ctrlKey, altKey, metaKey }) =>
  ctrlKey || altKey || metaKey ? undefined : key === " " ? [0, 0] : ARROWS[key];

/** A point moved by a step, within the canvas. */
export const moved = ([x, y], [dx, dy], { width, height }) => [
  Math.min(Math.max(x + dx, 0.5), width - 0.5),
  Math.min(Math.max(y + dy, 0.5), height - 0.5),
];

/** distance(x, y): from a pixel's middle to the segment from one point to another. */
export function distanceTo([x0, y0], [x1, y1]) {
  const [wide, high] = [x1 - x0, y1 - y0];
  const length = wide ** 2 + high ** 2;
  return (x, y) => {
    const [dx, dy] = [x + 0.5 - x0, y + 0.5 - y0];
    const along = length && Math.min(Math.max((dx * wide + dy * high) / length, 0), 1);
    return Math.hypot(dx - along * wide, dy - along * high);
  };
}
