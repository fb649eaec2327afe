"""A real pipeline: 8,000 leads of Olist, against the figures that others published of the same files."""

import csv
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import pytest

from helpers.data.prepare import prepare
from helpers.kpis.pipeline_conversion import funnel_cohort
from helpers.kpis.stages import journeys, reached
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
