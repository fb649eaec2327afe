"""A made-up company's ARR events and spend, against the quarterly figures that its author published."""

import csv
import os
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.kpis.recurring_revenue import mrr_movements
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.kpis.unit_economics import cac, spend_by_department
from helpers.params import load_source
from helpers.periods import Calendar
from tests.canonical import Known, defaults

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data") / "quick_saas_pipeline"
CALENDAR = Calendar("America/New_York")
DIVISIONS = ["ActiveDisclosure", "Arc Suite"]
QUARTERS = ["2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2"]
PUBLISHED = {"mrr_new": "new_arr", "mrr_expansion": "expansion_arr", "mrr_contraction": "contraction_arr",
             "mrr_churn": "churn_arr"}  # fmt: skip

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no Quick SaaS files in {DATA}; set KPI_DATA to their parent"),
]


@pytest.fixture(scope="module")
def source():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        return load_source(ROOT / "params/sources/quick_saas_pipeline.yml")


@pytest.fixture(scope="module")
def prepared(source, tmp_path_factory):
    """The whole company under '', and each division on its own."""
    of = {"subscriptions": "product = '{}'", "spend": "category like '{} / %'"}
    narrowed = {
        name: {table: f"select * from ({source.tables[table]}) where {of[table].format(name)}" for table in of}
        for name in DIVISIONS
    }
    return {
        name: prepare(
            source.model_copy(update={"tables": source.tables | queries}),
            CALENDAR.period("2026Q2"),
            currency="USD",
            folder=tmp_path_factory.mktemp("quick_saas"),
        )
        for name, queries in {"": {}, **narrowed}.items()
    }


@lru_cache
def rows(card, prepared):
    """The rows of a card for all quarters, each as it was known at its end, without segments."""
    quarters = [CALENDAR.period(quarter) for quarter in QUARTERS]
    return [row for row in run(card, Spine(prepared, quarters[-1], defaults(), quarters)) if not row.segment]


def totals(prepared, quarter):
    return {row.kpi_id: row.value for row in rows(mrr_movements, prepared) if row.period.label == quarter}


def published(quarter, division, file="nrr_summary.csv"):
    """The author's row; his fiscal quarters are calendar quarters."""
    with (DATA / file).open(newline="") as file:
        [row] = [
            row
            for row in csv.DictReader(file)
            if (row["fiscal_quarter"], row["division"]) == (f"FY{quarter[:4]}-{quarter[4:]}", division)
        ]
    return row


def arr_events():
    return pd.read_csv(DATA / "arr_events.csv", parse_dates=["event_month"])


@pytest.mark.parametrize("division", DIVISIONS)
@pytest.mark.parametrize("quarter", QUARTERS)
def test_arr_movements_by_division_as_published(prepared, quarter, division):
    found, row = totals(prepared[division], quarter), published(quarter, division)
    assert {kpi_id: 12 * found[kpi_id] for kpi_id in PUBLISHED} == pytest.approx(
        {kpi_id: float(row[column]) for kpi_id, column in PUBLISHED.items()}, abs=0.005 + 1e-6
    )
    assert found["mrr_reactivation"] == 0


@pytest.mark.parametrize("quarter", QUARTERS)
def test_movements_of_the_company_are_those_of_its_divisions(prepared, quarter):
    """No account buys from two divisions, so counting by customer or by division is the same."""
    whole = totals(prepared[""], quarter)
    parts = [totals(prepared[division], quarter) for division in DIVISIONS]
    for kpi_id in PUBLISHED:
        assert whole[kpi_id] == pytest.approx(sum(part[kpi_id] for part in parts), abs=1e-6)


@pytest.mark.parametrize("division", DIVISIONS)
@pytest.mark.parametrize("quarter", QUARTERS[3:])
def test_spend_of_four_quarters_by_division_as_published(prepared, quarter, division):
    """Of the customers won the author gives another count, which does not follow from his events."""
    [row] = [row for row in rows(cac, prepared[division]) if (row.kpi_id, row.period.label) == ("cac_sm", quarter)]
    expected = float(published(quarter, division, "cac_summary.csv")["total_sm_spend_t12m"])
    first = arr_events().query("division == @division").groupby("account_id")["event_month"].min()
    end = pd.Timestamp(row.period.end)
    won = first.between(end - pd.DateOffset(years=1), end, inclusive="left").sum()
    assert row.numerator == pytest.approx(expected, abs=0.005)
    assert row.value == pytest.approx(expected / won, abs=0.005)


@pytest.mark.parametrize("quarter", QUARTERS[3:])
def test_spend_of_all_divisions_and_what_of_it_is_in_no_acquisition_cost(prepared, quarter):
    """Venue's customers have no subscription, so that its spend is told apart."""
    spine = Spine(prepared[""], CALENDAR.period(quarter), defaults())
    found = spend_by_department(spine).rows.set_index("department")
    told = {
        name: float(published(quarter, name, "cac_summary.csv")["total_sm_spend_t12m"])
        for name in (*DIVISIONS, "Venue")
    }
    assert found.loc["Venue", "spent"] == pytest.approx(told["Venue"], abs=0.005)
    assert found["spent"].sum() == pytest.approx(sum(told.values()), abs=0.02)
    assert found["sm"].sum() == pytest.approx(sum(told[name] for name in DIVISIONS), abs=0.01)


@pytest.mark.parametrize("quarter", QUARTERS[1:3])
def test_fewer_than_twelve_months_of_spend_are_refused(prepared, quarter):
    """Published are 6 and 9 months of spend as those of 12."""
    found = {row.kpi_id: row for row in rows(cac, prepared[""]) if row.period.label == quarter}
    missing = {"2024Q4": "2024-01, 2024-02, 2024-03 and 3 more months", "2025Q1": "2024-04, 2024-05, 2024-06"}
    assert found["cac_sm"].status == "refused"
    assert found["cac_sm"].warnings == (f"spend is missing for {missing[quarter]}; give 0 where nothing was spent",)
    assert found["cac_sm_quarter"].status == "ok"


def at_the_end(prepared):
    return Known(prepared[""], CALENDAR.period("2026Q2").as_of_on)


def test_versions_of_a_line_touch_and_never_overlap(prepared):
    found = at_the_end(prepared).frame("subscriptions", "subscription_id, start_on")
    assert len(found) == 193 + 81 + 21 + 12  # new, renewed, expanded, contracted: each event opens a version
    for (_, one), (_, next_one) in pairwise(found.iterrows()):
        if one["subscription_id"] == next_one["subscription_id"]:
            assert one["end_on"] == next_one["start_on"]
    assert found["cancelled_at"].notna().sum() == 9  # churns


def test_a_later_churn_is_not_known_before_its_month(prepared):
    """Account 5213 churned in May 2026: at the end of March its version had no end."""
    found = Known(prepared[""], date(2026, 4, 1)).frame("subscriptions", "start_on")
    [row] = found[found["customer_id"] == "5213"].to_dict("records")[-1:]
    assert str(row["start_on"])[:10] == "2025-10-01"
    assert (str(row["end_on"]), str(row["cancelled_at"])) == ("NaT", "NaT")


def test_open_opportunities_are_not_closed_on_their_expected_day(prepared):
    deals = at_the_end(prepared).frame("deals").groupby("outcome")
    assert {outcome: (len(part), part["closed_at"].count()) for outcome, part in deals} == {
        "won": (789, 789), "lost": (1338, 1338), "open": (139, 0),
    }  # fmt: skip


def test_every_row_is_accounted_for(prepared):
    report = prepared[""].report["tables"]
    files = {"customers": "accounts", "deals": "opportunities", "spend": "marketing_spend"}
    read = {name: len(pd.read_csv(DATA / f"{file}.csv")) for name, file in files.items()}
    read["spend"] += pd.read_csv(DATA / "marketing_spend.csv")["month"].nunique()  # 0 a month for sales alone
    read["subscriptions"] = (arr_events()["movement_type"] != "Churn").sum()
    assert {name: found["read"] for name, found in report.items()} == read
    assert {name: found["clean"] for name, found in report.items()} == read
