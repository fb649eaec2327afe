"""The query of a file of invoices of one's own, and that of the customers who are named only in what they bought."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.data.file_kinds import OwnFile, cast
from helpers.data.folder import Looked
from helpers.data.statements import identifier, quoted

INTERVALS = (("halb|half|semi", 6), ("quart", 3), ("jaehr|jähr|jahr|year|annual", 12), ("mon", 1))
PLAIN = ("invoiced_on", "due_on", "paid_on")
FIRST_DAY = {"invoices": "invoiced_on", "subscriptions": "start_on"}


def invoices_query(looked: Looked, columns: Mapping[str, str]) -> tuple[str, bool]:
    """The query of a file of invoices, and whether it tells the days of service."""
    number, customer = columns["invoice_line_id"], columns["customer_id"]
    [rows, numbers] = looked.rows.ask(["count(*)", f"count(distinct {identifier(number)})"])
    lines = [f"{cast('text', number)} as invoice_line_id", f"{cast('text', customer)} as customer_id"]
    if numbers < rows:  # an invoice of several lines
        order = ", ".join(identifier(name) for name in looked.headers if name != number)
        place = f"row_number() over (partition by {identifier(number)} order by {order})"
        lines[0] = f"concat({cast('text', number)}, ' / ', {place}) as invoice_line_id"
    lines += [f"{identifier(columns[name])} as {name}" for name in PLAIN if name in columns]
    lines += [f"{cast('dec', columns['amount'])} as amount"]
    lines += [f"{cast('text', columns['currency'])} as currency"] if "currency" in columns else []
    lines += [f"{cast('text', columns['product'])} as product"] if "product" in columns else []
    served = _service(columns)
    lines += [f"{sql} as {name}" for name, sql in served.items()]
    said = identifier(columns["kind"]) if "kind" in columns else None
    kind = f"case when {served['service_to']} is null then 'one_off' else 'recurring' end" if served else "'one_off'"
    lines.append(f"{said or kind} as kind")
    note = (
        ""
        if said
        else "-- choose: recurring, usage, one_off, services or tax; lines with days of service are recurring\n"
    )
    selected = ",\n  ".join(lines)
    return f"{note}select\n  {selected}\nfrom {quoted(looked.name)}", bool(served)


def customers_query(looked: Looked, own: OwnFile) -> str:
    """The customers that a file names, from the day of their first row."""
    customer = own.columns["customer_id"]
    name = cast("text", own.columns["name"]) if "name" in own.columns else cast("text", customer)
    return (
        f"select {cast('text', customer)} as customer_id, max({name}) as name,\n"
        f"  min({identifier(own.columns[FIRST_DAY[own.table]])}) as signed_up_on\n"
        f"from {quoted(looked.name)}\nwhere {identifier(customer)} is not null\ngroup by {identifier(customer)}"
    )


def _service(columns: Mapping[str, str]) -> dict[str, str]:
    """The first and last day of service of a line: as they are given, or from the day of the invoice on."""
    first = identifier(columns.get("service_from", columns["invoiced_on"]))
    if "service_from" in columns and "service_to" in columns:
        return {"service_from": first, "service_to": identifier(columns["service_to"])}
    if "interval" not in columns:
        return {}
    text = f"lower({cast('text', columns['interval'])})"
    months = " ".join(f"when regexp_matches({text}, {quoted(words)}) then {n}" for words, n in INTERVALS)
    return {
        "service_from": first,
        "service_to": f"cast({first} + to_months(case {months} end) - interval 1 day as date)",
    }
