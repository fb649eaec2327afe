"""``params/`` as typed, frozen models: a source of data, and a review.

Specification 11 and 12. Everything that can be wrong in these files is told here, at once, before any kernel starts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from helpers.catalogue import CATALOGUE, judged_as
from helpers.errors import KitError, nearest, refuse, together
from helpers.experiments import Experiment, load_experiments
from helpers.language import LOCALES, language_faults, term_faults
from helpers.periods import Calendar
from helpers.reads import GivenBy, Reads, TableFrom, Text
from helpers.registries import (
    KEYS,
    Baseline,
    Conflict,
    Cpi,
    Department,
    Improvement,
    Okr,
    Peers,
    RegisteredKpi,
    Verified,
    as_records,
)
from helpers.strict_yaml import FromFile, Frozen, Places, expected, from_environment, read_model, shown

CANONICAL_TABLES = (
    "customers", "subscriptions", "users", "events", "deals", "stage_history", "spend", "milestones", "tickets",
    "deliveries", "entitlements", "measurements", "invoices", "products", "fx_rates", "assignments",
    "cash_movements",
)  # fmt: skip
REGISTRIES = ("kpis", "departments", "conflicts", "okrs", "cpis", "improvements", "experiments")
SHOWN_BY = {  # the theme that shows it
    **dict.fromkeys(REGISTRIES, "kpi_alignment"), "improvements": "time_to_value", "experiments": "kpi_experiments",
}  # fmt: skip
LOGO_FORMS = (".png", ".svg", ".jpg", ".jpeg")


def _currency(code: str) -> str:
    from babel.numbers import list_currencies

    if code not in list_currencies():
        raise ValueError("must be an ISO 4217 code such as 'EUR'")
    return code


@cache
def _zones() -> set[str]:
    """The names of time zones, which Python looks for on the disk each time that it is asked."""
    return available_timezones()


def _timezone(name: str) -> str:
    if name not in _zones():
        close = difflib.get_close_matches(name, _zones(), n=1) or ["Europe/Berlin"]
        raise ValueError(f"must be an IANA time zone such as {close[0]!r}")
    return name


def _locale(name: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (ValueError, UnknownLocaleError):
        raise ValueError("must be a locale such as 'en_GB' or 'de_DE'") from None


def _url(text: str) -> str:
    """A URL of which every part can be told from the others; a message does not repeat it."""
    with suppress(ValueError):
        if urlsplit(text).port != 0:
            return text
    unread = "is not a URL that can be read; in a password write %23 for #, %2F for /, %3F for ?, %5B for ["
    raise PydanticCustomError("hidden", unread)


def _table(name: str) -> str:
    if name not in CANONICAL_TABLES:
        raise ValueError(f"is not a canonical table{nearest(name, CANONICAL_TABLES)}")
    return name


def _column(name: str) -> str:
    table, _, column = name.partition(".")
    if not column:
        raise ValueError("must be a table and its column, such as 'customers.name'")
    return f"{_table(table)}.{column}"


def _target(key: str) -> str:
    match = re.fullmatch(r"(\w+)(\[.+\])?", key)
    if not match or match[1] not in CATALOGUE:
        raise ValueError(f"is not a KPI, nor a KPI[segment]{nearest(key.partition('[')[0], CATALOGUE)}")
    return key


def _period(label: str, info: ValidationInfo) -> str:
    """A label of the review's calendar, judged only if the calendar itself is without fault."""
    if {"fiscal_year_start_month", "fy_label", "quarter_starts"} <= info.data.keys():
        try:
            _calendar("UTC", info.data).period(label)
        except KitError as error:
            raise ValueError(f"names no period: {error}") from None
    return label


Currency = Annotated[str, AfterValidator(_currency)]
Timezone = Annotated[str, AfterValidator(_timezone)]
Locale = Annotated[str, AfterValidator(_locale)]
MOST = 10_000  # days, months or whatever a window counts: no history is longer, and a window of more does not end
WholeDays = Annotated[int, Field(ge=1, le=MOST)]
Margin = Annotated[float, Field(gt=0, le=1)]
Plan = dict[Annotated[str, AfterValidator(_period)], float]


class Source(FromFile):
    """Where data comes from: a connection and, per canonical table, a query or files.

    ``connect`` may hold a password: it is left out of ``repr``, and :meth:`scrub` takes it out of any message.
    ``files`` is relative to the source's own file; where a table is given as a file, it need not be given, and is that
    file's folder.
    """

    name: Text
    connect: Annotated[Text, AfterValidator(_url)] = Field(repr=False)
    files: Path | None = None
    timezone: Timezone | None = None
    currency: Currency | None = None
    reads: Reads = Reads()
    tables: dict[Annotated[str, AfterValidator(_table)], GivenBy] = Field(min_length=1)
    _made_from: dict[str, str] = PrivateAttr(default_factory=dict)
    _secrets: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def made_from(self) -> dict[str, str]:
        """The table that another is made from: the file says ``subscriptions: {from: invoices}`` among its tables."""
        return self._made_from

    def scrub(self, text: str) -> str:
        """A message of the engine without what the environment or the connection's password hold.

        >>> Source(name="x", connect="postgres://me:p%40ss@host/db", tables={"deals": "deals"}).scrub("bad login p@ss")
        'bad login ***'
        """
        for value, name in sorted(self._hidden().items(), key=lambda item: -len(item[0])):
            text = text.replace(value, name)
        return text

    def _hidden(self) -> dict[str, str]:
        password = urlsplit(self.connect).password
        found = {**({password: "***"} if password else {}), **self._secrets}
        return {form: name for value, name in found.items() for form in (value, unquote(value))}


MOST_SHARE = 2.0  # as a median of peers: what is above was written in per cent
MOST_TARGET = 10.0  # as a target of a share that has no ceiling, such as growth
MOST_IN_SCORECARD = 14  # rows: what a reader takes in


class Rules(Frozen):
    """The definitions that more than one theme uses (specification 12): set once in a review, and equal everywhere."""

    week_mode: Literal["rolling7", "iso"] = "rolling7"
    activity_events: tuple[str, ...] = ()
    window_days: Annotated[
        WholeDays | dict[str, WholeDays], expected("a whole number of days from 1 to 10000, or one per product type")
    ] = 14
    health_signals: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    start_clock: Literal["order", "signature", "invoice", "contract_start"] = "order"
    movement_grain: Literal["month", "quarter", "day"] = "month"
    churn_day: Literal["service_end", "cancelled_at"] = "service_end"
    discounts: Literal["all", "forever", "none"] = "all"
    grace_days: Annotated[int, Field(ge=0, le=MOST)] = 0
    fx_mode: Literal["fixed", "period_end"] = "fixed"
    account_level: Literal["customer", "parent"] = "customer"
    gross_margin: Annotated[
        Margin | dict[str, Margin] | None, expected("none, or a share above 0 and up to 1, or one per period")
    ] = None
    feed_max_age_days: Annotated[int, Field(ge=0, le=MOST)] = 4
    invoice_months: Annotated[int, Field(ge=1, le=MOST)] | None = None
    most_left_out: Annotated[float, Field(ge=0, le=1)] = 0.05

    @field_validator("gross_margin", "invoice_months", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return None if value == "none" else value


class Brand(Frozen):
    """How the pack looks and speaks.

    ``logo`` and ``deck_template``, a presentation, are relative to the review's own file. ``terms`` are the company's
    own words, by the text of the pack that each stands for.
    """

    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$"), expected("a colour such as '#1f4e79'")] = "#1f4e79"
    logo: Path | None = None
    deck_template: Path | None = None
    confidentiality: str = ""
    language: Literal["en", "zh_Hans", "zh_Hant", "ru"] = "en"
    locale: Locale = Field(default_factory=lambda given: LOCALES[given.get("language", "en")])
    terms: dict[str, Text] = Field(default_factory=dict)
    paper: Literal["a4", "letter"] = "a4"


class Keep(Frozen):
    """What published packs keep of what they were made from.

    ``packs`` is how many of the newest keep their prepared tables (none: all), ``without`` the columns, such as
    ``customers.name``, that are left out of them.
    """

    packs: Annotated[int, Field(ge=1)] | None = None
    without: tuple[Annotated[str, AfterValidator(_column)], ...] = ()


class ChangesShown(Frozen):
    """From which size on a restated figure stands on the pages: relative to what it was, of shares in points."""

    material: Annotated[float, Field(ge=0, le=1)] = 0.01


class Audience(Frozen):
    """Readers who get a pack of their own, with less in it than the whole pack.

    ``hide`` names columns (``customers.owner``) and tables (``tickets``), ``rows`` is a condition over the columns of
    customers. Without ``themes``, it is all themes of the review.
    """

    themes: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    customers: Literal["names", "pseudonyms"] = "names"
    smallest_group: Annotated[int, Field(ge=1)] = 1
    rows: str = ""


def _audience(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in ("exports", "notebooks"):
        raise ValueError(
            "names a folder of the pack, must be small letters, digits, - and _, and not exports or notebooks"
        )
    return name


class _Themes(BaseModel):
    themes: dict[str, dict[str, Any]] = Field(min_length=1)


class Review(FromFile):
    """The review: whose it is, its calendar, its rules, its themes in the pack's order, its targets."""

    company: Text
    currency: Currency | None = None
    timezone: Timezone | None = None
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 1
    fy_label: Literal["end", "start"] = "end"
    quarter_starts: dict[str, date] = Field(default_factory=dict)
    rules: Rules = Rules()
    themes: dict[str, dict[str, Any]] = Field(min_length=1)
    targets: dict[Annotated[str, AfterValidator(_target)], Plan] = Field(default_factory=dict)
    baselines: dict[str, tuple[Baseline, ...]] = Field(default_factory=dict)
    peers: dict[str, Peers] = Field(default_factory=dict)
    owners: dict[str, Text] = Field(default_factory=dict)  # by theme: who signs off its section
    verified: dict[str, Verified] = Field(default_factory=dict)
    scorecard: dict[Text, tuple[str, ...]] = Field(default_factory=dict)
    audiences: dict[Annotated[str, AfterValidator(_audience)], Audience] = Field(default_factory=dict)
    brand: Brand = Brand()
    keep: Keep = Keep()
    changes: ChangesShown = ChangesShown()
    kpis: tuple[RegisteredKpi, ...] = ()
    departments: tuple[Department, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    okrs: tuple[Okr, ...] = ()
    cpis: tuple[Cpi, ...] = ()
    improvements: tuple[Improvement, ...] = ()
    experiments: tuple[Experiment, ...] = ()  # each in a file of its own, in experiments/ beside the review

    @field_validator("quarter_starts")
    @classmethod
    def _one_after_another(cls, starts: dict[str, date]) -> dict[str, date]:
        wrong = [
            f"; {after} does not follow {before}"
            for (before, first), (after, second) in pairwise(starts.items())
            if second <= first or not _number(before) or _number(after) != _number(before) + 1
        ]
        if wrong or len(starts) == 1:
            raise ValueError(
                "must list two quarters or more, one after another, with their first days" + "".join(wrong)
            )
        return starts

    def with_rules(self, changed: Mapping[str, Any]) -> Review:
        """The review with some of its rules changed, as ``--set`` does."""
        return self.model_copy(update={"rules": self.rules.model_copy(update=dict(changed))})

    def calendar(self, source: Source) -> Calendar:
        """The calendar of the review, in its own time zone or else the source's or else UTC."""
        return _calendar(self.timezone or source.timezone or "UTC", dict(self))

    def reporting_currency(self, source: Source) -> str:
        """The currency of every amount in the pack: the review's or else the source's.

        Raises:
            KitError: neither gives one.
        """
        if currency := self.currency or source.currency:
            return currency
        raise KitError(
            f"{shown(self.path)}: currency is missing, and {shown(source.path)} gives none; "
            "add the currency of the pack, such as currency: EUR"
        )


def load_source(path: Path) -> Source:
    """A source file, read and checked; ``${NAME}`` in it is taken from the environment.

    Raises:
        KitError: with every fault of the file.
    """
    made: dict[str, str] = {}
    source = read_model(path, Source, prepare=lambda sections: _made_apart(sections, made))
    if lacking := [f"tables.{name} is made from {of}" for name, of in made.items() if of not in source.tables]:
        raise KitError(f"{shown(path)}: {lacking[0]}, which the source lacks; add it")
    of_files = any(isinstance(given, TableFrom) and given.file for given in source.tables.values())
    folder = source.files or (Path() if of_files else None)
    files = (path.parent / folder.expanduser()).resolve() if folder else None
    source = source.model_copy(update={"files": files})
    source._secrets = from_environment(path)
    source._made_from = made
    return source


def _made_apart(sections: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
    """The sections without the tables that are made from others, which go to ``made``."""
    tables = sections.get("tables")
    if not isinstance(tables, dict) or tables.get("subscriptions") != {"from": "invoices"}:
        return sections
    made["subscriptions"] = "invoices"
    return {**sections, "tables": {name: query for name, query in tables.items() if name != "subscriptions"}}


def load_review(path: Path) -> Review:
    """A review file, read and checked, and the experiments beside it.

    Raises:
        KitError: with every fault of the files.
    """
    review, experiments = together(
        lambda: read_model(path, Review, prepare=_as_modelled, printed="themes"),
        lambda: load_experiments(path.parent / "experiments"),
    )
    if "experiments" in review.model_fields_set:
        raise KitError(
            f"{shown(path)}: experiments is not known; give each a file of its own in experiments/ beside it"
        )
    faults = [
        *_repeated(review),
        *_baseline_faults(review),
        *_peer_faults(review),
        *_target_faults(review),
        *_name_faults(review, "owners", review.themes, "a theme of this review"),
        *_name_faults(review, "verified", CATALOGUE, "a KPI of the kit"),
        *_scorecard_faults(review),
        *_unknown_kpis(review, experiments),
        *(f"{shown(path)}: {fault}" for fault in language_faults(review.brand.language)),
        *(f"{shown(path)}: {fault}" for fault in term_faults(review.brand.terms)),
    ]
    logo = (path.parent / review.brand.logo.expanduser()).resolve() if review.brand.logo else None
    if logo and (logo.suffix.lower() not in LOGO_FORMS or not logo.is_file()):
        faults.append(f"{shown(path)}: brand.logo == {shown(logo)!r}, must be a picture ({', '.join(LOGO_FORMS)})")
    given = review.brand.deck_template
    template = (path.parent / given.expanduser()).resolve() if given else None
    if template and (template.suffix.lower() != ".pptx" or not template.is_file()):
        faults.append(f"{shown(path)}: brand.deck_template == {shown(template)!r}, must be a presentation (.pptx)")
    refuse(faults)
    brand = review.brand.model_copy(update={"logo": logo, "deck_template": template})
    return review.model_copy(update={"brand": brand, "experiments": experiments})


def project_root() -> Path:
    """The folder that holds ``params/``: the working directory or the first one above it.

    Raises:
        KitError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params").is_dir():
            return folder
    raise KitError(
        f"{here} lies in no project: no folder from here upward holds params/; start from the project's folder"
    )


def load_themes(path: Path) -> dict[str, dict[str, Any]]:
    """The themes of a review file and what it gives them, whatever else is wrong with the file.

    Raises:
        KitError: not even they can be read.
    """
    return read_model(path, _Themes, prepare=_as_modelled).themes


def unused_sections(review: Review) -> list[str]:
    """One line per section that the review gives and none of its themes shows.

    >>> unused_sections(Review(company="Fine Co", themes={"new_revenue": {}}, departments=[{"name": "Sales"}]))
    ['.: departments is read and checked, but no page shows it: kpi_alignment, which does, is not among the themes']
    """
    where = shown(review.path)
    return [
        f"{where}: {name} is read and checked, but no page shows it: {theme}, which does, is not among the themes"
        for name, theme in SHOWN_BY.items()
        if getattr(review, name) and theme not in review.themes
    ]


def _repeated(review: Review) -> list[str]:
    """Registered twice under one id: which of the two holds, nobody could say."""
    written, faults = Places(review.path), []
    for section, key in KEYS.items():
        first: dict[str, int] = {}
        for i, entry in enumerate(getattr(review, section)):
            name = getattr(entry, key)
            if name in first:
                where = f"{written.where(section, i, key)} == {name!r}, is given before, in {section}[{first[name]}]"
                faults.append(f"{where}; must be given once: join the two, or rename one")
            first.setdefault(name, i)
    return faults


def _baseline_faults(review: Review) -> list[str]:
    """Baselines of what has no usual range, and those that do not follow each other in time."""
    written, faults = Places(review.path), []
    for kpi_id, baselines in review.baselines.items():
        judged, fault = judged_as(kpi_id), ""
        if kpi_id not in CATALOGUE:
            fault = f"is not a KPI{nearest(kpi_id, CATALOGUE)}"
        elif judged != kpi_id:
            instead = f"; give the baseline of {judged}, by which it is judged" if judged else ""
            fault = f"is not judged by its own history{instead}"
        if fault:
            faults.append(f"{written.where('baselines', kpi_id)} {fault}")
        ended = date.min
        for i, each in enumerate(baselines):
            if each.to_on <= max(each.from_on, ended):
                where = written.where("baselines", kpi_id, i, "to")
                rule = "must be later than its from, and than the to of the baseline before it"
                faults.append(f"{where} == {str(each.to_on)!r}, {rule}")
            ended = each.to_on
    return faults


def _peer_faults(review: Review) -> list[str]:
    """Quartiles of what is no KPI, out of order, or in per cent where the KPI is a share."""
    written, faults = Places(review.path), []
    for kpi_id, peers in review.peers.items():
        quartiles, fault = (peers.p25, peers.median, peers.p75), ""
        if kpi_id not in CATALOGUE:
            fault = f"is not a KPI{nearest(kpi_id, CATALOGUE)}"
        elif list(quartiles) != sorted(quartiles):
            told = ", ".join(f"{each:g}" for each in quartiles)
            fault = f"has p25, median and p75 of {told}, must be in ascending order"
        elif CATALOGUE[kpi_id].unit == "share" and peers.median > MOST_SHARE:
            fault = f"has a median of {peers.median:g}, must be a share: 1.05 is 105 %"
        if fault:
            faults.append(f"{written.where('peers', kpi_id)} {fault}")
    return faults


def _target_faults(review: Review) -> list[str]:
    """Targets of shares that are in per cent, those of objectives and their baselines too."""
    written = Places(review.path)
    given = [
        (key.partition("[")[0], written.where("targets", key, period), value)
        for key, plan in review.targets.items()
        for period, value in plan.items()
    ]
    given += [
        (okr.kpi_id, written.where("okrs", i, name), getattr(okr, name))
        for i, okr in enumerate(review.okrs)
        for name in ("baseline", "target")
    ]
    return [
        f"{where} == {value:g}, must be a share: {value / 100:g} is {value:g} %"
        for kpi_id, where, value in given
        if (known := CATALOGUE.get(kpi_id)) and known.unit == "share" and value > (known.ceiling or MOST_TARGET)
    ]


def _name_faults(review: Review, section: str, known: Collection[str], what: str) -> list[str]:
    """Keys of a section that name nothing."""
    written = Places(review.path)
    names = [name for name in getattr(review, section) if name not in known]
    return [f"{written.where(section, name)} is not {what}{nearest(name, known)}" for name in names]


def _scorecard_faults(review: Review) -> list[str]:
    """Rows of what is no KPI, named twice, or more of them than a reader takes in."""
    written = Places(review.path)
    rows = [(("scorecard", group, i), k) for group, ids in review.scorecard.items() for i, k in enumerate(ids)]
    faults = [
        f"{written.where(*at)} == {k!r}, is not a KPI{nearest(k, CATALOGUE)}" for at, k in rows if k not in CATALOGUE
    ]
    named = [k for _, k in rows]
    faults += [
        f"{written.where(*at)} == {k!r}, is named before; name each once"
        for i, (at, k) in enumerate(rows)
        if k in named[:i]
    ]
    if len(rows) > MOST_IN_SCORECARD:
        faults.append(
            f"{written.where('scorecard')} names {len(rows)} KPIs, must be {MOST_IN_SCORECARD} at most; leave some out"
        )
    return faults


def _unknown_kpis(review: Review, experiments: Sequence[Experiment]) -> list[str]:
    """Experiments that are about a KPI that neither the kit nor the review knows."""
    known = {*CATALOGUE, *(kpi.kpi_id for kpi in review.kpis)}
    folder = review.path.parent / "experiments"
    return [
        f"{shown(folder / each.id)}.yml: kpi == {each.kpi!r}, is not a KPI of the kit, nor registered under kpis: in "
        f"{review.path.name}{hint if 'did you mean' in (hint := nearest(each.kpi, known)) else ''}"
        for each in experiments
        if each.kpi and each.kpi not in known
    ]


def _as_modelled(sections: dict[str, Any]) -> dict[str, Any]:
    """A theme without parameters may be left empty; registries may be mappings from name to fields."""
    themes = sections.get("themes")
    if isinstance(themes, dict):
        sections = {**sections, "themes": {theme: {} if given is None else given for theme, given in themes.items()}}
    return as_records(sections)


def _calendar(timezone: str, review: Mapping[str, Any]) -> Calendar:
    starts = tuple(review["quarter_starts"].items())
    return Calendar(timezone, review["fiscal_year_start_month"], review["fy_label"], starts)


def _number(quarter: str) -> int:
    """Quarters counted in order, 0 for what is none."""
    match = re.fullmatch(r"(?:FY)?(\d{4})Q([1-4])", quarter)
    return int(match[1]) * 4 + int(match[2]) if match else 0
