"""C01 to C07: the worked examples of the specification, and every edge that the cards name."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.catalogue import CATALOGUE
from helpers.data.prepare import prepare
from helpers.kpis import customer_performance as theme
from helpers.kpis.rows import run
from helpers.notebook_parameters import theme_parameters
from helpers.params import Review, load_review, load_source
from helpers.periods import Calendar
from helpers.registries import Cpi
from helpers.review import OpenReview
from tests.canonical import figures, ruled, spine

Q1 = Calendar().period("2026Q1")
ROOT = Path(__file__).parents[2]


def only(rows, kpi_id, segment=""):
    (row,) = [row for row in rows if row.kpi_id == kpi_id and row.segment == segment]
    return row


def ends(row):
    return pytest.approx((row.interval.low, row.interval.high), abs=5e-5)


def listed(function, found, **given):
    return function(ruled(found, **given) if given else found).rows


# --- C01: turbo_estimate ----------------------------------------------------------------------------------------------

# promised within 4 hours; answered after 1, 2, 3, 5 and 30 hours; at midnight of 1 April two wait, for 10 hours and 1
REQUESTS = """
    deal_id | created_at | estimate_requested_at | estimate_sent_at | closed_at | outcome
    a | 2026-02-02 | 2026-02-02 09:00 | 2026-02-02 10:00 | |
    b | 2026-02-02 | 2026-02-02 09:00 | 2026-02-02 11:00 | |
    c | 2026-02-02 | 2026-02-02 09:00 | 2026-02-02 12:00 | |
    d | 2026-02-02 | 2026-02-02 09:00 | 2026-02-02 14:00 | |
    e | 2026-02-02 | 2026-02-02 09:00 | 2026-02-03 15:00 | |
    f | 2026-03-31 | 2026-03-31 14:00 | | |
    g | 2026-03-31 | 2026-03-31 23:00 | | |
"""
NO_REQUESTS = "deal_id | created_at | estimate_requested_at | estimate_sent_at\n"


def estimates(text, as_of_on="2026-04-01", period=None, **more):
    given = more.pop("given", {})
    return figures(theme.turbo_estimate, spine(as_of_on, period, given, deals=text, **more))


def test_example_of_seven_requests():
    """3 within 4 hours of 6: g still has its time. Without the open ones it would be 3 of 5."""
    rows = estimates(REQUESTS)
    share = only(rows, "turbo_estimate")
    assert (share.value, share.numerator, share.denominator, share.n) == (0.5, 3, 6, 6)
    assert ends(share) == (0.1876, 0.8124)
    assert share.excluded["requests: pending, within the promise"] == 1
    assert share.status == "ok"


def test_example_of_the_median_by_kaplan_meier():
    """7 wait; after 1, 2, 3 h 6/7, 4/5 and 3/4 of those remain (0.857, 0.686, 0.514), after 5 h 2/3 of them: 0.343."""
    median = only(estimates(REQUESTS), "turbo_estimate_median_hours")
    assert (median.value, median.n) == (5, 7)
    assert "requests: pending, within the promise" not in median.excluded  # it waits, and counts as waiting


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("2026-03-02 09:00 | 2026-03-02 13:00 | |", "on time"),  # the promise includes its last moment
        ("2026-03-02 09:00 | 2026-03-02 13:01 | |", "late"),
        ("2026-03-31 20:00 | | |", "pending"),  # four hours at midnight, and so no miss yet
        ("2026-03-31 19:59 | | |", "unanswered"),
        ("2026-03-02 09:00 | | 2026-03-02 12:00 | lost", "withdrawn"),
        ("2026-03-02 09:00 | | 2026-03-02 14:00 | lost", "unanswered"),
        ("2026-03-02 09:00 | | 2026-03-02 02:00 | lost", "closed before the request"),
        ("2026-03-31 20:00 | 2026-04-01 02:00 | |", "pending"),  # sent after the as-of: not known
        ("2025-12-31 23:59 | 2026-01-01 02:00 | |", None),  # asked in the quarter before
        (" | 2026-03-02 13:00 | |", None),  # nobody asked
    ],
)
def test_every_end_of_a_request(line, state):
    text = (
        "deal_id | created_at | estimate_requested_at | estimate_sent_at | closed_at | outcome\n a | 2025-12-01 | "
        + line
    )
    found = spine("2026-04-01", deals=text).frame("turbo_estimate_rows")
    assert found["state"].tolist() == ([state] if state else [])


def test_a_request_that_is_withdrawn_or_closed_before_is_counted_and_in_no_figure():
    text = REQUESTS + "    h | 2026-03-02 | 2026-03-02 09:00 | | 2026-03-02 12:00 | lost\n"
    rows = estimates(text + "    i | 2026-03-02 | 2026-03-02 09:00 | | 2026-03-02 02:00 | lost\n")
    for kpi_id, value in (("turbo_estimate", 0.5), ("turbo_estimate_median_hours", 5)):
        row = only(rows, kpi_id)
        assert row.value == value
        assert row.excluded["requests: withdrawn within the promise"] == 1
        assert row.excluded["requests: deal closed before the request"] == 1


SEGMENTS = """
    customer_id | name | signed_up_on | segment
    L | Large | 2025-01-01 | Enterprise
    S | Small | 2025-01-01 | SMB
"""
# answered after 20 hours for the large buyer, after 5 for the small one, after 3 for somebody who is no customer yet
BY_SEGMENT = """
    deal_id | created_at | customer_id | estimate_requested_at | estimate_sent_at
    a | 2026-02-02 | L | 2026-02-02 00:00 | 2026-02-02 20:00
    b | 2026-02-02 | S | 2026-02-02 00:00 | 2026-02-02 05:00
    c | 2026-02-02 |   | 2026-02-02 00:00 | 2026-02-02 03:00
"""


def test_the_promise_may_differ_by_segment():
    """Within 4 hours for all: 1 of 3. Within 24 for large buyers: a and c, 2 of 3; half are answered after 5 hours."""
    assert only(estimates(BY_SEGMENT, customers=SEGMENTS), "turbo_estimate").value == pytest.approx(1 / 3)
    hours = {"Enterprise": 24, "SMB": 4, "(none)": 4}
    rows = estimates(BY_SEGMENT, customers=SEGMENTS, given={"estimate_sla_hours": hours})
    shares = {row.segment: row.value for row in rows if row.kpi_id == "turbo_estimate"}
    assert shares == {"": pytest.approx(2 / 3), "(none)": 1, "Enterprise": 1, "SMB": 0}
    assert only(rows, "turbo_estimate_median_hours").value == 5
    assert only(rows, "turbo_estimate_median_hours", "Enterprise").value == 20


def test_a_segment_without_a_promise_is_refused_by_name():
    rows = estimates(BY_SEGMENT, customers=SEGMENTS, given={"estimate_sla_hours": {"Enterprise": 24, "SMB": 4}})
    assert {(row.kpi_id, row.status) for row in rows} == {
        ("turbo_estimate", "refused"),
        ("turbo_estimate_median_hours", "refused"),
    }
    assert rows[0].warnings == (
        "estimate_sla_hours tells Enterprise, SMB, but not (none); add the hours for it under themes: "
        "customer_performance",
    )


def test_without_segments_only_the_total_is_told():
    assert {row.segment for row in estimates(REQUESTS)} == {""}


def test_a_median_that_is_not_reached_is_undefined():
    text = NO_REQUESTS + " a | 2026-02-02 | 2026-02-02 09:00 |\n b | 2026-02-02 | 2026-02-02 09:00 |"
    rows = estimates(text)
    assert only(rows, "turbo_estimate").value == 0
    median = only(rows, "turbo_estimate_median_hours")
    assert (median.value, median.status) == (None, "undefined")
    assert median.warnings == ("not reached: 0 of 2 requests are answered",)


def test_nobody_asked():
    rows = estimates(NO_REQUESTS)
    assert {(row.kpi_id, row.value, row.status, row.n) for row in rows} == {
        ("turbo_estimate", None, "undefined", 0),
        ("turbo_estimate_median_hours", None, "undefined", 0),
    }


def test_a_running_quarter_is_partial_and_an_hour_is_an_hour_over_a_change_of_clocks():
    """Berlin, 29 March: from 00:00 to 06:00 are 5 hours, and it was asked for on that day there."""
    text = NO_REQUESTS + " a | 2026-03-01 | 2026-03-29 00:00 | 2026-03-29 06:00"
    period = Calendar("Europe/Berlin").period("2026Q1", as_of=date(2026, 3, 30))
    rows = estimates(text, "2026-03-31", period, timezone="Europe/Berlin", given={"estimate_sla_hours": 5})
    assert only(rows, "turbo_estimate_median_hours").value == 5
    assert (only(rows, "turbo_estimate").value, only(rows, "turbo_estimate").status) == (1, "partial")


def test_a_month_is_told_from_what_was_known_then():
    """On 1 March the request of 28 February, 22:00, waits within its promise; later it was answered in 3 hours."""
    text = (
        NO_REQUESTS + " a | 2026-02-01 | 2026-02-28 22:00 | 2026-03-01 01:00\n b | 2026-02-01 | 2026-02-10 | 2026-02-11"
    )
    found = spine("2026-04-01", deals=text, periods=[Calendar().period("2026-02"), Q1])
    shares = {row.period.label: row for row in run(theme.turbo_estimate, found) if row.kpi_id == "turbo_estimate"}
    assert (shares["2026-02"].numerator, shares["2026-02"].denominator) == (0, 1)
    assert (shares["2026Q1"].numerator, shares["2026Q1"].denominator) == (1, 2)


def test_the_curve_ends_with_the_last_estimate_and_tells_who_waits_longer():
    curve = theme.estimate_curve(spine("2026-04-01", deals=REQUESTS))
    rows = curve.rows
    assert rows["hours"].tolist() == [0, 1, 2, 3, 5, 10, 30]
    assert rows.loc[rows["hours"] == 5, "waiting"].item() == pytest.approx(6 / 7 * 4 / 5 * 3 / 4 * 2 / 3)
    assert rows.loc[rows["hours"] == 10, "unseen"].item() == 1
    late = REQUESTS + "    h | 2026-02-02 | 2026-02-02 00:00 | | |\n"
    assert "1 requests wait for longer than shown, without an estimate; the longest for 58 days" in (
        theme.estimate_curve(spine("2026-04-01", deals=late)).note
    )
    assert theme.estimate_curve(spine("2026-04-01", deals=NO_REQUESTS)).rows.empty


def test_the_list_of_broken_promises():
    found = spine("2026-04-01", deals=REQUESTS)
    rows = listed(theme.late_estimates, found)
    assert rows[["deal_id", "state", "hours"]].to_numpy().tolist() == [
        ["f", "unanswered", 10], ["g", "pending", 1], ["e", "late", 30], ["d", "late", 5],
    ]  # fmt: skip


# --- C02: flexible_options --------------------------------------------------------------------------------------------

DECIDED = "deal_id | created_at | closed_at | outcome | options_offered | option_chosen | default_option\n"


def decided(*lines):
    return DECIDED + "\n".join(f"d{i} | 2026-01-02 | 2026-02-02 | {line}" for i, line in enumerate(lines))


SEVEN = [*["won | 2 | monthly | yearly"] * 4, *["won | 3 | yearly | yearly"] * 2, "lost | 2 | | yearly"]


def options(text, **more):
    return only(figures(theme.flexible_options, spine("2026-04-01", deals=text, **more)), "flexible_options")


def test_example_of_seven_deals():
    """4 of 7 deals with two options or more took another than the usual one; the lost one took none."""
    row = options(decided(*SEVEN, "open | 2 | monthly | yearly"))  # a day on which it may close decides nothing
    assert (row.numerator, row.denominator) == (4, 7)
    assert row.value == pytest.approx(0.5714, abs=5e-5)
    assert ends(row) == (0.2505, 0.8418)


def test_what_says_nothing_of_options_is_counted():
    row = options(
        decided(
            *SEVEN,
            "won | 1 | yearly | yearly",
            "lost | 0 | |",
            "won | | |",
            "won | 2 | | yearly",
            "won | 2 | monthly |",
        )
    )
    assert (row.numerator, row.denominator) == (4, 7)
    assert row.excluded == {
        "deals: fewer than two options": 2, "deals: no options_offered": 1, "deals: won without option_chosen": 1,
        "deals: no default_option": 1,
    }  # fmt: skip


def test_only_deals_decided_in_the_period_count():
    text = decided(*SEVEN) + "\n x | 2026-01-02 | 2026-04-01 | won | 2 | monthly | yearly"
    text += "\n y | 2026-01-02 | | open | 2 | | yearly\n z | 2025-01-02 | 2025-12-31 | won | 2 | monthly | yearly"
    assert options(text).denominator == 7
    assert options(DECIDED).status == "undefined"


def test_options_by_how_many_were_offered():
    """1, 2, 2, 2, 2, 2, 3, 3: half were offered 2 or fewer."""
    listing = theme.options_offered(spine("2026-04-01", deals=decided(*SEVEN, "won | 1 | yearly | yearly")))
    rows = listing.rows.set_index("options")
    assert rows["deals"].to_dict() == {"1 option": 1, "2 options": 5, "3 options": 2}
    assert rows["win_rate"].to_dict() == {"1 option": 1, "2 options": 0.8, "3 options": 1}
    assert rows.loc["2 options", "other"] == 1
    assert pd.isna(rows.loc["1 option", "other"])
    assert listing.note.startswith("Half of these deals were offered 2 or fewer.")
    assert theme.options_offered(spine("2026-04-01", deals=DECIDED)).rows.empty


# --- C03: content_appreciation ----------------------------------------------------------------------------------------

# three items of 28 days or more: +12 (15 come, 3 go), 0 and -2 followers; 40 likes and 15 shares of 2,000 views
READINGS = """
    customer_id | object_id | metric | at | value
    A | one | followers | 2026-02-01 | 15
    A | one | followers | 2026-02-10 | -3
    A | one | likes | 2026-02-01 | 40
    A | one | views | 2026-02-01 | 1500
    B | two | followers | 2026-02-05 | 0
    B | two | shares | 2026-02-05 | 15
    B | two | views | 2026-02-05 | 500
    B | three | followers | 2026-03-04 | -2
    B | three | views | 2026-03-04 | 0
"""
NO_READINGS = "customer_id | object_id | metric | at | value\n"


def content(text, as_of_on="2026-04-01", **given):
    return figures(
        theme.content_appreciation, spine(as_of_on, Q1 if as_of_on == "2026-04-01" else None, given, measurements=text)
    )


def test_example_of_three_items():
    """(12 + 0 - 2) / 3 = 3.33 followers an item; 55 reactions on 2,000 views are 27.5 on 1,000."""
    rows = content(READINGS)
    assert only(rows, "content_appreciation").value == pytest.approx(3.333333, abs=5e-7)
    assert only(rows, "content_appreciation").n == 3
    reactions = only(rows, "content_reactions_per_1000")
    assert (reactions.value, reactions.numerator, reactions.denominator) == (27.5, 55, 2000)


def test_an_item_counts_from_its_28th_day_on():
    """Published on 4 March it is 28 days old on 1 April at 00:00; on 5 March it is not."""
    rows = content(READINGS + "    A | four | followers | 2026-03-05 | 100\n")
    row = only(rows, "content_appreciation")
    assert (row.numerator, row.denominator) == (10, 3)
    assert row.excluded["items: not yet 28 days old"] == 1
    assert only(content(READINGS, content_window_days=29), "content_appreciation").denominator == 2


def test_what_an_item_gains_after_its_window_does_not_count():
    """The window of an item of 1 February ends with 28 February."""
    text = READINGS + "    A | one | followers | 2026-02-28 | 3\n    A | one | followers | 2026-03-01 | 50\n"
    assert only(content(text), "content_appreciation").numerator == 13


def test_followers_of_the_company_itself_are_left_out_and_told():
    """They accrue to no customer: with them it would be 1,010 followers."""
    text = READINGS + "     | own page | followers | 2026-02-01 | 1000\n    A | | likes | 2026-02-03 | 7\n"
    row = only(content(text), "content_appreciation")
    assert (row.numerator, row.denominator) == (10, 3)
    assert row.excluded["measurements: no customer_id, so the company's own"] == 1
    assert row.excluded["measurements: no object_id"] == 1


def test_only_followers_of_the_company_are_no_cpi():
    rows = content(NO_READINGS + "     | own page | followers | 2026-02-01 | 1000\n")
    assert {(row.kpi_id, row.status) for row in rows} == {
        ("content_appreciation", "not_provided"),
        ("content_reactions_per_1000", "not_provided"),
    }


def test_items_without_a_count():
    text = NO_READINGS + " A | one | likes | 2026-02-01 | 5\n A | two | followers | 2026-02-01 | 4\n"
    text += " A | two | views | 2026-02-01 | 0\n"
    rows = content(text)
    row = only(rows, "content_appreciation")
    assert (row.value, row.n) == (2, 2)
    assert row.warnings == ("1 of 2 items have no count of followers, and count as 0",)
    reactions = only(rows, "content_reactions_per_1000")
    assert (reactions.status, reactions.n) == ("undefined", 1)  # no views: undefined, and not 0
    assert reactions.excluded["items: no views counted"] == 1


def test_the_list_of_items_tells_the_young_ones_too():
    rows = listed(
        theme.content_items,
        spine("2026-04-01", Q1, measurements=READINGS + "    A | four | followers | 2026-03-05 | 9\n"),
    )
    assert dict(zip(rows["object_id"], zip(rows["followers"], rows["state"], strict=True), strict=True)) == {
        "one": (12, "followed"), "two": (0, "followed"), "three": (-2, "followed"), "four": (9, "too young"),
    }  # fmt: skip


# --- C04: first_contact_resolution ------------------------------------------------------------------------------------

TICKETS = (
    "ticket_id | customer_id | created_at | solved_at | public_agent_replies | reopens | topic | csat | is_spam | "
    "merged_into | created_by\n"
)
# 12 solved: 5 clean, and one each reopened, with 3 replies, asked again after 4 days, rated bad, solved 3 days before
# as-of, without a reply, and merged
TWELVE = (
    TICKETS
    + """
    clean1 | A | 2026-02-01 | 2026-02-02 | 1 | 0 | login | good | | | customer
    clean2 | B | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | | customer
    clean3 | C | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | | customer
    clean4 | D | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | | customer
    clean5 | E | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | | customer
    reopened | F | 2026-02-01 | 2026-02-02 | 1 | 1 | login |  | | | customer
    replies | G | 2026-02-01 | 2026-02-02 | 3 | 0 | login |  | | | customer
    again | H | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | | customer
    bad | I | 2026-02-01 | 2026-02-02 | 1 | 0 | login | bad | | | customer
    young | J | 2026-03-28 | 2026-03-29 | 1 | 0 | login |  | | | customer
    zero | K | 2026-02-01 | 2026-02-02 | 0 | 0 | login |  | | | customer
    merged | L | 2026-02-01 | 2026-02-02 | 1 | 0 | login |  | | clean1 | customer
    second | H | 2026-02-06 |  | 1 | 0 | login |  | | | customer
""".lstrip("\n")
)


def tickets(text, as_of_on="2026-04-01", **given):
    return figures(theme.first_contact_resolution, spine(as_of_on, given=given, tickets=text))


def test_example_of_twelve_tickets():
    """5 of 9: 12 less the young one, the one without a reply and the merged one."""
    row = only(tickets(TWELVE), "first_contact_resolution")
    assert (row.numerator, row.denominator, row.n) == (5, 9, 9)
    assert row.value == pytest.approx(0.5556, abs=5e-5)
    assert ends(row) == (0.2667, 0.8112)
    assert row.excluded == {
        "tickets: closed without a reply": 1, "tickets: merged into another": 1, "tickets: not yet 7 days old": 1,
    }  # fmt: skip
    assert only(tickets(TWELVE), "first_contact_resolution", "login").value == row.value


def test_a_ticket_is_asked_for_from_its_seventh_day_on():
    """Solved on 24 March, its seventh day is 31 March, the last that is known; on 25 March it is 1 April."""
    line = " x | M | 2026-03-20 | {} | 1 | 0 | login | | | | customer"
    rows = {
        day: only(tickets(TWELVE + line.format(day)), "first_contact_resolution")
        for day in ("2026-03-24", "2026-03-25")
    }
    assert [row.denominator for row in rows.values()] == [10, 9]


@pytest.mark.parametrize(
    ("repeat", "settled"),
    [
        ("A | 2026-02-09 23:00 | login | |", False),  # the seventh day, whatever the hour
        ("A | 2026-02-10 00:00 | login | |", True),
        ("A | 2026-02-03 | billing | |", True),  # another matter
        ("B | 2026-02-03 | login | |", True),  # another customer
        ("A | 2026-02-03 | | |", False),  # no topic: it may be the same
        ("A | 2026-02-03 | login | true |", True),  # spam
        ("A | 2026-02-02 12:00 | login | |", True),  # before it was solved
        ("A | 2026-02-03 | login | | x", False),  # asked again, though merged later
    ],
)
def test_what_counts_as_asking_again(repeat, settled):
    header = "ticket_id | customer_id | created_at | solved_at | public_agent_replies | reopens | topic | is_spam | "
    customer, day, topic, spam, merged = repeat.split("|")
    text = header + "merged_into\nx | A | 2026-02-01 | 2026-02-02 15:00 | 1 | 0 | login | |\n"
    text += f"y | {customer} | {day} | | 0 | 0 | {topic} | {spam} | {merged}"
    row = only(tickets(text), "first_contact_resolution")
    assert (row.numerator, row.denominator) == (int(settled), 1)


def test_a_ticket_without_a_topic_is_flagged():
    text = TICKETS + " x | A | 2026-02-01 | 2026-02-02 | 1 | 0 | | | | | customer\n"
    text += " y | A | 2026-02-05 | | 0 | 0 | billing | | | | customer"
    row = only(tickets(text), "first_contact_resolution")
    assert (row.value, row.warnings) == (
        0,
        ("1 of 1 tickets tell no topic: any ticket of the customer counts as asking again",),
    )
    assert only(tickets(text), "first_contact_resolution", "(none)").value == 0


def test_spam_agents_and_unknown_counts_are_left_out_and_counted():
    text = TWELVE + " s | M | 2026-02-01 | 2026-02-02 | 1 | 0 | login | | true | | customer\n"
    text += " t | M | 2026-01-01 | 2026-01-02 | 1 | 0 | login | | | | agent\n"
    text += " u | N | 2026-01-01 | 2026-01-02 | | 0 | login | | | | customer\n"
    text += " v | O | 2026-01-01 | 2026-01-02 | 1 | | login | | | | customer\n"
    row = only(tickets(text), "first_contact_resolution")
    assert (row.numerator, row.denominator) == (5, 9)
    reasons = ("spam", "created by an agent", "no public_agent_replies", "no reopens")
    assert [row.excluded[f"tickets: {reason}"] for reason in reasons] == [1, 1, 1, 1]


def test_one_touch_is_another_figure():
    """Of 11 solved and not merged 10 had fewer than two replies; of 12 opened and not merged 10 had exactly one."""
    rows = tickets(TWELVE)
    zendesk, fivetran = only(rows, "one_touch_zendesk"), only(rows, "one_touch_fivetran")
    assert (zendesk.numerator, zendesk.denominator) == (10, 11)
    assert (fivetran.numerator, fivetran.denominator) == (10, 12)
    assert "tickets: closed without a reply" not in zendesk.excluded
    for row in (zendesk, fivetran):
        assert row.excluded["tickets: spam, merged, or without public_agent_replies"] == 1
    assert not any("FCR" in CATALOGUE[kpi_id].label for kpi_id in ("one_touch_zendesk", "one_touch_fivetran"))


def test_what_the_source_does_not_tell_is_said():
    text = "ticket_id | customer_id | created_at | solved_at | public_agent_replies | reopens\n"
    row = only(tickets(text + " a | A | 2026-02-01 | 2026-02-02 | 1 | 0"), "first_contact_resolution")
    assert row.value == 1
    assert len(row.warnings) == 5 + 2  # five columns; and of this ticket no topic and no author
    assert "tickets tell no csat: none counts as rated bad" in row.warnings


def test_a_ticket_solved_after_the_as_of_is_not_solved():
    text = TICKETS + " a | A | 2026-02-01 | 2026-04-02 | 1 | 0 | login | | | | customer"
    row = only(tickets(text), "first_contact_resolution")
    assert (row.denominator, row.status) == (0, "undefined")


def test_an_account_may_be_the_parent():
    """The sister asks again: with account_level parent it is one customer."""
    sisters = "customer_id | name | signed_up_on | parent_id\n A | A | 2025-01-01 | P\n B | B | 2025-01-01 | P\n"
    sisters += "P | P | 2025-01-01 |"
    text = TICKETS + " x | A | 2026-02-01 | 2026-02-02 | 1 | 0 | login | | | | customer\n"
    text += " y | B | 2026-02-05 | | 0 | 0 | login | | | | customer"
    for level, value in (("customer", 1), ("parent", 0)):
        found = spine("2026-04-01", given={"account_level": level}, tickets=text, customers=sisters)
        assert only(figures(theme.first_contact_resolution, found), "first_contact_resolution").value == value


def test_topics_say_why_questions_were_not_settled():
    rows = listed(theme.topics, spine("2026-04-01", tickets=TWELVE))
    (row,) = rows.to_dict("records")
    assert (row["topic"], row["eligible"], row["more_replies"], row["reopened"]) == ("login", 9, 1, 1)
    assert (row["asked_again"], row["rated_bad"]) == (1, 1)


# --- C05: sprint_on_time ----------------------------------------------------------------------------------------------

PROMISES = "delivery_id | committed_on | delivered_on | scope_committed | scope_delivered | recommitted_on\n"
# as of the end of 15 March: 8 due, of which 6 on time, 1 late, 1 undelivered; 2 not yet due
TEN = PROMISES + "\n".join(
    [
        *(f" s{i} | 2026-02-0{i} | 2026-02-0{i} | 10 | 10 |" for i in range(1, 6)),
        " s6 | 2026-03-15 | 2026-03-10 | 10 | 8 |",
        " late | 2026-02-10 | 2026-02-12 | 10 | 10 | 2026-02-12",
        " never | 2026-02-11 | | 10 | |",
        " next1 | 2026-03-16 | | 10 | |",
        " next2 | 2026-03-31 | | 10 | |",
    ]
)


def sprints(text, as_of_on="2026-03-16", **more):
    return figures(theme.sprint_on_time, spine(as_of_on, deliveries=text, **more))


def test_example_of_ten_commitments():
    """6 of 8 due; of these 6 one lacks a part of its scope: 5 of 8 in full."""
    rows = sprints(TEN)
    row = only(rows, "sprint_on_time")
    assert (row.value, row.numerator, row.denominator, row.status) == (0.75, 6, 8, "partial")
    assert ends(row) == (0.4093, 0.9285)
    assert row.excluded == {"deliveries: not yet due": 2}
    assert only(rows, "sprint_on_time_in_full").value == 5 / 8


def test_a_second_promise_is_told_and_forgives_nothing():
    row = only(sprints(TEN), "sprint_on_time")
    assert row.warnings == ("promised again for a later day: 1 of 8 commitments; the first day counts",)


def test_a_delivery_after_the_as_of_is_not_known():
    text = PROMISES + " a | 2026-03-10 | 2026-03-20 | 10 | 10 |"
    rows = listed(theme.commitments, spine("2026-03-16", deliveries=text))
    assert rows[["state", "days"]].to_numpy().tolist() == [["not delivered", 5]]  # to 15 March, the last known day
    assert listed(theme.commitments, spine("2026-04-01", deliveries=text))["days"].tolist() == [10]


def test_a_scope_that_is_not_told_is_counted():
    text = (
        PROMISES
        + " a | 2026-02-10 | 2026-02-10 | | |\n b | 2026-02-10 | 2026-02-09 | 10 | 11 |\n c | 2026-02-10 | | | |"
    )
    rows = sprints(text)
    row = only(rows, "sprint_on_time_in_full")
    assert (row.numerator, row.denominator) == (1, 2)  # b in full; c is late whatever its scope
    assert row.excluded["deliveries: on time, scope not told"] == 1
    assert only(rows, "sprint_on_time").value == pytest.approx(2 / 3)


def test_without_scopes_only_the_day_is_told():
    rows = sprints("delivery_id | committed_on | delivered_on\n a | 2026-02-10 | 2026-02-10\n next | 2026-04-01 |")
    assert only(rows, "sprint_on_time").value == 1
    assert only(rows, "sprint_on_time").excluded == {}  # what is due in April is nothing to this quarter
    assert only(rows, "sprint_on_time_in_full").status == "not_provided"


def test_nothing_was_due():
    assert {row.status for row in sprints(PROMISES)} == {"undefined"}
    assert listed(theme.commitments, spine("2026-03-16", deliveries=PROMISES)).empty


# --- C05: receivables and the cost of support -------------------------------------------------------------------------

# the 30th day after they were due: 30 January, 1 March, 31 March and 1 April
INVOICES = """
    invoice_line_id | customer_id | invoiced_on | amount | kind | currency | due_on | paid_on | corrects
    a | A | 2025-12-01 | 1000 | recurring | USD | 2025-12-31 | 2026-01-30 |
    b | A | 2025-12-30 | 2000 | recurring | USD | 2026-01-30 | 2026-03-02 |
    c | B | 2026-02-01 | 3000 | recurring | USD | 2026-03-01 |            |
    d | B | 2026-02-01 | 9000 | recurring | USD | 2026-03-02 |            |
"""


def receivables(text, **more):
    found = spine("2026-04-01", invoices=text, **more)
    return only(figures(theme.receivables_overdue, found), "receivables_overdue")


def test_receivables_by_hand():
    """a is paid on its 30th day; b a day later, c not at all: 5,000 of 6,000. d has until 1 April."""
    row = receivables(INVOICES)
    assert (row.numerator, row.denominator, row.n) == (5000, 6000, 3)
    assert row.value == pytest.approx(5 / 6)


def test_a_credit_lowers_the_line_that_it_names():
    """c is credited by half before its 30th day: 3,500 of 4,500; later, or without a line, it lowers nothing."""
    credit = "    x | B | {} | -1500 | recurring | USD | | | {}\n"
    row = receivables(INVOICES + credit.format("2026-03-20", "c"))
    assert (row.numerator, row.denominator, row.excluded) == (3500, 4500, {})
    march = Calendar().period("2026-03")
    beside = receivables(INVOICES + credit.format("2026-03-20", "c"), periods=[march, Q1])  # knows the credit too
    assert (beside.numerator, beside.denominator) == (3500, 4500)
    assert receivables(INVOICES + credit.format("2026-03-20", "")).denominator == 6000
    assert (
        receivables(INVOICES + credit.format("2026-03-20", "")).excluded["invoices: a credit that names no line"] == 1
    )
    assert (
        receivables(INVOICES + "    y | B | 2026-02-03 | 5 | recurring | USD | | |\n").excluded["invoices: no due_on"]
        == 1
    )


def test_receivables_of_a_currency_without_a_rate_are_refused():
    row = receivables(INVOICES.replace("3000 | recurring | USD", "3000 | recurring | EUR"))
    assert (row.status, row.warnings) == ("refused", ("no rate for EUR; add it to fx_rates",))


def test_receivables_in_two_currencies():
    """c is EUR 3,000 at 1.1: 2,000 + 3,300 of 1,000 + 2,000 + 3,300."""
    text = INVOICES.replace("3000 | recurring | USD", "3000 | recurring | EUR")
    row = receivables(text, fx_rates="currency | rate\n EUR | 1.1")
    assert (row.numerator, row.denominator) == (pytest.approx(5300), pytest.approx(6300))


def test_who_owes_what():
    """At the end of March c alone has been due for 30 days; d is due since 2 March, 29 days."""
    names = "customer_id | name | signed_up_on\n A | Aye | 2025-01-01\n B | Bee | 2025-01-01"
    rows = listed(theme.overdue_customers, spine("2026-04-01", invoices=INVOICES, customers=names))
    assert rows[["customer", "amount", "lines", "days"]].to_numpy().tolist() == [["Bee", 3000, 1, 30]]


SPEND = "month | department | amount | currency\n" + "\n".join(
    f"2026-0{month}-01 | {department} | {amount} | USD"
    for month in (1, 2, 3)
    for department, amount in (("support", 300), ("sales", 5000))
)
# A pays all along, B to 10 January, C from 31 March, D until the end of the year before
PAYERS = """
    subscription_id | customer_id | start_on | end_on | mrr | currency
    s1 | A | 2025-01-01 | | 100 | USD
    s2 | B | 2025-01-01 | 2026-01-11 | 100 | USD
    s3 | C | 2026-03-31 | | 100 | USD
    s4 | D | 2025-01-01 | 2026-01-01 | 100 | USD
"""


def support_cost(spend=SPEND, as_of_on="2026-04-01", **more):
    found = spine(as_of_on, spend=spend, subscriptions=PAYERS, **more)
    return only(figures(theme.support_cost_per_customer, found), "support_cost_per_customer")


def test_support_cost_by_hand():
    """3 x 300 / 3 customers: A, B and C paid on a day of the quarter."""
    row = support_cost()
    assert (row.value, row.numerator, row.n) == (300, 900, 3)


def test_a_month_without_spend_of_support_is_taken_for_missing():
    row = support_cost(SPEND.replace("2026-02-01 | support | 300 | USD\n", ""))
    assert (row.status, row.warnings) == ("refused", ("no spend of support in 2026-02; the cost would look low",))


def test_of_a_running_quarter_the_months_that_are_over_count():
    """By 15 March, January and February: 600 for A and B."""
    row = support_cost(as_of_on="2026-03-16")
    assert (row.value, row.n, row.status) == (300, 2, "partial")
    assert support_cost(as_of_on="2026-01-16").status == "insufficient"


def test_support_cost_of_a_week_is_not_provided():
    assert support_cost(as_of_on="2026-01-19", period=Calendar().period("2026-W03")).status == "not_provided"


# --- what links and backtests ask of each account ---------------------------------------------------------------------


def test_each_account_has_its_share_of_what_could_be_kept():
    """Of A 1 of 2 in each: a ticket still young, a request still within its hours, a promise not due are in none.

    B has none that counts, and so no value.
    """
    deals = """
        deal_id | created_at | customer_id | estimate_requested_at | estimate_sent_at
        a | 2026-02-02 | A | 2026-02-02 09:00 | 2026-02-02 10:00
        b | 2026-02-02 | A | 2026-02-02 09:00 | 2026-02-02 14:00
        c | 2026-03-31 | B | 2026-03-31 23:00 |
    """
    lines = [
        "a | A | 2026-02-01 | 2026-02-02 | 1 | 0 | login | | | | customer",
        "b | A | 2026-02-21 | 2026-02-22 | 2 | 0 | login | | | | customer",
        "c | B | 2026-03-28 | 2026-03-29 | 1 | 0 | login | | | | customer",
    ]
    promises = "delivery_id | customer_id | committed_on | delivered_on\n a | A | 2026-02-10 | 2026-02-10\n"
    promises += " b | A | 2026-02-10 | 2026-02-11\n c | B | 2026-03-31 |"
    texts = {"customers": THREE, "deals": deals, "tickets": TICKETS + "\n".join(lines), "deliveries": promises}
    until = Calendar().period("2026Q1", as_of=date(2026, 3, 30))
    for kpi_id, period in (("turbo_estimate", Q1), ("first_contact_resolution", Q1), ("sprint_on_time", until)):
        rows = spine(period.as_of_on, period, **texts).answers(f"by_account_{kpi_id}")
        assert {row["account_id"]: row["value"] for row in rows} == {"A": 1 / 2}, kpi_id


# --- C06: delivered_value ---------------------------------------------------------------------------------------------

# A confirmed 120k and was invoiced 40k, B 30k and 60k, C nothing and 50k
VALUES = """
    customer_id | object_id | metric | at | value | currency
    A | review 1 | delivered_value | 2026-02-01 | 100000 | USD
    A | review 2 | delivered_value | 2026-03-01 | 20000 | USD
    B | review 1 | delivered_value | 2026-02-01 | 30000 | USD
    B | review 2 | delivered_value_unconfirmed | 2026-03-01 | 999 | USD
"""
PAID = """
    invoice_line_id | customer_id | invoiced_on | amount | kind | currency
    i1 | A | 2026-01-05 | 45000 | recurring | USD
    i2 | A | 2026-01-09 | -5000 | recurring | USD
    i3 | A | 2026-01-05 | 8000 | tax | USD
    i4 | B | 2026-01-05 | 60000 | services | USD
    i5 | C | 2026-01-05 | 50000 | recurring | USD
"""
THREE = """
    customer_id | name | signed_up_on
    A | Aye & Sons | 2025-01-01
    B | Bee | 2025-01-01
    C | Cee | 2025-01-01
"""
THREE_PAY = "subscription_id | customer_id | start_on | mrr | currency\n" + "\n".join(
    f"s{name} | {name} | 2026-01-01 | 100 | USD" for name in "ABC"
)


def value_of(values=VALUES, paid=PAID, **more):
    texts = {"customers": THREE, "subscriptions": THREE_PAY, **more}
    return spine("2026-04-01", measurements=values, invoices=paid, **texts)


def test_example_of_three_customers():
    """150 / 100 = 1.5 with 2 of 3 customers; their own ratios are 3 and 0.5, the middle 1.75."""
    rows = figures(theme.delivered_value, value_of())
    row = only(rows, "delivered_value")
    assert (row.value, row.numerator, row.denominator, row.n) == (1.5, 150_000, 100_000, 2)
    assert only(rows, "delivered_value_median").value == pytest.approx((3 + 0.5) / 2)
    coverage = only(rows, "delivered_value_coverage")
    assert (coverage.numerator, coverage.denominator) == (2, 3)
    assert "dominated by few: under 30 customers, or one with over a fifth of the revenue" in row.warnings


def test_value_that_the_customer_has_not_confirmed_is_left_out_and_told():
    given = value_of()
    row = only(figures(theme.delivered_value, given), "delivered_value")
    assert row.excluded["measurements: delivered value that the customer has not confirmed"] == 1
    by_account = {each["account_id"]: each["value"] for each in given.answers("by_account_delivered_value")}
    assert by_account == {"A": 3, "B": 0.5}  # links and backtests still get the others
    assert "not confirmed, and left out: 999 USD" in row.warnings


def test_value_is_of_customers_and_of_what_they_paid():
    text = (
        VALUES
        + "     | review | delivered_value | 2026-02-01 | 7 | USD\n"
        + "    D | review | delivered_value | 2026-02-01 | 7 | USD\n"
    )
    rows = figures(theme.delivered_value, value_of(text, customers=THREE + "    D | Dee | 2025-01-01\n"))
    row = only(rows, "delivered_value")
    assert row.value == 1.5
    assert row.excluded["measurements: delivered value without a customer"] == 1
    assert row.excluded["customers: value confirmed, and no net revenue"] == 1


def test_value_after_the_period_is_not_of_it():
    """As of 30 April the statement of 2 April is known, and it is none of the first quarter."""
    late = VALUES + "    A | review 3 | delivered_value | 2026-04-02 | 5000 | USD\n"
    period = Calendar().period("2026Q1", as_of=date(2026, 4, 30))
    found = spine("2026-05-01", period, measurements=late, invoices=PAID, customers=THREE, subscriptions=THREE_PAY)
    assert only(figures(theme.delivered_value, found), "delivered_value").value == 1.5


def test_a_history_of_value_that_begins_late_is_told():
    paid = PAID + "    i0 | A | 2025-01-05 | 0 | recurring | USD\n"
    row = only(figures(theme.delivered_value, value_of(paid=paid)), "delivered_value")
    assert row.warnings[0].startswith("history_starts_at 2026-02-01 for value and 2025-01-05 for invoices")


def test_a_currency_without_a_rate_is_refused_and_one_with_a_rate_counted():
    """B confirmed EUR 30,000: at 1.1 that is 33,000 dollars, and 153 / 100."""
    euros = VALUES.replace("30000 | USD", "30000 | EUR")
    assert {row.status for row in figures(theme.delivered_value, value_of(euros))} == {"refused"}
    rows = figures(theme.delivered_value, value_of(euros, fx_rates="currency | rate\n EUR | 1.1"))
    assert only(rows, "delivered_value").value == pytest.approx(1.53)
    without = VALUES.replace("30000 | USD", "30000 | ")
    assert "an amount without a currency" in figures(theme.delivered_value, value_of(without))[0].warnings[0]


def test_without_subscriptions_nobody_knows_who_pays():
    found = spine("2026-04-01", measurements=VALUES, invoices=PAID, customers=THREE)
    rows = figures(theme.delivered_value, found)
    assert only(rows, "delivered_value").value == 1.5
    assert only(rows, "delivered_value_coverage").status == "not_provided"


def test_measurements_without_delivered_value_do_not_provide_it():
    rows = figures(theme.delivered_value, value_of(READINGS))
    assert {(row.status, row.warnings) for row in rows} == {
        ("not_provided", ("not provided: measurements: delivered_value of a customer",))
    }


def test_value_by_customer_tells_who_got_least_first():
    rows = listed(theme.value_by_customer, value_of())
    assert rows[["customer", "value", "revenue", "ratio"]].to_numpy().tolist() == [
        ["Bee", 30_000, 60_000, 0.5], ["Aye & Sons", 120_000, 40_000, 3],
    ]  # fmt: skip
    assert rows["unconfirmed"].fillna(0).tolist() == [999, 0]


def test_statements_are_told_customer_by_customer():
    """Each with its quarter; and a line of what was invoiced without tax, less credits. C stated nothing.

    B was invoiced services alone, which are for no time to come.
    """
    rows = listed(theme.value_statements, value_of())
    told = rows[["customer_id", "state", "quarter", "amount", "currency"]].to_numpy().tolist()
    assert told == [
        ["A", "invoiced", "2026Q1", 40_000, "USD"], ["A", "confirmed", "2026Q1", 100_000, "USD"],
        ["A", "confirmed", "2026Q1", 20_000, "USD"], ["B", "served", "2026Q1", 60_000, "USD"],
        ["B", "confirmed", "2026Q1", 30_000, "USD"], ["B", "not confirmed", "2026Q1", 999, "USD"],
    ]  # fmt: skip


@pytest.mark.parametrize(("invoiced_in", "told_in", "value"), [("EUR", "EUR", 30_000), ("USD", "USD", 33_000)])
def test_statements_are_in_the_customers_own_currency_where_it_has_one(invoiced_in, told_in, value):
    values = VALUES.replace("30000 | USD", "30000 | EUR").replace("999 | USD", "999 | EUR")
    paid = PAID.replace("60000 | services | USD", f"60000 | services | {invoiced_in}")
    rows = listed(theme.value_statements, value_of(values, paid, fx_rates="currency | rate\n EUR | 1.1"))
    own = rows[(rows["customer_id"] == "B") & (rows["state"] == "confirmed")]
    assert own[["amount", "currency"]].to_numpy().tolist() == [[pytest.approx(value), told_in]]


def test_what_is_invoiced_ahead_is_told_up_to_today_where_lines_tell_their_service():
    """90 of 365 days of 36,500 are 9,000, a credit of 1,000 counts whole; if one line is silent, all of all count."""
    header = "invoice_line_id | customer_id | invoiced_on | amount | kind | currency | service_from | service_to\n"
    year = " i1 | A | 2026-01-01 | 36500 | recurring | USD | 2026-01-01 | 2026-12-31\n"
    credit, untold = (
        " i2 | A | 2026-02-01 | -1000 | recurring | USD | |\n",
        " i3 | A | 2026-02-01 | 10 | recurring | USD | |\n",
    )
    ahead = " i4 | A | 2026-03-31 | 500 | recurring | USD | 2026-04-01 | 2026-04-30\n"
    for lines, state, amount in ((year + credit + ahead, "served", 8000), (year + untold, "invoiced", 36510)):
        rows = listed(theme.value_statements, value_of(paid=header + lines))
        (first, *_) = rows[rows["customer_id"] == "A"].to_dict("records")
        assert (first["state"], first["amount"]) == (state, pytest.approx(amount))


# --- what is not there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "texts", "lacks"),
    [
        ("turbo_estimate", {}, "deals.estimate_requested_at"),
        ("turbo_estimate", {"deals": "deal_id | created_at | estimate_requested_at\n"}, "deals.estimate_sent_at"),
        ("flexible_options", {"deals": NO_REQUESTS}, "deals.outcome"),
        ("content_appreciation", {"measurements": "object_id | metric | at | value\n"}, "measurements.customer_id"),
        ("first_contact_resolution", {"tickets": "ticket_id | customer_id | created_at\n"}, "tickets.solved_at"),
        ("sprint_on_time", {"deliveries": "delivery_id | committed_on\n"}, "deliveries.delivered_on"),
        ("receivables_overdue", {"invoices": PAID}, "invoices.due_on"),
        ("support_cost_per_customer", {"spend": SPEND}, "subscriptions"),
        ("delivered_value", {"measurements": VALUES}, "invoices"),
    ],
)
def test_what_a_card_lacks_is_named_and_the_others_stand(card, texts, lacks):
    found = spine("2026-04-01", **{"products": "product\n x", **texts})
    rows = figures(getattr(theme, card), found)
    assert {(row.status, row.warnings) for row in rows} == {("not_provided", (f"not provided: {lacks}",))}


EMPTY = {
    "deals": DECIDED.replace("\n", " | estimate_requested_at | estimate_sent_at\n"),
    "tickets": TICKETS,
    "deliveries": PROMISES,
    "measurements": NO_READINGS.replace("\n", " | currency\n"),
    "invoices": INVOICES.strip().splitlines()[0] + "\n",
    "spend": "month | department | amount | currency\n",
    "subscriptions": "subscription_id | customer_id | start_on | mrr\n",
    "customers": "customer_id | name | signed_up_on | segment\n",
}


@pytest.mark.parametrize(
    ("card", "statuses"),
    [
        ("turbo_estimate", {"undefined"}),
        ("flexible_options", {"undefined"}),
        ("content_appreciation", {"not_provided"}),
        ("first_contact_resolution", {"undefined"}),
        ("sprint_on_time", {"undefined"}),
        ("receivables_overdue", {"undefined"}),
        ("support_cost_per_customer", {"refused"}),
        ("delivered_value", {"not_provided"}),
    ],
)
def test_tables_without_rows_give_statuses_and_no_exceptions(card, statuses):
    rows = figures(getattr(theme, card), spine("2026-04-01", **EMPTY))
    assert {row.status for row in rows} == statuses
    assert {row.value for row in rows} == {None}


LISTS = (
    "commitments", "content_items", "estimate_curve", "late_estimates", "options_offered", "overdue_customers",
    "topics", "value_by_customer", "value_statements",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_tables_without_rows_are_empty_and_say_so(name):
    listing = getattr(theme, name)(spine("2026-04-01", **EMPTY))
    assert listing.rows.empty
    assert list(listing.rows.columns) == list(listing.columns)
    assert listing.when_empty


# --- C07: is it a CPI? ------------------------------------------------------------------------------------------------


def asked(count, method="interview"):
    days = [date(2026, 1, 1 + i) for i in range(count)]
    return [{"date": day, "customer_id": f"C{i}", "method": method} for i, day in enumerate(days)]


def cpi(**given):
    whole = {
        "id": "turbo_estimate", "outcome": "I have a price before my meeting", "increment": "time", "unit": "hours",
        "touch_point": "the request", "evidence": asked(6), "asked_by": "Research", "owner": "Sales",
        "source": "interviews",
    }  # fmt: skip
    return Cpi.model_validate(whole | given)


def judged(*args, **more):
    found = theme.validity(*args, **more)
    return found.status, set(found.failed)


def test_example_of_nps():
    """Customers do not care for it, and it is of no one outcome, whatever increment and evidence are written there."""
    nps = cpi(id="nps", outcome="Customers recommend us", increment="recognition", unit="points")
    assert judged(nps) == ("kpi_only", {1, 3})


def test_example_of_a_turbo_estimate():
    assert judged(cpi()) == ("cpi", set())


def test_example_of_a_sprint_on_time_without_interviews():
    sprint = cpi(id="sprint_on_time", outcome="What was announced is there", unit="sprints", evidence=[], source="")
    assert judged(sprint) == ("unproven", {4})


@pytest.mark.parametrize("given", [{"id": "brand_followers"}, {"id": "followers", "outcome_of": "company"}])
def test_example_of_followers_of_the_own_brand(given):
    assert judged(cpi(increment="recognition", unit="followers", **given)) == ("kpi_only", {1})


@pytest.mark.parametrize(
    ("given", "status", "failed"),
    [
        ({"outcome": " "}, "kpi_only", {1}),
        ({"id": "new_revenue"}, "kpi_only", {1}),
        ({"id": "revenue_growth"}, "kpi_only", {1}),
        ({"id": "csat"}, "kpi_only", {1, 3}),
        ({"outcome": "My own revenue grows"}, "cpi", set()),  # the customer's words may be of its own revenue
        ({"touch_point": ""}, "kpi_only", {3}),
        ({"increment": None}, "unproven", {2}),
        ({"unit": ""}, "unproven", {2}),
        ({"increment": "other"}, "cpi", set()),
        ({"increment": "other", "evidence": []}, "unproven", {2, 4}),
        ({"evidence": asked(5)}, "cpi", set()),
        ({"evidence": asked(4)}, "unproven", {4}),
        ({"evidence": asked(5, "observation")}, "cpi", set()),
        ({"evidence": asked(5, "survey")}, "unproven", {4}),
        ({"evidence": asked(1) * 5}, "unproven", {4}),  # one customer five times
        ({"asked_by": ""}, "unproven", {4}),
        ({"asked_by": "Sales"}, "unproven", {4}),  # the owner
    ],
)
def test_each_of_the_four_tests(given, status, failed):
    assert judged(cpi(**given)) == (status, failed)


def test_evidence_must_be_known_and_heard_by_somebody_who_is_not_paid_for_it():
    assert judged(cpi(), on=date(2026, 1, 4)) == ("unproven", {4})  # four of six by then
    assert judged(cpi(), paid={"Research"}) == ("unproven", {4})
    assert (
        theme.validity(cpi(), paid={"Research"}).failed[4] == "the customers were asked by Research, who is held to it"
    )


@pytest.mark.parametrize("source", ["copied", "internal_opinion", "public_reviews", "survey_only"])
def test_the_four_mistakes_are_warnings(source):
    found = theme.validity(cpi(source=source))
    assert found.status == "cpi"
    assert [warning.partition(":")[0] for warning in found.warnings] == [source]
    assert theme.validity(cpi()).warnings == ()


def reviewed(**given):
    review = Review.model_validate({"company": "A", "themes": {"customer_performance": {}}, **given})
    return OpenReview(Q1, review, spine("2026-04-01", Q1, products="product\n x").prepared)


def test_the_register_tells_every_verdict_with_its_reasons():
    """Support is held to it by its department, and asked the customers itself."""
    entries = [cpi(), cpi(id="nps", source="copied"), cpi(id="first_contact_resolution", asked_by="Support")]
    quarter = reviewed(
        cpis=[each.model_dump() for each in entries],
        departments=[{"name": "Support", "kpi_ids": ["first_contact_resolution"]}],
    )
    rows = quarter.listing(theme.cpi_register).rows.set_index("cpi")
    assert rows["verdict"].to_dict() == {
        "Estimates in the promised time": "CPI", "nps": "KPI only", "First contact resolution (FCR)": "unproven",
    }  # fmt: skip
    assert rows.loc["nps", "why"].startswith("1: nps is an outcome of the company; 3: ")
    assert "taken over from another company" in rows.loc["nps", "why"]
    assert (
        rows.loc["First contact resolution (FCR)", "why"] == "4: the customers were asked by Support, who is held to it"
    )
    assert quarter.listing(theme.cpi_register).rows["asked"].tolist() == [6, 6, 6]
    assert reviewed().listing(theme.cpi_register).rows.empty


def test_the_outcome_stands_above_the_figures():
    told = theme.outcomes(reviewed(cpis=[cpi(department="Sales", linked_kpis=["win_rate"]).model_dump()]).review)
    assert list(told) == [
        "turbo_estimate", "flexible_options", "content_appreciation", "first_contact_resolution", "sprint_on_time",
        "delivered_value",
    ]  # fmt: skip
    assert told["turbo_estimate"] == (
        "Estimates in the promised time",
        "Sales. The customer's outcome: “I have a price before my meeting”. The increment: time, hours. "
        "Linked KPIs: Win rate.",
    )
    assert told["sprint_on_time"][1].startswith("The review does not say which outcome")


# --- the sample company, once more by pandas --------------------------------------------------------------------------

END = pd.Timestamp("2026-10-01", tz="Europe/Berlin")
START = pd.Timestamp("2026-07-01", tz="Europe/Berlin")


@pytest.fixture(scope="module")
def sample(sample_folder, tmp_path_factory, takes_seconds):
    """The tables of the sample company as known at the end of September 2026, and the results of its third quarter."""
    folder, names = sample_folder(), ("customers", "subscriptions", "deals", "tickets", "deliveries", "measurements")
    names += ("invoices", "spend", "fx_rates")
    source = load_source(ROOT / "params/sources/sample.yml").model_copy(update={"files": folder})
    source = source.model_copy(update={"tables": {name: source.tables[name] for name in names}})
    review = load_review(ROOT / "params/review.yml")
    found = theme_parameters(review.themes, ROOT / "notebooks", file=review.path)
    review = review.model_copy(update={"themes": {**found.asked, **found.others}})
    period = review.calendar(source).period("2026Q3")
    prepared = prepare(source, period, currency="EUR", folder=tmp_path_factory.mktemp("prepared"))
    results = OpenReview(period, review, prepared).compute(theme)
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}
    merged = tables["customers"].set_index("customer_id").merged_into.dropna()
    for name, rows in tables.items():
        known = rows[~(rows.recorded_at >= END)] if "recorded_at" in rows else rows
        tables[name] = known.assign(customer_id=known.customer_id.replace(merged)) if "customer_id" in known else known
    return tables, results


def test_estimates_of_the_sample_by_pandas(sample):
    """Requests of the quarter; 24 hours for Enterprise and 4 for all others; who is not answered has waited so far."""
    tables, results = sample
    deals = tables["deals"].merge(
        tables["customers"][["customer_id", "segment"]].drop_duplicates("customer_id"), how="left"
    )
    deals = deals[(deals.estimate_requested_at >= START) & (deals.estimate_requested_at < END)]
    hours = (deals.estimate_sent_at - deals.estimate_requested_at).dt.total_seconds() / 3600
    promised = np.where(deals.segment == "Enterprise", 24, 4)
    waited = (deals.closed_at.fillna(END.tz_convert("UTC")) - deals.estimate_requested_at).dt.total_seconds() / 3600
    row = results.now("turbo_estimate")
    assert row["numerator"] == (hours <= promised).sum()
    assert row["denominator"] == (hours.notna() | (waited > promised)).sum() > 100


def test_first_contact_resolution_of_the_sample_by_pandas(sample):
    """A repeat is looked for one ticket at a time."""
    tables, results = sample
    tickets = tables["tickets"]
    created, solved = (tickets[name].dt.tz_convert("Europe/Berlin").dt.date for name in ("created_at", "solved_at"))
    tickets = tickets.assign(created_on=created, solved_on=solved)
    asked_for = tickets[
        (tickets.created_by == "customer") & ~tickets.is_spam & tickets.merged_into.isna()
        & (tickets.public_agent_replies > 0) & (tickets.solved_at >= START)
        & (tickets.solved_on <= date(2026, 9, 23))
    ]  # fmt: skip
    written = dict(iter(tickets[~tickets.is_spam].groupby(["customer_id", "topic"])))
    settled = 0
    for ticket in asked_for.itertuples():
        same = written[ticket.customer_id, ticket.topic]
        again = (same.created_at > ticket.solved_at) & (same.created_on <= ticket.solved_on + timedelta(days=7))
        clean = ticket.public_agent_replies == 1 and ticket.reopens == 0 and ticket.csat != "bad"
        settled += clean and not again.any()
    row = results.now("first_contact_resolution")
    assert (row["numerator"], row["denominator"]) == (settled, len(asked_for))


def test_sprints_of_the_sample_by_pandas(sample):
    tables, results = sample
    due = tables["deliveries"]
    due = due[(due.committed_on >= START.date()) & (due.committed_on < END.date())]
    on_time = due.delivered_on <= due.committed_on
    full = on_time & (due.scope_delivered >= due.scope_committed)
    assert results.now("sprint_on_time")["value"] == on_time.mean()
    assert results.now("sprint_on_time_in_full")["value"] == full.mean()


def test_delivered_value_of_the_sample_by_pandas(sample):
    """Dollars at the one fixed rate of the table."""
    tables, results = sample
    rates = tables["fx_rates"].set_index("currency")
    rate = {"EUR": 1.0, "USD": rates[rates["on"].isna()].rate.item()}
    confirmed = tables["measurements"].query("metric == 'delivered_value'")
    value = (confirmed.value * confirmed.currency.map(rate)).groupby(confirmed.customer_id).sum()
    invoices = tables["invoices"].query("kind != 'tax'")
    paid = (invoices.amount * invoices.currency.map(rate)).groupby(invoices.customer_id).sum()
    both = value.to_frame("value").join(paid.rename("paid"), how="inner").query("paid > 0")
    assert results.now("delivered_value")["value"] == pytest.approx(both.value.sum() / both.paid.sum())
    assert results.now("delivered_value_median")["value"] == pytest.approx((both.value / both.paid).median())
