"""How long the map takes until it is drawn, and what it sends, beside st.plotly_chart.

python benchmarks/map.py

The same points of the same model, each page visited once before so that both servers have computed
what they can. Times are the browser's own, from the start of the navigation (or from the click that
asks for all points) until the plot has all its points; bytes are what came over the network, pages,
scripts and WebSocket frames together. The browser's cache is empty at every visit.
"""

import base64
import tempfile
from pathlib import Path

from driver import ROOT, Server, chromium, report
from playwright.sync_api import Browser, Page

ALL = 70_000
TIMEOUT = 180_000  # ms

PLAIN = """
import sys
sys.path.insert(0, {root!r})
import streamlit as st
from explorer import caches, figures, map_data
@st.cache_resource
def figure(points):
    return figures.latent_map(
        map_data.places("mnist-mlp-20", "lda", points),
        map_data.encoded("mnist-mlp-20", points).labels,
        caches.classes("mnist-mlp-20"), ("LD1", "LD2"),
    )
st.plotly_chart(figure(st.query_params.get("points", "test")))
"""

DRAWN = """(wanted) => {
  const plot = document.querySelector("[data-testid=latent-map], .js-plotly-plot");
  const points = (plot?._fullData ?? []).filter(({ type }) => type === "scattergl")
    .reduce((sum, trace) => sum + (trace.x?.length ?? trace._length ?? 0), 0);
  return points >= wanted && Boolean(plot.querySelector("canvas")) && performance.now();
}"""


class Traffic:
    """Bytes that a page has received since the last look."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", lambda event: self._add(event["encodedDataLength"]))
        session.on("Network.webSocketFrameReceived", self._frame)

    def _add(self, count: float) -> None:
        self.bytes += int(count)

    def _frame(self, event: dict) -> None:
        response = event["response"]
        text = response["payloadData"]
        self._add(len(base64.b64decode(text)) if response["opcode"] == 2 else len(text))

    def take(self) -> float:
        """In megabytes."""
        taken, self.bytes = self.bytes / 1e6, 0
        return taken


def drawn(page: Page, points: int) -> float:
    """The browser's clock when all points are there, ms."""
    handle = page.wait_for_function(DRAWN, arg=points, timeout=TIMEOUT, polling="raf")
    return float(handle.json_value())


def visit(browser: Browser, url: str, *, more: bool, points: int) -> list[tuple[float, float]]:
    """(ms, MB) until the map is drawn, and until all its points are when `more` is clicked."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    traffic = Traffic(page)
    page.goto(url)
    results = [(drawn(page, points), traffic.take())]
    if more:
        page.wait_for_timeout(4000)  # what comes later is not the next step's
        traffic.take()
        start = page.evaluate("performance.now()")
        page.get_by_text("+ training").click()
        results.append((drawn(page, ALL) - start, traffic.take()))
        page.wait_for_timeout(3000)
        results.append((0.0, traffic.take()))  # the digits for the hover
    page.close()
    return results


def main() -> None:
    rows: list[dict[str, object]] = []

    def add(page: str, points: int, measured: tuple[float, float]) -> None:
        rows.append({"page": page, "points": points, "ms": measured[0], "MB": measured[1]})

    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN.format(root=str(ROOT)))
        with Server() as server:
            visit(browser, server.url, more=True, points=10_000)
            first, everything, later = visit(browser, server.url, more=True, points=10_000)
            add("Explore, from opening the page", 10_000, first)
            add("Explore, from asking for all points", ALL, everything)
            rows.append({"page": "the digits themselves, later, for the hover", "MB": later[1]})
        with Server(plain) as server:
            for points, query in ((10_000, ""), (ALL, "?points=all")):
                for attempt in range(2):
                    found = visit(browser, server.url + "/" + query, more=False, points=points)
                    if attempt:
                        add("st.plotly_chart, from opening the page", points, found[0])
    report(rows)


if __name__ == "__main__":
    main()
