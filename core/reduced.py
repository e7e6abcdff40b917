"""A picture with too many pixels to be handled whole, averaged down strip by strip.

A picture of 40 megapixels takes 160 MB. Whatever is done to all of it takes as much again, and a
server opens several at once; what is done to its strips takes next to nothing.
"""

from PIL import Image

STRIP = 512  # rows of the large picture that are averaged at once
SIGNED = ("LAB",)  # modes whose bytes have a sign, which an average would not know of


def reduced(image: Image.Image, long: int) -> Image.Image:
    """The mean of the pixels that fall into one, so that the long side has at most `long`; a
    smaller picture comes back as it is. `info`, which says what way is up, is kept."""
    factor = -(-max(image.size) // long)
    if factor == 1 or image.mode in SIGNED:
        return image
    mode = _averaged(image)
    width, height = (-(-side // factor) for side in image.size)
    small = Image.new(mode, (width, height))
    for top in range(0, image.height, STRIP * factor):
        bottom = min(top + STRIP * factor, image.height)
        strip = image.crop((0, top, image.width, bottom)).convert(mode)
        small.paste(strip.reduce(factor), (0, top // factor))
    small.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return small


def _averaged(image: Image.Image) -> str:
    """The mode in which a mean is one: no index of a palette, no bit, no 16 bits (Pillow averages
    8 and 32), and what is transparent by its colour is so by an alpha channel."""
    if image.mode.startswith("I;16"):
        return "I"
    if image.has_transparency_data:
        return "RGBA"
    return {"1": "L", "P": "RGB", "PA": "RGBA"}.get(image.mode, image.mode)
