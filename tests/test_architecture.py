"""The one-way rule: streamlit_app.py -> explorer -> core, and who may import what."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("explorer/**/*.py")])


def imports(file: Path) -> set[str]:
    """Dotted names of every import in a file, those inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def touches(file: Path, *packages: str) -> set[str]:
    return {
        name
        for name in imports(file)
        for package in packages
        if name == package or name.startswith(package + ".")
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_one_way(file: Path) -> None:
    inside = file.relative_to(ROOT).as_posix()
    if inside.startswith("core/"):
        assert not touches(file, "explorer", "streamlit", "plotly", "starlette")
    if inside.startswith("explorer/panels/"):
        assert not touches(file, "explorer.panels", "explorer.live", "plotly", "starlette")
    if inside.startswith("explorer/components/"):
        outside = touches(file, "explorer") - touches(file, "explorer.components")
        assert not outside | touches(file, "core", "torch", "plotly")
    if inside in (
        "explorer/live.py",
        "explorer/channel.py",
        "explorer/desks.py",
        "explorer/lanes.py",
        "explorer/origins.py",
        "explorer/frames.py",
        "explorer/figures.py",
        "explorer/model_figures.py",
        "explorer/published.py",
        "explorer/caches.py",
        "explorer/jobs.py",
        "explorer/served.py",
    ):
        assert not touches(file, "streamlit")
    assert not touches(file, "streamlit.runtime", "streamlit.web"), "Streamlit's internals"


def test_the_readme_names_every_file() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    scripts = sorted(ROOT.glob("explorer/components/**/*.js"))
    for file in [*FILES, *scripts, *ROOT.glob("benchmarks/*.py")]:
        if file.name != "__init__.py":
            assert re.search(rf"\b{re.escape(file.name)}\b", readme), f"{file} is not in the tree"
