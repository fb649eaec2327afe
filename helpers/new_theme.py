"""``kpi-review new``: a theme of one's own, which runs at once.

Its files are copies of ``templates/theme/``, in which ``your_theme`` stands for the theme's name. Its rows are added to
the catalogue and to the review, of which every other byte stays as it is. All is checked before anything is written.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import indent
from typing import Any

import duckdb
import yaml

import helpers
from helpers.catalogue import CATALOGUE, THEMES, theme_title
from helpers.data.canonical_tables import TABLES
from helpers.errors import KitError, refuse, together
from helpers.kpis.spine import OWN, WHOLE, read_relations
from helpers.notebook_parameters import notebook_schema
from helpers.params import Rules, load_review, project_root
from helpers.strict_yaml import shown

STANDS_FOR_NAME, STANDS_FOR_TITLE, STANDS_FOR_TODAY = "your_theme", "Your theme", "{today}"
TEMPLATE = Path("templates/theme")
CATALOGUE_FILE = Path("helpers/catalogue.py")
PARTS = (CATALOGUE_FILE, Path("notebooks"), TEMPLATE, Path("tests/canonical.py"))  # of a project that can hold a theme
COPIED = ("helpers", "notebooks", "tests")  # the folders of the template that are copied into those of the project
KPIS = ("", "_share")  # what the names of the template's KPIs add to that of the theme
OTHERS = ("_days", "_rows", "_list")  # and those of its parameter, its relations and its functions
NAME = re.compile(r"[a-z][a-z0-9_]{1,28}[a-z0-9]")
END_OF_ROWS = "}\n# fmt: on\n"  # of the rows of the catalogue


@dataclass(frozen=True)
class Written:
    """What was written: the new files, and what was added to the others; all paths are from the project's folder."""

    files: list[Path]
    added: dict[Path, str]


def write_theme(name: str, review_file: Path, today: date) -> Written:
    """Write a theme's notebook, folder and test, its rows of the catalogue and its lines of a review.

    Its first KPI is registered as an experiment, where the review has a register to which an entry can be added.

    Raises:
        KitError: with every reason why the theme cannot be written; then nothing is.
    """
    root = project_root()
    refuse([*_no_project(root), *_no_name(name)])
    copies = {root / _named(str(path), name): text for path, text in _template(root)}
    texts = {path: _named(text, name) for path, text in copies.items()}
    *_, catalogue, (review, added) = together(
        lambda: refuse(_there_already(root, name, [*texts])),
        lambda: refuse(_taken(root, name, " ".join(copies.values()))),
        lambda: _with_rows(root, name),
        lambda: _with_lines(root, name, review_file, today),
    )
    _write({**texts, root / CATALOGUE_FILE: catalogue, review_file: review})
    rows = " and ".join(name + more for more in KPIS)
    return Written([path.relative_to(root) for path in texts], {CATALOGUE_FILE: rows, review_file: added})


# --- what is refused --------------------------------------------------------------------------------------------------


def _no_project(root: Path) -> list[str]:
    """Why a folder can hold no theme of its own: it is not that of the kit that runs."""
    running = Path(helpers.__file__).parents[1]
    how = "clone the kit, run pip install -e . in it, and start from there"
    if not running.samefile(root):
        return [f"the kit that runs is installed in {running}, and a theme is written into the kit's own folder; {how}"]
    missing = [str(part) for part in PARTS if not (root / part).exists()]
    return [f"{root} lacks {', '.join(missing)}, which a theme needs; {how}"] if missing else []


def _no_name(name: str) -> list[str]:
    """Why a text cannot be the name of any theme."""
    if not NAME.fullmatch(name):
        form = "3 to 30 small letters, digits and underscores, the first a letter, such as renewal_risk"
        return [f"{name!r} cannot be the name of a theme; it must be {form}"]
    if name in THEMES:
        return [f"{name} is a theme already; choose another name"]
    held = [each for each in ("_if_", WHOLE) if each in name]
    return [f"{name} holds {each}, which means something in names of relations; choose another name" for each in held]


def _there_already(root: Path, name: str, files: list[Path]) -> list[str]:
    """The theme's folder and files, as far as they exist."""
    folder = root / "helpers/kpis" / name
    found = [path for path in (folder, folder.with_suffix(".py"), *files) if path.exists() and path.parent != folder]
    return [f"{path.relative_to(root)} is there already; choose another name, or remove it" for path in found]


def _taken(root: Path, name: str, template: str) -> list[str]:
    """The names of a theme's parts that mean something else already."""
    meanings: dict[str, str] = {}
    for meaning, words in _meanings(root, template):
        meanings |= dict.fromkeys(words, meaning)
    found = {word: meanings[word] for more in (*KPIS, *OTHERS) if (word := name + more) in meanings}
    faults = [f"{word} is {meaning} already; choose another name" for word, meaning in found.items()]
    labels = {row.label: row.kpi_id for row in CATALOGUE.values()}
    label = theme_title(name)
    return faults or [f"{labels[each]} is called {label!r}; choose another name" for each in (label,) if each in labels]


def _meanings(root: Path, template: str) -> Iterator[tuple[str, set[str]]]:
    """What words mean, the plainest meaning last."""
    relations = read_relations()
    reserved = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'")
    words = {word for each in relations.values() for word in re.findall(r"\w+_days", each.query)}
    yield "a word of the files that are written", set(re.findall(r"\w+", template))
    yield "a word of Python", {*keyword.kwlist, *dir(builtins)}
    yield "a word of SQL", {word for (word,) in reserved.fetchall()}
    yield "a word of the kit's queries", words | {read for each in relations.values() for read in each.reads}
    yield "a relation", {*relations, *OWN}
    yield "a table", {*TABLES}
    for notebook in sorted((root / "notebooks").glob("*.ipynb")):
        yield f"a parameter of notebooks/{notebook.name}", {*notebook_schema(notebook)}
    yield "a rule", {*Rules.model_fields}
    yield "a card", {row.card for row in CATALOGUE.values()}
    yield "a KPI", {*CATALOGUE}


# --- what is written --------------------------------------------------------------------------------------------------


def _template(root: Path) -> Iterator[tuple[Path, str]]:
    """The files of the template that are copied, by their places in the project."""
    for folder in COPIED:
        for path in sorted((root / TEMPLATE / folder).rglob("*")):
            if path.is_file() and path.suffix in (".py", ".sql", ".ipynb"):
                yield path.relative_to(root / TEMPLATE), path.read_text(encoding="utf-8")


def _named(text: str, name: str) -> str:
    return text.replace(STANDS_FOR_NAME, name).replace(STANDS_FOR_TITLE, theme_title(name))


def _with_rows(root: Path, name: str) -> str:
    """The catalogue with the theme's rows as its last."""
    text = _read(root / CATALOGUE_FILE)
    if text.count(END_OF_ROWS) != 1:
        raise KitError(f"{CATALOGUE_FILE}: its rows must end with a line '}}' and a line '# fmt: on'; write them so")
    rows = _named((root / TEMPLATE / "catalogue.txt").read_text(encoding="utf-8"), name)
    return text.replace(END_OF_ROWS, rows + END_OF_ROWS)


def _with_lines(root: Path, name: str, file: Path, today: date) -> tuple[str, str]:
    """A review with the theme as its last, and its KPI in the register, if there is one; and what that adds."""
    review, text = load_review(file), _read(file)
    faults = [f"{shown(file)}: themes.{name} is there already; choose another name"] if name in review.themes else []
    if name in {each.kpi_id for each in review.kpis}:
        faults.append(f"{shown(file)}: kpis.{name} is there already; choose another name")
    refuse(faults)
    added = []
    for section in ("themes", "kpis") if review.kpis else ("themes",):
        lines = (root / TEMPLATE / f"review_{section}.yml").read_text(encoding="utf-8")
        lines = _named(lines, name).replace(STANDS_FOR_TODAY, today.isoformat())
        try:
            text = with_entry(text, section, lines)
        except (ValueError, yaml.YAMLError):
            if section == "themes":
                raise KitError(
                    f"{shown(file)}: nothing can be added to {section}: as it is written; "
                    "write each theme on a line of its own, indented alike"
                ) from None
            continue  # the register is a list, or in braces: who writes it so adds the entry too
        added.append(f"{section}.{name}")
    return text, " and ".join(added)


def with_entry(text: str, section: str, entry: str) -> str:
    r"""A YAML text with one more entry at the end of a section; every other byte stays as it is.

    >>> with_entry("themes:\n  mrr: {}  # first\n\n# Targets\ntargets: {}\n", "themes", "churn: {}\n")
    'themes:\n  mrr: {}  # first\n  churn: {}\n\n# Targets\ntargets: {}\n'

    Raises:
        ValueError, yaml.YAMLError: the section is not written as names on lines of their own.
    """
    written = yaml.safe_load(text)
    root: Any = yaml.compose(text, yaml.SafeLoader)
    node = next(value for key, value in root.value if key.value == section)
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise ValueError(section)
    margin = " " * node.value[0][0].start_mark.column
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    ends = node.end_mark.index
    ends = ends if text[ends - 1] == "\n" else text.find("\n", ends) + 1 or len(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    before = text[:ends] if text[:ends].endswith("\n") else text + newline
    found = before + indent(entry, margin).replace("\n", newline) + text[ends:]
    expected = {**written, section: {**written[section], **yaml.safe_load(entry)}}
    if yaml.safe_load(found) != expected:  # an alias, whose place is elsewhere, or a text that goes on
        raise ValueError(section)
    return found


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _write(texts: Mapping[Path, str]) -> None:
    """All files or none: each is written beside its place, and moved there when all are."""
    beside = {path: path.with_name(f".{path.name}.new") for path in texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            beside[path].write_bytes(text.encode("utf-8"))
    except OSError:
        for path, written in beside.items():
            written.unlink(missing_ok=True)
            with suppress(OSError):  # a folder that holds other files stays
                path.parent.rmdir()
        raise
    for path, written in beside.items():
        written.replace(path)
