// The two terms of the loss: the encoder's answer for one picture, changed by hand, and what it
// then costs, as two bars that follow.

import { TERMS } from "../channel.js";
import { element, fromBase64 } from "../element.js";
import { ask } from "../live.js";
import { asPictures, button, dial, digits, fill, picture, pictures } from "./parts.js";

const MOST = 2; // times the encoder's mu and log sigma^2; both times 0 are the prior
const MOST_BETA = 10;
const MOST_LOG_VAR = 20; // LOG_VARIANCE of core/limits.py
const DRAWS = 8;
const EMPTY = 1; // nats of KL that say next to nothing
const AWAY = 10; // nats above the encoder's own sum: on the way to finding it again
const BACK = 1; // nats within which it is found again
const BETA = { least: 4, gain: 1 };

export function makeTerms(content, { words, done, memory }) {
  const { shape, mu, log_var } = content;
  const [channels, height, width] = shape;
  const x = fromBase64(content.x);
  Object.assign(memory, { mean: 1, width: 1, beta: 1, best: {}, ...memory });
  let own = null; // the terms of the encoder's own answer
  let away = false;

  const input = picture(words.input);
  const decoded = picture(words.decoded, { testid: "lesson-decoded" });
  const drawn = pictures(words.draws, DRAWS);
  const times = (value) => `× ${digits(value, 2)}`;
  const mean = dial(words.mean, {
    min: 0, max: MOST, value: memory.mean, shown: times, testid: "lesson-mean",
  }, (value) => { memory.mean = value; show(); });
  const widen = dial(words.width, {
    min: 0, max: MOST, value: memory.width, shown: times, testid: "lesson-width",
  }, (value) => { memory.width = value; show(); });
  const beta = dial(words.beta, {
    min: 0, max: MOST_BETA, step: 0.1, value: memory.beta, testid: "lesson-beta",
    shown: (value) => digits(value, 1),
  }, (value) => { memory.beta = value; show(); });
  const reset = button(words.reset, () => {
    [memory.mean, memory.width] = [1, 1];
    mean.set(1);
    widen.set(1);
    show();
  });

  const row = (name, title) => {
    const bar = element("i", { class: name });
    const value = element("output", { "data-testid": `lesson-${name}` });
    return { bar, value, row: [element("span", { class: "name" }, title), element("span", { class: "track" }, bar), value] };
  };
  const reconstruction = row("reconstruction", words.reconstruction);
  const kl = row("kl", words.kl);
  const sum = row("sum", words.sum);
  const second = element("i", { class: "kl" });
  sum.row[1].append(second);
  const marks = { own: element("b", { class: "own" }), best: element("b", { class: "best" }) };
  sum.row[1].append(marks.own, marks.best);
  const legend = element("p", { class: "legend" },
    element("span", {}, element("b", { class: "own" }), words.own, " ", marks.ownValue = element("output")),
    element("span", {}, element("b", { class: "best" }), words.best, " ", marks.bestValue = element("output")));
  const bars = element("div", { class: "bars", role: "group", "aria-label": words.bars },
    ...reconstruction.row, ...kl.row, ...sum.row);

  /** mu, then log_var, as TERMS wants them, then the picture. */
  const payload = (a, b) => {
    const bytes = new Uint8Array(8 * mu.length + x.length);
    const numbers = new Float32Array(bytes.buffer, 0, 2 * mu.length);
    mu.forEach((value, d) => {
      numbers[d] = a * value;
      const wide = b * log_var[d];
      numbers[mu.length + d] = Math.min(Math.max(wide, -MOST_LOG_VAR), MOST_LOG_VAR);
    });
    bytes.set(x, 8 * mu.length);
    return bytes;
  };

  const total = (terms) => terms.reconstruction + memory.beta * terms.kl;

  const paint = (terms) => {
    const paid = memory.beta * terms.kl;
    const at = memory.beta.toFixed(1); // the lowest sum is another one for another weight
    memory.best[at] = Math.min(memory.best[at] ?? Infinity, total(terms));
    const most = 1.25 * Math.max(total(own), terms.reconstruction, 1);
    const share = (value) => `${100 * Math.min(value / most, 1)}%`;
    const set = (part, value) => {
      part.bar.style.width = share(value);
      part.bar.parentElement.classList.toggle("over", value > most);
      part.value.textContent = fill(words.nats, { value: digits(value, 1) });
    };
    set(reconstruction, terms.reconstruction);
    set(kl, paid);
    set(sum, total(terms));
    sum.bar.style.width = share(terms.reconstruction);
    second.style.width = share(Math.max(0, Math.min(paid, most - terms.reconstruction)));
    marks.own.style.left = share(total(own));
    marks.best.style.left = share(memory.best[at]);
    marks.ownValue.textContent = fill(words.nats, { value: digits(total(own), 1) });
    marks.bestValue.textContent = fill(words.nats, { value: digits(memory.best[at], 1) });
    notice(terms);
  };

  const notice = (terms) => {
    if (terms.kl < EMPTY) done("empty");
    if (memory.beta === 1) {
      away ||= total(terms) > total(own) + AWAY;
      if (away && total(terms) < total(own) + BACK) done("lowest");
    } else away = false;
    if (memory.beta >= BETA.least && total(terms) < total(own) - BETA.gain) done("beta");
  };

  const show = () => {
    reset.disabled = memory.mean === 1 && memory.width === 1;
    ask(TERMS, payload(memory.mean, memory.width), null, (answer) => {
      if (answer.facts.error) return;
      const seen = asPictures(answer, shape);
      decoded.paint(seen);
      drawn.paint(seen, 1);
      if (own) paint(answer.facts);
    });
  };
  input.paint({ pixels: x, channels, height, width });

  return {
    elements: [
      element("div", { class: "pair" }, input.figure, decoded.figure),
      element("div", { class: "controls" }, mean.element, widen.element, beta.element, reset),
      element("div", { class: "costs" }, bars, legend),
      element("figure", { class: "draws" }, drawn.grid, element("figcaption", {}, element("strong", {}, words.draws))),
    ],
    wake: () => ask(TERMS, payload(1, 1), null, (answer) => {
      if (answer.facts.error) return;
      own = answer.facts;
      show();
    }),
  };
}
