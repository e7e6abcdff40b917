// The paths of all walks on the encoded test set's principal plane, and on each a dot that says
// where the playhead is.

import { element } from "../element.js";

const SIDE = 640; // px of the canvas; CSS makes it smaller
const LINE = 6;
const CASING = 11; // px: a line is seen on any dot of the ground
const DOT = 13;
const KEY = 15;

export function makeWalkMap() {
  const canvas = element("canvas", {
    width: SIDE, height: SIDE, role: "img", "data-testid": "walk-map",
    "aria-label": "The paths on the map of the encoded test set; the numbers are the keys",
  });
  const text = element("p");
  const room = element("section", { class: "map" }, canvas, text);
  const context = canvas.getContext("2d");
  let paths = []; // { places: [[x, y]], colour, dash }
  let stops = [];

  const along = (places, position) => {
    const low = Math.min(Math.floor(position), places.length - 2);
    const share = position - low;
    return places[low].map((value, i) => value + share * (places[low + 1][i] - value));
  };

  const disc = ([x, y], radius, fill) => {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.lineWidth = 3;
    context.strokeStyle = "#fff";
    context.stroke();
  };

  const line = ({ places, colour, dash }) => {
    context.lineJoin = context.lineCap = "round";
    for (const [width, style, dashes] of [[CASING, "rgb(255 255 255 / 85%)", []], [LINE, colour, dash]]) {
      context.beginPath();
      places.forEach(([x, y]) => context.lineTo(x, y));
      context.setLineDash(dashes);
      context.lineWidth = width;
      context.strokeStyle = style;
      context.stroke();
    }
    context.setLineDash([]);
  };

  const keys = () => {
    if (!paths.length) return;
    context.font = `600 ${KEY * 1.3}px sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    stops.forEach((stop, i) => {
      const at = paths[0].places[stop];
      disc(at, KEY, "#222");
      context.fillStyle = "#fff";
      context.fillText(i + 1, at[0], at[1] + 1);
    });
  };

  return {
    room,

    /** `map`: { url, bounds } or null for a model without one; `walks`: { xy, colour, dash }. */
    place(map, walks, nextStops) {
      canvas.hidden = !map;
      text.textContent = map
        ? "The paths among the encoded test set (principal components); the numbers are the keys."
        : "There is no map: it needs two latent dimensions and two test pictures or more.";
      stops = nextStops;
      paths = [];
      if (!map) return;
      canvas.style.backgroundImage = `url("${new URL(`live/${map.url}`, document.baseURI)}")`;
      const [left, right, bottom, top] = map.bounds;
      const scaled = (share) => Math.min(Math.max(share * SIDE, KEY), SIDE - KEY);
      paths = walks.map(({ xy, colour, dash }) => ({
        colour,
        dash,
        places: xy.map(([x, y]) => [scaled((x - left) / (right - left)), scaled((top - y) / (top - bottom))]),
      }));
    },

    move(position) {
      context.clearRect(0, 0, SIDE, SIDE);
      paths.forEach(line);
      keys();
      for (const { places, colour } of paths) disc(along(places, position), DOT, colour);
      if (paths.length) canvas.dataset.dot = along(paths[0].places, position).map(Math.round).join();
    },
  };
}
