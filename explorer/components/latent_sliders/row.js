// One slider: name, nats, track, exact value, lock.

import { element } from "../element.js";
import { COORDINATE, commit, currentZ, setZ } from "../live.js";

const SHAPES = { open: "M8 11V7a4 4 0 0 1 7.5-2", closed: "M8 11V7a4 4 0 0 1 8 0v4" };

function lockIcon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  for (const d of [SHAPES.closed, "M5 11h14v10H5z"]) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return { svg, shackle: svg.firstChild };
}

export class Row {
  /** `axis` as explorer.components.Axis says; `setters` hold Streamlit's two callbacks. */
  constructor(axis, setters) {
    this.axis = axis;
    this.setters = setters;
    this.square = axis.vector ? axis.vector.reduce((sum, v) => sum + v * v, 0) : 1;
    this.shown = null;
    this.units = "z";
    this.build();
  }

  build() {
    const { id, low, high, median, kl } = this.axis;
    const what = this.axis.vector ? "direction" : "latent dimension";
    this.name = element("input", {
      class: "name", type: "text", maxlength: 60, "aria-label": `Name of ${what} ${id}`,
      spellcheck: "false", autocomplete: "off",
    });
    this.name.onchange = () => {
      const own = this.axis.vector ? this.axis.name : `z${id}`;
      this.name.value = this.name.value.trim() || own;
      this.tell({ name: this.name.value });
    };
    this.name.onkeydown = (event) => {
      if (event.key === "Enter") this.name.blur();
    };
    this.nats = element("span", { class: "nats" });
    this.bar = element("span", { class: "kl" });

    this.strip = element("canvas", { class: "strip", "aria-hidden": "true" });
    this.input = element("input", {
      type: "range", min: low, max: high, step: 0.01, "data-testid": `latent-slider-${id}`,
    });
    this.tick = element("span", { class: "median", title: `median ${median.toFixed(2)}` });
    this.tick.style.setProperty("--at", (median - low) / (high - low || 1));
    this.track = element("div", { class: "track" }, this.strip, this.input, this.tick);
    this.input.oninput = () => this.move(this.input.valueAsNumber);
    this.input.onchange = () => commit(this.setters.setStateValue);
    this.input.onfocus = () => this.say();
    this.input.ondblclick = () => {
      this.move(0);
      commit(this.setters.setStateValue);
    };

    this.exact = element("input", {
      class: "exact", type: "number", step: 0.01, "data-testid": `latent-value-${id}`,
    });
    this.exact.oninput = () => {
      const value = this.fromShown(this.exact.valueAsNumber);
      if (Math.abs(value) <= COORDINATE) this.move(value); // false for what is no number
    };
    this.exact.onchange = () => commit(this.setters.setStateValue);
    this.exact.onblur = () => this.write();

    const { svg, shackle } = lockIcon();
    this.shackle = shackle;
    this.lock = element("button", { class: "lock", type: "button" }, svg);
    this.lock.onclick = () => { // it shows at once: a second click is not of what Python said last
      this.axis = { ...this.axis, locked: !this.axis.locked };
      this.showLock();
      this.tell({ locked: this.axis.locked });
    };

    const head = element("div", { class: "head" }, this.name, this.nats, this.bar);
    if (kl === null) head.classList.add("no-kl");
    this.element = element("div", { class: "row" }, head, this.track, this.exact, this.lock);
  }

  /** What may change without building the row anew. */
  configure(axis, { units }, mostKl) {
    this.axis = axis;
    this.units = units;
    this.name.readOnly = !axis.renamable;
    this.name.title = axis.renamable ? "Click to rename" : "";
    if (!this.focused(this.name)) this.name.value = axis.name;
    const isDimension = !axis.vector;
    const nats = isDimension ? `${axis.kl.toFixed(2)} nats` : "";
    this.nats.textContent = nats;
    this.bar.style.setProperty("--share", (axis.kl ?? 0) / mostKl);
    this.input.setAttribute("aria-label",
      isDimension ? `latent dimension ${axis.id}, ${axis.name}, ${nats}` : axis.name);
    this.exact.setAttribute("aria-label",
      `${axis.name}, exact value in ${units === "sd" ? "standard deviations" : "units of z"}`);
    this.lock.hidden = !isDimension;
    this.showLock();
    this.shown = null; // the units may have changed
  }

  showLock() {
    const { name, locked } = this.axis;
    this.lock.setAttribute("aria-pressed", locked);
    this.lock.setAttribute("aria-label", `Lock ${name}: randomising leaves it alone`);
    this.lock.title = locked ? "Locked: randomising leaves it alone" : "Lock";
    this.shackle.setAttribute("d", locked ? SHAPES.closed : SHAPES.open);
  }

  /** Where z lies along this axis. */
  value(z) {
    const { vector, dimension, origin } = this.axis;
    if (!vector) return z[dimension];
    let dot = 0;
    for (let d = 0; d < vector.length; d++) dot += (z[d] - origin[d]) * vector[d];
    return dot / this.square;
  }

  /** z moved to `value` along this axis; all else stays, or, on a line, is what it is there. */
  at(z, value, from = this.value(z)) {
    const { vector, dimension, origin, line } = this.axis;
    const next = line ? Float32Array.from(origin) : z.slice();
    if (!vector) next[dimension] = value;
    else for (let d = 0; d < next.length; d++) next[d] += (line ? value : value - from) * vector[d];
    return next;
  }

  move(value) {
    setZ(this.at(currentZ(), value));
  }

  show(z) {
    const value = this.value(z);
    if (this.shown === value) return; // only what has moved is laid out again
    this.shown = value;
    // A thumb that already stands within half a step is left alone: it may be in the hand.
    if (Math.abs(this.input.valueAsNumber - value) > this.input.step / 2) this.input.value = value;
    const { min, max } = this.input;
    this.track.classList.toggle("beyond", value < min - 0.005 || value > Number(max) + 0.005);
    if (!this.focused(this.exact)) this.write();
    if (this.focused(this.input)) this.say();
  }

  /** The value in its units, and beyond the track's ends too; only of the slider in use. */
  say() {
    const unit = this.units === "sd" ? " standard deviations" : "";
    this.input.setAttribute("aria-valuetext", `${this.toShown(this.shown ?? 0).toFixed(2)}${unit}`);
  }

  write() {
    if (this.shown !== null) this.exact.value = this.toShown(this.shown).toFixed(2);
  }

  toShown(value) {
    return this.units === "sd" ? (value - this.axis.mean) / this.axis.sd : value;
  }

  fromShown(value) {
    return this.units === "sd" ? value * this.axis.sd + this.axis.mean : value;
  }

  focused(input) {
    return input.getRootNode().activeElement === input;
  }

  tell(change) {
    this.setters.setTriggerValue("edit", { id: this.axis.id, ...change });
  }
}
