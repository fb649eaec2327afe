"""What a pack was made from, kept beside it: prepared tables, queries, review, commentary, what came of each notebook.

``made_from/`` is enough to write the same pages again from the executed notebooks, and to run the notebooks again:
neither ``params/`` nor the source is read. A build keeps it beside the draft, whose manifest holds the hash of each of
its files, and ``publish`` keeps it in the published version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
from pyarrow.parquet import read_table, write_table

from helpers.data.canonical_tables import TABLES
from helpers.data.prepared import Prepared
from helpers.errors import KitError, nearest, refuse
from helpers.kpis.spine import FOLDER as THEMES
from helpers.pack.archive import MANIFEST, altered
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed, Failure
from helpers.params import Review
from helpers.strict_yaml import shown

FOLDER = "made_from"
PREPARED, QUERIES, NOTEBOOKS = "prepared", "queries", "notebooks"
AUDIENCES = "audiences"  # holds for each audience what this folder holds for the whole pack
RECORD = "build.json"
REMOVED = "removed.json"  # which tables are no longer kept, since when, and why


def keep(request: PackRequest, executed: Iterable[Executed], made_from: Path) -> None:
    """Keep beside the prepared tables what else the pages were made from."""
    keep_record(request, executed, made_from)
    if request.commentary_folder.is_dir():
        folder = request.commentary_folder
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            _copy(file, made_from / "commentary" / request.period.label / file.relative_to(folder))
    keep_brand(request.review, made_from)


def keep_record(request: PackRequest, executed: Iterable[Executed], made_from: Path) -> None:
    """Keep the period, the parameters, and what came of each notebook."""
    record = {
        "period": request.period.label,
        "as_of": request.period.known_until.isoformat(),
        "parameters": request.parameters,
        "others": request.others,
        "deck": request.deck,
        "left_out": [theme for theme in request.review.themes if theme not in request.parameters],
        "runs": {
            run.theme: {"seconds": run.seconds, "failure": run.failure and asdict(run.failure)} for run in executed
        },
    }
    keep_json(record, made_from / RECORD)
    for file in sorted(THEMES.glob("*/*.sql")):
        _copy(file, made_from / QUERIES / file.parent.name / file.name)


def keep_brand(review: Review, made_from: Path) -> None:
    """Keep the files that the brand names: the logo, and the template of the deck."""
    brand = review.brand
    for name, given in {"logo": brand.logo, "deck_template": brand.deck_template}.items():
        if given:
            _copy(given, made_from / f"{name}{given.suffix.lower()}")


def kept_request(made_from: Path, root: Path) -> PackRequest:
    """The request that a pack was built for, as it was then; its source is not read again.

    Raises:
        KitError: a part of what is kept is not there.
    """
    record = kept_record(made_from)
    prepared = Prepared.open(made_from / PREPARED)
    review = Review.model_validate_json(_text(made_from / PREPARED / "review.json"))
    files = {name: next(made_from.glob(f"{name}.*"), None) for name in ("logo", "deck_template")}
    brand = review.brand.model_copy(update=files)
    review = review.model_copy(update={"brand": brand})
    review._path = made_from / "review.yml"  # commentary lies beside it
    period = prepared.calendar.period(record["period"], date.fromisoformat(record["as_of"]))
    return PackRequest(period, review, record["parameters"], root, record["others"], record["deck"], prepared.made_from)


def kept_runs(made_from: Path, notebooks: Path) -> list[Executed]:
    """The executed notebooks of a pack, and what came of each.

    Raises:
        KitError: one of them is not there.
    """
    return [
        Executed(
            theme,
            nbformat.reads(_text(notebooks / f"{theme}.ipynb"), as_version=4),
            run["seconds"],
            Failure(**run["failure"]) if run["failure"] else None,
        )
        for theme, run in kept_record(made_from)["runs"].items()
    ]


def altered_since_build(draft: Path, manifest: Mapping[str, Any]) -> list[str]:
    """The files of a draft, and of what it was made from, that are not as they were built; each with the way out."""
    if FOLDER not in manifest:
        return [f"{draft / MANIFEST} does not hold what the draft was made from; build the draft again"]
    faults = [*altered(draft, manifest["files"]), *altered(draft.resolve().parent / FOLDER, manifest[FOLDER])]
    return [f"{fault}; build the draft again" for fault in faults]


def audiences_of(made_from: Path) -> list[str]:
    """The audiences that a pack was built for, by name."""
    return sorted(folder.name for folder in (made_from / AUDIENCES).glob("*") if folder.is_dir())


def of_audience(made_from: Path, name: str) -> Path:
    """What the pack of an audience was made from; the whole one's where there is no name."""
    return made_from / AUDIENCES / name if name else made_from


def with_audiences(made_from: Path) -> list[Path]:
    """What the whole pack was made from, and the pack of each audience."""
    return [of_audience(made_from, name) for name in ("", *audiences_of(made_from))]


def no_longer_kept(made_from: Path) -> dict[str, Any]:
    """Which ``tables`` were removed ``at`` an instant, ``by`` whom and ``why``; empty where all are kept."""
    note = made_from / REMOVED
    return dict(json.loads(_text(note))) if note.exists() else {}


def check_columns_left_out(review: Review) -> None:
    """Whether the columns that a review leaves out of what is kept are there.

    Raises:
        KitError: with every one that no table has.
    """
    named = [each.split(".") for each in review.keep.without]
    refuse(
        f"{shown(review.path)}: keep.without: {table}.{column} is not a column{nearest(column, TABLES[table].names)}"
        for table, column in named
        if column not in TABLES[table].names
    )


def leave_out_columns(made_from: Path, columns: Sequence[str]) -> None:
    """Take columns, such as ``customers.name``, out of the prepared tables that are kept; their list stays.

    A table or a column that is not there is left out already.
    """
    if not columns:
        return
    folder = made_from / PREPARED
    gone = [each for each in columns if (folder / f"{each.partition('.')[0]}.parquet").exists()]
    for table in dict.fromkeys(each.partition(".")[0] for each in gone):
        file = folder / f"{table}.parquet"
        names = [each.partition(".")[2] for each in gone if each.startswith(f"{table}.")]
        kept = read_table(file)
        write_table(kept.drop([name for name in names if name in kept.column_names]), file)
    keep_json({**kept_record(made_from), "columns_left_out": gone}, made_from / RECORD)


def keep_json(record: Mapping[str, Any], file: Path) -> None:
    """Write what is kept beside the tables."""
    file.write_text(f"{json.dumps(record, indent=1, ensure_ascii=False)}\n", encoding="utf-8")


def kept_record(made_from: Path) -> dict[str, Any]:
    """What :func:`keep_record` kept, and which ``columns_left_out`` of the tables since."""
    return dict(json.loads(_text(made_from / RECORD)))


def _copy(file: Path, to: Path) -> None:
    """Copies a file; what the disk refuses is told of the place that is written."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(file.read_bytes())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(f"{path} is not there; restore it, or build the pack again") from None
