// The map of one moment: dots of test images in the colours of their classes. The server has
// turned each epoch onto the one before; the scale follows the cloud, so that a young network's,
// which is small, can be seen too.

import { element } from "../element.js";

const DOT = 2.1; // px
const EDGE = 0.998; // share of the dots that lies within the picture for certain
const MARGIN = 1.08;
const FAINT = 0.06; // opacity of classes that were not asked for
const MOST_CLASSES = 10; // more than the colours that there are tell nothing apart

export function makeEpochMap(changed) {
  const canvas = element("canvas", {
    role: "img", "data-testid": "epoch-map", "aria-label": "Map of the test images after this epoch",
  });
  const legend = element("div", { class: "legend", role: "group", "aria-label": "Show one class alone" });
  const figure = element("figure", { class: "map" }, canvas, legend,
    element("figcaption", {}, "Test images in the latent space, on its principal axes"));
  const context = canvas.getContext("2d");
  let colours = [];
  let dressed = "";
  let alone = -1; // a class, or -1 for all

  const dress = (classes, nextColours) => {
    colours = nextColours;
    if (dressed === JSON.stringify(classes)) return;
    dressed = JSON.stringify(classes);
    alone = -1;
    const few = classes.length > 1 && classes.length <= MOST_CLASSES ? classes : [];
    const chips = few.map((name, label) => {
      const chip = element("button", { type: "button", "aria-pressed": "false" },
        element("i"), name);
      chip.style.setProperty("--colour", colours[label % colours.length]);
      chip.onclick = () => {
        alone = alone === label ? -1 : label;
        chips.forEach((other, i) => other.setAttribute("aria-pressed", String(i === alone)));
        changed();
      };
      return chip;
    });
    legend.replaceChildren(...chips);
  };

  /** The canvas as large as it is on screen, in the screen's own pixels. */
  const fit = () => {
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (side && canvas.width !== side) canvas.width = canvas.height = side;
    return canvas.width;
  };

  return {
    figure,
    canvas,
    dress,

    /** The server's bytes: N pairs of float32, then N labels of a byte. */
    read(buffer) {
      const n = buffer.byteLength / 9;
      const xy = new Float32Array(buffer, 0, 2 * n);
      const reach = Float32Array.from(xy, Math.abs).sort();
      return { xy, labels: new Uint8Array(buffer, 8 * n), reach: reach[Math.floor(EDGE * (2 * n - 1))] || 1 };
    },

    /** `share` of the way from one epoch's frame to another's. */
    paint(from, to, share) {
      const side = fit();
      const reach = (from.reach + share * (to.reach - from.reach)) * MARGIN;
      const scale = side / 2 / reach;
      const radius = DOT * devicePixelRatio * Math.max(0.8, Math.min(1.25, side / devicePixelRatio / 340));
      context.clearRect(0, 0, side, side);
      const byClass = new Map();
      from.labels.forEach((label, i) => {
        if (!byClass.has(label)) byClass.set(label, []);
        byClass.get(label).push(i);
      });
      const moving = to.xy.length === from.xy.length;
      for (const [label, dots] of byClass) {
        context.globalAlpha = alone < 0 || alone === label ? 0.72 : FAINT;
        context.fillStyle = colours[label % colours.length];
        context.beginPath();
        for (const i of dots) {
          let [x, y] = [from.xy[2 * i], from.xy[2 * i + 1]];
          if (moving) {
            x += share * (to.xy[2 * i] - x);
            y += share * (to.xy[2 * i + 1] - y);
          }
          const [px, py] = [side / 2 + scale * x, side / 2 - scale * y];
          context.moveTo(px + radius, py);
          context.arc(px, py, radius, 0, 2 * Math.PI);
        }
        context.fill();
      }
      context.globalAlpha = 1;
    },
  };
}
