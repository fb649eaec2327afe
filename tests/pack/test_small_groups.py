"""What is grouped by two columns at once: nothing but feature adoption, whose small groups readers do not see."""

import re
from itertools import pairwise
from pathlib import Path

import nbformat
import openpyxl
import pandas as pd
import pytest
import yaml
from pypdf import PdfReader

from helpers import results
from helpers.pack.notebook_content import tables_of
from helpers.params import load_review, load_source
from tests.pack.requests import ROOT, made_request

PAIR = "persona / feature"
# The columns of tables that hold what customers, and what belongs to them, are grouped by.
DIMENSIONS = {
    "segment", "country", "owner", "plan", "source", "channel", "product_type", "product", "family", "vendor",
    "department", "persona", "feature", "topic", "meter", "reason", "category", "stage", "kind", "state", "movement",
}  # fmt: skip
# A list has a line per customer, or per thing that one customer has, and says so: it shows no groups.
KEYS = {"customer_id", "user_id", "deal_id", "subscription_id"}
# Lists of what the company does, none of whose lines is of customers.
OF_THE_COMPANY = {
    "All experiments", "Improvements on the way to value",
    "Registered customer performance indicators, each with its verdict",
}  # fmt: skip
SMALLEST = 5


def notebooks(folder: Path) -> list[nbformat.NotebookNode]:
    return [nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))]


def test_nothing_but_feature_adoption_is_grouped_by_two_columns(built):
    """Of all figures and tables of all themes. Whoever adds another pair has to say who may see its small groups."""
    found = results.read_csv(str(built.folder / "results.csv"))
    by = set(found["segment_by"])
    assert {"segment", "source", "channel", "topic", "meter", "reason", PAIR} <= by
    assert {each for each in by if " / " in each or " x " in each} == {PAIR}
    assert set(found.loc[found["segment_by"] == PAIR, "kpi_id"]) == {"feature_adoption"}
    tables = [table for notebook in notebooks(built.folder / "notebooks") for table in tables_of(notebook)]
    assert len(tables) > 60
    paired = {
        table["title"]: sorted(DIMENSIONS & columns)
        for table in tables
        for columns in [{column["name"] for column in table["schema"]["fields"]}]
        if not KEYS & columns and len(DIMENSIONS & columns) > 1
    }
    assert {title: columns for title, columns in paired.items() if title not in OF_THE_COMPANY} == {
        "Feature adoption by persona and feature, %, 2026Q3": ["feature", "persona"]
    }


@pytest.fixture(scope="module")
def folder(build, company, tmp_path_factory) -> Path:
    """A pack of product activity, whole and for readers of groups of five customers or more."""
    made = tmp_path_factory.mktemp("small_groups")
    written = yaml.safe_load((ROOT / "params/review.yml").read_text())
    kept = {name: written[name] for name in ("company", "currency", "timezone", "rules", "brand")}
    themes = {"product_activity": {"persona_features": {"technician": ["mobile app"]}}}
    (made / "review.yml").write_text(
        yaml.safe_dump({**kept, "themes": themes, "audiences": {"board": {"smallest_group": SMALLEST}}})
    )
    given = {"period": "2026Q3", "source": str(company), "review": str(made / "review.yml"), "as_of": "2026-09-30"}
    order = made_request(load_review(made / "review.yml"), load_source(company), given)
    done = build(order, made / "out")
    assert done.exit_status == 0
    return done.folder.resolve()


def customers_of_cells(prepared: Path) -> pd.DataFrame:
    """Of each persona and feature, the users and the customers who used it in 28 days, counted anew."""
    users, events, paid = (
        pd.read_parquet(prepared / f"{name}.parquet") for name in ("users", "events", "subscriptions")
    )
    day = pd.Timestamp("2026-09-30").date()
    paid = paid[paid["left_out"].isna() & (paid["start_on"] <= day) & ~(paid["end_on"] <= day)]
    users = users[users["left_out"].isna() & users["customer_id"].isin(paid["customer_id"])]
    users = users[(users["known_from"] <= day) & (users["known_until"] >= day)]
    users = users[(users["created_on"] <= day) & ~(users["deactivated_on"] <= day)]
    events = events[events["left_out"].isna() & ~events["is_automated"] & events["feature"].notna()]
    events = events[(events["active_on"] <= day) & (events["active_on"] > day - pd.Timedelta(days=28))]
    found = events[["user_id", "feature"]].drop_duplicates().merge(users, on="user_id")
    found["segment"] = found["persona"].fillna("(none)") + " / " + found["feature"]
    return found.groupby("segment").agg(users=("user_id", "nunique"), customers=("customer_id", "nunique"))


@pytest.mark.slow
def test_readers_see_no_share_of_a_persona_and_feature_that_few_customers_have(folder):
    counted = customers_of_cells(folder.parent / "made_from/prepared")
    now = {}
    for name in ("", "board"):
        figures = results.read_csv(str(folder / name / "results.csv"))
        now[name] = figures[(figures["segment_by"] == PAIR) & (figures["period"] == "2026Q3")].set_index("segment")
    whole, seen = now[""], now["board"]
    assert whole.loc[counted.index, "numerator"].astype(int).to_dict() == counted["users"].to_dict()
    small = sorted(counted.index[counted["customers"] < SMALLEST])
    assert len(small) > 5
    numbers = ["value", "numerator", "denominator", "n", "ci_low", "ci_high"]
    assert (seen.loc[small, "status"] == "refused").all()
    assert seen.loc[small, numbers].isna().all(axis=None)
    shown = seen.index[seen["status"] != "refused"]
    assert len(shown) > 5
    pd.testing.assert_frame_equal(seen.loc[shown, numbers], whole.loc[shown, numbers])
    assert len(numbers_beside(folder / "figures.xlsx", small)) == 9 * len(small)
    assert numbers_beside(folder / "board/figures.xlsx", small) == []
    html = (folder / "board/pack.html").read_text()
    words = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))
    paper = " ".join(page.extract_text() for page in PdfReader(folder / "board/pack.pdf").pages)
    for name in small:
        persona, feature = name.split(" / ")
        assert f"{persona} {feature} – – – – –" in words
        assert not re.search(rf"{re.escape(feature)} by {re.escape(persona)} \(", words + paper)


def numbers_beside(book: Path, segments: list[str]) -> list[float]:
    """The numbers in the six cells right of each of these personas and features, in the lines of 2026Q3."""
    found, seen = [], 0
    for sheet in openpyxl.load_workbook(book):
        for line in sheet.iter_rows(values_only=True):
            named = [f"{left} / {right}" if right else left for left, right in pairwise(line)]
            for at in [i for i in range(len(named)) if named[i] in segments or line[i] in segments]:
                own = line[at + 1 : at + 7]
                if line[at] not in segments or "2026Q3" in own:
                    seen += 1
                    found += [cell for cell in line[at + 1 : at + 7] if isinstance(cell, int | float)]
    assert seen == 2 * len(segments)  # in the table behind the chart, and among the results
    return found
