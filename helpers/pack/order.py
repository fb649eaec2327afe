"""What is to be built, and a build on its way: what the steps of a build hand on to each other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.data.prepared import Prepared
from helpers.pack.run import Executed, Failure
from helpers.params import Review, Source
from helpers.periods import Period
from helpers.results import Asked


@dataclass(frozen=True)
class Order:
    """What is to be built: a period of a review from a source, with each theme's parameters in pack order.

    ``root`` is the folder that holds ``notebooks/`` and ``templates/``. ``others`` are the parameters of the themes
    that are not built; objectives may be measured by their KPIs.
    """

    period: Period
    source: Source
    review: Review
    parameters: Mapping[str, Mapping[str, Any]]
    root: Path
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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


def prepared_of(order: Order, folder: Path) -> Prepared:
    """The order's source as known at the end of its period, prepared into a folder."""
    from helpers.data.prepare import prepare

    currency = order.review.reporting_currency(order.source)
    oldest = order.review.rules.feed_max_age_days
    return prepare(order.source, order.period, currency=currency, folder=folder, feed_max_age_days=oldest)


@dataclass
class Work:
    """A build on its way: its folders, what it has made so far, and how long each step took in seconds.

    ``published`` is where published packs are kept, ``code`` the fingerprint of the code that builds.
    """

    folder: Path
    published: Path = Path()
    code: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    executed: Mapping[str, Executed] = field(default_factory=dict)
    figures: pd.DataFrame = field(default_factory=pd.DataFrame)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def pack(self) -> Path:
        return self.folder / "pack"

    @property
    def failed(self) -> dict[str, Failure]:
        return {theme: run.failure for theme, run in self.executed.items() if run.failure}

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[step] = round(time.monotonic() - started, 3)
