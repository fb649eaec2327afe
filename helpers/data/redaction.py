"""A prepared folder -> one for readers who must not see all of it: less columns, less rows, codes instead of names.

Whatever is computed from the redacted folder holds nothing of what it hides, so no page, list or file has to be
searched for it afterwards. What is hidden is not provided, and the KPIs that need it say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from helpers.data.canonical_tables import HELD, TABLES
from helpers.data.engines import written
from helpers.data.prepare import folder_fingerprint
from helpers.data.prepared import Prepared
from helpers.data.pseudonyms import LONG, SHORT, codes
from helpers.data.report import JudgedRows, data_report
from helpers.data.schema import SQL_TYPES, Column
from helpers.data.small_groups import BY_RULE, GROUPS, OTHER, Sizes, as_merged, is_small, sizes, stand_together
from helpers.data.spelling import is_id
from helpers.errors import KitError, nearest, refuse
from helpers.language import template
from helpers.params import Audience
from helpers.periods import Period
from helpers.texts import begun

WHOLE_COMPANY = {"products", "fx_rates"}  # tables that are of no customer, and hold nothing of the company's figures
STEERING = ("experiment_id",)  # an id that files of params/ name
# The columns that no other figure depends on than those which say that they are not provided. Whatever else is missing
# would change figures: without products of deals, more of them are sales of something new, and
# without topics of tickets every next question is the same one again.
DESCRIBING: Mapping[str, Collection[str]] = {
    "customers": ("segment", "country", "owner", "contact_email"),
    "subscriptions": ("product", "plan"),
    "deals": ("source", "owner", "option_chosen", "default_option"),
    "products": ("family",),
    "spend": ("vendor", "channel", "segment"),
    "tickets": ("channel",),
    "users": ("persona",),
    "events": ("feature",),
}
PEOPLE = ("owner", "contact_email")  # columns of people: who is hidden in one must be in no other, nor in a text
SHORTEST_WORD = 3  # characters of a name that is looked for in texts
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]"  # scripts that put no space between words
# What the readers of such a folder are told.
OF_A_PART = template("This pack is of a part of the customers alone: {n}.")
OF_NO_CUSTOMER = template(
    "{tables}: left out, since rows of them are of no single customer. Targets, objectives, experiments and what "
    "management says are of the whole company, and left out too."
)
FEW = template(
    "Groups that had fewer than {n} customers at the end of a period shown here stand together as (other), with the "
    "next smallest."
)
TOGETHER = template("{column} of {table}: {n} of {all} values stand together.")
TOO_FEW = template("{column} of {table}: not shown, since its groups are too small.")
TELLING = template("{column} of {table}: not shown, since it would tell what is not for these readers.")
COUNTED = ("read", "empty_key", "not_yet_known", "byte_equal")


@dataclass
class Redaction:
    """What one audience gets of a prepared folder.

    ``days`` are those on which groups must not be small, ``key`` that of pseudonyms, empty for names. ``judged_by``
    names, per column, what cannot be judged without it and so is hidden with it. ``words`` are what no text for the
    audience may hold, each with what it is; ``told`` are the sentences that tell it what its pack leaves out.
    """

    prepared: Prepared
    audience: Audience
    days: Sequence[date]
    key: bytes = b""
    judged_by: Mapping[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._engine = self.prepared.connect()
        self._columns = {name: list(columns) for name, columns in self.prepared.columns.items()}
        for name in self.prepared.held:
            known = f"date '{self.prepared.last_day}' between known_from and known_until"
            self._engine.execute(f"create view all_{name} as select * from ({self.prepared.judged(name)})")
            self._engine.execute(f"create view now_{name} as select * from all_{name} where {known}")
        self._merged: dict[tuple[str, str], list[str | None]] = {}
        self._codes: dict[str, str] = {}

    def write(self, folder: Path, period: Period, feed_max_age_days: int) -> Prepared:
        """The redacted folder; made if it is not there.

        Raises:
            KitError: the rows cannot be chosen, or the audience would see what it must not; all faults of that step.
        """
        self._hide()
        if self.audience.rows:
            self._choose()
        for name in self._held:
            self._engine.execute(f"create view {name} as select * from all_{name} where {self._belongs(name)}")
        if self.audience.smallest_group > 1:
            self._merge()
        self._collect_words()
        self._keep_words_out()
        self.words |= {
            value: f"a small group of {table}"
            for (table, _), values in self._merged.items()
            for value in values
            if value and value != OTHER and _is_telling(value)
        }
        if self.key:
            self._make_codes()
        folder.mkdir(parents=True, exist_ok=True)
        for name in self._held:
            self._engine.execute(written(self._redacted(name), folder / f"{name}.parquet"))
        return self._recorded(folder, period, feed_max_age_days)

    # --- columns ------------------------------------------------------------------------------------------------------

    def _hide(self) -> None:
        """Take what the audience hides out of what is provided."""
        made = {name: of for name, of in self.prepared.made_from.items() if name in self._columns}
        faults = [
            f"hides {each}, but {table} are made from {made[table]}; hide what it is there instead"
            for each in self.audience.hide
            for table in [each.partition(".")[0]]
            if table in made
        ]
        refuse(faults)
        hidden = [*self.audience.hide, *(["customers.contact_email"] if self.key else [])]
        for each in hidden:
            self._drop(each)

    def _drop(self, what: str) -> None:
        table, _, column = what.partition(".")
        if not column:
            self._columns.pop(table, None)
        elif column in self._columns.get(table, ()):
            self._columns[table].remove(column)
            if what in self.judged_by:
                self._drop(self.judged_by[what])
        for made, of in self.prepared.made_from.items():
            if of == table and made in self._columns:
                self._drop(made if not column else f"{made}.{column}")

    @property
    def _held(self) -> list[str]:
        """The tables that the audience gets, as far as they stand in files."""
        return [name for name in self._columns if name in self.prepared.held]

    def _is_open(self, table: str, column: str) -> bool:
        return column in self._columns.get(table, ())

    # --- rows ---------------------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        """Make the table of the customers whose rows the audience gets, and leave out what is of no customer."""
        provided = self.prepared.columns.get("customers")
        if provided is None:
            raise KitError("has a row filter, but the source gives no customers; take out rows")
        expression = row_filter(self.audience.rows, provided)
        now = self._engine.view("now_customers").filter("left_out is null")
        chosen = now.filter(expression).select("customer_id").distinct()
        ids = [customer_id for (customer_id,) in chosen.fetchall()]
        if not ids:
            raise KitError(f"rows == {self.audience.rows!r} holds for no customer; must hold for one or more")
        if len(ids) < self.audience.smallest_group:
            raise KitError(
                f"rows == {self.audience.rows!r} holds for {len(ids)} customers, must hold for smallest_group, "
                f"which is {self.audience.smallest_group}, or more"
            )
        self._engine.register("ids", pa.table({"customer_id": ids}))
        self._engine.execute("""
            create table chosen as
            with recursive found(customer_id) as (
                from ids
                union
                select c.customer_id from all_customers c join found on c.merged_into = found.customer_id
            )
            select distinct customer_id from found""")
        self.told.append(OF_A_PART.format(n=len(ids)))
        left_out = [name for name in self._held if not self._is_of_customers(name)]
        for name in left_out:
            self._drop(name)
        if left_out:
            names = ", ".join(name.replace("_", " ") for name in left_out)
            self.told.append(OF_NO_CUSTOMER.format(tables=begun(names)))

    def _is_of_customers(self, name: str) -> bool:
        """Whether every row that counts is of a customer, directly or by what it refers to."""
        if name == "customers" or name in WHOLE_COMPANY:
            return True
        for reference in TABLES[name].references:
            if reference.table == "customers":
                [(without,)] = self._engine.execute(
                    f"select count(*) from all_{name} where left_out is null and {reference.column} is null"
                ).fetchall()
                return not without
        return any(
            reference.table in self._columns and self._is_of_customers(reference.table)
            for reference in TABLES[name].references
        )

    def _belongs(self, name: str) -> str:
        """The condition under which a row is the audience's."""
        if not self.audience.rows or name in WHOLE_COMPANY:
            return "true"
        if name == "customers":
            return "customer_id in (from chosen)"
        references = TABLES[name].references
        direct = next((each for each in references if each.table == "customers"), None)
        if direct:
            return f"{direct.column} in (from chosen)"
        [via] = references
        key = TABLES[via.table].key[0]
        return f'"{via.column}" in (select "{key}" from all_{via.table} where {self._belongs(via.table)})'

    # --- groups -------------------------------------------------------------------------------------------------------

    def _merge(self) -> None:
        """Find the values of small groups, which become one; a column of which no value is left is hidden."""
        smallest, paying = self.audience.smallest_group, "subscriptions" in self._held
        count: Callable[..., Sizes] = partial(sizes, self._engine, days=self.days, paying=paying)
        told = []
        for group in GROUPS:
            columns = [(group.table, group.column), *group.also]
            if not self._is_open(*columns[0]) or group.table not in self.prepared.held:
                continue
            values, number = stand_together(partial(count, group=group), smallest)
            if not values:
                continue
            for table, column in columns:
                if len(values) == number:
                    self._drop(f"{table}.{column}")
                else:
                    self._merged[table, column] = values
                    if judged := self.judged_by.get(f"{table}.{column}"):
                        self._drop(judged)
            told.append(
                _told_of(group.table, group.column, TOO_FEW)
                if len(values) == number
                else _told_of(group.table, group.column, TOGETHER, n=len(values), all=number)
            )
        is_told = self._is_open(BY_RULE.table, BY_RULE.column)
        if is_told and any(is_small(counts, smallest) for counts in count(group=BY_RULE).values()):
            self._drop(f"{BY_RULE.table}.{BY_RULE.column}")
            told.append(_told_of(BY_RULE.table, BY_RULE.column, TOO_FEW))
        if told:
            self.told += [FEW.format(n=smallest), *told]

    # --- names --------------------------------------------------------------------------------------------------------

    def _collect_words(self) -> None:
        """Note what no text for the audience may hold: people who are hidden, and customers whom it must not know."""
        for each in self.audience.hide:
            table, _, column = each.partition(".")
            if column in PEOPLE and table in self.prepared.held:
                self._note(table, column, f"{table}.{column}")
        strangers = "where customer_id not in (from chosen)" if self.audience.rows and not self.key else ""
        if (self.key or strangers) and "customers" in self.prepared.held:
            for name in ("customer_id", "name", "contact_email"):
                self._note("customers", name, f"customers.{name}", strangers)

    def _note(self, table: str, column: str, what: str, where: str = "") -> None:
        found = self._engine.execute(f'select distinct "{column}" from all_{table} {where}').fetchall()
        self.words |= {str(value): what for (value,) in found if value is not None and _is_telling(str(value))}

    def _keep_words_out(self) -> None:
        """Hide columns of texts that hold such a word, where figures can do without them.

        Raises:
            KitError: others hold one.
        """
        if not self.words:
            return
        self._engine.register("told_words", pa.table({"word": list(self.words)}))
        self._engine.execute(f"""
            create table words as
            select distinct case when regexp_matches(word, '{UNSPACED}') then trim(word) else word end as word
            from (select {_apart("word")} as word from told_words) where length(trim(word)) >= {SHORTEST_WORD}""")
        faults = []
        for table in self._held:
            for column in HELD[table].columns:
                if column.name not in self._columns[table] or not _is_text(table, column):
                    continue
                if self.key and (table, column.name) == ("customers", "name"):
                    continue
                if not self._holds_word(table, column.name):
                    continue
                if is_hideable(table, column.name):
                    self.told.append(_told_of(table, column.name, TELLING))
                    self._drop(f"{table}.{column.name}")
                else:
                    faults.append(
                        f"must not see some values of {table}.{column.name}, which its figures are made of; "
                        f"hide the table {table}, or mend its query"
                    )
        refuse(faults)

    def _holds_word(self, table: str, column: str) -> bool:
        """Whether a value of a column is, or holds as whole words, what the audience must not see."""
        values = f'select distinct {_apart(column)} as value from {table} where "{column}" is not null'
        [(found,)] = self._engine.execute(
            f"select count(*) from ({values}), words where contains(value, word)"
        ).fetchall()
        return bool(found)

    def _make_codes(self) -> None:
        """Make the table of the code of every id: short ones of customers, those that are known longest first."""
        ordered = self._engine.execute(
            "select customer_id from all_customers group by 1 order by min(known_from), customer_id"
        ).fetchall()
        customers = codes(self.key, [value for (value,) in ordered], SHORT)
        parts = [f'select distinct "{column}" as value from {table}' for table in self._held for column in _ids(table)]
        others = self._engine.execute(
            f"select distinct value from ({' union all '.join(parts)}) where value is not null order by value"
        ).fetchall()
        rest = [value for (value,) in others if value not in customers]
        found = customers | codes(self.key, rest, LONG, customers.values())
        self._engine.register("codes", pa.table({"value": list(found), "code": list(found.values())}))
        self._engine.execute("create table code_of as from codes")
        self._codes = found

    def code(self, value: str) -> str:
        """The code of an id; the id itself where the audience knows customers by name."""
        if not self.key or not value:
            return value
        return self._codes.get(value) or codes(self.key, [value], LONG)[value]

    def _redacted(self, name: str) -> str:
        """The query of a table as the audience gets it, in the columns and their order that the folder has."""
        joins, columns = [], []
        for column in [row[0] for row in self._engine.execute(f"describe {name}").fetchall()]:
            value = f't."{column}"'
            if self._is_hidden(name, column):
                value = f"cast(null as {SQL_TYPES[HELD[name].column(column).type]})"
            elif self.key and (name, column) == ("customers", "name"):
                value = "'Customer ' || own.code"
                joins.append('join code_of own on own.value = t."customer_id"')
            elif self.key and column in _ids(name):
                joins.append(f'left join code_of "of_{column}" on "of_{column}".value = t."{column}"')
                value = f'"of_{column}".code'
            elif values := self._merged.get((name, column)):
                value = as_merged(value, values)
            if column == "parent_id" and self.audience.rows:
                value = f'case when t."{column}" in (from chosen) then {value} end'
            columns.append(f'{value} as "{column}"')
        return f"select {', '.join(columns)} from {name} t {' '.join(joins)}"

    def _is_hidden(self, name: str, column: str) -> bool:
        """Whether the source gives a column, and the audience does not get it; what decides is kept, and not shown."""
        decides = (name, column) == (BY_RULE.table, BY_RULE.column)
        return column in self.prepared.columns[name] and not self._is_open(name, column) and not decides

    # --- what is told of it -------------------------------------------------------------------------------------------

    def _recorded(self, folder: Path, period: Period, feed_max_age_days: int) -> Prepared:
        before = json.loads((self.prepared.folder / "prepared.json").read_text(encoding="utf-8"))
        kept = [] if self.audience.rows else [row for row in before.get("aside", []) if row[0] in self._columns]
        record = {**before, "columns": self._columns, "aside": kept, "fingerprint": folder_fingerprint(folder)}
        record["smallest_group"] = self.audience.smallest_group
        terms = self.audience.model_dump_json(exclude={"themes"})  # as a code: a filter may name what is hidden
        record["seen_under"] = codes(self.key, [terms], LONG)[terms]
        record["made_from"] = {name: of for name, of in self.prepared.made_from.items() if name in self._columns}
        prepared = Prepared(folder, record)
        judged = JudgedRows(prepared, prepared.connect())
        seen = {name: self._seen(name, judged) for name in prepared.held}
        no_notes: dict[str, list[str]] = {name: [] for name in seen}
        report = data_report(judged, period, seen, {}, no_notes, feed_max_age_days)
        record["report"] = prepared.report = report | {"redacted": self.told}
        text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / "prepared.json").write_text(text, encoding="utf-8")
        return prepared

    def _seen(self, name: str, judged: JudgedRows) -> dict[str, int]:
        """What was counted while the source was read; of chosen rows, what is there."""
        if not self.audience.rows:
            return {what: self.prepared.report["tables"][name][what] for what in COUNTED}
        [(rows,)] = judged.rows(f"select {HELD[name].count()} from known_{name}")
        return {**dict.fromkeys(COUNTED, 0), "read": rows}


def row_filter(text: str, columns: Iterable[str]) -> duckdb.Expression:
    """A condition over the columns of customers, such as ``owner = 'Mara Lind'``.

    It is judged in a DuckDB of its own, which holds no row and reaches no file.

    Raises:
        KitError: it is not one condition over these columns.
    """
    rule = "must be one condition over columns of customers, such as owner = 'Mara Lind'"
    named = [HELD["customers"].column(name) for name in columns]
    engine = duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"})
    typed = ", ".join(f'"{column.name}" {SQL_TYPES[column.type]}' for column in named)
    engine.execute(f"create table customers ({typed})")
    try:
        expression = duckdb.SQLExpression(text)
        rows = engine.table("customers")
        kind = rows.select(expression).types[0]
        rows.filter(expression).fetchall()
    except duckdb.BinderException as error:
        words = str(error)
        if 'Referenced column "' in words:
            name = words.partition('Referenced column "')[2].partition('"')[0]
            raise KitError(
                f"rows == {text!r}, {name} is not a column of customers{nearest(name, [c.name for c in named])}"
            ) from None
        raise KitError(f"rows == {text!r}, {rule}: {_first(words)}") from None
    except duckdb.PermissionException:
        raise KitError(f"rows == {text!r}, reads a file; {rule}") from None
    except duckdb.Error as error:
        raise KitError(f"rows == {text!r}, {rule}: {_first(str(error))}") from None
    if str(kind) != "BOOLEAN":
        raise KitError(f"rows == {text!r}, gives {str(kind).lower()}, not yes or no; {rule}")
    return expression


def hide_fault(what: str) -> str:
    """What is wrong with an entry of ``hide``; nothing where it can be hidden.

    >>> hide_fault("customers.owner"), hide_fault("tickets")
    ('', '')
    >>> hide_fault("customers.ownr")
    "is not a column of customers; did you mean 'owner'?"
    """
    table, _, column = what.partition(".")
    if table not in TABLES:
        return f"is neither a canonical table nor a column of one{nearest(table, TABLES)}"
    if not column:
        return "" if table != "customers" else "is what all else belongs to; hide its columns"
    if column not in HELD[table].names:
        return f"is not a column of {table}{nearest(column, HELD[table].names)}"
    if is_hideable(table, column):
        return ""
    if (table, column) == ("customers", "name"):
        return "cannot be hidden; write customers: pseudonyms"
    return f"decides what is counted, so that figures without it would be wrong; hide the table {table}"


def is_hideable(table: str, column: str) -> bool:
    """Whether a column only describes: what needs it then says that it is not provided, and no other figure changes."""
    return column in DESCRIBING.get(table, ())


def _told_of(table: str, column: str, sentence: str, **counts: int) -> str:
    """A sentence about a column."""
    return sentence.format(column=begun(column.replace("_", " ")), table=table.replace("_", " "), **counts)


def _is_text(table: str, column: Column) -> bool:
    """Whether a column holds any words: no fixed ones, no ids."""
    return column.type == "str" and not column.values and column.name not in _ids(table)


def _ids(table: str) -> list[str]:
    """The columns that hold ids."""
    return [column.name for column in HELD[table].columns if is_id(column) and column.name not in STEERING]


def _is_telling(word: str) -> bool:
    """Whether a word, where it stands in a text, is likely to mean what it is here: not a short one, or a number."""
    return len(word) >= SHORTEST_WORD and not (word.isdigit() and len(word) < 2 * SHORTEST_WORD)


def _apart(column: str) -> str:
    """The SQL of a text in small letters, in which a space stands before and after each word, and no other sign."""
    return f"""' ' || regexp_replace(lower("{column}"), '[^\\p{{L}}\\p{{M}}\\p{{N}}]+', ' ', 'g') || ' '"""


def _first(words: str) -> str:
    return words.partition("\n")[0].partition("Error: ")[2] or words.partition("\n")[0]
