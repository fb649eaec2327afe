"""The body of a mail: the figures and words of page 2, for whom they are, in their language, and nothing else."""

import io
import json
import re
import shutil
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from helpers import results
from helpers.catalogue import CATALOGUE
from helpers.data.prepared import Prepared
from helpers.errors import KitError
from helpers.language import LOCALES
from helpers.mail.body import MOST, prose_text
from helpers.mail.message import message_of
from helpers.pack.appearance import contrast
from helpers.pack.rich_text import markdown_parts
from helpers.texts import spoken
from tests.mail.bodies import ATTACHED, body, pack_in, page_of, squeezed, words_of
from tests.mail.conftest import REASON
from tests.pack.hostile import COMPANY, NAMES, settable, shown
from tests.pack.projects import BUILD, project
from tests.pack.test_audiences import hidden_of, in_text

OTHERS = [language for language in LOCALES if language != "en"]
CELLS = ("value", "previous", "year_ago", "target", "signal")


def scorecard(page):
    """The rows of the message's scorecard by KPI: what each cell says at a desk."""
    found = {}
    for row in page.find("table", {"aria-label": True, "class": "cards"}).find_all("tr", role="row"):
        for label in row.select(".label"):
            label.decompose()
        if row.td:
            found[words_of(row.th)] = dict(zip(CELLS, map(words_of, row.find_all("td")), strict=False))
    return found


def number(text):
    """A figure as a number: shares as shares."""
    digits = float(re.sub(r"[^\d.−]", "", text).replace("−", "-"))
    return digits / 100 if "%" in text else digits


@pytest.fixture(scope="module")
def made(sample):
    return body(sample)


@pytest.fixture(scope="module")
def page(made):
    return page_of(made)


@pytest.fixture(scope="module")
def pack(sample):
    """The pack's own page."""
    return BeautifulSoup((sample.folder / "pack.html").read_text(encoding="utf-8"), "html.parser")


# --- what it says -----------------------------------------------------------------------------------------------------


def test_it_says_whose_review_of_which_period_it_is_and_that_it_is_a_draft(made, page):
    assert (made.company, made.title, made.period, made.status) == (
        "Talvenor", "Quarterly KPI review", "2026Q3", "draft",
    )  # fmt: skip
    assert words_of(page.h1) == "Quarterly KPI review 2026Q3"
    assert words_of(page.select_one(".status")).startswith("DRAFT Not published yet")
    assert "DRAFT – Not published yet" in made.text
    assert "1 Jul – 30 Sept 2026 · as known at the end of 30 Sept 2026" in made.text
    assert "Confidential" in words_of(page.select_one(".band"))


def test_the_summary_is_that_of_page_two(page, pack):
    assert words_of(page.select_one(".verdict")) == words_of(pack.select_one(".verdict"))
    assert words_of(page.select_one(".carried")) == words_of(pack.select_one(".carried"))
    news = [words_of(each) for each in page.select(".news")]
    assert news == [words_of(each) for each in pack.select(".sides li")]
    assert len(news) > 3
    assert words_of(pack.select_one(".note")).endswith(
        words_of(page.select_one(".note")).removeprefix("Changes of money are in per cent. ")
    )
    assert squeezed(words_of(pack.select_one(".asked p"))) in squeezed(page.get_text())
    assert squeezed(words_of(pack.select_one(".warned p"))) in squeezed(page.get_text())


def test_the_scorecard_has_every_cell_of_page_two(page, pack):
    there = {}
    for row in pack.select("table.scorecard tbody tr:not(.group)"):
        value, *cells = map(words_of, row.find_all("td"))
        if len(cells) == 6:
            previous, year_ago, target, variance, signal, _ = cells
            there[words_of(row.th)] = (value, previous, year_ago, target, variance, signal)
    here = scorecard(page)
    assert list(here) == [words_of(row.th) for row in pack.select("table.scorecard tbody tr:not(.group)")]
    assert len(there) > 8
    for name, (value, previous, year_ago, target, variance, signal) in there.items():
        found = here[name]
        assert (found["value"], found["previous"], found["year_ago"]) == (value, previous, year_ago)
        assert found["signal"] == signal
        told = found["target"].removesuffix(" , met").removesuffix(" , missed")
        assert told == f"{target} {variance}".strip()
    groups = [words_of(row) for row in page.select(".cards .group")]
    assert groups == [words_of(row) for row in pack.select("table.scorecard .group")]


def test_every_figure_of_the_scorecard_is_that_of_results_csv(page, sample):
    """Held against the file itself, each within what is lost where it is rounded."""
    figures = results.read_csv(str(sample.folder / "results.csv"))
    totals = figures[figures["segment"] == ""].set_index(["kpi_id", "period"])["value"]
    ids = {each.label: each.kpi_id for each in CATALOGUE.values()}
    looked_at = 0
    for name, cells in scorecard(page).items():
        label = max((label for label in ids if name.startswith(label)), key=len)
        stands_in = re.search(r", (\d{4}Q\d)", name)
        text = cells["value"].split(" ")[0]
        if text == "–":
            continue
        value = totals[ids[label], stands_in[1] if stands_in else "2026Q3"]
        assert number(text) == pytest.approx(value, abs=0.0005 if "%" in text else max(0.5, abs(value) * 1e-9)), name
        looked_at += 1
    assert looked_at > 10


def test_a_target_that_is_met_says_so_by_a_mark_and_a_word(page):
    told = [cells["target"] for cells in scorecard(page).values()]
    assert all(("✓" in text) == (" , met" in text) and ("✗" in text) == (" , missed" in text) for text in told)
    assert any("✓" in text for text in told)
    assert any("✗" in text for text in told)


def test_what_is_attached_is_told_with_its_size(made, sample):
    assert "- Talvenor-2026Q3.pdf (1.2 MB)\n- Talvenor-2026Q3.xlsx (46 kB)\n" in made.text
    alone = body(sample, attached=[])
    assert re.search(r"Attached\n-+\nNothing\.\n", alone.text)
    assert "Whoever sent this has it." in squeezed_lines(alone.text)
    assert "Recurring revenue" in squeezed_lines(alone.text).partition("The pack has the rest")[2]


def squeezed_lines(text):
    return " ".join(text.split())


def test_nothing_of_the_list_of_calls_is_in_it(made, sample):
    [listed] = sample.folder.glob("exports/call_list.csv")
    names = {line.split(",")[1].strip('"') for line in listed.read_text().splitlines()[1:]}
    assert len(names) > 3
    assert [name for name in names if name in made.text or name in made.html] == []


def test_a_preview_shows_the_verdict(page):
    assert words_of(page.select_one(".preheader")) == words_of(page.select_one(".verdict"))


def test_lines_are_pictures_on_white_whose_words_tell_their_ends(made, page):
    assert len(made.pictures) > 8
    for png in made.pictures.values():
        with Image.open(io.BytesIO(png)) as picture:
            colours = picture.convert("RGBA").getcolors(100_000)
            assert max(colours)[1] in (
                (255, 255, 255, 255),
                (228, 231, 236, 255),
            )  # white, or the band of what is usual
            assert all(alpha == 255 for _, (*_, alpha) in colours)
    assert all(re.search(r"\d{4}.* to .*\d", image["alt"]) for image in page.select(".cards img"))


def test_headings_skip_no_level_and_what_is_read_can_be_read(page):
    levels = [int(heading.name[1]) for heading in page.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    grounds = {"#ffffff"} | {tag["bgcolor"] for tag in page.select("[bgcolor]") if "band" not in tag["class"]}
    inks = set(re.findall(r"[;\"]color:(#\w{6})", str(page))) - {"#ffffff"}
    assert len(inks) > 3
    assert all(contrast(ink, ground) >= 4.5 for ink in inks for ground in grounds)


def test_the_same_pack_gives_the_same_message(made, sample):
    assert message_of(sample, "", None, ATTACHED) == made


# --- languages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", OTHERS)
def test_in_another_language_every_figure_is_the_same_and_no_word_of_the_kit_is_left(language, sample, page):
    made = body(sample, language=language)
    there = page_of(made)
    assert (made.language, there.html["lang"]) == (language, language.replace("_", "-"))
    digits = [
        [re.sub(r"\D", "", cell) for name, cell in cells.items() if name != "signal"]
        for cells in scorecard(there).values()
    ]
    assert digits == [
        [re.sub(r"\D", "", cell) for name, cell in cells.items() if name != "signal"]
        for cells in scorecard(page).values()
    ]
    for own in there.select("[lang=en], .group, .band, head"):  # what management says, and names of the company
        own.decompose()
    words = re.sub(r"Chief executive|Talvenor|Europe/Berlin", "", there.get_text(" "))
    assert re.findall(r"[A-Za-z]{3,} [A-Za-z]{2,}", words) == []
    assert made.status in ("черновик", "草稿")


def with_brand(books, **brand):
    """The draft as though its review had another brand, which no figure depends on."""
    found = pack_in(books.folder / "reports/2026Q3")
    folder = books.folder / "rebranded"
    shutil.copytree(found.made_from, folder)
    file = folder / "prepared/review.json"
    review = json.loads(file.read_text())
    review["brand"] |= brand
    file.write_text(json.dumps(review))
    return replace(found, made_from=folder)


def test_another_language_has_its_own_numbers_and_the_packs_own_has_those_of_the_review(books):
    found = with_brand(books, locale="de_DE", terms={"New bookings": "Abschlüsse"})
    for language in (None, "en"):
        own = body(found, language=language)
        assert re.search(r"Abschlüsse: [\d.]+\xa0€", own.text)
    russian = body(found, language="ru")
    assert re.search(r"Новые договоры: [\d\xa0]+\xa0€", russian.text)
    assert "Abschlüsse" not in russian.text


def test_a_pack_in_another_language_is_told_in_its_own_unless_another_is_asked_for(books):
    found = with_brand(books, language="ru", locale="ru_RU")
    assert body(found).title == "Квартальный обзор KPI"
    made = body(found, language="en")
    assert (made.title, made.language) == ("Quarterly KPI review", "en")
    assert re.search(r"New bookings: €[\d,]+\n", made.text)
    assert page_of(made).select("[lang=ru]")  # what management says is as it was written


def test_a_logo_stands_above_the_title_as_a_picture_that_names_the_company(books):
    found = with_brand(books)
    logo = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="100"><rect width="900" height="100"/></svg>'
    (found.made_from / "logo.svg").write_text(logo)
    made = body(found)
    [image] = page_of(made).select('img[src="cid:logo@kpi-review"]')
    assert (image["width"], image["height"], image["alt"]) == ("180", "20", "Fine Co")


# --- what management says ---------------------------------------------------------------------------------------------


def draft_that_says(books, text):
    """The draft with another summary.md, without a build: figures are as they were."""
    found = pack_in(books.folder / "reports/2026Q3")
    folder = books.folder / "kept"
    shutil.copytree(found.made_from, folder)
    (folder / "commentary/2026Q3/summary.md").write_text(text)
    return replace(found, made_from=folder)


def test_what_management_says_stands_under_its_headings_with_its_figures(books):
    made = body(
        draft_that_says(books, "We kept {{ new_revenue }}.\n\n## Asked of the board\n\n1. Agree.\n2. Or *not*.")
    )
    assert re.search(r"Asked of the board\n-+\n1\. Agree\.\n2\. Or not\.\n", made.text)
    assert re.search(r"From management\n-+\nWe kept €[\d,]+\.\n", made.text)
    assert [words_of(each) for each in page_of(made).select("ol li")] == ["Agree.", "Or not ."]
    assert page_of(made).find("div", lang="en").em.get_text() == "not"


def test_where_nothing_is_asked_it_says_so(books):
    made = body(draft_that_says(books, "Fine."))
    assert re.search(r"Asked of the board\n-+\nNothing\.\n", made.text)


def test_links_are_followed_where_they_lead_out_and_are_text_elsewhere(books):
    text = "[plan](https://example.com/p?a=1&b=2) [mail](mailto:a@example.com) [x](javascript:alert(1)) [y](pack.html)"
    made = body(draft_that_says(books, text))
    assert [a["href"] for a in page_of(made).find_all("a")] == [
        "https://example.com/p?a=1&b=2", "mailto:a@example.com",
    ]  # fmt: skip
    assert "plan (https://example.com/p?a=1&b=2) mail (a@example.com)" in squeezed_lines(made.text)


def test_what_is_too_long_is_shortened_by_whole_paragraphs_and_it_is_said(books):
    asked = "\n\n## Asked of the board\n\nAgree to the plan."
    paragraphs = [f"Paragraph {i}. " + "Words upon words. " * 60 for i in range(200)]
    made = body(draft_that_says(books, "\n\n".join(paragraphs) + asked))
    kept = re.findall(r"Paragraph (\d+)\.", page_of(made).get_text())
    assert 20 < len(kept) < 200
    assert kept == [str(i) for i in range(len(kept))]
    assert kept == re.findall(r"Paragraph (\d+)\.", made.text)
    assert MOST - 3000 < len(made.html.encode()) < MOST  # as much as there is room for
    for told in (words_of(page_of(made)), squeezed_lines(made.text)):
        assert "Shortened here; the pack has all that management says." in told
        assert "Agree to the plan." in told


def test_what_is_asked_at_length_is_shortened_last_and_never_told_as_nothing(books):
    made = body(draft_that_says(books, "Fine.\n\n## Asked of the board\n\n" + "Much. " * 20_000))
    assert "Shortened here; the pack has all that management says." in words_of(page_of(made))
    assert "Nothing." not in made.text


def test_a_body_that_is_too_large_without_it_is_refused_with_its_size(books, monkeypatch):
    monkeypatch.setattr("helpers.mail.body.MOST", 5_000)
    found = pack_in(books.folder / "reports/2026Q3")
    with pytest.raises(KitError, match=r"has [\d,]+ bytes without what management says, and Gmail cuts it at 5,000"):
        message_of(found, "", None, [])


def test_prose_of_every_kind_has_its_marks_in_plain_text():
    text = (
        "# Title\n\nOne\ntwo.\n\n- a\n  - b\n\n- c\n\n> said\n\n```\nx = 1\n  y\n```\n\n"
        "| A | B |\n|--|--|\n| 1 | 2 |\n\n---\n\n3. three\n4. four"
    )
    assert prose_text(markdown_parts(text)) == (
        "Title\n\nOne two.\n\n- a\n  - b\n- c\n\n> said\n\nx = 1\n  y\n\nA · B\n1 · 2\n\n-----\n\n3. three\n4. four"
    )


# --- published --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second(corrected):
    return pack_in(corrected / "reports/published/2026Q3/v2")


def test_a_correction_says_by_whom_and_why_and_what_changed(second):
    made = body(second)
    assert made.status == "version 2, correction"
    standing = words_of(page_of(made).select_one(".status"))
    assert standing.startswith("PUBLISHED Version 2, published on ")
    assert standing.endswith(f"Corrects version 1: {REASON}.")
    expected = restated(second.folder.with_name("v1"), second.folder)
    table = page_of(made).find("table", {"aria-label": "Restated figures"})
    for label in table.select(".label"):
        label.decompose()
    rows = [[words_of(cell) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")[1:]]
    told = {name: (number(old), number(new), difference) for name, old, new, difference in rows[::2]}
    assert told.keys() == expected.keys()
    for name, (old, new) in expected.items():
        assert told[name][:2] == (pytest.approx(old, abs=0.5), pytest.approx(new, abs=0.5))
        assert number(told[name][2].partition(" (")[0]) == pytest.approx(new - old, abs=0.5)
    assert all("rows of deals corrected (amount)" in cause for [cause] in rows[1::2])
    assert "New bookings 2026Q3\n    Published: €" in made.text
    assert "Compared with the pack of 2026Q3 (v1)" in made.text


def restated(then, now):
    """The figures of the quarter that differ between two packs, by the name that a reader sees."""
    old, new = (results.read_csv(str(pack / "results.csv")).set_index(results.KEY)["value"] for pack in (then, now))
    both = pd.DataFrame({"old": old, "new": new}).dropna().reset_index()
    both = both[(both["period"] == "2026Q3") & (both["old"] != both["new"])]
    assert len(both) > 1
    names = [
        f"{CATALOGUE[kpi_id].label}{f' ({spoken(segment)})' if segment else ''} 2026Q3"
        for kpi_id, segment in zip(both["kpi_id"], both["segment"], strict=True)
    ]
    return dict(zip(names, zip(both["old"], both["new"], strict=True), strict=True))


def test_the_first_version_corrects_nothing(corrected):
    made = body(pack_in(corrected / "reports/published/2026Q3/v1"))
    assert made.status == ""
    assert "What changed" not in made.text
    assert "DRAFT" not in made.text


@pytest.mark.slow
def test_a_draft_of_a_correction_tells_what_changed_too(books):
    assert books.run("build", "--period", "2026Q3", "--source", "params/books.yml").status == 0
    made = body(pack_in(books.folder / "reports/2026Q3"))
    assert made.status == "draft"
    assert "What changed\n" in made.text
    assert "Compared with the pack of 2026Q3 (v2)" in made.text


def test_without_the_tables_of_a_version_its_figures_are_told_and_causes_are_not(second, tmp_path):
    shutil.copytree(second.made_from, tmp_path / "kept")
    tables = [*(tmp_path / "kept/prepared").glob("*.parquet")]
    (tmp_path / "kept").chmod(0o755)
    (tmp_path / "kept/prepared").chmod(0o755)
    (tmp_path / "kept/removed.json").write_text(json.dumps({"tables": [table.name for table in tables]}))
    for table in tables:
        table.unlink()
    made = body(replace(second, made_from=tmp_path / "kept"))
    whole = body(second)
    assert scorecard_text(made) == scorecard_text(whole)
    assert "rows of deals corrected (amount); the source's query of deals changed." in squeezed_lines(whole.text)
    assert "The rows of then are not kept." in squeezed_lines(made.text)


def scorecard_text(made):
    return made.text.partition("Scorecard")[2].partition("From management")[0]


def test_without_the_version_before_it_is_said_that_nothing_can_be_told(second, tmp_path):
    made = body(replace(second, out=tmp_path))
    assert "what changed cannot be told here" in squeezed_lines(made.text)


def test_figures_that_this_kit_reads_otherwise_are_refused_with_the_commit(second, tmp_path):
    found = replace(second, folder=tmp_path / "v2", manifest={**second.manifest, "commit": "0123abc"})
    shutil.copytree(second.folder / "notebooks", tmp_path / "v2/notebooks")
    text = (second.folder / "results.csv").read_text()
    (tmp_path / "v2/results.csv").write_text(text.replace(",ok,", ",partial,", 1))
    with pytest.raises(KitError, match=r"otherwise than they were written; use the kit of then: commit 0123abc"):
        message_of(found, "", None, [])


@pytest.mark.slow
def test_a_pack_in_part_says_so_and_names_what_failed(tmp_path, dozen):
    (tmp_path / "books").mkdir()
    books = project(tmp_path / "books", dozen)
    review = (books.folder / "params/review.yml").read_text()
    books.write("params/review.yml", review.replace("{new_revenue: {}}", "{new_revenue: {}, cash: {}}"))
    books.notebook("cash", "1 / 0")
    assert books.run(*BUILD).status == 2
    draft = body(pack_in(books.folder / "reports/2026Q3"))
    assert draft.status == "draft, partial"
    assert words_of(page_of(draft).select_one(".status")).startswith("DRAFT PARTIAL Not published yet")
    assert "Without Cash, which failed." in squeezed_lines(draft.text)
    assert books.run("publish", "2026Q3", "--partial", "The bank was late").status == 0
    made = body(pack_in(books.folder / "reports/published/2026Q3"))
    assert made.status == "partial"
    standing = words_of(page_of(made).select_one(".status"))
    assert standing.startswith("PARTIAL Version 1, published on ")
    assert standing.endswith("Published in part: The bank was late. Without Cash, which failed.")


# --- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_hostile_names_and_commentary_are_text(hostile):
    made = body(hostile)
    page = page_of(made)
    assert made.company == shown(COMPANY)
    assert shown(COMPANY) in page.get_text()
    assert {tag.name for tag in page.find_all(True)} & {"script", "link", "svg", "iframe", "object", "form"} == set()
    assert not [tag for tag in page.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert [a["href"] for a in page.find_all("a")] == []
    there = squeezed(page.get_text())
    for key in ("script", "handler", "comment", "typst", "latex", "money"):
        assert squeezed(shown(settable(NAMES[key]))) in there.replace("\u200b", ""), key


# --- audiences --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(with_audiences):
    """A pack for a board that sees no names, and for the owner of some customers, who sees those alone."""
    return pack_in(with_audiences)


@pytest.mark.slow
def test_an_audience_gets_what_its_own_pack_says_and_nothing_that_is_hidden_from_it(shared):
    prepared = Prepared.open(shared.made_from / "prepared")
    hidden = hidden_of(prepared, {"customers": ["customer_id", "name", "contact_email", "owner"]})
    for language in LOCALES:
        made = body(shared, "board", language)
        pictures = b"".join(made.pictures.values())
        assert in_text(hidden, made.html) + in_text(hidden, made.text) == []
        assert not [word for word in hidden if len(word) > 5 and word.encode() in pictures]
    made, page = body(shared, "board"), (shared.folder / "board/pack.html").read_text(encoding="utf-8")
    own = BeautifulSoup(page, "html.parser")
    assert words_of(page_of(made).select_one(".verdict")) == words_of(own.select_one(".verdict"))
    there = [words_of(value) for value in own.select("table.scorecard td.value")]
    assert [cells["value"] for cells in scorecard(page_of(made)).values()] == there
    assert "Net new MRR is" in made.text


@pytest.mark.slow
def test_who_sees_a_part_of_the_customers_gets_their_figures_and_no_word_about_others(shared):
    made, whole = body(shared, "mara"), body(shared)
    assert "Call every one of them." in made.text
    assert "Net new MRR" in whole.text
    assert "Net new MRR" not in made.text + made.html
    mine = results.read_csv(str(shared.folder / "mara/results.csv"))
    of_mine = mine[(mine["kpi_id"] == "inactive_customers") & (mine["period"] == "2026Q3") & (mine["segment"] == "")]
    [cells] = [cells for name, cells in scorecard(page_of(made)).items() if name.startswith("Inactive customers")]
    assert number(cells["value"]) == of_mine["value"].item()
    [cells] = [cells for name, cells in scorecard(page_of(whole)).items() if name.startswith("Inactive customers")]
    assert number(cells["value"]) > of_mine["value"].item()
