"""The theme's colours can be told from their ground, in WCAG 2.2's sense (1.4.3 and 1.4.11)."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
STYLES = ROOT / "explorer" / "components"
GROUND = {"light": "#ffffff", "dark": "#161513"}  # Streamlit's own
TEXT = {"light": CONFIG["theme"]["light"]["textColor"], "dark": "#fafaf9"}
CAPTION = 0.6  # of the text's colour, the rest is the ground's
Colour = tuple[float, float, float]


def rgb(colour: str) -> Colour:
    full = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    r, g, b = (int(full[n : n + 2], 16) for n in (1, 3, 5))
    return r, g, b


def mixed(colour: str, ground: str, share: float) -> Colour:
    a, b = rgb(colour), rgb(ground)
    r, g, b = (share * x + (1 - share) * y for x, y in zip(a, b, strict=True))
    return r, g, b


def luminance(colour: Colour) -> float:
    linear = [
        v / 12.92 if (v := level / 255) <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for level in colour
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Colour, b: Colour) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(rgb("#000"), rgb("#fff")) == pytest.approx(21)
    assert contrast(rgb("#767676"), rgb("#fff")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_rings_and_tracks_stand_out(theme: str) -> None:
    ground, primary = GROUND[theme], CONFIG["theme"][theme]["primaryColor"]
    assert contrast(rgb(primary), rgb(ground)) >= 4.5, "a word in the primary colour"
    # A chosen option's word lies on a tenth of its own colour.
    assert contrast(rgb(primary), mixed(primary, ground, 0.1)) >= 4.5
    assert contrast(mixed(TEXT[theme], ground, CAPTION), rgb(ground)) >= 4.5, "captions"
    assert contrast(rgb(ground), rgb(primary)) >= 4.5, "our words on the primary colour"
    assert contrast(mixed(TEXT[theme], ground, 0.5), rgb(ground)) >= 3, "a slider's track"
    assert contrast(mixed(TEXT[theme], ground, 0.6), rgb(ground)) >= 3, "the rim of a dot"


@pytest.mark.parametrize("file", ["typicality/typicality.css", "decoded_image/decoded_image.css"])
def test_verdicts_bear_white_words_on_either_ground(file: str) -> None:
    style = (STYLES / file).read_text(encoding="utf-8")
    verdicts = set(re.findall(r"(?:--verdict|background): (#[0-9a-f]{6})\b", style))
    assert verdicts
    for colour in verdicts:
        assert contrast(rgb(colour), rgb("#fff")) >= 4.5, colour
        assert all(contrast(rgb(colour), rgb(ground)) >= 3 for ground in GROUND.values()), colour


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_buttons_bear_their_words(theme: str) -> None:
    style = (ROOT / "explorer" / "page.css").read_text(encoding="utf-8")
    assert "rgb(from currentColor calc(255 - r) calc(255 - g) calc(255 - b))" in style
    r, g, b = rgb(TEXT[theme])
    opposite = (255 - r, 255 - g, 255 - b)
    assert contrast(opposite, rgb(CONFIG["theme"][theme]["primaryColor"])) >= 4.5, "primary"
    match = re.search(r"light-dark\((#\w+), (#\w+)\)", style)
    assert match
    pressed = match[("light", "dark").index(theme) + 1]
    assert contrast(rgb(pressed), rgb(GROUND[theme])) >= 4.5, "a pressed word"
