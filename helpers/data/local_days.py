"""The local day of an instant as SQL, cheap enough for millions of instants.

DuckDB's ``timezone(zone, instant)`` looks the zone up anew for every row, which takes longer than all else that is done
with an event. How far a zone is ahead of UTC changes a few times a year, so the engine is asked once when it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from helpers.data.engines import quoted

SINCE = 94_694_400  # 1973-01-01, in seconds; from then on all zones changed at whole minutes
DAY, MINUTE = 86_400, 60


class Shift(NamedTuple):
    """From ``since`` on, local time is so many ``seconds`` ahead of UTC."""

    since: datetime
    seconds: int


def local_day(instant: str, timezone: str) -> str:
    """The local day of an instant, in SQL that DuckDB and Postgres understand."""
    return f"cast(timezone({quoted(timezone)}, {instant}) as date)"


def local_day_function(timezone: str) -> str:
    """The SQL that gives an engine the function ``local_day(instant)``."""
    return f"create macro local_day(instant) as {local_day('instant', timezone)}"


def local_day_by_shifts(instant: str, timezone: str, shifts: Sequence[Shift], until: datetime) -> str:
    """The same in DuckDB for a column, by addition where the shifts hold: from the first of them to ``until``."""
    first, *later = shifts
    whens = [f"when {instant} >= {_literal(shift.since)} then {_microseconds(shift)}" for shift in reversed(later)]
    ahead = f"case {' '.join(whens)} else {_microseconds(first)} end" if whens else _microseconds(first)
    return (
        f"case when {instant} >= {_literal(first.since)} and {instant} < {_literal(until)} "
        f"then cast(make_timestamp(epoch_us({instant}) + {ahead}) as date) "
        f"else {local_day(instant, timezone)} end"
    )


def shifts_of(engine: duckdb.DuckDBPyConnection, timezone: str, until: datetime) -> list[Shift]:
    """The shifts of a zone from 1973 to an instant, as a DuckDB knows them.

    >>> from helpers.data.engines import local_engine
    >>> found = shifts_of(local_engine(), "Asia/Kathmandu", datetime(2026, 1, 1, tzinfo=UTC))
    >>> [(str(shift.since.date()), shift.seconds / 3600) for shift in found]
    [('1973-01-01', 5.5), ('1985-12-31', 5.75)]
    """
    shift = f"cast(epoch(timezone({quoted(timezone)}, to_timestamp(since))) as bigint) - since"
    end = int(until.timestamp())
    found = engine.execute(f"""
        with days as (
            select since, {shift} as shift, lag(since) over sorted as before, lag({shift}) over sorted as shift_before
            from (select unnest(range({SINCE}, {end}, {DAY})) as since union select {end})
            window sorted as (order by since)
        ),
        minutes as (
            select unnest(range(before, since + 1, {MINUTE})) as since, since as day, shift as changed_to
            from days where shift <> shift_before
        )
        select since, shift from days where before is null
        union all
        select min(since), changed_to from minutes where {shift} = changed_to group by day, changed_to
        order by 1""").fetchall()
    return [Shift(datetime.fromtimestamp(since, UTC), seconds) for since, seconds in found]


def _microseconds(shift: Shift) -> str:
    return f"({shift.seconds * 1_000_000})"


def _literal(instant: datetime) -> str:
    return f"timestamptz {quoted(instant.isoformat())}"
