"""The mappings of tools that users have: a tool's tables to the canonical ones, as queries with words in braces.

Each query is written once, in SQL that DuckDB and Postgres both read. The words in braces are what differs from one
source to the next:

    {stripe.customer}       a table of the tool: its name in a warehouse, or what reads its file
    {day created}           the local day of an instant, in the source's time zone
    {units currency}        how many minor units one unit of a currency has
    {customer account_id}   the customer that an account of the tool is; and on a line of its own
    {match account_id}      the join that finds it, where the customers are another tool's
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from textwrap import indent

import yaml
from pydantic import Field

from helpers.data.engines import quoted
from helpers.errors import KitError
from helpers.strict_yaml import Frozen, shown

FOLDER = Path(__file__).with_name("mappings")
PLACEHOLDER = re.compile(r"\{(\w+)([ .])([^{}]+)\}")
MATCH = re.compile(r"^( *)\{match ([^{}]+)\}\n?", re.MULTILINE)
# Stripe counts in the minor unit of a currency. ISK and UGX have none any more and are still counted in hundredths.
NO_MINOR_UNIT = (
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
)  # fmt: skip
THOUSANDTHS = ("BHD", "JOD", "KWD", "OMR", "TND")
READERS = {".csv": "read_csv({}, all_varchar = true)", ".parquet": "read_parquet({})"}
SHORT_NAMES = {"salesforce": "sf"}


class Query(Frozen):
    """How a tool gives one canonical table, and what a user should know of it."""

    about: str
    query: str


class Tool(Frozen):
    """A tool's mapping.

    ``accounts`` is a query of its accounts: account_id, name, and given_id, the customer's id where the tool knows it.
    """

    name: str
    about: str
    accounts: str = ""
    tables: Mapping[str, Query] = Field(min_length=1)


@dataclass(frozen=True)
class Filled:
    """A tool's query of one canonical table, ready for the engine, and the tool's tables that were not found for it."""

    tool: str
    table: str
    sql: str
    missing: tuple[str, ...]


@cache
def tool(name: str) -> Tool:
    """The mapping of a tool."""
    return Tool.model_validate(yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8")))


def tool_names() -> list[str]:
    """The tools that there are mappings of.

    >>> tool_names()
    ['hubspot', 'jira', 'salesforce', 'segment', 'stripe', 'zendesk']
    """
    return sorted(file.stem for file in FOLDER.glob("*.yml"))


class Queries:
    """The queries of some tools over one warehouse, or one folder of exports."""

    def __init__(self, tools: Sequence[str], timezone: str, exports: Exports | None = None) -> None:
        self.tools = tools
        self.timezone = timezone
        self.exports = exports

    def filled(self) -> list[Filled]:
        """Every table that each tool gives, in the order of the tools' naming."""
        return [self._fill(name, table) for name in self.tools for table in tool(name).tables]

    @cached_property
    def giver(self) -> str | None:
        """The tool whose accounts are the customers: the first that can give them."""
        able = (name for name in self.tools if "customers" in tool(name).tables)
        return next((name for name in able if not self._fill(name, "customers").missing), None)

    def _fill(self, name: str, table: str) -> Filled:
        missing: list[str] = []

        def word(match: re.Match[str]) -> str:
            what, separator, rest = match.groups()
            if separator == " ":
                return {"day": self._day, "units": _units, "customer": lambda x: self._customer(name, x)}[what](rest)
            relation = self.exports.reader(what, rest) if self.exports else f"{what}.{rest}"
            if not relation:
                missing.append(rest)
            return relation or f"{what}.{rest}"

        sql = MATCH.sub(lambda match: indent(self._match(name, match[2]), match[1]), tool(name).tables[table].query)
        return Filled(name, table, PLACEHOLDER.sub(word, sql).rstrip(), tuple(dict.fromkeys(missing)))

    def _day(self, instant: str) -> str:
        return f"cast(cast({instant} as timestamptz) at time zone {quoted(self.timezone)} as date)"

    def _customer(self, name: str, account: str) -> str:
        return f"cast({account} as varchar)" if self.giver in (name, None) else "matched.customer_id"

    def _match(self, name: str, account: str) -> str:
        """The join that finds the customer of an account by the id that it was given, else by its name."""
        if self.giver in (name, None):
            return ""
        own, theirs = tool(name), tool(str(self.giver))
        return (
            f"-- choose: which customer of {theirs.name} an account of {own.name} is: given_id, else that of its name\n"
            "left join (\n"
            "  select account.account_id, coalesce(account.given_id, named.customer_id) as customer_id\n"
            f"  from (\n{indent(own.accounts.rstrip(), '    ')}\n  ) as account\n"
            "  left join (\n"
            "    select lower(trim(name)) as name, min(account_id) as customer_id\n"
            f"    from (\n{indent(theirs.accounts.rstrip(), '      ')}\n    ) as customer\n"
            "    group by lower(trim(name)) having count(*) = 1\n"
            "  ) as named on named.name = lower(trim(account.name))\n"
            f") as matched on matched.account_id = cast({account} as varchar)\n"
        )


def _units(currency: str) -> str:
    none, thousandths = (", ".join(map(quoted, codes)) for codes in (NO_MINOR_UNIT, THOUSANDTHS))
    cases = f"when upper({currency}) in ({none}) then 1.0\nwhen upper({currency}) in ({thousandths}) then 1000.0\n"
    return f"case\n{indent(cases, ' ' * 6)}      else 100.0 end"


class Exports:
    """A folder of CSV or Parquet files. A table's file may be named after it or its tool and it, ``_data`` behind:
    ``customer.csv``, ``stripe_customer.csv``, ``customer_data.csv``, in a folder named after the tool or in none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def reader(self, tool: str, table: str) -> str | None:
        """The SQL that reads a table, text as text so that nothing is guessed; None where no file is the table.

        Raises:
            KitError: several files could be it.
        """
        found = [file for file in self._files if file.stem.lower() in _stems(tool, table)]
        own = [file for file in found if tool in self._folders(file)]
        candidates = own or [file for file in found if not self._folders(file)]
        if len(candidates) > 1:
            several = " and ".join(self._name(file) for file in candidates)
            raise KitError(f"{shown(self.folder)}: {several} could each be {tool}.{table}; keep one of them there")
        return READERS[candidates[0].suffix.lower()].format(quoted(self._name(candidates[0]))) if candidates else None

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(file for file in self.folder.rglob("*") if file.suffix.lower() in READERS)

    def _folders(self, file: Path) -> list[str]:
        return [part.lower() for part in file.relative_to(self.folder).parts[:-1]]

    def _name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()


def _stems(tool: str, table: str) -> set[str]:
    """The names that a table's file may have.

    >>> sorted(_stems("jira", "sprint"))
    ['jira.sprint', 'jira_sprint', 'jira_sprint_data', 'sprint', 'sprint_data']
    """
    prefixes = {f"{tool}_", f"{SHORT_NAMES.get(tool, tool)}_", ""}
    return {f"{prefix}{table}{suffix}" for prefix in prefixes for suffix in ("", "_data")} | {f"{tool}.{table}"}
