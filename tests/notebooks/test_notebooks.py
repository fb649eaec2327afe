"""Notebooks are product: short, prose first, no logic, no outputs in git."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

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
    assert len(notebook.cells) <= 12
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


def test_prose_stands_above_every_output(notebook):
    codes = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and i > 3]
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
