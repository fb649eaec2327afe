"""What the tests of this folder build: 2026Q3 of the sample company, from the notebooks of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helpers.notebook_parameters import GIVEN, theme_parameters
from helpers.pack.request import BuildRequest
from helpers.params import Review, Source, load_review, load_source

ROOT = Path(__file__).parents[2]


def request_of(
    company: Path, *themes: str, root: Path = ROOT, sets: tuple[str, ...] = (), label: str = "2026Q3",
    as_of: str = "2026-09-30",
) -> BuildRequest:  # fmt: skip
    """A request for these themes, of all where none is named."""
    source, review = load_source(company), load_review(ROOT / "params/review.yml")
    given = {"period": label, "source": str(company), "review": "params/review.yml", "as_of": as_of}
    return made_request(review, source, given, root=root, only=themes, sets=sets)


def made_request(
    review: Review, source: Source, given: Mapping[str, str], *, root: Path = ROOT, only: tuple[str, ...] = (),
    sets: tuple[str, ...] = (),
) -> BuildRequest:  # fmt: skip
    """A request for a review and a source, as the command line makes it; ``given`` are the common parameters."""
    found = theme_parameters(review.themes, root / "notebooks", file=review.path, only=only, sets=sets)
    own = {theme: {**dict.fromkeys(GIVEN, ""), **given, **values} for theme, values in found.asked.items()}
    period = review.calendar(source).period(given["period"])
    return BuildRequest(period, review.with_rules(found.rules), own, root, found.others, source=source)
