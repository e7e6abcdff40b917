// The way through the networks, forwards and, for the gradient, back: with z drawn itself it ends
// there; with the noise moved aside it goes on to the encoder.

import { element } from "../element.js";
import { svg } from "./parts.js";

const [WIDTH, HEIGHT] = [560, 142];
const TOP = 30; // px above which there is nothing
const ROW = 70; // px from the top: the middle of the boxes
const BOXES = { x: 28, encoder: 128, code: 236, z: 330, decoder: 428, loss: 524 };
const HALF = { x: 18, encoder: 42, code: 30, z: 20, decoder: 42, loss: 26 };
const TALL = 19;

export function makeDiagram(words) {
  const titles = {
    x: "x", encoder: words.encoder, code: "μ, σ", z: "z", decoder: words.decoder, loss: words.loss,
  };
  const chain = Object.keys(BOXES);
  const boxes = chain.map((id) => svg("g", { class: `box ${id}` },
    svg("rect", { x: BOXES[id] - HALF[id], y: ROW - TALL, width: 2 * HALF[id], height: 2 * TALL, rx: 8 }),
    svg("text", { x: BOXES[id], y: ROW + 5 }, titles[id])));
  const forward = chain.slice(1).map((id, i) => arrow(
    BOXES[chain[i]] + HALF[chain[i]], ROW - 8, BOXES[id] - HALF[id], ROW - 8, "forward"));
  const back = chain.slice(2).map((id, i) => arrow(
    BOXES[id] - HALF[id], ROW + 8, BOXES[chain[i + 1]] + HALF[chain[i + 1]], ROW + 8, "back"));
  const epsilon = svg("g", { class: "box noise" },
    svg("circle", { cx: BOXES.z, cy: 150, r: 17 }), svg("text", { x: BOXES.z, y: 155 }, "ε"));
  const up = arrow(BOXES.z, 133, BOXES.z, ROW + TALL, "forward");
  const dice = svg("text", { class: "dice", x: BOXES.z, y: ROW - TALL - 8 }, "~ N(μ, σ²)");
  const cross = svg("path", {
    class: "cross", d: `M${BOXES.z - 52} ${ROW}l16 16m0-16l-16 16`,
  });
  const key = (y, kind, text) => svg("g", { class: "key" },
    arrow(16, y, 52, y, kind), svg("text", { x: 60, y: y + 4 }, text));
  const drawing = svg("svg", {
    viewBox: `0 ${TOP} ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words.diagram, "data-testid": "lesson-diagram",
  }, ...forward, ...back, up, ...boxes, epsilon, dice, cross, key(140, "forward", words.forward), key(162, "back", words.gradient));
  const text = element("figcaption", { role: "status" });

  return {
    drawing,
    text,
    /** `direct`: z is drawn itself. */
    show(direct) {
      // The gradient leaves the loss and comes as far as z; the arrows left of it are the first.
      back.forEach((part, i) => part.classList.toggle("cut", direct && i < 2));
      for (const part of [epsilon, up]) part.style.visibility = direct ? "hidden" : "visible";
      for (const part of [cross, dice]) part.style.visibility = direct ? "visible" : "hidden";
      text.textContent = direct ? words.stops : words.passes;
    },
  };
}

/** A straight arrow with its head. */
function arrow(x0, y0, x1, y1, kind) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
  const [bx, by] = [x1 - 7 * dx, y1 - 7 * dy];
  return svg("g", { class: `arrow ${kind}` },
    svg("path", { class: "shaft", d: `M${x0 + 2 * dx} ${y0 + 2 * dy}L${bx} ${by}` }),
    svg("path", { class: "head", d: `M${x1 - dx} ${y1 - dy}L${bx - 4 * dy} ${by + 4 * dx}L${bx + 4 * dy} ${by - 4 * dx}Z` }));
}
