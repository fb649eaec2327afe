"""Text of others, such as names, made fit for where it goes: pages, sentences, and spreadsheets.

A page gets no character that it cannot show or that moves figures. In CSV no text becomes a formula: a spreadsheet
takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for one, whoever wrote it. Such a text gets an apostrophe,
and reading takes it off again. Only texts are protected: a number keeps its sign.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from itertools import chain, count
from types import SimpleNamespace
from typing import Any
from unicodedata import east_asian_width

import pandas as pd

SECTIONS = ("Definition", "Args", "Returns", "Raises", "Source", "Departs", "Example", "Examples")
# What no page can show: control characters, marks that turn the direction of other text around, half characters.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
LEFT_TO_RIGHT = "\u200e"  # a mark that is not seen
BLANKS = re.compile("[^\\S\xa0]+")  # a blank that keeps a number together stays
STARTERS = "=+\\-@\t\r\n＝＋－＠"
# Where a cell may begin: also inside a text, since half of Europe's spreadsheets part cells at semicolons, not commas.
BEGINNING = "(?:^|(?<=[;\t\r\n]))"
FORMULA = re.compile(f"{BEGINNING}(?=['\"]*[{STARTERS}])")
PROTECTED = re.compile(f"{BEGINNING}'(?=['\"]*[{STARTERS}])")


def printable(value: Any) -> Any:
    r"""The same lists, mappings and strings without the characters that no page can show.

    >>> printable(["Acme\u202e Ltd\x00", 3])
    ['Acme Ltd', 3]
    """
    if isinstance(value, str):
        return UNPRINTABLE.sub("", value)
    if isinstance(value, Mapping):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list | tuple) else value


def one_line(text: str) -> str:
    r"""A text without ends of lines, so that it stays in the comment that it stands in.

    >>> one_line("Acme\n  Ltd\u2028and: more")
    'Acme Ltd and: more'
    """
    return BLANKS.sub(" ", str(printable(text))).strip()


def as_plain_markdown(text: str) -> str:
    r"""A text in one line of Markdown in which nothing is a mark.

    >>> as_plain_markdown("2*3")
    '2\\*3'
    """
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", one_line(text))


def spaced(text: str) -> str:
    r"""What Babel wrote, with signs that the pack's typeface has: it has no narrow spaces and no full-width yen sign.

    >>> spaced("1\u202f250")
    '1\xa0250'
    """
    return text.replace("\u202f", "\xa0").replace("\u2009", " ").replace("\uffe5", "¥")


def dated(text: str) -> str:
    r"""A date as Babel wrote it, without the Russian word for a year, whose point would meet that of a sentence.

    >>> dated("30 сент. 2026\u202fг.")
    '30 сент. 2026'
    """
    return spaced(text).replace("\xa0г.", "")


def cut(text: str, longest: int) -> str:
    """A text of at most so many characters as UTF-16 counts them, an ellipsis for the rest.

    >>> cut("Umsatz", 6), cut("Umsatz", 5), cut("😀😀", 3)
    ('Umsatz', 'Umsa…', '😀…')
    """
    units = text.encode("utf-16-le") if 2 * len(text) > longest else b""
    if len(units) <= 2 * longest:
        return text
    return units[: 2 * (longest - 1)].decode("utf-16-le", errors="ignore") + "…"


def free_name(wanted: str, taken: set[str], more: str, longest: int = 1_000_000) -> str:
    """A name that is not taken yet, whatever its case, of at most so many characters; it is taken then.

    >>> [free_name("Sales", taken, " ({})", 6) for taken in [set(), {"sales"}]]
    ['Sales', 'S… (2)']
    """
    endings = chain([""], map(more.format, count(2)))
    names = (cut(wanted, longest - len(ending)) + ending for ending in endings)
    found = next(name for name in names if name.lower() not in taken)
    taken.add(found.lower())
    return found


def width(text: str) -> int:
    """Roughly how wide a text is, in Latin letters: characters of East Asia count for two.

    >>> width("KPI"), width("指标")
    (3, 4)
    """
    return len(text) + (0 if text.isascii() else sum(east_asian_width(character) in "FW" for character in text))


def begun(words: str) -> str:
    """Words as the beginning of a sentence.

    >>> begun("events before their user was created")
    'Events before their user was created'
    """
    return words[:1].upper() + words[1:]


def in_words(value: object) -> str:
    """A parameter's value as one writes it in a review: ``none`` where there is none.

    >>> in_words({"Enterprise": 24, "others": None}), in_words(["api", "insurance"]), in_words(True)
    ('{Enterprise: 24, others: none}', '[api, insurance]', 'true')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {in_words(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(in_words, value)) + "]"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def spoken(name: object) -> str:
    r"""A name as it stands in a sentence; figures beside one that is written from right to left keep their places.

    >>> spoken("new_product"), ascii(spoken("\u05e7\u05e4\u05d4"))
    ('new product', "'\\u200e\\u05e7\\u05e4\\u05d4\\u200e'")
    """
    text = str(name).replace("_", " ")
    return f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}" if RIGHT_TO_LEFT.search(text) else text


def docstring_sections(text: str) -> dict[str, str]:
    r"""The sections of a Google-style docstring, each as flowing text.

    >>> docstring_sections("What comes in.\n\nDefinition:\n    All of it,\n    at once.\n")["Definition"]
    'All of it, at once.'
    """
    _, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\s*$", text, flags=re.MULTILINE)
    bodies = (" ".join(body.replace("``", "").split()) for body in rest[1::2])
    return dict(zip(rest[::2], bodies, strict=True))


def from_outside(source: str) -> str:
    """What of a source a reader can look up: not the specification that the code was written from.

    >>> from_outside("Specification K20; discounts as ProfitWell, statuses as Stripe.")
    'discounts as ProfitWell, statuses as Stripe.'
    """
    told = [part.strip().rstrip(".") for part in source.split(";")]
    told = [part for part in told if part and not re.search(r"Specification|\barticle\b", part)]
    return f"{'; '.join(told)}." if told else ""


def protected(text: str) -> str:
    """A text with an apostrophe wherever a spreadsheet would begin a formula.

    >>> protected("=1+1"), protected("Fish & Chips"), protected("'t Hooft"), protected("a;=1+1")
    ("'=1+1", 'Fish & Chips', "'t Hooft", "a;'=1+1")
    """
    return FORMULA.sub("'", text)


def restored(text: str) -> str:
    """The inverse of :func:`protected`.

    >>> restored("'=1+1"), restored("'t Hooft"), restored(protected("'=1+1"))
    ('=1+1', "'t Hooft", "'=1+1")
    """
    return PROTECTED.sub("", text)


def csv_text(table: pd.DataFrame) -> str:
    r"""A table as CSV: texts protected, numbers at full precision, what is missing empty.

    >>> csv_text(pd.DataFrame({"name": ["=cmd", None], "change": [-12.5, float("nan")]}))
    "name,change\n'=cmd,-12.5\n,\n"
    """
    lines: list[str] = []
    # rows end in \r\n here since the writer quotes a text for what its rows end in, and readers break lines at both
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n")
    columns = [[_field(value) for value in table[name]] for name in table.columns]
    writer.writerow(map(_field, table.columns))
    writer.writerows(zip(*columns, strict=True))
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def read_csv_text(path: str) -> pd.DataFrame:
    """The table of a file that :func:`csv_text` made, every cell as text."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.map(restored).rename(columns=restored)


def _field(value: Any) -> Any:
    if isinstance(value, str):
        return protected(value)
    return None if pd.isna(value) else value
