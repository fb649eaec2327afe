"""Ten million events: what it takes to prepare them and to compute the KPIs of activity, against plain SQL.

The SQL is written by hand for the same answers, for the review's quarter and the eight before it: how many customers
are asked and inactive, and how many users have which score. Both run in processes of their own, in rotation;
time and peak memory are told, and their ratios. Run by `make bench`, never by the tests.
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
from datetime import date, timedelta
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[1]
EVENTS, USERS, CUSTOMERS = 10_000_000, 25_000, 2_500
PER_VISIT = 10  # events of a user on a day
ZONE, PERIOD, QUARTERS = "Europe/Berlin", "2026Q3", 8
LAST = date(2026, 9, 30)
WAYS = ("kit", "sql")


def write(folder: Path, events: int = EVENTS) -> None:
    """The made-up tables: users of very different zeal, who do some ten things on a day that they come."""
    tables = {
        "customers": f"select concat('C', i) as customer_id, concat('Customer ', i) as name, date '2023-01-01' "
        f"as signed_up_on from range({CUSTOMERS}) t(i)",
        "subscriptions": "select concat('S', i) as subscription_id, concat('C', i) as customer_id, "
        f"date '2023-01-01' as start_on, 100.0 as mrr, 'EUR' as currency from range({CUSTOMERS}) t(i)",
        "users": f"select concat('U', i) as user_id, concat('C', i % {CUSTOMERS}) as customer_id, "
        f"date '2023-01-01' as created_on from range({USERS}) t(i)",
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
            from visits""",
    }
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'")
        for name, sql in tables.items():
            engine.execute(f"copy ({sql}) to '{folder / name}.parquet' (format parquet)")


def quarter_ends() -> list[date]:
    from helpers.periods import Calendar

    period = Calendar(ZONE).period(PERIOD)
    return [part.measured_on for part in [*period.history(QUARTERS), period]]


def kit(folder: Path) -> dict[str, list[int]]:
    """The answers by the kit: prepare, then the cards, as a build runs them."""
    from helpers.data.prepare import prepare
    from helpers.kpis.inactive_customers import inactive_customers
    from helpers.kpis.product_activity import pac_user
    from helpers.params import Source
    from helpers.periods import Calendar

    names = ("customers", "subscriptions", "users", "events")
    queries = {name: f"select * from read_parquet('{name}.parquet')" for name in names}
    source = Source(name="bench", connect="duckdb://", files=folder, timezone="UTC", currency="EUR", tables=queries)
    period = Calendar(ZONE).period(PERIOD)
    started = time.perf_counter()
    prepared = prepare(source, period, currency="EUR", folder=folder / "prepared")
    print(f"prepare {time.perf_counter() - started:.1f} s, then the KPIs of nine quarters", file=sys.stderr)
    answers = {}
    for part in [*period.history(QUARTERS), period]:
        tables = prepared.known(part.as_of_on)
        rate = next(row for row in inactive_customers(tables, part) if row.kpi_id == "inactive_rate")
        scores = {row.segment: row.value for row in pac_user(tables, part) if row.kpi_id == "pac_users"}
        found = [rate.numerator, rate.denominator, *(scores[str(score)] for score in range(8))]
        answers[str(part.measured_on)] = [int(number or 0) for number in found]
    return answers


def sql(folder: Path) -> dict[str, list[int]]:
    """The answers by SQL as one writes it: the days of activity once, then a query per quarter end and KPI."""
    engine = duckdb.connect()
    engine.execute("set timezone = 'UTC'")
    engine.execute(f"""
        create table days as
        select distinct user_id, cast(timezone('{ZONE}', occurred_at) as date) as day
        from read_parquet('{folder}/events.parquet')
        where event <> 'login' and not is_automated and occurred_at < timestamptz '2026-10-01 00:00:00+02'""")
    engine.execute(f"create table users as from read_parquet('{folder}/users.parquet')")
    answers = {}
    for end in quarter_ends():
        silent = engine.execute(f"""
            with active as (
                select distinct customer_id from days join users using (user_id)
                where day between date '{end - timedelta(days=13)}' and date '{end}'
            )
            select count(*) filter (active.customer_id is null), count(*)
            from read_parquet('{folder}/customers.parquet') as c left join active using (customer_id)""").fetchone()
        scores = dict(
            engine.execute(f"""
                with blocks as (
                    select user_id, count(distinct (date '{end}' - day) // 7) as pac from days
                    where day between date '{end - timedelta(days=48)}' and date '{end}' group by user_id
                )
                select coalesce(pac, 0), count(*) from users left join blocks using (user_id) group by 1""").fetchall()
        )
        answers[str(end)] = [*silent, *(scores.get(score, 0) for score in range(8))]
    return answers


def measured(way: str, folder: Path) -> tuple[float, float, dict[str, list[int]]]:
    """Seconds, peak memory in MB and the answers of one way, in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, __file__, way, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as child:
        assert child.stdout is not None
        answers = json.loads(child.stdout.read())
    return time.perf_counter() - started, answers.pop("peak") / 1024, answers


def main(rounds: int) -> None:
    """Times both ways in rotation, after one warm-up of each."""
    found: dict[str, list[tuple[float, float, dict[str, list[int]]]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        for _ in range(rounds + 1):
            for way in WAYS:
                found[way].append(measured(way, Path(name)))
    if found["kit"][0][2] != found["sql"][0][2]:
        raise SystemExit("the two ways do not give the same answers")
    seconds = {way: statistics.median(run[0] for run in runs[1:]) for way, runs in found.items()}
    memory = {way: max(run[1] for run in runs) for way, runs in found.items()}
    for way in WAYS:
        print(f"{EVENTS:,} events, {way:4} median {seconds[way]:6.1f} s   peak {memory[way]:6.0f} MB")
    print(
        f"the kit takes {seconds['kit'] / seconds['sql']:.2f} x the time of the SQL, which checks and reports no data"
    )


if __name__ == "__main__":
    if sys.argv[1] in WAYS:
        given = {"kit": kit, "sql": sql}[sys.argv[1]](Path(sys.argv[2]))
        print(json.dumps({**given, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
    else:
        main(int(sys.argv[1]))
