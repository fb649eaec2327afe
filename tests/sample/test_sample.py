"""The sample company: the same bytes every time, and a history in which nothing happens before it can.

The rules are SQL over the written Parquet, so that they know nothing of how the history was made.
"""

import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.params import load_source, project_root
from helpers.periods import Calendar
from sample import write_sample
from sample.accounts import make_accounts
from sample.names import COMPANY
from sample.time_and_chance import stream
from tests.sample.views import SIZES, TABLES, figure, opened

ASKED = [
    "tiny", pytest.param("default", marks=pytest.mark.whole), pytest.param("odd", marks=pytest.mark.whole),
    pytest.param("large", marks=pytest.mark.slow),
]  # fmt: skip

# What must not be there: each query counts the rows that break the rule of its name.
RULES = {
    "a customer's key is not unique": "select customer_id from customers group by all having count(*) > 1",
    "a version's key is not unique": "select line_id, start_on from subscriptions group by all having count(*) > 1",
    "a deal's key is not unique": "select deal_id from deals group by all having count(*) > 1",
    "a stage is entered twice": "select record_id, stage from stage_history group by all having count(*) > 1",
    "an invoice line's key is not unique": "select invoice_line_id from invoices group by all having count(*) > 1",
    "a subscription without its customer": "select 1 from subscriptions anti join customers using (customer_id)",
    "a deal without its customer": """
        select 1 from deals anti join customers using (customer_id) where customer_id is not null""",
    "an invoice without its customer": "select 1 from invoices anti join real using (customer_id)",
    "cash from customers that is not what they paid": """
        with paid as (select paid_on as day, currency, sum(amount) as amount from invoices
            where paid_on >= date '2023-07-01' group by all),
        came as (select moved_on as day, currency, amount from cash_movements where category = 'customers')
        select 1 from paid full join came using (day, currency)
        where abs(coalesce(paid.amount, 0) - coalesce(came.amount, 0)) > 0.006""",
    "an account that does not begin with its one opening balance": """
        select account from cash_movements group by all having count(*) filter (category = 'opening') <> 1
            or min(moved_on) filter (category = 'opening') > min(moved_on)""",
    "stages without their deal": "select 1 from stage_history s anti join deals d on s.record_id = d.deal_id",
    "two customers of one name": """
        select lower(name) from customers where merged_into is null group by all having count(*) > 1""",
    "a name with a number in it": r"select 1 from customers where regexp_matches(name, '\d')",
    "a subscription before the sign-up": """
        select 1 from subscriptions join customers using (customer_id) where start_on < signed_up_on""",
    "a deal before the sign-up": """
        select 1 from deals join customers using (customer_id) where created_at::date < signed_up_on""",
    "a deal closed before it was created": "select 1 from deals where closed_at < created_at",
    "a deal that is won or lost and not closed": "select 1 from deals where (outcome = 'open') <> (closed_at is null)",
    "a won deal without a price or customer": """
        select 1 from deals where outcome = 'won' and (coalesce(amount, 0) <= 0 or customer_id is null)""",
    "a customer that paid before a deal was won": """
        select 1 from paid where not exists (
            from won where won.customer_id = paid.customer_id and won.won_on <= paid.start_on)""",
    "a new customer without exactly one new-logo deal": """
        select customer_id from real left join (from won where deal_type = 'new_logo') using (customer_id)
        where first_paid_on >= date '2023-10-01' group by all having count(deal_id) <> 1""",
    "a new-logo deal after the first paid day": """
        select 1 from won join real using (customer_id) where deal_type = 'new_logo' and won_on > first_paid_on""",
    "a first paid day that the subscriptions contradict": """
        select customer_id from paid join real using (customer_id) group by customer_id, first_paid_on
        having min(start_on) < first_paid_on
            or min(start_on) > first_paid_on and min(start_on) >= date '2023-07-01'""",
    "a version that ends before it starts": "select 1 from subscriptions where end_on <= start_on",
    "versions of a line that do not touch": """
        select 1 from (
            select *, lead(start_on) over (partition by line_id order by start_on) as next_on from subscriptions)
        where next_on is not null and (end_on is null or end_on <> next_on)""",
    "a service that ends before it was cancelled": """
        select 1 from subscriptions where cancelled_at::date >= end_on or cancelled_at::date < start_on""",
    "a cancellation without a reason, or a reason without one": """
        select 1 from subscriptions where (cancelled_at is null) <> (cancel_reason is null)""",
    "a version after the cancellation": """
        select 1 from subscriptions a join subscriptions b using (line_id)
        where a.cancelled_at is not null and b.start_on > a.start_on""",
    "a line that ended in the past without a cancellation": """
        select line_id from paid group by all having bool_and(coalesce(end_on <= date '2026-09-30', false))
            and bool_and(cancelled_at is null)""",
    "a second spell before the first ended": """
        select 1 from paid a join paid b on a.customer_id = b.customer_id and a.product = b.product
            and a.subscription_id < b.subscription_id where coalesce(a.end_on, date '9999-12-31') > b.start_on""",
    "an added product without the core one": """
        select 1 from paid a where product <> 'Dispatch' and start_on <= date '2026-09-30' and not exists (
            from paid b where b.customer_id = a.customer_id and b.product = 'Dispatch' and b.start_on <= a.start_on
                and coalesce(b.end_on, date '9999-12-31') > a.start_on)""",
    "a trial that is not the line's beginning": """
        select 1 from subscriptions t join subscriptions p using (line_id)
        where t.status = 'trialing' and p.start_on < t.start_on""",
    "a renewal day that is not the term's end": """
        select 1 from paid where renewal_on is not null and end_on > renewal_on""",
    "a price that is not above 0": "select 1 from paid where mrr <= 0 or quantity < 1 or discount_mrr < 0",
    "a product before its launch": """
        select 1 from subscriptions join products using (product) where start_on < launched_on
        union all select 1 from deals join products using (product) where closed_at::date < launched_on""",
    "a new line whose price no deal explains": """
        select 1 from steps where mrr_before = 0 and not exists (
            from won where won.customer_id = steps.customer_id and won.product = steps.product
                and won_on <= steps.start_on and abs(per_month - steps.mrr) < 0.005)""",
    "more seats without a deal": """
        select 1 from steps where seats_before between 1 and quantity - 1 and not exists (
            from won where won.customer_id = steps.customer_id and won.product = steps.product
                and won_on between start_on - 60 and start_on
                and least(abs(per_month - mrr + mrr_before), abs(per_month - mrr)) < 0.01)""",
    "a renewal of a larger account without a deal": """
        select 1 from steps join real using (customer_id)
        where segment <> 'Small business' and mrr_before > 0 and renewal_on is not null and exists (
                from steps p where p.line_id = steps.line_id and p.renewal_on = steps.start_on)
            and not exists (from won where won.customer_id = steps.customer_id and deal_type = 'renewal'
                and won.product = steps.product and won_on <= start_on and abs(per_month - mrr) < 0.01)""",
    "stages out of order": """
        select 1 from leads where lead is null or mql < lead or sql < mql or opportunity < sql
            or (sql is not null and mql is null) or (opportunity is not null and sql is null)
            or (won is not null and opportunity is null) or (won is not null and lost is not null)
            or least(won, lost) <= greatest(lead, mql, sql, opportunity)""",
    "stages that the deal contradicts": """
        select 1 from leads join deals on record_id = deal_id
        where lead <> created_at or (won is not null) <> (outcome = 'won') or (lost is not null) <> (outcome = 'lost')
            or coalesce(won, lost) is distinct from closed_at""",
    "a stage left at another time than the next was entered": """
        select 1 from (select *, lead(entered_at) over (partition by record_id order by entered_at) as next_at
            from stage_history) where exited_at is distinct from next_at""",
    "new business since the start without stages": """
        select 1 from deals anti join leads on record_id = deal_id
        where deal_type = 'new_logo' and created_at >= timestamptz '2023-07-01'""",
    "a customer with two currencies": """
        select customer_id from (select customer_id, currency from subscriptions union select customer_id, currency
            from invoices union select customer_id, currency from deals where currency is not null)
        where customer_id is not null group by all having count(*) > 1""",
    "dollars outside the United States": """
        select 1 from subscriptions join customers using (customer_id) where (currency = 'USD') <> (country = 'US')""",
    "a month of a paid version that no invoice covers": """
        select 1 from paid, range(date '2023-07-31', date '2026-10-01', interval 1 month) m(d)
        where start_on <= last_day(d) and coalesce(end_on > last_day(d), true) and recorded_at is null and not exists (
            from invoices i where i.customer_id = paid.customer_id and i.kind = 'recurring' and i.amount > 0
            and i.invoiced_on <= last_day(d) and i.invoiced_on > last_day(d)
                - case "interval" when 'month' then interval 1 month when 'quarter' then interval 3 month
                  else interval 1 year end - interval 1 day)""",
    "an invoice to nobody's subscription": """
        select 1 from invoices i where amount > 0 and not exists (
            from paid where paid.customer_id = i.customer_id and start_on <= invoiced_on)""",
    "services that no deal sold, or that were not invoiced": """
        select 1 from (select customer_id, sum(amount) as amount from invoices where kind = 'services' group by 1) i
        full join (from won where one_off_amount > 0) d using (customer_id)
        where i.amount is distinct from d.one_off_amount
            and customer_id in (select customer_id from paid where start_on < date '2026-10-01')""",
    "an amount of nothing": "select 1 from invoices where coalesce(amount, 0) = 0",
    "paid or due before it was invoiced": "select 1 from invoices where paid_on < invoiced_on or due_on < invoiced_on",
    "a credit note that is due": "select 1 from invoices where amount < 0 and due_on is not null",
    "late entries that are not late": """
        select 1 from deals where recorded_at is not null and (outcome <> 'won'
            or recorded_at < timestamptz '2026-10-01' or closed_at > timestamptz '2026-10-01')""",
    "a late deal whose stages or contract were known in time": """
        select 1 from deals d join stage_history s on s.record_id = d.deal_id
            where d.recorded_at is distinct from s.recorded_at
        union all select 1 from deals d join subscriptions s using (customer_id)
            where d.recorded_at is not null and s.recorded_at is distinct from d.recorded_at""",
    "anything after the end of the history": """
        select 1 from deals where greatest(created_at, closed_at) >= timestamptz '2026-10-01'
        union all select 1 from stage_history where entered_at >= timestamptz '2026-10-01'
        union all select 1 from subscriptions where cancelled_at >= timestamptz '2026-10-01'
        union all select 1 from invoices where paid_on > date '2026-09-30'
        union all select 1 from invoices where invoiced_on > date '2026-09-30' and recorded_at is null""",
    "a deal on a day off": """
        select 1 from deals
        where isodow(created_at) > 5 or isodow(closed_at) > 5 or hour(closed_at) not between 8 and 17""",
    "a rate without a day twice, or no month end": """
        select 1 from fx_rates where "on" is null group by currency having count(*) > 1
        union all select 1 from fx_rates where "on" <> last_day("on") or rate <= 0""",
}


@pytest.fixture
def company(engine, takes_seconds):
    return engine("default")


@pytest.mark.parametrize("size", ASKED)
@pytest.mark.parametrize("rule", RULES)
def test_nothing_breaks(rule, size, engine):
    broken = engine(size).execute(RULES[rule]).fetchall()
    assert len(broken) == 0, broken[:3]


@pytest.fixture(scope="module")
def again(tmp_path_factory, takes_seconds):
    """The sample of 300 customers made a second time: its folder, and what was told of it."""
    folder = tmp_path_factory.mktemp("again") / "made" / "on the way"
    return folder, write_sample(folder)


def test_same_size_and_seed_give_the_same_bytes(again, sample_folder):
    for name in TABLES:
        once, twice = (folder / f"{name}.parquet" for folder in (sample_folder(), again[0]))
        assert once.read_bytes() == twice.read_bytes(), name


def test_rows_are_told_per_table(again):
    folder, rows = again
    assert rows == {name: pq.read_metadata(folder / f"{name}.parquet").num_rows for name in TABLES}


def test_another_seed_is_another_history(sample_folder):
    names = pq.read_table(sample_folder(**SIZES["tiny"]) / "customers.parquet").column("name").to_pylist()
    assert names == make_accounts(seed=1, customers=10).name.tolist()
    assert names != make_accounts(seed=2, customers=10).name.tolist()


def test_a_stream_does_not_depend_on_the_others():
    alone = stream(2026, "users").integers(10**9, size=3)
    stream(2026, "deals").integers(10**9, size=1000)
    assert stream(2026, "users").integers(10**9, size=3).tolist() == alone.tolist()


@pytest.mark.whole
def test_types_are_the_canonical_ones(sample_folder):
    schemas = {name: pq.read_schema(sample_folder() / f"{name}.parquet") for name in TABLES}
    instant = pa.timestamp("us", tz="UTC")
    assert schemas["customers"].field("signed_up_on").type == pa.date32()
    assert schemas["customers"].field("is_test").type == pa.bool_()
    assert schemas["subscriptions"].field("cancelled_at").type == instant
    assert schemas["subscriptions"].field("unit_amount").type == pa.float64()
    assert schemas["subscriptions"].field("quantity").type == pa.float64()  # half a seat can be sold
    assert schemas["deals"].field("amount").type == pa.float64()
    assert {schemas[name].field("recorded_at").type for name in ("deals", "stage_history", "invoices")} == {instant}
    assert schemas["stage_history"].names == ["record_id", "stage", "entered_at", "exited_at", "recorded_at"]
    assert schemas["fx_rates"].names == ["currency", "rate", "on"]


@pytest.mark.parametrize(("size", "message"), [({"customers": 9}, "customers == 9"), ({"seed": -1}, "seed == -1")])
def test_what_cannot_be_made_is_refused(size, message, tmp_path):
    with pytest.raises(KitError, match=re.escape(message)):
        write_sample(tmp_path / "nothing", **size)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.slow
def test_a_hundred_thousand_customers(tmp_path):
    rows = write_sample(tmp_path, customers=100_000, seed=11)
    engine = opened(tmp_path)
    assert rows["customers"] == 112_005  # 12 % prospects, four test accounts, one double
    assert figure(engine, "select count(distinct name) from customers") == 112_005


@pytest.mark.parametrize("size", ASKED)
def test_as_many_customers_signed_as_asked_for(size, engine):
    signed = figure(
        engine(size),
        "select count(distinct customer_id) from won join real using (customer_id) where merged_into is null",
    )
    assert signed == SIZES[size].get("customers", 300)


def test_the_oddities_that_a_source_has(company):
    assert figure(company, "select count(*) from customers where is_test") == 4
    assert figure(company, "select count(*) from customers where merged_into is not null") == 1
    assert figure(company, f"select count(*) from customers where is_test and name not like '{COMPANY} %'") == 0
    assert figure(company, "select count(*) from invoices where amount < 0") > 50
    assert figure(company, "select count(*) from deals where recorded_at is not null") == 3
    assert figure(company, "select count(distinct cancel_reason) from subscriptions") == 4
    assert figure(company, "select count(distinct discount_kind) from subscriptions") == 2
    assert (
        figure(company, "select count(distinct customer_id) from subscriptions where subscription_id like '%-2'") >= 3
    )
    names = [name for (name,) in company.execute("select name from customers").fetchall()]
    for sign in ("&", "'", "é", "ö", "ł", "ñ"):
        assert any(sign in name for name in names), sign


@pytest.mark.whole
def test_prepared_it_leaves_out_only_what_is_meant_to_be(sample_folder, tmp_path):
    source = load_source(project_root() / "params/sources/sample.yml")
    source = source.model_copy(update={"files": sample_folder()})
    period = Calendar(source.timezone).period("2026Q3")
    report = prepare(source, period, currency="EUR", folder=tmp_path / "prepared").report
    excluded = {
        (name, reason): seen["rows"]
        for name, table in report["tables"].items()
        for reason, seen in table["excluded"].items()
    }
    # the lines of test accounts go with them; those of the double belong to the account that it was merged into
    lines = excluded.pop(("subscriptions", "customer_id is of a row left out of customers"))
    internal, theirs = (
        excluded.pop(("users", "internal user")),
        excluded.pop(("events", "user_id is of a row left out of users")),
    )
    users, events = (pd.read_parquet(sample_folder() / f"{name}.parquet") for name in ("users", "events"))
    known = events[events.recorded_at.fillna(events.occurred_at) < pd.Timestamp("2026-10-01", tz="Europe/Berlin")]
    once = known.drop_duplicates()
    skewed = once.occurred_at > once.recorded_at + pd.Timedelta(days=1)
    of_staff = once.user_id.isin(users.user_id[users.is_internal])
    assert excluded == {
        ("customers", "test customer"): 4,
        ("customers", "merged into another customer"): 1,
        ("events", "occurred_at more than a day after recorded_at"): (skewed & ~of_staff).sum(),
    }
    assert report["tables"]["events"]["byte_equal"] == len(known) - len(once)
    assert internal == users.is_internal.sum()
    assert theirs == of_staff.sum()
    assert 4 <= lines <= 20
    order = {check["what"]: check["rows"] for check in report["order"]}
    counted = once[~skewed & ~of_staff]
    day = counted.occurred_at.dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.normalize()
    created = pd.to_datetime(counted.user_id.map(users.set_index("user_id").created_on))
    assert order.pop("events before their user was created") == (day < created).sum() > 0
    assert set(order.values()) == {0}
    told = {name for name, table in report["tables"].items() if table["warnings"] or table["unlinked"]}
    assert told == set()
    late = {name: table["not_yet_known"] for name, table in report["tables"].items()}
    assert late["deals"] == 3
    assert late["stage_history"] == 15  # lead to won, each
