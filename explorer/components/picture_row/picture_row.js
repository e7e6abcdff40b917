// Captioned pictures side by side, pixel for pixel: enlarged without smoothing, never recompressed.

import { component } from "../component.js";
import { element } from "../element.js";

export default component("picture-row", (root) => ({ data }) => {
  root.replaceChildren(...data.pictures.map(({ png, alt, caption, hint, width }) => {
    const image = element("img", { src: `data:image/png;base64,${png}`, alt });
    const figure = element("figure", {}, image);
    figure.style.width = `${width}px`;
    if (caption) figure.append(element("figcaption", hint ? { title: hint } : {}, caption));
    return figure;
  }));
});
