// Where the answers lie: the encoded test set as a faint ground that the server has drawn, and on
// it one dot a completion, as large as its weight.

import { element } from "../element.js";

const SIDE = 640; // px of the canvas; CSS makes it smaller
const DOT = { least: 7, most: 34, near: 24 }; // px of radius; `near`: as close as pointing must be

/** `onPoint(index | null)` when the pointer comes near a dot; `onOpen(index)` on a click. */
export function makeShadowMap({ onPoint, onOpen }) {
  const canvas = element("canvas", {
    width: SIDE, height: SIDE, role: "img", "data-testid": "repair-map",
    "aria-label": "Where the answers lie on the map of the encoded test set",
  });
  const text = element("p", {}, "One dot an answer, as large as its weight, among the encoded " +
    "test set (principal components).");
  const room = element("section", { class: "map" }, element("h4", {}, "Where the answers lie"), canvas, text);
  const context = canvas.getContext("2d");
  let dots = []; // { x, y, radius, colour, index }, largest first
  let pointed = null;

  const draw = () => {
    context.clearRect(0, 0, SIDE, SIDE);
    for (const { x, y, radius, colour, index } of dots) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.globalAlpha = 0.9;
      context.fill();
      context.globalAlpha = 1;
      // A white rim within a black one: seen on either theme and on any colour.
      for (const [rim, style] of [[index === pointed ? 9 : 5, "#000"], [index === pointed ? 6 : 2.5, "#fff"]]) {
        context.lineWidth = rim;
        context.strokeStyle = style;
        context.stroke();
      }
    }
  };

  const nearest = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((v) => (v / box.width) * SIDE);
    const far = (dot) => Math.hypot(dot.x - x, dot.y - y) - dot.radius;
    const best = dots.reduce((a, b) => (a && far(a) <= far(b) ? a : b), null);
    return best && far(best) < DOT.near ? best.index : null;
  };
  canvas.onpointermove = (event) => {
    const index = nearest(event);
    canvas.style.cursor = index === null ? "default" : "pointer";
    if (index !== pointed) onPoint(index);
  };
  canvas.onpointerleave = () => onPoint(null);
  canvas.onclick = (event) => {
    const index = nearest(event);
    if (index !== null) onOpen(index);
  };

  return {
    room,

    /** `map`: { url, bounds } or null for a model without one. */
    place(map) {
      room.hidden = !map;
      if (map) canvas.style.backgroundImage = `url("${new URL(`live/${map.url}`, document.baseURI)}")`;
    },

    show({ facts }, colourOf, map) {
      if (!map) return;
      const [left, right, bottom, top] = map.bounds;
      const clamp = (value) => Math.min(Math.max(value, 0), 1) * SIDE;
      dots = facts.groups.flatMap((group) => group.members.map((index) => ({
        x: clamp((facts.xy[index][0] - left) / (right - left)),
        y: clamp((top - facts.xy[index][1]) / (top - bottom)),
        radius: DOT.least + (DOT.most - DOT.least) * Math.sqrt(facts.weights[index]),
        colour: colourOf(group),
        index,
      }))).sort((a, b) => b.radius - a.radius);
      pointed = null;
      draw();
    },

    clear() {
      dots = [];
      draw();
    },

    point(index) {
      pointed = index;
      draw();
    },
  };
}
