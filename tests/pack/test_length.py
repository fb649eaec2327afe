"""The pack of the whole sample: short enough for a meeting, and no page is a third blank."""

import pytest
from pypdf import PdfReader

from tests.pack.requests import ROOT, request_of

MM = 72 / 25.4  # points
MOST_PAGES, MARGINS, FOOT = 30, 34 * MM, 16 * MM


@pytest.fixture(scope="module")
def reader(build, sample_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (folder / "data").symlink_to(sample_folder(customers=300, seed=2026))
    source = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", "data")
    (folder / "source.yml").write_text(source)
    built = build(request_of(folder / "source.yml"), folder)
    return PdfReader(built.folder / "pack.pdf")


def blank(page):
    """The part of a page's room that is empty below its last text; words in charts are text."""
    heights = []
    page.extract_text(
        visitor_text=lambda text, cm, tm, *_: heights.append(cm[5] + tm[5] * cm[3]) if text.strip() else 0
    )
    return (min(height for height in heights if height > FOOT) - FOOT) / (float(page.mediabox.height) - MARGINS)


@pytest.mark.slow
def test_the_sample_has_thirty_pages_at_most(reader):
    assert len(reader.pages) <= MOST_PAGES


@pytest.mark.slow
def test_no_page_but_the_last_is_a_third_blank(reader):
    found = {number: round(blank(page), 2) for number, page in enumerate(reader.pages, start=1)}
    assert {number: part for number, part in list(found.items())[:-1] if part > 1 / 3} == {}


@pytest.mark.slow
def test_page_two_is_enough_and_actions_follow_on_page_three(reader):
    text = " ".join(reader.pages[1].extract_text().split())
    for told in ("WENT WELL", "DID NOT", "Asked of the board", "Scorecard", "Did the warning work?"):
        assert told in text
    assert "Did it move?" in " ".join(reader.pages[2].extract_text().split())
