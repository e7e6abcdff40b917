"""From starting the server to the first picture on screen: ours beside the least page there is.

python benchmarks/cold_start.py [pairs]

The other page imports torch and streamlit and shows one picture. The two take turns; the ratio
is taken pair by pair.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from driver import Server, chromium, report
from playwright.sync_api import Browser

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 5

LEAST = """
import numpy as np, streamlit as st, torch
st.image(np.asarray(torch.rand(28, 28)), width=280)
"""
DECODED = """
() => {
  const find = (root) => root.querySelector('[data-testid="decoded-image"]')
    ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const canvas = find(document);
  return canvas && canvas.getContext("2d").getImageData(0, 0, 28, 28).data.some((v, i) =>
    i % 4 === 0 && v > 0);
}
"""
LOADED = "() => [...document.images].some((i) => i.complete && i.naturalWidth > 1)"


def start_to_picture(browser: Browser, server: Server, shown: str) -> float:
    """Seconds; the browser itself is running already."""
    page = browser.new_page()
    begin = time.perf_counter()
    server.start()
    try:
        server.wait()
        page.goto(server.url, wait_until="commit")
        page.wait_for_function(shown, timeout=60_000, polling="raf")
        return time.perf_counter() - begin
    finally:
        server.stop()
        page.close()


def main() -> None:
    ours, least = [], []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        script = Path(folder) / "least.py"
        script.write_text(LEAST)
        for pair in range(PAIRS + 1):
            a = start_to_picture(browser, Server(), DECODED)
            b = start_to_picture(browser, Server(script), LOADED)
            if pair:  # the first pair fills the disk cache
                ours.append(a)
                least.append(b)
    rows = [
        {"page": name, "median s": statistics.median(s), "min s": min(s), "max s": max(s)}
        for name, s in (("explorer", ours), ("torch + streamlit + one picture", least))
    ]
    ratios = [a / b for a, b in zip(ours, least, strict=True)]
    report(rows, median_ratio=statistics.median(ratios), pairs=PAIRS)


if __name__ == "__main__":
    main()
