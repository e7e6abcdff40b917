// One native range input for every latent dimension, the most informative first. Those that carry
// nothing are folded away.

import { commit, component, currentZ, element, setZ } from "../live.js";

export default component("latent-sliders", (root, listen) => {
  let rows = []; // { dimension, input, value, row, shown }
  let built = ""; // what the rows were made for
  let setStateValue;

  const show = () => {
    const z = currentZ();
    for (const row of rows) {
      const { dimension, input, value } = row;
      if (row.shown === z[dimension]) continue; // only what has moved is laid out again
      row.shown = z[dimension];
      // A thumb that already stands within half a step is left alone: it may be in the hand.
      if (Math.abs(input.valueAsNumber - z[dimension]) > input.step / 2) {
        input.value = z[dimension];
      }
      value.textContent = z[dimension].toFixed(2);
      input.style.setProperty("--at", (input.value - input.min) / (input.max - input.min));
    }
  };

  const move = (dimension, to) => {
    const next = currentZ().slice();
    next[dimension] = to;
    setZ(next);
  };

  const build = ({ dimensions, radius }) => {
    const mostKl = Math.max(...dimensions.map(({ kl }) => kl));
    rows = dimensions.map(({ dimension, kl, active }) => {
      const input = element("input", {
        type: "range",
        min: -radius,
        max: radius,
        step: 0.01,
        "aria-label": `latent dimension ${dimension}, ${kl.toFixed(2)} nats`,
        "data-testid": `latent-slider-${dimension}`,
      });
      const value = element("output");
      const name = element("span", { class: "name" }, `z${dimension}`);
      const bar = element("span", { class: "kl", title: `KL ${kl.toFixed(2)} nats` });
      bar.style.setProperty("--share", kl / mostKl);
      const row = element("label", { class: "row" });
      row.append(name, bar, input, value);
      input.oninput = () => move(dimension, input.valueAsNumber);
      input.onchange = () => commit(setStateValue);
      input.ondblclick = () => {
        move(dimension, 0);
        commit(setStateValue);
      };
      return { dimension, input, value, row, active, shown: null };
    });
    const [used, unused] = [true, false].map((wanted) =>
      rows.filter(({ active }) => active === wanted).map(({ row }) => row));
    root.replaceChildren(...used);
    if (!unused.length) return;
    const why = `${unused.length} more carry nothing: their mean hardly varies over the test set`;
    root.append(element("details", {}, element("summary", {}, why), ...unused));
  };

  listen("z", show);

  return ({ data, setStateValue: tell }) => {
    setStateValue = tell;
    const wanted = JSON.stringify([data.dimensions, data.radius]);
    if (wanted !== built) build(data);
    built = wanted;
    show();
  };
});
