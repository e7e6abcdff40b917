// Why noise on the code: an autoencoder beside a VAE, each with the map of its codes, the picture
// at a point of it, and sixteen more: around the point, or at random.

import { announcer } from "../access.js";
import { STRIPS, TILES, channelTo } from "../channel.js";
import { element, fromBase64 } from "../element.js";
import { linear } from "../latent_map/projection.js";
import { asPictures, button, choice, dial, digits, fill, normal, picture, pictures } from "./parts.js";
import { makeScatter } from "./scatter.js";

const GRID = 16;
const MOST_NOISE = 4; // times what the VAE was trained with
const SHAKEN = 2; // from which the difference is plain
const RANDOM = { // coordinate i of a random code
  prior: (model, noise, i) => noise[i],
  fitted: ({ mean, factor }, noise, i) => mean[i] + factor[i].reduce((sum, f, j) => sum + f * noise[j], 0),
};
const MIDDLE = 0.15; // of the way, either side of half

export function makeNoise(content, tools) {
  const { words, done, memory } = tools;
  const { classes, colours } = content;
  Object.assign(memory, { grid: "around", size: 1, from: content.from, to: content.to, way: 0, ...memory });
  const draw = () => content.models.map(({ mean }) =>
    Float32Array.from({ length: GRID * mean.length }, normal));
  memory.noise ??= draw();
  memory.z ??= content.models.map((model) => Float32Array.from(model.keys[memory.from]));

  const sides = content.models.map((model, n) => makeSide(model, n));

  function makeSide(model, n) {
    const name = words[model.kind];
    const plane = linear(model.plane);
    const shown = picture(fill(words.shown, { model: name }), { testid: `lesson-${model.kind}` });
    shown.figure.querySelector("figcaption").remove(); // the heading above says it
    const many = pictures(fill(words.samples, { model: name }), GRID, { testid: `lesson-${model.kind}-grid` });
    const scatter = makeScatter({
      dots: new Float32Array(fromBase64(model.dots).buffer), labels: fromBase64(model.labels),
      bounds: model.bounds, colours, label: fill(words.map, { model: name }),
      testid: `lesson-${model.kind}-marker`,
      onMove: (xy) => {
        memory.z[n] = plane.lift(xy, memory.z[n]);
        done("walk");
        show();
      },
    });
    const offline = element("p", { class: "offline" });
    offline.hidden = true;
    const channel = channelTo(model.name, () => {
      const { open, reason } = channel.status;
      offline.hidden = open;
      offline.textContent = open ? "" : fill(words.offline, { reason });
      announce(offline.textContent);
      if (open) show();
    }, tools.ended);
    const rest = element("span", { class: "note" }, `${model.name} · ${words[model.kind === "vae" ? "both" : "none"]}`);
    const box = element("section", { class: model.kind }, element("h5", {}, name, rest), offline,
      scatter.map, element("div", { class: "seen" }, shown.figure, many.grid));
    const announce = announcer(box);

    /** The sixteen codes, row by row. */
    const codes = () => {
      const d = model.mean.length;
      const z = new Float32Array(GRID * d);
      for (let k = 0; k < GRID; k++) {
        const noise = memory.noise[n].subarray(k * d, (k + 1) * d);
        for (let i = 0; i < d; i++) {
          z[k * d + i] = RANDOM[memory.grid]?.(model, noise, i)
            ?? memory.z[n][i] + memory.size * model.noise[i] * noise[i];
        }
      }
      return z;
    };

    const show = () => {
      const z = codes();
      const d = model.mean.length;
      scatter.show(plane.project(memory.z[n]), memory.grid === "around" && memory.size === 0 ? []
        : Array.from({ length: GRID }, (_, k) => plane.project(z.subarray(k * d, (k + 1) * d))));
      channel.request(STRIPS, memory.z[n], null, (answer) => shown.paint(asPictures(answer, model.shape)));
      channel.request(TILES, z, null, (answer) => many.paint(asPictures(answer, model.shape)));
    };
    return { box, show };
  }

  const showAll = () => sides.forEach((side) => side.show());
  const walk = (value) => {
    memory.way = value;
    memory.z = content.models.map(({ keys }) => {
      const [a, b] = [keys[memory.from], keys[memory.to]];
      return Float32Array.from(a, (start, i) => (1 - value) * start + value * b[i]);
    });
    showAll();
  };
  const noticeWay = () => Math.abs(memory.way - 0.5) < MIDDLE && done("walk");
  const noticeGrid = () => {
    if (memory.grid in RANDOM) done("random");
    else if (memory.size >= SHAKEN) done("shake");
  };

  const way = dial(words.walk, {
    min: 0, max: 1, value: memory.way, testid: "lesson-way",
    shown: (value) => `${digits(100 * value, 0)}%`,
  }, (value) => { walk(value); noticeWay(); });
  const select = (label, key) => {
    const made = element("select", { "aria-label": label, "data-testid": `lesson-${key}` },
      ...classes.map((name, n) => element("option", { value: n }, name)));
    made.value = memory[key];
    made.onchange = () => {
      memory[key] = Number(made.value);
      walk(memory.way);
    };
    return element("label", { class: "pick" }, label, made);
  };
  const size = dial(words.size, {
    min: 0, max: MOST_NOISE, step: 0.1, value: memory.size, testid: "lesson-noise",
    shown: (value) => `× ${digits(value, 1)}`,
  }, (value) => { memory.size = value; showAll(); noticeGrid(); });
  const which = choice(words.grid, [
    ["around", words.around], ["prior", words.prior], ["fitted", words.fitted],
  ], memory.grid, (id) => {
    memory.grid = id;
    size.input.disabled = id in RANDOM;
    showAll();
    noticeGrid();
  });
  size.input.disabled = memory.grid in RANDOM;
  const again = button(words.again, () => {
    memory.noise = draw();
    showAll();
  }, "lesson-again");

  return {
    elements: [
      element("div", { class: "controls" }, element("div", { class: "line" },
        element("span", {}, words.grid), which, again), size.element),
      element("div", { class: "sides" }, ...sides.map(({ box }) => box)),
      element("div", { class: "controls" }, element("div", { class: "line" },
        select(words.start, "from"), select(words.end, "to")), way.element),
    ],
    wake: showAll,
  };
}
