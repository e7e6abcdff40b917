// The digit under the pointer, painted from bytes that are there already.

import { element } from "../element.js";
import { paintInto } from "../pixels.js";

const GAP = 14; // px between pointer and picture

export class Thumbnail {
  constructor(stage) {
    this.stage = stage;
    this.canvas = element("canvas", { "data-testid": "map-thumbnail" });
    this.caption = element("span");
    this.box = element("div", { class: "tooltip" }, this.canvas, this.caption);
    this.size = [0, 0];
    stage.append(this.box);
  }

  /** `pictures` are null until they have come: the words are there before. */
  show({ index, caption, pictures, shape, at: [px, py] }) {
    if (this.shown !== index || this.waiting) {
      this.shown = index;
      this.waiting = !pictures;
      this.canvas.hidden = !pictures;
      if (pictures) {
        const [channels, height, width] = shape;
        const offset = index * channels * height * width;
        paintInto(this.canvas, { pixels: pictures, channels, height, width }, offset);
      }
      this.caption.textContent = caption;
      this.size = null;
    }
    this.box.classList.add("shown");
    this.size ??= [this.box.offsetWidth, this.box.offsetHeight];
    const [width, height] = this.size;
    const [right, bottom] = [this.stage.clientWidth, this.stage.clientHeight];
    const left = px + GAP + width > right ? px - GAP - width : px + GAP;
    const top = py - GAP - height < 0 ? py + GAP : py - GAP - height;
    this.box.style.transform =
      `translate(${Math.max(0, left)}px, ${Math.max(0, Math.min(top, bottom - height))}px)`;
  }

  hide() {
    this.shown = null;
    this.box.classList.remove("shown");
  }
}
