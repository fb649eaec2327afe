"""A chart whose table was refused, or has no rows, says why in the picture's place; it never fails a section."""

import pandas as pd
import pytest

from helpers import results
from helpers.display import charts
from helpers.display.context import Context, Results
from helpers.display.shown_tables import Table
from helpers.periods import Calendar
from helpers.results import Listing

PERIOD = Calendar().period("2026Q3")
CONTEXT = Context(PERIOD, "EUR", "#1f4e79")
REFUSED = Table(Listing("Silence", pd.DataFrame(), {}, "Refused: the event feed ends on 2026-09-01."), CONTEXT)


@pytest.mark.parametrize(
    "form",
    [charts.flows, charts.matrix, lambda table: charts.bullets(table, "active", "seats"), charts.curve,
     lambda table: charts.cascade(table, "Mean"), charts.timelines, charts.counts, charts.at_risk,
     lambda table: charts.dots(table, "start_on", "days", "customers"),
     lambda table: charts.scatter(table, "paid", "value", "customers")],
)  # fmt: skip
def test_a_refused_table(form):
    chart = form(REFUSED)
    assert chart.svg == ""
    assert "the event feed ends on" in chart._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    ("form", "kpi_id"), [(charts.heat_map, "feature_adoption"), (charts.histogram, "pac_users")], ids=["heat", "bars"]
)
def test_a_refused_kpi(form, kpi_id):
    frame = results.frame([results.refused(kpi_id, PERIOD, "the event feed ends on 1 September")])
    chart = form(Results(frame, CONTEXT), kpi_id)
    assert chart.svg == ""
    assert "the event feed ends on 1 September" in chart.sentence
