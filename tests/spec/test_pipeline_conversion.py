"""K11 to K13: the worked examples of the specification, and every edge that the cards name."""

from dataclasses import replace
from datetime import date
from functools import lru_cache

import pytest

from helpers.display.plain_words import plain
from helpers.errors import KitError, NotProvided, Refused
from helpers.kpis import pipeline_conversion as theme
from helpers.kpis.rows import run
from helpers.periods import Calendar
from tests.canonical import figures, spine

Q1 = Calendar().period("2026Q1", as_of=date(2026, 6, 30))  # every record of the quarter has had its 90 days
Q2 = Calendar().period("2026Q2")
STAGES = ["lead", "mql", "sql", "won"]

# 10 leads: a to g enter mql but b, which goes straight to sql; a b c d enter sql; a and b are won
TEN_LEADS = """
    record_id | stage | entered_at
    a | lead | 2026-01-05
    a | mql  | 2026-01-06
    a | sql  | 2026-01-07
    a | won  | 2026-01-08
    b | lead | 2026-01-05
    b | sql  | 2026-01-07
    b | won  | 2026-01-08
    c | lead | 2026-01-05
    c | mql  | 2026-01-06
    c | sql  | 2026-01-07
    d | lead | 2026-01-05
    d | mql  | 2026-01-06
    d | sql  | 2026-01-07
    e | lead | 2026-01-05
    e | mql  | 2026-01-06
    f | lead | 2026-01-05
    f | mql  | 2026-01-06
    g | lead | 2026-01-05
    g | mql  | 2026-01-06
    h | lead | 2026-01-05
    i | lead | 2026-01-05
    j | lead | 2026-01-05
"""


@lru_cache
def prepared(as_of_on, period, **texts):
    return spine(as_of_on, replace(period, as_of_on=date.fromisoformat(as_of_on)), **texts)


def known(stage_history, as_of_on="2026-07-01", period=Q1, *, given=None, earlier=0, **more):
    """A spine of one period and some earlier ones, as known before a day, with parameters that differ."""
    found = prepared(as_of_on, period, stage_history=stage_history, **more)
    return replace(
        found, rules={**found.rules, **(given or {})}, periods=[*found.period.history(earlier), found.period]
    )


def cohort(stage_history, as_of_on="2026-07-01", period=Q1, *, deals=None, **given):
    more = {"deals": deals} if deals else {}
    return figures(theme.funnel_cohort, known(stage_history, as_of_on, period, given=given, **more))


def activity(stage_history, as_of_on="2026-07-01", **given):
    return figures(theme.funnel_period, known(stage_history, as_of_on, given=given))


def values(rows, kpi_id):
    return {row.segment: row.value for row in rows if row.kpi_id == kpi_id}


def only(rows, kpi_id, segment=""):
    (row,) = [row for row in rows if row.kpi_id == kpi_id and row.segment == segment]
    return row


@pytest.mark.parametrize(
    ("skip", "reached", "steps", "overall"),
    [
        ("imply", [10, 7, 4, 2], [0.7, 0.5714, 0.5], 0.2),
        ("strict", [10, 6, 3, 1], [0.6, 0.5, 0.3333], 0.1),
        ("any", [10, 6, 4, 2], [0.6, 0.6667, 0.5], 0.2),
    ],
)
def test_example_of_ten_leads(skip, reached, steps, overall):
    rows = cohort(TEN_LEADS, stages=STAGES, skip=skip)
    assert list(values(rows, "funnel_reached").values()) == reached
    assert list(values(rows, "funnel_step_rate").values()) == pytest.approx(steps, abs=5e-5)
    assert only(rows, "funnel_conversion").value == pytest.approx(overall)
    assert {row.status for row in rows} == {"ok"}


def test_example_of_ten_leads_interval():
    row = only(cohort(TEN_LEADS, stages=STAGES), "funnel_conversion")
    assert row.interval[:2] == pytest.approx((0.0567, 0.5098), abs=5e-5)
    assert (row.numerator, row.denominator, row.n) == (2, 10, 10)


@pytest.mark.parametrize("skip", ["imply", "strict", "any"])
def test_steps_multiply_to_the_conversion(skip):
    rows = cohort(TEN_LEADS, stages=STAGES, skip=skip)
    product = 1.0
    for step in values(rows, "funnel_step_rate").values():
        product *= step
    assert product == pytest.approx(only(rows, "funnel_conversion").value, abs=1e-9)


def test_lead_acceptance_is_sql_of_mql():
    """4 of the 7 records that passed mql reached sql."""
    row = only(cohort(TEN_LEADS, stages=STAGES), "lead_acceptance")
    assert (row.value, row.numerator, row.denominator) == (pytest.approx(4 / 7), 4, 7)


@pytest.mark.parametrize(("stages", "named"), [(["lead", "sql", "won"], "'mql'"), (["lead", "mql", "won"], "'sql'")])
def test_lead_acceptance_needs_both_stages_in_the_list(stages, named):
    row = only(cohort(TEN_LEADS, stages=stages), "lead_acceptance")
    assert row.status == "not_provided"
    assert named in row.warnings[0]


MQL_AND_WON = """
    record_id | stage | entered_at
    a | mql | 2026-01-05
    a | won | 2026-02-05
    b | mql | 2026-01-06
"""


def test_stages_never_entered_are_named_and_taken_as_passed():
    rows = cohort(MQL_AND_WON)
    assert values(rows, "funnel_reached") == {"lead": 2, "mql": 2, "sql": 1, "opportunity": 1, "won": 1}
    assert only(rows, "funnel_conversion").value == 0.5
    assert "no record ever entered lead, sql, opportunity" in only(rows, "funnel_conversion").warnings[0]
    assert "'sql'" in only(rows, "lead_acceptance").warnings[0]


OTHER_NAMES = """
    record_id | stage | entered_at
    a | Lead       | 2026-01-05
    a | Closed Won | 2026-02-05
    b | Lead       | 2026-01-06
"""


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (
            STAGES,
            "stage_history has Lead, Closed Won, which are not in stages, and never lead, mql, sql, won, which are",
        ),
        (["Lead", "won"], "stage_history has Closed Won, which are not in stages, and never won, which are"),
    ],
)
def test_stages_of_other_names_are_no_funnel_of_0(stages, told):
    """One of the two leads was won: 1 / 2, where stages that are called otherwise gave 0 of 0 and 0 of 2."""
    for rows in (cohort(OTHER_NAMES, stages=stages), activity(OTHER_NAMES, stages=stages)):
        assert {(row.status, row.value) for row in rows} == {("refused", None)}
        assert all(row.warnings[0].startswith(told) for row in rows)
        assert "themes.pipeline_conversion.stages" in plain(rows[0].warnings[0])  # as pages print it
    for table in (theme.funnel_steps, theme.funnel_cohorts, theme.stage_activity):
        with pytest.raises(Refused, match=told):
            table(known(OTHER_NAMES, given={"stages": stages}))
    row = only(cohort(OTHER_NAMES, stages=["Lead", "Closed Won"]), "funnel_conversion")
    assert (row.numerator, row.denominator) == (1, 2)


def test_the_stage_of_those_who_are_lost_is_no_other_name_of_another():
    """Of two leads one is lost and none is won yet: 0 / 2."""
    text = OTHER_NAMES.replace("Closed Won", "Closed Lost")
    row = only(cohort(text, stages=["Lead", "Closed Won"]), "funnel_conversion")
    assert (row.numerator, row.denominator, row.value) == (0, 2, 0)


def test_missing_first_stage_is_dated_at_the_first_known_one_and_counted():
    """b is dated 2025-12-30 by its mql entry, so it belongs to the cohort before."""
    text = """
        record_id | stage | entered_at
        a | mql  | 2026-01-05
        a | won  | 2026-02-05
        b | mql  | 2025-12-30
        b | won  | 2026-01-05
        c | lead | 2026-01-05
    """
    for skip in ("imply", "strict", "any"):
        row = only(cohort(text, stages=["lead", "mql", "won"], skip=skip), "funnel_conversion")
        assert (row.numerator, row.denominator) == (1, 2)
        assert any(note.startswith("implied_entry: 1 of 2 records") for note in row.warnings)


def test_only_first_entries_count():
    """a goes back and forth, and is lost and opened again under the same id: one record, one entry per stage."""
    text = """
        record_id | stage | entered_at
        a | lead | 2026-01-05
        a | mql  | 2026-01-06
        a | lead | 2026-01-07
        a | mql  | 2026-01-08
        b | lead | 2025-12-05
        b | lead | 2026-01-05
    """
    assert values(cohort(text, stages=["lead", "mql"]), "funnel_reached") == {"lead": 1, "mql": 1}
    ratio = only(activity(text, stages=["lead", "mql"]), "funnel_activity_ratio", "mql")
    assert (ratio.numerator, ratio.denominator) == (1, 1)


def test_won_before_lead_is_left_out_and_counted():
    """On the same day it is no fault: a source may know the day of one and the minute of the other."""
    text = """
        record_id | stage | entered_at
        a | lead | 2026-01-05
        a | won  | 2026-01-04
        b | lead | 2026-01-05 14:00
        b | won  | 2026-01-05
        c | lead | 2026-01-05
        d | mql  | 2026-01-05
        d | won  | 2026-01-04
    """  # d has no lead: it is dated at the first stage that is known
    row = only(cohort(text, stages=["lead", "mql", "won"]), "funnel_conversion")
    assert (row.numerator, row.denominator) == (1, 2)
    assert row.excluded == {"records: won before lead": 2}


def test_other_stages_are_left_out_and_counted():
    text = TEN_LEADS + "    a | nurture | 2026-01-06\n    z | nurture | 2026-01-06\n"
    row = only(cohort(text, stages=STAGES), "funnel_conversion")
    assert (row.value, row.excluded) == (0.2, {"stage_history: stage is not in stages": 2})


HORIZON = """
    record_id | stage | entered_at
    a | lead | 2026-01-05
    a | won  | 2026-04-05
    b | lead | 2026-01-05
    b | won  | 2026-04-06
    c | lead | 2026-03-31
"""


@pytest.mark.parametrize(("horizon_days", "won"), [(90, 1), (91, 2), (89, 0), (None, 2)])
def test_entries_count_within_the_horizon(horizon_days, won):
    """5 January + 90 days = 5 April."""
    rows = cohort(HORIZON, stages=["lead", "won"], horizon_days=horizon_days)
    assert only(rows, "funnel_reached", "won").value == won


@pytest.mark.parametrize(
    ("as_of_on", "status"), [("2026-06-29", "partial"), ("2026-06-30", "ok"), ("2026-04-01", "partial")]
)
def test_a_cohort_is_partial_while_a_record_is_younger_than_the_horizon(as_of_on, status):
    """The last record enters on 31 March; 90 days later is 29 June, known from 30 June on."""
    rows = cohort(HORIZON, as_of_on, stages=["lead", "won"])
    assert {only(rows, kpi_id).status for kpi_id in ("funnel_conversion",)} == {status}
    assert only(rows, "funnel_reached", "won").status == status
    assert (status == "partial") == any(
        "1 of 3 records" in w or "3 of 3" in w for w in only(rows, "funnel_conversion").warnings
    )


def test_a_cohort_without_horizon_is_complete_when_its_period_is():
    rows = cohort(HORIZON, "2026-04-01", stages=["lead", "won"], horizon_days=None)
    assert only(rows, "funnel_conversion").status == "ok"


def test_earlier_cohorts_are_followed_to_the_review():
    """Reviewed at the end of Q1 its cohort is young; reviewed at the end of Q2 it is mature, and is told so there."""
    stages = {"stages": ["lead", "won"]}
    assert only(cohort(HORIZON, "2026-04-01", **stages), "funnel_conversion").status == "partial"
    rows = run(theme.funnel_cohort, known(HORIZON, period=Q2, given=stages, earlier=1))
    then, now = (row for row in rows if row.kpi_id == "funnel_conversion")
    assert (then.period.label, then.status, then.denominator) == ("2026Q1", "ok", 3)
    assert (then.period.as_of_on, now.denominator) == (Q2.as_of_on, 0)


def test_running_period_is_partial():
    rows = cohort(TEN_LEADS, "2026-02-01", stages=STAGES, horizon_days=10)
    assert only(rows, "funnel_conversion").status == "partial"


DEALS_OF_TWO_SOURCES = """
    deal_id | created_at | source
    a | 2026-01-05 | web
    b | 2026-01-05 | web
    c | 2026-01-05 |
    d | 2026-01-05 | fair
    e | 2026-01-05 | fair
    f | 2026-01-05 | fair
    g | 2026-01-05 | fair
    h | 2026-01-05 | fair
    i | 2026-01-05 | fair
    j | 2026-01-05 | fair
"""


def test_conversion_by_source():
    """web: both won; fair: 0 of 7; a missing source has a name of its own. The parts add up to 2 of 10.

    Lead acceptance: a and b passed mql and reached sql, c too; of d e f g only d.
    """
    rows = cohort(TEN_LEADS, deals=DEALS_OF_TWO_SOURCES, stages=STAGES)
    found = {r.segment: (r.numerator, r.denominator) for r in rows if r.kpi_id == "funnel_conversion"}
    assert found == {"": (2, 10), "web": (2, 2), "fair": (0, 7), "(none)": (0, 1)}
    assert {r.segment_by for r in rows if r.kpi_id == "funnel_conversion"} == {"", "source"}
    assert values(rows, "lead_acceptance") == {"": pytest.approx(4 / 7), "web": 1, "fair": 0.25, "(none)": 1}


def test_no_records_give_counts_of_zero_and_undefined_shares():
    for text in ("record_id | stage | entered_at", HORIZON.replace("2026-0", "2025-0")):
        rows = cohort(text, stages=["lead", "won"])
        assert values(rows, "funnel_reached") == {"lead": 0, "won": 0}
        conversion = only(rows, "funnel_conversion")
        assert (conversion.value, conversion.status, conversion.denominator) == (None, "undefined", 0)
        assert only(activity(text, stages=["lead", "won"]), "funnel_activity_ratio", "won").status == "undefined"


def test_one_record():
    rows = cohort("record_id | stage | entered_at\na | lead | 2026-01-05", stages=["lead", "won"])
    row = only(rows, "funnel_conversion")
    assert (row.value, row.n, row.status) == (0, 1, "ok")


def test_funnel_is_not_provided_without_stage_history():
    found = spine("2026-07-01", deals=DEALS_OF_TWO_SOURCES)
    for card in (theme.funnel_cohort, theme.funnel_period):
        with pytest.raises(NotProvided, match="stage_history"):
            card(found)


def test_order_and_exact_duplicates_change_nothing():
    header, *lines = TEN_LEADS.strip().splitlines()
    shuffled = "\n".join([header, *reversed(lines), *lines[:5]])
    expected, found = cohort(TEN_LEADS, stages=STAGES), cohort(shuffled, stages=STAGES)
    assert [(r.kpi_id, r.segment, r.value) for r in found] == [(r.kpi_id, r.segment, r.value) for r in expected]


def test_no_look_ahead():
    """What was entered after the as-of changes nothing."""
    later = TEN_LEADS + "    h | won | 2026-02-10\n    k | lead | 2026-02-10\n"
    assert cohort(later, "2026-02-10", stages=STAGES) == cohort(TEN_LEADS, "2026-02-10", stages=STAGES)


def test_days_are_local():
    """2026-04-01 03:00 UTC is still 31 March in New York."""
    period = Calendar("America/New_York").period("2026Q1", as_of=date(2026, 6, 30))
    text = "record_id | stage | entered_at\na | lead | 2026-03-31 23:00\nb | lead | 2026-04-01 00:00"
    found = spine("2026-07-01", period, {"stages": ["lead", "won"]}, timezone="America/New_York", stage_history=text)
    assert only(figures(theme.funnel_cohort, found), "funnel_reached", "lead").value == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"skip": "implied"}, "skip == 'implied'"),
        ({"stages": ["won"]}, "stages == ['won']"),
        ({"stages": ["won", "won"]}, "two or more different stages"),
        ({"horizon_days": 0}, "horizon_days == 0"),
    ],
)
def test_wrong_options_are_told(options, named):
    with pytest.raises(KitError) as error:
        cohort(TEN_LEADS, **options)
    assert named in str(error.value)


def entries(stage, count, day):
    return "".join(f"    {stage}{i} | {stage} | {day}\n" for i in range(count))


def test_activity_ratio_example():
    """20 lead and 24 mql entries in the quarter: 120 %, and other records in each."""
    text = "record_id | stage | entered_at\n" + entries("lead", 20, "2026-02-01") + entries("mql", 24, "2026-02-01")
    rows = activity(text + "    early | mql | 2025-12-31\n", stages=["lead", "mql", "won"])
    row = only(rows, "funnel_activity_ratio", "mql")
    assert (row.value, row.numerator, row.denominator, row.status) == (1.2, 24, 20, "ok")
    assert any("above 100 %" in note for note in row.warnings)
    assert row.interval is None
    assert only(rows, "funnel_activity_ratio", "won").value == 0


def test_the_rows_behind_a_funnel():
    """Of ten records two reached won; in the period b entered three stages, and never mql."""
    found = known(TEN_LEADS, given={"stages": STAGES})
    reached = found.frame("funnel_cohort_rows").set_index("record_id")["reached"].map(list)
    assert len(reached) == 10
    assert {record for record, stages in reached.items() if "won" in stages} == {"a", "b"}
    assert reached["b"] == STAGES
    entries = found.frame("funnel_period_rows")
    assert entries.loc[entries["record_id"] == "b", "stage"].tolist() == ["lead", "sql", "won"]


def test_activity_of_a_running_period_is_partial():
    text = "record_id | stage | entered_at\n" + entries("lead", 2, "2026-01-05") + entries("won", 1, "2026-01-06")
    rows = activity(text, "2026-02-01", stages=["lead", "won"])
    assert (rows[0].value, rows[0].status) == (0.5, "partial")


Q1_CLOSED = Calendar().period("2026Q1")


def velocity(text, as_of_on="2026-04-01", period=Q1_CLOSED, **more):
    return figures(theme.funnel_velocity, prepared(as_of_on, period, deals=text, **more))


def velocity_example():
    """40 open deals; 1 won of 4 closed in the quarter; 20,000 on average; a median cycle of 90 days."""
    lines = ["deal_id | created_at | closed_at | outcome | amount | currency | source"]
    lines += [f"open{i} | 2026-03-30 | | open | | USD | web" for i in range(40)]
    lines += ["won | 2025-11-01 | 2026-01-30 | won | 20000 | USD | web"]
    lines += [f"lost{i} | 2026-02-01 | 2026-02-10 | lost | 9000 | USD | web" for i in range(3)]
    return "\n".join(lines)


def test_sales_velocity_example():
    """40 x 0.25 x 20,000 / 90 = 2,222.22 a day. 1 November to 30 January is 90 days, and the only win."""
    rows = velocity(velocity_example())
    assert only(rows, "win_rate").value == 0.25
    assert only(rows, "sales_cycle_median").value == 90
    assert only(rows, "sales_velocity").value == pytest.approx(2222.22, abs=0.005)
    assert only(rows, "sales_velocity").n == 40
    assert only(rows, "sales_velocity", "web").value == pytest.approx(2222.22, abs=0.005)


def test_sales_velocity_scales_with_money_and_rates_do_not():
    rows = velocity(velocity_example().replace("20000", "60000"))
    assert only(rows, "sales_velocity").value == pytest.approx(3 * 2222.2222, abs=0.005)
    assert (only(rows, "win_rate").value, only(rows, "sales_cycle_median").value) == (0.25, 90)


CYCLES = """
    deal_id | created_at | closed_at  | outcome | amount | currency | source
    a       | 2026-01-01 | 2026-01-11 | won     | 100    | USD      | web
    b       | 2026-01-01 | 2026-01-21 | won     | 300    | USD      | web
    c       | 2026-01-01 | 2026-02-10 | won     |        | USD      | web
    d       | 2026-01-01 | 2026-01-16 | lost    | 100    | USD      |
    e       | 2026-03-02 |            | open    | 100    | USD      |
    old     | 2025-03-31 | 2026-03-31 | lost    | 100    | USD      | fair
"""


def test_sales_cycle_is_the_competing_risks_example():
    """T3: won at 10, 20, 40, lost at 15, open at 29. S(10) = 4/5, S(20) = 4/5 x 2/3, then 0 at day 40: median 40.

    By day 40, Aalen–Johansen has 80 % won: 2/5 by day 20, as the loss takes its share with it, and the rest but one
    fifth after. ``old`` was created before the four quarters.
    """
    row = only(velocity(CYCLES), "sales_cycle_median")
    assert (row.value, row.n) == (40, 5)
    assert "1 of 5 deals were lost; of all of them, 80% were won within 40 days" in row.warnings[0]
    assert (row.params["window_start"], row.params["window_end"]) == (date(2025, 4, 1), date(2026, 4, 1))


def test_win_rate_by_source_with_interval():
    """3 won, 2 lost. Wilson of 3/5: centre (0.6 + 0.384146)/(1.768292) = 0.556553, half-width 0.325827."""
    rows = velocity(CYCLES)
    assert only(rows, "win_rate").value == 0.6
    assert only(rows, "win_rate").interval[:2] == pytest.approx((0.230725, 0.882379), abs=1e-5)
    assert values(rows, "win_rate") == {"": 0.6, "web": 1, "(none)": 0, "fair": 0}


def test_deals_without_an_amount_are_left_out_of_the_average():
    """1 open x 3/5 x (100 + 300)/2 / 40 days = 3.00 a day."""
    row = only(velocity(CYCLES), "sales_velocity")
    assert row.value == pytest.approx(3.0)
    assert row.excluded == {"no_amount": 1}


def test_median_that_is_not_reached_is_undefined_and_so_is_the_velocity():
    text = "deal_id | created_at | closed_at | outcome | amount | currency\n"
    text += (
        "a | 2026-01-01 | 2026-01-11 | won | 100 | USD\nb | 2026-01-01 | | open | 1 | USD\nc | 2026-01-01 | | | 1 | USD"
    )
    rows = velocity(text)
    assert only(rows, "sales_cycle_median").status == "undefined"
    assert "not reached: 1 of 3 deals are won" in only(rows, "sales_cycle_median").warnings[0]
    assert only(rows, "sales_velocity").warnings == ("undefined without a median sales cycle",)
    assert only(rows, "sales_velocity").n == 2


@pytest.mark.parametrize(
    "text",
    [
        "deal_id | created_at | closed_at | outcome | amount | currency",
        "deal_id | created_at | closed_at | outcome | amount | currency\na | 2026-01-01 | | open | 1 | USD",
    ],
)
def test_nothing_closed_is_undefined(text):
    rows = velocity(text)
    assert {row.kpi_id: row.status for row in rows if row.segment == ""} == {
        "win_rate": "undefined", "sales_cycle_median": "undefined", "sales_velocity": "undefined",
    }  # fmt: skip
    assert only(rows, "win_rate").denominator == 0


def test_closed_deals_that_cannot_be_placed_are_counted():
    text = CYCLES + "    f | 2026-01-01 | 2026-02-01 | | 1 | USD | web\n    g | 2026-01-01 | | lost | 1 | USD | web\n"
    row = only(velocity(text), "win_rate")
    assert (row.value, row.excluded) == (0.6, {"deals: closed without outcome or day": 2})


def test_what_closes_without_an_outcome_after_the_quarter_is_open_at_its_end_and_not_left_out_too():
    """1 open x 1 / 1 won x 100 / 10 days = 10 a day. By 5 April it has waited 94 days: a median of 10."""
    text = """
        deal_id | created_at | closed_at  | outcome | amount | currency
        a       | 2026-01-01 | 2026-01-11 | won     | 100    | USD
        b       | 2026-01-01 | 2026-04-05 |         | 100    | USD
    """
    period = Calendar().period("2026Q1", as_of=date(2026, 4, 30))
    rows = velocity(text, "2026-05-01", period)
    row = only(rows, "sales_velocity")
    assert (row.value, row.n, row.excluded) == (10, 1, {})
    assert (only(rows, "sales_cycle_median").n, only(rows, "win_rate").excluded) == (2, {})


def test_a_month_has_a_win_rate_and_no_trailing_quarters():
    rows = velocity(CYCLES, period=Calendar().period("2026-01", as_of=date(2026, 3, 31)))
    assert only(rows, "win_rate").value == pytest.approx(2 / 3)
    assert {only(rows, kpi_id).status for kpi_id in ("sales_cycle_median", "sales_velocity")} == {"not_provided"}


def test_a_deal_closed_after_the_as_of_is_open():
    """Known until 15 January: a won, b c d open, and the cycle of the open ones runs to that day."""
    rows = velocity(CYCLES, "2026-01-16")
    assert (only(rows, "win_rate").value, only(rows, "win_rate").status) == (1, "partial")
    assert only(rows, "sales_velocity").n == 4  # b, c, d and old
    assert only(rows, "sales_cycle_median").n == 4


def test_only_deals_are_needed_and_amounts_only_by_the_velocity():
    text = "deal_id | created_at | closed_at | outcome\na | 2026-01-01 | 2026-01-11 | won"
    rows = velocity(text)
    assert (only(rows, "win_rate").value, only(rows, "sales_cycle_median").value) == (1, 10)
    assert only(rows, "sales_velocity").warnings == ("not provided: deals.amount",)
    with pytest.raises(NotProvided, match=r"deals\.outcome"):
        theme.funnel_velocity(prepared("2026-04-01", Q1_CLOSED, deals="deal_id | created_at\na | 2026-01-01"))


@pytest.mark.parametrize(("lost", "won", "status"), [(0, 30, "refused"), (0, 29, "ok"), (1, 30, "ok")])
def test_losses_that_are_not_recorded_refuse_the_win_rate_and_leave_the_cycle(lost, won, status):
    lines = ["deal_id | created_at | closed_at | outcome | amount | currency"]
    lines += [f"won{i} | 2026-01-01 | 2026-01-11 | won | 100 | USD" for i in range(won)]
    lines += [f"lost{i} | 2026-01-01 | 2026-01-11 | lost | 100 | USD" for i in range(lost)]
    rows = velocity("\n".join(lines))
    assert {only(rows, kpi_id).status for kpi_id in ("win_rate", "sales_velocity")} == {status}
    assert only(rows, "sales_cycle_median").value == 10
    if status == "refused":
        assert only(rows, "win_rate").warnings == (
            "no deal is recorded as lost and 30 are won: a win rate would be 100 %; give lost deals outcome 'lost'",
        )


def test_the_rows_behind_the_win_rate():
    """Closed in the quarter are a, b, c won and d, old lost; e is open, and old is of no cycle."""
    rows = prepared("2026-04-01", Q1_CLOSED, deals=CYCLES).frame("funnel_velocity_rows").set_index("deal_id")
    assert rows["state"].to_dict() == {"a": "won", "b": "won", "c": "won", "d": "lost", "e": "open", "old": "lost"}
    assert rows["days"].dropna().to_dict() == {"a": 10, "b": 20, "c": 40, "d": 15, "e": 29}


FOREIGN = velocity_example().replace("20000 | USD", "20000 | EUR")


def test_velocity_in_another_currency():
    """At 1.10 for the fiscal year: 40 x 0.25 x 22,000 / 90 = 2,444.44."""
    rates = "currency | on | rate\nEUR | 2025-12-31 | 1.10\nEUR | 2026-02-01 | 1.30"
    row = only(velocity(FOREIGN, fx_rates=rates), "sales_velocity")
    assert row.value == pytest.approx(2444.44, abs=0.005)


def test_velocity_is_refused_without_a_rate_and_the_rest_is_not():
    rows = velocity(FOREIGN)
    assert only(rows, "sales_velocity").status == "refused"
    assert "EUR" in only(rows, "sales_velocity").warnings[0]
    assert only(rows, "win_rate").value == 0.25


WITH_A_YOUNG_ONE = TEN_LEADS + "    y | lead | 2026-06-01\n"


def test_funnel_steps_show_the_latest_mature_cohort():
    """Reviewed at the end of Q2: its own record is young, so the table shows Q1, followed for 90 days."""
    listing = theme.funnel_steps(known(WITH_A_YOUNG_ONE, period=Q2, given={"stages": STAGES}, earlier=8))
    assert listing.caption == "Funnel of the records that entered in 2026Q1, followed for 90 days"
    assert listing.rows["records"].tolist() == [10, 7, 4, 2]
    assert listing.rows["of_all"].tolist() == [1, 0.7, 0.4, 0.2]
    assert listing.rows["rate"].tolist()[1:] == pytest.approx([0.7, 4 / 7, 0.5])


def test_funnel_steps_days_are_medians_of_first_entries():
    """lead to mql: 3 at day 2, 1 at day 4, one lost on day 1 and one still waiting: S(2) = 2/5, so 2 days."""
    text = """
        record_id | stage | entered_at
        a | lead | 2026-01-05
        a | mql  | 2026-01-07
        b | lead | 2026-01-05
        b | mql  | 2026-01-07
        c | lead | 2026-01-05
        c | mql  | 2026-01-07
        d | lead | 2026-01-05
        d | mql  | 2026-01-09
        e | lead | 2026-01-05
        f | lead | 2026-01-05
    """
    deals = """
        deal_id | created_at | closed_at | outcome
        a | 2026-01-05 | |
        b | 2026-01-05 | |
        c | 2026-01-05 | |
        d | 2026-01-05 | |
        e | 2026-01-05 | 2026-01-06 | lost
        f | 2026-01-05 | |
    """
    listing = theme.funnel_steps(known(text, deals=deals, given={"stages": ["lead", "mql", "won"]}))
    assert listing.rows["days"].tolist()[1] == 2
    assert listing.rows["days"].isna().tolist() == [True, False, True]


def test_funnel_cohorts_say_who_is_still_to_be_followed():
    rows = theme.funnel_cohorts(known(WITH_A_YOUNG_ONE, period=Q2, given={"stages": STAGES}, earlier=8)).rows
    assert rows["cohort"].tolist() == ["2026Q1", "2026Q2"]
    assert rows[["reached_1", "reached_4", "young"]].to_numpy().tolist() == [[10, 2, 0], [1, 0, 1]]


def test_stage_activity_beside_the_same_days_of_the_period_before():
    """Known until 5 April, five days of Q2: against 1 to 5 January, when the ten leads entered."""
    later = "    y | lead | 2026-04-05\n    h | mql | 2026-04-05\n    i | mql | 2026-04-05\n"
    listing = theme.stage_activity(known(TEN_LEADS + later, "2026-04-06", Q2, given={"stages": STAGES}))
    assert listing.columns["before"].label == "in 5 days of 2026Q1"
    rows = listing.rows
    assert rows[["stage", "now", "before"]].to_numpy().tolist() == [
        ["lead", 1, 10], ["mql", 2, 0], ["sql", 0, 0], ["won", 0, 0],
    ]  # fmt: skip
    assert rows["ratio"].tolist()[1:3] == [2, 0]


def test_open_pipeline_by_furthest_stage_and_age():
    """On 31 March: a is 89 days old, b 31, c 30, d 181; e is closed, f not yet created. d has no stage."""
    deals = """
        deal_id | created_at | closed_at | outcome | amount | currency
        a | 2026-01-01 |            | open | 100 | USD
        b | 2026-02-28 | 2026-05-01 | open | 200 | USD
        c | 2026-03-01 | 2026-04-10 | won  |     | USD
        d | 2025-10-01 |            |      | 400 | USD
        e | 2026-01-01 | 2026-03-31 | won  | 800 | USD
        f | 2026-04-01 |            | open | 800 | USD
    """
    history = """
        record_id | stage | entered_at
        a | lead | 2026-01-01
        a | sql  | 2026-01-02
        a | mql  | 2026-01-03
        b | lead | 2026-02-28
        b | sql  | 2026-04-02
        c | sql  | 2026-03-01
    """
    listing = theme.open_pipeline(known(history, deals=deals, given={"stages": STAGES}))
    columns = ["stage", "deals", "amount", "to_30", "to_90", "to_180", "older"]
    assert listing.rows[columns].fillna(0).to_numpy().tolist() == [
        ["lead", 1, 200, 0, 1, 0, 0],
        ["sql", 2, 100, 1, 1, 0, 0],
        ["(none)", 1, 400, 0, 0, 0, 1],
    ]
    assert listing.rows["mean_age"].tolist() == [31, 59.5, 181]


def test_tables_of_an_empty_pipeline():
    found = known("record_id | stage | entered_at", deals="deal_id | created_at | source")
    assert theme.funnel_cohorts(found).rows.empty
    assert theme.stage_activity(found).rows["now"].tolist() == [0] * 5
    assert theme.open_pipeline(found).rows.empty
    assert theme.funnel_steps(found).rows["records"].tolist() == [0] * 5
