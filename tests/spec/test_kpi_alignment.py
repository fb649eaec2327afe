"""G01, G02, G03 and G05: objectives, departments that pull in one direction, and every KPI as an experiment."""

import json
from datetime import date
from functools import lru_cache
from types import SimpleNamespace

import pytest

from helpers import results
from helpers.kpis import kpi_alignment, new_revenue
from helpers.kpis.kpi_alignment.departments import OPPOSED, guard, pairs, standing_warnings
from helpers.kpis.kpi_alignment.findings import findings, held_to_cpis, is_overdue, missing_fields
from helpers.kpis.kpi_alignment.progress import progress, young_cohort
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.params import Review
from helpers.periods import Calendar
from helpers.registries import Conflict, Cpi, Department, Okr, RegisteredKpi
from tests import canonical
from tests.canonical import defaults, prepared

FASTER = {
    "id": "faster", "objective": "Be fast", "kpi_id": "ttv_mean", "baseline": 65, "baseline_on": date(2026, 1, 1),
    "target": 55, "due_on": date(2026, 7, 1), "owner": "Ada",
}  # fmt: skip
Q1 = Calendar().period("2026Q1")
Q2 = Calendar().period("2026Q2")
Q3 = Calendar().period("2026Q3")


def objective(**changed):
    return Okr(**{**FASTER, **changed})


@lru_cache
def books():
    """A prepared folder, for reviews whose figures are given."""
    return prepared(Q3.as_of_on, deals=DEALS)


def registering(period=Q1, **registers):
    """The spine of one period, of a review that registers this."""
    given = {"experiments": (), **registers}
    return Spine(books(), period, defaults(), [period], review=SimpleNamespace(**given))


def standings(period, *okrs, figures=()):
    """The rows of objectives in a period; ``figures`` are what the cards of their KPIs tell."""
    with pytest.MonkeyPatch.context() as patch:
        told = [row for row in figures if row.period == period]
        patch.setattr("helpers.kpis.kpi_alignment.cards.rows_once", lambda card, spine: told)
        return run(kpi_alignment.okr, registering(period, okrs=okrs))


def measured(value, period=Q1, *, segment=("", ""), each=None, **more):
    each = each or objective()
    asked = {"ttv_cohort": "trailing_year", "rmst_days": 120}
    figure = results.row(each.kpi_id, period, value, segment=segment, n=12, params=asked, **more)
    (row,) = standings(period, each, figures=[figure])
    return row


# --- G05: progress, pace, status --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "done", "standing"),
    [
        (61, 0.4, "at_risk"),  # (65 - 61) / 10, and 0.4 >= 0.497238 - 0.2
        (66, -0.1, "off_track"),
        (55, 1.0, "achieved"),
        (60, 0.5, "on_track"),  # 0.5 >= 0.497238
        (54, 1.1, "achieved"),
    ],
)
def test_from_65_to_55_days_by_the_end_of_the_second_quarter(value, done, standing):
    found = progress(objective(), value, date(2026, 4, 1))
    assert found.done == pytest.approx(done, abs=1e-9)
    assert found.gone == pytest.approx(90 / 181, abs=1e-9)  # 31 + 28 + 31 days of 181
    assert round(found.gone, 6) == 0.497238
    assert round(found.due_now, 6) == 60.027624  # 65 - 10 * 90 / 181
    assert found.standing == standing


def test_the_change_still_needed_per_month():
    found = progress(objective(), 61, date(2026, 4, 1))
    assert found.per_month == pytest.approx(-6 / (91 * 12 / 365))  # six days less in April, May and June: 91 days
    assert progress(objective(), 55, date(2026, 4, 1)).per_month is None
    assert progress(objective(), 61, date(2026, 7, 1)).per_month is None


@pytest.mark.parametrize(("value", "standing"), [(56, "missed"), (55, "achieved"), (70, "missed")])
def test_by_the_end_of_a_quarter_is_over_with_that_quarter(value, standing):
    """``due_on`` is the first day that is too late: the pack of 2026Q2 tells the outcome, and those after it too."""
    assert progress(objective(), value, date(2026, 7, 1)).standing == standing
    assert progress(objective(), value, date(2026, 10, 1)).standing == standing
    assert progress(objective(), value, date(2026, 10, 1)).gone == 1


@pytest.mark.parametrize(
    ("value", "done", "standing"), [(1.085, 0.5, "on_track"), (1.08, 1 / 3, "at_risk"), (1.07, 0, "off_track")]
)
def test_an_objective_that_goes_up(value, done, standing):
    grow = objective(kpi_id="nrr", baseline=1.07, target=1.10)
    found = progress(grow, value, date(2026, 4, 1))
    assert found.done == pytest.approx(done)
    assert found.standing == standing


@pytest.mark.parametrize(("behind", "standing"), [(0, "on_track"), (1, "at_risk"), (20, "at_risk"), (21, "off_track")])
def test_a_status_ends_where_the_card_says(behind, standing):
    """100 days, of which 50 are gone; the way is 100 long, so a point of it is a point of progress."""
    hundred = objective(baseline=0, target=100, due_on=date(2026, 4, 11))
    assert progress(hundred, 50 - behind, date(2026, 2, 20)).standing == standing


def test_the_row_of_an_objective():
    row = measured(61)
    assert (row.kpi_id, row.segment_by, row.segment, row.status, row.n) == ("okr_progress", "okr", "faster", "ok", 12)
    assert row.value == pytest.approx(0.4)
    told = json.loads(results.frame([row])["params"].iloc[0])
    assert (told["objective"], told["owner"], told["kpi_id"]) == ("Be fast", "Ada", "ttv_mean")
    assert (told["baseline"], told["value"], told["target"], told["standing"]) == (65, 61, 55, "at_risk")
    assert (told["baseline_on"], told["due_on"]) == ("2026-01-01", "2026-07-01")


def test_baseline_equal_to_target_is_refused():
    row = measured(61, each=objective(target=65))
    assert (row.status, row.value) == ("refused", None)
    assert row.warnings == ("faster: its baseline and its target are both 65, so there is no way to go",)


def test_an_objective_due_before_it_begins_is_refused():
    row = measured(61, each=objective(due_on=date(2026, 1, 1)))
    assert (row.status, row.value) == ("refused", None)


def test_without_a_figure_there_is_no_status():
    row = measured(None)
    assert (row.status, row.value) == ("undefined", None)
    assert "standing" not in row.params


def test_the_reason_for_no_figure_is_that_of_the_kpi():
    row = measured(None, status="refused", warnings=["no rate for CHF"])
    assert (row.status, row.warnings) == ("refused", ("no rate for CHF",))


def test_a_figure_that_is_not_final_has_progress_and_no_status():
    running = Calendar().period("2026Q1", date(2026, 2, 14))
    row = measured(60, running)
    assert (row.status, row.params["standing"]) == ("partial", None)
    assert row.value == pytest.approx(0.5)


def test_an_objective_of_a_segment_is_measured_by_it():
    upsell = objective(kpi_id="new_revenue", segment="upsell", baseline=0, target=100)
    rows = [
        results.row("new_revenue", Q1, 900),
        results.row("new_revenue", Q1, 40, segment=("source", "upsell")),
    ]
    (row,) = standings(Q1, upsell, figures=rows)
    assert row.value == pytest.approx(0.4)
    (row,) = standings(Q1, upsell, figures=rows[:1])
    assert (row.status, row.warnings) == ("undefined", ("no figure of new_revenue[upsell] in 2026Q1",))


def test_a_kpi_that_no_theme_has_is_not_provided():
    (row,) = standings(Q1, objective(kpi_id="demos"))
    assert (row.status, row.warnings) == ("not_provided", ("not provided: demos",))


def test_an_objective_that_has_not_begun_has_no_row():
    later = objective(baseline_on=date(2026, 4, 1), due_on=date(2026, 10, 1))
    assert standings(Q1, later) == []
    assert len(standings(Q2, later)) == 1


# --- G05: young cohorts -----------------------------------------------------------------------------------------------


def test_who_signs_too_late_cannot_show_the_target():
    """On 1 July, of those who signed on 7 May the last day known, 30 June, is the 54th after it."""
    assert (date(2026, 6, 30) - date(2026, 5, 7)).days == 54
    told = young_cohort(objective(kpi_id="ttv_rmst"), {"ttv_cohort": "trailing_year", "rmst_days": 120})
    assert told == (
        "customers that sign on 2026-05-07 or later cannot show 55 days by 2026-06-30: measured on those who signed in "
        "four quarters; those who wait are counted, each for 120 days at most"
    )


@pytest.mark.parametrize(
    ("kpi_id", "said"),
    [
        ("ttv_mean", "those who wait are left out, so that it looks too good"),
        ("ttv_median", "those who wait count as waiting"),
        ("nrr", ""),
        ("ttv_reached_share", ""),
    ],
)
def test_the_trap_is_told_where_it_applies(kpi_id, said):
    told = young_cohort(objective(kpi_id=kpi_id), {"ttv_cohort": "signup_quarter"})
    assert told.endswith(said)
    assert bool(told) == bool(said)
    assert ("signed in the quarter" in told) == bool(said)


def test_part_of_a_day_is_a_day():
    assert "2026-05-06" in young_cohort(objective(target=55.5), {"ttv_cohort": "trailing_year", "rmst_days": 120})


def test_the_trap_stands_beside_the_figure():
    assert "cannot show 55 days" in measured(61).warnings[0]
    assert measured(1.08, each=objective(kpi_id="nrr", baseline=1.0, target=1.1)).warnings == ()


# --- G05: the figures of other themes ---------------------------------------------------------------------------------

DEALS = """
deal_id | created_at | closed_at  | outcome | amount | term_months | deal_type
D1      | 2024-02-01 | 2024-02-10 | won     | 100    | 12          | new_logo
D2      | 2026-02-01 | 2026-02-10 | won     | 300    | 24          | new_logo
D3      | 2026-05-01 | 2026-05-10 | won     | 900    | 12          | upsell
"""
GROW = {
    "id": "grow", "objective": "Grow", "kpi_id": "new_revenue", "baseline": 100, "baseline_on": "2026-01-01",
    "target": 1100, "due_on": "2026-07-01", "owner": "Ada",
}  # fmt: skip


def opened(period=Q2, themes=None, okrs=(GROW,), **more):
    themes = {"kpi_alignment": {}} if themes is None else themes
    review = Review.model_validate({"company": "Fine Co", "themes": themes, "okrs": okrs, **more})
    return canonical.opened(period, review, deals=DEALS)


def test_an_objective_is_measured_by_the_card_of_the_kpis_own_theme():
    """acv: 300 over 24 months is 150 a year: 50 of the 1,000 to go, at the end of 2026Q1; 800 at the end of 2026Q2."""
    frame = opened().compute(kpi_alignment).frame.set_index("period")
    assert dict(frame["value"]) == pytest.approx({"2026Q1": 0.05, "2026Q2": 0.8})
    assert set(frame["kpi_id"]) == {"okr_progress"}
    told = json.loads(frame["params"]["2026Q2"])
    assert (told["value"], told["standing"]) == (900, "missed")
    assert "okrs" not in told


def test_with_the_parameters_that_the_review_gives_to_that_theme():
    """tcv: the whole 300 in 2026Q1, 200 of the 1,000 to go."""
    themes = {"kpi_alignment": {}, "new_revenue": {"basis": "tcv"}}
    frame = opened(themes=themes).compute(kpi_alignment).frame.set_index("period")
    assert frame["value"]["2026Q1"] == pytest.approx(0.2)


def test_what_is_looked_up_is_what_the_theme_computes():
    review = opened(themes={"kpi_alignment": {}, "new_revenue": {"basis": "tcv"}})
    looked_up = review.look_up("new_revenue", "revenue_growth", "demos").frame
    assert looked_up.to_csv() == review.compute(new_revenue).frame.to_csv()
    assert set(looked_up["kpi_id"]) == {"new_revenue", "revenue_growth", "revenue_growth_yoy"}


def test_a_check_measures_objectives_for_the_period_alone():
    rows, asked = opened().measure(kpi_alignment.okr)
    assert [row.value for row in rows] == [pytest.approx(0.8)]
    assert "deals" in asked.given


def test_a_kpi_that_lacks_its_data_leaves_its_objective_without_progress():
    review = opened(okrs=[{**GROW, "kpi_id": "nrr"}])
    (row,), _ = review.measure(kpi_alignment.okr)
    assert (row.status, row.warnings) == ("not_provided", ("not provided: subscriptions",))


def test_the_figures_behind_progress():
    """150 of 2026Q1 is earlier; the period's own is 900, of the way from 100 to 1,100."""
    behind = opened().rows("okr_progress")
    assert behind.to_dict("records") == [{"objective": "grow", "baseline": 100, "target": 1100, "figure": 900}]


def test_a_review_without_objectives_has_no_figures():
    assert opened(okrs=[]).compute(kpi_alignment).frame.empty


# --- G01: departments -------------------------------------------------------------------------------------------------

MARKETING = Department(name="marketing", kpi_ids=["cac", "new_revenue", "demos"])
SALES = Department(name="sales", kpi_ids=["new_revenue", "sql_to_won"])
PRODUCT = Department(name="product", kpi_ids=["paid_conversion"])


def department(name, *kpi_ids):
    return Department(name=name, kpi_ids=kpi_ids)


def conflicts_of(*departments, conflicts=()):
    return [(each.first, each.second) for pair in pairs(departments, conflicts) for each in pair.conflicts]


def test_three_departments_of_the_specification():
    first, across, second = pairs([MARKETING, SALES, PRODUCT])
    assert (first.shared, first.lacks_shared, first.conflicts) == (("new_revenue",), False, [])
    assert (across.first.name, across.second.name, across.are_neighbours) == ("marketing", "product", False)
    assert [(each.first, each.second) for each in across.conflicts] == [("demos", "paid_conversion")]
    assert not across.lacks_shared  # no neighbours, so nothing has to be shared
    assert (second.first.name, second.shared, second.lacks_shared) == ("sales", (), True)


def test_without_demos_marketing_and_product_are_no_pair():
    calm = MARKETING.model_copy(update={"kpi_ids": ("cac", "new_revenue")})
    assert [(p.first.name, p.second.name) for p in pairs([calm, SALES, PRODUCT])] == [
        ("marketing", "sales"),
        ("sales", "product"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paid_conversion", "demos"),
        ("mql_count", "lead_acceptance"),
        ("cac_full", "new_logos"),
        ("cac_sm[SMB]", "new_revenue[new_logo]"),
        ("discount_bookings", "nrr"),
        ("response_time", "first_contact_resolution"),
    ],
)
def test_pairs_that_are_opposed_everywhere(one, other):
    assert conflicts_of(department("A", one), department("B", other)) == [(one, other)]
    assert conflicts_of(department("A", other), department("B", one)) == [(other, one)]
    assert conflicts_of(department("A", one, other), department("B", "arr")) == []  # one department weighs both


def test_there_are_five_kinds_of_opposed_pairs():
    assert len(OPPOSED) == 5
    assert conflicts_of(department("A", "nrr"), department("B", "arr")) == []


def test_cheap_and_many_customers_are_no_conflict_where_their_worth_is_asked():
    assert conflicts_of(department("A", "cac_full"), department("B", "new_logos", "ltv_km")) == []
    assert conflicts_of(department("A", "cac_full", "ltv_cac"), department("B", "new_logos")) == []


def test_declared_conflicts_hold_in_either_order():
    declared = [Conflict(pair=("sprint", "uptime"))]
    assert conflicts_of(department("A", "uptime"), department("B", "sprint"), conflicts=declared) == [
        ("uptime", "sprint")
    ]


def test_a_joint_kpi_settles_a_conflict_if_both_are_held_to_it():
    joint = [Conflict(pair=("demos", "paid_conversion"), joint="nrr")]
    held = [department("A", "demos", "nrr"), department("B", "paid_conversion", "nrr")]
    assert conflicts_of(*held, conflicts=joint) == []
    assert conflicts_of(held[0], department("B", "paid_conversion"), conflicts=joint) == [("demos", "paid_conversion")]


def test_the_matrix_says_held_shared_and_opposed():
    listing = kpi_alignment.alignment_matrix(registering(departments=[MARKETING, SALES, PRODUCT], conflicts=[]))
    assert listing.rows.to_numpy().tolist() == [
        ["cac", "held", "", ""],
        ["New bookings", "shared", "shared", ""],
        ["demos", "held, opposed", "", ""],
        ["sql to won", "", "held", ""],
        ["paid conversion", "", "", "held, opposed"],
    ]


def test_the_list_of_pairs():
    listing = kpi_alignment.hand_overs(registering(departments=[MARKETING, SALES, PRODUCT], conflicts=[]))
    assert list(listing.rows["finding"]) == [
        "in line",
        "conflict: more demos to whoever asks lower the share of those who pay",
        "no shared KPI",
    ]
    assert list(listing.rows["second"]) == ["sales", "product (no neighbour)", "product"]
    assert "More than" not in listing.note


def test_no_departments_and_one_department():
    for departments in ([], [SALES]):
        listing = kpi_alignment.hand_overs(registering(departments=departments, conflicts=[]))
        assert listing.rows.empty
    assert kpi_alignment.alignment_matrix(registering(departments=[], conflicts=[])).rows.empty


def test_more_than_three_kpis_are_told():
    crowd = department("Sales", "nrr", "arr", "mrr", "grr")
    listing = kpi_alignment.hand_overs(registering(departments=[crowd, department("CS", "nrr")], conflicts=[]))
    assert listing.note.endswith("More than 3 KPIs each: Sales.")


# --- G02: the sum of sales --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kpi",
    [
        {"kpi_id": "sales_total"},
        {"kpi_id": "new_revenue"},
        {"kpi_id": "revenue"},
        {"kpi_id": "bookings"},
        {"kpi_id": "quota_attainment"},
        {"kpi_id": "topline", "definition": "Gross revenue of the quarter"},
        {"kpi_id": "growth", "definition": "Total  Sales against last year"},
        {"kpi_id": "result", "definition": "Revenue of the company"},
    ],
)
def test_gross_revenue_is_refused_as_a_kpi_of_the_whole_company(kpi):
    assert guard(RegisteredKpi(**kpi, company_wide=True)) == "refused"
    assert guard(RegisteredKpi(**kpi)) == "allowed"
    assert guard(RegisteredKpi(**kpi, company_wide=True, override_reason="  ")) == "refused"
    assert guard(RegisteredKpi(**kpi, company_wide=True, override_reason="The bank asks for it")) == "overridden"


@pytest.mark.parametrize(
    "kpi",
    [
        {"kpi_id": "mrr"},
        {"kpi_id": "arr"},
        {"kpi_id": "nrr"},
        {"kpi_id": "quota_usage"},  # of a product, not of a salesperson
        {"kpi_id": "revenue_churn"},
        {"kpi_id": "sales_cycle_days", "definition": "Days from the first call to the order"},
        {"kpi_id": "revenue_by_source", "definition": "Bookings by source, none of them summed"},
        {"kpi_id": "subscriptions", "definition": "All recurring revenue of the last month"},
        {"kpi_id": "worth", "definition": "Total revenue per customer"},
    ],
)
def test_recurring_revenue_retention_and_sources_are_allowed(kpi):
    assert guard(RegisteredKpi(**kpi, company_wide=True)) == "allowed"


def test_a_refusal_gives_the_reasons_and_an_override_stands_in_every_pack():
    kpis = [
        RegisteredKpi(kpi_id="nrr", company_wide=True),
        RegisteredKpi(kpi_id="sales_total", company_wide=True),
        RegisteredKpi(kpi_id="bookings", company_wide=True, override_reason="The bank asks for it."),
    ]
    refused, overridden = standing_warnings(kpis)
    for reason in ("price increase", "discounts", "services", "one large customer"):
        assert reason in refused
        assert reason in overridden
    assert refused.startswith("sales_total is refused")
    assert overridden.endswith("The reason given: The bank asks for it.")


# --- G03: every KPI is an experiment ----------------------------------------------------------------------------------

COMPLETE = {"hypothesis": "Who uses more stays", "owner": "Ada", "started_on": date(2026, 1, 1)}


def registered(**changed):
    return RegisteredKpi(**{"kpi_id": "nrr", **COMPLETE, **changed})


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, []),
        ({"hypothesis": " "}, ["hypothesis"]),
        ({"owner": ""}, ["owner"]),
        ({"started_on": None}, ["review_on"]),
        ({"started_on": None, "review_on": date(2026, 6, 1)}, []),
        ({"external": True, "kpi_id": "demos"}, ["direction", "definition"]),
        ({"external": True, "kpi_id": "demos", "direction": "up", "definition": "Demos held"}, []),
    ],
)
def test_what_makes_a_kpi_incomplete(changed, missing):
    assert missing_fields(registered(**changed)) == missing


def test_a_kpi_is_looked_at_again_after_two_quarters():
    assert registered().due_for_review == date(2026, 7, 1)
    assert registered(review_on=date(2026, 3, 1)).due_for_review == date(2026, 3, 1)
    assert registered(started_on=date(2025, 8, 31)).due_for_review == date(2026, 2, 28)


@pytest.mark.parametrize(
    ("on", "decision", "overdue"),
    [
        (date(2026, 6, 30), "pending", False),
        (date(2026, 7, 1), "pending", True),
        (date(2026, 9, 30), "keep", False),
        (date(2026, 9, 30), "drop", False),
    ],
)
def test_overdue_on_the_day_of_its_review_unless_decided(on, decision, overdue):
    assert is_overdue(registered(decision=decision), on) == overdue


def test_the_register_tells_what_is_open():
    kpis = [
        registered(),
        registered(kpi_id="mql_count", hypothesis="", owner="", review_on=date(2026, 12, 1)),
        registered(kpi_id="sales_total", company_wide=True, decision="keep"),
        registered(kpi_id="arr", definition_version=2, decision="keep"),
    ]
    listing = kpi_alignment.kpi_register(registering(Q3, kpis=kpis))
    assert list(listing.rows["finding"].fillna("")) == [
        "overdue",
        "incomplete: hypothesis, owner missing; 15-minute KPI: chosen without a hypothesis",
        "refused as a KPI of the whole company",
        "",
    ]
    assert listing.rows["kpi"].iloc[3] == "Annual recurring revenue (ARR), version 2"
    assert kpi_alignment.kpi_register(registering(Q3, kpis=[])).rows.empty


def test_the_version_of_a_definition_is_in_its_results():
    review = opened(okrs=[], kpis=[{"kpi_id": "new_revenue", "definition_version": 3}])
    assert set(review.look_up("new_revenue").frame["definition_version"]) == {"3"}
    assert set(review.look_up("revenue_growth").frame["definition_version"]) == {"1"}


# --- C07: held to a CPI -----------------------------------------------------------------------------------------------


def test_whoever_is_held_to_an_unproven_cpi_is_named():
    review = Review.model_construct(
        cpis=[Cpi(id="turbo_estimate", linked_kpis=["win_rate"]), Cpi(id="nps")],
        departments=[department("Sales", "new_revenue", "turbo_estimate"), department("CS", "nrr")],
        okrs=[objective(), objective(id="quick", objective="Quick answers", kpi_id="turbo_estimate", owner="")],
        kpis=[registered(kpi_id="turbo_estimate", owner="Bea")],
        targets={"turbo_estimate": {}, "nrr": {}},
    )
    held = held_to_cpis(review)
    assert [(each.who, each.by, each.at) for each in held] == [
        ("Sales", "a KPI of the department", ("departments", 0, "kpi_ids", 1)),
        ("nobody by name", "the objective “Quick answers”", ("okrs", 1, "kpi_id")),
        ("Bea", "a target", ("targets", "turbo_estimate")),
    ]


def test_customers_asked_are_counted_once_if_they_were_asked_or_watched_by_then():
    """As the table of the CPIs counts: no survey, nobody without a name, nothing after the last known day."""
    told = {"date": "2026-02-01", "method": "interview"}
    not_asked = [
        {**told, "customer_id": "B", "method": "survey"},
        {**told, "customer_id": ""},
        {**told, "customer_id": "C", "date": "2030-01-01"},
    ]
    cpi = Cpi.model_validate(
        {
            "id": "speed",
            "evidence": [{**told, "customer_id": "A"}, {**told, "customer_id": "A"}, *not_asked],
            "linked_kpis": ["nrr"],
        }
    )
    given = {"departments": [department("Sales", "speed")], "okrs": [], "kpis": [], "targets": {}}
    listing = kpi_alignment.held_cpis(registering(cpis=[cpi], **given))
    assert listing.rows.to_dict("records") == [
        {
            "who": "Sales", "cpi": "speed", "by": "a KPI of the department", "linked": "Net revenue retention (NRR)",
            "evidence": 1, "finding": "not proven to move them",
        }
    ]  # fmt: skip


def test_a_review_without_registers_has_no_findings():
    assert findings(Review(company="Fine Co", themes={"new_revenue": {}}), date(2026, 9, 30)) == []
