// The map as it stands, as a file: PNG and SVG by Plotly, HTML as a page that needs no server.

import { address, loadPlotly } from "./fetched.js";

/** What is seen as a figure of its own: with legend, ground, marker and tiles. */
function standalone({ data, layout }, { theme, ranges, tiles, xy, classes }) {
  const [left, right, bottom, top] = ranges;
  const marker = {
    type: "scatter", mode: "markers", name: "z", x: [xy[0]], y: [xy[1]], hoverinfo: "name",
    marker: { size: 15, color: theme.primary, line: { color: "#fff", width: 2.5 } },
  };
  const image = tiles && {
    source: tiles.source, xref: "x", yref: "y", layer: "below", sizing: "stretch",
    x: tiles.extent[0], y: tiles.extent[3],
    sizex: tiles.extent[1] - tiles.extent[0], sizey: tiles.extent[3] - tiles.extent[2],
  };
  return {
    data: [...data, marker],
    layout: {
      ...layout,
      images: image ? [image] : [],
      paper_bgcolor: theme.background,
      showlegend: classes > 1,
      legend: { orientation: "h", y: 1.01, yanchor: "bottom", itemsizing: "constant" },
      margin: { ...layout.margin, t: 48 },
      xaxis: { ...layout.xaxis, range: [left, right] },
      yaxis: { ...layout.yaxis, range: [bottom, top] },
    },
  };
}

/** Hand `format` ("png", "svg" or "html") to the person as a file called `name`. */
export async function save(format, name, plot, described, view) {
  const Plotly = await loadPlotly();
  const figure = standalone(described, view);
  const { offsetWidth: width, offsetHeight: height } = plot;
  const url = format === "html"
    ? URL.createObjectURL(new Blob([await page(name, figure)], { type: "text/html" }))
    : await Plotly.toImage(figure, { format, width, height: height + 40, scale: 2 });
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.${format}`;
  link.click();
  if (format === "html") setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

async function page(name, { data, layout }) {
  const library = await (await fetch(address("plotly.js"))).text();
  const traces = data.map((trace) =>
    trace.hoverinfo === "skip" ? { ...trace, hoverinfo: "name" } : trace);
  const json = (value) => JSON.stringify(value, plain).replaceAll("<", "\\u003c");
  const options = { responsive: true, scrollZoom: true, displaylogo: false };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name}</title>
<style>html, body, #map { height: 100%; margin: 0; background: ${layout.paper_bgcolor}; }</style>
</head>
<body>
<div id="map"></div>
<script>${library}</script>
<script>Plotly.newPlot("map", ${json(traces)}, ${json({ ...layout, hovermode: "closest" })}, ${json(options)});</script>
</body>
</html>
`;
}

/** Typed arrays as lists, to the six digits that a screen can show. */
const plain = (_, value) =>
  ArrayBuffer.isView(value) ? Array.from(value, (number) => Number(number.toPrecision(6))) : value;
