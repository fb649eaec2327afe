"""The only date arithmetic of the kit, against the specification's examples and against properties of calendars."""

import calendar as civil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import KitError
from helpers.periods import Calendar

DAY = timedelta(days=1)
LISTED = (
    ("2025Q3", date(2025, 6, 30)),
    ("2025Q4", date(2025, 9, 29)),
    ("2026Q1", date(2025, 12, 29)),
    ("2026Q2", date(2026, 3, 30)),
    ("2026Q3", date(2026, 6, 29)),
    ("2026Q4", date(2026, 9, 28)),
)
RETAIL = Calendar(quarter_starts=LISTED)

zones = st.sampled_from(
    [
        "UTC",
        "America/New_York",
        "America/Sao_Paulo",
        "Europe/Berlin",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Australia/Lord_Howe",
    ]
)
fiscal = st.builds(Calendar, zones, st.integers(1, 12), st.sampled_from(["end", "start"]))
days = st.dates(date(1990, 1, 1), date(2060, 1, 1))
lags = st.integers(-80, 60)


def kinds(calendar, day):
    return [calendar.quarter_of(day), calendar.month_of(day), calendar.week_of(day)]


def with_lag(calendar, period, lag):
    """The same period, as known ``lag`` days after its end, or on its first day if that is later."""
    return calendar.period(period.label, max(period.end + lag * DAY, period.start + DAY) - DAY)


# --- the specification's examples -------------------------------------------------------------------------------------


def test_first_quarter_of_2026_in_new_york():
    quarter = Calendar("America/New_York").period("2026Q1")
    assert quarter.start_at == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert quarter.end_at == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert (quarter.end_at - quarter.start_at) / timedelta(hours=1) == 2159
    assert quarter.days == 90


def test_fiscal_year_from_february():
    quarter = Calendar(fiscal_year_start_month=2).period("FY2027Q1")
    assert (quarter.start, quarter.end) == (date(2026, 2, 1), date(2026, 5, 1))


def test_fiscal_year_named_by_its_start():
    quarter = Calendar(fiscal_year_start_month=2, fy_label="start").period("FY2026Q4")
    assert (quarter.start, quarter.end) == (date(2026, 11, 1), date(2027, 2, 1))


def test_as_of_the_last_day_is_the_default():
    quarter = Calendar().period("2026Q3")
    assert Calendar().period("2026Q3", date(2026, 9, 30)) == quarter
    assert quarter.as_of_at == datetime(2026, 10, 1, tzinfo=UTC)
    assert (quarter.known_until, quarter.measured_on) == (date(2026, 9, 30), date(2026, 9, 30))
    assert not quarter.is_partial


def test_a_later_as_of_moves_knowledge_and_no_stock():
    quarter = Calendar().period("2026Q3", date(2026, 10, 12))
    assert (quarter.known_until, quarter.measured_on) == (date(2026, 10, 12), date(2026, 9, 30))
    assert (quarter.flow_end, quarter.is_partial) == (date(2026, 10, 1), False)


def test_a_running_quarter():
    quarter = Calendar().period("2026Q3", date(2026, 8, 15))
    assert (quarter.is_partial, quarter.elapsed_days) == (True, 46)  # 31 days of July and 15 of August
    assert (quarter.known_until, quarter.measured_on, quarter.flow_end) == (
        date(2026, 8, 15), date(2026, 8, 15), date(2026, 8, 16),
    )  # fmt: skip
    assert quarter.opening_day == date(2026, 6, 30)


def test_as_of_the_first_day_is_the_earliest():
    assert Calendar().period("2026Q3", date(2026, 7, 1)).elapsed_days == 1
    with pytest.raises(KitError, match="as-of 2026-06-30 lies before 2026Q3"):
        Calendar().period("2026Q3", date(2026, 6, 30))


def test_as_of_at_the_end_of_all_calendars():
    with pytest.raises(KitError, match="as-of 9999-12-31 is in no year that has reviews"):
        Calendar().period("2026Q3", date.max)


def test_history_has_the_same_lag_in_days():
    quarter = Calendar().period("2026Q3", date(2026, 10, 12))  # 12 days after the quarter's end
    assert [(p.label, p.as_of_on) for p in quarter.history(3)] == [
        ("2025Q4", date(2026, 1, 13)),
        ("2026Q1", date(2026, 4, 13)),
        ("2026Q2", date(2026, 7, 13)),
    ]
    assert quarter.year_ago().as_of_on == date(2025, 10, 13)


def test_history_of_a_running_quarter_has_the_same_elapsed_days():
    quarter = Calendar().period("2026Q1", date(2026, 2, 14))  # 45 days: 31 + 14
    previous = quarter.previous()
    assert (previous.label, previous.as_of_on) == ("2025Q4", date(2025, 10, 1) + 45 * DAY)
    assert previous.elapsed_days == quarter.elapsed_days == 45


def test_a_running_long_quarter_compares_with_the_whole_of_a_shorter_one():
    quarter = Calendar().period("2026Q4", date(2026, 12, 30))  # 91 of 92 days
    first = quarter.previous(3)  # 2026Q1 has 90
    assert (first.label, first.flow_end) == ("2026Q1", date(2026, 4, 1))


@pytest.mark.parametrize(
    ("label", "start", "end"),
    [
        ("2026-W01", date(2025, 12, 29), date(2026, 1, 5)),
        ("2026-W39", date(2026, 9, 21), date(2026, 9, 28)),
        ("2026-W53", date(2026, 12, 28), date(2027, 1, 4)),
        ("2020-W53", date(2020, 12, 28), date(2021, 1, 4)),
        ("2026-07", date(2026, 7, 1), date(2026, 8, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
    ],
)
def test_weeks_and_months(label, start, end):
    period = Calendar().period(label)
    assert (period.start, period.end) == (start, end)


def test_the_turn_of_the_year_belongs_to_the_iso_year_of_its_thursday():
    assert Calendar().week_of(date(2026, 1, 1)).label == "2026-W01"
    assert Calendar().week_of(date(2027, 1, 1)).label == "2026-W53"
    assert Calendar().week_of(date(2024, 12, 30)).label == "2025-W01"
    assert Calendar().period("2026-W01").previous().label == "2025-W52"
    assert Calendar().period("2021-W01").previous().label == "2020-W53"


@pytest.mark.parametrize(
    "label",
    ["2026Q5", "2026Q0", "2026q3", "Q32026", "26Q3", "2026-13", "2026-00", "2026-7", "2025-W53", "2026-W00", "2026-W54",
     "2026", "", "2026-09-30", " 2026Q3", "2026Q3 ", "0000Q1", "0000-01", "9999Q4", "1899-12",
     "2200-W01", "2026Q3\n"],
)  # fmt: skip
def test_what_is_no_period(label):
    with pytest.raises(KitError, match="is not a period; expected a quarter"):
        Calendar().period(label)


@pytest.mark.parametrize(
    ("calendar", "label", "right"),
    [
        (Calendar(), "FY2026Q3", "2026Q3"),
        (Calendar(fiscal_year_start_month=2), "2026Q3", "FY2027Q2"),
        (Calendar(fiscal_year_start_month=2, fy_label="start"), "2026Q3", "FY2026Q2"),
        (Calendar(fiscal_year_start_month=7), "2026Q3", "FY2027Q1"),
    ],
)
def test_a_quarter_of_another_calendar_is_refused_with_the_right_one(calendar, label, right):
    with pytest.raises(KitError, match=f"the quarter that holds .* is {right}$"):
        calendar.period(label)


def test_months_are_complete_and_known_with_the_lag_of_the_last():
    late = Calendar().period("2026Q3", date(2026, 10, 12)).months(3)
    assert [(m.label, m.as_of_on) for m in late] == [
        ("2026-07", date(2026, 8, 13)),
        ("2026-08", date(2026, 9, 13)),
        ("2026-09", date(2026, 10, 13)),
    ]
    running = Calendar().period("2026Q3", date(2026, 8, 15)).months(2)
    assert [(m.label, m.as_of_on, m.is_partial) for m in running] == [
        ("2026-06", date(2026, 7, 16), False),
        ("2026-07", date(2026, 8, 16), False),
    ]


# --- 4-4-5 ------------------------------------------------------------------------------------------------------------


def test_listed_quarters():
    quarter = RETAIL.period("2026Q1")
    assert (quarter.start, quarter.end, quarter.days) == (date(2025, 12, 29), date(2026, 3, 30), 91)
    assert RETAIL.quarter_of(date(2026, 1, 1)) == quarter
    assert (quarter.previous().label, RETAIL.period("2026Q3").year_ago().label) == ("2025Q4", "2025Q3")
    assert RETAIL.fiscal_year_start(date(2026, 8, 1)) == date(2025, 12, 29)


def test_listed_quarters_end_where_the_list_does():
    assert [p.label for p in RETAIL.period("2026Q1").history(8)] == ["2025Q3", "2025Q4"]
    for label in ("2026Q4", "2025Q2", "2031Q1"):
        with pytest.raises(KitError, match="quarter_starts"):
            RETAIL.period(label)


def test_year_ago_before_the_list_begins():
    with pytest.raises(KitError, match="quarter_starts does not reach"):
        RETAIL.period("2026Q1").year_ago()


# --- local midnights --------------------------------------------------------------------------------------------------


def test_a_day_whose_midnight_does_not_exist_begins_with_its_first_instant():
    """São Paulo put its clocks from 24:00 on 3 November 2018 to 01:00 on the 4th, which is 03:00 UTC."""
    calendar = Calendar("America/Sao_Paulo")
    assert calendar.instant(date(2018, 11, 4)) == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert calendar.instant(date(2018, 11, 5)) - calendar.instant(date(2018, 11, 4)) == timedelta(hours=23)
    assert calendar.instant(date(2018, 11, 4)) - calendar.instant(date(2018, 11, 3)) == timedelta(hours=24)


def test_a_midnight_that_comes_twice_is_the_first():
    """Havana puts its clocks from 01:00 back to 00:00: 2025-11-02 begins at the first midnight, 04:00 UTC."""
    assert Calendar("America/Havana").instant(date(2025, 11, 2)) == datetime(2025, 11, 2, 4, tzinfo=UTC)


def test_a_day_that_was_skipped_has_no_length():
    """Samoa crossed the date line: there was no 30 December 2011."""
    calendar = Calendar("Pacific/Apia")
    assert calendar.instant(date(2011, 12, 30)) == calendar.instant(date(2011, 12, 31))
    assert calendar.instant(date(2011, 12, 31)) - calendar.instant(date(2011, 12, 29)) == timedelta(hours=24)


@given(st.sampled_from(sorted(available_timezones())), st.dates(date(1975, 1, 1), date(2037, 1, 1)))
def test_the_instant_of_a_day_is_its_first(zone, day):
    """Independent of how it is found: the instant lies on the day, the microsecond before it on an earlier one."""
    start, zone_info = Calendar(zone).instant(day), ZoneInfo(zone)
    before = (start - timedelta(microseconds=1)).astimezone(zone_info)
    assert before.date() < day
    if Calendar(zone).instant(day + DAY) > start:  # else the zone skipped this day
        assert start.astimezone(zone_info).date() == day


# --- properties -------------------------------------------------------------------------------------------------------


@given(fiscal, days)
def test_periods_hold_their_day_and_their_labels_lead_back(calendar, day):
    for period in kinds(calendar, day):
        assert period.start <= day < period.end
        assert calendar.period(period.label) == period


@given(fiscal, days)
def test_periods_follow_each_other_without_gap(calendar, day):
    for period in kinds(calendar, day):
        assert period.previous().end == period.start
        assert [p.end for p in period.history(9)][:-1] == [p.start for p in period.history(9)][1:]
        assert period.history(9)[-1] == period.previous()


@given(fiscal, days)
def test_quarters_are_three_whole_months(calendar, day):
    quarter = calendar.quarter_of(day)
    assert quarter.start.day == quarter.end.day == 1
    assert (quarter.start.month - calendar.fiscal_year_start_month) % 3 == 0
    months = (quarter.end.year - quarter.start.year) * 12 + quarter.end.month - quarter.start.month
    assert months == 3


@given(fiscal, days)
def test_fiscal_years_hold_four_quarters_with_one_name(calendar, day):
    start = calendar.fiscal_year_start(day)
    first = calendar.quarter_of(start)
    assert start <= day < date(start.year + 1, start.month, 1)
    assert start.month == calendar.fiscal_year_start_month
    quarters = [calendar.quarter_of(first.start + 92 * i * DAY) for i in range(4)]
    assert [q.label[-1] for q in quarters] == list("1234")
    assert len({q.label[:-2] for q in quarters}) == 1
    year = quarters[-1].end - DAY if calendar.fy_label == "end" else first.start
    prefix = "" if calendar.fiscal_year_start_month == 1 else "FY"
    assert quarters[0].label == f"{prefix}{year.year}Q1"


@given(fiscal, days)
def test_weeks_are_those_of_the_civil_calendar(calendar, day):
    week = calendar.week_of(day)
    assert week.start.weekday() == 0
    assert week.days == 7
    thursday = week.start + 3 * DAY
    number = (thursday - date(thursday.year, 1, 1)).days // 7 + 1  # ISO 8601: week 1 holds the first Thursday
    assert week.label == f"{thursday.year}-W{number:02d}"


@given(fiscal, days)
def test_months_are_those_of_the_civil_calendar(calendar, day):
    assert calendar.month_of(day).days == civil.monthrange(day.year, day.month)[1]


@given(fiscal, days, lags)
def test_earlier_periods_are_known_with_the_same_lag(calendar, day, lag):
    for period in (with_lag(calendar, p, lag) for p in kinds(calendar, day)):
        for earlier in [*period.history(5), period.year_ago()]:
            if period.is_partial:
                assert earlier.elapsed_days == min(period.elapsed_days, earlier.days)
                assert earlier.as_of_on <= earlier.end
            else:
                assert earlier.as_of_on - earlier.end == period.as_of_on - period.end
            assert earlier.as_of_on <= period.as_of_on
            assert (earlier.start, earlier.end) == (
                calendar.period(earlier.label).start, calendar.period(earlier.label).end,
            )  # fmt: skip


@given(fiscal, days, lags)
def test_what_ends_where(calendar, day, lag):
    for period in (with_lag(calendar, p, lag) for p in kinds(calendar, day)):
        assert period.start <= period.measured_on <= period.end - DAY
        assert period.measured_on <= period.known_until
        assert period.flow_end == period.measured_on + DAY
        assert period.opening_day == period.start - DAY
        assert period.is_partial == (period.known_until < period.end - DAY)
        assert period.start_at < period.as_of_at


@given(fiscal, days, lags)
def test_months_are_complete_consecutive_and_the_last_ones(calendar, day, lag):
    period = with_lag(calendar, calendar.quarter_of(day), lag)
    months = period.months(24)
    assert len(months) == 24
    assert all(not month.is_partial for month in months)
    assert [m.end for m in months][:-1] == [m.start for m in months][1:]
    assert months[-1].end <= period.flow_end < calendar.month_of(months[-1].end).end
    assert months[-1].as_of_on == period.as_of_on
    assert {month.as_of_on - month.end for month in months} == {months[-1].as_of_on - months[-1].end}


@given(fiscal, days)
def test_year_ago_is_the_same_period_a_year_earlier(calendar, day):
    quarter, month, week = kinds(calendar, day)
    assert quarter.year_ago() == quarter.previous(4)
    assert month.year_ago() == month.previous(12)
    assert week.year_ago().start == week.start - 364 * DAY


@given(st.integers(1, 9), st.lists(st.sampled_from([91, 98]), min_size=2, max_size=12), st.integers(0, 1200))
def test_listed_calendars(first_quarter, lengths, offset):
    starts, day = [], date(2020, 12, 28)
    for i, length in enumerate([*lengths, 91], first_quarter):
        starts.append((f"{2020 + i // 4}Q{i % 4 + 1}", day))
        day += length * DAY
    calendar = Calendar(quarter_starts=tuple(starts))
    day = date(2020, 12, 28) + (offset % sum(lengths)) * DAY
    quarter = calendar.quarter_of(day)
    assert quarter.start <= day < quarter.end
    assert quarter.days in (91, 98)
    assert calendar.period(quarter.label) == quarter
    assert [p.label for p in quarter.history(20)] == [label for label, start in starts if start < quarter.start]
    assert calendar.fiscal_year_start(day) <= quarter.start
