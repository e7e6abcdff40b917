// Plotly's part of the map: dots, axes, density. Drawn whole from a description of what is to be
// seen; a hand that moves z never redraws it.

import { loadPlotly, numbers } from "./fetched.js";
import { markedPositions } from "./points.js";

const MARGIN = 0.04; // of the dots' extent, left free around them
const FAR = 20; // times the whole map, on each side, that can be looked at
const FOOT = 0.13; // of a histogram strip's height: room for a row of tiles below it
// Dots over tiles or density are fainter, so that both can be seen.
const OVER = { none: [1, 1], tiles: [0.75, 0.6], density: [0.8, 0.8] }; // of their size and opacity

const hasWebGL = (() => {
  let known = null;
  return () => (known ??= Boolean(document.createElement("canvas").getContext("webgl2")
    ?? document.createElement("canvas").getContext("webgl")));
})();

/** The page's colours and font; a name each as Streamlit gives them. */
export function themeOf(root) {
  const style = getComputedStyle(root);
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: read("text-color"),
    background: read("background-color"),
    border: read("border-color"),
    primary: read("primary-color"),
    font: read("font"),
  };
}

/** Where the axes lie on screen. Our own sums: while Plotly pans, its l2p lags behind. */
export class Frame {
  constructor(plot) {
    this.plot = plot;
  }

  get ready() {
    return Boolean(this.plot._fullLayout?.xaxis);
  }

  /** The plotting area in px of the plot's element. */
  box() {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return { left: xaxis._offset, top: yaxis._offset, width: xaxis._length, height: yaxis._length };
  }

  /** What the axes show: [left, right, bottom, top]. */
  ranges() {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return [...xaxis.range, ...yaxis.range].map(Number);
  }

  /** px per unit, and the px of (0, 0). */
  scale() {
    const [left, right, bottom, top] = this.ranges();
    const { width, height } = this.box();
    return { x: width / (right - left), y: -height / (top - bottom) };
  }

  origin() {
    const [left, , , top] = this.ranges();
    const box = this.box();
    const { x, y } = this.scale();
    return { x: box.left - left * x, y: box.top - top * y };
  }

  /** Whether a place lies in view; on a strip only its first coordinate counts. */
  shows([x, y], line) {
    const [left, right, bottom, top] = this.ranges();
    return x >= left && x <= right && (line || (y >= bottom && y <= top));
  }

  /** Show `by` times as much as now, about a place. */
  look([x, y], by, line) {
    const [left, right, bottom, top] = this.ranges();
    const about = (middle, span) => [middle - (by * span) / 2, middle + (by * span) / 2];
    const ranges = { "xaxis.range": about(x, right - left) };
    if (!line) ranges["yaxis.range"] = about(y, top - bottom);
    window.Plotly.relayout(this.plot, ranges);
  }

  toPixel([x, y]) {
    const [scale, origin] = [this.scale(), this.origin()];
    return [origin.x + scale.x * x, origin.y + scale.y * y];
  }

  toData([px, py]) {
    const [scale, origin] = [this.scale(), this.origin()];
    return [(px - origin.x) / scale.x, (py - origin.y) / scale.y];
  }
}

/** Ranges that show every dot, of x and of y; a histogram strip stands on its base. */
function fullRanges(classes, line) {
  const extent = (axis, low = Infinity, high = -Infinity) => {
    for (const dots of classes) {
      for (const value of dots[axis]) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (!(low <= high)) return [-1, 1];
    const margin = MARGIN * (high - low) || 1;
    return [low - margin, high + margin];
  };
  const x = extent("x");
  if (!line) return [x, extent("y")];
  const [, top] = extent("y", 0, 0);
  return [x, [-FOOT * top, top]];
}

/** A theme colour with an opacity; hex and rgb() are what themes hold. */
function faint(colour, opacity) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return `rgba(${r}, ${g}, ${b}, ${opacity})`;
}

/**
 * Traces and layout of what is to be seen; `toImage` and a saved page are made from it too.
 * `ranges` as Frame has them, or null for all there is.
 */
export function described({ figure, classes, hidden, mask, underlay, theme, line, ranges }) {
  const [size, opacity] = OVER[underlay];
  const dots = classes.map(({ name, marker, x, y, index }) => ({
    type: hasWebGL() ? "scattergl" : "scatter",
    mode: "markers",
    name,
    x,
    y,
    visible: !hidden.has(name),
    hoverinfo: "skip",
    marker: { ...marker, size: marker.size * size, opacity: marker.opacity * opacity },
    selectedpoints: mask ? markedPositions(mask, index) : null,
    selected: { marker: { opacity: 0.85 } },
    unselected: { marker: { opacity: 0.07 } },
  }));
  const density = figure.data.filter(({ type }) => type === "contour").map((trace) => ({
    ...trace,
    z: rows(trace.z),
    x: numbers(trace.x),
    y: numbers(trace.y),
    visible: underlay === "density",
    colorscale: [[0, faint(theme.primary, 0)], [1, faint(theme.primary, 0.4)]],
    line: { ...trace.line, color: faint(theme.primary, 0.75) },
  }));
  const axis = {
    gridcolor: faint(theme.text, 0.1),
    zerolinecolor: faint(theme.text, 0.2),
    tickfont: { size: 11 },
    ticks: "",
    showgrid: underlay !== "tiles",
    zeroline: underlay !== "tiles",
  };
  const whole = fullRanges(classes, line);
  const shown = ranges ? [ranges.slice(0, 2), ranges.slice(2)] : whole;
  const [x, y] = whole.map(([low, high], n) => ({
    range: shown[n],
    minallowed: low - FAR * (high - low),
    maxallowed: high + FAR * (high - low),
  }));
  const layout = {
    ...structuredClone(figure.layout),
    font: { family: theme.font, color: theme.text, size: 12 },
    showlegend: false, // the component has a legend of its own, which wraps
    hovermode: false,
    dragmode: "pan", // where our own surface lets a press through
    autosize: true,
  };
  layout.xaxis = { ...layout.xaxis, ...axis, ...x };
  layout.yaxis = { ...layout.yaxis, ...axis, ...y };
  return { data: [...density, ...dots], layout };
}

/** Rows of a 2-D array, which plotly sends as one flat base64 with a shape. */
function rows(z) {
  if (z?.bdata === undefined) return z;
  const [height, width] = String(z.shape).split(",").map(Number);
  const flat = numbers(z);
  return Array.from({ length: height }, (_, i) => flat.subarray(i * width, (i + 1) * width));
}

export async function drawPlot(plot, { data, layout }) {
  const Plotly = await loadPlotly();
  await Plotly.react(plot, data, layout, {
    displayModeBar: false,
    scrollZoom: true,
    showAxisDragHandles: false,
    doubleClick: false,
    showTips: false,
  });
}
