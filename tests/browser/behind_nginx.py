"""nginx with docs/nginx.conf in front of two servers, on free ports of loopback."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from driver import ROOT, Server, free_port

BASE_PATH = "/vae"
NEEDED = {"nginx": "Debian's package nginx-light", "openssl": "the package openssl"}

# docs/nginx.conf is a part of a configuration; this is the rest, with a log of who answered what.
AROUND = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format answered '$upstream_addr $status $request_method $request_uri';
    access_log {folder}/access.log answered;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Nginx:
    """`with Nginx(servers, folder) as front:` front.url is https, with the base path."""

    def __init__(self, servers: tuple[Server, Server], folder: Path) -> None:
        self.servers, self.folder = servers, folder
        self.port, self.plain_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}{BASE_PATH}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Nginx":
        for program, package in NEEDED.items():
            assert shutil.which(program), (
                f"This test runs {program}: install {package} (`make browser` does, as root)."
            )
        certificate, key = self.folder / "vae.pem", self.folder / "vae.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
             "-out", certificate, "-keyout", key],
            check=True, capture_output=True,
        )  # fmt: skip
        self._configure(certificate, key)
        self.process = subprocess.Popen(["nginx", "-c", str(self.folder / "nginx.conf")])
        for _ in range(200):
            if (self.folder / "pid").exists():
                return self
            time.sleep(0.05)
        raise TimeoutError(f"nginx did not start: {(self.folder / 'error.log').read_text()}")

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def _configure(self, certificate: Path, key: Path) -> None:
        """The file as it is in docs/, with our ports and paths in the places of its own."""
        text = (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
        ours = {
            "listen 443 ssl http2;": f"listen 127.0.0.1:{self.port} ssl http2;",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "vae.example.org": "localhost",
            "/etc/ssl/certs/vae.pem": str(certificate),
            "/etc/ssl/private/vae.key": str(key),
            "127.0.0.1:8501": f"127.0.0.1:{self.servers[0].port}",
            "127.0.0.1:8502": f"127.0.0.1:{self.servers[1].port}",
            ":8501$": f":{self.servers[0].port}$",
            ":8502$": f":{self.servers[1].port}$",
        }
        for theirs, mine in ours.items():
            assert theirs in text, f"docs/nginx.conf no longer has {theirs!r}"
            text = text.replace(theirs, mine)
        (self.folder / "site.conf").write_text(text)
        (self.folder / "nginx.conf").write_text(AROUND.format(folder=self.folder))

    def answered(self) -> list[tuple[str, int, str]]:
        """(port of the server, status, method and path) of every request that is done."""
        lines = (self.folder / "access.log").read_text().splitlines()
        found = (re.fullmatch(r"\S*:(\d+) (\d+) (.*)", line) for line in lines)
        return [(match[1], int(match[2]), match[3]) for match in found if match]

    def answerer(self, part: str) -> str:
        """The port of the server that answered the request whose path has `part`; nginx writes it
        down a moment after the answer."""
        for _ in range(200):
            if found := [port for port, _, what in self.answered() if part in what]:
                return found[0]
            time.sleep(0.05)
        raise TimeoutError(f"No request with {part} in nginx's log.")
