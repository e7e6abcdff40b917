"""What a person costs the server: memory and CPU of pages that are opened and of pages that rest.

python benchmarks/sessions.py

Each page is a browser of its own, with a session of its own, that opens Explore and then Repair.
Memory is the resident set of the server's process. The first page makes the server load what all
share; the others show what one more costs.
"""

import time

import psutil
from driver import Server, chromium, report
from playwright.sync_api import Browser, Page

PAGES, REST = 8, 20  # pages in all; s in which nobody touches them
READY = 120_000  # ms


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_context().new_page()
    page.goto(url)
    page.get_by_test_id("live-latency").get_by_text("live").wait_for(timeout=READY)
    page.get_by_role("link", name="Repair").click()
    page.get_by_test_id("repair-answer-0").wait_for(timeout=READY)
    return page


def main() -> None:
    rows: list[dict[str, object]] = []
    with Server() as server, chromium() as browser:
        assert server.process
        process = psutil.Process(server.process.pid)

        def row(what: str, pages: int, seconds: float, cpu: float) -> None:
            used = process.memory_info().rss / 2**20
            rows.append({"what": what, "pages": pages, "MB": used, "CPU s": cpu, "s": seconds})

        def cpu() -> float:
            return process.cpu_times().user + process.cpu_times().system

        time.sleep(REST)  # the default model is brought into memory meanwhile
        row("started", 0, REST, cpu())
        for count, what in ((1, "first page"), (PAGES, f"{PAGES - 1} more")):
            before, start = cpu(), time.monotonic()
            while len(browser.contexts) < count:
                opened(browser, server.url)
            row(what, count, time.monotonic() - start, cpu() - before)
        before = cpu()
        time.sleep(REST)
        row("at rest", PAGES, REST, cpu() - before)
    first, all_ = (float(str(rows[n]["MB"])) for n in (1, 2))
    report(rows, mb_per_further_page=(all_ - first) / (PAGES - 1))


if __name__ == "__main__":
    main()
