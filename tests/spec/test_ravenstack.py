"""A made-up company that contradicts itself: its data report must say so, with the counts that others published."""

import os
from pathlib import Path

import pandas as pd
import pytest

from helpers.data.prepare import prepare
from helpers.kpis.recurring_revenue import mrr, retention
from helpers.kpis.spine import Spine
from helpers.params import load_source
from helpers.periods import Calendar
from tests.canonical import defaults, figures

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("KPI_DATA") or ROOT.parent / "shared" / "data") / "ravenstack"
PERIOD = Calendar("UTC").period("2024Q4")

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no RavenStack files in {DATA}; set KPI_DATA to their parent"),
]


def prepared(name, folder, **queries):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        source = load_source(ROOT / f"params/sources/{name}.yml")
    source = source.model_copy(update={"tables": {**source.tables, **queries}})
    return prepare(source, PERIOD, currency="USD", folder=folder)


def totals(card, prepared):
    """The figures of a card without its segments."""
    found = figures(card, Spine(prepared, PERIOD, defaults(), [PERIOD]))
    return {row.kpi_id: row.value for row in found if not row.segment}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return prepared("ravenstack", tmp_path_factory.mktemp("ravenstack"))


def read(name, *dates):
    return pd.read_csv(DATA / f"ravenstack_{name}.csv", parse_dates=list(dates))


def test_use_before_the_subscription_that_is_used(found):
    use = read("feature_usage", "usage_date").merge(read("subscriptions", "start_date"), on="subscription_id")
    assert round((use["usage_date"] < use["start_date"]).mean(), 3) == 0.766  # as published, of all 25,000 rows
    trusted = use[~use["usage_id"].duplicated(keep=False)]
    [check] = [check for check in found.report["order"] if check["what"] == "events before their user was created"]
    assert (check["rows"], check["of"]) == ((trusted["usage_date"] < trusted["start_date"]).sum(), len(trusted))
    assert round(check["rows"] / check["of"], 3) == 0.766
    assert check["warning"]


def test_tickets_before_the_sign_up(found):
    [check] = [check for check in found.report["order"] if check["what"].startswith("tickets created before")]
    tickets = read("support_tickets", "submitted_at").merge(read("accounts", "signup_date"), on="account_id")
    early = (tickets["submitted_at"] < tickets["signup_date"]).sum()
    assert (check["rows"], check["of"], check["warning"]) == (early, len(tickets), True)
    assert check["rows"] / check["of"] == pytest.approx(0.539, abs=0.0006)  # 53.85 %, published as 53.9


def test_usage_ids_that_stand_twice(found):
    events = found.report["tables"]["events"]
    ids = read("feature_usage")["usage_id"]
    assert ids.duplicated().sum() == 21  # as published
    twice = ids.duplicated(keep=False)
    assert events["excluded"]["same key, different content"]["rows"] == twice.sum()
    assert (events["read"], events["clean"]) == (len(ids), (~twice).sum())


def accounts_not_in_trial():
    accounts = read("accounts")
    return set(accounts.loc[~accounts["is_trial"], "account_id"])


def test_customers_of_the_account_list_and_those_lost(tmp_path):
    given = prepared("ravenstack_accounts", tmp_path)
    rows = totals(mrr, given)
    churn, own = read("churn_events"), accounts_not_in_trial()
    lost = own & set(churn.loc[~churn["is_reactivation"], "account_id"])
    assert (len(own), len(lost)) == (403, 272)  # as published
    assert rows["paying_customers"] == len(own - lost)


def test_with_reactivations_other_customers_would_be_lost(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPI_DATA", str(DATA.parent))
        query = load_source(ROOT / "params/sources/ravenstack_accounts.yml").tables["subscriptions"]
    assert "where not is_reactivation" in query
    given = prepared("ravenstack_accounts", tmp_path, subscriptions=query.replace("where not is_reactivation", ""))
    rows = totals(mrr, given)
    own = accounts_not_in_trial()
    lost = own & set(read("churn_events")["account_id"])
    assert rows["paying_customers"] == len(own - lost) != 403 - 272


def test_a_retention_that_no_company_has(found):
    """Near 300 %, as its readers found: what the customers of the end of 2023 paid then, and a year later."""
    lines = read("subscriptions", "start_date", "end_date").query("not is_trial")

    def paid(day):
        there = (lines["start_date"] <= day) & ~(lines["end_date"] <= day)
        return lines[there].groupby("account_id")["mrr_amount"].sum()

    before, now = paid("2023-12-31"), paid("2024-12-31")
    rows = totals(retention, found)
    assert rows["nrr"] == pytest.approx(now.reindex(before.index, fill_value=0).sum() / before.sum())
    assert rows["nrr"] > 2.5
