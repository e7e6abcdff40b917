// Reparameterisation: mu, log sigma^2 and epsilon as sliders, where they put z, the picture that
// follows, and the way of the gradient as a diagram.

import { STRIPS } from "../channel.js";
import { element } from "../element.js";
import { ask } from "../live.js";
import { makeDensities } from "./densities.js";
import { makeDiagram } from "./diagram.js";
import { asPictures, button, choice, dial, digits, fill, normal, picture } from "./parts.js";

const LOG_VAR = { least: -8, most: 2 };
const EPSILON = 3; // either way
const MOVED = { mu: 0.1, log_var: 0.5 }; // share of mu's range; of log sigma^2
const DRAWN = 10;

export function makeTrick(content, { words, done, memory }) {
  const { shape, dimension, low, high } = content;
  const own = { mu: content.mu[dimension], log_var: clamp(content.log_var[dimension]) };
  Object.assign(memory, { ...own, epsilon: 1, drawn: [], way: "aside", ...memory });
  let still = { ...own }; // mu and log sigma^2 when epsilon moved last

  const sigma = () => Math.exp(memory.log_var / 2);
  const z = () => memory.mu + sigma() * memory.epsilon;

  const decoded = picture(words.decoded, {
    testid: "lesson-decoded", note: fill(words.dimension, { d: dimension }),
  });
  const densities = makeDensities(words, { low, high });
  const two = (value) => digits(value, 2);
  const mu = dial(words.mu, { min: low, max: high, value: memory.mu, shown: two, testid: "lesson-mu" },
    (value) => move({ mu: value }));
  const logVar = dial(words.log_var, {
    min: LOG_VAR.least, max: LOG_VAR.most, value: memory.log_var, shown: two, testid: "lesson-log-var",
  }, (value) => move({ log_var: value }));
  const epsilon = dial(words.epsilon, {
    min: -EPSILON, max: EPSILON, value: memory.epsilon, shown: two, testid: "lesson-epsilon",
  }, (value) => move({ epsilon: value }));
  const derivatives = element("p", { class: "derivatives", "data-testid": "lesson-derivatives" });
  const draw = button(words.draw, () => {
    const value = Math.min(Math.max(normal(), -EPSILON), EPSILON);
    epsilon.set(value);
    memory.drawn = [...memory.drawn, value].slice(-200);
    move({ epsilon: value });
    if (memory.drawn.length >= DRAWN) done("draw");
  }, "lesson-draw");
  const reset = button(words.reset, () => {
    mu.set(own.mu);
    logVar.set(own.log_var);
    move(own);
  });

  const move = (change) => {
    Object.assign(memory, change);
    if ("epsilon" in change) still = { mu: memory.mu, log_var: memory.log_var };
    else if (Math.abs(memory.mu - still.mu) > MOVED.mu * (high - low)
      && Math.abs(memory.log_var - still.log_var) > MOVED.log_var) done("shift");
    show();
  };

  const show = () => {
    reset.disabled = memory.mu === own.mu && memory.log_var === own.log_var;
    densities.show({ mu: memory.mu, sigma: sigma(), epsilon: memory.epsilon, z: z(), drawn: memory.drawn });
    derivatives.textContent = fill(words.derivatives, {
      epsilon: two(memory.epsilon), half: two((sigma() * memory.epsilon) / 2),
    });
    const point = Float32Array.from(content.mu);
    point[dimension] = z();
    ask(STRIPS, point, null, (answer) => decoded.paint(asPictures(answer, shape)));
  };

  const diagram = makeDiagram(words);
  const way = choice(words.way, [["aside", words.aside], ["direct", words.direct]], memory.way, (id) => {
    memory.way = id;
    diagram.show(id === "direct");
    if (id === "direct") done("compare");
  });
  diagram.show(memory.way === "direct");

  return {
    elements: [
      element("div", { class: "seen" }, decoded.figure),
      element("div", { class: "controls" }, densities.figure, mu.element, logVar.element,
        epsilon.element, element("div", { class: "line" }, draw, reset), derivatives),
      element("figure", { class: "diagram" }, element("div", { class: "line" },
        element("span", {}, words.way), way), diagram.drawing, diagram.text),
    ],
    wake: show,
  };
}

const clamp = (value) => Math.min(Math.max(value, LOG_VAR.least), LOG_VAR.most);
