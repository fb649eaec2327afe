"""A review that is wrong in every way that its registers can be: each problem is told with the line to change."""

import re
from contextlib import chdir
from datetime import date
from pathlib import Path

import pytest

from helpers.check import check_order
from helpers.kpis.kpi_alignment.departments import standing_warnings
from helpers.kpis.kpi_alignment.findings import findings
from helpers.params import load_review
from helpers.strict_yaml import Places
from tests.canonical import source
from tests.pack.requests import made_request

ROOT = Path(__file__).parents[2]
MISALIGNED = """\
company: Crosswise
themes: {kpi_alignment: {}}
targets:
  ttv_rmst: {2026Q3: 50}
departments:
  - name: Marketing
    kpi_ids: [mql_count, cac_full]
  - name: Sales
    kpi_ids:  # of Sales
      - new_revenue
      - lead_acceptence
      - quick_ratio
      - win_rate
  - name: Success
    kpi_ids: [turbo_estimate, lead_acceptance]
conflicts:
  - [win_rate, turbo_estimate]
  - {pair: [quick_ratio, lead_acceptance], joint: nrr}
kpis:
  mql_count:
    hypothesis: More is more
    owner: Ada
    started_on: 2025-01-01
    decision: pending
  cac_full:
    owner: Ada
  new_revenue:
    hypothesis: Sales sell
    owner: Bea
    review_on: 2027-01-01
    company_wide: true  # and for no reason
    departments: [Sales, Finance]
  bookings:
    external: true
    definition: All bookings
    direction: up
    hypothesis: Sales sell
    owner: Bea
    started_on: 2025-01-01
    review_on: 2026-06-01
    decision: keep
    company_wide: true
    override_reason: The bank asks for it
  lead_acceptance: {hypothesis: Fewer and better, owner: Cid, review_on: 2026-12-31}
  quick_ratio: {hypothesis: Grow, owner: Bea, review_on: 2026-12-31}
okrs:
  same:
    objective: Stay
    kpi_id: nrr
    baseline: 1.0
    baseline_on: 2026-01-01
    target: 1.0
    due_on: 2027-01-01
    owner: Ada
  late: {objective: Be late, kpi_id: win_rat, baseline: 1, baseline_on: 2026-01-01, target: 2, due_on: 2025-01-01}
cpis:
  turbo_estimate:
    linked_kpis: [win_rate, grrr]
  ttv_rmst: {}
"""


def line_of(text: str) -> int:
    """The line, counted from 1, of the one line that begins so."""
    (found,) = [i for i, line in enumerate(MISALIGNED.splitlines(), 1) if line.strip().startswith(text)]
    return found


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("misaligned")
    (folder / "params").mkdir()
    (folder / "params/review.yml").write_text(MISALIGNED)
    with chdir(folder):
        review = load_review(Path("params/review.yml"))
        books = source(deals="deal_id | created_at\nD1 | 2026-01-01")
        return check_order(made_request(review, books, {"period": "2026Q3"}), lambda step: None)


@pytest.mark.parametrize(
    ("line", "place", "found", "do"),
    [
        ("- lead_acceptence", "departments[1].kpi_ids[1]", "lead_acceptence is no KPI of the kit, nor is it registered",
         "did you mean 'lead_acceptance'?"),
        ("- win_rate", "departments[1].kpi_ids[3]", "Sales is held to win_rate, which is not registered",
         "add it to kpis: with hypothesis, owner and review_on"),
        ("kpi_ids: [turbo_estimate", "departments[2].kpi_ids[0]", "Success is held to turbo_estimate, which is not reg",
         "add it to kpis:"),
        ("kpi_ids:  # of Sales", "departments[1].kpi_ids", "Sales is held to 4 KPIs", "keep the 3 that matter most"),
        ("kpi_ids:  # of Sales", "departments[1].kpi_ids",
         "Marketing and Sales hand customers over and share no KPI (missing_shared)", "add one KPI to both"),
        ("kpi_ids: [turbo_estimate", "departments[2].kpi_ids",
         "Sales and Success hand customers over and share no KPI (missing_shared)", "add one KPI to both"),
        ("kpi_ids: [mql_count", "departments[0].kpi_ids[0]",
         "mql_count of Marketing works against lead_acceptance of Success (conflict)",
         "{pair: [mql_count, lead_acceptance], joint: a KPI of both}"),
        ("- [win_rate", "conflicts[0]", "win_rate of Sales works against turbo_estimate of Success (conflict)",
         "drop one of the two"),
        ("- {pair:", "conflicts[1]",
         "quick_ratio of Sales works against lead_acceptance of Success (conflict), and not both are held to the joint "
         "KPI nrr", "add nrr to the kpi_ids of Sales and of Success"),
        ("decision: pending", "kpis.mql_count.decision",
         "mql_count was to be looked at again by 2025-07-01, and nothing is decided (overdue)", "decide: keep, change"),
        ("mql_count:", "kpis.mql_count", "mql_count is no KPI of the kit", "or set external: true"),
        ("cac_full:", "kpis.cac_full",
         "cac_full is incomplete: hypothesis, review_on missing, so that it is a 15-minute KPI",
         "add hypothesis, review_on"),
        ("company_wide: true  # and", "kpis.new_revenue.company_wide",
         "new_revenue is refused as a KPI of the whole company: the sum of what was sold tells nobody what to do next",
         "set company_wide: false, or give override_reason"),
        ("departments: [Sales, F", "kpis.new_revenue.departments", "new_revenue names Finance, which is not held to it",
         "add it to the kpi_ids of Finance"),
        ("override_reason:", "kpis.bookings.override_reason", "bookings is a KPI of the whole company although",
         "take company_wide out"),
        ("review_on: 2026-06-01", "kpis.bookings.review_on",
         "bookings is looked at again only on 2026-06-01, more than a year after 2025-01-01",
         "choose a day within the year"),
        ("target: 1.0", "okrs.same.target", "same: its baseline and its target are both 1", "correct it"),
        ("late: {", "okrs.late.due_on", "late: it is due on 2025-01-01, not after its baseline of 2026-01-01",
         "correct it"),
        ("late: {", "okrs.late", "late has no owner", "add owner"),
        ("late: {", "okrs.late.kpi_id", "late is measured by win_rat, which no theme computes",
         "did you mean 'win_rate'"),
        ("linked_kpis:", "cpis.turbo_estimate.linked_kpis[1]", "turbo_estimate is linked to grrr, which is no KPI",
         "did you mean 'grr'?"),
        ("kpi_ids: [turbo_estimate", "departments[2].kpi_ids[0]",
         "Success is held to an unproven CPI, turbo_estimate (a KPI of the department): nothing proves its link to "
         "win_rate, grrr", "hold nobody to it before an experiment in params/experiments/ has"),
        ("ttv_rmst: {2026Q3", "targets.ttv_rmst",
         "nobody by name is held to an unproven CPI, ttv_rmst (a target): nothing proves its link to any KPI",
         "hold nobody to it before an experiment in params/experiments/ has"),
    ],
)  # fmt: skip
def test_each_problem_with_its_line(checked, line, place, found, do):
    where = f"params/review.yml, line {line_of(line)}: {place}"
    told = [text for text in checked.registered if text.startswith(f"{where}: ") and found in text]
    assert len(told) == 1, checked.registered
    assert do in told[0]


def test_nothing_else_is_told(checked):
    """As many as there are cases above: no problem is told twice, and none that is not there."""
    assert len(checked.registered) == len(set(checked.registered)) == 23


def test_they_are_warnings_under_a_heading_of_their_own(checked):
    sentences = {each["title"]: each["sentences"] for each in checked.told() if "sentences" in each}
    assert sentences["Departments, KPIs and objectives"] == checked.registered
    assert set(checked.registered) <= set(checked.warnings)
    assert not set(checked.registered) & set(sentences.get("Warnings", ()))
    assert checked.faults == []


def test_the_sample_tells_its_own_story():
    review = load_review(ROOT / "params/review.yml")
    told = [re.sub(r"[:;,].*", "", each.found) for each in findings(review, date(2026, 9, 30))]
    assert "Marketing and Sales hand customers over and share no KPI (missing_shared)" in told
    assert "mql_count of Marketing works against lead_acceptance of Sales (conflict)" in told
    assert "feature_adoption is incomplete" in told
    assert any(text.startswith("mql_count was to be looked at again by 2026-07-01") for text in told)
    assert "Support is held to an unproven CPI" in told
    assert standing_warnings(review.kpis) == []


# --- places in a file -------------------------------------------------------------------------------------------------


def test_places_of_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = Path("review.yml")
    file.write_text("a: 1\nkpis:\n  nrr:\n    owner: Ada\nokrs:\n  - id: x\n    due_on: 2026-01-01\n  - {id: y}\n")
    where = Places(file).where
    assert where("kpis", "nrr", "owner") == where("kpis", 0, "owner") == "review.yml, line 4: kpis.nrr.owner"
    assert where("kpis", 0, "hypothesis") == "review.yml, line 3: kpis.nrr.hypothesis"
    assert where("okrs", 0, "due_on") == "review.yml, line 7: okrs[0].due_on"
    assert where("okrs", 1) == "review.yml, line 8: okrs[1]"
    assert where("departments", 2, "name") == "review.yml: departments[2].name"


@pytest.mark.parametrize("text", ["", "a: [", "a", "\x00"])
def test_a_file_without_places(tmp_path, text):
    (tmp_path / "review.yml").write_text(text)
    assert Places(tmp_path / "review.yml").where("kpis", 0).endswith("review.yml: kpis[0]")
    assert Places(tmp_path / "none.yml").where("kpis", 0).endswith("none.yml: kpis[0]")
