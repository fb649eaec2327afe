"""A page per customer, made to be shown to that customer: what it has confirmed that the work was worth to it.

A notebook's table that says ``pages`` has rows of many customers; each page is made of the rows of one and of nothing
else. It is one small file that asks the network for nothing, fits a phone and prints well.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from helpers.display.formats import NOTHING, Writer, format_day, format_period
from helpers.language import key_of, page_language
from helpers.pack.appearance import colours_of
from helpers.pack.notebook_content import tables_in
from helpers.pack.render import named_template
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed
from helpers.periods import DAY
from helpers.results import grouped
from helpers.texts import printable

KIND = "delivered_value"  # what such a table says under ``pages``, and the name of its template
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
RESERVED = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)\d")  # names that Windows keeps for itself
SAME_TIME = 366 * DAY  # value and invoices are of the same time if their records begin so near to each other
STATES = ("confirmed", "not confirmed", "served", "invoiced")


def write_customer_pages(executed: Iterable[Executed], pack: Path, request: PackRequest) -> None:
    """One page per customer of each table that says so, in a folder beside the table's own file."""
    for resource in tables_in(executed):
        if resource.get("pages") == KIND and resource.get("export"):
            folder = (pack / "exports" / Path(resource["export"]).name).with_suffix("")
            folder.mkdir(exist_ok=True)
            for name, page in customer_pages(resource["data"], request).items():
                (folder / name).write_text(page, encoding="utf-8")


def customer_pages(rows: Iterable[Mapping[str, Any]], request: PackRequest) -> dict[str, str]:
    """The pages by the names of their files: each of the rows with one ``customer_id``."""
    by_customer = grouped((str(row["customer_id"]), row) for row in rows)
    names, page = file_names(by_customer), named_template(f"{KIND}.html.j2")
    review, until = request.review, format_day(request.period.measured_on)
    shared = {"company": review.company, "colour": colours_of(review.brand.colour), "until": until}
    shared["lang"] = page_language()
    return {names[key]: page.render(printable({**shared, **_value(own)})) for key, own in by_customer.items()}


def file_names(customer_ids: Collection[str]) -> dict[str, str]:
    """A file name for each id: the id itself where that is safe on every disk, else a readable part and a hash.

    No two are equal, also where a disk does not tell capitals from small letters: a hash follows a sign that no plain
    id has.

    >>> list(file_names(["C-1", "../x"]).values())
    ['C-1.html', 'x~d6b96a97d147daaa.html']
    """
    times = Counter(each.casefold() for each in customer_ids)
    plain = {
        each
        for each in customer_ids
        if PLAIN.fullmatch(each) and not RESERVED.fullmatch(each) and times[each.casefold()] == 1
    }
    return {each: f"{each if each in plain else _hashed(each)}.html" for each in customer_ids}


def _hashed(customer_id: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9]+", "-", customer_id).strip("-")[:40]
    return f"{readable}~{hashlib.sha256(customer_id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _value(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the page of delivered value shows of the rows of one customer."""
    of_state = grouped((key_of(row["state"], STATES), row) for row in rows)
    confirmed, unconfirmed, served, invoiced = (of_state.get(state, []) for state in STATES)
    invoiced = served or invoiced
    one = next(iter(rows))
    write = Writer(one["currency"])

    def told(each: Mapping[str, Any]) -> dict[str, str]:
        return {
            "day": format_day(each["day"]),
            "what": each["what"] or "",
            "amount": write.value(each["amount"], "money"),
        }

    return {
        "customer": one["customer"],
        "value": write.value(_sum(confirmed), "money") if confirmed else "",
        "paid": write.value(_sum(invoiced), "money") if invoiced else "",
        "paid_since": format_day(invoiced[0]["day"]) if invoiced else "", "is_served": bool(served),
        "ratio": write.value(_ratio(confirmed, unconfirmed, served), "ratio").removeprefix(NOTHING),
        "waiting": write.value(_sum(unconfirmed), "money"), "quarters": _quarters(confirmed, write),
        "confirmed": list(map(told, reversed(confirmed))), "unconfirmed": list(map(told, reversed(unconfirmed))),
    }  # fmt: skip


def _ratio(
    confirmed: Sequence[Mapping[str, Any]],
    unconfirmed: Sequence[Mapping[str, Any]],
    served: Sequence[Mapping[str, Any]],
) -> float | None:
    """What was confirmed for each unit invoiced, where both are of the same time; else nothing.

    What is invoiced ahead is not of it, nor is a history of invoices that is longer than that of value.
    """
    value, paid = _sum(confirmed), _sum(served)
    if not value or not paid or value < 0 or paid < 0:
        return None
    first = min(date.fromisoformat(each["day"]) for each in (*confirmed, *unconfirmed))
    return value / paid if first - date.fromisoformat(served[0]["day"]) <= SAME_TIME else None


def _quarters(confirmed: Iterable[Mapping[str, Any]], write: Writer) -> list[dict[str, Any]]:
    """What was confirmed in each quarter, and how long its bar is, in percent of the longest."""
    sums = grouped((each["quarter"], each) for each in confirmed)
    totals = {quarter: _sum(part) or 0.0 for quarter, part in sums.items()}
    most = max([*totals.values(), 0.0]) or 1.0
    return [
        {
            "quarter": format_period(quarter),
            "amount": write.value(total, "money"),
            "bar": round(100 * max(total, 0.0) / most),
        }
        for quarter, total in totals.items()
    ]


def _sum(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The sum of amounts; nothing where one of them is not known."""
    amounts = [row["amount"] for row in rows]
    return None if None in amounts else sum(amounts)
