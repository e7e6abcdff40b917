"""What every figure is: no figure of the page and no column of numbers is left unexplained."""

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import explained, maps, overview, state, walks
from explorer.explained import FIGURES
from explorer.terms import TERMS

EXPLORER = Path(__file__).parent.parent.parent / "explorer"
COMPONENTS = {
    "decoded_image", "typicality", "latent_map", "latent_sliders", "repair_board", "walk_player",
    "epoch_film", "model_table", "picture_row", "picture_grid",
}  # fmt: skip
CHARTS = {"plotly_chart", "metric", "line_chart", "bar_chart", "scatter_chart", "pyplot"}
TEACHING = "learn"  # a panel whose own words are what explains its figures
LONGEST = 170  # characters: a line


def drawn() -> set[str]:
    """Which functions of the page draw a figure, as "file.function"."""
    found: set[str] = set()
    for file in EXPLORER.glob("**/*.py"):
        inside = file.relative_to(EXPLORER).with_suffix("").as_posix()
        if inside.startswith("components/") or TEACHING in inside:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "explorer.components"
            for alias in node.names
        }
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and any(
                draws(node, imported & COMPONENTS) for node in ast.walk(function)
            ):
                found.add(f"{inside}.{function.name}")
    return found


def draws(node: ast.AST, components: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in components
    return isinstance(node.func, ast.Attribute) and node.func.attr in CHARTS


def test_every_function_that_draws_has_its_explanation_and_no_other() -> None:
    told = [place for figure in FIGURES.values() for place in figure.drawn_by]
    assert sorted(told) == sorted(drawn())
    assert len(set(told)) == len(told)


def test_every_explanation_is_asked_for_beside_its_figure() -> None:
    for id, figure in FIGURES.items():
        files = {EXPLORER / f"{place.rpartition('.')[0]}.py" for place in figure.drawn_by}
        assert any(f'explained.about("{id}"' in file.read_text("utf-8") for file in files), id


def test_every_term_is_a_line_with_a_formula_and_a_source() -> None:
    used = {name for figure in FIGURES.values() for name in figure.terms}
    assert used == set(TERMS)
    for name, term in TERMS.items():
        assert 3 < len(term.line) <= LONGEST and term.line.endswith("."), name
        assert term.formula.count("{") == term.formula.count("}") and "$" not in term.formula, name
        if term.url:
            assert re.fullmatch(
                r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.\S+|jmlr\.org/\S+)", term.url
            ), name
            assert re.search(r" \d{4}, ", term.source), f"{name}: who, when, what"
        else:
            assert (EXPLORER.parent / term.source).is_file(), name


def test_nothing_that_can_be_chosen_is_left_out() -> None:
    assert set(maps.PROJECTIONS) < set(FIGURES["map"].terms)
    assert set(walks.NAMES) < set(FIGURES["walk"].terms)
    measured = set(overview.MEASURED) | {"nll", "active_units"}
    known = {"recon_mse": "mse", "frechet_prior": "frechet", "frechet_mixture": "frechet"}
    assert {known.get(key, key) for key in measured} == set(FIGURES["scores"].terms)


def opened(module: str, **session: object) -> str:
    """All the Markdown of a panel that is opened with a state given."""
    script = (
        "import importlib\n"
        "from explorer import links, state\n"
        "links.restore()\n"
        "links.restore_z()\n"
        f"importlib.import_module('explorer.panels.{module}').render()\n"
    )
    app = AppTest.from_string(script, default_timeout=60)
    for key, value in session.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    return "\n".join(element.value for element in app.markdown)


@pytest.mark.parametrize(
    ("module", "session", "figures"),
    [
        ("explore", {}, ["picture", "sliders", "map"]),
        ("repair", {}, ["repair"]),
        ("walk", {}, ["walk"]),
        ("attributes", {}, ["correlation", "directions"]),
        ("reconstruct", {}, ["reconstruct"]),
        ("models", {}, ["scores"]),
        ("models", {state.MODELS_VIEW: "Side by side"}, ["side_by_side"]),
        ("models", {state.MODELS_VIEW: "Dimensions"}, ["bars"]),
        ("models", {state.MODELS_VIEW: "Training"}, ["history"]),
    ],
)
def test_the_panels_show_them(module: str, session: dict[str, object], figures: list[str]) -> None:
    said = opened(module, **{state.CHECKPOINT: "mnist-conv-32", **session})
    for figure in figures:
        shown = [name for name in FIGURES[figure].terms if explained.text(name) in said]
        assert len(shown) >= len(FIGURES[figure].terms) - len(maps.PROJECTIONS), figure
        assert shown, figure


def test_what_a_panel_has_not_is_left_out() -> None:
    said = opened("explore", **{state.CHECKPOINT: "mnist-mlp-20"})
    assert explained.text("lda") in said and explained.text("tsne") not in said
