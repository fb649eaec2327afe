"""What a pack was made from, kept beside it: prepared tables, review, commentary, and what came of each notebook.

``made_from/`` is enough to write the same pages again from the executed notebooks, and to run the notebooks again:
neither ``params/`` nor the source is read. A build keeps it, and ``publish`` keeps it with the published version.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import nbformat

from helpers.data.prepared import Prepared
from helpers.errors import KitError
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed, Failure
from helpers.params import Review

FOLDER = "made_from"
PREPARED = "prepared"
RECORD = "build.json"


def keep(request: PackRequest, executed: Iterable[Executed], made_from: Path) -> None:
    """Keep beside the prepared tables what else the pages were made from."""
    keep_record(request, executed, made_from)
    if request.commentary_folder.is_dir():
        kept = made_from / "commentary" / request.period.label
        kept.mkdir(parents=True)
        for file in sorted(request.commentary_folder.glob("*.md")):
            shutil.copyfile(file, kept / file.name)
    keep_logo(request.review, made_from)


def keep_record(request: PackRequest, executed: Iterable[Executed], made_from: Path) -> None:
    """Keep the period, the parameters, and what came of each notebook."""
    record = {
        "period": request.period.label,
        "as_of": request.period.known_until.isoformat(),
        "parameters": request.parameters,
        "others": request.others,
        "runs": {
            run.theme: {"seconds": run.seconds, "failure": run.failure and asdict(run.failure)} for run in executed
        },
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (made_from / RECORD).write_text(f"{text}\n", encoding="utf-8")


def keep_logo(review: Review, made_from: Path) -> None:
    """Keep the logo, where there is one."""
    if logo := review.brand.logo:
        shutil.copyfile(logo, made_from / f"logo{logo.suffix.lower()}")


def kept_request(made_from: Path, root: Path) -> PackRequest:
    """The request that a pack was built for, as it was then; its source is not read again.

    Raises:
        KitError: a part of what is kept is not there.
    """
    record = _record(made_from)
    prepared = Prepared.open(made_from / PREPARED)
    review = Review.model_validate_json(_text(made_from / PREPARED / "review.json"))
    logos = list(made_from.glob("logo.*"))
    brand = review.brand.model_copy(update={"logo": logos[0] if logos else None})
    review = review.model_copy(update={"brand": brand})
    review._path = made_from / "review.yml"  # commentary lies beside it
    period = prepared.calendar.period(record["period"], date.fromisoformat(record["as_of"]))
    return PackRequest(period, review, record["parameters"], root, record["others"])


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
        for theme, run in _record(made_from)["runs"].items()
    ]


def _record(made_from: Path) -> dict[str, Any]:
    return dict(json.loads(_text(made_from / RECORD)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(f"{path} is not there; restore it, or build the pack again") from None
