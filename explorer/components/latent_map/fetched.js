// What a map is made of, fetched once a page: plotly.js, figures, codes, pictures.

import { element, fromBase64 } from "../element.js";

export const address = (path) => new URL(`live/${path}`, document.baseURI);

let plotly = null;
export const loadPlotly = () =>
  (plotly ??= new Promise((resolve, reject) => {
    const script = element("script", { src: address("plotly.js") });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotly = null; // a later try fetches it again
      script.remove();
      reject(new Error("plotly.js could not be fetched"));
    };
    document.head.append(script);
  }));

/** Promises by address; of each sort only the newest few are kept, 70,000 digits are 55 MB. */
function keeper(most, read) {
  const kept = new Map();
  return (path) => {
    const answer = kept.get(path) ?? fetch(address(path)).then(async (response) => {
      if (!response.ok) throw new Error(await response.text());
      return read(response);
    });
    kept.delete(path);
    kept.set(path, answer);
    answer.catch(() => kept.delete(path)); // a later visit tries again
    if (kept.size > most) kept.delete(kept.keys().next().value);
    return answer;
  };
}

export const loadFigure = keeper(6, (response) => response.json());
export const loadCodes = keeper(4, async (response) => new Float32Array(await response.arrayBuffer()));
export const loadPictures = keeper(2, async (response) => new Uint8Array(await response.arrayBuffer()));

const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i2: Int16Array, i1: Int8Array };

/** An array of a plotly figure: a plain list, or typed numbers in base64. */
export const numbers = (value) =>
  value?.bdata === undefined ? Float64Array.from(value ?? []) : new TYPES[value.dtype](fromBase64(value.bdata).buffer);
