"""From picture to digit: MNIST comes back unchanged, photographs come close, and every bad file
ends in a sentence or in the right result."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFilter

from core.data import load_dataset
from core.digits import DigitError, open_image, to_digit, to_picture
from core.images import to_uint8
from core.limits import PICTURE_BYTES
from tests.core.drawings import SEVEN, digit_of, drawing, similarity


@pytest.fixture(scope="module")
def mnist() -> np.ndarray:
    """The first 40 test digits, (40, 28, 28) uint8."""
    return to_uint8(load_dataset("mnist", "test").images[:40, 0]).numpy()


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photograph(digit: np.ndarray, seed: int, *, inverted: bool = False) -> Image.Image:
    """A digit in blue ink on yellowish ruled paper, under a shadow, off-centre, noisy, as JPEG."""
    rng = np.random.default_rng(seed)
    ink = Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC)
    cover = np.zeros((480, 640))
    top, left = rng.integers(20, 180), rng.integers(20, 340)
    cover[top : top + 280, left : left + 280] = np.asarray(ink) / 255
    paper = Image.new("RGB", (640, 480), (238, 232, 214))
    draw = ImageDraw.Draw(paper)
    for y in range(17, 480, 40):
        draw.line((0, y, 640, y), fill=(190, 205, 225), width=1)
    colour = np.asarray(paper, float)
    colour += cover[..., None] * (np.array([35, 45, 110]) - colour)
    if inverted:
        colour = 255 - colour
    shadow = np.linspace(1, rng.uniform(0.55, 0.8), 640)[None, :, None]
    colour = colour * shadow + rng.normal(0, 4, colour.shape)
    photo = Image.fromarray(colour.clip(0, 255).astype(np.uint8))
    return Image.open(io.BytesIO(encoded(photo.filter(ImageFilter.GaussianBlur(0.8)), "JPEG")))


def test_mnist_comes_back_unchanged(mnist: np.ndarray) -> None:
    for digit in mnist:
        for picture in (digit, 255 - digit):
            difference = np.abs(digit_of(Image.fromarray(picture)) - digit / 255)
            assert difference.mean() < 0.01


def test_an_enlarged_digit_comes_back(mnist: np.ndarray) -> None:
    found = [
        similarity(digit_of(Image.fromarray(d).resize((280, 280), Image.Resampling.BICUBIC)), d)
        for d in mnist
    ]
    assert np.mean(found) > 0.93 and min(found) > 0.8


@pytest.mark.parametrize("inverted", [False, True], ids=["paper", "blackboard"])
def test_photographs_come_close_where_resizing_does_not(mnist: np.ndarray, inverted: bool) -> None:
    ours, naive = [], []
    for seed, digit in enumerate(mnist[:20]):
        photo = photograph(digit, seed, inverted=inverted)
        ours.append(similarity(digit_of(photo), digit))
        small = np.asarray(photo.convert("L").resize((28, 28)), float)
        naive.append(similarity(small if inverted else 255 - small, digit))
    assert np.mean(ours) > 0.9
    assert np.mean(ours) > np.mean(naive) + 0.3


def test_shadow_and_squared_paper_leave_no_trace() -> None:
    page = drawing(30, 230, "L").resize((400, 400))
    draw = ImageDraw.Draw(page)
    for at in range(15, 400, 30):
        draw.line((0, at, 400, at + 6), fill=90, width=2)
        draw.line((at, 0, at - 6, 400), fill=90, width=2)
    shade = np.linspace(1, 0.5, 400) * np.where(np.arange(400) < 140, 1, 0.8)[:, None]
    photo = Image.fromarray(np.uint8(np.asarray(page) * shade))
    assert similarity(digit_of(photo), digit_of(SEVEN)) > 0.95


def test_a_broken_stroke_stays_and_specks_go() -> None:
    whole = SEVEN.copy()
    draw = ImageDraw.Draw(whole)
    draw.line((45, 110, 85, 110), fill=0, width=18)  # a bar of its own
    expected = digit_of(whole)
    assert similarity(expected, digit_of(SEVEN)) < 0.95, "the bar is part of the digit"
    for x, y in ((10, 12), (185, 30), (20, 180), (178, 170)):
        draw.ellipse((x, y, x + 3, y + 3), fill=0)
    assert similarity(digit_of(whole), expected) > 0.99


def test_a_tight_crop_keeps_a_digit_that_touches_the_edge() -> None:
    bounds = Image.eval(SEVEN, lambda grey: 255 - grey).getbbox()
    assert similarity(digit_of(SEVEN.crop(bounds)), digit_of(SEVEN)) > 0.95


def test_a_thin_pen_is_drawn_as_wide_as_mnist_strokes() -> None:
    page = Image.new("L", (600, 600), 255)
    ImageDraw.Draw(page).line((300, 100, 300, 500), fill=0, width=3)
    assert 2.2 < digit_of(page)[5:-5].sum(axis=1).mean() < 3


def test_placed_as_mnist_is(mnist: np.ndarray) -> None:
    for seed in range(10):
        digit = digit_of(photograph(mnist[seed], seed))
        rows, columns = np.nonzero(digit > 0.1)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(18, 23), "fits 20x20"
        y, x = np.average(np.indices(digit.shape).reshape(2, -1), axis=1, weights=digit.ravel())
        assert abs(y - 14) < 1.5 and abs(x - 14) < 1.5, "centre of mass in the middle"
        assert digit.max() == 1


def test_ink_and_ground_may_be_swapped_or_coloured() -> None:
    expected = digit_of(SEVEN)
    for image in (
        drawing(255, 0, "L"),
        drawing((20, 40, 160), (250, 240, 200), "RGB"),
        drawing((250, 230, 40), (20, 60, 30), "RGB"),
    ):
        assert similarity(digit_of(image), expected) > 0.98


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(SEVEN.convert("1"), id="1 bit"),
        pytest.param(SEVEN.convert("P"), id="palette"),
        pytest.param(SEVEN.convert("CMYK"), id="CMYK"),
        pytest.param(SEVEN.convert("LA"), id="grey with alpha"),
        pytest.param(drawing((0, 0, 0, 255), (0, 0, 0, 0), "RGBA"), id="black on transparent"),
        pytest.param(
            drawing((255, 255, 255, 255), (0, 0, 0, 0), "RGBA"), id="white on transparent"
        ),
        pytest.param(Image.fromarray(np.asarray(SEVEN).astype(np.uint16) * 257), id="16 bit"),
        pytest.param(Image.fromarray(np.asarray(SEVEN).astype(np.int32) * 257), id="32 bit"),
        pytest.param(Image.fromarray(np.asarray(SEVEN).astype(np.float32)), id="float"),
    ],
)
def test_every_mode_gives_the_same_digit(image: Image.Image) -> None:
    assert similarity(digit_of(image), digit_of(SEVEN)) > 0.97


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {"quality": 70}), ("WEBP", {}), ("BMP", {}), ("GIF", {})],
)
def test_every_format_gives_the_same_digit(kind: str, options: dict[str, object]) -> None:
    assert similarity(digit_of(encoded(SEVEN, kind, **options)), digit_of(SEVEN)) > 0.97


def test_a_16_bit_file_is_scaled_and_not_clipped() -> None:
    dim = Image.fromarray((np.asarray(SEVEN) / 255 * 30000 + 8000).astype(np.uint16))
    assert similarity(digit_of(encoded(dim)), digit_of(SEVEN)) > 0.97


def test_the_first_frame_of_an_animation_counts() -> None:
    other = drawing(0, 255, "L").rotate(90)
    data = encoded(SEVEN, "GIF", save_all=True, append_images=[other, other])
    assert similarity(digit_of(data), digit_of(SEVEN)) > 0.97


@pytest.mark.parametrize(("tag", "turn"), [(3, 180), (6, 90), (8, 270)])
def test_a_photo_is_turned_upright(tag: int, turn: int) -> None:
    """The camera stores the picture turned and says so in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = tag
    stored = SEVEN.rotate(turn, expand=True)
    data = encoded(stored, "JPEG", exif=exif, quality=95)
    assert similarity(digit_of(data), digit_of(SEVEN)) > 0.97


def test_a_broken_exif_block_is_passed_over() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(SEVEN, "JPEG", exif=exif, quality=95)
    broken = data.replace(exif.tobytes()[:8], b"Exif\0\0xx")
    assert broken != data
    assert similarity(digit_of(broken), digit_of(SEVEN)) > 0.97


def test_the_steps_tell_the_story(mnist: np.ndarray) -> None:
    found = to_digit(photograph(mnist[0], 0))
    assert len(found.steps) >= 4
    for step in found.steps:
        assert step.name and step.explanation.endswith(".")
        assert np.isfinite(step.image).all() and 0 <= step.image.min() <= step.image.max() <= 1
    np.testing.assert_array_equal(found.steps[-1].image, found.image[0, 0].numpy())


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims any size and is a few bytes long."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


GOOD = encoded(SEVEN)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"not a picture", "not a picture", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture", id="svg"),
        pytest.param(GOOD[: len(GOOD) // 2], "damaged or cut short", id="half a PNG"),
        pytest.param(encoded(SEVEN, "JPEG")[:900], "damaged or cut short", id="a third of a JPEG"),
        pytest.param(encoded(Image.new("L", (1, 1))), "too small", id="1x1"),
        pytest.param(encoded(Image.new("L", (300, 2))), "too small or too narrow", id="narrow"),
        pytest.param(encoded(Image.new("L", (200, 200), 255)), "No ink", id="white"),
        pytest.param(encoded(Image.new("L", (200, 200), 0)), "No ink", id="black"),
        pytest.param(encoded(Image.new("RGBA", (200, 200))), "No ink", id="transparent"),
        pytest.param(png_header(30_000, 30_000), "megapixels", id="30,000x30,000"),
        pytest.param(bytes(PICTURE_BYTES.most + 1), "over 20 MB", id="too many bytes"),
    ],
)
def test_a_bad_file_is_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(DigitError, match=sentence) as raised:
        to_digit(data)
    assert str(raised.value).endswith(".")


def test_a_huge_picture_is_refused_before_it_is_decoded() -> None:
    tracemalloc.start()
    with pytest.raises(DigitError):
        open_image(png_header(30_000, 30_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20, "900 MB if it were decoded"


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4])),
        elements=st.integers(0, 255),
    )
)
def test_any_picture_ends_in_a_digit_or_a_sentence(pixels: np.ndarray) -> None:
    try:
        found = to_digit(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
    except DigitError as error:
        assert str(error).endswith(".")
        return
    assert found.image.shape == (1, 1, 28, 28) and found.image.dtype == torch.float32
    assert found.image.isfinite().all() and 0 <= found.image.min() <= found.image.max() <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=6))
def test_a_damaged_file_ends_in_a_digit_or_a_sentence(at: int, noise: bytes) -> None:
    try:
        assert to_digit(GOOD[:at] + noise + GOOD[at + len(noise) :]).image.isfinite().all()
    except DigitError as error:
        assert str(error).endswith(".")


@pytest.mark.parametrize("mode", ["I;16", "LA", "RGBA", "P"])
def test_a_picture_of_the_models_size_is_taken_in_every_mode(mode: str, mnist: np.ndarray) -> None:
    """16 bits were clipped to white, and black ink on nothing was black on black."""
    ink = np.asarray(mnist[0])
    if mode == "I;16":
        image = Image.fromarray(ink.astype(np.uint16) * 257)
    else:
        image = Image.new("RGBA", (28, 28))
        image.putalpha(Image.fromarray(ink))
        image = image.convert(mode)
    found = to_picture(encoded(image), (1, 28, 28))[0, 0].numpy()
    wanted = ink / 255 if mode == "I;16" else 1 - ink / 255
    if mode == "P":  # no half-transparent ink in a palette
        found, wanted = found > 0.5, wanted > 0.5
    assert np.abs(found.astype(float) - wanted).mean() < 0.01
