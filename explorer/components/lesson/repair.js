// What repair is: a damaged picture, the plain pass, the same again and again, and the posterior's
// mean, all while the hand rubs; when it rests, the answers that fit what is seen.

import { COMPLETE, PASSES, REPAIR } from "../channel.js";
import { element, fromBase64 } from "../element.js";
import { ask } from "../live.js";
import { makePainter } from "./painter.js";
import { asPictures, button, dial, digits, fill, picture } from "./parts.js";

const REST = 250; // ms after the last change until answers are asked for
const ANSWERS = 8; // shown
const DOUBT = 0.1; // weight of the second class that makes two answers plausible

export function makeRepair(content, { words, done, memory, ended }) {
  const { shape, settings, passes, colours } = content;
  const [channels, height, width] = shape;
  const x = fromBase64(content.x);
  memory.mask ??= new Uint8Array(width * height).fill(1);
  memory.pass ??= 1;
  const { mask } = memory;
  let made = null; // the last answer to PASSES
  let restTimer = 0;
  let changes = 0;
  ended.addEventListener("abort", () => clearTimeout(restTimer));

  const plain = picture(words.plain, { testid: "lesson-plain", note: words.plain_text });
  const iterated = picture(fill(words.iterated, { n: memory.pass }), { testid: "lesson-iterated", note: words.iterated_text });
  const mean = picture(words.mean, { testid: "lesson-mean-picture", note: words.mean_text });
  const scores = [plain, iterated, mean].map((view) => {
    const score = element("span", { class: "score" });
    view.figure.querySelector("figcaption").append(score);
    return score;
  });
  const titles = [plain, iterated, mean].map((view) => view.figure.querySelector("strong"));
  mean.figure.classList.add("best");

  const answers = element("div", { class: "answers" });
  const waiting = element("p", { class: "note", role: "status" });

  /** A COMPLETE, REPAIR or PASSES of the picture without its missing pixels. */
  const payload = (how) => {
    const text = new TextEncoder().encode(JSON.stringify(how));
    const bytes = new Uint8Array(4 + text.length + x.length + mask.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 4);
    bytes.set(x.map((level, i) => level * mask[i % mask.length]), 4 + text.length);
    bytes.set(mask, 4 + text.length + x.length);
    return bytes;
  };

  /** PSNR of the n-th picture of an answer, on the missing pixels. */
  const score = (seen, n, place) => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      if (mask[i % mask.length]) continue;
      sum += ((seen.pixels[n * x.length + i] - x[i]) / 255) ** 2;
      count += 1;
    }
    place.textContent = count && sum ? fill(words.error, { psnr: digits(-10 * Math.log10(sum / count), 1) }) : "";
  };

  const showPass = () => {
    titles[1].textContent = fill(words.iterated, { n: memory.pass });
    if (!made) return;
    iterated.paint(made, memory.pass - 1);
    score(made, memory.pass - 1, scores[1]);
  };
  const pass = dial(words.passes, {
    min: 1, max: passes, step: 1, value: memory.pass, testid: "lesson-passes", shown: (value) => `${value}`,
  }, (value) => {
    memory.pass = value;
    showPass();
    if (value === passes && mask.includes(0)) done("again");
  });

  const show = () => {
    ask(REPAIR, payload({}), null, (answer) => {
      if (answer.facts.error) {
        waiting.textContent = answer.facts.error;
        return;
      }
      const seen = asPictures(answer, shape);
      plain.paint(seen, 0);
      mean.paint(seen, 1);
      score(seen, 0, scores[0]);
      score(seen, 1, scores[2]);
    });
    ask(PASSES, payload({}), null, (answer) => {
      if (answer.facts?.error) return;
      made = asPictures(answer, shape);
      showPass();
    });
  };

  const showAnswers = (answer) => {
    const seen = asPictures(answer, shape);
    const { groups, weights } = answer.facts;
    if (mask.includes(0) && groups.length > 1 && groups[1].weight >= DOUBT) done("doubt");
    const shown = groups.flatMap((group) => group.members.slice(0, 2).map((index) => ({ group, index })));
    answers.replaceChildren(...shown.slice(0, ANSWERS).map(({ group, index }) => {
      const percent = `${digits(100 * (group.class === null ? weights[index] : group.weight), 0)}%`;
      const one = picture([group.label, percent].filter(Boolean).join(" · "));
      one.figure.style.setProperty("--colour", colours[(group.class ?? 0) % colours.length]);
      one.paint(seen, 3 + index);
      return one.figure;
    }));
    answers.classList.remove("stale");
    waiting.textContent = "";
  };

  const rest = () => {
    clearTimeout(restTimer);
    restTimer = setTimeout(() => {
      const asked = changes;
      const sent = ask(COMPLETE, payload(settings), null, (answer) => {
        if (asked !== changes || ended.aborted) return; // the hand has gone on
        if (answer.facts.error) waiting.textContent = answer.facts.error;
        else showAnswers(answer);
      });
      if (sent && !answers.children.length) waiting.textContent = words.waiting;
    }, REST);
  };

  const painter = makePainter({
    x, shape, mask, label: words.paint, hint: words.sheet,
    place: ({ known, ...at }) => fill(known ? words.known : words.missing, at),
    onChange: () => {
      changes += 1;
      answers.classList.add("stale");
      show();
      if (mask.includes(0)) done("damage");
    },
    onRest: rest,
  });
  const [middle, half] = [height / 4, height / 2];
  const holes = [
    [words.centre, (row, column) => row < middle || row >= 3 * middle || column < middle || column >= 3 * middle],
    [words.top, (row) => row >= half],
    [words.left, (row, column) => column >= width / 2],
    [words.none, () => true],
  ].map(([name, known], n) => button(name, () => painter.set(known), `lesson-hole-${n}`));

  return {
    elements: [
      element("div", { class: "damage" },
        element("figure", {}, painter.sheet),
        element("div", { class: "line", role: "group", "aria-label": words.holes }, ...holes)),
      element("div", { class: "found" },
        element("div", { class: "row" }, plain.figure, iterated.figure, mean.figure), pass.element,
        element("div", {}, element("strong", {}, words.answers), waiting, answers)),
    ],
    wake: () => {
      show();
      // The answers to what is seen may have been lost with the connection.
      if (!answers.children.length || answers.classList.contains("stale")) rest();
    },
  };
}
