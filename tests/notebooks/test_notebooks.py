"""Notebooks are product: short, prose first, no logic, no outputs in git."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COMMON = ["period", "source", "review", "as_of"]
TYPES = {"typing": {"Literal"}, "pydantic": {"NonNegativeInt", "PositiveFloat", "PositiveInt"}}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_is_valid_and_has_no_outputs(notebook):
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(notebook))
    assert notebook.metadata.kernelspec.name == "python3"


def test_is_short(notebook):
    assert len(notebook.cells) <= 13
    assert all(len(cell.source.splitlines()) <= 10 for cell in code_cells(notebook))


def test_holds_no_logic(notebook):
    for cell in code_cells(notebook):
        tree = ast.parse(cell.source)
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda | ast.For | ast.ClassDef)]
        assert not re.search(r"\.groupby\(|\.format\(|:[,.]\d*[f%]", cell.source)


def test_starts_with_title_and_question_and_ends_with_questions(notebook):
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "?" in first.source
    assert last.cell_type == "markdown"
    assert last.source.count("?") >= 2


def test_prose_stands_above_every_output_but_what_is_told_in_short(notebook):
    assert "in_short(results)" in notebook.cells[4].source
    codes = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and i > 4]
    shown = [i for i in codes if "hide" not in notebook.cells[i].metadata.get("tags", [])]
    assert all(notebook.cells[i - 1].cell_type == "markdown" for i in shown)


def test_parameters_are_annotated_literals(notebook):
    (cell,) = tagged(notebook, "parameters")
    body = ast.parse(cell.source).body
    imports = [line for line in body if isinstance(line, ast.ImportFrom)]
    assert all({name.name for name in line.names} <= TYPES[line.module] for line in imports)
    statements = [line for line in body if line not in imports]
    assert all(isinstance(statement, ast.AnnAssign) for statement in statements)
    assert [statement.target.id for statement in statements][:4] == COMMON


def test_results_leave_in_one_output(notebook):
    assert len(tagged(notebook, "results")) == 1


def test_holds_a_trial_that_is_no_part_of_the_pack(notebook):
    (cell,) = [cell for cell in notebook.cells if cell.id == "try-this"]
    assert cell.cell_type == "code"
    assert cell.metadata.tags == ["hide"]
    assert notebook.cells.index(cell) == len(notebook.cells) - 2
    assert cell.source.startswith("# Try this: ")
    assert all(line.startswith("# ") for line in cell.source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_it_offers_to_try_runs_and_shows_other_figures(path, company, monkeypatch, capsys):
    """The cells up to the results, and each line of the trial without its #, over the company of 60 customers."""
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    parameters = next(cell for cell in cells.values() if "parameters" in cell.metadata.get("tags", []))
    monkeypatch.chdir(ROOT)
    found = {}
    exec(parameters.source, found)
    found |= {"source": str(company), **review_parameters(path.stem)}
    for name in ("open", "results"):
        exec(cells[name].source, found)
    lines = [line.removeprefix("# ") for line in cells["try-this"].source.splitlines()[1:]]
    assert lines
    for line in lines:
        if line.startswith("trial = "):
            exec(line, found)
        elif line.startswith("trial.blocks("):
            tried = eval(line, found)
            settled = replace(tried, results=found["results"])
            assert tried._repr_mimebundle_()["text/plain"] != settled._repr_mimebundle_()["text/plain"]
        elif line.startswith("quarter.rows("):
            assert len(eval(line, found))
        else:
            exec(line, found)
            assert "select" in capsys.readouterr().out


def review_parameters(theme):
    """What the review gives a theme, as a build gives it to the notebook."""
    return yaml.safe_load((ROOT / "params/review.yml").read_text())["themes"][theme] or {}
