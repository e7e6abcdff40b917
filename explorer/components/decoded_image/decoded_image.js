// The decoded picture: painted pixel by pixel, enlarged by CSS, followed by a line that says how
// fast it follows. Where z lies off the data, its frame says so. A small copy floats in a corner while z moves and the picture is out of sight.

import { component } from "../component.js";
import { element } from "../element.js";
import { channelStatus, currentPicture, currentPlace } from "../live.js";
import { paintInto } from "../pixels.js";

const WINDOW = 1000; // ms over which frames are counted and latencies taken
const READING = 250; // ms between two updates of the reading: faster cannot be read

export default component("decoded-image", (root, listen, ended) => {
  const canvas = element("canvas", { "data-testid": "decoded-image", role: "img" });
  const floating = element("canvas", { class: "floating", "aria-hidden": "true" });
  const reading = element("div", { class: "reading", "data-testid": "live-latency" });
  const off = element("span", { class: "off" }, "off the data");
  root.append(element("div", { class: "frame" }, canvas, off), floating, reading);

  let seen = true;
  const observer = new IntersectionObserver(([entry]) => {
    seen = entry.intersectionRatio > 0.3;
    if (seen) floating.classList.remove("shown");
  }, { threshold: [0, 0.3, 1] });
  observer.observe(canvas);
  ended.addEventListener("abort", () => observer.disconnect());

  const paint = () => {
    const picture = currentPicture();
    if (!picture) return;
    paintInto(canvas, picture);
    if (!seen) paintInto(floating, picture);
  };

  let timings = []; // [when, ms] of the last second
  let lastReading = 0;
  let restTimer = 0;
  const read = () => {
    const now = performance.now();
    lastReading = now;
    timings = timings.filter(([when]) => now - when < WINDOW);
    const { open, reason, lost } = channelStatus();
    root.classList.toggle("offline", !open);
    if (!open) {
      const meanwhile = lost ? "" : " The picture follows when you let go.";
      reading.textContent = `Not live: ${reason}.${meanwhile}`;
    } else if (timings.length) {
      const sorted = timings.map(([, ms]) => ms).sort((a, b) => a - b);
      const median = sorted[sorted.length >> 1];
      reading.textContent = `live · ${median.toFixed(1)} ms · ${timings.length} pictures/s`;
    } else {
      reading.textContent = reading.dataset.rest ?? "live · move a slider";
    }
  };

  listen("picture", paint);
  listen("place", () => root.classList.toggle("off-data", currentPlace()?.verdict === "off"));
  listen("status", read);
  listen("timing", ({ detail }) => {
    const now = performance.now();
    timings.push([now, detail]);
    if (!seen) floating.classList.add("shown");
    if (now - lastReading > READING) read();
    clearTimeout(restTimer);
    restTimer = setTimeout(() => {
      floating.classList.remove("shown");
      if (channelStatus().open) reading.dataset.rest = reading.textContent;
      read();
    }, WINDOW);
  });

  return ({ data }) => {
    canvas.setAttribute("aria-label", data.label);
    paint();
    read();
  };
});
