"""Who wrote and who signed: a draft tells what is open, what is published who signed."""

import io
from dataclasses import replace
from datetime import date

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from helpers.errors import KitError
from helpers.pack.commentary import SignOff
from helpers.pack.sign_off import open_points, publishing_faults, sign_off_table
from helpers.pack.verified import marks
from helpers.params import Review, load_review
from tests.canonical import source
from tests.pack.fixtures import html_of, pdf_of, sections, view
from tests.pack.requests import made_request

OWNERS = {"recurring_revenue": "Head of finance", "new_revenue": "Head of sales"}
HEAD = "---\nauthor: {}\ndate: 2026-10-12\n---\n"


@pytest.fixture
def asked(tmp_path):
    """Gives a request for two themes over a folder with these files of commentary."""

    def call(owners=OWNERS, verified=None, only=(), **files):
        folder = tmp_path / "commentary/2026Q3"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / (f"{name}.yml" if name == "signoff" else f"{name}.md")).write_text(text)
        themes = {"new_revenue": {}, "recurring_revenue": {}}
        review = Review.model_validate({"company": "A", "themes": themes, "owners": owners, "verified": verified or {}})
        review._path = tmp_path / "review.yml"
        return made_request(
            review, source(deals="deal_id | created_at\nD1 | 2026-01-01"), {"period": "2026Q3"}, only=only
        )

    return call


def test_all_that_is_open_is_told_in_sentences(asked):
    order = asked(
        summary="Fine.",
        new_revenue="---\nauthor: Head of sales\n---\nFine.",
        signoff="new_revenue: {by: Head of marketing, on: 2026-10-12}",
        verified={"nrr": {"by": "Ana", "on": "2026-09-01", "of": "00000000-00000000"}},
    )
    first, *others, last = open_points(order, marks(order))
    assert first == "Not signed off: Recurring revenue (Head of finance)."
    assert others == [
        "Signed off by another than the owner: New revenue (Head of marketing for Head of sales).",
        "No commentary yet: Recurring revenue.",
        "Commentary that does not say whose it is, and of which day: Summary (no author and no date), "
        "New revenue (no date).",
    ]
    assert last.startswith(
        "No longer verified: Net revenue retention (NRR) (Verification by Ana, 1 Sept 2026, lapsed: "
    )


def test_nothing_is_open_where_all_is_said_and_signed(asked):
    texts = {name: HEAD.format("Ana") + "Fine." for name in ("summary", "new_revenue", "recurring_revenue")}
    signed = (
        "new_revenue: {by: head of  Sales, on: 2026-10-12}\nrecurring_revenue: {by: Head of finance, on: 2026-10-12}"
    )
    order = asked(**texts, signoff=signed)
    assert (
        open_points(order, marks(order)),
        publishing_faults(order.commentary(), order.parameters, order.commentary_folder),
    ) == ([], [])


def test_nobody_is_asked_to_sign_who_owns_nothing_here(asked):
    order = asked(owners={}, only=("new_revenue",))
    assert open_points(order, marks(order)) == ["No commentary yet: New revenue."]


def test_a_text_without_author_or_date_may_not_be_published(asked):
    order = asked(summary="Fine.", new_revenue="---\nauthor: Ana\n---\nFine.", recurring_revenue=" \n")
    found = publishing_faults(order.commentary(), order.parameters, order.commentary_folder)
    assert [fault.rpartition("/")[2].partition(";")[0] for fault in found] == [
        "summary.md has no author and no date", "new_revenue.md has no date",
    ]  # fmt: skip


def test_the_table_says_who_signed_and_who_did_not():
    signed = {
        "new_revenue": SignOff(by="Head of sales", on=date(2026, 10, 12)),
        "cash": SignOff(by="Ben", on=date(2026, 10, 13), remark="but for the loan"),
    }
    table = sign_off_table(["new_revenue", "recurring_revenue", "cash", "time_to_value"], OWNERS, signed)
    assert table["rows"] == [
        ["New revenue", "Head of sales", "✓ 12 Oct 2026"],
        ["Recurring revenue", "Head of finance", "not signed off"],
        ["Cash", "no owner", "✓ 13 Oct 2026, by Ben: but for the loan"],
    ]
    assert sign_off_table(["time_to_value"], {}, {}) is None


# --- on the pages -----------------------------------------------------------------------------------------------------

TABLE = sign_off_table(["recurring_revenue"], OWNERS, {})
OPEN = ["Not signed off: Recurring revenue (Head of finance)."]


def told(**more):
    given = sections()
    given[0] = replace(given[0], said_by="<b>Ana</b>, 12 Oct 2026")
    pages = view(open_points=OPEN, sign_offs=TABLE, said_by="Head of sales, 12 Oct 2026", **more)
    html = BeautifulSoup(html_of(pages, given), "html.parser").get_text(" ")
    reader = PdfReader(io.BytesIO(pdf_of(pages, given)))
    return " ".join(html.split()), " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize("status", ["DRAFT", "PARTIAL"])
def test_a_draft_tells_what_is_open_and_which_theme_is_silent(status):
    html, pdf = told(status=status)
    for text in (html, pdf):
        assert OPEN[0] in text
        assert "Sign-off" not in text
    assert html.count("No commentary yet.") == 2  # of three sections


def test_what_is_published_tells_who_signed_and_of_no_silence():
    html, pdf = told(status="PUBLISHED", edition="Version 1, published on 14 Oct 2026 by mara")
    for text in (html, pdf):
        assert "Sign-off" in text
        assert "not signed off" in text
        assert "Open before" not in text
        assert "No commentary yet." not in text


def test_who_wrote_a_text_stands_by_it_as_it_is_written():
    for text in told():
        assert "From management Head of sales, 12 Oct 2026 The quarter was slow" in text
        assert "From management <b>Ana</b>, 12 Oct 2026 Two renewals slipped" in text


def test_an_owner_of_a_theme_that_there_is_not_is_refused_with_the_nearest(tmp_path):
    path = tmp_path / "review.yml"
    path.write_text(
        "company: A\nthemes: {new_revenue: {}}\nowners:\n  new_revenu: Ana\nverified:\n"
        "  nr: {by: A, on: 2026-09-01, of: 00000000-00000000}\n"
    )
    with pytest.raises(KitError) as fault:
        load_review(path)
    assert [each.partition(", ")[2] for each in fault.value.faults] == [
        "line 4: owners.new_revenu is not a theme of this review; did you mean 'new_revenue'?",
        "line 6: verified.nr is not a KPI of the kit; did you mean 'nrr'?",
    ]
