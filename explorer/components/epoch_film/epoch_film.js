// The film of a training: what the network draws, what it makes of test images and where it
// puts them, epoch by epoch. Between two epochs the dots glide. Files are fetched as they are
// needed; a run that grows is followed until the hand goes back.

import { component } from "../component.js";
import { element } from "../element.js";
import { makeEpochMap } from "./epoch_map.js";

const STEP = 420; // ms from epoch to epoch while playing
const LONGEST = 24_000; // ms for all of them: a long training plays faster
const GLIDE = 700; // ms to the epoch that has just come
const AHEAD = 4; // epochs fetched before they are played
const MOST_PICTURES = 120; // kept decoded
const AGAIN = 2000; // ms until what did not come is asked for again
const KINDS = { sampled: "Prior samples", reconst: "Test images, each beside its reconstruction" };

export default component("epoch-film", (root, listen, ended) => {
  let data = null;
  let run = ""; // whose epochs these are
  let position = 0; // in epochs that there are, 0 to n - 1
  let following = true;
  let moving = 0; // epochs per ms; 0: it stands still
  let last = 0;
  let frames = new Map(); // "epoch:version" -> { xy, labels }, or null while it is fetched
  let pictures = new Map(); // url -> <img>, loaded or on its way

  const play = element("button", { type: "button", class: "play", "data-testid": "epoch-play" });
  const scrubber = element("input", {
    type: "range", min: 0, step: 0.01, value: 0, "aria-label": "Epoch", "data-testid": "epoch-scrubber",
  });
  const where = element("output", { "data-testid": "epoch-where", "aria-live": "off" });
  const sheets = Object.fromEntries(Object.entries(KINDS).map(([kind, caption]) => {
    const image = element("img", { alt: caption, "data-testid": `epoch-${kind}` });
    return [kind, { image, figure: element("figure", {}, image, element("figcaption", {}, caption)) }];
  }));
  const map = makeEpochMap(() => draw());
  root.append(
    element("div", { class: "controls" }, play, scrubber, where),
    element("div", { class: "stage" },
      element("div", { class: "sheets" }, sheets.sampled.figure, sheets.reconst.figure), map.figure),
  );
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  const end = () => data.epochs.length - 1;
  const nearest = () => Math.round(position);
  const address = (file, i) => {
    const [epoch, version] = data.epochs[i];
    const path = `live/training/${encodeURIComponent(data.name)}/${file(epoch)}?v=${version}`;
    return new URL(path, document.baseURI).href;
  };

  /** A while after what was asked for did not come: it is forgotten and, if it is still shown, asked
   * for again. */
  const askAgain = (forget) => setTimeout(() => {
    forget();
    if (!ended.aborted) draw();
  }, AGAIN);

  /** The codes of an epoch, or null while they are on their way. */
  const frame = (i) => {
    const key = data.epochs[i].join(":");
    if (!frames.has(key)) {
      frames.set(key, null);
      fetch(address((epoch) => `${epoch}.map`, i), { signal: ended })
        .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(answer)))
        .then((buffer) => {
          frames.set(key, map.read(buffer));
          draw();
        })
        .catch(() => askAgain(() => frames.delete(key)));
    }
    return frames.get(key);
  };

  /** The picture of an epoch, loaded or not. */
  const picture = (kind, i) => {
    const url = address((epoch) => `${kind}-${epoch}.png`, i);
    let image = pictures.get(url);
    if (!image) {
      image = new Image();
      image.onload = () => draw();
      image.onerror = () => askAgain(() => pictures.delete(url));
      image.src = url;
    }
    pictures.delete(url); // the latest used comes last
    pictures.set(url, image);
    if (pictures.size > MOST_PICTURES) pictures.delete(pictures.keys().next().value);
    return image;
  };

  const fetchAhead = () => {
    if (moving <= 0) return;
    for (let i = nearest(); i <= Math.min(nearest() + AHEAD, end()); i++) {
      frame(i);
      Object.keys(KINDS).forEach((kind) => picture(kind, i));
    }
  };

  const draw = () => {
    if (!data || !data.epochs.length) return;
    const low = Math.min(Math.floor(position), end());
    const high = Math.min(low + 1, end());
    const [from, to] = [frame(low), position > low ? frame(high) : null];
    if (from) map.paint(from, to ?? from, to ? position - low : 0);
    for (const [kind, { image }] of Object.entries(sheets)) {
      const found = picture(kind, nearest());
      // What is there stays until the other has come: no flicker.
      if (found.complete && found.naturalWidth && image.src !== found.src) {
        image.src = found.src;
        image.dataset.epoch = data.epochs[nearest()][0];
      }
    }
    const epoch = data.epochs[nearest()][0];
    scrubber.value = position;
    scrubber.setAttribute("aria-valuetext", `epoch ${epoch}`);
    where.textContent = `epoch ${epoch} of ${data.total}`;
    play.textContent = moving > 0 ? "❚❚ Pause" : "▶ Play";
    map.canvas.dataset.position = position.toFixed(2);
  };

  const advance = (now) => {
    if (!moving || ended.aborted) return;
    const next = position + moving * Math.max(0, now - last);
    last = now;
    fetchAhead();
    // Waits before an epoch whose codes have not come yet.
    const ahead = Math.min(Math.floor(position) + 1, end());
    if (frame(ahead)) position = Math.min(next, frame(Math.min(ahead + 1, end())) ? end() : ahead);
    if (position >= end()) {
      position = end();
      moving = 0;
      following = true;
    }
    draw();
    requestAnimationFrame(advance);
  };

  const move = (speed) => {
    const stood = !moving;
    moving = end() > 0 ? speed : 0;
    if (!stood || !moving) {
      draw();
      return;
    }
    last = performance.now();
    requestAnimationFrame(advance);
  };

  const goTo = (to) => {
    moving = 0;
    position = Math.max(0, Math.min(to, end()));
    following = position >= end();
    draw();
  };

  play.onclick = () => {
    if (moving) {
      moving = 0;
      draw();
      return;
    }
    if (position >= end()) position = 0;
    move(1 / Math.min(STEP, LONGEST / Math.max(1, end())));
  };
  scrubber.oninput = () => goTo(scrubber.valueAsNumber);
  scrubber.onchange = () => goTo(nearest());
  scrubber.onkeydown = (event) => {
    const to = {
      ArrowLeft: Math.ceil(position) - 1, ArrowDown: Math.ceil(position) - 1,
      ArrowRight: Math.floor(position) + 1, ArrowUp: Math.floor(position) + 1,
      Home: 0, End: end(),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    goTo(to);
  };
  const resized = new ResizeObserver(() => draw());
  resized.observe(map.canvas);
  ended.addEventListener("abort", () => resized.disconnect());

  return (args) => {
    const before = data?.epochs.length ?? 0;
    const first = run !== args.data.name || args.data.epochs.length < before;
    data = args.data;
    run = data.name;
    if (first) {
      [frames, pictures, moving, following] = [new Map(), new Map(), 0, true];
      position = Math.max(0, end());
    }
    map.dress(data.classes, data.colours);
    scrubber.max = Math.max(0, end());
    for (const control of [scrubber, play]) control.disabled = end() < 1;
    const grown = data.epochs.length > before && !first;
    if (grown && following && !moving) {
      if (still.matches) position = end();
      else {
        position = Math.max(position, end() - 1);
        move(1 / GLIDE);
      }
    }
    draw();
  };
});
