"""What README.md and docs/ say is so: links, limits, the base path, that uploads touch no disk."""

import functools
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tyro
from starlette.applications import Starlette
from starlette.formparsers import MultiPartParser
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.__main__ import COMMANDS
from core.limits import LIMITS, MODEL_BYTES
from explorer import live

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_measured_figure_names_a_command_that_is_there() -> None:
    section = read("README.md").partition("## Measured")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for row in rows:
        (command,) = re.findall(r"`(benchmarks/\w+\.py)[^`]*` \|$", row)
        assert (ROOT / command).is_file()


def commands() -> list[str]:
    """What README and docs/ tell people to type, `python -m core ...` with its arguments."""
    found: list[str] = []
    for page in PAGES:
        if (
            page.name == "CONTRIBUTING.md"
        ):  # of what its examples add; test_contributing.py runs them
            continue
        text = page.read_text(encoding="utf-8")
        fences = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        inline = re.findall(
            r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        )
        lines = [line for fence in fences for line in fence.replace("\\\n", " ").splitlines()]
        found += [words for words in (*lines, *inline) if words.startswith("python -m core ")]
    return [words for words in found if len(shlex.split(words, comments=True)) > 4]


@pytest.mark.parametrize("words", commands())
def test_every_command_is_one(words: str) -> None:
    def parsed(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)  # its arguments, and nothing that it does
        def nothing(*args: object, **options: object) -> None: ...

        return nothing

    known = {name: parsed(command) for name, command in COMMANDS.items()}
    arguments = shlex.split(words, comments=True)[3:]
    tyro.extras.subcommand_cli_from_dict(known, args=arguments)  # ends the program if it is none
    for argument in arguments:
        assert "docs/" not in argument or (ROOT / argument).is_file()


def test_every_limit_is_listed_with_its_value_and_reason() -> None:
    rows = [f"| {value} | {value.what} | {value.why} |" for value in LIMITS.values()]
    wanted = "\n".join(["| at most | of | because |", "|---|---|---|", *rows])
    section = read("docs/deploy.md").partition("## Limits")[2]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert table == wanted, f"docs/deploy.md must have this table under Limits:\n\n{wanted}\n"


def test_proxy_unit_and_page_speak_of_the_same() -> None:
    conf = read("docs/nginx.conf")
    assert "location /vae/" in conf
    for text in (read("docs/explorer@.service"), read("docs/deploy.md")):
        assert re.search(r"--server\.baseUrlPath=/vae\b", text)
    (body,) = re.findall(r"client_max_body_size (\d+)m", conf)
    assert int(body) * 2**20 > MODEL_BYTES.most
    assert "maxMessageSize = 32" in read(".streamlit/config.toml")


def test_uploads_touch_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def upload(request: Request) -> PlainTextResponse:
        form = await request.form()
        content = await form["file"].read()  # type: ignore[union-attr]
        return PlainTextResponse(str(len(content)))

    def no_file(*args: object, **options: object) -> object:
        raise OSError("an upload was put into a file")

    monkeypatch.setattr(MultiPartParser, "spool_max_size", MultiPartParser.spool_max_size)
    app = Starlette(routes=[Route("/", upload, methods=["PUT"])], lifespan=live.lifespan)
    with TestClient(app) as client:
        monkeypatch.setattr(tempfile, "TemporaryFile", no_file)
        assert client.put("/", files={"file": bytes(3 * 2**20)}).text == str(3 * 2**20)
