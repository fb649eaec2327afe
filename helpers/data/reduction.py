"""Events reduced where they are: from one row per event to one per user, event and local day, with a count.

Source: specification 1.2, 1.4, 2 and architecture, "The one path". No KPI asks for the instant of an event: whether, on
which days and how much is enough. Everything that is judged by single events (what is known, which row of a key counts,
what breaks a constraint) is therefore judged here, in one SQL that DuckDB and Postgres both understand.

A reduced row is known, in its form, from the end of ``_since_on`` to the end of ``_until_on``. So a day whose events
arrived late, or whose events were corrected, stands in several rows, and every earlier as-of counts exactly what was
known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from helpers.data.engines import quoted
from helpers.data.knowledge import CONFLICT, first_reason
from helpers.data.local_days import Shift, local_day, local_day_by_shifts
from helpers.data.tables import TABLES

COUNTS = dict.fromkeys(["read", "empty_key", "not_yet_known", "repeated"], "int64")
OF_REPEATED = dict.fromkeys(["byte_equal", "conflicts"], "int64")
REDUCED = {
    "active_on": "date", "user_id": "string", "customer_id": "string", "event": "string", "feature": "string",
    "is_automated": "boolean", "events": "int64",
    "_since_on": "date", "_until_on": "date", "_version": "string", "_broken": "string",
}  # fmt: skip
# A number for the key of an event, so that keys are counted and matched cheaply. Equal numbers of different keys cost
# time, not rows: what repeats is compared by the key itself.
NUMBERED = {"duckdb": "hash({})", "postgres": "hash_record_extended(row({}), 0)"}
REPLACED = "replaced by another version"
EVENTS = TABLES["events"]


@dataclass(frozen=True)
class Reduction:
    """The SQL of the reduction over ``rows``, a query that gives the typed columns of events.

    Args:
        rows: SQL.
        engine: the name of the engine that runs it, one of ``NUMBERED``.
        timezone: the reporting time zone.
        as_of_at: the instant from which on nothing is known.
        recorded: whether the source gives ``recorded_at``, the instant at which an event became known.
        shifts: of the time zone, in DuckDB; in others, none.
        several_in: a table that holds ``several``, so that they are looked for once; where there is none, each query
            finds them itself.
    """

    rows: str
    engine: str
    timezone: str
    as_of_at: datetime
    recorded: bool
    shifts: Sequence[Shift] = ()
    several_in: str = ""

    def several(self) -> str:
        """The distinct rows of keys that stand in several: how many are equal, and how many distinct ones a key has."""
        return f"""
            with {self._of_known},
            repeated as (select number from known group by number having count(*) > 1)
            select {self._columns}, active_on, known_on, count(*) as rows_equal,
                dense_rank() over (order by {self._key}) as own,
                count(*) over (partition by {self._key}) as different
            from known join repeated using (number)
            group by {self._columns}, active_on, known_on"""

    def counts(self) -> str:
        """Rows read, rows with an empty key, rows that are not known, rows beside the first one of their key."""
        return f"""
            with {self._of_several}
            select count(*) as read,
                count(*) filter (where not ({self._keyed})) as empty_key,
                count(*) filter (where {self._keyed} and not ({self._known})) as not_yet_known,
                (select coalesce(cast(sum(rows_equal) as bigint), 0) - count(distinct own) from several) as repeated
            from ({self.rows}) as given"""

    def counts_of_repeated(self) -> str:
        """Of keys that stand in several rows: byte-equal rows beside the one counted, keys that cannot be trusted."""
        return f"""
            with {self._of_several}, {self._of_judged}
            select coalesce(cast(sum(copies) as bigint), 0) as byte_equal,
                coalesce(cast(sum(conflicts) as bigint), 0) as conflicts
            from (
                select rows_equal - 1 as copies, 0 as conflicts from several where different = 1
                union all
                select case when since_on = known_on then rows_equal - 1 else 0 end,
                    case when until_on is null and position = 1 and version is not null then 1 else 0 end
                from judged
            ) as counted"""

    def reduced(self, *, repeated: bool) -> str:
        """The reduced rows; ``repeated`` tells whether any key stands in more than one row.

        Beside the columns of the prepared table: ``_since_on``, ``_until_on``, ``_version`` (why no row of the key can
        be trusted), ``_broken`` (a constraint).
        """
        columns = f"{self._columns}, active_on, known_on"
        once = f"select {columns}, 1 as times from known"
        if not repeated:
            return f"with {self._of_known} {self._once(once)}"
        # To take the few rows of repeated keys off again costs less than to look for the key of every row.
        surplus = f"select {columns}, case when different = 1 then 1 else 0 end - rows_equal from several"
        counted = f"select *, 1 as times from judged where version is null or version <> {quoted(REPLACED)}"
        return f"""
            with {self._of_known}, {self._of_several}, {self._of_judged}
            {self._once(f"{once} union all {surplus}")}
            union all
            {self._grouped(counted, "since_on", "until_on", "version")}"""

    def _once(self, rows: str) -> str:
        """Rows whose key stands in no other, reduced: they hold from the day they are known on."""
        return self._grouped(rows, "known_on", "cast(null as date)", "cast(null as varchar)")

    def _grouped(self, rows: str, since_on: str, until_on: str, version: str) -> str:
        return f"""
            select active_on, user_id, customer_id, event, feature, coalesce(is_automated, false) as is_automated,
                cast(sum(times) as bigint) as events,
                {since_on} as _since_on, {until_on} as _until_on, {version} as _version,
                {first_reason(EVENTS.constraints)} as _broken
            from ({rows}) as counted
            group by 1, 2, 3, 4, 5, 6, 8, 9, 10, 11 having sum(times) > 0"""

    @property
    def _of_known(self) -> str:
        return f"""known as not materialized (
                select {self._columns}, {self._day("occurred_at")} as active_on,
                    {self._day(self._known_at)} as known_on, {self._number} as number
                from ({self.rows}) as given
                where {self._keyed} and {self._known}
            )"""

    @property
    def _of_several(self) -> str:
        return f"several as ({f'select * from {self.several_in}' if self.several_in else self.several()})"

    @property
    def _of_judged(self) -> str:
        """Of the keys with distinct rows, the row that counts on each day that tells, and what replaced it later."""
        return f"""
            days as (
                select own, known_on as since_on from several where different > 1
                union
                select own, {self._day("updated_at")} from several where different > 1 and updated_at < {self._at}
            ),
            spans as (
                select own, since_on, lead(since_on) over (partition by own order by since_on) as until_on from days
            ),
            held as (
                select several.*, spans.since_on, spans.until_on,
                    case when {self._day("updated_at")} <= spans.since_on then updated_at end as updated
                from several join spans using (own)
                where known_on <= spans.since_on
            ),
            ranked as (
                select *,
                    count(*) over (partition by own, since_on) as same,
                    count(*) over (partition by own, since_on, updated) as tied,
                    rank() over (partition by own, since_on order by updated desc nulls last) as place,
                    row_number() over (partition by own, since_on order by updated desc nulls last) as position
                from held
            ),
            judged as (
                select *, case when place > 1 then {quoted(REPLACED)}
                    when same > 1 and (updated is null or tied > 1) then {quoted(CONFLICT)} end as version
                from ranked
            )"""

    @property
    def _columns(self) -> str:
        return ", ".join(EVENTS.names)

    @property
    def _key(self) -> str:
        """The id where it is given, else the key."""
        parts = ", ".join(f"case when {self._id} is null then {name} end" for name in EVENTS.key)
        return f"{self._id}, {parts}"

    @property
    def _number(self) -> str:
        numbered = NUMBERED[self.engine]
        key, own = numbered.format(", ".join(EVENTS.key)), numbered.format(self._id)
        return f"case when {self._id} is null then {key} else {own} end"

    @property
    def _id(self) -> str:
        return f"nullif({EVENTS.id}, '')"

    @property
    def _keyed(self) -> str:
        return "(" + " and ".join(f"{name} is not null" for name in EVENTS.key) + ")"

    @property
    def _known(self) -> str:
        return f"{self._known_at} < {self._at}"

    @property
    def _known_at(self) -> str:
        return "coalesce(recorded_at, occurred_at)" if self.recorded else "occurred_at"

    @property
    def _at(self) -> str:
        return f"timestamptz {quoted(self.as_of_at.isoformat())}"

    def _day(self, instant: str) -> str:
        if self.shifts:
            return local_day_by_shifts(instant, self.timezone, self.shifts, self.as_of_at)
        return local_day(instant, self.timezone)
