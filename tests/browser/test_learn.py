"""Learn in a real Chromium: each step follows the hand, and its ticks come by themselves."""

import re
from collections.abc import Callable

import numpy as np
import torch
from playwright.sync_api import Page, WebSocketRoute, expect

from core import load_checkpoint
from core.data import load_dataset
from core.images import to_uint8
from core.objective import kl_per_dim
from explorer import caches, state
from explorer.lessons import LESSONS, chinese, stages
from tests.browser.test_brush import PRESS

Open = Callable[..., Page]
NAME = "mnist-mlp-20"
BACK = {"key": "ArrowLeft", "altKey": True, "shiftKey": True}  # the browser's


def x() -> torch.Tensor:
    """What the panel opens on, (1, 1, 28, 28)."""
    return load_dataset("mnist", "test").images[None, state.DEFAULTS[state.LEARN_INDEX]]


def open_step(open_page: Open, step: str, **options: object) -> Page:
    page = open_page(f"learn?step={step}&model={NAME}", ready=False, **options)
    page.locator(".lesson .stage > *").first.wait_for(timeout=60_000)
    return page


def pixels(page: Page, name: str) -> np.ndarray:
    """A canvas, (28, 28) uint8."""
    values = page.get_by_test_id(name).evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(values, np.uint8).reshape(28, 28, 4)[:, :, 0]


def wait_for_pixels(page: Page, name: str, expected: torch.Tensor) -> None:
    """Until a canvas shows `expected` (1, 1, 28, 28), to one level."""
    wanted = to_uint8(expected)[0, 0].numpy().astype(int)
    for _ in range(100):
        if page.get_by_test_id(name).evaluate("c => c.width") == 28 and (
            np.abs(pixels(page, name) - wanted).max() <= 1
        ):
            return
        page.wait_for_timeout(50)
    np.testing.assert_allclose(pixels(page, name), wanted, atol=1)


def press(page: Page, name: str, key: str, times: int = 1) -> None:
    """The keyboard alone."""
    page.get_by_test_id(name).focus()
    for _ in range(times):
        page.keyboard.press(key)


def ticked(page: Page, task: str) -> None:
    expect(page.get_by_test_id(f"task-{task}")).to_have_class("done")


def test_a_code_that_is_dragged_is_decoded_and_ticked(open_page: Open) -> None:
    page, model = open_step(open_page, "compress"), load_checkpoint(NAME)
    code = model.encode(x())[0]
    wait_for_pixels(page, "lesson-decoded", model.decode(code))
    axes = stages.compress(NAME, x())["axes"]
    for axis in axes[:6]:
        code[0, axis["d"]] = axis["high"]
        press(page, f"lesson-code-{axis['d']}", "End")
    wait_for_pixels(page, "lesson-decoded", model.decode(code))
    ticked(page, "move")
    page.get_by_role("button", name="Back to the digit's own code").click()
    wait_for_pixels(page, "lesson-decoded", model.decode(model.encode(x())[0]))
    page.get_by_text("中文", exact=True).click()
    expect(page.get_by_text(chinese.WORDS["compress.title"], exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("lang=zh"))
    ticked(page, "move")
    assert page.locator(".lesson").inner_text().isascii() is False


def test_the_two_terms_follow_the_sliders(open_page: Open) -> None:
    page = open_step(open_page, "terms")
    mu, log_var = load_checkpoint(NAME).encode(x())
    own = float(kl_per_dim(mu, log_var).sum())
    expect(page.get_by_test_id("lesson-kl")).to_have_text(f"{own:.1f} nats")
    press(page, "lesson-mean", "Home")  # mu = 0
    expect(page.get_by_test_id("lesson-mean")).to_have_attribute("aria-valuetext", "× 0.00")
    nothing = float(kl_per_dim(0 * mu, log_var).sum())
    expect(page.get_by_test_id("lesson-kl")).to_have_text(f"{nothing:.1f} nats")
    press(page, "lesson-width", "Home")  # log sigma^2 = 0: the prior
    expect(page.get_by_test_id("lesson-kl")).to_have_text("0.0 nats")
    ticked(page, "empty")
    page.get_by_role("button", name="The encoder's own answer").click()
    ticked(page, "lowest")
    press(page, "lesson-beta", "End")
    expect(page.get_by_test_id("lesson-kl")).to_have_text(f"{10 * own:.1f} nats")


def test_noise_the_trick_and_repair(open_page: Open) -> None:
    """One page for all three: going on to the next step is what a learner does."""
    page = open_step(open_page, "noise")
    page.get_by_test_id("lesson-prior").click()
    ticked(page, "random")
    press(page, "lesson-vae-marker", "ArrowLeft", 3)
    ticked(page, "walk")
    told = page.locator(".lesson > [role=status]").filter(has_text="done: Walk halfway")
    expect(told).to_have_count(1)
    assert not page.get_by_test_id("lesson-vae-marker").evaluate(PRESS, BACK)
    keys = [torch.tensor([side["keys"][4]]) for side in stages.noise()["models"]]
    wait_for_pixels(page, "lesson-autoencoder", load_checkpoint(stages.AUTOENCODER).decode(keys[0]))
    page.get_by_role("button", name=re.compile("^Next: Two terms")).click()
    page.get_by_role("button", name=re.compile("^Next: The trick")).click()
    made, model = stages.trick(NAME, x()), load_checkpoint(NAME)
    code = torch.tensor([made["mu"]])
    page.get_by_test_id("lesson-epsilon").wait_for()
    expect(page.locator(".lesson .stage.terms")).to_have_count(0)  # the step before
    press(page, "lesson-epsilon", "Home")
    d = made["dimension"]
    code[0, d] -= 3 * np.exp(made["log_var"][d] / 2)
    wait_for_pixels(page, "lesson-decoded", model.decode(code))
    expect(page.get_by_test_id("lesson-derivatives")).to_contain_text("ε = −3.00")
    page.get_by_test_id("lesson-direct").click()
    ticked(page, "compare")
    page.get_by_role("button", name=re.compile("^Next: Repair")).click()
    page.get_by_test_id("lesson-hole-0").click()
    expect(page.locator(".lesson .stage.trick")).to_have_count(0)
    ticked(page, "damage")
    hole = x().clone()
    hole[..., 7:21, 7:21] = 0
    assert not page.get_by_test_id("lesson-damaged").evaluate(PRESS, BACK)
    press(page, "lesson-damaged", "ArrowUp")
    expect(page.locator(".lesson .sheet [role=status]")).to_have_text("row 14, column 15: missing")
    wait_for_pixels(page, "lesson-plain", model.decode(model.encode(hole)[0]))
    page.locator(".lesson .answers figure").first.wait_for()
    press(page, "lesson-passes", "End")
    ticked(page, "again")
    mask = hole.new_ones(hole.shape)
    mask[..., 7:21, 7:21] = 0
    posterior = caches.posterior(NAME)
    assert posterior
    mean = torch.where(mask > 0, hole, torch.sigmoid(posterior.mean_logits(hole, mask)))
    wait_for_pixels(page, "lesson-mean-picture", mean)


# A channel that opens while nobody looks at the page, then somebody does: the kinds it asks for.
LOOKED_AT_AGAIN = """async (name) => {
    const { channelTo } = await import(new URL("live/static/channel.js", document.baseURI));
    const asked = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (frame) {
        if (this.url.endsWith(name)) asked.push(new DataView(frame).getUint32(4, true));
        send.call(this, frame);
    };
    let hidden = true;
    Object.defineProperty(document, "hidden", { get: () => hidden });
    const look = () => document.dispatchEvent(new Event("visibilitychange"));
    const ended = new AbortController();
    await new Promise((done) => channelTo(name, done, ended.signal));
    const before = asked.length;
    hidden = false;
    look();
    ended.abort();
    look();
    return [before, ...asked];
}"""


def test_a_channel_to_another_model_looks_again_after_a_hidden_tab(open_page: Open) -> None:
    page = open_page("learn", ready=False)
    alive = 7  # ALIVE of channel.js
    assert page.evaluate(LOOKED_AT_AGAIN, "mnist-mlp-2") == [0, alive]


def test_answers_that_a_cut_swallowed_come_after_it(open_page: Open) -> None:
    sockets: list[WebSocketRoute] = []
    swallowed: list[object] = []
    complete = 3  # COMPLETE of channel.js
    whole = True

    def route(socket: WebSocketRoute) -> None:
        def answer(frame: str | bytes) -> None:
            if whole or not isinstance(frame, bytes) or frame[4] != complete:
                socket.send(frame)
            else:
                swallowed.append(frame)

        socket.connect_to_server().on_message(answer)
        sockets.append(socket)

    page = open_step(
        open_page, "repair",
        before=lambda page: page.route_web_socket(re.compile("live/channel"), route),
    )  # fmt: skip
    answers = page.locator(".lesson .answers")
    page.get_by_test_id("lesson-hole-0").click()
    answers.locator("figure").first.wait_for()
    expect(answers).not_to_have_class(re.compile("stale"))
    whole = False
    page.get_by_test_id("lesson-hole-1").click()
    for _ in range(200):
        if swallowed:
            break
        page.wait_for_timeout(50)
    assert swallowed
    expect(answers).to_have_class(re.compile("stale"))
    whole = True
    sockets[-1].close()
    expect(answers).not_to_have_class(re.compile("stale"))


def test_usable_at_390_px(open_page: Open) -> None:
    page = open_step(open_page, "compress&lang=zh", width=390)
    for step in LESSONS:
        name = chinese.WORDS[f"{step}.name"]
        page.get_by_role("radio", name=re.compile(f"^\\d {name}")).click()
        expect(page.get_by_text(chinese.WORDS[f"{step}.title"], exact=True)).to_be_visible()
        page.locator(f".lesson .stage.{step} canvas").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, step
