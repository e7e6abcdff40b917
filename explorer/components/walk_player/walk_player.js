// Walks side by side: a strip of pictures for each, one playhead that moves through all of them in
// step, and their paths on the map. Between two pictures of a strip the live channel decodes.

import { keepFocus } from "../access.js";
import { STRIPS } from "../channel.js";
import { component } from "../component.js";
import { element, fromBase64 } from "../element.js";
import { ask, channelStatus } from "../live.js";
import { paintInto } from "../pixels.js";
import { makeWalkMap } from "./walk_map.js";

const STEP = 380; // ms from one picture to the next, at speed 1
const SPEEDS = [0.5, 1, 2, 4];
const TALLEST = 30; // px of a bar
// Apart from each other on light, on dark, and on the map's dots; the dashes tell them apart too.
const LOOKS = {
  lerp: { colour: "#2f7ed8", dash: [] },
  slerp: { colour: "#e08a00", dash: [11, 8] },
  geodesic: { colour: "#d6286b", dash: [] },
};

export default component("walk-player", (root, listen, ended) => {
  let data = null;
  let setTriggerValue;
  let rows = []; // { walk, big, frames, tiles, bars }
  let built = "";
  let place = ""; // of the keys: with others the playhead goes back to the start
  let position = 0; // in pictures, 0 to n - 1
  let playing = false;
  let direction = 1;
  let last = 0;
  let begun = false;
  let asked = 0; // what was asked of the channel last, and what is shown
  let shown = 0;

  const play = element("button", { type: "button", class: "play", "data-testid": "walk-play" });
  const scrubber = element("input", {
    type: "range", min: 0, step: 0.01, value: 0, "aria-label": "Where on the walk",
    "data-testid": "walk-scrubber", "data-focus": "scrubber",
  });
  const speed = element("select", { "aria-label": "Speed", "data-testid": "walk-speed" },
    ...SPEEDS.map((value) => element("option", { value }, `${value}×`)));
  const loop = element("input", { type: "checkbox", "data-testid": "walk-loop" });
  const where = element("output", { "data-testid": "walk-where", "aria-live": "off" });
  const settings = element("div", { class: "settings" },
    element("label", {}, "Speed ", speed),
    element("label", { title: "There and back again, without end" }, loop, " Loop"), where);
  const map = makeWalkMap();
  const walks = element("div", { class: "walks" }); // all that a new walk replaces
  const strips = element("div", { class: "strips" }, play, scrubber, settings, walks, map.room);
  speed.value = 1;

  const count = () => data.stops.at(-1) + 1;
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  /** The points of all walks at the playhead, straight on between two pictures. */
  const points = () => {
    const low = Math.min(Math.floor(position), count() - 2);
    const share = position - low;
    return rows.map(({ walk }) =>
      walk.z[low].map((value, d) => value + share * (walk.z[low + 1][d] - value)));
  };

  const paint = (canvas, pixels) => {
    const [channels, height, width] = data.shape;
    paintInto(canvas, { pixels, channels, height, width });
  };

  const paintFrames = () => {
    shown = ++asked;
    for (const { big, frames } of rows) paint(big, frames[Math.round(position)]);
  };

  const paintBetween = () => {
    const mine = ++asked;
    const payload = Float32Array.from(points().flat());
    return rows.length > 0 && ask(STRIPS, payload, null, ({ planes, height, width, pixels }) => {
      const [channels] = data.shape;
      if (mine < shown || planes !== channels * rows.length) return;
      shown = mine;
      const size = channels * width * height;
      rows.forEach(({ big }, i) => paint(big, pixels.subarray(i * size, (i + 1) * size)));
    });
  };

  const show = () => {
    const nearest = Math.round(position);
    if (Number.isInteger(position) || !channelStatus().open || !paintBetween()) paintFrames();
    scrubber.value = position;
    scrubber.setAttribute("aria-valuetext", `picture ${nearest + 1} of ${count()}`);
    where.textContent = `${nearest + 1} / ${count()}`;
    for (const { tiles, bars } of rows) {
      tiles.forEach((tile, i) => {
        tile.classList.toggle("here", i === nearest);
        tile.tabIndex = i === nearest ? 0 : -1;
      });
      bars.forEach((bar, i) => bar.classList.toggle("here", i === Math.floor(position)));
    }
    map.move(position);
  };

  const goTo = (to) => {
    position = Math.max(0, Math.min(to, count() - 1));
    show();
  };

  const setPlaying = (now) => {
    playing = now;
    play.textContent = playing ? "❚❚ Pause" : "▶ Play";
    if (!playing) return;
    if (!loop.checked && position >= count() - 1) position = 0;
    direction = position >= count() - 1 ? -1 : 1;
    last = performance.now();
    requestAnimationFrame(advance);
  };

  const advance = (now) => {
    if (!playing || ended.aborted) return;
    const to = position + (direction * speed.value * Math.max(0, now - last)) / STEP;
    last = now;
    if (to > count() - 1 || to < 0) {
      if (!loop.checked) {
        goTo(to);
        setPlaying(false);
        return;
      }
      direction = -direction;
    }
    goTo(to);
    requestAnimationFrame(advance);
  };

  play.onclick = () => setPlaying(!playing);
  scrubber.oninput = () => {
    setPlaying(false);
    goTo(scrubber.valueAsNumber);
  };
  const byKey = (event) => {
    const to = {
      ArrowLeft: Math.ceil(position) - 1, ArrowDown: Math.ceil(position) - 1,
      ArrowRight: Math.floor(position) + 1, ArrowUp: Math.floor(position) + 1,
      Home: 0, End: count() - 1,
    }[event.key];
    if (to === undefined) return false;
    event.preventDefault();
    setPlaying(false);
    goTo(to);
    return true;
  };
  scrubber.onkeydown = (event) => void byKey(event); // a handler's false would hold Tab back

  const makeTile = (walk, frame, i) => {
    const canvas = element("canvas");
    paint(canvas, frame);
    const key = data.stops.indexOf(i);
    const tile = element("button", {
      type: "button",
      "data-testid": `walk-${walk.id}-${i}`,
      "data-focus": `${walk.id} ${i}`,
      "aria-label": `${walk.name}, picture ${i + 1}${key < 0 ? "" : `, key ${key + 1}`}`,
    }, canvas);
    tile.classList.toggle("key", key >= 0);
    tile.onclick = () => {
      setPlaying(false);
      goTo(i);
    };
    return tile;
  };

  const makeBar = (length, longest, i) => {
    const bar = element("i", { title: `From picture ${i + 1} to ${i + 2}: ${length.toFixed(2)}` });
    bar.style.height = `${Math.max(1, (TALLEST * length) / longest)}px`;
    return bar;
  };

  const makeRow = (walk, row, longest) => {
    const big = element("canvas", {
      role: "img", "aria-label": `${walk.name}, where the walk is now`, "data-testid": `walk-${walk.id}-big`,
    });
    const open = element("button", {
      type: "button", "data-testid": `walk-${walk.id}-open`, "data-focus": `${walk.id} open`,
      title: "Go on from this very picture",
    }, "Open in Explore");
    const frames = walk.pixels ? split(fromBase64(walk.pixels), walk.z.length) : [];
    const tiles = frames.map((frame, i) => makeTile(walk, frame, i));
    const bars = walk.lengths.map((length, i) => makeBar(length, longest, i));
    const strip = element("div", { class: "strip", role: "group", "aria-label": `${walk.name}, all pictures` }, ...tiles);
    strip.onkeydown = (event) => {
      if (byKey(event)) tiles[Math.round(position)].focus();
    };
    const facts = frames.length
      ? [element("span", { class: "fact", title: "How far the picture travels on the whole walk: Euclidean distance of pixels" },
          "length ", element("strong", { "data-testid": `walk-${walk.id}-length` }, walk.total.toFixed(1))),
        element("span", { class: "fact", title: "How much the steps differ: their standard deviation over their mean. 0% is perfectly smooth." },
          "unevenness ", element("strong", {}, `${Math.round(100 * walk.unevenness)}%`))]
      : [element("span", { class: "fact" }, "being found …")];
    const body = element("section", { class: "body" },
      element("header", {}, element("h4", {}, element("span", { class: "swatch" }), walk.name),
        ...facts, element("p", {}, walk.explanation)),
      strip, element("div", { class: "bars", "aria-hidden": "true" }, ...bars));
    const figure = element("figure", { class: "big" },
      element("figcaption", {}, walk.name), big, open);
    for (const part of [body, figure]) {
      part.style.setProperty("--row", row);
      part.style.setProperty("--colour", LOOKS[walk.id].colour);
    }
    figure.classList.toggle("waiting", !frames.length);
    open.disabled = !frames.length;
    open.onclick = () => {
      const at = rows.findIndex((made) => made.walk === walk);
      setTriggerValue("open", { z: points()[at], checkpoint: data.live.checkpoint });
    };
    return { walk, big, frames, tiles, bars, parts: [figure, body] };
  };

  const build = () => {
    const longest = Math.max(...data.walks.flatMap(({ lengths }) => lengths), 1e-6);
    const made = data.walks.map((walk, i) => makeRow(walk, i + 1, longest));
    strips.style.setProperty("--count", count());
    scrubber.max = count() - 1;
    keepFocus(root, () => walks.replaceChildren(...made.flatMap(({ parts }) => parts)), "scrubber");
    rows = made.filter(({ frames }) => frames.length);
    map.place(data.map, rows.map(({ walk }) => ({ xy: walk.xy, ...LOOKS[walk.id] })), data.stops);
  };

  root.append(strips);
  listen("status", () => data && show());
  setPlaying(false);

  return (args) => {
    ({ data, setTriggerValue } = args);
    const wanted = JSON.stringify([data.walks, data.stops, data.map]);
    if (wanted === built) return;
    built = wanted;
    // A dot of the old walk says nothing of the new one; the geodesic that is just found is no other.
    const keys = JSON.stringify([data.stops, data.stops.map((stop) => data.walks[0].z[stop])]);
    if (keys !== place) {
      setPlaying(false);
      position = 0;
    }
    place = keys;
    build();
    show();
    if (begun) return;
    begun = true;
    if (!still.matches) setPlaying(true); // once through, so that the page explains itself
  };
});

const split = (pixels, count) => {
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, i) => pixels.subarray(i * size, (i + 1) * size));
};
