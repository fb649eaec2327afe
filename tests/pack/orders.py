"""What the tests of this folder build: 2026Q3 of the sample company, from the notebooks of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from helpers.notebook_parameters import parameters_of_all, resolve
from helpers.pack.order import Order
from helpers.params import Review, Source, load_review, load_source

ROOT = Path(__file__).parents[2]


def order_of(
    company: Path, *themes: str, root: Path = ROOT, sets: tuple[str, ...] = (), label: str = "2026Q3",
    as_of: str = "2026-09-30",
) -> Order:  # fmt: skip
    """An order of these themes, of all where none is named."""
    source, review = load_source(company), load_review(ROOT / "params/review.yml")
    kept = {theme: given for theme, given in review.themes.items() if not themes or theme in themes}
    review = review.model_copy(update={"themes": kept})
    given = {"period": label, "source": str(company), "review": "params/review.yml", "as_of": as_of}
    return made_order(review, source, given, root=root, sets=sets)


def made_order(
    review: Review, source: Source, given: Mapping[str, str], *, root: Path = ROOT, sets: tuple[str, ...] = ()
) -> Order:
    """An order of a review and a source, as the command line makes it of files; ``given`` are the common parameters."""
    every = {**dict.fromkeys(("period", "source", "review", "as_of"), ""), **given}
    resolved = resolve(review, root / "notebooks", every, sets)
    period = review.calendar(source).period(given["period"])
    others = parameters_of_all(review, root / "notebooks")
    return Order(period, source, resolved.review, resolved.parameters, root, others)
