"""A real pipeline: 8,000 leads of Olist, against the figures that others published of the same files."""

import csv
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.kpis.inactive_customers import inactive_customers
from helpers.kpis.pipeline_conversion import funnel_cohort
from helpers.kpis.product_activity import pac_user
from helpers.kpis.stages import journeys, reached
from helpers.kpis.time_to_value import ttv
from helpers.params import load_source
from helpers.periods import Calendar

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data") / "olist"
STAGES = ["mql", "won"]
CALENDAR = Calendar("America/Sao_Paulo")
QUARTERS = ["2017Q2", "2017Q3", "2017Q4", "2018Q1", "2018Q2"]  # of all first contacts
LAST_DAY = date(2018, 12, 31)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no Olist files in {DATA}; set KPI_DATA to their parent")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        source = load_source(ROOT / "params/sources/olist.yml")
    period = CALENDAR.period("2018Q4", as_of=LAST_DAY)
    return prepare(source, period, currency="BRL", folder=tmp_path_factory.mktemp("olist")).known(period.as_of_on)


def published():
    with (DATA / "published_origin_performance.csv").open(newline="") as file:
        return {
            "(none)" if row["origin"] == "NULL" else row["origin"]: (
                int(row["total_leads"]), int(row["won_deals"]), float(row["conv_rate_pct"]),
            )
            for row in csv.DictReader(file)
        }  # fmt: skip


@pytest.mark.parametrize("stages", [STAGES, ["lead", "mql", "sql", "opportunity", "won"]])
def test_conversion_by_origin_as_published(stages):
    """The counting of stages, on all leads as the files have them: 842 of 8,000, and eleven origins."""
    engine = ibis.duckdb.connect()
    leads = engine.read_csv(DATA / "olist_marketing_qualified_leads_dataset.csv")
    won = engine.read_csv(DATA / "olist_closed_deals_dataset.csv")
    entries = ibis.union(
        leads.select(record_id="mql_id", stage=ibis.literal("mql"), day=leads.first_contact_date.cast("date")),
        won.select(record_id="mql_id", stage=ibis.literal("won"), day=won.won_date.cast("date")),
    )
    found = reached(journeys(entries, stages), stages, horizon_days=None)
    origins = leads.select(record_id="mql_id", origin=leads.origin.fill_null("(none)"))
    joined = found.join(origins, "record_id")
    counted = joined.group_by("origin").aggregate(
        leads=joined.count(), won=joined.count(where=joined[f"reached_{len(stages)}"])
    )
    rows = {row["origin"]: (row["leads"], row["won"]) for row in engine.execute(counted).to_dict("records")}
    assert sum(n for n, _ in rows.values()) == 8000
    assert sum(k for _, k in rows.values()) == 842
    assert rows == {origin: figures[:2] for origin, figures in published().items()}
    for origin, (n, k, percent) in published().items():
        assert 100 * k / n == pytest.approx(percent, abs=0.005 + 1e-9), origin


def test_conversion_of_the_clean_tables(known):
    """One deal was won before its first contact: it is quarantined and counted, 841 of 7,999 are left."""
    rows = []
    for quarter in QUARTERS:
        period = replace(CALENDAR.period(quarter), as_of_on=known.as_of_on)
        rows += funnel_cohort(known, period, stages=STAGES, horizon_days=None)
    totals = [row for row in rows if row.kpi_id == "funnel_conversion" and not row.segment]
    assert sum(row.numerator for row in totals) == 841
    assert sum(row.denominator for row in totals) == 7999
    assert known.excluded("deals") == {"deals: closed_at before created_at": 1}
    by_origin = [row for row in rows if row.kpi_id == "funnel_conversion" and row.segment == "(none)"]
    assert (sum(row.numerator for row in by_origin), sum(row.denominator for row in by_origin)) == (14, 60)


def test_default_stages_name_those_that_olist_does_not_have(known):
    row = funnel_cohort(known, replace(CALENDAR.period("2018Q1"), as_of_on=known.as_of_on))[0]
    assert "no record ever entered lead, sql, opportunity" in row.warnings[0]


@pytest.fixture(scope="module")
def in_june(tmp_path_factory):
    """The second quarter of 2018, whose end the orders of the files reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        source = load_source(ROOT / "params/sources/olist.yml")
    period = CALENDAR.period("2018Q2")
    return prepare(source, period, currency="BRL", folder=tmp_path_factory.mktemp("june")).known(
        period.as_of_on
    ), period


@pytest.fixture(scope="module")
def sellers():
    """The sellers won by the end of June, each with the local days of its orders up to then, by pandas alone."""
    won = pd.read_csv(DATA / "olist_closed_deals_dataset.csv", parse_dates=["won_date"])
    won["day"] = won["won_date"].dt.normalize()
    won = won[won["day"] < "2018-07-01"].set_index("seller_id")
    orders = pd.read_parquet(DATA / "order_items.parquet").drop_duplicates(["order_id", "seller_id"])
    local = orders["shipping_limit_date"].dt.tz_convert("America/Sao_Paulo").dt.tz_localize(None).dt.normalize()
    orders = orders.assign(day=local)[local < "2018-07-01"]
    return won, orders[orders["seller_id"].isin(won.index)]


def test_time_from_won_to_the_first_order(in_june, sellers):
    won, orders = sellers
    waited = orders.groupby("seller_id")["day"].min() - won["day"]
    rows = {row.kpi_id: row for row in ttv(*in_june)}
    assert rows["ttv_reached_share"].numerator == waited.notna().sum() == 272
    assert rows["ttv_reached_share"].denominator == len(won) == 722
    assert rows["ttv_mean"].value == pytest.approx(waited.dropna().dt.days.mean())
    # The product-limit by hand: who has no order waits on, up to the end of June.
    days = waited.reindex(won.index).dt.days.fillna((pd.Timestamp("2018-06-30") - won["day"]).dt.days)
    seen = days.index.isin(waited.dropna().index)
    by_day = pd.DataFrame({"days": days, "seen": seen}).groupby("days")["seen"].agg(["sum", "size"])
    at_risk = by_day["size"][::-1].cumsum()[::-1]
    waiting = (1 - by_day["sum"] / at_risk).cumprod()
    assert rows["ttv_median"].value == waiting.index[waiting <= 0.5][0] == 120
    # The mean of the lucky ones says less than half of that.
    assert rows["ttv_mean"].value < rows["ttv_median"].value / 2


def test_sellers_that_stopped_selling(in_june, sellers):
    won, orders = sellers
    sold = orders.groupby("seller_id")["day"].agg(["min", "max"])
    asked = sold[won["day"].reindex(sold.index) <= "2018-06-03"]  # 28 whole days as a seller, and a first order
    silent = asked[asked["max"] < "2018-06-03"]
    rows = {row.kpi_id: row for row in inactive_customers(*in_june, window_days=28)}
    assert (rows["inactive_rate"].numerator, rows["inactive_rate"].denominator) == (len(silent), len(asked))
    excluded, old_enough = rows["inactive_customers"].excluded, won["day"] <= "2018-06-03"
    never = won.index.difference(sold.index)
    assert excluded["customers: too new"] == (~old_enough).sum()
    assert excluded["customers: onboarding, no value yet"] == old_enough[never].sum()


def test_weeks_in_which_sellers_sold(in_june, sellers):
    won, orders = sellers
    age = (pd.Timestamp("2018-06-30") - orders["day"]).dt.days
    weeks = (age[age < 49] // 7).groupby(orders["seller_id"]).nunique().reindex(won.index, fill_value=0)
    new = won["day"] > "2018-05-19"  # 42 days and less: not seven weeks
    expected = weeks[~new].value_counts().to_dict()
    rows = {row.segment: row.value for row in pac_user(*in_june) if row.kpi_id == "pac_users"}
    assert rows == {**{str(score): expected.get(score, 0) for score in range(8)}, "new": new.sum()}
