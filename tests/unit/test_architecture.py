"""The shape of the house: who may import whom, and the files that must agree with each other."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from helpers.catalogue import CATALOGUE, THEMES
from helpers.kpis.spine import read_relations

ROOT = Path(__file__).parents[2]
WINGS = ["data", "kpis", "display", "pack", "mail"]
ABOVE = ["review", "check", "sweep", "sweep_backtests", "new_theme", "messages", "cli"]  # modules above the wings
MODULES = sorted((ROOT / "helpers").rglob("*.py"))
SAMPLE = sorted((ROOT / "sample").rglob("*.py"))
SPECIFIED = """
    turbo_estimate turbo_estimate_median_hours flexible_options content_appreciation content_reactions_per_1000
    first_contact_resolution sprint_on_time sprint_on_time_in_full receivables_overdue support_cost_per_customer
    delivered_value ttv_median ttv_mean ttv_reached_share ttv_rmst ttv_stage_days ttv_flow_efficiency
    ttv_paid_days_without_value inactive_customers inactive_rate newly_silent returned pac_users pac_power_share
    pac_accounts pac_breadth pac_mean pac_moves feature_adoption seat_utilisation quota_usage quota_projected
    funnel_reached funnel_step_rate funnel_conversion lead_acceptance funnel_activity_ratio win_rate
    sales_cycle_median sales_velocity new_revenue revenue_growth revenue_growth_yoy cac_sm cac_full cac_sm_quarter
    cac_full_quarter cac_payback ltv_orders ltv_margin ltv_km ltv_net ltv_cac mrr paying_customers arpa arr new_arr
    mrr_opening mrr_new mrr_reactivation mrr_expansion mrr_contraction mrr_churn mrr_fx net_new_mrr mrr_intra_period
    nrr grr nrr_quarter grr_quarter logo_churn revenue_churn logo_churn_quarter revenue_churn_quarter renewal_rate
    renewal_rate_arr arr_due_90 arr_due_180 top10_share quick_ratio sales_total okr_progress
    link_effect experiment_effect backtest_auc cash net_burn burn_multiple runway
    """  # section 11 of the specification, as far as its themes are built, and docs/cash.md


@cache
def imported_by(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("helpers", "sample")}


def wing_of(name: str) -> str:
    """The wing or ground-floor module that a name of helpers belongs to; nothing for one of the sample."""
    package, _, inside = name.partition(".")
    return inside.split(".")[0] if package == "helpers" else ""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_wings_import_only_to_their_left(path):
    wing = path.relative_to(ROOT / "helpers").parts[0]
    if wing not in WINGS:
        return
    to_the_right = WINGS[WINGS.index(wing) + 1 :] + ABOVE * (wing != "pack")
    forbidden = {name for name in imported_by(path) if wing_of(name) in to_the_right}
    assert not forbidden, f"{module_name(path)} imports {sorted(forbidden)}, which stand to its right"


def test_ground_floor_imports_no_wing():
    for path in (ROOT / "helpers").glob("*.py"):
        if path.stem not in ABOVE:
            assert not {name for name in imported_by(path) if wing_of(name) in WINGS}, path


def test_the_sample_stands_outside():
    importing = {module_name(path) for path in MODULES if any(name.startswith("sample") for name in imported_by(path))}
    assert importing == {"helpers.cli"}
    kit = {module_name(path) for path in MODULES}
    used = {name for path in SAMPLE for name in imported_by(path) if name in kit}
    assert used == {"helpers.data.canonical_tables", "helpers.errors"}


def test_no_import_circles():
    modules = {module_name(path): imported_by(path) for path in [*MODULES, *SAMPLE]}
    graph = {name: {other for other in used if other in modules} for name, used in modules.items()}
    while leaves := [name for name, used in graph.items() if not used & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert not graph, f"import circle among {sorted(graph)}"


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_is_one_notebook_one_folder_one_test(theme):
    folder = f"helpers/kpis/{theme}"
    own = [f"{folder}/{name}" for name in ("__init__.py", "cards.py", "tables.py", f"{theme}.sql")]
    for path in (f"notebooks/{theme}.ipynb", f"tests/spec/test_{theme}.py", *own):
        assert (ROOT / path).exists(), path
    assert theme in yaml.safe_load((ROOT / "params/review.yml").read_text())["themes"]


@cache
def docstrings(theme: str) -> dict[str, str]:
    """Those of the functions of a theme, by name."""
    modules = [ast.parse(path.read_text()) for path in (ROOT / "helpers/kpis" / theme).glob("*.py")]
    functions = [node for module in modules for node in module.body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_docstring(node) or "" for node in functions}


@pytest.mark.parametrize("kpi_id", CATALOGUE)
def test_every_kpi_names_a_card_that_defines_it(kpi_id):
    row = CATALOGUE[kpi_id]
    assert "Definition:" in docstrings(row.theme)[row.card], (
        f"{row.theme}.{row.card} has no Definition: in its docstring"
    )


def test_every_card_has_a_query_and_the_rows_behind_it():
    """Each with a comment that says what a row of it is."""
    relations = read_relations()
    for card in {row.card for row in CATALOGUE.values()}:
        for name in (card, f"{card}_rows"):
            assert name in relations, name
            assert relations[name].comment, name


def test_every_row_of_the_catalogue_is_told_apart():
    source = (ROOT / "helpers/catalogue.py").read_text()
    assert re.findall(r'Kpi\("(\w+)"', source) == list(CATALOGUE), "a kpi_id has two rows"
    for field in ("label", "definition"):
        words = [getattr(row, field) for row in CATALOGUE.values()]
        assert len(words) == len(set(words)), field


@pytest.mark.parametrize("kpi_id", CATALOGUE)
def test_a_definition_is_one_sentence(kpi_id):
    assert re.fullmatch(r"[A-Z0-9][^.]+\.", CATALOGUE[kpi_id].definition)


def test_the_catalogue_has_the_ids_of_the_specification():
    """Those of section 11 whose themes are built, and those that a card of it names in passing.

    A theme of one's own, of which section 11 names nothing, has whatever KPIs it likes.
    """
    named_in_passing = {"ttv_paid_without_value", "new_customers"}  # K02, K16: see DECISIONS.md
    named_in_passing |= {"silent_mrr", "silent_mrr_share", "arr_due_90_silent", "arr_due_180_silent"}  # K03 with K24
    named_in_passing |= {"lost_mrr_warned", "warning_weeks"}  # K04 with K24: see DECISIONS.md
    named_in_passing |= {"one_touch_zendesk", "one_touch_fivetran"}  # C04
    named_in_passing |= {"delivered_value_median", "delivered_value_coverage"}  # C06
    specified = {*SPECIFIED.split(), *named_in_passing}
    themes = {CATALOGUE[kpi_id].theme for kpi_id in specified}
    assert {kpi_id for kpi_id, row in CATALOGUE.items() if row.theme in themes} == specified


def locked_versions() -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^ \\;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return {name.lower(): version for name, version in pins}


def test_conda_environment_agrees_with_pyproject_and_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    plain = dict(re.fullmatch(r"([a-z]+)(?:>?=)?(.*)", line).groups() for line in environment if isinstance(line, str))
    locked = locked_versions()
    wanted = {re.match(r"[A-Za-z0-9_-]+", line)[0] for line in project["dependencies"]}
    assert plain.pop("python") == project["requires-python"].removeprefix(">=")
    plain.pop("pip")
    assert set(plain) <= wanted
    assert plain == {name: locked[name] for name in plain}
    assert {"pip": ["-r requirements.lock"]} in environment


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    wanted = {re.match(r"[A-Za-z0-9_-]+", line)[0].lower() for line in lines} - {project["name"]}
    assert wanted <= locked_versions().keys()


def test_lock_file_names_no_download_address():
    assert "://" not in (ROOT / "requirements.lock").read_text()
