"""Events reduced to days: what is counted equals what a plain reading of single events gives, at every as-of."""

import atexit
import shutil
import sqlite3
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.data.canonical_tables import EVENTS_BY_DAY
from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.params import Source
from helpers.periods import Calendar
from tests.canonical import Known, known, prepared, source

FIRST = datetime(2026, 1, 1)
LAST = date(2026, 1, 13)
CONFLICT = "same key, different content"
LATE = "occurred_at more than a day after recorded_at"

instants = st.integers(0, 47).map(lambda n: FIRST + timedelta(hours=6 * n))  # four a day, midnights among them
event_rows = st.fixed_dictionaries(
    {"event_id": st.none() | st.sampled_from(["1", "2", "3"]), "user_id": st.sampled_from(["U", "V", None]),
     "event": st.sampled_from(["view", "share"]), "occurred_at": instants, "customer_id": st.sampled_from([None, "A"]),
     "feature": st.sampled_from([None, "f"]), "is_automated": st.sampled_from([None, "true", "false"]),
     "recorded_at": st.none() | instants, "updated_at": st.none() | instants}
)  # fmt: skip
COLUMNS = [
    "event_id", "user_id", "event", "occurred_at", "customer_id", "feature", "is_automated", "recorded_at",
    "updated_at",
]  # fmt: skip


def text(rows):
    lines = [COLUMNS, *(["" if row[name] is None else str(row[name]) for name in COLUMNS] for row in rows)]
    return "\n".join(" | ".join(line) for line in lines)


def values(row):
    return tuple(row[name] for name in COLUMNS)


def known_at(row):
    return row["recorded_at"] or row["occurred_at"]


def plainly(rows, as_of_on):
    """The single events that count before a day, each with the reason it is left out for, read row by row."""
    end = datetime.combine(as_of_on, datetime.min.time())
    keys = {}
    for row in {values(row): row for row in rows}.values():
        if row["user_id"] and known_at(row) < end:
            key = row["event_id"] or (row["user_id"], row["event"], row["occurred_at"])
            updated = row["updated_at"] if row["updated_at"] and row["updated_at"] < end else None
            keys.setdefault(key, []).append((updated, row))
    found = []
    for versions in keys.values():
        newest = max((updated for updated, _ in versions if updated), default=None)
        best = [row for updated, row in versions if updated == newest]
        for row in best:
            late = row["recorded_at"] and row["occurred_at"] > row["recorded_at"] + timedelta(days=1)
            found.append((row, CONFLICT if len(best) > 1 else LATE if late else None))
    return found


def by_day(found):
    """How many events per user, event and day."""
    counts = Counter()
    for row, reason in found:
        if not reason:
            what = [row[name] for name in ("user_id", "customer_id", "event", "feature")]
            counts[*what, row["is_automated"] == "true", row["occurred_at"].date()] += 1
    return counts


def read_back(found):
    """The reduced table in the same form; rows of one group add up."""
    by = ["user_id", "customer_id", "event", "feature", "is_automated", "active_on"]
    assert set(by) == set(EVENTS_BY_DAY.names) - {"created_on", "events"}
    frame = found.frame("events")[[*by, "events"]].astype(object)
    counts = Counter()
    for *group, day, events in frame.where(frame.notna(), None).itertuples(index=False):
        counts[*group, day.date()] += events
    return counts


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(event_rows, max_size=9), copies=st.integers(0, 3))
def test_every_as_of_counts_what_single_events_say(rows, copies):
    rows = rows + rows[:copies]
    with patch("helpers.data.report.WARNED_ABOVE", 1):  # one key of few in conflict would refuse the table
        whole = prepared(LAST, events=text(rows))
    for day in range(1, 13):
        as_of_on = FIRST.date() + timedelta(days=day)
        expected, found = plainly(rows, as_of_on), Known(whole, as_of_on)
        assert read_back(found) == by_day(expected)
        reasons = Counter(f"events: {reason}" for _, reason in expected if reason)
        assert found.excluded("events") == reasons


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(rows=st.lists(event_rows, max_size=9), copies=st.integers(0, 3))
def test_every_row_read_is_accounted_for(rows, copies):
    rows = rows + rows[:copies]
    with patch("helpers.data.report.WARNED_ABOVE", 1):
        told = prepared(LAST, events=text(rows)).report["tables"]["events"]
    expected = plainly(rows, LAST)
    keyed = [row for row in rows if row["user_id"]]
    known = [values(row) for row in keyed if known_at(row) < datetime(2026, 1, 13)]
    assert told["read"] == len(rows)
    assert told["empty_key"] == len(rows) - len(keyed)
    assert told["not_yet_known"] == len(keyed) - len(known)
    assert told["byte_equal"] == len(known) - len(set(known))
    assert told["other_versions"] == len(set(known)) - len(expected)
    assert told["clean"] == sum(1 for _, reason in expected if not reason)
    assert {reason: left_out["rows"] for reason, left_out in told["excluded"].items()} == Counter(
        reason for _, reason in expected if reason
    )
    counted = ("empty_key", "not_yet_known", "byte_equal", "other_versions", "clean")
    excluded = sum(left_out["rows"] for left_out in told["excluded"].values())
    assert told["read"] == sum(told[name] for name in counted) + excluded


# the shape of what is prepared


def groups(found):
    """The reduced rows as tuples of text, in order."""
    frame = found.frame("events", "user_id, active_on, event")
    return [f"{row.user_id} {row.event} {row.active_on:%m-%d} {row.events}" for row in frame.itertuples()]


def test_a_day_of_a_user_is_one_row():
    found = known(
        "2026-04-01",
        events="""
            user_id | event | occurred_at      | feature | is_automated
            U       | view  | 2026-03-01 00:00 | a       |
            U       | view  | 2026-03-01 23:59 | a       | false
            U       | view  | 2026-03-01 12:00 | b       |
            U       | view  | 2026-03-01 12:00:01 | a    | true
            U       | view  | 2026-03-02 00:00 | a       |
        """,
    )
    frame = found.frame("events", "active_on, feature, is_automated")
    assert set(frame.columns) == {
        "active_on", "user_id", "customer_id", "event", "feature", "is_automated", "created_on", "events",
    }  # fmt: skip
    assert frame[["feature", "is_automated", "events"]].values.tolist() == [
        ["a", False, 2], ["a", True, 1], ["b", False, 1], ["a", False, 1],
    ]  # fmt: skip
    assert frame["customer_id"].isna().all()


def test_parquet_has_exact_types(tmp_path):
    events = "user_id | event | occurred_at\nU | view | 2026-03-01"
    prepare(source(events=events), Calendar().period("2026Q1"), currency="USD", folder=tmp_path)
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "events.parquet")}
    assert {name: types[name] for name in EVENTS_BY_DAY.names} == {
        "user_id": "string", "customer_id": "string", "event": "string", "feature": "string", "is_automated": "bool",
        "active_on": "date32[day]", "created_on": "date32[day]", "events": "int64",
    }  # fmt: skip


def test_a_day_is_that_of_the_reporting_time_zone():
    query = """
        select 'U' as user_id, 'view' as event, unnest([
            timestamptz '2026-03-29 04:59:59+00',  -- 23:59:59 on the 28th in Chicago, five hours behind UTC in summer
            timestamptz '2026-03-29 05:00:00+00',
            timestamptz '2026-01-29 05:59:59+00',  -- six hours behind in winter
            timestamptz '2026-01-29 06:00:00+00']) as occurred_at"""
    found = Known(prepared_from(query, Calendar("America/Chicago")), date(2026, 4, 1))
    assert groups(found) == ["U view 01-28 1", "U view 01-29 1", "U view 03-28 1", "U view 03-29 1"]


def prepared_from(query, calendar, connect="duckdb://", **given):
    """A source of one query, prepared for 2026Q1; its folder lives as long as the process."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    events = Source(name="test", connect=connect, tables={"events": query}, **given)
    return prepare(events, calendar.period("2026Q1"), currency="USD", folder=folder)


# which row of a key counts


def test_a_correction_counts_from_the_day_it_is_known():
    whole = prepared(
        "2026-04-01",
        events="""
            event_id | user_id | event | occurred_at      | recorded_at      | updated_at
            1        | U       | view  | 2026-03-01 10:00 | 2026-03-01 10:01 | 2026-03-01 10:01
            1        | U       | share | 2026-03-01 10:00 | 2026-03-01 10:01 | 2026-03-03 10:00
            2        | U       | view  | 2026-03-01 11:00 | 2026-03-04 11:00 |
        """,
    )
    assert [groups(Known(whole, date(2026, 3, day))) for day in (1, 2, 3, 4, 5)] == [
        [], ["U view 03-01 1"], ["U view 03-01 1"], ["U share 03-01 1"], ["U share 03-01 1", "U view 03-01 1"],
    ]  # fmt: skip
    assert whole.report["tables"]["events"]["other_versions"] == 1


def test_the_key_is_the_id_or_else_who_did_what_when():
    filler = "\n".join(f"f{i} | F | view | 2026-02-01 | 2026-02-01 |" for i in range(400))
    found = known(
        "2026-04-01",
        events=f"""
            event_id | user_id | event | occurred_at | recorded_at | feature
            1        | U       | view  | 2026-03-01  | 2026-03-01  |
            2        | U       | view  | 2026-03-01  | 2026-03-01  |
            1        | V       | view  | 2026-03-02  | 2026-03-02  |
                     | W       | view  | 2026-03-01  | 2026-03-01  |
            ""       | W       | view  | 2026-03-01  | 2026-03-01  | a
            3        | W       | view  | 2026-03-01  | 2026-03-01  |
            {filler}
        """,
    )  # 1 is twice a key, and so is what W did without an id; an id that is an empty text is none
    assert groups(found)[1:] == ["U view 03-01 1", "W view 03-01 1"]
    assert found.excluded("events") == {f"events: {CONFLICT}": 4}


def test_more_than_one_percent_of_keys_in_conflict_refuses_the_table():
    def events(keys):
        rows = [f"{i} | U | view | 2026-03-01 |" for i in range(keys)]
        return "\n".join(["event_id | user_id | event | occurred_at | feature", *rows, "0 | U | view | 2026-03-01 | a"])

    assert prepared("2026-04-01", events=events(100)).report["tables"]["events"]["excluded"] == {
        CONFLICT: {"rows": 2, "examples": ["U, view, 2026-03-01"]}
    }
    with pytest.raises(KitError) as caught:
        prepared("2026-04-01", events=events(99))
    assert caught.value.faults == (
        "text tables: tables.events: 1 of 99 keys (event_id, else user_id, event, occurred_at) have rows of different "
        "content, must be at most 1 %; give updated_at, so that the newest is kept, or one row per key",
    )


def test_row_order_and_exact_duplicates_change_nothing():
    rows = [f"{i} | U{i % 3} | view | 2026-03-0{1 + i % 5} | 2026-03-09 | 2026-03-{10 + i}" for i in range(9)]
    header = "event_id | user_id | event | occurred_at | recorded_at | updated_at"
    once = prepared("2026-04-01", events="\n".join([header, *rows]))
    twice = prepared("2026-04-01", events="\n".join([header, *reversed(rows), *rows[:4]]))
    assert once.fingerprint == twice.fingerprint
    assert twice.report["tables"]["events"]["byte_equal"] == 4


# where it is reduced


MANY = """
    select md5(i::varchar) as event_id, 'U' || i % 5 as user_id, 'view' as event,
        timestamptz '2026-03-01 10:00:00+00' + to_minutes(i % 7 * 1440) as occurred_at
    from range(20000) t(i)"""


@pytest.mark.parametrize(("query", "read"), [(MANY, 20_000), (f"{MANY} union all {MANY}", 40_000)])
def test_no_event_leaves_a_duckdb(travelled, query, read):
    found = prepared_from(query, Calendar())
    told = found.report["tables"]["events"]
    assert (told["read"], told["byte_equal"], told["clean"]) == (read, read - 20_000, 20_000)
    assert travelled == []
    assert pq.read_metadata(found.folder / "events.parquet").num_rows == 35  # 5 users on 7 days


def test_an_engine_with_other_functions_gives_the_same_from_here(tmp_path, travelled):
    rows = [(f"{i % 40}", f"U{i % 3}", "view", f"2026-03-0{1 + i % 8} 22:30:00") for i in range(60)]
    with sqlite3.connect(tmp_path / "app.sqlite") as database:
        database.execute("create table events (event_id text, user_id text, event text, occurred_at timestamp)")
        database.executemany("insert into events values (?, ?, ?, ?)", rows)
    database.close()
    values = ", ".join(f"('{i}', '{user}', '{event}', timestamp '{at}')" for i, user, event, at in rows)
    calendar = Calendar("Europe/Berlin")
    with patch("helpers.data.report.WARNED_ABOVE", 1):
        there = prepared_from("events", calendar, f"sqlite://{tmp_path / 'app.sqlite'}", timezone="UTC")
        assert travelled == [60]
        here = prepared_from(
            f"from (values {values}) t(event_id, user_id, event, occurred_at)", calendar, timezone="UTC"
        )
    assert there.report == here.report
    written = [duckdb.read_parquet(str(way.folder / "events.parquet")).fetchall() for way in (there, here)]
    assert written[0] == written[1]
    if duckdb.__version__ < "2":  # from then on a file's dictionaries depend on how its rows came
        assert there.fingerprint == here.fingerprint
