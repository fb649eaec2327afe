"""Text in, typed columns out: how the values of a file are read, and what is asked where that is not certain.

A *reading* is one way to understand a text as a number, a day or an instant. A column is read in the one reading that
all its values fit. Where they fit two that give different values, or one that is common enough to be meant and rare
enough to be a mistake, nobody is asked to guess: a *question* shows a value under each, and the line that settles it.
All of this is DuckDB's SQL over columns of text, so that millions of rows are read at its speed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from helpers.data.schema import SQL_TYPES, Column
from helpers.data.statements import identifier, quoted
from helpers.reads import DAY_ORDERS, Reads

Ask = Callable[[Sequence[str]], Sequence[Any]]  # the one row that SQL expressions over a table's rows give

SPACES = " \t\r\n\u00a0\u202f\ufeff"
WORDS = (  # among them the errors that spreadsheets show, and the day that MySQL writes for none
    "n/a", "#n/a", "null", "(null)", "none", "nan", "-", "--", "\\n", "(blank)", "#value!", "#ref!", "#div/0!",
    "#name?", "#num!", "#null!", "0000-00-00", "0000-00-00 00:00:00",
)  # fmt: skip
BARE = re.compile(r"(?!(?:true|false|null|yes|no)$)[A-Za-z][\w/ ]*", re.IGNORECASE)  # what YAML reads as it stands
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
FORMS = (  # those with a time are Chargebee's; the last two are Jira's
    "%d-%b-%Y", "%d-%b-%Y %H:%M", "%d-%b-%Y %H:%M:%S", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%Y%m%d%H%M%S", "%Y-%m", "%d/%b/%y", "%d/%b/%y %I:%M %p",
)  # fmt: skip
SHORT_YEAR_FIRST = [f"%y{sign}%m{sign}%d{time}" for sign in "-/" for time in ("", " %H:%M", " %H:%M:%S")]
SHORT = r"^\d\d([-/]\d\d){2}(?: |$)"
NO_ZONE = ("it has times without a time zone",
           "say which it is in with timezone: in the source, such as timezone: Europe/Berlin")  # fmt: skip
NAMES = ("name", "contact_email", "owner")  # of people and companies, who may be called None or Null
CHOOSE, IF_SO = "write", "if so, write"
WHAT = {"int": "a whole number", "dec": "a number", "bool": "yes or no", "date": "a day", "ts": "an instant"}
# What numbers and days of spreadsheets are dressed in: signs of full width, a currency, brackets for what is below
# zero, a minus behind, and the words for year, month and day.
WIDE = ("０１２３４５６７８９，．－／：％＋（）￥＄　−", "0123456789,.-/:%+()¥$ -")
MONEY_SIGN = r"(?:[A-Z]{0,3}[$€£¥₩₹\\]|[円元원])"
BEFORE, BEHIND = rf"^([-+(]?) *{MONEY_SIGN} *", rf" *{MONEY_SIGN}(\)?)$"
ERAS = {"令和": 2018, "平成": 1988}  # the year before the first of each
LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt", "ru")  # in none of them is a month called as another in one
SINCE_1970 = {10: ("seconds", ""), 13: ("milliseconds", " / 1e3"), 16: ("microseconds", " / 1e6")}  # by digits of today
ADVICE = {
    **dict.fromkeys(("int", "dec"), 'correct the file, or say how it is read, such as reads: {decimal: ","}'),
    "date": 'correct the file, or say how it is read, such as reads: {dates: "%d.%m.%y"}',
    "ts": 'correct the file, or say how it is read, such as reads: {dates: "%d.%m.%y %H:%M"}',
    "bool": "write true or false, yes or no, 1 or 0",
}


@dataclass(frozen=True)
class Reading:
    """One way to read a text.

    Args:
        line: the line of a source file that says so; empty for what can be meant in one way only.
        value: SQL of the value of a text ``{}``, null where it has none in this reading. A day is a local timestamp.
        free: whether it is taken without that line, where all values fit it and no other.
        timed: SQL that tells whether a text names a time of day; empty for an instant, which does and has a zone.
        dressed: whether it is of what is left of a text without its dress.
    """

    line: str
    value: str
    free: bool = True
    timed: str = "contains({}, ':')"
    dressed: bool = False

    def of(self, text: str) -> str:
        return self.value.replace("{}", text)

    def behind(self, dress: str) -> Reading:
        """The same of what is left of a text without its dress, told in SQL of ``{}``."""
        return replace(self, value=self.of(dress), dressed=True)


@dataclass(frozen=True)
class Zones:
    """The zone of timestamps that carry none, if the source says it, and the reporting zone."""

    source: str | None
    reporting: str


@dataclass(frozen=True)
class Question:
    """What is not certain of a column, told with an example; ``answers`` are the lines that settle it.

    Columns with the same answers have the same fault, and are told together. ``words`` may stand for nothing.
    """

    column: str
    told: str
    answers: str = ""
    words: tuple[str, ...] = ()


def _where(pattern: str, value: str) -> Reading:
    return Reading("", f"case when regexp_matches({{}}, {quoted(pattern)}) then {value} end")


PLAIN = _where(r"^[+-]?\d+$", "try_cast({} as double)")
_TIME = r"([ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
ISO = _where(rf"^\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}{_TIME}", "try_cast({} as timestamp)")
INSTANT = Reading(
    "",
    r"case when regexp_matches({}, '^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|UTC|[+-]\d\d(:?\d\d)?)$') "
    r"then try_cast(regexp_replace(regexp_replace({}, ' ([+-])', '\1'), '([+-]\d\d)(\d\d)$', '\1:\2') as timestamptz) "
    "end",
    timed="",
)
BASIC = _where(r"^(19|20)\d{6}$", "try_strptime({}, '%Y%m%d')")
SPREADSHEET = Reading(
    "dates: spreadsheet",
    r"case when regexp_matches({}, '^[2-7]\d{4}(\.\d+)?$') then timestamp '1899-12-30' + "
    "to_milliseconds(cast(round(cast({} as double) * 86400) as bigint) * 1000) end",
    free=False,
    timed="contains({}, '.')",
)


_ASCII = f"translate({{}}, {quoted(WIDE[0])}, {quoted(WIDE[1])})"
_NO_SIGN = f"regexp_replace(regexp_replace({_ASCII}, {quoted(BEFORE)}, '\\1'), {quoted(BEHIND)}, '\\1')"
SIGN_AS_WRITTEN = f"nullif(regexp_extract({{}}, {quoted(MONEY_SIGN.replace('¥', '¥￥＄'))}), '')"
BARE_NUMBER = rf"regexp_replace(regexp_replace({_NO_SIGN}, '^\((.*)\)$', '-\1'), '^([^-+].*)-$', '-\1')"


def _year_first() -> Reading:
    """Days as 2026年9月30日, 2026. 9. 30. or 令和8年9月30日, with a time or none."""
    parts = r"^(\d{4}) *[-/.年년] *(\d{1,2}) *[-/.月월] *(\d{1,2})(?: *[.日일])?"
    western = rf"regexp_replace({_ASCII}, '{parts}', '\1-\2-\3')"
    year, rest = r"^..(元|\d{1,2})年", r"(\d{1,2})月(\d{1,2})日$"
    in_eras = [
        f"when starts_with({{}}, '{era}') and regexp_matches({_ASCII}, '{year}{rest}') then "
        f"{before} + cast(replace(regexp_extract({_ASCII}, '{year}', 1), '元', '1') as integer) || "
        rf"regexp_replace({_ASCII}, '{year}{rest}', '-\2-\3')"
        for era, before in ERAS.items()
    ]
    iso = f"case {' '.join(in_eras)} else {western} end"
    return replace(ISO.behind(iso), timed="regexp_matches({}, '[:：]')")


def _month_by_name() -> Reading:
    """Days as 1. März 2026, 1er mars 2026 or 1 de marzo de 2026, with a time or none."""
    from babel import Locale

    names = [Locale(language).months["format"][width] for language in LANGUAGES for width in ("wide", "abbreviated")]
    months = {name.rstrip(".").lower(): number for named in names for number, name in named.items()}
    numbers = ", ".join(f"{quoted(name)}: {number}" for name, number in months.items())
    pattern = rf"^(\d{{1,2}})(?:[.º]|er)? ?(?:de )?(\pL+)\.? (?:de )?(\d{{4}})(?: ?г\.)?{_TIME}"
    year, day, time = (f"regexp_extract({{}}, '{pattern}', {part})" for part in (3, 1, 4))
    month = f"map {{{numbers}}}[lower(regexp_extract({{}}, '{pattern}', 2))]"
    return Reading("", f"try_cast({year} || '-' || {month} || '-' || {day} || {time} as timestamp)", dressed=True)


def _day_first(first: str, signs: str) -> Reading:
    """Days as 31/12/2026 or 12/31/26, with a time or none."""
    order = r"-\2-\1 " if first == "dmy" else r"-\1-\2 "
    long = rf"^(\d{{1,2}})[{signs}](\d{{1,2}})[{signs}](\d{{4}})(?:$|,? +)"
    short = long.replace("{4}", "{2}")
    iso = f"regexp_replace(regexp_replace({{}}, '{long}', '\\3{order}'), '{short}', '20\\3{order}')"
    noon = "['%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M%p']"
    either = long.replace(r"(\d{4})", r"(\d{4}|\d{2})")
    return Reading(
        f"dates: {first}",
        f"case when regexp_matches({{}}, '{either}') "
        f"then coalesce(try_cast(trim({iso}) as timestamp), try_strptime(trim({iso}), {noon})) end",
    )


def _form(form: str, free: bool) -> Reading:
    timed = "true" if re.search("%[HIcX]", form) else "false"
    day = f"try_strptime({{}}, {quoted(form)})"  # for which 26 is a year of four digits too
    return Reading(f"dates: {json.dumps(form)}", f"case when year({day}) > 1000 then {day} end", free, timed)


def _short_year_first(form: str) -> Reading:
    """Days as 26-09-30, of a year of two digits; the same text may be the 26th of a month."""
    of_form = _form(form, free=False)
    return replace(of_form, value=f"case when regexp_matches({{}}, {quoted(SHORT)}) then {of_form.value} end")


def _numbers(decimal: str, thousands: str, line: str, free: bool) -> Reading:
    """Numbers with a decimal sign and any of some signs between groups of three digits, or as in India 12,34,567."""
    groups = f"[{re.escape(thousands)}]"
    grouped = rf"\d{{1,3}}({groups}\d{{3}})+|\d{{1,2}}({groups}\d{{2}})+{groups}\d{{3}}"
    pattern = rf"^[+-]?(\d+|{grouped})?({re.escape(decimal)}\d+)?([eE][+-]?\d+)?$"
    # a leading 0 begins no group: 0.125 is no thousand
    plain = f"replace(translate({{}}, {quoted(thousands)}, ''), {quoted(decimal)}, '.')"
    fits = f"regexp_matches({{}}, {quoted(pattern)}) and not regexp_matches({{}}, {quoted(rf'^[+-]?0{groups}')})"
    return Reading(line, f"case when {fits} then try_cast({plain} as double) end", free)


def _dressed(kind: str, among: Sequence[Reading]) -> list[Reading]:
    """The readings of what stands in a dress, which are tried where none of the bare ones fits."""
    if kind in ("int", "dec"):
        return [reading.behind(BARE_NUMBER) for reading in among]
    return [_year_first(), _month_by_name()] if kind in ("date", "ts") else []


def readings(kind: str, reads: Reads) -> list[Reading]:
    """The readings that a column of a type may have, the one that is nearly always right first."""
    if kind in ("int", "dec"):
        found = [PLAIN, *_number_readings(reads)]
        return [_whole(reading) for reading in found] if kind == "int" else found
    if kind == "bool":
        true, false = (", ".join(map(quoted, words)) for words in (TRUE, FALSE))
        words = f"case when lower({{}}) in ({true}) then true when lower({{}}) in ({false}) then false end"
        return [Reading("", words)]
    return _date_readings(reads.dates)


def _number_readings(reads: Reads) -> list[Reading]:
    spaces = " '’\u00a0\u202f"
    point, comma = 'decimal: "."', 'decimal: ","'
    given = reads.thousands
    wide = given + spaces if given and given in spaces else given
    if reads.decimal or given in (".", ","):
        decimal = reads.decimal_sign
        return [_numbers(decimal, wide or ("," if decimal == "." else ".") + spaces, f'decimal: "{decimal}"', True)]
    return [_numbers(".", wide or "," + spaces, point, True), _numbers(",", wide or "." + spaces, comma, False)]


def _whole(reading: Reading) -> Reading:
    value = reading.value
    if reading is PLAIN:
        return Reading("", value.replace("as double", "as bigint"))
    return Reading(reading.line, f"case when ({value}) = floor({value}) then cast({value} as bigint) end", reading.free)


def _date_readings(dates: str | None) -> list[Reading]:
    sure = [ISO, INSTANT, BASIC]
    if dates is None:
        forms = [_form(form, free=False) for form in FORMS]
        year_first = [_short_year_first(form) for form in SHORT_YEAR_FIRST]
        return [*sure, _day_first("dmy", "./-"), _day_first("mdy", "/-"), SPREADSHEET, *forms, *year_first]
    if dates not in DAY_ORDERS:
        return [_form(dates, free=True), *sure]
    said = {"iso": [], "spreadsheet": [Reading(SPREADSHEET.line, SPREADSHEET.value, True, SPREADSHEET.timed)]}
    return [*sure, *said.get(dates, [_day_first(dates, "./-")])]


def text_of(column: str, found: str, reads: Reads) -> str:
    """SQL of a column's text without what surrounds it, null where the file says that it is empty."""
    trimmed = f"trim({_text(column, found)}, {quoted(SPACES)})"
    return f"case when {trimmed} not in ({_for_nothing(reads)}) then {trimmed} end"


def as_it_stands(column: str, found: str, reads: Reads) -> str:
    """SQL of a text that is one: an id or a name, as it stands in the file."""
    text = _text(column, found)
    return f"case when trim({text}, {quoted(SPACES)}) not in ({_for_nothing(reads)}) then {text} end"


def _text(column: str, found: str) -> str:
    return identifier(column) if found == "VARCHAR" else f"cast({identifier(column)} as varchar)"


def _for_nothing(reads: Reads) -> str:
    """What the file says is empty, as SQL."""
    return ", ".join(map(quoted, ("", *(reads.empty or ()))))


def never_empty(ask: Ask, columns: Sequence[str], reads: Reads) -> set[str]:
    """Those of some columns of text in which no text is empty, nor a word that is, or may be, for nothing.

    Texts are looked at whole only where one of these could begin as they do, since that is what takes long.
    """
    if not columns:
        return set()
    own = tuple(filter(None, reads.empty or ()))
    begins = {*SPACES, *(word[0] for word in own), *(case for word in WORDS for case in (word[0], word[0].upper()))}
    codes = ", ".join(str(code) for code in [-1, *sorted(map(ord, begins))])  # -1 of an empty text
    among, words = (", ".join(map(quoted, texts)) for texts in (("", *WORDS), ("", *own)))

    def counted(name: str) -> str:
        text = f"trim({name}, {quoted(SPACES)})"
        found = f"lower({text}) in ({among}) or {text} in ({words})"
        return f"count_if(case when ord({name}) in ({codes}) then {found} end)"

    counts = ask([counted(identifier(name)) for name in columns])
    return {name for name, times in zip(columns, counts, strict=True) if not times}


def settled(ask: Ask, texts: Mapping[str, str], kinds: Mapping[str, str], reads: Reads) -> dict[str, Reading | None]:
    """The one reading that all values of each column fit, if there is one that is taken without asking."""
    found: dict[str, Reading | None] = {}
    first = {name: readings(kind, reads)[0] for name, kind in kinds.items()}
    asked = [f"count({text})" for text in texts.values()]
    asked += [f"count({first[name].of(text)})" for name, text in texts.items()]
    counts = list(ask(asked)) if texts else []
    for name, all_values, fitting in zip(texts, counts, counts[len(texts) :], strict=False):
        if all_values == fitting:
            found[name] = first[name]
        else:
            fits = _fitting(ask, texts[name], kinds[name], reads)
            same = len(fits) < 2 or not _differing(ask, texts[name], fits)
            found[name] = fits[0] if fits and fits[0].free and same else None
    return found


def _fitting(ask: Ask, text: str, kind: str, reads: Reads) -> list[Reading]:
    """The readings that all values fit, bare or else in their dress."""
    among = readings(kind, reads)
    for some in (among, _dressed(kind, among)):
        all_values, *counts = ask([f"count({text})", *(f"count({reading.of(text)})" for reading in some)])
        if fits := [reading for reading, count in zip(some, counts, strict=True) if count == all_values]:
            return fits
    return []


def _differing(ask: Ask, text: str, fits: Sequence[Reading]) -> str | None:
    """A text that two readings understand differently."""
    one, two = (reading.of(text) for reading in fits[:2])
    [example] = ask([f"min({text}) filter (where {one} is distinct from {two})"])
    return example


def typed(column: Column, reading: Reading, text: str, zones: Zones, ask: Ask) -> str | Question:
    """SQL of a column's values, once its reading is known; a question where a time of day needs a zone."""
    value, zone = reading.of(text), quoted(zones.reporting)
    if column.type not in ("date", "ts"):
        return f"cast({value} as {SQL_TYPES[column.type]})"
    if not reading.timed:
        return value if column.type == "ts" else day_of_instants(column.name, value, zones.reporting, ask)
    timed = reading.timed.replace("{}", text)
    if column.type == "date":
        [at_times] = ask([f"count(*) filter (where cast({value} as time) <> time '00:00')"])
        if not at_times:
            return f"cast({value} as date)"
    else:
        [at_times] = ask([f"count(*) filter (where {timed})"])
    if at_times and not zones.source:
        return Question(column.name, *NO_ZONE)
    instant = f"case when {timed} then timezone({quoted(zones.source or zones.reporting)}, {value}) " \
              f"else timezone({zone}, {value}) end"  # fmt: skip
    return instant if column.type == "ts" else f"cast(timezone({zone}, {instant}) as date)"


def day_of_instants(column: str, value: str, zone: str, ask: Ask) -> str | Question:
    """SQL of the local days of instants; a question where all are midnights of UTC, which are other days in the zone.

    Days are often written so by programs. In a zone west of UTC each would be the day before.
    """
    local, written = f"cast(timezone({quoted(zone)}, {value}) as date)", f"timezone('UTC', {value})"
    [others, day, in_zone] = ask([
        f"count(*) filter (where cast({written} as time) <> time '00:00')",
        f"min(cast({written} as date)) filter (where cast({written} as date) <> {local})",
        f"min({local}) filter (where cast({written} as date) <> {local})",
    ])  # fmt: skip
    if others or day is None:
        return local
    told = f"each is a midnight in UTC, such as that of {_shown(day)}, which is still {_shown(in_zone)} in {zone}"
    ways = [f"cast({identifier(column)} at time zone {quoted(each)} as date)" for each in ("UTC", zone)]
    return Question(column, told, f"if they are days, write {ways[0]} in a query, else {ways[1]}")


def questions(column: Column, text: str, reads: Reads, ask: Ask) -> list[Question]:
    """What is to be asked of a column: its words that may stand for nothing, and how its other values are read."""
    found, words = [], ", ".join(map(quoted, WORDS))
    if reads.empty is None and column.name not in NAMES:
        [seen] = ask([f"list(distinct {text}) filter (where lower({text}) in ({words}))"])
        seen = [word for word in seen or [] if word not in column.values]
        if seen:
            found.append(Question(column.name, "", words=tuple(seen)))
            text = f"case when lower({text}) not in ({words}) then {text} end"
    return found if column.type == "str" else [*found, *_of_values(column, text, reads, ask)]


def with_words(ask: Ask, texts: Mapping[str, str], reads: Reads) -> set[str]:
    """The columns in which a word stands that may be for nothing, where the source does not say."""
    if reads.empty is not None or not texts:
        return set()
    words = ", ".join(map(quoted, WORDS))
    counts = ask([f"count(*) filter (where lower({text}) in ({words}))" for text in texts.values()])
    return {name for name, times in zip(texts, counts, strict=True) if times}


def _of_values(column: Column, text: str, reads: Reads, ask: Ask) -> list[Question]:
    """The question of how a column's values are read, if it has to be asked."""
    fits = _fitting(ask, text, column.type, reads)
    if len(fits) > 1 and (example := _differing(ask, text, fits)) is not None:
        values = ask([f"any_value({fit.of(quoted(example))})" for fit in fits[:2]])
        told = " and ".join(f"{_shown(value)} with {fit.line}" for fit, value in zip(fits, values, strict=False))
        lines = " or ".join(f"reads: {{{fit.line}}}" for fit in fits[:2])
        return [Question(column.name, f"{example!r} is {told}", f"{CHOOSE} {lines}")]
    if fits and fits[0].free:
        return []
    if fits:
        [odd, any_of_them] = ask([f"max({text}) filter (where {PLAIN.of(text)} is null)", f"min({text})"])
        example = any_of_them if odd is None else odd
        [value] = ask([f"any_value({fits[0].of(quoted(example))})"])
        told = f"{example!r} is {_shown(value)} with {fits[0].line}"
        return [Question(column.name, told, f"{IF_SO} reads: {{{fits[0].line}}}")]
    bare = readings(column.type, reads)
    among = [*bare, *_dressed(column.type, bare)]
    all_values, *counts = ask([f"count({text})", *(f"count({reading.of(text)})" for reading in among)])
    best = max(range(len(among)), key=lambda i: counts[i])
    [example] = ask([f"min({text}) filter (where {among[best].of(text)} is null)"])
    told = f"{example!r} is not {WHAT[column.type]} ({all_values - counts[best]} of {all_values} values)"
    return [Question(column.name, told, _advice(column, reads, example))]


def _advice(column: Column, reads: Reads, example: str) -> str:
    """What to do about values that fit no reading; what the source says already is no example."""
    if example == "choose":
        return f"write what {column.name} is in its place, in the query"
    if column.type in ("date", "ts") and example.isdecimal() and len(example) in SINCE_1970:
        unit, many = SINCE_1970[len(example)]
        instant = f"to_timestamp(cast({column.name} as bigint){many})"
        return f"if it is {unit} since 1970, write {instant} as {column.name} in a query, else correct the file"
    if column.type in ("int", "dec") and reads.decimal_sign == ",":
        return 'correct the file, or say otherwise under this table, such as reads: {decimal: "."}'
    if column.type in ("date", "ts") and reads.dates:
        return f"correct the file, or say otherwise than dates: {reads.dates} under this table"
    if column.type in ("date", "ts") and re.search(r"[^\W\d_]{3}.*\d", example):  # a month in another language
        return "correct the file: write days with numbers, such as 2026-03-01"
    return ADVICE[column.type]


def of_two_readings(ask: Ask, column: str, reads: Reads) -> list[Question]:
    """The question of a column of a file that is one number with a decimal point, and another with a decimal comma; or
    that holds days with a short year first, which may be days of other years.

    A query may cast it, so that nothing could be seen of it afterwards.
    """
    text = text_of(column, "VARCHAR", reads)
    numbers = _of_values(Column(column, "dec", False), text, reads, ask)
    [short] = ask([f"bool_and(regexp_matches({text}, {quoted(SHORT)}))"])
    days = _of_values(Column(column, "ts", False), text, reads, ask) if short else []
    return [
        *(each for each in numbers if each.answers.startswith(CHOOSE)),
        *(each for each in days if 'dates: "%y' in each.answers),
    ]


def questions_behind(ask: Ask, types: Mapping[str, str], reads: Reads) -> list[Question]:
    """What may be asked of the texts of a file, where the query over it did not come to an end."""
    found = []
    for name in (name for name, kind in types.items() if kind == "VARCHAR"):
        text = text_of(name, "VARCHAR", reads)
        asked = [q for kind in ("dec", "ts") for q in questions(Column(name, kind, False), text, reads, ask)]
        found += [each for each in asked if each.words or each.answers.startswith((CHOOSE, IF_SO))]
    return found


def told(found: Iterable[Question]) -> list[str]:
    """The questions of a table, those with the same answers in one sentence."""
    asked = list(found)
    sentences = []
    for answers in dict.fromkeys(each.answers for each in asked if not each.words):
        same = [each for each in asked if not each.words and each.answers == answers]
        sentences.append(f"{named([*dict.fromkeys(each.column for each in same)])}: {same[0].told}; {answers}")
    if words := sorted({word for each in asked for word in each.words}):
        listed = ", ".join(word if BARE.fullmatch(word) else json.dumps(word) for word in words)
        sentences.insert(0, f"{named([each.column for each in asked if each.words])}: "
                            f"{named([repr(word) for word in words])} may stand for nothing; "
                            f"if so, write reads: {{empty: [{listed}]}}, else reads: {{empty: []}}")  # fmt: skip
    return sentences


def inferred(ask: Ask, columns: Sequence[str], reads: Reads) -> dict[str, str]:
    """SQL of the columns of a file as a query finds them: typed where that is certain and loses nothing, else text.

    A number with zeros before it, or like 1E5, is a text: it may be an id. One with the sign of a currency keeps it.
    """
    texts = {name: text_of(name, "VARCHAR", reads) for name in columns}
    odd = rf"^[+-]?0\d|^\+|^[^.,]*[eE]|\d{{19}}|[{WIDE[0]}]|{MONEY_SIGN}"
    looks = [look for text in texts.values() for look in
             (f"count({text})", f"count(*) filter (where regexp_matches({text}, {quoted(odd)}))",
              f"count(*) filter (where lower({text}) in ('true', 'false'))")]  # fmt: skip
    counts = list(ask(looks)) if looks else []
    found = {name: as_it_stands(name, "VARCHAR", reads) for name in columns}
    numbers: dict[str, str] = {}
    days: dict[str, str] = {}
    for name, values, odd_ones, words in zip(texts, counts[::3], counts[1::3], counts[2::3], strict=True):
        if values and words == values:
            found[name] = f"cast({texts[name]} as boolean)"
        elif values:
            (days if odd_ones else numbers)[name] = texts[name]
    for name, reading in settled(ask, numbers, dict.fromkeys(numbers, "dec"), reads).items():
        if reading is None:
            days[name] = texts[name]
        else:
            value = reading.of(texts[name])
            found[name] = value.replace("as double", "as bigint") if reading is PLAIN else value
    for name, reading in settled(ask, days, dict.fromkeys(days, "ts"), reads).items():
        if reading is not None:
            found[name] = _day_or_instant(ask, reading, texts[name]) or found[name]
    return found


def _day_or_instant(ask: Ask, reading: Reading, text: str) -> str:
    """A column of days or of times; nothing where it has both, which only the text tells apart."""
    if not reading.timed:
        return reading.of(text)
    [values, timed] = ask([f"count({text})", f"count({text}) filter (where {reading.timed.replace('{}', text)})"])
    return reading.of(text) if timed == values else "" if timed else f"cast({reading.of(text)} as date)"


def named(columns: Sequence[str]) -> str:
    """Names as a sentence has them.

    >>> named(["a", "b", "c"])
    'a, b and c'
    """
    *before, last = columns
    return f"{', '.join(before)} and {last}" if before else last


def _shown(value: Any) -> str:
    if isinstance(value, datetime | date):
        return f"{value.day} {value:%B %Y}"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
