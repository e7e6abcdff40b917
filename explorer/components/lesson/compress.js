// Compress and restore: a picture, the numbers of its code as sliders side by side, and what the
// decoder makes of them while they move.

import { STRIPS } from "../channel.js";
import { element, fromBase64 } from "../element.js";
import { ask } from "../live.js";
import { asPictures, button, digits, fill, picture } from "./parts.js";

const ANOTHER = 0.05; // mean squared change of a pixel from which it is clearly another picture

export function makeCompress(content, { words, done, memory }) {
  const { shape, code, axes } = content; // axes: { d, low, high }, the most useful first
  const [channels, height, width] = shape;
  const given = { pixels: fromBase64(content.x), channels, height, width };
  memory.z ??= Float32Array.from(code);
  let own = null; // the picture of its own code

  const input = picture(words.input, {
    testid: "lesson-input", note: fill(words.numbers, { count: given.pixels.length }),
  });
  const output = picture(words.output, { testid: "lesson-decoded" });
  const sliders = axes.map(({ d, low, high }) => {
    const made = element("input", {
      type: "range", min: low, max: high, step: "any", value: memory.z[d],
      "aria-label": fill(words.number, { n: d }), "aria-orientation": "vertical",
      "data-testid": `lesson-code-${d}`,
    });
    made.oninput = () => {
      memory.z[d] = made.valueAsNumber;
      show();
    };
    return made;
  });
  const reset = button(words.reset, () => {
    memory.z = Float32Array.from(code);
    axes.forEach(({ d }, i) => { sliders[i].value = code[d]; });
    show();
  });
  const more = code.length - axes.length;
  const bottleneck = element("figure", { class: "code" },
    element("div", { class: "sliders", role: "group", "aria-label": words.code }, ...sliders),
    element("figcaption", {},
      element("strong", {}, words.code),
      element("span", { class: "note" }, [
        fill(words.numbers, { count: code.length }),
        fill(words.ratio, { ratio: digits(given.pixels.length / code.length, 0) }),
        ...(more ? [fill(words.more, { count: more })] : []),
      ].join(" · "))),
    reset);

  const show = () => {
    reset.disabled = code.every((value, d) => memory.z[d] === Math.fround(value));
    ask(STRIPS, memory.z, null, (answer) => {
      output.paint(asPictures(answer, shape));
      output.text.textContent = fill(words.error, {
        error: digits(difference(answer.pixels, given.pixels), 4),
      });
      if (own && difference(answer.pixels, own) > ANOTHER) done("move");
    });
  };
  input.paint(given);

  const way = (text) => element("div", { class: "way", "aria-hidden": "true" }, element("span", {}, text));
  return {
    elements: [input.figure, way(words.encode), bottleneck, way(words.decode), output.figure],
    wake: () => {
      // Its own picture is what changes are measured from, also when the code comes back changed.
      if (!own) ask(STRIPS, Float32Array.from(code), null, (answer) => {
        own = answer.pixels;
        show();
      });
      else show();
    },
  };
}

/** Mean squared difference of two pictures in [0, 1]. */
const difference = (a, b) => a.reduce((sum, v, i) => sum + ((v - b[i]) / 255) ** 2, 0) / a.length;
