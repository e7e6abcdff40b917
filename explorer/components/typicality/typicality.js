// How usual the current z is: its distance to the encoded images, log p(z), and the eight nearest
// images, while z moves. The figures are core.typicality's; a page without this never asks for them.

import { announcer } from "../access.js";
import { component } from "../component.js";
import { element } from "../element.js";
import { currentPlace, watchPlace } from "../live.js";
import { paintInto } from "../pixels.js";

const NEIGHBOURS = 8;
const REST = 700; // ms after which a z that stays is told to who cannot see it
const VERDICTS = { in: "In the data", near: "Near the data", off: "Off the data" };

const percent = (share) => {
  const value = 100 * share;
  return value > 99.5 && value < 100 ? value.toFixed(1) : value.toFixed(0);
};

export default component("typicality", (root, listen, ended) => {
  let setTriggerValue;
  let [noun, named] = ["image", true]; // what a picture is called, and whether it has a class
  const verdict = element("span", { class: "verdict", "data-testid": "typicality-verdict" });
  const distance = element("span", { class: "line" });
  const bar = element("div", { class: "bar" }, element("span", { class: "fill" }));
  const prior = element("span", { class: "line" });
  const neighbours = Array.from({ length: NEIGHBOURS }, (_, n) => {
    const canvas = element("canvas", { width: 28, height: 28 });
    const label = element("span");
    const button = element("button", { type: "button", "data-testid": `neighbour-${n}` }, canvas,
      label);
    button.onclick = () => setTriggerValue("load", currentPlace().nearest[n]);
    return { canvas, label, button };
  });
  const row = element("div", { class: "neighbours" }, ...neighbours.map(({ button }) => button));
  root.append(element("div", { class: "head" }, verdict, bar), distance, prior, row);
  const announce = announcer(root, REST);

  const show = () => {
    const place = currentPlace();
    root.style.visibility = place ? "visible" : "hidden";
    if (!place) { // what is shown may be of another model, and its pictures of other data
      for (const { canvas } of neighbours) canvas.shown = null;
      return;
    }
    const { planes, height, width, pixels, classes, nearest } = place;
    root.dataset.verdict = place.verdict;
    verdict.textContent = VERDICTS[place.verdict];
    bar.firstChild.style.transform = `scaleX(${place.share})`;
    distance.textContent = `mean distance to the ${nearest.length} nearest ${place.distance.toFixed(2)}: `
      + `farther out than ${percent(place.share)}% of real ${noun}s`;
    prior.textContent = `log p(z) = ${place.log_p.toFixed(1)} nats: `
      + `above ${percent(place.prior_share)}% of the prior's draws`;
    const looks = named ? ` The nearest ${noun}s: ${[...new Set(classes)].join(", ")}.` : "";
    announce(`${VERDICTS[place.verdict]}, ${distance.textContent}.${looks}`);
    const channels = planes / nearest.length;
    neighbours.forEach(({ canvas, label, button }, n) => {
      button.hidden = n >= nearest.length;
      if (button.hidden || canvas.shown === nearest[n]) return; // most stay from one z to the next
      canvas.shown = nearest[n];
      paintInto(canvas, { pixels, channels, height, width }, n * channels * height * width);
      label.textContent = named ? classes[n] : "";
      button.title = `test ${noun} ${nearest[n]}${named ? `, ${classes[n]}` : ""}: click to load it`;
      button.setAttribute("aria-label", button.title);
    });
  };

  listen("place", show);
  watchPlace(ended);

  return (args) => {
    ({ setTriggerValue, data: { noun, named } } = args);
    show();
  };
});
