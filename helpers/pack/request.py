"""What is to be built: a period of a review from a source, and what management says about its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.data.prepared import Prepared
from helpers.pack.commentary import Commentary, read_commentary
from helpers.params import Review, Source
from helpers.periods import Period
from helpers.strict_yaml import shown


@dataclass(frozen=True)
class PackRequest:
    """A period of a review, with each theme's parameters in pack order: what pages are written from.

    ``root`` is the folder that holds ``notebooks/`` and ``templates/``. ``others`` are the parameters of the themes
    that are not built; objectives may be measured by their KPIs. ``deck`` says whether slides are made too,
    ``made_from`` which canonical tables the source makes from others.
    """

    period: Period
    review: Review
    parameters: Mapping[str, Mapping[str, Any]]
    root: Path
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    deck: bool = False
    made_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> dict[str, Mapping[str, Any]]:
        """The parameters of every theme that there is."""
        return {**self.others, **self.parameters}

    @property
    def commentary_folder(self) -> Path:
        return self.review.path.parent / "commentary" / self.period.label

    def commentary(self) -> Commentary:
        """What management says, also about themes of the review that this pack leaves out.

        Raises:
            KitError: every fault of the files that say it.
        """
        return read_commentary(self.commentary_folder, tuple(self.review.themes), self.period)

    def texts(self) -> dict[str, str]:
        """What the review and its commentary say, by where it stands: all that a person wrote for the pages."""
        review, comments = self.review, self.commentary().comments
        return {
            shown(review.path): review.model_dump_json(exclude={"rules", "themes", "experiments"}),
            **{shown(self.commentary_folder / f"{name}.md"): said.text for name, said in comments.items()},
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "made_from", self.source.made_from)

    def prepared_in(self, folder: Path) -> Prepared:
        """The source as known at the end of the period, prepared into a folder.

        Raises:
            KitError: the source cannot be read, or its rows are not what they must be.
        """
        from helpers.data.prepare import prepare

        currency = self.review.reporting_currency(self.source)
        oldest = self.review.rules.feed_max_age_days
        return prepare(self.source, self.period, currency=currency, folder=folder, feed_max_age_days=oldest)
