"""The query of a file of invoices of one's own, and that of the customers who are named only in what they bought."""

from __future__ import annotations

import re
from collections.abc import Mapping

from helpers.data.file_kinds import OwnFile, cast, plain
from helpers.data.folder import Looked
from helpers.data.statements import identifier, quoted

MONTHS = {  # of an interval by what it may be called, with a number before it or none; 0 is what is paid once
    r"(halb|half)[- ]?(jahr|jähr|jaehr|year)\w*|semi[- ]?annual\w*": 6,
    r"quart\w*|viertel(jahr|jähr|jaehr)\w*": 3,
    r"(jahr|jähr|jaehr|year|annual)\w*|annum|p\. ?a\.": 12,
    r"mon\w*|mtl\.?": 1,
    r"|-|none|once|one[- ]?(time|off)|einmal\w*": 0,
}
PLAIN = ("invoiced_on", "due_on", "paid_on", "recorded_at", "updated_at", "amount")
TEXTS = ("product", "order_id", "corrects")
FIRST_DAY = {"invoices": "invoiced_on", "subscriptions": "start_on"}


def invoices_query(looked: Looked, columns: Mapping[str, str]) -> tuple[str, bool, list[str]]:
    """The query of a file of invoices, whether it tells the days of service, and what is left open.

    A number that stands in several rows is that of an invoice of several lines, unless it is a line's own. Whether
    equal rows are several lines is asked, and whether rows that tell when they were changed are lines at all.
    """
    number, customer = columns["invoice_line_id"], columns["customer_id"]
    column, every = identifier(number), f"(select count(*) from (select distinct * from {looked.rows.sql}))"
    [rows, filled, numbers, distinct] = looked.rows.ask(
        ["count(*)", f"count({column})", f"count(distinct {column})", every]
    )
    line_id, opened = f"{cast('text', number)} as invoice_line_id", {}
    if numbers < filled and "line" not in plain(number):
        others = ", ".join(identifier(name) for name in looked.headers if name != number)
        place = f"() over (partition by {column} order by {others})"
        equal_are_one, each_row = (
            f"concat({cast('text', number)}, ' / ', {rank}{place}) as invoice_line_id"
            for rank in ("dense_rank", "row_number")
        )
        if "updated_at" in columns:
            newest = f"rows of one {number} are one line, of which the newest counts"
            opened = {equal_are_one: f"rows of one {number} are its lines", line_id: newest}
        elif distinct < rows:
            again = f"equal rows of one {number} are one line, which stands there again"
            opened = {each_row: f"equal rows of one {number} are several lines", equal_are_one: again}
        line_id = each_row
    lines = [] if opened else [line_id]
    lines.append(f"{cast('text', customer)} as customer_id")
    lines += [f"{identifier(columns[name])} as {name}" for name in PLAIN if name in columns]
    lines += [f"{cast('text', columns['currency'])} as currency"] if "currency" in columns else []
    lines += [f"{cast('text', columns[name])} as {name}" for name in TEXTS if name in columns]
    served = {"kind": "'one_off'"} | _service(looked, columns)
    if "kind" in columns:
        served["kind"] = identifier(columns["kind"])
    lines += [f"{sql} as {name}" for name, sql in served.items()]
    note = (
        ""
        if "kind" in columns
        else "-- choose: recurring, usage, one_off, services or tax; lines with days of service are recurring\n"
    )
    selected = ",\n  ".join(lines)
    asked = "".join(f"  -- choose: {line},   -- {why}\n" for line, why in opened.items())
    text = f"{note}select\n{asked}  {selected}\nfrom {quoted(looked.name)}"
    return text, len(served) > 1, [f"{looked.name}: {why}" for why in opened.values()]


def customers_query(looked: Looked, own: OwnFile) -> str:
    """The customers that a file names, from the day of their first row."""
    customer = own.columns["customer_id"]
    name = cast("text", own.columns["name"]) if "name" in own.columns else cast("text", customer)
    return (
        f"select {cast('text', customer)} as customer_id, max({name}) as name,\n"
        f"  min({identifier(own.columns[FIRST_DAY[own.table]])}) as signed_up_on\n"
        f"from {quoted(looked.name)}\nwhere {identifier(customer)} is not null\ngroup by {identifier(customer)}"
    )


def _service(looked: Looked, columns: Mapping[str, str]) -> dict[str, str]:
    """The first and last day of service of a line, as they are given or from the day of the invoice on, and its kind.

    A line that tells how long it serves is recurring; one with an interval that is not known has no kind.
    """
    first = identifier(columns.get("service_from", columns["invoiced_on"]))
    if "service_from" in columns and "service_to" in columns:
        last = identifier(columns["service_to"])
        kind = f"case when {last} is null then 'one_off' else 'recurring' end"
        return {"service_from": first, "service_to": last, "kind": kind}
    if "interval" not in columns:
        return {}
    text = f"coalesce(lower(trim({cast('text', columns['interval'])})), '')"
    [found] = looked.rows.ask([f"list(distinct {text} order by {text})"])
    months = {name: number for name in found if (number := months_of(name)) is not None}
    recurring = {name: number for name, number in months.items() if number}
    if not recurring:
        return {}

    def by_interval(words: Mapping[str, object]) -> str:
        return f"case {text} {' '.join(f'when {quoted(name)} then {word}' for name, word in words.items())} end"

    return {
        "service_from": first,
        "service_to": f"cast({first} + to_months({by_interval(recurring)}) - interval 1 day as date)",
        "kind": by_interval({name: "'recurring'" if number else "'one_off'" for name, number in months.items()}),
    }


def months_of(interval: str) -> int | None:
    """The months of an interval in small letters, 0 of what is paid once, and None where it is not known.

    >>> [months_of(each) for each in ("monthly", "vierteljährlich", "alle 2 jahre", "12 months", "once", "bimonthly")]
    [1, 3, 24, 12, 0, None]
    """
    for names, months in MONTHS.items():
        if match := re.fullmatch(rf"(?:(?:alle|every|per|pro|je) )?(?:(\d+)[ -]?)?(?:{names})", interval):
            return months * int(match[1] or 1)
    return None
