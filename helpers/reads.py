"""What a source says of a table: its query, or its file; and how text in files is to be read."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from helpers.strict_yaml import Frozen, expected

DAY_ORDERS = ("iso", "dmy", "mdy", "spreadsheet")


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("must be an encoding that Python knows, such as cp1252, utf-16 or mac_roman") from None
    return codecs.lookup(name).name


def _dates(form: str) -> str:
    if form not in DAY_ORDERS and not re.search(r"%[a-zA-Z]", form):
        raise ValueError(f"must be {', '.join(DAY_ORDERS)}, or a form such as '%d-%b-%Y'")
    return form


def _word(word: Any) -> Any:
    """YAML's own empty word and numbers are words of a file too."""
    return "null" if word is None else word if isinstance(word, str | bool) else str(word)


Text = Annotated[str, Field(min_length=1), expected("text, of one character or more")]
Delimiter = Annotated[str, Field(min_length=1, max_length=1), expected('one character, such as ";" or "\\t"')]


class Reads(Frozen):
    """How files are read; what is not given is found out where only one reading fits, and else asked about."""

    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    delimiter: Delimiter | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    dates: Annotated[str, AfterValidator(_dates)] | None = None
    empty: tuple[Annotated[str, BeforeValidator(_word)], ...] | None = None
    header_row: Annotated[int, Field(ge=1)] | None = None
    sheet: Text | None = None
    end_on: Literal["exclusive", "inclusive"] | None = None

    @model_validator(mode="after")
    def _told_apart(self) -> Reads:
        if self.decimal and self.decimal == self.thousands:
            raise ValueError("must give decimal and thousands two different signs")
        return self

    @property
    def decimal_sign(self) -> str:
        """The decimal sign that is said, or follows from that between thousands; a point where neither is.

        >>> [Reads(**said).decimal_sign for said in ({}, {"decimal": ","}, {"thousands": "."}, {"thousands": " "})]
        ['.', ',', ',', '.']
        """
        return self.decimal or ("," if self.thousands == "." else ".")

    def over(self, general: Reads) -> Reads:
        """These, and what only the more general ones say.

        >>> Reads(dates="dmy").over(Reads(dates="mdy", decimal=","))
        Reads(encoding=None, delimiter=None, decimal=',', thousands=None, dates='dmy', empty=None, header_row=None, \
sheet=None, end_on=None)
        """
        return self.model_copy(update={name: value for name, value in general if getattr(self, name) is None})


class TableFrom(Frozen):
    """Where a table comes from: a query, or files with a mapping of their columns to the canonical ones."""

    query: Text | None = None
    file: Text | None = None
    columns: dict[str, Text] = Field(default_factory=dict)
    reads: Reads = Reads()

    @model_validator(mode="after")
    def _one_of_two(self) -> TableFrom:
        if (self.query is None) == (self.file is None):
            raise ValueError("must give either file or query")
        if self.query and self.columns:
            raise ValueError("must name its columns in the query itself; columns is for file")
        return self


def _form(given: Any) -> str | None:
    return "(table)" if isinstance(given, dict | TableFrom) else "(query)" if isinstance(given, str) else None


GivenBy = Annotated[  # the names of the two forms are in parentheses, which messages leave out
    Annotated[Text, Tag("(query)")] | Annotated[TableFrom, Tag("(table)")],
    Discriminator(
        _form,
        custom_error_type="expected",
        custom_error_message="must be a query, the name of a table, or file: with columns:",
    ),
]


def table_from(given: str | TableFrom) -> TableFrom:
    """What a source says of a table, in its full form."""
    return TableFrom(query=given) if isinstance(given, str) else given
