"""The actions of the last meeting: who does what by when, whether it is done, and whether the KPI behind it moved.

They stand in ``commentary/<period>/actions.md`` as a Markdown table with the columns Action and Due, and, as far as
they are known, Owner, KPI and Done. What else the file says is shown as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from helpers.catalogue import CATALOGUE, kpi
from helpers.display.context import Results
from helpers.display.formats import NOTHING, format_day
from helpers.display.sentences import gaps_of, name_of, why_missing
from helpers.display.signals import change_tone
from helpers.errors import nearest
from helpers.language import _, message
from helpers.pack.notebook_content import commentary_parts
from helpers.pack.rich_text import Part, plain_text, text_table
from helpers.results import split_address

HEADS = {  # the columns that the kit knows, each with what stands where it is empty
    message("Action"): message("no action"), message("Due"): message("no due"), message("Owner"): message("no owner"),
    message("KPI"): message("no KPI"), message("Done"): "", message("Did it move?"): NOTHING, message("Status"): "",
}  # fmt: skip
MOVED, STANDING = "Did it move?", "Status"
DONE, LATE, OPEN = "✓", "✗", "○"  # how a standing begins
DAYS = ("Due", "Done")


def action_faults(text: str) -> list[str]:
    """What is wrong with a file of actions: days that are none, and KPIs that nobody knows."""
    faults = []
    nodes = [node for part in commentary_parts(text, "") if part["type"] == "prose" for node in part["tree"]]
    for row in (row for node in nodes if _is_register(node) for row in _rows(node)):
        faults += [
            f"{column} of “{row['Action']}” is {day!r}, must be a day such as 2026-10-31"
            for column in DAYS
            if (day := row.get(column, "")) and _day(day) is None
        ]
        kpi_id = split_address(row.get("KPI", ""))[0]
        if kpi_id and kpi_id not in CATALOGUE:
            faults.append(f"KPI of “{row['Action']}” is {kpi_id!r}, which is none{nearest(kpi_id, CATALOGUE)}")
    return faults


def actions_shown(text: str, results: Results) -> list[Part]:
    """The file as parts; a table of actions with where each stands on the as-of day, and where its KPI went."""
    parts: list[Part] = []
    for part in commentary_parts(text, "pack.actions"):
        nodes = part["tree"] if part["type"] == "prose" else []
        parts += [_shown(node, results) if _is_register(node) else {"type": "prose", "tree": [node]} for node in nodes]
        parts += [] if nodes else [part]
    return parts


def _shown(table: Mapping[str, Any], results: Results) -> Part:
    rows, head = _rows(table), _head(table)
    if "KPI" in head:
        head = [*(name for name in head if name != "KPI"), "KPI", MOVED]
    head = [*(name for name in head if name != "Done"), STANDING]
    written = []
    for row in rows:
        told = {name: format_day(row[name]) if name in DAYS and row[name] else row[name] for name in row}
        told[STANDING] = _standing(row, results)
        told |= _moved(row.get("KPI", ""), results)
        written.append([told.get(name) or _(HEADS.get(name, NOTHING)) for name in head])
    columns = [{"label": _(name) if name in HEADS else name, "align": "left"} for name in head]
    return text_table(columns, written, empty=_("No action is recorded."))


def _standing(row: Mapping[str, str], results: Results) -> str:
    """Done on a day, late where the due day has passed, else open; as known on the as-of day."""
    known = results.period.known_until
    done, due = _day(row.get("Done", "")), _day(row.get("Due", ""))
    if done and done <= known:
        told = _("done on {day}").format(day=format_day(done))
        return f"{DONE} {told}"
    late, still_open = _("late"), _("open")
    return f"{LATE} {late}" if due and due <= known else f"{OPEN} {still_open}"


def _moved(address: str, results: Results) -> dict[str, str]:
    """The KPI of an action by its label, and where it went since the period before."""
    row = results.shown(*split_address(address)) if address else None
    if row is None:
        return {"KPI": kpi(split_address(address)[0]).label, MOVED: _("not in this pack")} if address else {}
    label, before, why = name_of(row), results.before(row), why_missing(row)
    value = results.write.result_phrase(row)
    if why or before is None:
        return {"KPI": label, MOVED: why or _("{value}, none before to compare").format(value=value)}
    gap = row["value"] - before["value"]
    tone = change_tone(row["kpi_id"], gap) if gap else ""
    told = {"good": _("better: {value}, {gap}"), "bad": _("worse: {value}, {gap}"), "": _("{value}, {gap}")}[tone]
    return {"KPI": label, MOVED: told.format(value=value, gap=gaps_of(results, row)[0])}


def _is_register(node: Mapping[str, Any]) -> bool:
    return node["type"] == "table" and {"Action", "Due"} <= set(_head(node))


def _head(table: Mapping[str, Any]) -> list[str]:
    return [name if (name := plain_text(cell).strip()) == "KPI" else name.capitalize() for cell in table["head"]]


def _rows(table: Mapping[str, Any]) -> list[dict[str, str]]:
    head = _head(table)
    return [dict(zip(head, (plain_text(cell).strip() for cell in row), strict=False)) for row in table["rows"]]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
