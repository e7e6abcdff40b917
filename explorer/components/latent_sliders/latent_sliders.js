// A slider for every axis: latent dimensions, the most informative first, or named directions. What
// lies along an axis shows in its track as a filmstrip; all of them follow while any slider moves.

import { component } from "../component.js";
import { element } from "../element.js";
import { currentZ } from "../live.js";
import { Filmstrips } from "./filmstrips.js";
import { Row } from "./row.js";

const MANY = 12; // with more axes than these ...
const FIRST = 8; // ... so many show and the rest is behind "more"

export default component("latent-sliders", (root, listen) => {
  let rows = [];
  let built = ""; // what the rows were made for
  let setters = {};
  const strips = new Filmstrips();

  const show = () => {
    const z = currentZ();
    for (const row of rows) row.show(z);
    strips.follow(z);
  };

  const fold = (open, summary, folded) => {
    const box = element("details", {}, element("summary", {}, summary), ...folded);
    box.open = open;
    box.ontoggle = show; // strips are asked for only where they can be seen
    return box;
  };

  const build = ({ axes }) => {
    const open = [...root.querySelectorAll("details")].map((box) => box.open);
    rows = axes.map((axis) => new Row(axis, setters));
    const used = rows.filter(({ axis }) => axis.active);
    const first = used.length > MANY ? used.slice(0, FIRST) : used;
    const more = used.slice(first.length);
    const unused = rows.filter(({ axis }) => !axis.active);
    const elements = (of) => of.map((row) => row.element);
    root.replaceChildren(...elements(first));
    if (more.length) {
      const nats = more.reduce((sum, { axis }) => sum + axis.kl, 0);
      const summary = `${more.length} more dimensions, ${nats.toFixed(1)} nats together`;
      root.append(fold(open[0] ?? false, summary, elements(more)));
    }
    if (unused.length) {
      const why = `${unused.length} more carry nothing: their mean hardly varies over the test set `
        + "(variance below 0.01)";
      root.append(fold(open[more.length ? 1 : 0] ?? false, why, elements(unused)));
    }
  };

  listen("z", show);
  // A strip that was asked for while there was no connection, or for another model, is asked again.
  listen("status", show);

  return ({ data, setStateValue, setTriggerValue }) => {
    Object.assign(setters, { setStateValue, setTriggerValue });
    const wanted = JSON.stringify(data.axes.map(({ name, locked, ...rest }) => rest));
    if (wanted !== built) build(data);
    built = wanted;
    const mostKl = Math.max(...data.axes.map(({ kl }) => kl ?? 0), 1e-9);
    rows.forEach((row, i) => row.configure(data.axes[i], data, mostKl));
    root.classList.toggle("with-strips", data.filmstrips);
    strips.configure(data.filmstrips ? rows : []);
    show();
  };
});
