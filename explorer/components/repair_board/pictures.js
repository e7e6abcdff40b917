// The pictures beside the damaged one: plain pass, repaired, uncertainty, original, each with what
// to see in it and, where the original is known, how near it comes.

import { element } from "../element.js";

const STD_SCALE = 2; // a standard deviation arrives doubled, so that 0.5, the most, fills a byte
const EXACT = 99; // dB, what an endless PSNR arrives as

// Matplotlib's inferno at nine even steps: as even to the eye as the uncertainty is.
const INFERNO = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [187, 55, 84],
  [227, 89, 51], [249, 142, 9], [248, 201, 50], [252, 255, 164],
];
const rgba = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; // as canvases hold it
const HEAT = Uint32Array.from({ length: 256 }, (_, level) => {
  const at = (level / 255) * (INFERNO.length - 1);
  const low = Math.min(Math.floor(at), INFERNO.length - 2);
  return rgba(INFERNO[low].map((c, i) => c + (at - low) * (INFERNO[low + 1][i] - c)));
});
const GREY = Uint32Array.from({ length: 256 }, (_, level) => rgba([level, level, level]));

/**
 * Paint H*W levels, or three planes of them as colours, into a canvas; where `mask` is 0 the pixel
 * stays clear. With `colours` the first plane alone is painted, each level in its colour.
 */
export function paint(canvas, levels, width, height, { colours = null, mask = null } = {}) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const plane = pixels.length;
  const colour = levels.length === 3 * plane && !colours;
  const table = colours ?? GREY;
  for (let i = 0; i < plane; i++) {
    if (mask && !mask[i]) continue;
    pixels[i] = colour
      ? 0xff000000 | (levels[i + 2 * plane] << 16) | (levels[i + plane] << 8) | levels[i]
      : table[levels[i]];
  }
  context.putImageData(image, 0, 0);
}

/** Picture p of an answer, `channels` planes. */
export const picture = ({ pixels, width, height, channels }, p) => {
  const size = channels * width * height;
  return pixels.subarray(p * size, (p + 1) * size);
};

const CAPTIONS = {
  hole: [
    "The encoder takes the hole for a black part of the picture, and draws that.",
    "Only the known pixels are believed; the rest is inferred.",
  ],
  noise: [
    "The encoder takes the noise for a part of the picture.",
    "Every pixel is doubted as much as its noise asks for.",
  ],
  optics: [
    "The encoder takes the blur for the thing itself.",
    "Which sharp picture looks like this once it is blurred?",
  ],
  none: [
    "Nothing is damaged: encode and decode is all there is to do.",
    "Every pixel is known, so the picture stays as it is.",
  ],
};

/** What is wrong with a picture, as the captions tell it apart. */
const damageOf = (mask, { noise, salt, blur, factor }) => {
  if (mask.includes(0)) return "hole";
  if (noise !== 0 || salt !== 0) return "noise";
  return blur > 0 || factor > 1 ? "optics" : "none";
};

export function makePictures() {
  const figure = (name, title, ...more) => {
    const canvas = element("canvas", { role: "img", "aria-label": title, "data-testid": `repair-${name}` });
    const score = element("div", { class: "score", "data-testid": `repair-${name}-score` });
    const text = element("p");
    const caption = element("figcaption", {}, element("strong", {}, title), score, text, ...more);
    return { canvas, score, text, figure: element("figure", { class: name }, canvas, caption) };
  };
  const scale = element("div", { class: "scale" }, "0", element("i"), `${1 / STD_SCALE}`);
  const views = {
    plain: figure("plain", "Plain pass"),
    mean: figure("mean", "Repaired"),
    std: figure("std", "Uncertainty", scale),
    original: figure("original", "Original"),
  };
  const { plain, mean, std, original } = views;
  let explained = "";
  std.text.textContent = "How unsure each pixel is: its standard deviation, given what is seen.";
  original.text.textContent = "What was there before. The repair never sees it.";

  return {
    figures: Object.values(views).map(({ figure: made }) => made),

    /** The first three pictures of an answer, and its scores. */
    show(answer) {
      const { width, height, facts } = answer;
      paint(plain.canvas, picture(answer, 0), width, height);
      paint(mean.canvas, picture(answer, 1), width, height);
      paint(std.canvas, picture(answer, 2), width, height, { colours: HEAT });
      [plain, mean].forEach((view, i) => {
        const better = facts.psnr && facts.psnr[i] > facts.psnr[1 - i];
        view.score.classList.toggle("better", Boolean(better));
        const parts = [];
        if (facts.psnr) parts.push(facts.psnr[i] < EXACT ? `${facts.psnr[i].toFixed(1)} dB` : "exact");
        if (facts.ssim) parts.push(`SSIM\u00a0${facts.ssim[i].toFixed(2)}`);
        view.score.textContent = parts.join(" · ");
      });
    },

    showOriginal(levels, width, height) {
      original.figure.hidden = !levels;
      if (levels) paint(original.canvas, levels, width, height);
    },

    /** What to look at depends on what is wrong. */
    explain(mask, settings) {
      const damage = damageOf(mask, settings);
      if (damage === explained) return;
      explained = damage;
      [plain.text.textContent, mean.text.textContent] = CAPTIONS[damage];
      const where = damage === "hole" ? "on the missing pixels" : "on all pixels";
      for (const view of [plain, mean]) {
        view.score.title = `PSNR ${where} and structural similarity, against the original`;
      }
    },
  };
}
