"""Ten million events: what it takes to prepare them and to compute the KPIs of activity, against SQL by hand.

The SQL is written for the same answers and no others. Of the data: how many events were read, stand there twice, and
lie before their user was created. Of the review's quarter and the eight before it: how many customers are asked, are
inactive, fell silent within a week and came back, and how many users and customers have which score. Of the last
quarter: how many users of which persona use which feature. Both run in processes of their own, in rotation; what is
told is the time of both parts, peak memory, and their ratio. A part of `bench.py`.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

ROOT = Path(__file__).parents[1]
EVENTS, USERS, CUSTOMERS = 10_000_000, 25_000, 2_500
PER_VISIT = 10  # events of a user on a day
SENT_TWICE = 10_000  # one event of so many arrives twice
ZONE, PERIOD, QUARTERS = "Europe/Berlin", "2026Q3", 8
LAST = date(2026, 9, 30)
WEEK = timedelta(days=7)
WAYS = ("kit", "sql")

Answers = dict[str, list[Any]]


class Measured(NamedTuple):
    """Seconds until the data was ready, then for the KPIs; peak memory; the answers."""

    prepare: float
    kpis: float
    megabytes: float
    answers: Answers


def write(folder: Path, events: int = EVENTS) -> None:
    """The made-up tables: users of very different zeal, who do some ten things on a day that they come."""
    tables = {
        "customers": f"select concat('C', i) as customer_id, concat('Customer ', i) as name, date '2023-01-01' "
        f"as signed_up_on from range({CUSTOMERS}) t(i)",
        "subscriptions": "select concat('S', i) as subscription_id, concat('C', i) as customer_id, "
        f"date '2023-01-01' as start_on, 100.0 as mrr, 'EUR' as currency from range({CUSTOMERS}) t(i)",
        "users": f"select concat('U', i) as user_id, concat('C', i % {CUSTOMERS}) as customer_id, "
        f"concat('persona ', i % 3) as persona, date '2023-01-01' + cast(i % 400 as integer) as created_on "
        f"from range({USERS}) t(i)",
        "events": f"""
            with visits as (
                select i // {PER_VISIT} as visit, i,
                    hash(i // {PER_VISIT}) / 18446744073709551615.0 as zeal
                from range({events}) t(i)
            )
            select concat('E', i) as event_id,
                concat('U', cast(floor({USERS} * power(zeal, 2)) as bigint)) as user_id,
                case hash(i, 1) % 8 when 0 then 'login' when 1 then 'synced' when 2 then 'exported' else 'viewed' end
                    as event,
                concat('feature ', (hash(visit, 2) + hash(i, 2) % 3) % 12) as feature,
                hash(i, 1) % 8 = 1 as is_automated,
                timestamptz '2023-10-01 05:00:00+00' + to_days(cast(hash(visit, 3) % 1095 as integer))
                    + to_seconds(cast(hash(i, 4) % 36000 as integer)) as occurred_at
            from visits, range(case when hash(i, 5) % {SENT_TWICE} = 0 then 2 else 1 end)""",
    }
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        for name, sql in tables.items():
            engine.execute(f"copy ({sql}) to '{folder / name}.parquet' (format parquet)")


def quarter_ends() -> list[date]:
    from helpers.periods import Calendar

    period = Calendar(ZONE).period(PERIOD)
    return [part.measured_on for part in [*period.history(QUARTERS), period]]


def kit(folder: Path) -> Iterator[Answers]:
    """The answers by the kit, as a build gets them: prepare, then the cards for all quarters at once."""
    from helpers.data.prepare import prepare
    from helpers.kpis.inactive_customers.cards import inactive_customers
    from helpers.kpis.product_activity.cards import pac_account, pac_user
    from helpers.kpis.spine import Spine
    from helpers.params import Source
    from helpers.periods import Calendar
    from tests.canonical import defaults

    names = ("customers", "subscriptions", "users", "events")
    queries = {name: f"select * from read_parquet('{name}.parquet')" for name in names}
    source = Source(name="bench", connect="duckdb://", files=folder, timezone="UTC", currency="EUR", tables=queries)
    period = Calendar(ZONE).period(PERIOD)
    prepared = prepare(source, period, currency="EUR", folder=folder / "prepared")
    told = prepared.report["tables"]["events"]
    early = next(check["rows"] for check in prepared.report["order"] if "their user was created" in check["what"])
    yield {"data": [told["read"], told["byte_equal"], early]}
    periods = [*period.history(QUARTERS), period]
    spine = Spine(prepared, period, defaults(), periods)
    rows = [row for card in (inactive_customers, pac_user, pac_account) for row in card(spine)]
    found = {(row.period.label, row.kpi_id, row.segment): row for row in rows}
    answers = {}
    for part in periods:
        silence = [found[part.label, name, ""].value for name in ("inactive_customers", "newly_silent", "returned")]
        users = [found[part.label, "pac_users", name].value for name in (*map(str, range(8)), "new")]
        accounts = [found[part.label, "pac_accounts", str(score)].value for score in range(8)]
        numbers = [found[part.label, "inactive_rate", ""].denominator, *silence, *users, *accounts]
        answers[str(part.measured_on)] = [int(number or 0) for number in numbers]
    features = spine.answers("feature_adoption", "segment")
    used = [
        [*row["segment"].split(" / "), row["used"], row["active"]]
        for row in features
        if row["label"] == PERIOD and row["segment_by"]
    ]
    yield {**answers, "features": used}


def sql(folder: Path) -> Iterator[Answers]:
    """The answers by SQL: the days of activity once, then queries per quarter end."""
    engine = duckdb.connect()
    engine.execute("set timezone = 'UTC'")
    for name in ("customers", "users", "events"):
        engine.execute(f"create view {name} as from read_parquet('{folder}/{name}.parquet')")
    engine.execute(f"""
        create table twice as select event_id, count(*) as times from events group by 1 having count(*) > 1;
        create table days as
        with once as (
            from events where event_id not in (select event_id from twice)
            union all
            (select distinct * from events where event_id in (select event_id from twice))
        )
        select user_id, event, feature, is_automated, cast(timezone('{ZONE}', occurred_at) as date) as day,
            count(*) as events
        from once where occurred_at < timestamptz '2026-10-01 00:00:00+02' group by all""")
    yield {
        "data": [
            number
            for (number,) in engine.execute("""
        select count(*) from events union all select sum(times - 1) from twice
        union all select sum(events) filter (day < created_on) from days join users using (user_id)""").fetchall()
        ]
    }
    engine.execute("create view active as from days where event <> 'login' and not is_automated")
    answers = {str(end): _at(engine, end) for end in quarter_ends()}
    yield {**answers, "features": [list(row) for row in engine.execute(_features(quarter_ends()[-1])).fetchall()]}


def _at(engine: duckdb.DuckDBPyConnection, end: date) -> list[int]:
    """The numbers of one quarter end, in the order of the kit's."""
    silence = engine.execute(f"""
        with last as (
            select customer_id, max(day) as today, max(day) filter (day <= date '{end - WEEK}') as week_before
            from active join users using (user_id)
            where day between date '{end - timedelta(days=20)}' and date '{end}' and created_on <= date '{end}'
            group by 1
        ), states as (
            select coalesce(today < date '{end - timedelta(days=13)}', true) as silent,
                coalesce(week_before < date '{end - timedelta(days=20)}', true) as silent_before
            from customers left join last using (customer_id)
        )
        select count(*), count(*) filter (silent), count(*) filter (silent and not silent_before),
            count(*) filter (silent_before and not silent) from states""").fetchone()
    scores = engine.execute(f"""
        with bits as (
            select user_id, customer_id, bit_or(1 << ((date '{end}' - day) // 7)) as blocks
            from active join users using (user_id)
            where day between date '{end - timedelta(days=48)}' and date '{end}' and day >= created_on group by all
        ), scored as (
            select users.customer_id, created_on > date '{end - timedelta(days=42)}' as new,
                coalesce(blocks, 0) as blocks
            from users left join bits using (user_id) where created_on <= date '{end}'
        ), customer_bits as (
            select customer_id, bit_or(coalesce(blocks, 0)) as blocks
            from customers left join scored using (customer_id) group by 1
        )
        select if(new, 'new', cast(bit_count(blocks) as varchar)), count(*) from scored group by 1
        union all
        select 'customers ' || bit_count(blocks), count(*) from customer_bits group by 1""").fetchall()
    counts = dict(scores)
    names = [*map(str, range(8)), "new", *(f"customers {score}" for score in range(8))]
    return [*silence, *(counts.get(name, 0) for name in names)]


def _features(end: date) -> str:
    opens = end - timedelta(days=27)
    return f"""
        with recent as (
            select user_id, persona, feature, day from active join users using (user_id)
            where day between date '{opens}' and date '{end}' and day >= created_on and created_on <= date '{end}'
        ), features as (
            select feature, greatest(min(day), date '{opens}') as since from days where day <= date '{end}' group by 1
        ), people as (
            select user_id, persona, max(day) as last_on from recent group by all
        )
        select persona, feature, any_value(used), count(*) filter (last_on >= since)
        from people cross join features join (
            select persona, feature, count(distinct user_id) as used from recent group by all
        ) using (persona, feature)
        group by all order by all"""


def measured(way: str, folder: Path) -> Measured:
    """What one way takes and answers, in a process of its own."""
    started = time.perf_counter()
    found = json.loads(process(way, folder))
    whole = time.perf_counter() - started
    return Measured(whole - found["kpis"], found["kpis"], found["peak"] / 1024, found["answers"])


def process(what: str, folder: Path, *more: str) -> bytes:
    """What this file prints when it is run to do one thing."""
    command = [sys.executable, __file__, what, str(folder), *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, check=True).stdout


def answered(way: str, folder: Path) -> dict[str, Any]:
    """The answers, the seconds that those of the KPIs took, and the peak of this process's memory."""
    ways = {"kit": kit, "sql": sql}[way](folder)
    answers = next(ways)
    prepared = time.perf_counter()
    answers |= next(ways)
    kpis = time.perf_counter() - prepared
    return {"answers": answers, "kpis": kpis, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def compared(rounds: int, events: int = EVENTS) -> float:
    """How many times as long as the SQL the kit takes: both in rotation, after one warm-up of each."""
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        process("write", Path(name), str(events))  # a child begins with its parent's peak memory: this one stays small
        for _ in range(rounds + 1):
            for way in WAYS:
                found[way].append(measured(way, Path(name)))
    kits, sqls = found["kit"][0].answers, found["sql"][0].answers
    if differing := [what for what in kits | sqls if kits.get(what) != sqls.get(what)]:
        raise SystemExit(f"the two ways do not give the same answers: {', '.join(differing)}")
    medians = {
        way: [statistics.median(run[part] for run in runs[1:]) for part in (0, 1)] for way, runs in found.items()
    }
    for way, (prepare, kpis) in medians.items():
        peak = max(run.megabytes for run in found[way])
        print(f"{events:,} events, {way:4} prepare {prepare:5.1f} s   KPIs {kpis:5.1f} s   peak {peak:5.0f} MB")
    return sum(medians["kit"]) / sum(medians["sql"])


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(answered(sys.argv[1], Path(sys.argv[2]))))
