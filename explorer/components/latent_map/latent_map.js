// The encoded data set on a plane. Plotly draws the points; the marker is an element of our own on
// top, because redrawing ten thousand points for every step of the hand would not stay live.

import { commit, component, currentZ, element, setZ } from "../live.js";

const CLICK_SLOP = 5; // px a press may wander and still be a click
const KEY_STEP = 0.1; // in the plane's units, an arrow key
const TOOLTIP = 84; // px, three times a digit

const address = (path) => new URL(`live/${path}`, document.baseURI);

let plotly = null; // the library is fetched once a page
const loadPlotly = () =>
  (plotly ??= new Promise((resolve, reject) => {
    const script = element("script", { src: address("plotly.js") });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("plotly.js could not be fetched"));
    document.head.append(script);
  }));

const fetched = new Map(); // address -> promise; what a checkpoint's map is made of is read once
function fetchOnce(path, read) {
  if (!fetched.has(path)) {
    const answer = fetch(address(path)).then(async (response) => {
      if (!response.ok) throw new Error(await response.text());
      return read(response);
    });
    answer.catch(() => fetched.delete(path)); // a later visit tries again
    fetched.set(path, answer);
  }
  return fetched.get(path);
}

const hasWebGL = (() => {
  let known = null;
  return () => (known ??= Boolean(document.createElement("canvas").getContext("webgl2")
    ?? document.createElement("canvas").getContext("webgl")));
})();

// The plane, as core.latent.LinearProjection has it: rows of `axes` are orthonormal.
const project = ({ origin, axes }, z) =>
  axes.map((axis) => axis.reduce((sum, a, d) => sum + a * (z[d] - origin[d]), 0));
const lift = (plane, xy, z) => {
  const here = project(plane, z);
  return z.map((value, d) =>
    value + plane.axes.reduce((sum, axis, i) => sum + axis[d] * (xy[i] - here[i]), 0));
};

export default component("latent-map", (root, listen, ended) => {
  const plot = element("div", { class: "plot", "data-testid": "latent-map" });
  const marker = element("div", {
    class: "marker",
    tabindex: "0",
    role: "application",
    "aria-label": "The current z on the map. Arrow keys or dragging move it in this plane.",
  });
  const digit = element("canvas", { width: 28, height: 28 });
  const caption = element("span");
  const tooltip = element("div", { class: "tooltip" }, digit, caption);
  const message = element("div", { class: "message" }, "Drawing the map …");
  root.append(plot, marker, tooltip, message);

  let data = null;
  let setStateValue;
  let drawn = ""; // the figure on screen
  let hovered = null; // index of the digit under the pointer
  let sprites = null;

  const axesOnScreen = () => {
    const layout = plot._fullLayout;
    return layout?.xaxis && { x: layout.xaxis, y: layout.yaxis };
  };

  // Where the marker goes: outside the axes it waits at the edge, pale, so that it is never lost.
  const place = () => {
    const axes = axesOnScreen();
    const z = currentZ();
    if (!axes || drawn !== data.figure || z.length !== data.plane.origin.length) return;
    const [x, y] = project(data.plane, z);
    const clamp = (value, most) => Math.min(Math.max(value, 0), most);
    const px = axes.x.l2p(x);
    const py = axes.y.l2p(y);
    const inside = [clamp(px, axes.x._length), clamp(py, axes.y._length)];
    marker.classList.toggle("outside", inside[0] !== px || inside[1] !== py);
    marker.style.transform =
      `translate(${axes.x._offset + inside[0]}px, ${axes.y._offset + inside[1]}px)`;
    marker.style.visibility = "visible";
  };

  const toPlane = (event) => {
    const axes = axesOnScreen();
    const box = plot.getBoundingClientRect();
    return [
      axes.x.p2l(event.clientX - box.left - axes.x._offset),
      axes.y.p2l(event.clientY - box.top - axes.y._offset),
    ];
  };

  const moveTo = (xy) => setZ(lift(data.plane, xy, currentZ()));

  marker.onpointerdown = (event) => {
    marker.setPointerCapture(event.pointerId);
    marker.classList.add("held");
    event.preventDefault();
    marker.focus({ preventScroll: true });
  };
  marker.onpointermove = (event) => {
    if (marker.hasPointerCapture(event.pointerId)) moveTo(toPlane(event));
  };
  marker.onlostpointercapture = () => {
    marker.classList.remove("held");
    commit(setStateValue);
  };
  marker.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
    const [dx, dy] = step[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const [x, y] = project(data.plane, currentZ());
    moveTo([x + dx * KEY_STEP, y + dy * KEY_STEP]);
    commit(setStateValue);
  };

  // A click on a digit loads it; on empty ground it brings the marker there. Panning is no click.
  let pressed = null;
  plot.addEventListener("pointerdown", (event) => {
    pressed = event.button === 0 ? event : null;
  }, { capture: true, signal: ended });
  window.addEventListener("pointerup", async (event) => {
    const start = pressed;
    pressed = null;
    const axes = axesOnScreen();
    if (!start || !axes) return;
    if (Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > CLICK_SLOP) return;
    const box = plot.getBoundingClientRect();
    const px = event.clientX - box.left - axes.x._offset;
    const py = event.clientY - box.top - axes.y._offset;
    if (px < 0 || py < 0 || px > axes.x._length || py > axes.y._length) return; // legend, buttons
    if (hovered === null) {
      moveTo(toPlane(event));
    } else {
      const index = hovered;
      const mu = await encoded();
      const size = data.plane.origin.length;
      setZ(mu.subarray(index * size, (index + 1) * size));
    }
    commit(setStateValue);
  }, { signal: ended });

  const encoded = () =>
    fetchOnce(data.encoded, async (response) => new Float32Array(await response.arrayBuffer()));

  const loadSprites = () =>
    fetchOnce(data.sprites.url, async (response) => createImageBitmap(await response.blob()));

  const hover = ({ points: [point], event }) => {
    hovered = point.customdata;
    caption.textContent = `${point.data.name} · test digit ${hovered}`;
    if (sprites) {
      const { columns, size } = data.sprites;
      const [x, y] = [(hovered % columns) * size, Math.floor(hovered / columns) * size];
      digit.getContext("2d").drawImage(sprites, x, y, size, size, 0, 0, 28, 28);
    }
    const box = root.getBoundingClientRect();
    const left = event.clientX - box.left + 14;
    tooltip.style.left = `${Math.min(left, box.width - TOOLTIP - 20)}px`;
    tooltip.style.top = `${Math.max(event.clientY - box.top - TOOLTIP - 36, 0)}px`;
    tooltip.classList.add("shown");
    plot.classList.add("on-point");
  };
  const unhover = () => {
    hovered = null;
    tooltip.classList.remove("shown");
    plot.classList.remove("on-point");
  };

  const draw = async () => {
    const wanted = data.figure;
    message.textContent = "Drawing the map …";
    message.hidden = false;
    try {
      const [Plotly, figure] = await Promise.all([
        loadPlotly(),
        fetchOnce(wanted, (response) => response.json()),
      ]);
      if (ended.aborted || data.figure !== wanted) return; // another map was asked for meanwhile
      const traces = figure.data.map((trace) => ({
        ...trace,
        type: hasWebGL() ? trace.type : "scatter",
      }));
      await Plotly.react(plot, traces, structuredClone(figure.layout), {
        displaylogo: false,
        responsive: true,
        scrollZoom: true,
        modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
      });
      drawn = wanted;
      for (const event of ["plotly_hover", "plotly_unhover", "plotly_afterplot"]) {
        plot.removeAllListeners(event);
      }
      plot.on("plotly_hover", hover);
      plot.on("plotly_unhover", unhover);
      plot.on("plotly_afterplot", place);
      plot.removeAllListeners("plotly_relayouting");
      plot.on("plotly_relayouting", place);
      message.hidden = true;
      place();
      loadSprites().then((sheet) => (sprites = sheet), () => (sprites = null)); // no digits in hover
    } catch (error) {
      message.textContent = `The map cannot be shown: ${error.message}`;
      message.hidden = false;
    }
  };

  listen("z", place);
  ended.addEventListener("abort", () => window.Plotly?.purge(plot));

  return (args) => {
    ({ data, setStateValue } = args);
    if (drawn === data.figure) place();
    else draw();
  };
});
