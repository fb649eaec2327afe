"""A build's prepared folder -> a pack for each audience: what some readers may see, computed from that alone.

Each audience has a folder of its own in ``made_from/audiences/``, which holds what ``made_from/`` itself holds for the
whole pack: redacted tables, the review as far as it may be seen, commentary, and its executed notebooks. Its pack is
written from there alone, by a build and by ``publish`` alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from helpers.catalogue import CATALOGUE, kpi
from helpers.data.canonical_tables import TABLES
from helpers.data.prepared import Prepared
from helpers.data.pseudonyms import pseudonym_key
from helpers.data.redaction import Redaction, hide_fault, row_filter
from helpers.errors import KitError, nearest, refuse, together
from helpers.kpis.spine import periods_of
from helpers.language import template
from helpers.pack.commentary import Commentary, read_commentary
from helpers.pack.made_from import (
    NOTEBOOKS,
    PREPARED,
    audiences_of,
    keep_brand,
    keep_record,
    kept_request,
    kept_runs,
    of_audience,
)
from helpers.pack.request import PackRequest
from helpers.pack.run import Executed, Failure, Job, Kernels
from helpers.params import REGISTRIES, SHOWN_BY, Audience, Review
from helpers.results import NONE
from helpers.strict_yaml import Places, shown, texts_in

OF_THE_COMPANY = ("kpi_alignment", "kpi_experiments")  # themes that say nothing of a part of the customers
WORDS = "words.json"  # what no text for an audience may hold, each with what it is; beside a draft alone
SPACELESS = "\u2e80"  # from here on are scripts that put no space between words
PROMISES, ASKED = "estimate_sla_hours", "deals.estimate_requested_at"
REFUSED = template("the pack of the whole company refuses it too")


@dataclass(frozen=True)
class Variant:
    """What one audience gets: its request, over the redacted tables of its folder."""

    name: str
    request: PackRequest
    folder: Path
    audience: Audience


def check_audiences(request: PackRequest) -> None:
    """Everything about the audiences of a review that can be known before the source is read.

    Raises:
        KitError: with every fault, each with its line.
    """
    known = request.review.audiences
    asked = (fault for name, audience in known.items() for fault in _faults(request.review, name, audience))
    strange = (
        f"{shown(own)} is of no audience of this review{nearest(own.name, known)}; "
        "rename or remove it, or add the audience"
        for own in sorted(request.commentary_folder.glob("[!.]*/"))
        if own.is_dir() and own.name not in known
    )
    has_pseudonyms = any(audience.customers == "pseudonyms" for audience in known.values())
    together(
        lambda: refuse(asked),
        *(partial(_own_commentary, request, name, audience) for name, audience in known.items()),
        lambda: refuse(strange),
        *([pseudonym_key] if has_pseudonyms else []),
    )


def sections_of(request: PackRequest) -> int:
    """How many notebooks are run for the audiences of a review."""
    return sum(len(_themes(request, audience)) for audience in request.review.audiences.values())


def own_commentaries(request: PackRequest) -> Iterator[tuple[str, Commentary, Iterable[str]]]:
    """What management says to each audience of a pack alone: its name, the commentary, and the themes that it gets."""
    for name, audience in request.review.audiences.items():
        if themes := _themes(request, audience):
            yield name, _own_commentary(request, name, audience), themes


def make_variants(
    request: PackRequest, prepared: Prepared, made_from: Path, changed: Mapping[str, str]
) -> list[Variant]:
    """The audiences of a build, each with its redacted tables in its folder; those without a theme in it are left out.

    ``changed`` are the KPIs that the pack must not print, with the reason.

    Raises:
        KitError: an audience would get what it must not see; the faults of all audiences.
    """
    asked = [(name, audience) for name, audience in request.review.audiences.items() if _themes(request, audience)]
    folders = {name: of_audience(made_from, name) for name, _audience in asked}
    steps = [partial(_variant, request, prepared, folders[name], name, audience, changed) for name, audience in asked]
    return together(*steps)


def run_variant(
    variant: Variant, jobs: list[Job], whole: Iterable[Executed], kernels: Kernels, finished: Callable[[str], None]
) -> list[Executed]:
    """The executed notebooks of an audience; what stopped one is told to whoever builds, and not to the audience.

    ``jobs`` are its notebooks, ``whole`` the executed ones of the whole pack. What is refused there, since too many
    rows are left out, is refused to the readers of a part of them: whose rows those are, nobody knows.
    """
    from helpers.pack.notebook_content import tables_of
    from helpers.review import refuse_more

    if variant.audience.rows:
        records = [r for run in whole for resource in tables_of(run.notebook, "results") for r in resource["data"]]
        label = variant.request.period.label
        refuse_more(
            variant.folder / PREPARED,
            {r["kpi_id"]: REFUSED for r in records if r["status"] == "refused" and r["period"] == label},
        )
    executed = kernels.run(jobs, variant.folder / PREPARED, lambda run: finished(f"{variant.name}/{run.theme}"))
    why = template("whoever built the pack is told why")
    hidden = [replace(run, failure=Failure(None, "", why)) if run.failure else run for run in executed]
    keep_record(variant.request, hidden, variant.folder)
    return executed


def naming_reasons(made_from: Path, reasons: Mapping[str, str]) -> list[str]:
    """The reasons for a version, by option, that hold what an audience of a draft must not see: they are on its cover.

    ``made_from`` is what the draft was made from.
    """
    return [
        f"{option} tells {word!r}, which is of {words[word]}; write it without; {name} must not read it"
        for name in audiences_of(made_from)
        for words in [json.loads((of_audience(made_from, name) / WORDS).read_text(encoding="utf-8"))]
        for option, reason in reasons.items()
        for word in _words_in(reason, words)
    ]


def write_audience(name: str, made_from: Path, root: Path, origin: Any, pack: Path) -> None:
    """Write an audience's pack into the folder of its name in the pack, from what a build keeps in ``made_from``.

    ``origin`` is that of the whole pack; the fingerprint of the data is the audience's own.

    Raises:
        KitError: a part of what is kept is not there.
    """
    from helpers.pack.write import write_pages

    kept = of_audience(made_from, name)
    request, prepared = kept_request(kept, root), Prepared.open(kept / PREPARED)
    executed = [_without_files(run) for run in kept_runs(kept, kept / NOTEBOOKS)]
    (pack / name).mkdir()
    fingerprints = {**origin.fingerprints, "data": prepared.fingerprint}
    held = origin.compared if origin.compared and (origin.compared.folder / name / "results.csv").is_file() else None
    if held:
        then = {**held.manifest, "parameters": _without_promises(held.manifest.get("parameters", {}), prepared)}
        held = held._replace(manifest=then)
    own = replace(origin, fingerprints=fingerprints, compared=held)
    write_pages(request, prepared, executed, own, pack / name, audience=name)


# --- what is asked ----------------------------------------------------------------------------------------------------


def _faults(review: Review, name: str, audience: Audience) -> Iterator[str]:
    written, at = Places(review.path), ("audiences", name)
    for i, theme in enumerate(audience.themes):
        if theme not in review.themes:
            where = written.where(*at, "themes", i)
            yield f"{where} == {theme!r}, is not a theme of this review{nearest(theme, review.themes)}"
    for i, what in enumerate(audience.hide):
        if fault := hide_fault(what):
            yield f"{written.where(*at, 'hide', i)} == {what!r}, {fault}"
    if audience.rows:
        try:
            row_filter(audience.rows, TABLES["customers"].names)
        except KitError as error:
            where = written.where(*at, "rows")
            yield from (f"{where} {fault.removeprefix('rows ')}" for fault in error.faults)


def _themes(request: PackRequest, audience: Audience) -> dict[str, Mapping[str, Any]]:
    """The themes of a build that an audience gets, in pack order."""
    left_out = OF_THE_COMPANY if audience.rows else ()
    return {
        theme: given
        for theme, given in request.parameters.items()
        if theme not in left_out and (not audience.themes or theme in audience.themes)
    }


def _own_commentary(request: PackRequest, name: str, audience: Audience) -> Commentary:
    """What management says to these readers alone."""
    return read_commentary(
        request.commentary_folder / name, audience.themes or tuple(request.review.themes), request.period
    )


# --- what it gets -----------------------------------------------------------------------------------------------------


def _variant(
    request: PackRequest, prepared: Prepared, folder: Path, name: str, audience: Audience, changed: Mapping[str, str]
) -> Variant:
    from helpers.review import write_build_context

    where = Places(request.review.path).where("audiences", name)
    period, key = request.period, pseudonym_key() if audience.customers == "pseudonyms" else b""
    days = [each.measured_on for each in periods_of(period)]
    redaction = Redaction(prepared, audience, days, key, _judged_by(request))
    for_whom = template("This pack is for the readers named “{name}”; it leaves out what is not for them.")
    redaction.told.append(for_whom.format(name=name))
    texts, is_whole = _commentary(request, name, audience)
    if not is_whole:
        redaction.told.append(template("What management says of figures that are not in this pack is left out."))
    review = _review(request, audience)
    try:
        seen = redaction.write(folder / PREPARED, period, request.review.rules.feed_max_age_days)
    except KitError as error:
        raise KitError(*(f"{where}: {fault}" for fault in error.faults)) from None
    words, settled = redaction.words, _without_promises(request.settled, seen)
    themes = {theme: settled[theme] for theme in _themes(request, audience)}
    faults = [
        *_naming_texts(texts, words),
        *_naming_review(request.review, review, words),
        *_naming_parameters(request.review, themes, words),
    ]
    refuse(f"{fault}; {name} must not read it" for fault in faults)
    (folder / WORDS).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    review = _with_codes(review, redaction)
    review._path = folder / "review.yml"  # commentary lies beside it
    others = {theme: given for theme, given in settled.items() if theme not in themes}
    own = PackRequest(period, review, themes, request.root, others, made_from=request.made_from)
    own.commentary_folder.mkdir(parents=True)
    for path, text in texts.items():
        (own.commentary_folder / path.name).write_text(text, encoding="utf-8")
    keep_brand(review, folder)
    told = {kpi_id: REFUSED if _words_in(why, words) else why for kpi_id, why in changed.items()}
    write_build_context(folder / PREPARED, review, own.settled, told)
    return Variant(name, own, folder, audience)


def _judged_by(request: PackRequest) -> dict[str, str]:
    """What cannot be judged without a column that may be hidden: promises that differ by segment."""
    promises = request.settled.get("customer_performance", {}).get(PROMISES)
    return {"customers.segment": ASKED} if isinstance(promises, Mapping) else {}


def _without_promises(given: Mapping[str, Mapping[str, Any]], seen: Prepared) -> dict[str, Mapping[str, Any]]:
    """Parameters by theme, without the segments that promises are made to where nothing is judged by them."""
    own = given.get("customer_performance", {})
    promises = own.get(PROMISES)
    if not isinstance(promises, Mapping) or seen.provides(ASKED):
        return dict(given)
    kept = {segment: hours for segment, hours in promises.items() if segment == NONE}
    return {**given, "customer_performance": {**own, PROMISES: kept}}


def _review(request: PackRequest, audience: Audience) -> Review:
    """The review as far as the audience may see it: what no theme of it shows is left out."""
    review, themes = request.review, _themes(request, audience)
    unseen = {section: () for section in REGISTRIES if SHOWN_BY[section] not in themes or audience.rows}
    kept = {theme: given for theme, given in review.themes.items() if theme in themes}
    targets = {} if audience.rows else review.targets
    return review.model_copy(update={**unseen, "targets": targets, "owners": {}, "audiences": {}, "themes": kept})


def _commentary(request: PackRequest, name: str, audience: Audience) -> tuple[dict[Path, str], bool]:
    """The commentary that an audience gets, by file, and whether that is all of it that is for its pages.

    Its own is that of the folder of its name. Beside it stands that of the whole pack, as far as the audience has the
    pages and the figures that it is about; none of it where the audience gets a part of the customers alone.
    """
    folder, pages = request.commentary_folder, ("summary", "actions", *_themes(request, audience))
    own = [page for page in _own_commentary(request, name, audience).comments if page in pages]
    files = [folder / name / f"{page}.md" for page in own]
    is_whole = True
    if not audience.rows:
        whole = request.commentary()
        for page in [page for page in whole.comments if page in pages and page not in own]:
            if all(CATALOGUE[kpi_id].theme in pages for named, kpi_id, _ in whole.named() if named == page):
                files.append(folder / f"{page}.md")
            else:
                is_whole = False
    return {file: file.read_text(encoding="utf-8-sig") for file in files}, is_whole


def _naming_texts(texts: Mapping[Path, str], words: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for word in _words_in(line, words):
                yield (
                    f"{shown(path)}, line {number} tells {word!r}, which is of {words[word]}; "
                    "take it out, or write what these readers get into a folder of their name beside the file"
                )


def _naming_review(written: Review, seen: Review, words: Mapping[str, str]) -> Iterator[str]:
    """The texts of the review that an audience gets and that hold what it must not see."""
    places = Places(written.path)
    for at, text in _said_of_pages(seen):
        for word in _words_in(text, words):
            yield f"{places.where(*at)} tells {word!r}, which is of {words[word]}; write it without"
    for section in REGISTRIES:
        for i, entry in enumerate(getattr(seen, section)):
            for at, text in texts_in(entry.model_dump(mode="json")):
                if at[-1:] == ("customer_id",):  # gets a code, or is taken out
                    continue
                for word in _words_in(text, words):
                    if section == "experiments":
                        where = f"{shown(written.path.parent / 'experiments' / entry.id)}.yml: {'.'.join(map(str, at))}"
                    else:
                        where = places.where(section, i, *at)
                    yield (
                        f"{where} tells {word!r}, which is of {words[word]}; write it without, or leave "
                        f"{SHOWN_BY[section]} out of the themes of these readers"
                    )


def _naming_parameters(
    written: Review, themes: Mapping[str, Mapping[str, Any]], words: Mapping[str, str]
) -> Iterator[str]:
    """The parameters of an audience's themes that name what it must not see; promises to segments go with these."""
    places = Places(written.path)
    for theme, given in themes.items():
        for name, value in given.items():
            for word in sorted(_named_in(value) & words.keys() if name != PROMISES else ()):
                yield (
                    f"{places.where('themes', theme, name)} names {word!r}, which is of {words[word]}; "
                    f"leave {theme} out of the themes of these readers"
                )


def _named_in(value: Any) -> set[str]:
    """The texts that a parameter is, or holds as a key or a value.

    >>> sorted(_named_in({"director": ["plans", "maps"]})), _named_in(4)
    (['director', 'maps', 'plans'], set())
    """
    if isinstance(value, str):
        return {value}
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {text for part in parts for text in _named_in(part)}


def _said_of_pages(review: Review) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What a person wrote in a review, beside its registers, for the pages of its themes; with its place."""

    def shows(kpi_id: str) -> bool:
        return kpi(kpi_id).theme in review.themes

    yield ("brand", "confidentiality"), review.brand.confidentiality
    yield from ((("brand", "terms", term), own) for term, own in review.brand.terms.items())
    yield from ((("scorecard", group), group) for group, ids in review.scorecard.items() if any(map(shows, ids)))
    yield from ((("peers", name, "source"), each.source) for name, each in review.peers.items() if shows(name))
    yield from ((("verified", name, "by"), each.by) for name, each in review.verified.items() if shows(name))
    for name, listed in review.baselines.items():
        yield from ((("baselines", name, i, "reason"), each.reason) for i, each in enumerate(listed) if shows(name))


def _words_in(text: str, words: Iterable[str]) -> list[str]:
    """The words that a text holds, whole, in any case."""
    found = text.lower()
    return [word for word in words if word.lower() in found and _stands_alone(word.lower(), found)]


def _stands_alone(word: str, text: str) -> bool:
    """Whether a word is in a text and no part of a longer one; scripts without spaces have no longer ones.

    >>> _stands_alone("acme", "we met acme."), _stands_alone("acme", "acmes"), _stands_alone("株式会社", "新株式会社が")
    (True, False, True)
    """
    starts = [i for i in range(len(text)) if text.startswith(word, i)]
    return any(
        not _is_joined(text[i - 1 : i], word[0]) and not _is_joined(word[-1], text[i + len(word) : i + len(word) + 1])
        for i in starts
    )


def _is_joined(before: str, after: str) -> bool:
    """Whether two signs belong to one word."""
    return before.isalnum() and after.isalnum() and max(before, after) < SPACELESS


def _with_codes(review: Review, redaction: Redaction) -> Review:
    """The review with codes in place of the customers that evidence is from."""
    if not review.cpis:
        return review
    cpis = [
        cpi.model_copy(
            update={
                "evidence": tuple(
                    each.model_copy(update={"customer_id": redaction.code(each.customer_id)}) for each in cpi.evidence
                )
            }
        )
        for cpi in review.cpis
    ]
    return review.model_copy(update={"cpis": tuple(cpis)})


def _without_files(run: Executed) -> Executed:
    """A notebook whose lists name no file of exports, since the audience has none."""
    from helpers.pack.notebook_content import tables_of

    for resource in tables_of(run.notebook):
        export = resource.pop("export", "")  # type: ignore[attr-defined]  # read from a file for this alone
        resource.pop("pages", None)  # type: ignore[attr-defined]
        resource["list"] = export  # type: ignore[index]
    return run
