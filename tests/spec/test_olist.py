"""A real pipeline: 8,000 leads of Olist, against the figures that others published of the same files."""

import csv
import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.kpis.inactive_customers import inactive_customers
from helpers.kpis.pipeline_conversion import funnel_cohort
from helpers.kpis.product_activity import pac_user
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.kpis.time_to_value import ttv
from helpers.params import load_source
from helpers.periods import Calendar
from tests.canonical import defaults, figures

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data") / "olist"
STAGES = ["mql", "won"]
CALENDAR = Calendar("America/Sao_Paulo")
QUARTERS = ["2017Q2", "2017Q3", "2017Q4", "2018Q1", "2018Q2"]  # of all first contacts
LAST_DAY = date(2018, 12, 31)

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no Olist files in {DATA}; set KPI_DATA to their parent"),
]


@pytest.fixture(scope="module")
def leads(tmp_path_factory):
    """The deals and their stages, as known at the end of 2018."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        source = load_source(ROOT / "params/sources/olist.yml")
    tables = {name: source.tables[name] for name in ("deals", "stage_history")}
    period = CALENDAR.period("2018Q4", as_of=LAST_DAY)
    source = source.model_copy(update={"tables": tables})
    return prepare(source, period, currency="BRL", folder=tmp_path_factory.mktemp("olist"))


def cohorts(leads, **given):
    """The rows of the cohorts of all quarters in which somebody asked to sell, followed to the end of 2018."""
    period = CALENDAR.period("2018Q4", as_of=LAST_DAY)
    spine = Spine(leads, period, {**defaults(), **given}, [*period.history(8), period])
    return [row for row in run(funnel_cohort, spine) if row.period.label in QUARTERS]


def published():
    with (DATA / "published_origin_performance.csv").open(newline="") as file:
        return {
            "(none)" if row["origin"] == "NULL" else row["origin"]: (
                int(row["total_leads"]), int(row["won_deals"]), float(row["conv_rate_pct"]),
            )
            for row in csv.DictReader(file)
        }  # fmt: skip


def won_before_asking():
    """The origins of the leads that were won on a day before their first contact, by pandas alone."""
    leads = pd.read_csv(DATA / "olist_marketing_qualified_leads_dataset.csv", parse_dates=["first_contact_date"])
    won = pd.read_csv(DATA / "olist_closed_deals_dataset.csv", parse_dates=["won_date"])
    joined = leads.merge(won, on="mql_id")
    return joined.loc[joined["won_date"] < joined["first_contact_date"], "origin"].fillna("(none)").tolist()


@pytest.mark.parametrize("stages", [STAGES, ["lead", "mql", "sql", "opportunity", "won"]])
def test_conversion_by_origin_as_published(leads, stages):
    """842 of 8,000, and eleven origins; one deal was won before its first contact, so 841 of 7,999 are left."""
    rows = [row for row in cohorts(leads, stages=stages, horizon_days=None) if row.kpi_id == "funnel_conversion"]
    found = {origin: [0, 0] for origin in [*published(), ""]}
    for row in rows:
        found[row.segment][0] += row.denominator
        found[row.segment][1] += row.numerator
    assert found.pop("") == [7999, 841]
    [origin] = won_before_asking()
    found[origin][0] += 1
    found[origin][1] += 1
    assert found == {origin: [n, k] for origin, (n, k, _) in published().items()}
    assert [sum(each) for each in zip(*found.values(), strict=True)] == [8000, 842]
    for origin, (n, k, percent) in published().items():
        assert 100 * k / n == pytest.approx(percent, abs=0.005 + 1e-9), origin


def test_a_deal_won_before_its_first_contact_is_quarantined_and_counted(leads):
    excluded = {name: leads.report["tables"][name]["excluded"] for name in ("deals", "stage_history")}
    assert {name: {reason: found["rows"] for reason, found in each.items()} for name, each in excluded.items()} == {
        "deals": {"closed_at before created_at": 1},
        "stage_history": {"record_id is of a row at fault in deals": 2},
    }


def test_default_stages_name_those_that_olist_does_not_have(leads):
    row = next(row for row in cohorts(leads) if row.kpi_id == "funnel_conversion")
    assert "no record ever entered lead, sql, opportunity" in row.warnings[0]


@pytest.fixture(scope="module")
def in_june(tmp_path_factory):
    """The second quarter of 2018, whose end the orders of the files reach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        source = load_source(ROOT / "params/sources/olist.yml")
    period = CALENDAR.period("2018Q2")
    found = prepare(source, period, currency="BRL", folder=tmp_path_factory.mktemp("june"))
    return Spine(found, period, defaults(), [period])


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
    rows = {row.kpi_id: row for row in figures(ttv, in_june)}
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
    rows = {row.kpi_id: row for row in figures(inactive_customers, in_june, window_days=28)}
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
    rows = {row.segment: row.value for row in figures(pac_user, in_june) if row.kpi_id == "pac_users"}
    assert rows == {**{str(score): expected.get(score, 0) for score in range(8)}, "new": new.sum()}
