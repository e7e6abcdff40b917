// Rows of captioned pictures, pixel for pixel, whose columns stay below each other.

import { component } from "../component.js";
import { element } from "../element.js";

export default component("picture-grid", (root) => {
  root.tabIndex = 0; // it scrolls sideways, by arrow keys too
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Pictures in rows");

  const cell = ({ png, alt, caption, strong }) => {
    const image = element("img", { src: `data:image/png;base64,${png}`, alt });
    const figure = element("figure", {}, image);
    if (caption) figure.append(element("figcaption", strong ? { class: "strong" } : {}, caption));
    return element("td", {}, figure);
  };
  const row = ({ label, note, tiles }) => {
    const name = element("th", { scope: "row" }, label);
    if (note) name.append(element("small", {}, note));
    return element("tr", {}, name, ...tiles.map(cell));
  };
  return ({ data: { rows, width } }) => {
    root.style.setProperty("--most", `${width}px`);
    // A single picture a row, a strip, shrinks with the page; a row of them scrolls.
    root.classList.toggle("strips", rows.every(({ tiles }) => tiles.length === 1));
    root.replaceChildren(element("table", {}, element("tbody", {}, ...rows.map(row))));
  };
});
