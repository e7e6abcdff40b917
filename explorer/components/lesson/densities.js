// Two bell curves over one another: epsilon's, and z's, into which it is moved and widened.

import { element } from "../element.js";
import { digits, fill, svg } from "./parts.js";

const [WIDTH, HEIGHT] = [440, 210];
const ROOM = 12; // px left and right
const UPPER = { base: 74, tall: 56 }; // of a curve: its ground and its height, px from the top
const LOWER = { base: 186, tall: 62 };
const POINTS = 120;

/** `low` and `high` are the range of mu; z may lie a little beyond. */
export function makeDensities(words, { low, high }) {
  const margin = 0.25 * (high - low);
  const [first, last] = [low - margin, high + margin];
  const across = (share) => ROOM + share * (WIDTH - 2 * ROOM);
  const epsilonAt = (value) => across((value + 3.5) / 7);
  const zAt = (value) => across(Math.min(Math.max((value - first) / (last - first), 0), 1));

  const curve = svg("path", { class: "curve" });
  const link = svg("path", { class: "link" });
  const drawn = svg("g", { class: "drawn" });
  const dots = [svg("circle", { class: "dot", r: 5, cy: UPPER.base }), svg("circle", { class: "dot", r: 5, cy: LOWER.base })];
  const names = ["ε", "z"].map((name) => svg("text", { class: "name" }, name));
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "data-testid": "lesson-densities" },
    svg("path", { class: "ground", d: `M0 ${UPPER.base}H${WIDTH}M0 ${LOWER.base}H${WIDTH}` }),
    svg("path", { class: "curve quiet", d: bell(UPPER, (t) => epsilonAt(7 * t - 3.5), (t) => density(7 * t - 3.5)) }),
    curve, drawn, link, ...dots, ...names);
  const figure = element("figure", { class: "densities" },
    element("figcaption", {}, words.noise), drawing, element("figcaption", {}, words.code));

  return {
    figure,
    show({ mu, sigma, epsilon, z, drawn: values }) {
      // Its height says how narrow it is, up to a limit: the area is what stays the same.
      const peak = Math.min(1, (0.12 * (last - first)) / sigma);
      const at = (t) => first + t * (last - first);
      curve.setAttribute("d", bell(LOWER, (t) => across(t), (t) => peak * density((at(t) - mu) / sigma), mu, sigma, at));
      const places = [epsilonAt(epsilon), zAt(z)];
      dots.forEach((dot, i) => dot.setAttribute("cx", places[i]));
      names.forEach((name, i) => {
        name.setAttribute("x", places[i] + 9);
        name.setAttribute("y", (i ? LOWER : UPPER).base + 17);
      });
      link.setAttribute("d", `M${places[0]} ${UPPER.base}C${places[0]} 125 ${places[1]} 110 ${places[1]} ${LOWER.base}`);
      drawn.replaceChildren(...values.map((value) => {
        const x = zAt(mu + sigma * value);
        return svg("path", { d: `M${x} ${LOWER.base}v9M${epsilonAt(value)} ${UPPER.base}v9` });
      }));
      drawing.setAttribute("aria-label", fill(words.plot, { sigma: digits(sigma, 3), z: digits(z, 2) }));
    },
  };
}

const density = (value) => Math.exp(-0.5 * value * value);

/** A closed curve; where it is narrow, with points enough about its middle to be seen. */
function bell({ base, tall }, x, y, mu = null, sigma = 0, at = null) {
  const shares = Array.from({ length: POINTS + 1 }, (_, i) => i / POINTS);
  if (mu !== null) {
    const [first, whole] = [at(0), at(1) - at(0)];
    for (let i = -12; i <= 12; i++) {
      const share = (mu + (i / 4) * sigma - first) / whole;
      if (share > 0 && share < 1) shares.push(share);
    }
    shares.sort((a, b) => a - b);
  }
  const path = shares.map((t) => `${x(t).toFixed(1)} ${(base - tall * y(t)).toFixed(1)}`);
  return `M${x(0)} ${base}L${path.join("L")}L${x(1)} ${base}Z`;
}
