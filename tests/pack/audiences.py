"""A review of two themes whose pack has audiences."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import yaml

from helpers.pack.request import BuildRequest
from helpers.params import load_review, load_source
from tests.pack.requests import ROOT, made_request

KEY = "a key that is long enough for this"
THEMES = ("recurring_revenue", "inactive_customers")
BOARD = {"hide": ["customers.owner", "customers.contact_email"], "customers": "pseudonyms", "smallest_group": 3}


def audience_request(
    company: Path, folder: Path, audiences: dict, root: Path = ROOT, commentary: dict | None = None
) -> BuildRequest:
    """A request for a review of two themes with these audiences, and commentary by file."""
    written = yaml.safe_load((ROOT / "params/review.yml").read_text())
    kept = {name: written[name] for name in ("company", "currency", "timezone", "rules", "brand", "targets")}
    themes = {theme: written["themes"][theme] for theme in THEMES}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "review.yml").write_text(
        yaml.safe_dump({**kept, "themes": themes, "audiences": audiences}, sort_keys=False)
    )
    for path, text in (commentary or {}).items():
        file = folder / "commentary/2026Q3" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    given = {"period": "2026Q3", "source": str(company), "review": str(folder / "review.yml"), "as_of": "2026-09-30"}
    return made_request(load_review(folder / "review.yml"), load_source(company), given, root=root)


def most_frequent_owner(company: Path) -> str:
    """The owner of the most customers."""
    return pd.read_parquet(company.parent / "data/customers.parquet")["owner"].mode()[0]
