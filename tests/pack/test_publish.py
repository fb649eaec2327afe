"""Published versions: frozen as the draft was, refused where they would not be; and whether they come again."""

import json
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from helpers import results
from helpers.pack import archive
from helpers.pack.archive import code_fingerprint, locked
from tests.pack.projects import BUILD, Project
from tests.pack.requests import ROOT

TABLES = ("customers", "subscriptions", "deals", "stage_history", "products", "fx_rates", "invoices")
SAME_BYTES = ("pack.html", "pack.pdf", "figures.xlsx", "results.csv")


@pytest.fixture
def books(tmp_path, drafted) -> Project:
    shutil.copytree(drafted, tmp_path / "books", symlinks=True)
    return Project(tmp_path / "books")


@pytest.fixture
def published(books) -> Path:
    assert books.run("publish", "2026Q3").status == 0
    return books.folder / "reports/published/2026Q3/v1"


def manifest(pack: Path) -> dict:
    return json.loads((pack / "manifest.json").read_text())


def kept_tables(pack: Path) -> list[str]:
    return sorted(file.stem for file in (pack / "made_from/prepared").glob("*.parquet"))


def change(pack: Path, name: str, text: str | None) -> None:
    """Changes a file of a pack as somebody may who has the right to; none removes it."""
    for folder in (pack, (pack / name).parent):
        folder.chmod(0o755)
    (pack / name).unlink(missing_ok=True)
    if text is not None:
        (pack / name).write_text(text)


# --- what is frozen ---------------------------------------------------------------------------------------------------


def test_a_version_is_read_only_and_says_who_when_and_from_which_draft(books, published):
    paths = [published, *published.rglob("*")]
    assert not [path for path in paths if path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)]
    told = manifest(published)
    assert told["status"] == "PUBLISHED"
    draft = (books.folder / "reports/2026Q3").resolve().parent.name
    assert told["published"] | {"at": "", "by": ""} == {
        "version": 1, "at": "", "by": "", "reason": "", "partial": "", "draft": draft,
    }  # fmt: skip
    assert told["published"]["at"] >= told["built_at"]
    assert told["published"]["by"]


@pytest.mark.slow
def test_the_figures_are_the_drafts_byte_for_byte_and_only_the_status_of_the_page_is_another(books, published):
    draft = books.folder / "reports/2026Q3"
    assert (published / "results.csv").read_bytes() == (draft / "results.csv").read_bytes()
    old, new = ((pack / "pack.html").read_text() for pack in (draft, published))
    edition = re.compile('<p class="quiet">Version 1, published on [^<]*</p>')
    assert len(edition.findall(new)) == 1
    of_drafts = re.compile(
        '(?s)<details class="fold"><summary><h3>Open before .*?</details>| <span class="quiet">No comm[^<]*</span>'
    )
    assert edition.sub("", new) == of_drafts.sub("", old).replace('"status">DRAFT', '"status">PUBLISHED')


def test_what_is_about_to_be_frozen_is_shown(books):
    told = books.run("publish", "2026Q3").out
    assert told.startswith("Fine Co, 2026Q3, version 1\n")
    for words in ("from Books", "themes: new_revenue", "held against no earlier pack"):
        assert words in told


@pytest.mark.slow
def test_a_correction_is_a_second_version_with_its_reason_and_the_first_stays(books, published):
    before = {path: path.read_bytes() for path in published.rglob("*") if path.is_file()}
    assert books.run(*BUILD).status == 0  # held against version 1 now
    assert books.run("publish", "2026Q3", "--correct", "A deal was booked twice").status == 0
    second = published.parent / "v2"
    assert manifest(second)["published"]["reason"] == "A deal was booked twice"
    assert manifest(second)["compared_with"] == "2026Q3/v1"
    assert "Corrects version 1: A deal was booked twice" in (second / "pack.html").read_text()
    assert {path: path.read_bytes() for path in published.rglob("*") if path.is_file()} == before
    assert books.run("verify", "reports/published/2026Q3", "--as-published").status == 0


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(books: Project, *arguments: str) -> list[str]:
    there = sorted((books.folder / "reports/published").rglob("*"))
    found = books.run("publish", *arguments)
    assert found.status == 1
    assert sorted((books.folder / "reports/published").rglob("*")) == there
    return found.lines


def test_a_period_without_a_draft_is_refused(books):
    assert refused(books, "2026Q2") == [
        "reports/2026Q2 is no draft; build it first: kpi-review build --period 2026Q2 --source …"
    ]
    assert "is no draft" in refused(books, "../reports/2026Q3")[0]


@pytest.mark.slow
def test_a_second_version_needs_a_reason_and_a_first_has_nothing_to_correct(books, published):
    assert books.run(*BUILD).status == 0
    assert refused(books, "2026Q3") == [
        "the pack of 2026Q3 (v1) is published; a version after it corrects it: give --correct REASON"
    ]
    shutil.rmtree(published.parents[1])
    assert books.run(*BUILD).status == 0
    assert refused(books, "2026Q3", "--correct", "No reason") == [
        "nothing of 2026Q3 is published, so there is nothing to correct; leave --correct out"
    ]


@pytest.mark.slow
def test_the_pack_of_another_company_is_not_corrected(books, published):
    """What came first under the same period was another's, most often the made-up company's."""
    review = (books.folder / "params/review.yml").read_text()
    books.write("params/review.yml", review.replace("Fine Co", "Our Co"))
    assert books.run(*BUILD).status == 0
    assert "Nothing was compared" in (books.folder / "reports/2026Q3/pack.html").read_text()
    for more in ((), ("--correct", "It was wrong")):
        assert refused(books, "2026Q3", *more) == [
            "reports/published/2026Q3/v1 is of Fine Co, and this draft is of Our Co, which corrects nothing of it; "
            "build and publish it in another folder, with --out"
        ]
    assert books.run(*BUILD, "--out", "ours").status == 0
    assert books.run("publish", "2026Q3", "--out", "ours").status == 0


def test_a_draft_that_was_changed_by_hand_is_refused_with_every_file(books):
    draft = books.folder / "reports/2026Q3"
    change(draft, "results.csv", "mrr,1000000")
    change(draft, "pack.pdf", None)
    change(draft, "note.txt", "see me")
    assert refused(books, "2026Q3") == [
        f"{draft.resolve() / name}; build the draft again"
        for name in ("pack.pdf is gone", "results.csv was changed", "note.txt is no file of this pack")
    ]


@pytest.mark.slow
def test_a_draft_of_other_code_or_other_packages_is_refused(books):
    notebook = books.folder / "notebooks/new_revenue.ipynb"
    text = notebook.read_text()
    notebook.unlink()
    notebook.write_text(text.replace("# New revenue", "# Revenue, new"))
    assert refused(books, "2026Q3") == [
        "reports/2026Q3 was built by other helpers, notebooks or templates than those of today; build it again"
    ]
    notebook.write_text(text)
    draft = (books.folder / "reports/2026Q3").resolve()
    told = manifest(draft)
    told["versions"]["duckdb"] = "0.1"
    (draft / "manifest.json").write_text(json.dumps(told))
    assert refused(books, "2026Q3") == ["reports/2026Q3 was built with other versions of duckdb; build it again"]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["kpis/new_revenue/new_revenue.sql", "locale/ru/LC_MESSAGES/messages.po"])
def test_a_query_and_a_translation_are_code(books, file, tmp_path, monkeypatch):
    """Pages print both. Their text alone would be another than that of the figures beside it.

    The kit lies elsewhere than the project, as where it is installed.
    """
    kit = tmp_path / "kit"
    for name in ("helpers", "templates"):
        shutil.copytree(ROOT / name, kit / name, ignore=shutil.ignore_patterns("__pycache__"))
        (books.folder / name).unlink()
    helpers = kit / "helpers"
    monkeypatch.setattr(archive, "KIT", kit)
    before = code_fingerprint(books.folder)
    assert before == manifest(books.folder / "reports/2026Q3")["fingerprints"]["code"]
    with (helpers / file).open("a") as text:
        text.write("\n-- another\n")
    assert code_fingerprint(books.folder) != before
    [line] = refused(books, "2026Q3")
    assert "was built by other helpers, notebooks or templates" in line


@pytest.mark.slow
def test_what_was_said_or_signed_since_the_draft_was_built_is_not_left_out(books):
    """The table of sign-offs would say that nobody signed."""
    folder = "params/commentary/2026Q3"
    books.write(f"{folder}/signoff.yml", "new_revenue: {by: Head of sales, on: 2026-10-13}")
    books.write(f"{folder}/notes.txt", "to myself")
    said = "was changed since the draft was built; build it again"
    assert refused(books, "2026Q3") == [f"{folder}/signoff.yml {said}"]
    assert books.run(*BUILD).status == 0
    text = books.write(f"{folder}/summary.md", "---\nauthor: Head of sales\ndate: 2026-10-13\n---\nWell.")
    assert refused(books, "2026Q3") == [f"{folder}/summary.md {said}"]
    assert books.run(*BUILD).status == 0
    text.unlink()
    assert refused(books, "2026Q3") == [f"{folder}/summary.md {said}"]
    assert books.run(*BUILD).status == 0
    assert books.run("publish", "2026Q3").status == 0


@pytest.mark.slow
def test_what_is_said_to_an_audience_alone_needs_its_author_and_day_too(books):
    review = (books.folder / "params/review.yml").read_text()
    books.write("params/review.yml", f"{review}audiences: {{board: {{smallest_group: 1}}}}\n")
    books.write("params/commentary/2026Q3/board/new_revenue.md", "---\nauthor: Head of sales\n---\nWell done.")
    assert books.run(*BUILD).status == 0
    [line] = refused(books, "2026Q3")
    assert line.startswith("params/commentary/2026Q3/board/new_revenue.md has no date; add it at the top")


@pytest.mark.slow
def test_a_draft_that_is_held_against_another_pack_than_the_last_is_refused(books, published):
    shutil.copytree(published, published.parents[1] / "2026Q2/v1")
    shutil.rmtree(published.parent)
    [line] = refused(books, "2026Q3")
    assert line.startswith("reports/2026Q3 is held against no earlier pack, and the pack of 2026Q2 (v1) was published ")
    assert line.endswith("since; build it again")


@pytest.mark.slow
def test_a_failed_section_needs_a_reason_which_the_cover_tells(books):
    books.write("params/review.yml", (books.folder / "params/review.yml").read_text().replace(
        "{new_revenue: {}}", "{new_revenue: {}, cash: {}}"))  # fmt: skip
    books.notebook("cash", "1 / 0")
    assert books.run(*BUILD).status == 2
    [line] = refused(books, "2026Q3")
    assert line == "reports/2026Q3 is PARTIAL: cash failed; mend it and build again, or give --partial REASON"
    assert books.run("publish", "2026Q3", "--partial", "The bank was late").status == 0
    pack = books.folder / "reports/published/2026Q3/v1"
    assert manifest(pack)["status"] == "PARTIAL"
    assert "Published in part: The bank was late" in (pack / "pack.html").read_text()


@pytest.mark.slow
def test_a_draft_without_a_theme_of_the_review_or_of_a_running_quarter_is_incomplete(books):
    books.write("params/review.yml", (books.folder / "params/review.yml").read_text().replace(
        "{new_revenue: {}}", "{new_revenue: {}, cash: {}}"))  # fmt: skip
    books.notebook("cash", "print(1)")
    assert books.run(*BUILD, "--only", "new_revenue", "--as-of", "2026-08-31").status == 0
    assert refused(books, "2026Q3") == [
        "reports/2026Q3 lacks cash; build it without --only, or give --partial REASON",
        "reports/2026Q3 is of 62 of 92 days; build it when the period is over, or give --partial REASON",
    ]


@pytest.mark.slow
def test_a_section_that_failed_for_an_audience_alone_needs_a_reason_too(books):
    review = (books.folder / "params/review.yml").read_text()
    books.write("params/review.yml", f"{review}audiences: {{board: {{smallest_group: 2}}}}\n")
    (books.folder / "notebooks/new_revenue.ipynb").unlink()  # a link to that of the kit
    books.notebook("new_revenue", "import os\nassert 'audiences' not in os.environ['KPI_REVIEW_PREPARED']")
    assert books.run(*BUILD).status == 2
    [line] = refused(books, "2026Q3")
    assert line == (
        "reports/2026Q3 is PARTIAL: board/new_revenue failed; mend it and build again, or give --partial REASON"
    )


@pytest.mark.slow
def test_what_a_killed_publish_left_goes_and_what_another_works_on_stays(books):
    """A publish that is killed leaves a hidden folder, all of it read-only if it was killed at the end."""
    place = books.folder / "reports/published/2026Q3"
    killed, at_work = place / ".v1-99", place / ".v1-98"
    for folder in (killed / "pack", at_work / "pack"):
        folder.mkdir(parents=True)
        (folder / "pack.html").write_text("half")
        (folder.parent / "at-work").touch()
    (killed / "pack").chmod(0o555)
    with locked(at_work):
        assert books.run("publish", "2026Q3").status == 0
        assert sorted(path.name for path in place.iterdir()) == [".v1-98", "v1"]
    assert (at_work / "pack/pack.html").exists()


# --- verify -----------------------------------------------------------------------------------------------------------


def test_every_file_that_is_not_as_it_was_written_is_told(books, published):
    change(published, "pack.pdf", "another")
    change(published, "made_from/prepared/deals.parquet", None)
    found = books.run("verify", "reports/published/2026Q3")
    assert found.status == 1
    place = "reports/published/2026Q3/v1"
    assert found.lines == [f"{place}/made_from/prepared/deals.parquet is gone", f"{place}/pack.pdf was changed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "pack"), [("published", "2026Q3"), ("published/2026Q3", "v1"), ("published/2026Q3/v1", "."),
                        ("published/2026Q3", "."), (".", "2026Q3"), ("2026Q3", ".")],
)  # fmt: skip
def test_a_pack_is_verified_from_any_folder(books, published, place, pack):
    inside = replace(books, folder=books.folder / "reports" / place)
    found = inside.run("verify", pack, "--as-published")
    assert (found.status, found.out.count("the same bytes")) == (0, len(SAME_BYTES))


@pytest.mark.slow
def test_the_same_data_and_code_give_the_same_figures_and_the_kept_tables_the_same_bytes(books, published):
    found = books.run("verify", "reports/published/2026Q3")
    figures = len(results.read_csv(str(published / "results.csv")))
    assert found.status == 0
    assert found.out.splitlines()[1:] == [
        "data: the same", "code: the same", f"figures: {figures} of {figures} are the same",
    ]  # fmt: skip
    for pack in ("reports/2026Q3", "reports/published/2026Q3"):
        found = books.run("verify", pack, "--as-published")
        assert found.status == 0
        assert found.out.splitlines()[1:] == [f"{name}: the same bytes" for name in SAME_BYTES]


@pytest.mark.slow
def test_figures_that_are_others_today_are_told_with_both_values_those_of_the_period_first(books, published):
    then = results.read_csv(str(published / "results.csv"))
    old = then[(then.kpi_id == "new_revenue") & (then.segment == "") & (then.period == "2026Q3")].value.item()
    tables = {name: f"from '{name}.parquet'" for name in TABLES}
    tables["deals"] = "select * replace (2 * amount as amount) from 'deals.parquet'"
    books.source("\n".join(f"  {name}: {query}" for name, query in tables.items()))
    found = books.run("verify", "reports/published/2026Q3")
    assert found.status == 2
    data, _, figures, *differing = found.out.splitlines()[1:]
    assert data == "data: other rows than then"
    assert figures.endswith(f" differ from the {len(then)} of the pack")
    assert f"  new_revenue 2026Q3: value was {old} and is {2 * old}" in differing


@pytest.mark.slow
def test_what_is_no_longer_there_to_make_a_pack_again_is_told(books, published):
    (books.folder / "reports/published/2026Q2").mkdir()
    shutil.copytree(published, published.parents[1] / "2026Q1/v1")
    shutil.rmtree(published.parent)
    keep = "keep: {packs: 1, without: [customers.name]}\n"
    books.write("params/review.yml", (books.folder / "params/review.yml").read_text() + keep)
    assert books.run(*BUILD).status == 0
    assert books.run("publish", "2026Q3").status == 0
    assert kept_tables(published) == sorted(TABLES)
    names = duckdb.sql(f"describe from '{published / 'made_from/prepared/customers.parquet'}'").fetchall()
    assert "customer_id" in {name for name, *_ in names}
    assert "name" not in {name for name, *_ in names}
    found = books.run("verify", "reports/published/2026Q3", "--as-published")
    assert (found.status, found.lines) == (
        1,
        [
            "reports/published/2026Q3/v1/made_from/prepared was kept without customers.name, as review.yml asks",
            f"{published.parents[1] / '2026Q1/v1'}, which the pack was held against, is kept without its tables, so "
            "causes cannot be found again",
        ],
    )
    oldest = published.parents[1] / "2026Q1/v1"
    assert not kept_tables(oldest)
    found = books.run("verify", "reports/published/2026Q1", "--as-published")
    assert found.status == 1
    assert "its tables were removed on" in found.lines[0]
    assert found.lines[0].endswith("since keep.packs is 1 in review.yml")


def test_a_column_to_leave_out_that_no_table_has_is_refused_before_anything_is_read(books):
    keep = "keep: {without: [customers.nam, deals.owners]}\n"
    books.write("params/review.yml", (books.folder / "params/review.yml").read_text() + keep)
    draft = (books.folder / "reports/2026Q3").resolve()
    told = [
        "params/review.yml: keep.without: customers.nam is not a column; did you mean 'name'?",
        "params/review.yml: keep.without: deals.owners is not a column; did you mean 'owner'?",
    ]
    for command in (BUILD, ("check", *BUILD[1:])):
        found = books.run(*command)
        assert (found.status, [line.removeprefix("2026Q3: ") for line in found.lines]) == (1, told)
    assert (books.folder / "reports/2026Q3").resolve() == draft
