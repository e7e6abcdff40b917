"""A server and a Chromium on loopback, for benchmarks, screenshots and browser tests.

Importing this also puts the repository's root on the path, so that every benchmark runs as a
plain script: python benchmarks/live_drag.py
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

QUIET = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# WebGL by SwiftShader, but the page put together as without it: composing every frame through an
# emulated GPU as well would take tens of milliseconds that no real machine takes.
SOFTWARE_WEBGL = [
    "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",
]  # fmt: skip
START_TIMEOUT = 120  # s
# What a page runs first that was visited before; an empty frame has no storage.
INTRODUCED = "try { localStorage.setItem('latent-explorer:introduction', 'dismissed'); } catch {}"


class Server:
    """`streamlit run SCRIPT` in a process of its own, on a free port of loopback."""

    def __init__(
        self,
        script: Path = ROOT / "streamlit_app.py",
        port: int | None = None,
        arguments: Sequence[str] = (),
        base_path: str = "",  # as "/vae"
    ) -> None:
        self.script, self.port, self.arguments = script, port or free_port(), arguments
        self.base_path = base_path
        self.url = f"http://localhost:{self.port}{base_path}"
        self.process: subprocess.Popen[bytes] | None = None

    health = "/_stcore/health"

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "streamlit", "run", str(self.script),
            f"--server.port={self.port}", "--server.headless=true", "--server.address=localhost",
            "--browser.gatherUsageStats=false", "--server.fileWatcherType=none",
            *([f"--server.baseUrlPath={self.base_path}"] if self.base_path else []),
            *(["--", *self.arguments] if self.arguments else []),
        ]  # fmt: skip

    def start(self) -> None:
        """Returns at once; `wait` waits until it answers."""
        self.process = subprocess.Popen(
            self.command(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(self.url + self.health):
                return
            if self.process and self.process.poll() is not None:
                raise RuntimeError(f"The server ended with status {self.process.returncode}.")
            time.sleep(0.02)
        raise TimeoutError(f"The server did not answer within {START_TIMEOUT} s.")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def __enter__(self) -> "Server":
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def chromium(*, webgl: bool = True, arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """A headless Chromium: the system's, else playwright's own. `arguments`: more of its flags."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    arguments = [*QUIET, *(SOFTWARE_WEBGL if webgl else ["--disable-gpu"]), *arguments]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def report(rows: Sequence[Mapping[str, object]], **extra: object) -> None:
    """A table for people, then one JSON line for programs."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns] + [[_cell(row.get(column, "")) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    print(json.dumps({"rows": list(rows), **extra, "cpus": os.cpu_count()}))


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
