// What the stages of all steps are made of: captioned pictures, dials, buttons, words with values.

import { element } from "../element.js";
import { paintInto } from "../pixels.js";

const SVG = "http://www.w3.org/2000/svg";

/** A sentence with its {placeholders} filled in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key]);

/** A picture with its caption. `paint(answer, n)` shows the n-th picture of an answer. */
export function picture(title, { testid, note = "" } = {}) {
  const canvas = element("canvas", { role: "img", "aria-label": title });
  if (testid) canvas.dataset.testid = testid;
  const text = element("span", { class: "note" }, note);
  const caption = element("figcaption", {}, element("strong", {}, title), text);
  return {
    canvas,
    text,
    figure: element("figure", {}, canvas, caption),
    paint: (answer, n = 0) => paintInto(canvas, answer, n * answer.channels * answer.height * answer.width),
  };
}

/** Many small pictures in a grid. */
export function pictures(title, count, { testid } = {}) {
  const canvases = Array.from({ length: count }, () => element("canvas", { "aria-hidden": "true" }));
  const grid = element("div", { class: "grid", role: "img", "aria-label": title }, ...canvases);
  if (testid) grid.dataset.testid = testid;
  return {
    grid,
    paint(answer, first = 0) {
      const size = answer.channels * answer.height * answer.width;
      canvases.forEach((canvas, n) => paintInto(canvas, answer, (first + n) * size));
    },
  };
}

/** The planes of an answer of `shape` (C, H, W) pictures. */
export const asPictures = (answer, [channels]) => ({ ...answer, channels });

/** A labelled slider: `onInput(value)` while it moves. `shown(value)` is what its number says. */
export function dial(label, { min, max, step = "any", value, shown, testid }, onInput) {
  const input = element("input", { type: "range", min, max, step, value, "aria-label": label });
  if (testid) input.dataset.testid = testid;
  const number = element("output");
  const show = () => {
    const text = shown(input.valueAsNumber);
    number.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  input.oninput = () => {
    show();
    onInput(input.valueAsNumber);
  };
  show();
  return {
    element: element("label", { class: "dial" }, element("span", {}, label), input, number),
    input,
    set(next) {
      input.value = next;
      show();
    },
  };
}

export function button(text, onClick, testid = "") {
  const made = element("button", { type: "button" }, text);
  if (testid) made.dataset.testid = testid;
  made.onclick = onClick;
  return made;
}

/** One of several, as buttons: `options` are [id, text]. */
export function choice(label, options, chosen, onChoose) {
  const buttons = options.map(([id, text]) => {
    const made = button(text, () => choose(id), `lesson-${id}`);
    return [id, made];
  });
  const show = (id) => {
    for (const [other, made] of buttons) made.setAttribute("aria-pressed", other === id);
  };
  const choose = (id) => {
    show(id);
    onChoose(id);
  };
  show(chosen);
  return element("div", { class: "choice", role: "group", "aria-label": label }, ...buttons.map(([, b]) => b));
}

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A draw from N(0, 1) (Box and Muller 1958). */
export const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

/** A number with so many digits after the point, and a true minus. */
export const digits = (value, after) => value.toFixed(after).replace(/^-/, "−");
