// Planes of bytes, as the live channel sends them, painted into a canvas pixel by pixel.

/** `pixels` holds pictures of `channels` planes; the one that begins at byte `offset` is painted. */
export function paintInto(canvas, { pixels, channels, height, width }, offset = 0) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const plane = width * height;
  const [green, blue] = channels === 1 ? [0, 0] : [plane, 2 * plane];
  for (let i = 0, from = offset; i < plane; i++, from++) {
    image.data[4 * i] = pixels[from];
    image.data[4 * i + 1] = pixels[from + green];
    image.data[4 * i + 2] = pixels[from + blue];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
