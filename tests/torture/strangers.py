"""Those who have no business here: pages of other origins, and paths that lead out of the tree."""

import asyncio
import random
from itertools import product
from urllib.parse import urlsplit

from driver import Server

from tests.torture.tally import Row, Tally
from tests.torture.wire import Wire

PATH = "/live/channel/mnist-mlp-20"
REFUSED = {400, 403, 404, 414, 431}
HIDDEN = (
    b"streamlit==",
    b"import ",
    b"root:",
    b'"z_dim"',
    b"Traceback",
)  # of our files, and others'

EVIL = (
    "..", ".", "../mnist-mlp-20", "..%2fmnist-mlp-20", "%2e%2e%2fmnist-mlp-20",
    "%252e%252e%252fmnist-mlp-20", "..\\mnist-mlp-20", "..%5cmnist-mlp-20", "mnist-mlp-20%00",
    "mnist-mlp-20%00.json", "%00", "..%c0%afmnist-mlp-20", "%ff%fe", "~", "*", "mnist-*",
    "mnist-mlp-20%20", "MNIST-MLP-20", "mnist-mlp-20.", "mnist-mlp-20%2f", ".trainings", "CON",
    "%2fetc%2fpasswd", "//etc/passwd", "..%2f..%2fREADME.md", "0" * 6000, "x" * 6000, "١", "-1",
    "1e5", "__init__.py", "..%2flive.py", "%2e%2e/live.py", "%252e%252e/live.py", "..\\live.py",
    "..%5clive.py", "live.js%00", "live.js%00.py", "....//live.py", "live.js%2f..%2f..",
)  # fmt: skip
ROUTES = (
    "/live/static/{}", "/live/static/x/{}.js", "/live/static/{}.css", "/live/map/{}/pca/test.json",
    "/live/map/mnist-mlp-20/{}/test.json", "/live/map/mnist-mlp-20/pca/{}.json",
    "/live/encoded/{}/test.f32", "/live/encoded/mnist-mlp-20/{}.f32", "/live/pictures/{}/test.u8",
    "/live/pictures/mnist-mlp-20/{}.u8", "/live/shadow/{}.png", "/live/training/{}/1.map",
    "/live/training/mnist-mlp-20/{}.map", "/live/training/{}/sampled-1.png",
    "/live/training/mnist-mlp-20/{}-1.png", "/live/training/mnist-mlp-20/sampled-{}.png",
)  # fmt: skip


async def handshakes(server: Server) -> Row:
    """Origin against Host, as browsers and proxies write them, and as nobody should."""
    tally = Tally("handshakes of right and wrong origins")
    here = urlsplit(server.url).netloc
    port = urlsplit(server.url).port
    cases: list[tuple[bool, dict[str, str | None]]] = [
        (True, {}),
        (True, {"Origin": server.url.upper().replace("HTTP", "http")}),
        (True, {"Host": here.upper()}),
        (True, {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}),
        (True, {"Host": "example.org:80", "Origin": "http://example.org"}),
        (True, {"Host": "example.org", "Origin": "https://example.org"}),
        (True, {"Host": "example.org:443", "Origin": "https://example.org"}),
        (True, {"Host": "example.org.", "Origin": "https://example.org"}),
        (True, {"Origin": "https://example.org", "X-Forwarded-Host": "example.org"}),
        (True, {"Origin": "https://example.org", "X-Forwarded-Host": "example.org, inner:80"}),
        (True, {"Origin": "https://example.org:8443", "X-Forwarded-Host": "example.org:8443"}),
        (False, {"Origin": None}),
        (False, {"Origin": ""}),
        (False, {"Origin": "null"}),
        (False, {"Origin": "http://evil.example"}),
        (False, {"Origin": f"http://localhost:{port}.evil.example"}),
        (False, {"Origin": f"http://evil.example#{here}"}),
        (False, {"Origin": f"http://evil.example/{here}"}),
        (False, {"Origin": f"http://evil.example\\@{here}"}),
        (False, {"Origin": f"http://evil.example@{here}"}),
        (False, {"Origin": f"{server.url} http://evil.example"}),
        (False, {"Origin": f"{server.url}, http://evil.example"}),
        (False, {"Origin": f"{server.url}\r\nOrigin: http://evil.example"}),
        (False, {"Origin": f"file://{here}"}),
        (False, {"Origin": f"javascript://{here}"}),
        (False, {"Origin": here}),
        (False, {"Origin": "http://localhost:1"}),
        (False, {"Origin": "http://localhost"}),
        (False, {"Origin": "http://localhost:99999"}),
        (False, {"Origin": "http://["}),
        (False, {"Origin": "http://" + "x" * 5000}),
        (False, {"Origin": "http://[::1]:8501", "Host": "[::2]:8501"}),
        (False, {"Origin": "https://example.org:8443", "Host": "example.org"}),
        (False, {"Origin": "http://evil.example", "X-Forwarded-Host": "example.org"}),
        (False, {"Origin": "http://evil.example", "X-Forwarded-For": "127.0.0.1"}),
    ]
    for right, headers in cases:
        with tally.attempt(f"{headers}"):
            wire = await Wire.to(server.url)
            status, sentence = await wire.handshake(server.url, PATH, headers)
            assert status in ({101} if right else {400, 403}), (status, sentence)
            assert status != 403 or "is not this host" in sentence, sentence
            wire.drop()
    return tally.row()


async def paths(server: Server, most: int, seed: int) -> Row:
    """Every route of ours with ids and file names that are none, or `most` of them."""
    tally = Tally("ids and paths that are none")
    where = urlsplit(server.url)
    every = list(product((*ROUTES, PATH.replace("mnist-mlp-20", "{}")), EVIL))
    for route, evil in random.Random(seed).sample(every, min(most, len(every))):
        path = route.format(evil)
        with tally.attempt(f"GET {path[:120]}"):
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
            head = f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            async with asyncio.timeout(60):
                answer = await reader.read(2**22)
            writer.close()
            status = int(answer.split()[1])
            assert status in REFUSED, f"{status}: {answer[-200:]!r}"
            assert not any(word in answer for word in HIDDEN), answer[-200:]
    return tally.row()
