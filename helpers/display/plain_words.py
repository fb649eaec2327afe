"""Names that files and code use, as a reader of a pack reads them: those of KPIs, parameters, tables, columns and days.

A text of the pack keeps no name with underscores, no literal of a programming language and no day as files write it.
What somebody must type stands in code type, beside the words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from helpers.catalogue import CATALOGUE, kpi
from helpers.data.canonical_tables import TABLES
from helpers.display.formats import format_day, with_periods
from helpers.language import _, choice, enumerated, in_figures, message, retold
from helpers.results import NONE
from helpers.texts import spoken

NAME = re.compile(  # a name with underscores, and a column of a table; not that of a theme, whose line is to be written
    r"(?<![\w./@-])(?<!themes: )(?:([a-z_]+)\.)?((?(1)[a-z][a-z0-9_]*|[a-z][a-z0-9]*(?:_[a-z0-9]+)+))(?!\w|\.\w|/)",
    re.ASCII,
)
COLUMNS = {name: [column.name for column in table.columns] for name, table in TABLES.items()}
KEY = re.compile(r"[a-z]+(?:_[a-z]+)+")
DAY = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])", re.ASCII)
SHORT = {"arr", "cac", "cpi", "fx", "kpi", "ltv", "mrr", "okr", "pac", "rmst", "sla", "ttv"}
NAMED = (message("customer"), message("record"), message("user"))  # what a row names that is left out, or not there
# How the reasons for which rows are left out are told.
REASONS = {
    re.compile(r"\b(\w+)_id is of a row left out of \w+"): message("their {0} is left out"),
    re.compile(r"\b(\w+)_id is of a row at fault in \w+"): message("their {0} is at fault"),
    re.compile(r"\b(\w+)_id not in \w+"): message("nothing is known of their {0}"),
    re.compile(r"\b(\w+)_id empty"): message("they name no {0}"),
    re.compile(r"\boccurred_at more than a day after recorded_at"): message(
        "they happened a day or more after they were recorded"
    ),
}


def named(name: str) -> str:
    """The name of a parameter, a table or a column in words.

    >>> named("estimate_sla_hours"), named("fx_rates")
    ('estimate SLA hours', 'FX rates')
    """
    words = name.replace("_", " ")
    if (told := _(words)) != words:
        return told
    return " ".join(word.upper() if word in SHORT else word for word in words.split())


def plain(text: str) -> str:
    """A text of the pack in a reader's words; addresses of files stay.

    >>> plain("Silent on 2026-09-30 (or as window_days says), 2 of 9; all in exports/call_list.csv.")
    'Silent on 30 Sept 2026 (or as “window days” says), 2 of 9; all in exports/call_list.csv.'
    >>> plain("customer_id is of a row left out of customers"), plain("cac_sm by 2026-08")
    ('their customer is left out', 'Acquisition cost (CAC), sales and marketing by Aug 2026')
    >>> plain("estimate_sla_hours lacks Mid; add it under themes: customer_performance")
    '“estimate SLA hours” lacks Mid; add it under themes: customer_performance'
    >>> plain("not provided: deals.source; see deals.csv and pack.html")
    'not provided: “source” of deals; see deals.csv and pack.html'
    """
    text = retold(text)
    for pattern, words in REASONS.items():
        text = pattern.sub(partial(_reason, words), text)
    return with_periods(DAY.sub(lambda found: format_day(found[0]), NAME.sub(_named, text)))


def plain_cell(text: str) -> str:
    """A cell of a table; one that holds a key, or that there is none, and nothing else is told in words.

    >>> plain_cell("service_end"), plain_cell("cus_0012"), plain_cell("Fish_& Chips")
    ('service end', 'cus_0012', 'Fish_& Chips')
    """
    if text == NONE:
        return retold(NONE)
    return named(text) if KEY.fullmatch(text) else text


def plain_value(value: Any) -> str:
    """The value of a parameter: what it may be set to in words, numbers as the locale writes them.

    >>> plain_value({"monitoring": ["agent_heartbeat"]}), plain_value([]), plain_value(True), plain_value("service_end")
    ('monitoring: agent heartbeat', 'none', 'yes', 'service end')
    >>> plain_value(60.0), plain_value(0.78)
    ('60', '0.78')
    """
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return in_figures(value, "#,##0.######")
    if isinstance(value, Mapping):
        said = _("{name}: {value}")
        told = (said.format(name=retold(spoken(key)), value=plain_value(item)) for key, item in value.items())
        return _("; ").join(told) or _("none")
    if isinstance(value, list | tuple):  # names of the company's own, and stages
        return enumerated(retold(spoken(each)) for each in value) or _("none")
    return _("none") if value is None else choice(spoken(value))


def _reason(words: str, found: re.Match[str]) -> str:
    return _(words).format(*map(named, found.groups()))


def _named(found: re.Match[str]) -> str:
    table, name = found[1], found[2]
    if "_" not in name and name not in COLUMNS.get(table, ()):  # such as pack.html
        return found[0]
    if name in CATALOGUE:
        return kpi(name).label
    told = _("“{name}” of {table}") if table else _("“{name}”")
    return told.format(name=named(name), table=named(table or ""))
