"""The language of a pack: its words are written in English where they arise, and said in the language in force.

``brand.language`` says which that is, and ``brand.terms`` what a company calls a thing itself. ``_`` and ``plural``
say a text of the pages where it is made. ``template`` marks a text that is kept in English, since it stands in
results or in the prepared folder, as those of queries do: ``retold`` says it where it is shown. Names, users' own
data, ids and code are never translated.

The language holds for the whole process, and so for the threads of a build: ``speaking`` sets it for a while, ``speak``
for good, as in a kernel. With it holds the locale, by which numbers and dates are written. Catalogues are
``locale/<language>/LC_MESSAGES/messages.po``; ``make messages`` keeps them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, reduce
from gettext import GNUTranslations, NullTranslations
from importlib.util import find_spec
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING

from helpers.errors import nearest
from helpers.texts import spaced

if TYPE_CHECKING:
    from babel.messages import Catalog, Message

LOCALES = {
    "en": "en_GB",
    "zh_Hans": "zh_Hans_CN",
    "zh_Hant": "zh_Hant_TW",
    "ru": "ru_RU",
}  # by language, where not given
CATALOGUES = Path(__file__).parent / "locale"
CJK_FAMILIES = {
    "zh_Hant": "Noto Sans CJK TC"
}  # the forms of Chinese signs differ by region; else those of the mainland
RETOLD = "retold"  # the context of messages that ``retold`` looks for
CHOICE = "choice"  # the context of the words that a parameter or a rule may be set to
INNER = "reason"  # the field of a template that is such a text itself
CANONICAL = {"table", "column"}  # fields that name a canonical table or a column of one
# Fields that count; whole numbers elsewhere may be ids.
COUNTS = {"n", "of", "all", "total", "rows", "control", "treatment", "events"}
FIGURE = re.compile(r"(?P<figure>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?P<unit>%|(?: [A-Z]{3})?(?: a month)?)")
# A piece of Markdown that is translated on its own: a heading, an item of a list or a paragraph, without its mark.
PIECE = re.compile(r"^([ ]*(?:#+|[-*]|\d+\.) +)?(\S.*(?:\n(?!\s*\n|[ ]*(?:#+|[-*]|\d+\.) )[^\n]+)*)", re.MULTILINE)
IN_TYPST = re.compile(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"')  # what a Typst template says


@dataclass(frozen=True)
class _Speech:
    """A language in force, with the terms of a company."""

    language: str = "en"
    locale: str = LOCALES["en"]
    terms: Mapping[str, str] = field(default_factory=dict)
    said: NullTranslations = field(default_factory=NullTranslations)
    whole: Mapping[str, str] = field(default_factory=dict)  # what stands in results and queries, word for word
    shaped: tuple[tuple[re.Pattern[str], str], ...] = ()  # the same with fields


_in_force = _Speech()


def in_force() -> str:
    """The language in force.

    >>> in_force()
    'en'
    """
    return _in_force.language


def locale_in_force() -> str:
    """The locale in force: that of the brand, by default that of the language.

    >>> with speaking("ru"):
    ...     locale_in_force()
    'ru_RU'
    """
    return _in_force.locale


def _(text: str) -> str:
    """A text of the pages in the language in force; one that no catalogue knows stays as it is.

    A whole sentence is one text, and what is inserted has a name: ``_("{name} rose to {value}").format(…)``.

    >>> with speaking("ru"):
    ...     _("Inactive customers")
    'Неактивные клиенты'
    """
    return _in_force.terms.get(text) or _in_force.said.gettext(text) if text else text


def plural(one: str, many: str, n: float) -> str:
    """The form of a text that goes with so many; the number is inserted afterwards, as it is written.

    >>> plural("{n} customer", "{n} customers", 2).format(n="2")
    '2 customers'
    """
    return _in_force.said.ngettext(one, many, int(n) if n == int(n) else 2)


def choice(word: str) -> str:
    """One of the few words that a parameter or a rule may be set to; any other stays as it is.

    >>> with speaking("ru"):
    ...     choice("trailing year"), choice("our own word")
    ('договоры последнего года', 'our own word')
    """
    return _in_force.terms.get(word) or _in_force.said.pgettext(CHOICE, word)


def in_figures(number: float | Decimal, pattern: str | None = None) -> str:
    """A number as the locale in force writes it: grouped, or in a pattern of Babel's.

    >>> in_figures(1606), in_figures(0.5, "0.00")
    ('1,606', '0.50')
    """
    from babel.numbers import format_decimal

    return spaced(format_decimal(number, pattern, locale=locale_in_force()))


def enumerated(words: Iterable[str]) -> str:
    """Words one after the other, such as names; Chinese has a comma of its own for them.

    >>> enumerated(["sales", "support"]), enumerated([])
    ('sales, support', '')
    """
    found = list(words)
    join = _("{names}, {name}")
    return reduce(lambda names, name: join.format(names=names, name=name), found) if found else ""


def paragraph(*told: str) -> str:
    """Sentences one after the other; what is empty is left out.

    >>> paragraph("It rose.", "", "It fell.")
    'It rose. It fell.'
    """
    join, found = _("{sentence} {next}"), [each for each in told if each]
    return reduce(lambda before, each: join.format(sentence=before, next=each), found) if found else ""


def message(text: str) -> str:
    """Marks a constant that is said with ``_`` where it is used."""
    return text


def template(text: str) -> str:
    """Marks a text that is kept in English and is said by ``retold`` where it is shown; a field ``reason`` is too.

    >>> template("{n} customers are {reason}").format(n=3, reason="too new")
    '3 customers are too new'
    """
    return text


def retold(text: str) -> str:
    """A text that was kept in English, in the language in force; what is no such text stays as it is.

    >>> with speaking("ru"):
    ...     retold("product type interactive"), retold("Fish & Chips")
    ('тип продукта interactive', 'Fish & Chips')
    """
    if (known := _in_force.terms.get(text) or _in_force.whole.get(text)) is not None:
        return known
    for shape, told in _in_force.shaped:
        if found := shape.fullmatch(text):
            return told.format(**{name: _field(name, value) for name, value in found.groupdict().items()})
    return text


def key_of(word: str, keys: Iterable[str]) -> str:
    """Which of these keys the text of a table is, kept in English or told in the language in force; else empty."""
    return next((key for key in keys if word in (key, retold(key))), "")


def _field(name: str, value: str) -> str:
    r"""What is inserted into a text that was kept in English; a figure is written as the locale does.

    >>> with speaking("ru"):
    ...     _field("money", "1,250.50 EUR a month"), _field("share", "64.4%")
    ...     _field("n", "1200"), _field("line", "1200")
    ('1\xa0250,50 EUR в месяц', '64,4\xa0%')
    ('1\xa0200', '1200')
    """
    if name == INNER:
        return retold(value)
    if name in CANONICAL:
        return value if in_force() == "en" else _(value.replace("_", " "))
    if not (found := FIGURE.fullmatch(value)) or (value.isdigit() and name not in COUNTS):
        return value
    from babel import Locale

    figure, pattern = found["figure"].replace(",", ""), "#,##0." + "0" * len(found["figure"].partition(".")[2])
    number, unit = Decimal(figure), found["unit"] or ""
    if unit == "%":
        percent = Locale.parse(locale_in_force()).percent_formats[None].pattern.split(";")[0]
        return in_figures(number / 100, percent.replace("#,##0", pattern))
    told = in_figures(number, pattern) + unit.removesuffix(" a month")
    return _("{n} per month").format(n=told) if unit.endswith(" a month") else told


def in_prose(markdown: str) -> str:
    """The Markdown of a notebook, each of its headings, items and paragraphs in the language in force."""

    def said(piece: re.Match[str]) -> str:
        text = " ".join(piece[2].split())
        return f"{piece[1] or ''}{_(text)}" if _(text) != text else piece[0]

    return PIECE.sub(said, markdown)


@contextmanager
def speaking(language: str, terms: Mapping[str, str] = MappingProxyType({}), locale: str = "") -> Iterator[None]:
    """The language and the locale in force for a while; by default the locale is that of the language."""
    before = _in_force
    speak(language, terms, locale)
    try:
        yield
    finally:
        _put_in_force(before)


def speak(language: str, terms: Mapping[str, str] = MappingProxyType({}), locale: str = "") -> None:
    """The language and the locale in force from now on; by default the locale is that of the language."""
    _put_in_force(_speech(language, locale or LOCALES[language], terms))


def own_words() -> dict[str, str]:
    """All that the catalogue and the terms in force say, each by where it stands."""
    terms = {f"brand.terms: {term}": own for term, own in _in_force.terms.items()}
    if in_force() == "en":
        return terms
    texts = [text for each in _catalogue(in_force()) if each.id for text in forms_of(each)]
    return {f"the catalogue of {in_force()}": " ".join(texts), **terms}


def page_language() -> str:
    """The language in force as pages declare it.

    >>> page_language()
    'en'
    """
    return in_force().replace("_", "-")


def cjk_family() -> str:
    """The typeface of Chinese signs, in the forms of the language in force.

    >>> cjk_family()
    'Noto Sans CJK SC'
    """
    return CJK_FAMILIES.get(in_force(), "Noto Sans CJK SC")


def cjk_font() -> Path | None:
    """The file of that typeface, of all its regions; None where it is not installed."""
    found = find_spec("noto_cjk_sans_otc")
    return Path(found.origin or "").with_name("NotoSansCJK-Regular.ttc") if found else None


def language_faults(language: str) -> list[str]:
    """What a pack in a language lacks here."""
    if not language.startswith("zh") or cjk_font():
        return []
    return [f"brand.language == {language!r} needs a Chinese typeface; pip install 'kpi-review[cjk]'"]


def term_faults(terms: Mapping[str, str]) -> list[str]:
    """What is wrong with the terms of a company: each stands for a message of the kit, with the same fields.

    >>> term_faults({"Inactive customers": "Silent accounts"}), len(term_faults({"Inactive custommers": "Silent"}))
    ([], 1)
    """
    known = {m.id for m in _catalogue("") if isinstance(m.id, str)} if terms else set()
    faults = [f"brand.terms: {term!r} is no text of the pack{nearest(term, known)}" for term in terms.keys() - known]
    faults += [
        f"brand.terms: {term!r} is to be {own!r}, must insert {', '.join(sorted(fields_of(term))) or 'nothing'}"
        for term, own in terms.items()
        if term in known and fields_of(term) != fields_of(own)
    ]
    return sorted(faults)


def fields_of(text: str) -> set[str]:
    """The names of what is inserted into a text.

    >>> sorted(fields_of("{name} rose to {value}"))
    ['name', 'value']
    """
    try:
        return {name for _text, name, _form, _kind in Formatter().parse(text) if name is not None}
    except ValueError:  # a brace of which there is no other
        return {""}


def forms_of(text: Message) -> list[str]:
    """The translation of a text in each of its forms; what is not translated is empty."""
    return [text.string or ""] if isinstance(text.string, str | None) else list(text.string)


def catalogue_path(language: str) -> Path:
    """The catalogue of a language; that of none is the template, with every text that there is."""
    return CATALOGUES / (f"{language}/LC_MESSAGES/messages.po" if language else "messages.pot")


def _put_in_force(speech: _Speech) -> None:
    global _in_force
    _in_force = speech


def _speech(language: str, locale: str, terms: Mapping[str, str]) -> _Speech:
    is_english = language == "en"
    found = _catalogue("" if is_english else language)  # in English each is told as it is, but for its figures
    kept = {str(m.id): str(m.string or m.id) for m in found if m.context == RETOLD and not m.fuzzy}
    shaped = [(_shape(text), told) for text, told in kept.items() if fields_of(text)]
    said = NullTranslations() if is_english else _translations(language)
    return _Speech(language, locale, terms, said, kept, tuple(shaped))


def _shape(text: str) -> re.Pattern[str]:
    """The pattern of the texts that a template gives."""
    parts = [
        re.escape(before) + (f"(?P<{name}>.+)" if name else "") for before, name, *_rest in Formatter().parse(text)
    ]
    return re.compile("".join(parts), re.DOTALL)


@cache
def _catalogue(language: str) -> Catalog:
    from babel.messages.pofile import read_po

    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language or None)


@cache
def _translations(language: str) -> GNUTranslations:
    from babel.messages.mofile import write_mo

    file = io.BytesIO()
    write_mo(file, _catalogue(language))
    file.seek(0)
    return GNUTranslations(file)
