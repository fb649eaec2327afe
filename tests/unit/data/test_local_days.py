"""Local days by shifts equal those that the engine tells for each instant, in every zone."""

from datetime import UTC, datetime

import pytest

from helpers.data.engines import local_engine
from helpers.data.reduction import local_day, local_day_by_shifts, shifts_of

UNTIL = datetime(2026, 10, 1, tzinfo=UTC)
DECADES = [datetime(year, 10, 1, tzinfo=UTC) for year in (1982, 1992, 2001, 2011, 2018, 2026)]  # that end so
MIDNIGHT_SHIFTS = "America/St_Johns"  # at 00:01 until 2011


@pytest.fixture(scope="module")
def engine():
    return local_engine()


def differing(engine, zone, shifts, instants, until=UNTIL):
    """The instants, SQL that gives ``instant``, of which the two ways tell different days."""
    quick = local_day_by_shifts("instant", zone, shifts, until)
    sql = f"select instant from ({instants}) where ({quick}) is distinct from {local_day('instant', zone)}"
    return engine.execute(sql).fetchall()


PECULIAR = [
    MIDNIGHT_SHIFTS,
    "Africa/Casablanca",
    "Asia/Gaza",
    "Europe/Berlin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "UTC",
]


@pytest.mark.parametrize("until", DECADES, ids=lambda until: str(until.year))
@pytest.mark.parametrize("zone", PECULIAR)
def test_days_are_the_same_around_each_change_and_over_the_years(engine, zone, until):
    shifts = shifts_of(engine, zone, until)
    stamps = ", ".join(str(int(shift.since.timestamp())) for shift in shifts)
    near = "select unnest([-86400, -3601, -60, -1, 0, 1, 59, 60, 3599, 86399]) as seconds"
    around = f"select stamp + seconds as at_second from (select unnest([{stamps}]) as stamp), ({near})"
    last = int(until.timestamp())
    years = f"select unnest(range({last} - 11 * 31557600, {last}, 90000)) as at_second"  # eleven, every 25 hours
    instants = f"select to_timestamp(at_second) as instant from ({around} union all {years})"
    assert differing(engine, zone, shifts, instants, until) == []


@pytest.mark.slow
def test_every_zone_has_the_same_days(engine):
    zones = [zone for (zone,) in engine.execute("select name from pg_timezone_names() order by 1").fetchall()]
    assert len(zones) > 400
    for zone in zones:
        for until in DECADES:
            test_days_are_the_same_around_each_change_and_over_the_years(engine, zone, until)


def test_outside_of_the_shifts_the_engine_is_asked(engine):
    shifts = shifts_of(engine, MIDNIGHT_SHIFTS, UNTIL)
    centuries = "select unnest(range(-5364662400, 7258118400, 3000017)) as at_second"  # 1800 to 2200
    around = f"select {int(UNTIL.timestamp())} + unnest(range(-8000, 8000, 500)) as at_second"
    instants = f"select to_timestamp(at_second) as instant from ({centuries} union all {around})"
    assert differing(engine, MIDNIGHT_SHIFTS, shifts, f"{instants} union all select null") == []


def test_shifts_are_told_to_the_minute(engine):
    found = {shift.since: shift.seconds for shift in shifts_of(engine, MIDNIGHT_SHIFTS, DECADES[3])}
    # 2010: clocks went from 00:01 to 01:01 on 14 March, three and a half hours behind UTC before, two and a half after
    assert found[datetime(2010, 3, 14, 3, 31, tzinfo=UTC)] == -int(2.5 * 3600)


def test_the_last_day_is_looked_at_too(engine):
    until = datetime(2026, 3, 29, 12, tzinfo=UTC)  # eleven hours after Berlin went to summer time
    assert shifts_of(engine, "Europe/Berlin", until)[-1] == (datetime(2026, 3, 29, 1, tzinfo=UTC), 7200)
