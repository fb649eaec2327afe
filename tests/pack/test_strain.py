"""Lay-out under strain: long tables, many charts, many pages, and names of any length and script, on paper and a phone.

Paper is read with poppler and pypdf, the screen with Chromium; none of them knows the templates.
"""

import io
import json
import re
import time
import unicodedata
import warnings
from functools import cache
from html import escape
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from helpers.display import charts
from helpers.display.charts import frame
from helpers.display.headlines import Headline
from helpers.pack import appearance
from helpers.pack.definitions import Definition
from helpers.pack.notebook_content import commentary_parts
from helpers.pack.pages import Changes, Section
from helpers.pack.render import UnprintableWarning
from helpers.pack.run import Failure
from helpers.texts import UNPRINTABLE
from tests.notebooks.chromium import opened_in_chromium
from tests.pack.fixtures import (
    IN_SCORECARD,
    MARKED,
    SUMMARY,
    block,
    blocks_output,
    bundle,
    chart_output,
    code,
    html_of,
    markdown,
    notebook,
    pdf_of,
    printed,
    resource,
    texts,
    view,
)
from tests.pack.paper import lines, sheets
from tests.pack.pdf_tree import tags
from tests.unit.display.fake_review import interval, review, share

pytestmark = pytest.mark.whole

TABLE = "application/vnd.dataresource+json"
ROWS, CHARTS, PAGES, PHONE = 200, 40, 200, 360
SEGMENTS = ("enterprise", "mid-market", "self-serve")
TOLD = (
    "",
    "Price",
    "Silent for 31 days, and its champion left",
    "Two seats of 40 were in use in the last 28 days. " * 2,
)
NAMES = {
    "whole": ("Donaudampfschifffahrtsgesellschaftskapitän" * 5)[:200],
    "blanks": ("The International Association of Very Long Company Names and Sons of Rotterdam " * 3)[:200].strip(),
    "chinese": "株式会社例 简体中文 繁體 한국어",
    "hebrew": "חברת קפה 24 בע״מ (Tel Aviv)",
    "arabic": "شركة القهوة ٢٠٢٦ و 15%",
    "vowels": "שָׁלוֹם العَرَبِيَّة",
    "emoji": "Rocket 🚀 family 👩‍👩‍👧‍👦 flag 🇩🇪 sign ☎️ thumb 👍🏽",
    "marks": "Z̴̨a͙l̶g̸o n̈ame ɨ ﬁ Ǆ ẞ",
}
PAPERS = {"a4": (595, 842), "letter": (612, 792)}


def customers(name="Customer {:03}", **more):
    """A table of customers with names, figures, days and words."""
    fields = [
        {"name": key, "type": kind, "title": title, "unit": unit}
        for key, kind, title, unit in (
            ("customer", "string", "Customer", "text"), ("owner", "string", "Owner", "text"),
            ("segment", "string", "Segment", "text"), ("mrr", "number", "MRR", "money"),
            ("change", "number", "Change on previous", "share"), ("on", "date", "Renewal on", "date"),
            ("told", "string", "What is told of it", "text"),
        )
    ]  # fmt: skip
    count = more.pop("rows", ROWS)
    data = [
        {
            "customer": name.format(i), "owner": ("Ana", "Joost van den Boterkamp")[i % 2],
            "segment": SEGMENTS[i * 3 // count], "mrr": 1234.0 * (i + 1), "change": i / 1000,
            "on": f"2026-{i % 12 + 1:02}-{i % 28 + 1:02}", "told": TOLD[i % 4],
        }
        for i in range(count)
    ]  # fmt: skip
    return resource("All customers", schema={"fields": fields}, data=data) | more


def chart_of(name):
    """The chart of a win rate by source, as the pack draws it: names as a chart shows them, and in its sentence."""
    sources = (name, "inbound", "partner")
    rows = [share("win_rate", 7, 26 + i, segment=("source", each), interval=interval(0.1, 0.5))
            for i, each in enumerate(sources)]  # fmt: skip
    return output(charts.bars(review(*rows, share("win_rate", 21, 81)), "win_rate", "source"))


def output(chart):
    kind = "application/vnd.kpi-review.chart+json"
    return bundle(kind, json.loads(json.dumps(chart._repr_mimebundle_()[kind])))


def theme(*cells, name="Churn", **more):
    return Section("churn", name, notebook(markdown("# Churn"), *cells), **more)


def text_of(pdf):
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def bare(text):
    """A text without blanks, marks upon letters and what is not seen, which readers of PDF set as they like."""
    plain = unicodedata.normalize("NFKD", text.replace("\ufffd", ""))
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) not in ("Cf", "Mn"))


def assert_in_its_place(pdf):
    """Every word stands within the margins, and none on another."""
    for page in sheets(pdf):
        inside = page if page.number > 1 else None  # the cover's band reaches to the edges
        assert not inside or inside.beyond() == [], page.number
        pairs = [pair for pair in page.overlapping() if all(bare(word.text) == word.text for word in pair)]
        assert pairs == [], page.number


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_long_table_loses_no_row_splits_none_and_repeats_its_head():
    table = customers()
    for i, row in enumerate(table["data"]):
        row["told"] = f"begin{i:03} " + "words that are told of it " * (i % 9 * 3) + f"end{i:03}"
    pages = text_of(pdf_of(view(), [theme(code(bundle(TABLE, table)))]))
    for i in range(ROWS):
        found = [[n for n, text in enumerate(pages) if word in text] for word in (f"begin{i:03}", f"end{i:03}")]
        assert len(found[0]) == 1, i
        assert found[0] == found[1], i
    assert all("Renewal on" in text for text in pages if "begin" in text)


def test_a_row_taller_than_a_page_is_on_several():
    table = customers(rows=3)
    table["data"][1]["told"] = "word " * 3000
    pages = text_of(pdf_of(view(), [theme(code(bundle(TABLE, table)))]))
    assert sum(text.count("word") for text in pages) == 3000


def test_the_name_of_a_group_stands_above_its_rows_on_every_page():
    pages = text_of(pdf_of(view(), [theme(code(bundle(TABLE, customers(group="segment"))))]))
    held = [re.findall(r"enterprise|mid-market|self-serve|Customer \d{3}", text) for text in pages]
    held = [words for words in held if any(word.startswith("Customer") for word in words)]
    assert len(held) > 3
    for words in held:
        assert words[0] in SEGMENTS  # not a row without its group
        assert words[-1] not in SEGMENTS  # nor a group without its row
        group = ""
        for word in words:
            if word in SEGMENTS:
                group = word
            else:
                assert group == SEGMENTS[int(word[-3:]) * 3 // ROWS]


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_the_columns_of_a_long_table_are_wide_enough(paper):
    pdf = pdf_of(view(paper=paper), [theme(code(bundle(TABLE, customers())))])
    seen = lines(pdf)
    for i, row in enumerate(customers()["data"]):
        [line] = [line for line in seen if line.startswith(row["customer"])]
        assert row["segment"] in line
        assert f"€{1234 * (i + 1):,}" in line
        assert f"{i / 10:.1f}%" in line
        assert re.search(rf"\b{i % 28 + 1} [A-Z][a-z]+ 2026", line)
    assert_in_its_place(pdf)


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_a_long_and_wide_table_stays_on_the_page(paper):
    wide = [
        {"name": f"c{i}", "type": "number", "title": f"Figure number {i} of all", "unit": "money"} for i in range(30)
    ]
    data = [{f"c{i}": 1_000_000.0 + 1000 * row + i for i in range(30)} for row in range(ROWS)]
    pdf = pdf_of(view(paper=paper), [theme(code(bundle(TABLE, resource("Wide", schema={"fields": wide}, data=data))))])
    assert_in_its_place(pdf)
    found = re.findall(r"€1,\d{3},\d{3}", "\n".join(text_of(pdf)))
    assert {f"€{row[name]:,.0f}" for row in data for name in row} <= set(found)


@pytest.mark.slow
def test_a_wide_table_of_prose_stays_on_the_page():
    head = " | ".join(f"Heading {i}" for i in range(16))
    rows = "\n".join(f"| {' | '.join(f'cell{r}.{i}' for i in range(16))} |" for r in range(120))
    pdf = pdf_of(view(), [theme(markdown(f"| {head} |\n|{'--|' * 16}\n{rows}"))])
    assert_in_its_place(pdf)
    text = "\n".join(text_of(pdf))
    assert all(re.search(rf"cell{r}\.{i}\b", text) for r in range(120) for i in range(16))


@pytest.mark.slow
@pytest.mark.browser
def test_in_a_browser_a_long_table_scrolls_in_its_own_box(phone):
    page = phone(html_of(view(), [theme(code(bundle(TABLE, customers())))]))
    own = "section[aria-labelledby=churn]"
    assert page.says(f"document.querySelectorAll('{own} tbody tr').length") == ROWS
    assert page.says(f"(box => box.scrollWidth > box.clientWidth)(document.querySelector('{own} .scroll'))")
    cut = f"[...document.querySelectorAll('{own} td')].filter(it => it.scrollWidth > it.clientWidth + 1).length"
    assert page.says(cut) == 0


# --- charts -----------------------------------------------------------------------------------------------------------


def many_charts():
    """So many charts, each with labels, a sentence and figures of its own."""
    made = []
    for i in range(CHARTS):
        svg = MARKED.replace("Meerveld &amp; Boterkamp", f"label{i:02}")
        behind = resource(f"Figures {i:02}", data=[{"name": f"figure{i:02}", "mrr": 1.0 * i}])
        made.append(code(chart_output(f"Chart {i:02}", sentence=f"Sentence {i:02}.", alt=f"Sentence {i:02}.", svg=svg,
                                      table=behind)))  # fmt: skip
    return made


@pytest.mark.slow
def test_many_charts_are_on_paper_once_each_with_its_words_and_none_lies_on_another():
    pdf = pdf_of(view(), [theme(*many_charts())])
    drawn = [node["/Alt"] for node in tags(PdfReader(io.BytesIO(pdf)), "/Figure") if "Sentence" in node["/Alt"]]
    assert sorted(drawn) == [f"Sentence {i:02}." for i in range(CHARTS)]
    assert_in_its_place(pdf)
    order = []
    for page in sheets(pdf):
        words = page.words
        titles = {w.text: w.top for before, w in pairwise(words) if before.text == "Chart" and w.text.isdigit()}
        labels = {w.text.removeprefix("label"): w for w in words if w.text.startswith("label")}
        assert titles.keys() == labels.keys()  # a chart is on one page with its title
        ends = dict(zip(titles, [*list(titles.values())[1:], page.height], strict=False))
        for number, below in ends.items():
            assert titles[number] < labels[number].top < labels[number].bottom < below
        order += titles
    assert order == [f"{i:02}" for i in range(CHARTS)]


@pytest.mark.slow
def test_many_charts_fold_in_the_html_each_once_with_its_words_and_its_figures():
    page = BeautifulSoup(html_of(view(), [theme(*many_charts())]), "html.parser")
    folds = page.select("details.fold:has(svg)")
    assert [fold.summary.h3.get_text() for fold in folds] == [f"Chart {i:02}" for i in range(CHARTS)]
    assert not [fold for fold in folds if fold.has_attr("open")]
    for i, fold in enumerate(folds):
        [svg] = fold.find_all("svg")
        assert svg["aria-label"] == f"Sentence {i:02}."
        assert svg.find("text").get_text() == f"label{i:02}"
        [table] = fold.select("figure > details table")
        assert f"figure{i:02}" in table.get_text()
    ids = [element["id"] for element in page.find_all(id=True)]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_every_character_of_the_typefaces_but_those_that_are_outlined_can_stand_in_a_chart_as_text():
    known = set().union(*(appearance._covered_by(family) for family in (appearance.TEXT, appearance.SIGNS)))
    letters = [c for c in map(chr, sorted(known)) if not (UNPRINTABLE.match(c) or c.isspace() or c in frame.UNSETTABLE)]
    words = [f"a{c}b" for c in letters if not unicodedata.category(c).startswith("M")]
    assert len(words) > 5000
    element = '<text x="9" y="9" style="font-family: {}">{}</text>'
    drawn = [element.format(", ".join(map(repr, frame._families_for(word))), escape(word)) for word in words]
    svg = MARKED.replace("</svg>", "\n".join(drawn) + "</svg>")
    text = "".join(text_of(pdf_of(view(), [theme(code(chart_output(svg=svg)))])))
    assert sum(word in text for word in words) > 0.9 * len(words)  # some are ligatures, or turn what is beside them


# --- many pages -------------------------------------------------------------------------------------------------------


def themes(count):
    """Themes of some three pages."""
    cells = [
        markdown("Why?"), code(blocks_output(*(block(f"KPI {i}") for i in range(4)))), code(chart_of("outbound")),
        code(chart_of("fairs")), markdown("## Who left"), code(bundle(TABLE, customers(rows=80))),
        markdown("## Questions\n\n- One?\n- Two?\n- Three?"),
    ]  # fmt: skip
    return [Section(f"t{i}", f"Theme {i}", notebook(markdown(f"# Theme {i}"), *cells)) for i in range(count)]


def cost(pages, sections):
    """Seconds of work, on however many cores, and pages."""
    begun = time.process_time()
    pdf = pdf_of(pages, sections)
    return time.process_time() - begun, len(PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.slow
def test_two_hundred_pages_take_seconds_and_no_page_more_than_a_page_of_fifty():
    few, many = cost(view(), themes(20)), cost(view(), themes(90))
    assert few[1] < 60
    assert many[1] >= PAGES
    assert many[0] < 60
    assert many[0] / many[1] < 2 * few[0] / few[1]


@pytest.mark.slow
def test_a_table_of_two_hundred_pages_takes_seconds():
    seconds, pages = cost(view(), [theme(code(bundle(TABLE, customers(rows=9000))))])
    assert pages >= PAGES
    assert seconds < 60


@pytest.mark.slow
def test_a_brief_pack_with_a_list_too_long_for_its_page_is_not_set_in_every_way():
    cells = [code(bundle(TABLE, customers())), *(code(chart_of(f"source {i}")) for i in range(6))]
    sections = [Section(f"t{i}", f"Theme {i}", notebook(*cells)) for i in range(4)]
    assert cost(view(brief=True), sections)[0] < 4 * cost(view(), sections)[0]


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_a_pack_of_many_of_everything_stays_within_its_margins(paper):
    row = {**block("Net new MRR", theme="t1"), **IN_SCORECARD}
    groups = [{"title": f"Group {g}", "rows": [{**row, "label": f"KPI {g}.{r}"} for r in range(6)]} for g in range(12)]
    many = view(
        paper=paper,
        scorecard=groups,
        definitions=[
            Definition(f"KPI {i}", ("net_new_mrr",), "How much is kept. " * (i % 5 + 1), "", "") for i in range(99)
        ],
        changes=Changes(data=[f"deals {i}: 3 of 40 rows left out." for i in range(99)]),
        data=[texts(f"Table {i}", Table="deals", Rows="40") for i in range(30)],
        commentary="# Asked of the board\n\n" + "Decide on it. " * 300 + "\n\n# More\n\n" + "Told words. " * 900,
        actions=commentary_parts("| What | Who |\n|--|--|\n" + "| Call them | Ana |\n" * 120, "pack.actions"),
    )
    pdf = pdf_of(
        many, [Section(f"t{i}", f"Theme {i} of a longer name", notebook(markdown("# T\n\nWhy?"))) for i in range(80)]
    )
    assert_in_its_place(pdf)
    assert {(round(page.width), round(page.height)) for page in sheets(pdf)} == {PAPERS[paper]}
    held = [re.findall(r"GROUP \d+|KPI \d+\.\d", text) for text in text_of(pdf)]
    for words in (words for words in held if any(word.startswith("KPI") and "." in word for word in words)):
        assert words[0].startswith("GROUP")  # a row of the scorecard is below its group
        assert words[-1].startswith("KPI")  # and a group above a row
    contents = sheets(pdf)[1]  # the contents go on on a second page, below its upper margin
    assert min(word.top for word in contents.words) > 48


# --- names of any length and script -----------------------------------------------------------------------------------


@cache
def strained(key, paper="a4"):
    """A pack with one name wherever a name can stand: its HTML, its PDF, and what was warned of."""
    name = NAMES[key]
    row = {**block(name, theme="churn"), **IN_SCORECARD, "window": "12 months"}
    summary = SUMMARY.__class__(
        verdict=f"{name} fell by 40.6%.", carried_by=f"Of {name}.", note="24 series were judged.",
        good=[Headline("churn", "churn", "target", "good", name, ", 0.9 pp below its target.")] * 2,
        bad=[Headline("churn", "mrr", "signal", "bad", name, ", €28,000 below 2026Q2.")],
    )  # fmt: skip
    pages = view(
        paper=paper, company=name, confidentiality=name, summary=summary, source=name,
        scorecard=[{"title": name, "rows": [row, row]}],
        calls=customers(name=name.replace("{", ""), rows=3), warned={"value": "42.0%", "words": f"MRR lost of {name}."},
        definitions=[Definition(name, ("net_new_mrr",), f"How much of {name} is kept.", "", "")] * 5,
        changes=Changes(failed=[f"{name}: stopped"], data=[f"{name}: left out."]),
        parameters=texts("Parameters in force", Of=name, Parameter=name, Value=name, Name=name),
        actions=commentary_parts(f"| What | Who | Due |\n|--|--|--|\n| Call {name} | {name} | 3 Oct |", "pack.actions"),
        commentary=f"# Asked of the board\n\nMoney for {name}.\n\n# More\n\n{name} is **{name}** and *{name}*.",
    )  # fmt: skip
    everywhere = customers(name=name, rows=3)
    for each in everywhere["data"]:
        each |= {"owner": name, "told": name}
    cells = [
        markdown(f"Who of {name} left?\n\n## {name}\n\n- {name}"),
        code(blocks_output(block(name, cautions=f"Counts {name}."), block(name, verdict_words=f"Signal: {name}"),
                           block(name, status="undefined", value="–", reason=f"{name} has no rows."), block())),
        code(chart_of(name)), code(bundle(TABLE, everywhere)), code(bundle(TABLE, {**everywhere, "group": "owner"})),
        code(printed(name)),
    ]  # fmt: skip
    failed = Section("bad", name, notebook(), Failure(4, name, f"{name} has no rows"))
    sections = [theme(*cells, name=name, commentary=f"Two renewals of {name}."), failed]
    with warnings.catch_warnings(record=True, action="always", category=UnprintableWarning) as told:
        pdf = pdf_of(pages, sections)
    return html_of(pages, sections), pdf, " ".join(str(warning.message) for warning in told)


def test_a_long_name_is_cut_short_above_and_below_a_page_and_nowhere_else():
    pdf = strained("whole")[1]
    for page in sheets(pdf)[1:]:
        cut = [word for word in page.words if word.text.endswith("…")]
        assert any(word.bottom < 51 for word in cut), page.number  # 18 mm
        assert any(word.top > page.height - 45 for word in cut), page.number  # 16 mm
    assert bare("".join(text_of(pdf))).count(bare(NAMES["whole"])) > 40


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("key", NAMES)
def test_a_name_pushes_nothing_off_the_page_and_onto_nothing(key, paper):
    assert_in_its_place(strained(key, paper)[1])


@pytest.mark.slow
@pytest.mark.parametrize("key", NAMES)
def test_no_character_of_a_name_is_lost_silently(key):
    html, pdf, told = strained(key)
    missing = set(appearance.uncovered(NAMES[key]))
    assert missing <= set(told)
    assert bool(missing) == bool(told)
    text = "".join(text_of(pdf))
    letters = [c for c in NAMES[key] if not c.isspace() and unicodedata.category(c) not in ("Mn", "Cf")]
    for letter in letters:
        shown = "\ufffd" if letter in missing else letter
        forms = {unicodedata.normalize("NFKC", c) for c in text} | set(text)
        assert shown in forms or set(unicodedata.normalize("NFKD", shown)) <= forms, letter
    page = BeautifulSoup(html, "html.parser")
    assert page.find("p", class_="band").span.get_text() == NAMES[key]
    assert [cell.get_text() for cell in page.select("section tbody th[scope=row]")].count(NAMES[key]) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("key", ["hebrew", "arabic"])  # readers repeat a letter for each of its marks
def test_words_from_right_to_left_are_whole_on_paper(key):
    text = bare("".join(text_of(strained(key)[1])))
    for word in map(bare, NAMES[key].split()):
        assert word in text or word[::-1] in text


@pytest.fixture(scope="module")
def phone(tmp_path_factory):
    """Opens a page in Chromium as wide as a phone: ``phone(html)``."""
    folder = tmp_path_factory.mktemp("phone")
    with opened_in_chromium("about:blank", folder) as page:
        page.tell("Emulation.setDeviceMetricsOverride", width=PHONE, height=800, deviceScaleFactor=1, mobile=True)

        def call(html):
            (folder / "pack.html").write_text(html, encoding="utf-8")
            page.tell("Page.navigate", url=(folder / "pack.html").as_uri())
            page.wait_for("document.readyState === 'complete' && document.querySelector('.tip') !== null")
            page.says("document.querySelectorAll('details').forEach(each => (each.open = true))")
            return page

        yield call


# What is wider than the screen, and in no box of its own that scrolls; what only screen readers are told is not seen.
WIDER = f"""[...document.querySelectorAll('body *')].filter(it => {{
  const box = it.getBoundingClientRect();
  return box.width && (box.right > {PHONE} + 1 || box.left < -1)
    && !it.closest('.unseen, .skip') && !it.parentElement.closest('.scroll, pre');
}}).map(it => `${{it.tagName}} ${{it.className}}`)"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("key", NAMES)
def test_on_a_phone_only_tables_and_charts_scroll_sideways(phone, key):
    page = phone(strained(key)[0])
    assert page.says("innerWidth") == PHONE
    assert page.says(WIDER) == []
    assert page.says("document.documentElement.scrollWidth") == PHONE
    page.says("document.querySelectorAll('details').forEach(each => (each.open = false))")
    assert page.says("document.documentElement.scrollWidth") == PHONE


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("width", [768, 1040, 1280, 1920])
def test_in_a_browser_a_word_without_a_blank_widens_no_page(phone, width):
    page = phone(strained("whole")[0])
    page.tell("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    assert page.says("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.tell("Emulation.setDeviceMetricsOverride", width=PHONE, height=800, deviceScaleFactor=1, mobile=True)
