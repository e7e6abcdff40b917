"""Behind nginx with TLS, a base path and two servers, as docs/nginx.conf has it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from ssl import CERT_NONE, create_default_context
from urllib.request import Request, urlopen

import pytest
from driver import Server
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from core.data import load_dataset
from core.images import to_png
from tests.browser.behind_nginx import BASE_PATH, Nginx
from tests.browser.explore_page import (
    SLIDER,
    centre,
    decode,
    first_digit,
    marker,
    wait_for_pixels,
    wait_for_z,
)  # fmt: skip

Open = Callable[..., Page]
TRUSTING = create_default_context()  # the certificate is signed by nobody
TRUSTING.check_hostname, TRUSTING.verify_mode = False, CERT_NONE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """What the browser sees of two servers."""
    servers = (Server(base_path=BASE_PATH), Server(base_path=BASE_PATH))
    try:
        for each in servers:
            each.start()
        for each in servers:
            each.wait()
        with Nginx(servers, tmp_path_factory.mktemp("nginx")) as front:
            yield front
    finally:
        for each in servers:
            each.stop()


def drag(page: Page, share: float = 0.25) -> list[float]:
    """Hold a slider and move: the picture follows through wss. Where it came to rest."""
    x, y, width = centre(page)
    page.mouse.move(x, y)
    page.mouse.down()
    z = first_digit()
    for part in (0.4, 1):
        page.mouse.move(x + part * share * width, y, steps=3)
        z[SLIDER] = float(page.get_by_test_id(f"latent-slider-{SLIDER}").input_value())
        wait_for_pixels(page, decode(z))
    page.mouse.up()
    wait_for_z(page, z)
    return z


def cookie(page: Page) -> str:
    """Which of the servers this browser belongs to."""
    return next(c["value"] for c in page.context.cookies() if c["name"] == "explorer")


def test_the_page_lives_behind_tls_and_a_base_path(
    open_page: Open, server: Nginx, tmp_path: Path
) -> None:
    sockets: list[str] = []
    asked: list[str] = []
    page = open_page(
        "reconstruct",  # a deep link
        ready=False,
        before=lambda page: (
            page.on("websocket", lambda socket: sockets.append(socket.url)),
            page.on("request", lambda request: asked.append(request.url)),
        ),
    )
    seven = tmp_path / "seven.png"
    seven.write_bytes(to_png(load_dataset("mnist", "test").images[0], scale=10))
    page.get_by_text("Upload", exact=True).click()
    page.get_by_test_id("reconstruct-upload").set_input_files(seven)  # through the socket
    expect(page.get_by_text("From your picture to a digit")).to_be_visible()

    page.get_by_role("link", name="Explore").click()
    page.locator(".latent-map .marker").wait_for(state="attached")
    marker(page)  # the map is there
    drag(page)
    assert page.evaluate("location.pathname") == f"{BASE_PATH}/"
    origin = f"wss://localhost:{server.port}{BASE_PATH}"
    assert f"{origin}/live/channel/mnist-mlp-20" in sockets
    assert all(address.startswith(origin) for address in sockets)
    cookies = page.context.cookies()
    assert {"explorer", "_streamlit_xsrf"} <= {cookie["name"] for cookie in cookies}
    assert all(cookie["secure"] for cookie in cookies)

    page.get_by_role("link", name="Models").click()
    page.get_by_text("Manage", exact=True).click()
    weights = {"name": "no.safetensors", "mimeType": "application/octet-stream", "buffer": b"no"}
    with page.expect_response(lambda answer: answer.request.method == "PUT") as answer:
        page.get_by_test_id("stFileUploader").locator("input").set_input_files(weights)  # type: ignore[arg-type]
    assert answer.value.status == 204
    elsewhere = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert not elsewhere, "nothing is asked of another machine"
    # Before the test its visitor forgot everything, cookies as well, at a page of its own.
    answered = [answer for answer in server.answered() if Server.health not in answer[2]]
    assert len({port for port, _, _ in answered}) == 1, "not every request reached one server"
    assert not [what for _, status, what in answered if status >= 500]


def test_browsers_are_spread_and_each_stays(server: Nginx) -> None:
    """Each request a browser's first, and then a browser that has been told where it belongs."""

    def ask(cookie: str = "") -> tuple[str, str]:
        """The port that answered, and the cookie that came with it."""
        once = uuid.uuid4().hex  # by which this request is found in nginx's log
        request = Request(f"{server.url}/_stcore/health?{once}", headers={"Cookie": cookie})
        with urlopen(request, context=TRUSTING) as answer:
            told = [line for line in answer.headers.get_all("Set-Cookie", []) if "explorer" in line]
        return server.answerer(once), told[0].partition(";")[0] if told else ""

    homes = dict(ask() for _ in range(4))
    assert len(homes) == 2 and len(set(homes.values())) == 2
    for port, cookie in homes.items():
        assert [ask(cookie) for _ in range(4)] == [(port, "")] * 4


def test_another_origin_is_refused_through_the_proxy(server: Nginx) -> None:
    address = f"wss://localhost:{server.port}{BASE_PATH}/live/channel/mnist-mlp-20"
    own = f"https://localhost:{server.port}"
    with connect(address, origin=own, ssl=TRUSTING, open_timeout=60):  # type: ignore[arg-type]
        pass
    for other in ("https://evil.example", "https://localhost"):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(address, origin=other, ssl=TRUSTING, open_timeout=60),  # type: ignore[arg-type]
        ):
            pass
        assert refused.value.response.status_code == 403


def test_a_page_goes_on_when_its_server_ends(
    open_page: Open, server: Nginx, expected_errors: list[str]
) -> None:
    expected_errors += ["WebSocket", "502", "_stcore", "Cannot send rerun"]
    page = open_page()
    z = drag(page)
    home = cookie(page)
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    server.servers[("first", "second").index(home)].stop()
    for part in ("/_stcore/stream", "/live/channel/"):
        for _ in range(600):
            if any(part in url for url in sockets):
                break
            page.wait_for_timeout(100)
        else:
            pytest.fail(f"The page did not open {part} again.")
    wait_for_pixels(page, decode(z))
    wait_for_z(page, z)
    drag(page, -0.2)
    assert cookie(page) != home  # and stays there when the old one is back
