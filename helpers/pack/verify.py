"""Whether a pack is as it was written; whether today's code and data give its figures; whether its files come again."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import results
from helpers.data.prepared import Prepared
from helpers.errors import KitError, refuse, together
from helpers.language import speaking
from helpers.pack.archive import (
    MANIFEST,
    Published,
    altered,
    code_fingerprint,
    commit_of,
    published_at,
    published_versions,
    read_manifest,
    versions,
)
from helpers.pack.audiences import write_audience
from helpers.pack.build import jobs_of
from helpers.pack.made_from import (
    FOLDER,
    NOTEBOOKS,
    PREPARED,
    REMOVED,
    altered_since_build,
    audiences_of,
    kept_record,
    kept_request,
    no_longer_kept,
    of_audience,
    with_audiences,
)
from helpers.pack.pages import Edition
from helpers.pack.request import BuildRequest, PackRequest
from helpers.pack.run import Executed, Kernels
from helpers.params import load_source
from helpers.results import KEY, NUMBERS

SAME_BYTES = ("pack.html", "pack.pdf", "pack.pptx", "figures.xlsx", "results.csv")
SHOWN = 20  # figures that differ
Say = Callable[[str], None]


@dataclass(frozen=True)
class Opened:
    """A pack whose files are as its manifest says; ``out`` is the folder of reports that it lies in."""

    folder: Path
    out: Path
    manifest: Mapping[str, Any]
    made_from: Path
    request: PackRequest

    @property
    def files(self) -> int:
        """How many files were looked at; those that it was made from lie beside a draft."""
        return len(self.manifest["files"]) + len(self.manifest.get(FOLDER, ()))

    @property
    def edition(self) -> Edition | None:
        told = self.manifest.get("published")
        return told and Edition(**{name: told[name] for name in Edition._fields})


def opened(pack: Path, root: Path) -> Opened:
    """A draft, or a published version: the newest where the folder of a period is named.

    Raises:
        KitError: it is no pack, or its files are not as its manifest says; all of them.
    """
    if not (pack / MANIFEST).exists():
        place = pack.resolve()  # has a name, also where the folder is given as a dot
        if not (found := published_versions(place.parent, place.name)):
            raise KitError(f"{pack} is no pack; name a draft (reports/2026Q3) or a published one")
        pack = pack / found[-1].folder.name
    manifest, is_published = read_manifest(pack), (pack / FOLDER).is_dir()
    made_from = (pack if is_published else pack.resolve().parent) / FOLDER
    if is_published:
        faults = altered(
            pack, manifest["files"], [path for each in with_audiences(made_from) for path in _removed(each)]
        )
    else:
        faults = altered_since_build(pack, manifest)
    refuse(faults)
    out = pack.resolve().parent.parent.parent  # of published/2026Q3/v1, and of .builds/2026Q3-…/pack
    return Opened(pack, out, manifest, made_from, kept_request(made_from, root))


def as_today(found: Opened, kernels: Kernels, say: Say) -> tuple[bool, list[str]]:
    """Whether today's code and data give the figures of a pack, under the rules and parameters that it was built with.

    Says whether they all are the same, and what to tell; ``say`` hears of each step as it is done.

    Raises:
        KitError: the source cannot be read any more.
    """
    from helpers.pack.write import results_of
    from helpers.review import write_build_context

    asked = found.request
    given = next(iter(asked.parameters.values()))
    order = BuildRequest(
        asked.period, asked.review, asked.parameters, asked.root, asked.others,
        source=load_source(asked.root / given["source"]),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="kpi-review-") as spare:
        prepared = order.prepared_in(Path(spare) / PREPARED)
        refused = json.loads((found.made_from / PREPARED / "refused.json").read_text(encoding="utf-8"))
        write_build_context(prepared.folder, asked.review, asked.settled, refused)
        say(PREPARED)
        executed = _run_again(order, prepared, Path(spare), kernels, say)
        now = results_of(order, prepared, executed).frame
        say("figures")
    then = results.read_csv(str(found.folder / "results.csv"))
    differing = list(_differing(then, now, asked.period.label))
    same_data = prepared.fingerprint == found.manifest["fingerprints"]["data"]
    lines = [
        f"data: {'the same' if same_data else 'other rows than then'}",
        f"code: {_code(found)}",
        f"figures: {len(then) - len(differing)} of {len(then)} are the same"
        if not differing
        else f"figures: {len(differing)} differ from the {len(then)} of the pack",
        *(f"  {line}" for line in differing[:SHOWN]),
        *([f"  and {len(differing) - SHOWN} more"] if len(differing) > SHOWN else []),
    ]
    return not differing, lines


def as_kept(found: Opened, kernels: Kernels, say: Say) -> tuple[bool, list[str]]:
    """Whether the files of a pack come again, byte for byte, from the prepared tables that were kept with it.

    Says whether they all do, and what to tell; ``say`` hears of each step as it is done.

    Raises:
        KitError: what is missing for that: the tables, the code, the packages, the pack that it was held against.
    """
    from helpers.pack.write import Origin, write_pack

    _, compared = together(lambda: refuse(_lacking(found)), lambda: _compared(found))
    brand = found.request.review.brand
    with (
        tempfile.TemporaryDirectory(prefix="kpi-review-") as spare,
        speaking(brand.language, brand.terms, brand.locale),
    ):
        prepared = Prepared.open(found.made_from / PREPARED)
        say(PREPARED)
        executed = _run_again(found.request, prepared, Path(spare), kernels, say)
        pack = Path(spare) / "pack"
        pack.mkdir()
        origin = Origin(found.manifest["fingerprints"], found.manifest["versions"], compared, found.edition)
        write_pack(found.request, prepared, executed, origin, pack)
        audiences = audiences_of(found.made_from)
        for name in audiences:
            again = Path(spare) / FOLDER
            _run_audience_again(found, name, again, kernels, say)
            write_audience(name, again, found.request.root, origin, pack)
        say("render")
        of = ["", *(f"{name}/" for name in audiences)]
        names = [f"{each}{name}" for each in of for name in SAME_BYTES if (found.folder / f"{each}{name}").exists()]
        differing = [name for name in names if (pack / name).read_bytes() != (found.folder / name).read_bytes()]
    lines = [f"{name}: {'other bytes' if name in differing else 'the same bytes'}" for name in names]
    return not differing, lines


def _run_again(request: PackRequest, prepared: Prepared, spare: Path, kernels: Kernels, say: Say) -> list[Executed]:
    return kernels.run(jobs_of(request, spare / NOTEBOOKS), prepared.folder, finished=lambda run: say(run.theme))


def _run_audience_again(found: Opened, name: str, again: Path, kernels: Kernels, say: Say) -> None:
    """Runs the notebooks of an audience over its kept tables, beside a copy of what else was kept of it."""
    kept, own = of_audience(found.made_from, name), of_audience(again, name)
    shutil.copytree(kept, own, ignore=shutil.ignore_patterns(NOTEBOOKS), copy_function=shutil.copyfile)
    own.chmod(0o755)
    prepared = Prepared.open(own / PREPARED)
    _run_again(kept_request(own, found.request.root), prepared, own, kernels, say)


def _differing(then: pd.DataFrame, now: pd.DataFrame, label: str) -> Iterator[str]:
    """The figures that differ in two tables of results: in value, counts, interval or status; one period's first."""
    old, new = (table.set_index(KEY)[["status", *NUMBERS]] for table in (then, now))
    for key in sorted(old.index.union(new.index, sort=False), key=lambda key: key[-1] != label):
        kpi_id, by, segment, period = key
        name = f"{kpi_id}{f'[{by}: {segment}]' if by else ''} {period}"
        if key not in new.index:
            yield f"{name}: there is no such figure today"
        elif key not in old.index:
            yield f"{name}: there was no such figure then"
        elif len(apart := old.loc[key].compare(new.loc[key])):
            what = apart.index[0]
            yield f"{name}: {what} was {old.loc[key][what]} and is {new.loc[key][what]}"


def _code(found: Opened) -> str:
    if found.manifest["fingerprints"]["code"] == code_fingerprint(found.request.root):
        return "the same"
    then, now = found.manifest.get("commit", ""), commit_of(found.request.root)
    return f"another than then{f' (then {then}, now {now})' if then and now else ''}"


def _lacking(found: Opened) -> Iterator[str]:
    """What it takes to make the same files again, and is not there."""
    manifest = found.manifest
    if note := no_longer_kept(found.made_from):
        yield f"{found.made_from / PREPARED}: its tables were removed on {note['at'][:10]}, since {note['why']}"
    if columns := kept_record(found.made_from).get("columns_left_out"):
        yield f"{found.made_from / PREPARED} was kept without {', '.join(columns)}, as review.yml asks"
    if manifest["fingerprints"]["code"] != code_fingerprint(found.request.root):
        commit = manifest.get("commit", "")
        where = f"check out commit {commit}" if commit else "get the helpers, notebooks and templates of then"
        yield f"the code is another than that of {found.folder}; {where}"
    now = versions()
    for name, which in manifest["versions"].items():
        if now.get(name) != which:
            yield f"{name} is {now.get(name, 'not there')}, and was {which}; install that version"


def _compared(found: Opened) -> Published | None:
    """The published pack that a pack was held against; None if there was none.

    Raises:
        KitError: it is not there, or its tables are not.
    """
    address = found.manifest["compared_with"]
    if address is None:
        return None
    place = found.out / "published" / address
    if not (held := published_at(found.out / "published", address)):
        raise KitError(f"{place}, which the pack was held against, is gone; restore it")
    if no_longer_kept(held.folder / FOLDER):
        raise KitError(
            f"{place}, which the pack was held against, is kept without its tables, so causes cannot be found again"
        )
    return held


def _removed(made_from: Path) -> list[Path]:
    """The tables that are no longer kept, and the note that says so."""
    tables = [made_from / PREPARED / name for name in no_longer_kept(made_from).get("tables", [])]
    return [made_from / REMOVED, *(table for table in tables if not table.exists())] if tables else []
