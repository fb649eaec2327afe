"""The tagged cell is the schema; a build injects default <- review.yml <- --set, and refuses what does not fit."""

from pathlib import Path

import nbformat
import pytest

from helpers.errors import KitError
from helpers.notebook_parameters import GIVEN, notebook_schema, theme_parameters
from helpers.params import Review

COMMON = 'period: str = "2026Q3"\nsource: str = "s.yml"\nreview: str = "r.yml"\nas_of: str | None = None\n'


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("helpers.notebook_parameters.THEMES", ("funnel", "new_revenue", "churn"))


def notebook(cell, name="funnel", tags=("parameters",)):
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell(cell, metadata={"tags": list(tags)})]
    path = Path(f"notebooks/{name}.ipynb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def resolved(sets=(), only=(), **themes):
    return theme_parameters(themes, Path("notebooks"), file=Path("params/review.yml"), only=only, sets=sets)


def faults(call, *args, **kwargs):
    with pytest.raises(KitError) as error:
        call(*args, **kwargs)
    return list(error.value.faults)


def test_schema_of_every_type():
    schema = notebook_schema(
        notebook(
            COMMON
            + """from typing import Literal  # for the annotation of skip
stages: list[str] = ["lead", "won"]
weights: dict[str, float] = {"a": 0.5}
skip: Literal["imply", "strict"] = "imply"
horizon_days: int | None = 90
lifetime: None | int | str = None
share: float = -1
is_net: bool = True
"""
        )
    )
    assert list(schema) == [
        "period", "source", "review", "as_of",
        "stages", "weights", "skip", "horizon_days", "lifetime", "share", "is_net",
    ]  # fmt: skip
    assert schema["stages"].default == ["lead", "won"]
    assert schema["share"].default == -1
    assert schema["horizon_days"].annotation == "int | None"


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("int", [3, -1], [True, 3.0, "3", None, "none"]),
        ("float", [3, 0.5], [True, "0.5", None]),
        ("PositiveInt", [1, 12], [0, -1, 1.0, None]),
        ("NonNegativeInt", [0, 3], [-1, 0.0, None]),
        ("PositiveFloat | None", [8, 0.5, None], [0, -0.5, "8"]),
        ("str", ["", "none"], [3, None, ["a"]]),
        ("bool", [True, False], [1, 0, "true"]),
        ("list[str]", [[], ["a"]], ["a", [1], {"a": 1}]),
        ("dict[str, int]", [{}, {"a": 1}], [[], {"a": "1"}, {"a": True}]),
        ("int | None", [3, None], [3.5, "x", True]),
        ("int | dict[str, int]", [3, {"a": 1}], ["3", {"a": 1.5}]),
        ("Literal['imply', 'strict']", ["imply"], ["any", None, 1]),
        ("list", [[1, "a"]], ["a"]),
    ],
)
def test_types(annotation, good, bad):
    default = repr(good[0])
    parameter = notebook_schema(notebook(COMMON + f"x: {annotation} = {default}"))["x"]
    assert [parameter.checked(value) for value in good] == good
    for value in bad:
        with pytest.raises(ValueError, match="must be"):
            parameter.checked(value)


def test_the_cell_is_not_run():
    with pytest.raises(KitError, match="line 5: x: int = print"):
        notebook_schema(notebook(COMMON + "x: int = print('ran')"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = 3", "line 5: x = 3 must be an annotated literal"),
        ("x: int", "line 5: x: int must be an annotated literal"),
        ("x: int = 3.5", "line 5: x: int = 3.5 must be int"),
        ("x: NonNegativeInt = -1", "line 5: x: NonNegativeInt = -1 must be int of 0 to 10000"),
        ("x: PositiveFloat | None = 0", "must be float above 0 | None"),
        ("x: int = 1 + y", "line 5: x: int = 1 + y must be an annotated literal"),
        ("x: date = 3", "line 5: x: date = 3 is of no known type"),
        ("x: list[date] = []", "is of no known type"),
        ("x: Literal[y] = 3", "line 5: x: Literal[y] = 3 must be an annotated literal"),
        ("import os", "line 5: import os must be an annotated literal"),
        ("x: int = (", "line 5 is not Python"),
    ],
)
def test_each_fault_of_the_cell(line, expected):
    (fault,) = faults(notebook_schema, notebook(COMMON + line))
    assert fault.startswith("notebooks/funnel.ipynb: the parameters cell, ")
    assert expected in fault


def test_all_faults_of_the_cell_at_once():
    assert len(faults(notebook_schema, notebook("x = 3\ny: int = 'a'"))) == 2 + len(GIVEN)


def test_a_notebook_without_the_cell_and_a_file_that_is_none():
    assert faults(notebook_schema, notebook("x: int = 3", tags=())) == [
        "notebooks/funnel.ipynb has 0 cells tagged 'parameters', must have one"
    ]
    Path("notebooks/broken.ipynb").write_text("{}")
    assert "is not a Jupyter notebook" in faults(notebook_schema, Path("notebooks/broken.ipynb"))[0]
    assert "cannot be read: No such file" in faults(notebook_schema, Path("notebooks/none.ipynb"))[0]


def test_default_then_review_then_set():
    notebook(COMMON + "a: int = 1\nb: int = 2\nc: int | None = 3")
    found = resolved(["funnel.c=none"], funnel={"b": 20, "c": 30})
    assert found.asked == {"funnel": {"a": 1, "b": 20, "c": None}}


def test_themes_keep_the_order_of_the_review():
    notebook(COMMON, "new_revenue")
    notebook(COMMON, "funnel")
    assert list(resolved(new_revenue={}, funnel={}).asked) == ["new_revenue", "funnel"]
    assert list(resolved(only=["funnel", "new_revenue"], new_revenue={}, funnel={}).asked) == ["new_revenue", "funnel"]


def test_other_themes_are_as_review_or_notebook_has_them():
    """The third has no notebook: that is nothing to a review without it."""
    notebook(COMMON + "a: int = 1")
    notebook(COMMON + "b: int = 1", "new_revenue")
    found = resolved(["funnel.a=2"], ["funnel"], funnel={}, new_revenue={"b": 3})
    assert (found.asked, found.others) == ({"funnel": {"a": 2}}, {"new_revenue": {"b": 3}})
    assert resolved(funnel={}).others == {"new_revenue": {"b": 1}}


def test_set_of_a_rule_is_typed():
    notebook(COMMON)
    found = resolved(["rules.grace_days=30", "rules.gross_margin=0.8", "rules.discounts=none"], funnel={})
    assert found.rules == {"grace_days": 30, "gross_margin": 0.8, "discounts": "none"}
    given = Review(company="Fine Co", themes={"funnel": {}}, rules={"fx_mode": "period_end"}).with_rules(found.rules)
    assert given.rules.model_dump(exclude_defaults=True) == {
        "fx_mode": "period_end", "grace_days": 30, "gross_margin": 0.8, "discounts": "none",
    }  # fmt: skip


def test_set_takes_values_as_yaml():
    notebook(COMMON + "stages: list[str] = []\nskip: str = ''")
    found = resolved(["funnel.stages=[mql, won]", "funnel.skip=a=b"], funnel={})
    assert found.asked == {"funnel": {"stages": ["mql", "won"], "skip": "a=b"}}


def test_all_that_does_not_fit_is_told_at_once():
    notebook(COMMON + "horizon_days: int | None = 90")
    notebook(COMMON, "new_revenue")
    sets = [
        "funnel.horizon_days=true",
        "funnel.horizon=3",
        "funel.horizon_days=3",
        "rules.grace_day=3",
        "rules.grace_days=-3",
        "horizon_days=3",
        "funnel.horizon_days=[",
        "funnel.as_of=2026-01-01",
        "new_revenues.basis=acv",
    ]
    assert faults(resolved, sets, ["funnel", "funnels"], funnel={"horizon_day": 3, "period": "x"}, new_revenues={}) == [
        "--only funnels: not a theme of this review; did you mean 'funnel'?",
        "--set funel.horizon_days is of no theme that is asked for; did you mean 'funnel'?",
        "--set horizon_days=3: must be THEME.NAME=VALUE or rules.NAME=VALUE",
        "--set funnel.horizon_days=[: '[' is not a YAML value; put quotes around a text with special characters",
        "--set new_revenues.basis is of no theme that is asked for; known: funnel, rules",
        "params/review.yml: themes.funnel.horizon_day is not known; did you mean 'horizon_days'?",
        "params/review.yml: themes.funnel.period is given by the command line of the build; take it out",
        "--set funnel.horizon_days == true, must be int | None",
        "--set funnel.horizon is not known; did you mean 'horizon_days'?",
        "--set funnel.as_of is given by the command line of the build; take it out",
        "params/review.yml: themes.new_revenues has no notebook in notebooks; did you mean 'new_revenue'?",
        "--set rules.grace_days == -3, must be greater than or equal to 0",
        "--set rules.grace_day is not known; did you mean 'grace_days'?",
    ]


def test_a_theme_without_rows_in_the_catalogue_is_told_before_any_kernel():
    notebook(COMMON, "support")
    assert faults(resolved, support={}) == [
        "params/review.yml: themes.support has no rows in helpers/catalogue.py; add one for each kpi_id of its cards"
    ]


def test_a_theme_is_a_name_and_no_path():
    notebook(COMMON)
    (fault,) = faults(resolved, **{"../notebooks/funnel": {}})
    assert "has no notebook" in fault


@pytest.mark.parametrize("value", [0, -5, 10_001])
def test_a_count_below_one_or_beyond_any_history_is_refused_before_any_kernel(value):
    schema = notebook_schema(Path(__file__).parents[2] / "notebooks/recurring_revenue.ipynb")
    with pytest.raises(ValueError, match="must be int of 1 to 10000"):
        schema["retention_months"].checked(value)
