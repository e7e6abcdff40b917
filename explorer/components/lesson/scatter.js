// A map of codes with one point on it that is dragged, and a few more around it.

import { ARROWS } from "../access.js";
import { element } from "../element.js";

const SIDE = 520; // px of the canvas; CSS makes it smaller
const STEPS = 60; // of an arrow key across the map; with Shift five at once

/**
 * `dots` (n, 2) float32 and their `labels` (n) within `bounds` [left, right, bottom, top]; `onMove`
 * hears [x, y] of the map while the point moves.
 */
export function makeScatter({ dots, labels, bounds, colours, label, testid, onMove }) {
  const [left, right, bottom, top] = bounds;
  const ground = element("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": label });
  const others = element("canvas", { class: "others", width: SIDE, height: SIDE, "aria-hidden": "true" });
  const marker = element("div", {
    class: "marker", tabindex: "0", role: "application", "aria-label": label, "data-testid": testid,
  });
  const map = element("div", { class: "scatter" }, ground, others, marker);
  let at = [0, 0]; // of the map
  let held = null; // the pointer's id

  const toPixel = ([x, y], side) => [(side * (x - left)) / (right - left), (side * (top - y)) / (top - bottom)];

  const context = ground.getContext("2d");
  context.globalAlpha = 0.75;
  for (let i = 0; i < labels.length; i++) {
    const [x, y] = toPixel([dots[2 * i], dots[2 * i + 1]], SIDE);
    context.fillStyle = colours[labels[i] % colours.length];
    context.fillRect(x - 1.5, y - 1.5, 3.5, 3.5);
  }

  const show = () => {
    const [x, y] = toPixel(at, 100).map((share) => Math.min(Math.max(share, 0), 100));
    marker.style.left = `${x}%`;
    marker.style.top = `${y}%`;
  };

  const moveTo = (event) => {
    const box = map.getBoundingClientRect();
    const share = (value) => Math.min(Math.max(value, 0), 1);
    onMove([
      left + share((event.clientX - box.left) / box.width) * (right - left),
      top - share((event.clientY - box.top) / box.height) * (top - bottom),
    ]);
  };
  map.onpointerdown = (event) => {
    if (held !== null || event.button !== 0) return;
    map.setPointerCapture(event.pointerId);
    held = event.pointerId;
    event.preventDefault();
    marker.focus({ preventScroll: true });
    moveTo(event);
  };
  map.onpointermove = (event) => event.pointerId === held && moveTo(event);
  map.onlostpointercapture = (event) => {
    if (event.pointerId === held) held = null;
  };
  marker.onkeydown = (event) => {
    if (!ARROWS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    const [dx, dy] = ARROWS[event.key];
    event.preventDefault();
    const step = ((right - left) / STEPS) * (event.shiftKey ? 5 : 1);
    onMove([at[0] + dx * step, at[1] - dy * step]); // the y of the map grows upwards
  };

  return {
    map,

    /** The point, and others (k pairs) that are shown as rings. */
    show(xy, around) {
      at = xy;
      show();
      const pen = others.getContext("2d");
      pen.clearRect(0, 0, SIDE, SIDE);
      for (const other of around) {
        const [x, y] = toPixel(other, SIDE);
        for (const [width, style] of [[5, "#000"], [2.5, "#fff"]]) { // seen on any ground
          pen.beginPath();
          pen.arc(x, y, 6, 0, 2 * Math.PI);
          pen.lineWidth = width;
          pen.strokeStyle = style;
          pen.stroke();
        }
      }
    },
  };
}
