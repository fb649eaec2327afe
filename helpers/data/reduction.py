"""Events reduced where they are: from one row per event to one per user, event and local day, with a count.

Source: specification 1.2, 1.4, 2 and architecture, "The one path". No KPI asks for the instant of an event: whether, on
which days and how much is enough. Everything that is judged by single events (what is known, which row of a key counts,
what breaks a constraint) is therefore judged here.

Three queries go to the source's engine: what is counted, by user; the few rows of keys that stand in several; and the
others by day. They are written once, in DuckDB's SQL. What is chosen among the rows of a key is chosen in the local
engine.

A reduced row is known, in its form, from the end of ``_since_on`` to the end of ``_until_on``. So a day whose events
arrived late, or whose events were corrected, stands in several rows, and every earlier as-of counts exactly what was
known then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from helpers.data.canonical_tables import TABLES
from helpers.data.engines import STAGED, DuckDB, Engine, Given, quoted, written
from helpers.data.knowledge import ALWAYS, CONFLICT, FIRST_EVENTS, WITHOUT_KEY, first_reason, judged_events
from helpers.data.spelling import trimmed

EVENTS = TABLES["events"]
IDS = ("user_id", "customer_id")
COLUMNS = ", ".join(EVENTS.names)
BARE = ", ".join(f"{trimmed(name)} as {name}" if name in IDS else name for name in EVENTS.names)
SPACED = " or ".join(f"{name} <> {trimmed(name)}" for name in IDS)
KEYED = " and ".join(f"{name} is not null" for name in EVENTS.key)
ID = f"nullif({EVENTS.id}, '')"
COUNTED = f"{STAGED}.counted_events"
SAME = "active_on, user_id, customer_id, event, feature, is_automated, since_on, until_on, version, broken"
SINCE = 94_694_400  # 1973-01-01, in seconds; from then on all zones changed at whole minutes
DAY, MINUTE = 86_400, 60
TEN_YEARS = 3_653 * DAY


class Counted(NamedTuple):
    """What is counted of the events read, in the data report's words; the keys that cannot be trusted, and all keys.

    ``spaced`` are the events that name an id with spaces around it.
    """

    rows: dict[str, int]
    conflicts: tuple[int, int]
    spaced: int


class Shift(NamedTuple):
    """From ``since`` on, local time is so many ``seconds`` ahead of UTC."""

    since: datetime
    seconds: int


@dataclass(frozen=True)
class Reduction:
    """The reduction of what a source gives as ``events``.

    Args:
        engine: the source's, one that ``can_reduce``.
        given: the source's query.
        typed: SQL that gives the typed columns of events over it.
        timezone: the reporting time zone.
        as_of_at: the instant from which on nothing is known.
        recorded: whether the source gives ``recorded_at``, the instant at which an event became known.
        shifts: of the time zone, where DuckDB is the engine.
    """

    engine: Engine
    given: Given
    typed: str
    timezone: str
    as_of_at: datetime
    recorded: bool
    shifts: Sequence[Shift] = ()

    def count(self) -> None:
        """Count the events, and keep the day on which the first of each user is known, with the customer it names."""
        local = self.engine.local
        local.execute(f"create table {COUNTED} as from {self._rows(self._counts())}")
        day = local_day("cast(first_at as timestamptz)", self.timezone)
        local.execute(
            f"create table {FIRST_EVENTS} as select user_id, customer_id, {day} as first_on from {COUNTED} "
            "where first_at is not null"
        )

    def write(self, file: Path, provided: Collection[str]) -> Counted:
        """Write the reduced rows, judged; ``provided`` tables are judged, and the events are counted.

        Returns:
            What was counted of the rows that the reduced ones are made of.
        """
        local = self.engine.local
        counted = local.execute(f"""
            select empty_on, sum(read), sum(empty_key), sum(not_yet_known), sum(spaced) from {COUNTED}
            group by empty_on""").fetchall()
        read, empty_key, not_yet_known, spaced = (sum(row[i] for row in counted) for i in range(1, 5))
        for day, _, empty, *_ in counted:
            if empty:
                aside = ["events", WITHOUT_KEY, day, None, empty, 0.0]
                local.execute(f"insert into {STAGED}.aside values (?, ?, ?, ?, ?, ?)", aside)
        reduced = (replace(self, typed=self._bare) if spaced else self)._reduced()
        local.execute(written(judged_events(reduced, provided), file))
        [(rows, distinct, keys, conflicts)] = local.execute(f"""
            select coalesce(sum(copies), 0), count(*), count(distinct own),
                (select count(distinct own) filter (until_on is null and version is not null) from {STAGED}.chosen)
            from {STAGED}.several""").fetchall()
        counts = {"read": read, "empty_key": empty_key, "not_yet_known": not_yet_known, "byte_equal": rows - distinct}
        return Counted(counts, (conflicts, read - empty_key - not_yet_known - rows + keys), spaced)

    def _reduced(self) -> str:
        """The reduced rows as SQL, where no id has spaces around it; rows of keys that stand in several are kept."""
        local = self.engine.local
        repeated = self._repeated()
        local.execute(f"create table {STAGED}.several as {_several(self._rows(self._of_repeated(repeated)))}")
        local.execute(f"create table {STAGED}.chosen as {self._chosen()}")
        [(several,)] = local.execute(f"select count(*) from {STAGED}.several").fetchall()
        return _by_what_is_same(self._rows(self._once(repeated if several else "")))

    def _rows(self, sql: str) -> str:
        return self.engine.rows(sql, self.given)

    def _counts(self) -> str:
        """What is counted, by user and customer, and by the day from which on rows without a key are known."""
        day = f"case when not ({KEYED}) then coalesce({self._day(self._known_at)}, {ALWAYS}) end"
        return f"""
            select user_id, customer_id, {day} as empty_on,
                min(case when {KEYED} and {self._known} then {self._known_at} end) as first_at,
                count(*) as read,
                count(*) filter (where not ({KEYED})) as empty_key,
                count(*) filter (where {KEYED} and not ({self._known})) as not_yet_known,
                count(*) filter (where is_spaced) as spaced
            from (select {BARE}, {SPACED} as is_spaced from ({self.typed}) as spelt) as typed
            group by 1, 2, 3"""

    def _repeated(self) -> str:
        """The numbers of keys that stand in several rows, as SQL. DuckDB looks for them once."""
        found = f"select number from ({self._events()}) as known group by number having count(*) > 1"
        if not self._here:
            return found
        self.engine.local.execute(f"create table {STAGED}.repeated as from {self._rows(found)}")
        return f"select number from {STAGED}.repeated"

    def _of_repeated(self, repeated: str) -> str:
        """The distinct rows of keys that stand in several, and how many are equal to each."""
        return f"""
            select {COLUMNS}, active_on, known_on, count(*) as copies
            from ({self._events()}) as known
            where number in ({repeated})
            group by {COLUMNS}, active_on, known_on"""

    def _once(self, repeated: str) -> str:
        """The other rows; those that are to travel by day."""
        times, group = ("1", "") if self._here else ("count(*)", "group by 1, 2, 3, 4, 5, 6, 7, 8")
        others = f"left join ({repeated}) as repeated using (number) where repeated.number is null" if repeated else ""
        return f"""
            select active_on, user_id, customer_id, event, feature, coalesce(is_automated, false) as is_automated,
                known_on as since_on, {first_reason(EVENTS.constraints)} as broken, {times} as times
            from ({self._events()}) as known {others} {group}"""

    def _events(self) -> str:
        """The events that are known, each with its days and a number for its key.

        Keys are counted and matched by the number. Equal numbers of different keys cost time, not rows: what repeats is
        compared by the key itself.
        """
        if self._here:
            number = f"case when {ID} is null then hash({', '.join(EVENTS.key)}) else hash({EVENTS.id}) end"
        else:
            key = " || '/' || ".join(f"cast({name} as varchar)" for name in EVENTS.key)
            number = f"case when {ID} is null then {key} else {EVENTS.id} end"
        return f"""
            select {COLUMNS}, {self._day("occurred_at")} as active_on, {self._day(self._known_at)} as known_on,
                {number} as number
            from ({self.typed}) as typed
            where {KEYED} and {self._known}"""

    def _chosen(self) -> str:
        """Of the keys that stand in several rows, the row that counts on each day that tells; all of those in conflict.

        The row with the greatest ``updated_at`` that is known counts; without one, none can be trusted.
        """
        updated_on = local_day("updated_at", self.timezone)
        return f"""
            with days as (
                select own, known_on as since_on from {STAGED}.several
                union
                select own, {updated_on} from {STAGED}.several where different > 1 and updated_at < {self._at}
            ),
            spans as (
                select own, since_on, lead(since_on) over (partition by own order by since_on) as until_on from days
            ),
            held as (
                select several.*, spans.since_on, spans.until_on,
                    case when {updated_on} <= spans.since_on then updated_at end as updated
                from {STAGED}.several join spans using (own)
                where known_on <= spans.since_on
            ),
            ranked as (
                select *,
                    count(*) over (partition by own, since_on) as same,
                    count(*) over (partition by own, since_on, updated) as tied,
                    rank() over (partition by own, since_on order by updated desc nulls last) as place
                from held
            )
            select * replace (coalesce(is_automated, false) as is_automated),
                case when same > 1 and (updated is null or tied > 1) then {quoted(CONFLICT)} end as version,
                {first_reason(EVENTS.constraints)} as broken
            from ranked where place = 1"""

    @property
    def _bare(self) -> str:
        """The typed rows, their ids without spaces around them."""
        return f"select {BARE} from ({self.typed}) as spelt"

    @property
    def _known(self) -> str:
        return f"{self._known_at} < {self._at}"

    @property
    def _known_at(self) -> str:
        return "coalesce(recorded_at, occurred_at)" if self.recorded else "occurred_at"

    @property
    def _at(self) -> str:
        return f"timestamptz {quoted(self.as_of_at.isoformat())}"

    @property
    def _here(self) -> bool:
        """Whether the local engine itself reads the rows, so that none travels."""
        return isinstance(self.engine, DuckDB)

    def _day(self, instant: str) -> str:
        if self.shifts:
            return local_day_by_shifts(instant, self.timezone, self.shifts, self.as_of_at)
        return local_day(instant, self.timezone)


def can_reduce(engine: Engine, typed: str) -> bool:
    """Whether an engine is known to give the same rows; those of others are reduced in the local one.

    Of an hour that clocks show twice, Spark takes the first and the others the second: it gets instants only.
    """
    return engine.name in ("duckdb", "postgres") or (engine.name == "pyspark" and "timezone(" not in typed)


def _several(rows: str) -> str:
    """Rows with a number for their key, the id where it is given, and how many distinct ones the key has."""
    key = ", ".join([ID, *(f"case when {ID} is null then {name} end" for name in EVENTS.key)])
    instants = ", ".join(f"cast({c.name} as timestamptz) as {c.name}" for c in EVENTS.columns if c.type == "ts")
    return f"""
        select * replace ({instants}),
            dense_rank() over (order by {key}) as own, count(*) over (partition by {key}) as different
        from {rows}"""


def _by_what_is_same(once: str) -> str:
    """All rows by what is the same of them. Those whose key stands in no other hold from the day they are known."""
    return f"""
        select active_on, user_id, customer_id, event, feature, is_automated, cast(sum(times) as bigint) as events,
            since_on as _since_on, until_on as _until_on, version as _version, broken as _broken
        from (
            select *, cast(null as date) as until_on, cast(null as varchar) as version from {once}
            union all by name
            select {SAME}, 1 as times from {STAGED}.chosen
        )
        group by {SAME}"""


# DuckDB's ``timezone(zone, instant)`` looks the zone up anew for every row, which takes longer than all else that is
# done with an event. How far a zone is ahead of UTC changes a few times a year, so DuckDB is asked once when it did.


def local_day(instant: str, timezone: str) -> str:
    """The local day of an instant, in SQL."""
    return f"cast({instant} at time zone {quoted(timezone)} as date)"


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
    """The shifts of a zone in the ten years before an instant, none before 1973, as a DuckDB knows them.

    >>> from helpers.data.engines import local_engine
    >>> found = shifts_of(local_engine(), "Asia/Kathmandu", datetime(1990, 1, 1, tzinfo=UTC))
    >>> [(str(shift.since.date()), shift.seconds / 3600) for shift in found]
    [('1980-01-01', 5.5), ('1985-12-31', 5.75)]
    """
    shift = f"cast(epoch(timezone({quoted(timezone)}, to_timestamp(since))) as bigint) - since"
    end = int(until.timestamp())
    since = max(SINCE, end - TEN_YEARS)
    found = engine.execute(f"""
        with days as (
            select since, {shift} as shift, lag(since) over sorted as before, lag({shift}) over sorted as shift_before
            from (select unnest(range({since}, {end}, {DAY})) as since union select {end})
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
