"""What is to be built: a period of a review from a source, and what management says about its numbers.

Commentary is Markdown whose figures are filled in from the results: ``{{ nrr }}``,
``{{ new_revenue[upsell] }}`` or ``{{ new_revenue[source: upsell] }}`` stands for the value of the review period,
formatted by its unit, so that a sentence cannot disagree with the page beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.catalogue import CATALOGUE
from helpers.data.prepared import Prepared
from helpers.errors import KitError, nearest
from helpers.pack.actions import action_faults
from helpers.params import Review, Source
from helpers.periods import Period
from helpers.strict_yaml import shown

FIGURE = re.compile(r"\{\{\s*(?P<kpi_id>\w+)(?:\[(?P<segment>[^\]]*)\])?\s*\}\}")


@dataclass(frozen=True)
class PackRequest:
    """A period of a review, with each theme's parameters in pack order: what pages are written from.

    ``root`` is the folder that holds ``notebooks/`` and ``templates/``. ``others`` are the parameters of the themes
    that are not built; objectives may be measured by their KPIs. ``deck`` says whether slides are made too.
    """

    period: Period
    review: Review
    parameters: Mapping[str, Mapping[str, Any]]
    root: Path
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deck: bool = False

    @property
    def settled(self) -> dict[str, Mapping[str, Any]]:
        """The parameters of every theme that there is."""
        return {**self.others, **self.parameters}

    @property
    def commentary_folder(self) -> Path:
        return self.review.path.parent / "commentary" / self.period.label

    @property
    def pages(self) -> tuple[str, ...]:
        """What commentary may be about: also themes of the review that this pack leaves out."""
        return ("summary", "actions", *self.review.themes)

    def commentary(self) -> dict[str, str]:
        """The commentary by name (``summary``, ``actions`` or a theme of the review); empty where no folder is.

        Raises:
            KitError: a file that belongs to no page, a figure that is not a KPI, an action due on no day; all at once.
        """
        texts, path = read_commentary(self.commentary_folder, self.pages), self.commentary_folder / "actions.md"
        if faults := action_faults(texts.get("actions", "")):
            raise KitError(*(f"{path}: {fault}" for fault in faults))
        return texts

    def texts(self) -> dict[str, str]:
        """What the review and its commentary say, by where it stands: all that a person wrote for the pages."""
        review = self.review
        return {
            shown(review.path): review.model_dump_json(exclude={"rules", "themes", "experiments"}),
            **{shown(self.commentary_folder / f"{name}.md"): text for name, text in self.commentary().items()},
        }

    def check_template(self) -> None:
        """Looks whether slides can be made of the user's template, where the review gives one.

        Raises:
            KitError: they cannot; the message says what it lacks.
        """
        if template := self.review.brand.deck_template:
            from helpers.pack.slides import opened

            opened(template)


@dataclass(frozen=True)
class BuildRequest(PackRequest):
    """A pack to build from a source."""

    source: Source = field(kw_only=True)

    def prepared_in(self, folder: Path) -> Prepared:
        """The source as known at the end of the period, prepared into a folder.

        Raises:
            KitError: the source cannot be read, or its rows are not what they must be.
        """
        from helpers.data.prepare import prepare

        currency = self.review.reporting_currency(self.source)
        oldest = self.review.rules.feed_max_age_days
        return prepare(self.source, self.period, currency=currency, folder=folder, feed_max_age_days=oldest)


def read_commentary(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The commentary in a folder, which may be about these pages, by name.

    Raises:
        KitError: a file that belongs to no page, or a figure that is not a KPI; all of them at once.
    """
    files = sorted(folder.glob("*.md")) if folder.is_dir() else []
    texts, faults = _decoded(files)
    for name in [name for name in texts if name not in names]:
        faults.append(f"{folder / name}.md belongs to no page of this pack{nearest(name, names)}")
    for name, text in texts.items():
        unknown = [found["kpi_id"] for found in FIGURE.finditer(text) if found["kpi_id"] not in CATALOGUE]
        faults += [f"{folder / name}.md: {{{{ {it} }}}} is not a KPI{nearest(it, CATALOGUE)}" for it in unknown]
    if faults:
        raise KitError(*faults)
    return texts


def named_in(text: str) -> list[tuple[str, str]]:
    """The figures that a text names, each as a KPI and a segment, which is empty for the total."""
    return [(found["kpi_id"], found["segment"] or "") for found in FIGURE.finditer(text)]


def _decoded(files: list[Path]) -> tuple[dict[str, str], list[str]]:
    """The texts by name, and a fault for each file that is none."""
    texts, faults = {}, []
    for path in files:
        content = path.read_bytes()
        try:
            texts[path.stem] = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            faults.append(f"{path}, line {line} is not plain text in UTF-8; save it again in that encoding")
    return texts, faults


def fill_in(text: str, figure: Callable[[str, str], str]) -> str:
    """The text with every ``{{ kpi_id[segment] }}`` replaced by ``figure(kpi_id, segment)``.

    >>> fill_in("MRR is {{ mrr }}.", lambda kpi_id, segment: "€512,000")
    'MRR is €512,000.'
    """
    return FIGURE.sub(lambda found: figure(found["kpi_id"], found["segment"] or ""), text)
