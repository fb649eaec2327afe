"""The sample company's customers at work: that nothing contradicts the contracts, and the stories that use tells.

Every figure is computed here in pandas from the written Parquet, by hand and apart from the cards.
"""

import datetime as dt
from functools import cache

import pandas as pd
import pyarrow.parquet as pq
import pytest

from helpers.params import load_review, project_root
from sample import write_sample
from sample.time_and_chance import END as END_DAY
from tests.sample.views import figure, opened

END = pd.Timestamp(END_DAY)
SILENT_BEFORE_RENEWAL = pd.Timestamp("2026-08-28")
SELF_SERVICE_ON = pd.Timestamp("2026-04-13")

RULES = {
    "a user's key is not unique": "select user_id from users group by all having count(*) > 1",
    "an event's key is not unique": """
        select user_id, event, occurred_at from once group by all having count(*) > 1""",
    "a user does the same twice in a day": """
        select user_id, event, feature, local_day from sound group by all having count(*) > 1""",
    "a milestone's key is not unique": """
        select customer_id, stage, started_on from milestones group by all having count(*) > 1""",
    "an entitlement's key is not unique": """
        select customer_id, meter, start_on from entitlements group by all having count(*) > 1""",
    "a reading's key is not unique": """
        select customer_id, object_id, metric, "at" from measurements group by all having count(*) > 1""",
    "a user without its customer": "select 1 from users anti join customers using (customer_id)",
    "an event without its user": "select 1 from events anti join users using (user_id)",
    "an event of another customer than its user's": """
        select 1 from events e join users u using (user_id) where e.customer_id <> u.customer_id""",
    "a milestone without its customer": "select 1 from milestones anti join real using (customer_id)",
    "a limit without its customer": "select 1 from entitlements anti join real using (customer_id)",
    "a reading without its limit": """
        select 1 from measurements m where metric in ('routes', 'api_calls') and not exists (
            from entitlements e where e.customer_id = m.customer_id and e.meter = m.metric
                and e.start_on <= m."at"::date and coalesce(e.end_on > m."at"::date, true))""",
    "a parent that is not there or has one": """
        select 1 from customers c left join customers p on p.customer_id = c.parent_id
        where c.parent_id is not null and (p.customer_id is null or p.parent_id is not null or p.is_test)""",
    "an address that is not an example": r"""
        select contact_email from customers
        where not regexp_matches(contact_email, '^[a-z.]+@[a-z0-9-]+\.example$') or contact_email is null""",
    "a person before the account, or gone before they came": """
        select 1 from users join customers using (customer_id)
        where created_on < signed_up_on or deactivated_on < created_on or created_on >= date '2026-10-01'""",
    "an event when the customer had no contract and no trial": """
        select 1 from (select distinct customer_id, local_day from sound) e where not exists (
            from subscriptions s where s.customer_id = e.customer_id and s.start_on <= local_day
                and coalesce(s.end_on > local_day, true))""",
    "an event of a person who has left": """
        select 1 from sound e join users u using (user_id) where local_day >= u.deactivated_on""",
    "a use of a product that the customer does not have": """
        select 1 from (select distinct customer_id, event, local_day from sound) e
        where event in ('dashboard_viewed', 'suggestion_accepted') and not exists (
            from subscriptions s where s.customer_id = e.customer_id and s.start_on <= local_day
                and s.product = if(event = 'dashboard_viewed', 'Insights', 'Assist')
                and coalesce(s.end_on > local_day, true))""",
    "an event after the end of the history": "select 1 from sound where occurred_at >= timestamptz '2026-10-01'",
    "people before 7 and machines after 5": """
        select 1 from sound where local_hour not between if(is_automated, 4, 7) and if(is_automated, 4, 23)""",
    "a stage that ends before it starts": "select 1 from milestones where ended_on < started_on",
    "a stage of a customer that signed before the history": """
        select 1 from milestones join real using (customer_id) where ttv_start_on < date '2023-07-01'""",
    "waiting for nobody, or work that is waited for": """
        select 1 from milestones where (kind = 'waiting') <> (waiting_on is not null) or kind is null""",
    "value that the customer's own column contradicts": """
        select customer_id from real left join (from milestones where stage = 'value') using (customer_id)
        where ttv_start_on >= date '2023-07-01' and first_value_on is distinct from started_on""",
    "value before the order or after the end": """
        select 1 from real where first_value_on < ttv_start_on or first_value_on >= date '2026-10-01'
            or (first_value_on is not null and ttv_start_on is null)""",
    "an open stage of a customer that came to value or left": """
        select 1 from milestones m join real using (customer_id)
        where m.ended_on is null and (first_value_on is not null or not exists (
            from paid where paid.customer_id = m.customer_id and coalesce(end_on >= date '2026-10-01', true)))""",
    "limits that overlap": """
        select 1 from entitlements a join entitlements b using (customer_id, meter)
        where a.start_on < b.start_on and coalesce(a.end_on > b.start_on, true)""",
    "seats where none are sold": """
        select 1 from subscriptions join customers using (customer_id)
        where seat_based <> (product = 'Dispatch' and plan <> 'Enterprise' and product_type = 'interactive')""",
}


@pytest.fixture(scope="module")
def usage(engine):
    """Gives the sample of a size with two tables more: its events once each, and the sound ones among them.

    Those of devices whose clock is wrong are not sound.
    """

    @cache
    def with_events(size):
        engine(size).execute("""
            create table once as
                select distinct *, occurred_at::date as local_day, hour(occurred_at) as local_hour from events;
            create view sound as from once where recorded_at is null or occurred_at <= recorded_at + interval 1 day""")
        return engine(size)

    return with_events


@pytest.mark.parametrize(
    "size",
    ["tiny", pytest.param("default", marks=pytest.mark.whole), pytest.param("medium", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("rule", RULES)
def test_nothing_breaks(rule, size, usage):
    broken = usage(size).execute(RULES[rule]).fetchall()
    assert len(broken) == 0, broken[:3]


# --- the tables in pandas, without what hygiene takes out -------------------------------------------------------------


@pytest.fixture(scope="module")
def read(sample_folder, takes_seconds):
    return {file.stem: pd.read_parquet(file) for file in sample_folder().glob("*.parquet")}


@pytest.fixture(scope="module")
def customers(read):
    found = read["customers"]
    found = found[~found.is_test & found.merged_into.isna()].set_index("customer_id")
    for name in ("signed_up_on", "ttv_start_on", "first_value_on", "first_paid_on"):
        found[name] = pd.to_datetime(found[name])
    return found


@pytest.fixture(scope="module")
def roster(read):
    users = read["users"].assign(
        created_on=lambda u: pd.to_datetime(u.created_on), deactivated_on=lambda u: pd.to_datetime(u.deactivated_on)
    )
    return users[~users.is_internal]


@pytest.fixture(scope="module")
def core(read, roster):
    """Core actions: neither automated nor a log-in, of people of the customers; with their local day."""
    events = read["events"].drop_duplicates()
    events = events[~events.is_automated & (events.event != "login") & events.user_id.isin(roster.user_id)]
    events = events[~(events.occurred_at > events.recorded_at + pd.Timedelta(days=1))]
    return events.assign(day=events.occurred_at.dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.normalize())


def paying(read, day: pd.Timestamp) -> pd.DataFrame:
    """The subscription versions that are paid for on a day."""
    found = read["subscriptions"]
    start, end = pd.to_datetime(found.start_on), pd.to_datetime(found.end_on)
    running = (start <= day) & ~(end <= day) & (found.status != "trialing") & found.recorded_at.isna()
    return found[running]


def silent(read, customers, core, end: pd.Timestamp) -> set[str]:
    """Customers that pay, came to value, are worked with by people, and have had no core action for 14 days."""
    paid = paying(read, end - pd.Timedelta(days=1))
    of = customers[customers.index.isin(paid.customer_id) & (customers.product_type == "interactive")]
    of = of[(of.first_value_on < end) & (of.first_paid_on <= end - pd.Timedelta(days=14))]
    window = core[(core.day >= end - pd.Timedelta(days=14)) & (core.day < end)]
    return set(of.index) - set(window.customer_id)


def coefficients(read, roster, core, end: pd.Timestamp) -> pd.Series:
    """Of each person on the roster, the weeks of seven with a core action."""
    paid = paying(read, end - pd.Timedelta(days=1)).customer_id
    of = roster[roster.customer_id.isin(paid) & (roster.created_on < end) & ~(roster.deactivated_on < end)]
    window = core[(core.day >= end - pd.Timedelta(days=49)) & (core.day < end)]
    weeks = ((end - window.day).dt.days - 1) // 7
    return weeks.groupby(window.user_id).nunique().reindex(of.user_id, fill_value=0)


# --- magnitudes -------------------------------------------------------------------------------------------------------


def test_magnitudes(read, roster, core, customers):
    assert 7_000 <= len(read["users"]) <= 10_000
    assert 750_000 <= len(read["events"]) <= 1_000_000
    assert core.event.nunique() == 12
    assert core.feature.nunique() == 10
    assert core.day.max() == pd.Timestamp("2026-09-30")
    assert core.day.min() < pd.Timestamp("2023-07-10")
    weekdays = core.groupby(core.day.dt.day_of_week).size() / len(core)
    assert weekdays.loc[:4].min() > 0.15
    assert weekdays.loc[5:].max() < 0.02
    christmas = core[core.day.between("2025-12-22", "2026-01-04")]
    assert len(christmas) < 0.6 * len(core[core.day.between("2025-12-01", "2025-12-14")])
    assert {name: int(n) for name, n in roster.persona.value_counts().items()}.keys() == {
        "dispatcher", "operations manager", "technician", "team lead", "finance", "director", "integration",
    }  # fmt: skip
    assert 0.01 < roster.persona.isna().mean() < 0.03


def test_every_band_of_activity_has_its_people(read, roster, core):
    share = coefficients(read, roster, core, END).value_counts(normalize=True).sort_index()
    assert share.index.tolist() == list(range(8))
    assert share.min() > 0.05
    assert 0.15 < share[0] < 0.30
    assert 0.20 < share[6] + share[7] < 0.35


def test_seats_are_filled_and_used_as_a_seller_would_expect(read, roster, core):
    paid = paying(read, END - pd.Timedelta(days=1))
    seats = paid[paid.seat_based].groupby("customer_id").quantity.sum()
    there = roster[(roster.created_on < END) & ~(roster.deactivated_on < END)]
    assigned = there.groupby("customer_id").size().reindex(seats.index, fill_value=0)
    active = core[core.day >= END - pd.Timedelta(days=28)].groupby("customer_id").user_id.nunique()
    active = active.reindex(seats.index, fill_value=0)
    assert 0.68 < assigned.sum() / seats.sum() < 0.85
    assert 0.48 < active.sum() / seats.sum() < 0.65
    assert 3 <= (assigned > seats).sum() <= 20
    assert 1 <= (assigned == 0).sum() <= 6  # nobody on the roster


def test_features_are_used_by_those_they_are_for_with_gaps(read, roster, core):
    window = core[core.day >= END - pd.Timedelta(days=28)].merge(roster[["user_id", "persona"]], on="user_id")
    people = window.groupby("persona").user_id.nunique()
    used = window.groupby(["persona", "feature"]).user_id.nunique().unstack(fill_value=0).div(people, axis=0)
    assert used.loc["dispatcher", "planning board"] > 0.95
    assert 0.25 < used.loc["dispatcher", "route planner"] < 0.55
    assert used.loc["technician", "mobile app"] > 0.95
    assert used.loc["technician", "invoicing"] == 0
    assert used.loc["director", "dashboards"] < 0.3


def test_flaws_that_a_feed_has(read, roster):
    events = read["events"]
    assert events.duplicated().sum() == 14
    assert (events.occurred_at > events.recorded_at + pd.Timedelta(days=1)).sum() == 9
    late = events[events.recorded_at > events.occurred_at]
    assert 200 < len(late) < 3_000
    assert set(late.event) == {"job_completed"}
    assert 1 <= (late.recorded_at >= END.tz_localize("Europe/Berlin")).sum() <= 30  # known only later
    days = events.occurred_at.dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    created = pd.to_datetime(read["users"].set_index("user_id").created_on).reindex(events.user_id)
    assert 1 <= (days.to_numpy() < created.to_numpy()).sum() <= 200
    internal = read["users"][read["users"].is_internal]
    assert len(internal) > 20
    assert events.user_id.isin(internal.user_id).sum() > 500


# --- stories ----------------------------------------------------------------------------------------------------------


def test_story_a_large_customer_has_gone_silent_before_its_renewal(read, core, customers):
    """370 seats; nobody has acted since 28 August, though its nightly synchronisation goes on; renewal in December."""
    quiet = silent(read, customers, core, END)
    paid = paying(read, END - pd.Timedelta(days=1))
    paid = paid[paid["product"] == "Dispatch"].set_index("customer_id")
    largest = paid.quantity.loc[list(quiet)].idxmax()
    assert paid.quantity[largest] == 370
    assert pd.Timestamp(paid.renewal_on[largest]) == pd.Timestamp("2026-12-01")
    assert core[core.customer_id == largest].day.max() == SILENT_BEFORE_RENEWAL
    nights = read["events"][(read["events"].customer_id == largest) & (read["events"].event == "sync_completed")]
    assert nights.occurred_at.max().date() == dt.date(2026, 9, 30)
    spring = core[(core.customer_id == largest) & core.day.between("2026-05-01", "2026-05-28")]
    assert spring.user_id.nunique() > 25


def test_story_more_customers_are_silent_than_a_year_ago(read, core, customers):
    now, year_ago = (silent(read, customers, core, end) for end in (END, END - pd.DateOffset(years=1)))
    eligible = customers[customers.product_type == "interactive"].index
    running = paying(read, END - pd.Timedelta(days=1)).customer_id
    assert 0.05 < len(now) / len(set(running) & set(eligible)) < 0.11
    assert 1 <= len(year_ago) < 0.7 * len(now)


def test_story_some_fell_silent_and_some_came_back_in_the_last_week(read, core, customers):
    now, then = (silent(read, customers, core, end) for end in (END, END - pd.Timedelta(days=7)))
    assert 2 <= len(now - then) <= 8
    assert 2 <= len(then - now) <= 8


def test_story_silence_means_nothing_where_a_system_calls(read, core, customers):
    """The calls go on every day at customers whose people look in once in a while; one agent of another has died."""
    paid = set(paying(read, END - pd.Timedelta(days=1)).customer_id)
    events = read["events"].assign(day=read["events"].occurred_at.dt.date)
    recent = events[events.day.between(dt.date(2026, 9, 17), dt.date(2026, 9, 30))]
    api = customers[(customers.product_type == "api") & customers.index.isin(paid)].index
    watched = customers[(customers.product_type == "monitoring") & customers.index.isin(paid)].index
    assert len(api) >= 8
    assert set(api) <= set(recent[recent.event == "api_call"].customer_id)
    people = core[core.day >= END - pd.Timedelta(days=14)].customer_id
    assert len(set(api) - set(people)) >= 2  # they would be called for nothing
    beating = set(recent[recent.event == "agent_heartbeat"].customer_id)
    assert len(set(watched) - beating) == 1
    assert len(beating) >= 4


def test_story_people_use_it_less_than_in_the_second_quarter(read, roster, core):
    now = coefficients(read, roster, core, END)
    before = coefficients(read, roster, core, pd.Timestamp("2026-07-01"))
    both = now.to_frame("now").join(before.rename("before"), how="inner")
    up, down = (both.now > both.before).sum(), (both.now < both.before).sum()
    assert down > 1.1 * up
    customer = roster.set_index("user_id").customer_id.reindex(both.index)
    mean = both.groupby(customer.to_numpy()).mean().assign(people=customer.value_counts())
    fallen = mean[(mean.people >= 8) & (mean.before - mean.now > 1.5)]
    assert 10 <= len(fallen) <= 40  # whole accounts that moved down, not chance


def test_story_who_left_had_used_it_less(read, core, customers):
    """The largest that ever left: 410 seats, until July 2026."""
    lost = read["subscriptions"][(read["subscriptions"].quantity == 410)].customer_id.iloc[0]
    weekly = core[core.customer_id == lost].groupby("day").user_id.nunique().resample("7D").sum()
    before, after = weekly.loc["2025-10-01":"2025-11-30"].mean(), weekly.loc["2026-04-01":"2026-05-10"].mean()
    assert after < 0.6 * before
    assert core[core.customer_id == lost].day.max() < pd.Timestamp("2026-07-01")


def test_story_customers_connect_their_systems_themselves_since_april(read, customers):
    """Of customers that came to value: the connector's days, a mean over all of them, and the days in all."""
    new = customers[(customers.ttv_start_on >= "2025-04-13") & customers.first_value_on.notna()]
    days = (new.first_value_on - new.ttv_start_on).dt.days
    stage = read["milestones"][read["milestones"].stage == "connectors"]
    taken = (pd.to_datetime(stage.ended_on) - pd.to_datetime(stage.started_on)).dt.days
    taken = taken.groupby(stage.customer_id).sum().reindex(new.index, fill_value=0)
    after = new.ttv_start_on >= SELF_SERVICE_ON
    assert after.sum() >= 12
    assert taken[after].mean() < 0.4 * taken[~after].mean()
    assert taken[~after].mean() - taken[after].mean() > 8
    assert days[after].median() < 0.85 * days[~after].median()
    improvements = load_review(project_root() / "params/review.yml").improvements
    [done] = [each for each in improvements if each.stage == "connectors"]
    assert (done.status, pd.Timestamp(done.done_on)) == ("done", SELF_SERVICE_ON)
    assert len(improvements) == 3


def test_story_some_wait_still_and_some_left_without_value(read, customers):
    new = customers[customers.ttv_start_on >= "2023-07-01"]
    without = new[new.first_value_on.isna()]
    versions = read["subscriptions"]
    here = without.index.isin(versions[~(pd.to_datetime(versions.end_on) <= END)].customer_id)
    assert 5 <= here.sum() <= 20
    assert 5 <= (~here).sum() <= 15  # 5 % and more of those that signed: a rival event that counts
    waited = END - without[here].ttv_start_on
    assert (waited > pd.Timedelta(days=130)).sum() >= 2  # a connector that is promised and not finished
    each = read["milestones"].sort_values(["customer_id", "started_on"])
    follows = each.customer_id.eq(each.customer_id.shift(-1))
    overlap = follows & (pd.to_datetime(each.started_on.shift(-1)) < pd.to_datetime(each.ended_on))
    assert overlap.mean() > 0.2


def test_story_quotas_some_near_some_beyond_and_one_corrected(read):
    readings = read["measurements"][read["measurements"].metric.isin(["routes", "api_calls"])]
    month = readings[readings["at"] >= pd.Timestamp("2026-09-01", tz="Europe/Berlin")]
    limit = read["entitlements"]
    limit = limit[(limit.start_on < dt.date(2026, 10, 1)) & ~(pd.to_datetime(limit.end_on) < END)]
    used = month.groupby("customer_id").value.sum() / limit.groupby("customer_id").limit_qty.last()
    assert set(limit.reset) == {"month"}
    assert 3 <= (used > 1).sum() <= 15
    assert 3 <= used.between(0.9, 1).sum() <= 15
    assert 0.4 < used.median() < 0.65
    negative = readings[readings.value < 0]
    assert len(negative) == 1
    assert month[month.customer_id == negative.customer_id.iloc[0]].value.sum() > 0


def test_groups_and_ways_of_use(customers):
    assert customers.product_type.value_counts().index[0] == "interactive"
    assert 10 <= (customers.product_type == "api").sum() <= 25
    assert 5 <= (customers.product_type == "monitoring").sum() <= 15
    groups = customers.parent_id.value_counts()
    assert 4 <= len(groups) <= 12
    assert groups.between(2, 3).all()


@pytest.mark.whole
def test_the_record_begins_later_where_it_would_be_too_long(engine, monkeypatch, tmp_path):
    monkeypatch.setattr("sample.usage.FULL_HISTORY", 20)
    rows = write_sample(tmp_path, customers=60, seed=3)
    first = figure(opened(tmp_path), "select epoch(min(occurred_at)) from events")
    full = figure(engine("default"), "select epoch(min(occurred_at)) from events")
    assert full < pd.Timestamp("2023-07-04", tz="UTC").timestamp()
    # 60 customers are 72 accounts: 60 + 7 prospects + 4 tests + 1 double; 1,188 days x 20 / 72 = 330 before 1 October
    assert pd.Timestamp("2025-11-05") <= pd.Timestamp(first, unit="s") < pd.Timestamp("2025-11-06 23:59")
    assert rows["events"] == pq.read_metadata(tmp_path / "events.parquet").num_rows


@pytest.mark.whole
def test_a_long_table_is_made_in_groups_of_accounts(sample_folder):
    """Three groups of at most 150 of the 341 accounts, so that memory is that of one group."""
    written = pq.ParquetFile(sample_folder() / "events.parquet")
    assert written.num_row_groups == 3
    users = [set(written.read_row_group(i, ["user_id"])["user_id"].to_pylist()) for i in range(3)]
    assert len(set.union(*users)) == sum(map(len, users))  # nobody is in two of them
