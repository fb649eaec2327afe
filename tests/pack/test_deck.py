"""pack.pptx, read back with python-pptx: figures, charts, alternative texts, room for every text, a user's template."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import openpyxl
import pytest
import yaml
from fontTools.ttLib import TTFont
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER
from pptx.oxml.ns import qn
from pptx.util import Emu, Inches

from helpers import results as long_table
from helpers.catalogue import CATALOGUE, kpi
from helpers.display.formats import Writer, format_period
from helpers.display.headlines import Headline
from helpers.display.scorecard import scorecard
from helpers.display.summary import summary
from helpers.language import speaking
from helpers.pack.appearance import FIRA
from helpers.pack.deck import render_deck
from helpers.pack.slide_room import Line, fitted
from tests.pack import fixtures as made
from tests.pack.hostile import LONG, NAMES, shown
from tests.pack.projects import BUILD
from tests.pack.requests import ROOT
from tests.unit.display.fake_review import Q3, months, quarters, review, share

pytestmark = pytest.mark.whole

EURO = Writer("EUR")
REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|_x00[01]")
FOOT = (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)
USUAL = [10, 12, 11, 12, 10, 11, 12, 11, 10, 12, 11, 40]


def read(content):
    return Presentation(io.BytesIO(content))


@pytest.fixture(scope="module")
def deck(built):
    return read((built.folder / "pack.pptx").read_bytes())


@pytest.fixture(scope="module")
def figures(built):
    found = long_table.read_csv(built.folder / "results.csv")
    return found[found["segment_by"] == ""].set_index(["kpi_id", "period"])


def news(*rows, **more):
    """Pages and results of a few made-up figures."""
    found = review(*rows, **more)
    pages = made.view(summary=summary(found), scorecard=scorecard(found))
    return pages, found


def a_few():
    """A signal of months, a target that was missed, and one that was met."""
    rows = [
        *quarters("mrr", [100, 110, 115, 120, 150]), *months("inactive_customers", USUAL),
        *quarters("inactive_customers", [11, 12, 11, 40]), *quarters("new_revenue", [500, 410, 300]),
        *quarters("ttv_median", [60, 58, 50]),
    ]  # fmt: skip
    plans = {"new_revenue": {"2026Q2": 400, "2026Q3": 450}, "ttv_median": {"2026Q3": 55}}
    return news(*rows, targets={"new_revenue": 450, "ttv_median": 55}, plans=plans)


def shapes(deck):
    return [(slide, shape) for slide in deck.slides for shape in slide.shapes]


def texts(slide):
    return [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]


def table_of(slide):
    (table,) = [shape.table for shape in slide.shapes if shape.has_table]
    return [[cell.text for cell in row.cells] for row in table.rows]


def charts(deck):
    return {slide.shapes.title.text: shape.chart for slide, shape in shapes(deck) if shape.has_chart}


# --- what stands on the slides ----------------------------------------------------------------------------------------


def test_ten_slides_at_most_each_with_a_title_that_says_what_was_found(deck, pdf_pages):
    titles = [slide.shapes.title.text for slide in deck.slides]
    page = pdf_pages[1]
    assert 4 <= len(titles) <= 10
    assert titles[0] in page  # the verdict
    assert titles[1].startswith("Scorecard: ")
    assert titles[-2] == "Asked of the board"
    assert titles[-1] == "Actions: 1 done, 2 late and 2 open"  # params/commentary/2026Q3/actions.md, on 30 September
    assert all(title in page for title in titles[2:-2])
    assert "DRAFT" in "".join(texts(deck.slides[0]))


def test_every_slide_but_the_cover_has_its_number_and_the_status(deck):
    for number, slide in enumerate(list(deck.slides)[1:], 2):
        (field,) = slide.element.iter(qn("a:fld"))
        assert (field.get("type"), field.find(qn("a:t")).text) == ("slidenum", str(number))
        assert any("DRAFT" in text for text in texts(slide))


def test_the_scorecard_has_the_figures_of_the_results(deck, figures):
    head, *rows = table_of(deck.slides[1])
    chosen = yaml.safe_load((ROOT / "params/review.yml").read_text())["scorecard"]
    kpi_ids = [kpi_id for group in chosen.values() for kpi_id in group]
    assert len(rows) == len(kpi_ids)
    assert [row[0] for row in rows if row[0]] == list(chosen)
    for row, kpi_id in zip(rows, kpi_ids, strict=True):
        now = figures.loc[(kpi_id, "2026Q3")]
        assert row[head.index("2026Q3")].startswith(EURO.value(now["value"], now["unit"])), kpi_id
    mrr, before = (figures.loc[("mrr", period), "value"] for period in ("2026Q3", "2025Q3"))
    assert rows[0][head.index("On year ago")] == f"+{mrr / before - 1:.1%}"
    assert rows[0][head.index("Target")] == "€625,000"  # params/review.yml


def test_a_headline_has_its_figure_its_sentence_and_the_page_of_the_pack(deck, figures, pdf_pages):
    page = pdf_pages[1]
    values = {EURO.value(row["value"], row["unit"]) for (_, period), row in figures.iterrows() if period == "2026Q3"}
    of_news = list(deck.slides)[2:-2]
    assert of_news
    for slide in of_news:
        side, figure, _, sentence, where = (line.text for line in slide.placeholders[1].text_frame.paragraphs)
        assert side in ("+ What went well", "− What did not go well")
        assert figure in values
        assert figure in slide.shapes.title.text
        assert sentence[1:].rstrip(".") in page  # it begins with a capital here
        theme, number = re.fullmatch(r"In the pack: (.+), page (\d+)", where).groups()
        assert theme in pdf_pages[int(number) - 1]


def test_notes_define_the_kpi(deck):
    for slide in list(deck.slides)[2:-2]:
        label = slide.placeholders[1].text_frame.paragraphs[2].text
        known = [each for each in CATALOGUE.values() if label.startswith(each.label)]
        assert any(each.definition in slide.notes_slide.notes_text_frame.text for each in known), label
    assert kpi("mrr").definition in deck.slides[1].notes_slide.notes_text_frame.text


def test_properties_say_what_it_is_and_are_of_the_as_of_day(deck):
    known = deck.core_properties
    assert (known.title, known.author, known.language) == (
        "Talvenor – Quarterly KPI review 2026Q3",
        "Talvenor",
        "en-GB",
    )
    assert known.created == known.modified == datetime(2026, 10, 1)


# --- charts -----------------------------------------------------------------------------------------------------------


def test_charts_are_native_and_hold_the_series_of_the_results(deck, figures):
    plans = yaml.safe_load((ROOT / "params/review.yml").read_text())["targets"]
    assert not [shape for _, shape in shapes(deck) if shape.shape_type == MSO_SHAPE_TYPE.PICTURE]  # no pictures of them
    found = charts(deck)
    assert len(found) == len(deck.slides) - 4
    for title, chart in found.items():
        label = chart.chart_title.text_frame.text
        named = [k for k, each in CATALOGUE.items() if label.startswith(f"{each.label}, ") and k in figures.index]
        kpi_id = max(named, key=lambda k: len(CATALOGUE[k].label))
        history = figures.loc[kpi_id]["value"].to_dict()
        named = {format_period(period): value for period, value in history.items()}
        periods = list(chart.plots[0].categories)
        assert len(periods) in (8, 12), title
        series = {each.name: list(each.values) for each in chart.plots[0].series}
        assert series["Actual"] == pytest.approx([named[period] for period in periods])
        planned = [plans.get(kpi_id, {}).get(period) for period in periods]
        assert series.get("Plan", [None] * len(periods)) == planned


def test_a_signal_is_drawn_with_the_limits_that_it_was_judged_by():
    """XmR of the eleven months before it: the mean, and 2.66 times the mean step above and below it."""
    pages, found = a_few()
    chart = charts(read(render_deck(pages, found)))["Inactive customers rose to 40"]
    series = {each.name: list(each.values) for each in chart.plots[0].series}
    mean = sum(USUAL[:11]) / 11
    step = sum(abs(after - before) for before, after in pairwise(USUAL[:11])) / 10
    assert series["Actual"] == USUAL
    assert series["Average"] == pytest.approx([mean] * 12)
    assert series["Upper limit"] == pytest.approx([mean + 2.66 * step] * 12, rel=1e-3)
    assert series["Lower limit"] == pytest.approx([mean - 2.66 * step] * 12, rel=1e-3)
    assert list(chart.plots[0].categories)[-1] == "Sept 2026"
    marker = chart.plots[0].series[0].points[11].marker
    assert "DIAMOND" in str(marker.style)  # bad news has a shape of its own


def test_without_limits_money_is_drawn_as_columns_beside_the_plan():
    pages, found = a_few()
    drawn = charts(read(render_deck(pages, found)))
    assert drawn["New bookings fell to €300"].chart_type == XL_CHART_TYPE.COLUMN_CLUSTERED
    assert list(drawn["New bookings fell to €300"].plots[0].series[1].values) == [None, 400, 450]
    assert drawn["Time to value, median, fell to 50 days"].chart_type == XL_CHART_TYPE.LINE_MARKERS


def test_a_segments_headline_has_the_chart_of_the_segment():
    rows = [
        long_table.row("new_revenue", period, value, segment=("source", name))
        for name, values in {"upsell": [30, 20], "cross-sell": [1, 2]}.items()
        for period, value in zip([*Q3.history(1), Q3], values, strict=True)
    ]
    key = "new_revenue[upsell]"
    pages, found = news(*quarters("mrr", [1, 2]), *rows, targets={key: 25}, plans={key: {"2026Q3": 25}})
    (chart,) = charts(read(render_deck(pages, found))).values()
    assert [list(each.values) for each in chart.plots[0].series] == [[30, 20], [None, 25]]
    assert "(upsell)" in chart.chart_title.text_frame.text


def test_a_value_that_is_missing_stays_a_gap_and_one_to_date_says_so():
    rows = [*quarters("mrr", [1, 2]), *quarters("new_revenue", [10, None, 30])]
    rows[-3] = replace(rows[-3], status="partial")
    (chart,) = charts(read(render_deck(*news(*rows, targets={"new_revenue": 20})))).values()
    assert list(chart.plots[0].series[0].values) == [10, None, 30]
    assert list(chart.plots[0].categories) == ["2026Q1 to date", "2026Q2", "2026Q3"]


def test_a_share_of_a_few_has_no_percentage_beside_its_point_nor_as_its_figure():
    rows = [*quarters("mrr", [1, 2]), share("win_rate", 5, 10, period=Q3.history(1)[0]), share("win_rate", 1, 3)]
    pages, found = news(*rows, targets={"win_rate": 0.5})
    slide = read(render_deck(pages, found)).slides[2]
    assert slide.placeholders[1].text_frame.paragraphs[1].text == "1 of 3"
    (chart,) = [shape.chart for shape in slide.shapes if shape.has_chart]
    assert not list(chart._chartSpace.iter(qn("c:dLbl")))
    (alt,) = [shape._element._nvXxPr.cNvPr.get("descr") for shape in slide.shapes if shape.has_chart]
    assert alt.endswith("2026Q2 50.0% to 2026Q3 1 of 3; plan 50.0%.")


def test_what_can_be_edited_in_a_chart_are_its_values(deck):
    for chart in charts(deck).values():
        sheet = openpyxl.load_workbook(io.BytesIO(chart.part.chart_workbook.xlsx_part.blob)).active
        columns = [[cell.value for cell in column] for column in sheet.iter_cols()]
        for series, (name, *values) in zip(chart.plots[0].series, columns[1:], strict=True):
            assert name == series.name
            there = [(a, b) for a, b in zip(values, series.values, strict=True) if a is not None or b is not None]
            assert there
            assert all(math.isclose(a, b, rel_tol=1e-14) for a, b in there)


# --- how they look ----------------------------------------------------------------------------------------------------

FACES = {bold: TTFont(FIRA / f"FiraSans-{'Bold' if bold else 'Regular'}.ttf") for bold in (False, True)}


def width_of(text, size, bold):
    """By the widths of the typeface itself; what it lacks counts as wide as an em."""
    face = FACES[bold]
    names, widths = face.getBestCmap(), face["hmtx"]
    return sum(widths[names[ord(c)]][0] / 1000 if ord(c) in names else 1 for c in text) * size


def height_of(paragraphs, width):
    """How high paragraphs stand, in points, when words are broken at blanks, and within words where they must be."""
    height = 0.0
    for paragraph in paragraphs:
        size, left, lines = 0.0, width, 1
        for run in paragraph.runs:
            size = max(size, run.font.size.pt)
            for word in run.text.split(" "):
                needed = width_of(word, size, bool(run.font.bold))
                if needed > left:
                    lines, left = lines + max(1, math.ceil(needed / width)) - (left == width), width
                left -= needed + width_of(" ", size, False)
        height += lines * size * 1.2 + (paragraph.space_after.pt if paragraph.space_after else 0)
    return height - (paragraphs[-1].space_after.pt if paragraphs[-1].space_after else 0)


def check_room(deck):
    """Every text has room in its box and is large enough, and every shape stands on the slide, clear of the others."""
    for slide in deck.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.top >= 0
            assert shape.left + shape.width <= deck.slide_width
            assert shape.top + shape.height <= deck.slide_height
            if shape.has_text_frame:
                inside = (Emu(shape.width - 2 * Inches(0.1)).pt, Emu(shape.height - 2 * Inches(0.05)).pt)
                assert height_of(shape.text_frame.paragraphs, inside[0]) <= inside[1] + 0.5, shape.text_frame.text
                at_foot = shape.is_placeholder and shape.placeholder_format.type in FOOT
                least = 12 if at_foot or not shape.is_placeholder else 14
                assert all(run.font.size.pt >= least for p in shape.text_frame.paragraphs for run in p.runs)
            if shape.has_table:
                check_table(shape)
        boxes = [(s.left, s.top, s.left + s.width, s.top + s.height) for s in slide.shapes]
        for i, (left, top, right, bottom) in enumerate(boxes):
            for other in boxes[i + 1 :]:
                assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def check_table(shape):
    widths = [column.width for column in shape.table.columns]
    assert sum(widths) <= shape.width + len(widths)
    for row in shape.table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            inside = Emu(width - cell.margin_left - cell.margin_right).pt
            needed = height_of(cell.text_frame.paragraphs, inside)
            assert needed <= Emu(row.height - cell.margin_top - cell.margin_bottom).pt + 0.5, cell.text
            assert all(run.font.size.pt >= 12 for p in cell.text_frame.paragraphs for run in p.runs)
    assert sum(row.height for row in shape.table.rows) <= shape.height + len(shape.table.rows)


def test_every_text_has_room(deck):
    check_room(deck)


def test_charts_tables_and_pictures_have_alternative_text(deck):
    told = [shape for _, shape in shapes(deck) if not shape.has_text_frame]
    assert len(told) == len(deck.slides) - 2  # all but the cover and what the board is asked
    for shape in told:
        assert len(shape._element._nvXxPr.cNvPr.get("descr")) > 30


def test_a_chart_is_told_in_words_with_its_ends_and_its_limits():
    pages, found = a_few()
    (alt,) = [
        shape._element._nvXxPr.cNvPr.get("descr")
        for slide, shape in shapes(read(render_deck(pages, found)))
        if shape.has_chart and slide.shapes.title.text.startswith("Inactive")
    ]
    assert alt.startswith("Inactive customers, Oct 2025 to Sept 2026: Oct 2025 10 to Sept 2026 40; average 11;")
    assert alt.endswith("; diamond: bad news.")


@pytest.mark.parametrize("logo", [b64decode(made.PIXEL), made.SVG.encode()])
def test_a_logo_of_any_form_stands_on_the_plain_cover_with_its_name(logo):
    pages, found = a_few()
    deck = read(render_deck(replace(pages, logo=logo), found))
    check_room(deck)
    (picture,) = [shape for _, shape in shapes(deck) if shape.shape_type == MSO_SHAPE_TYPE.PICTURE]
    assert picture._element._nvXxPr.cNvPr.get("descr") == "Northwind Software"


def test_good_and_bad_are_told_in_words():
    pages, found = a_few()
    for slide in list(read(render_deck(pages, found)).slides)[2:5]:
        side = slide.placeholders[1].text_frame.paragraphs[0].text
        good = slide.shapes.title.text.startswith("Time to value")
        assert side == ("+ What went well" if good else "− What did not go well")


# --- names of others --------------------------------------------------------------------------------------------------


def hostile_pages():
    """Every name where a name can stand."""
    pages, found = a_few()
    told = Headline("new_revenue", "x", "target", "bad", f"New bookings ({NAMES['control']} {LONG}) fell to €300", ".")
    row = {**pages.scorecard[0]["rows"][0], "theme": "new_revenue"}
    columns = [{"label": label} for label in ("Action", "Owner", "Due", "Standing")]
    action = {"type": "table", "title": "", "columns": columns}
    return replace(
        pages,
        company=NAMES["script"] + NAMES["control"] + LONG,
        confidentiality=NAMES["attribute"] * 5,
        summary=replace(pages.summary, bad=[told, replace(told, rest=", " + " ".join(NAMES.values()) * 3)]),
        scorecard=[{"title": name, "rows": [{**row, "label": name}]} for name in list(NAMES.values())[-14:]],
        commentary="## Asked of the board\n\n" + "\n\n".join(NAMES.values()) * 4 + "\n\n- one\n- two",
        actions=[{**action, "rows": [[name, name, name, "○ open"] for name in NAMES.values()]}],
    ), found


def test_hostile_names_are_text_that_has_room():
    content = render_deck(*hostile_pages())
    check_room(read(content))
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            if name.endswith(".xml") and name != "docProps/app.xml":
                assert not REFUSED.search(parts.read(name).decode()), name
    slides = read(content).slides
    assert len(slides) <= 10
    assert slides[0].placeholders[1].text_frame.text.startswith('<script>alert("one")</script>…')
    for slide in slides:
        assert LONG not in " ".join(texts(slide))
        assert not slide.element.findall(".//" + qn("a:hlinkClick"))


def test_what_has_no_room_is_cut_with_a_sign_and_stands_in_the_notes():
    slides = read(render_deck(*hostile_pages())).slides
    asked = next(slide for slide in slides if slide.shapes.title.text == "Asked of the board")
    assert "…" in asked.placeholders[1].text_frame.text
    notes = " ".join(asked.notes_slide.notes_text_frame.text.split())
    assert shown(NAMES["typst"].replace("*bold* _em_", "bold em").replace("`raw`", "raw")).split()[0] in notes
    assert LONG in notes
    assert re.fullmatch(r"\d+ more, in the pack", table_of(slides[len(slides) - 1])[-1][0])


def test_a_figure_of_billions_stands_on_one_line():
    rows = [*quarters("mrr", [5e8, 5e8]), *quarters("new_revenue", [5e11, 294_523_515_176])]
    made_up = read(render_deck(*news(*rows, targets={"new_revenue": 5e11})))
    (box, figure), *_others = [
        (shape, paragraph)
        for slide in made_up.slides
        for shape in slide.shapes
        if shape.has_text_frame
        for paragraph in shape.text_frame.paragraphs
        if paragraph.text == "€294,523,515,176"
    ]
    (run,) = figure.runs
    assert width_of(run.text, run.font.size.pt, bold=True) <= Emu(box.width - 2 * Inches(0.1)).pt


def test_a_figure_is_never_cut(template):
    """A scorecard whose names are as long as can be, on a narrow slide, still has every figure whole."""
    pages, found = hostile_pages()
    row = {**pages.scorecard[0]["rows"][0], "value": "€1,234,567,890", "target": "€9,876,543,210"}
    pages = replace(pages, scorecard=[{"title": LONG, "rows": [{**row, "label": LONG}] * 14}])
    head, *rows = table_of(read(render_deck(pages, found, template=template)).slides[1])
    assert len(rows) == 14
    assert {row[head.index("2026Q3")] for row in rows} == {"€1,234,567,890"}
    assert {row[head.index("Target")] for row in rows} == {"€9,876,543,210"}


def test_chinese_has_a_typeface_of_its_region_and_no_sentence_is_cut_for_want_of_blanks():
    for language, typeface in {"zh_Hans": "Microsoft YaHei", "zh_Hant": "Microsoft JhengHei"}.items():
        with speaking(language):
            content = render_deck(*a_few())
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            theme = file.read("ppt/theme/theme1.xml").decode()
        assert set(re.findall('<a:ea typeface="([^"]*)"', theme)) == {typeface}
    sentence = "每客户平均收入" * 8
    assert [line.text for line in fitted([Line(sentence)], Inches(12), Inches(3))] == [sentence]


def test_actions_that_are_no_table_are_told_as_text():
    pages, found = a_few()
    last = list(read(render_deck(pages, found)).slides)[-1]
    assert last.placeholders[1].text_frame.text == "What · Who\nCall the ten largest · Ana"


def test_a_pack_of_nothing_has_a_cover():
    found = review()
    pages = made.view(summary=summary(found), scorecard=[], actions=[], commentary="")
    (slide,) = read(render_deck(pages, found)).slides
    assert slide.shapes.title.text == "Nothing can be said of this period yet."


def test_a_partial_pack_says_which_section_failed():
    pages, found = a_few()
    (cover, *_) = read(render_deck(replace(pages, status="PARTIAL"), found)).slides
    assert "PARTIAL: without Unit economics, which failed" in cover.placeholders[1].text_frame.text


# --- a user's template ------------------------------------------------------------------------------------------------


@pytest.fixture
def template(tmp_path):
    """A dark template of 4:3 with two slides of its own, whose names no layout is found by."""
    deck = Presentation()
    for layout in deck.slide_layouts:
        layout._element.cSld.set("name", "x")
    colours = deck.slide_master._element.find(qn("p:clrMap"))
    colours.set("bg1", "dk1")
    colours.set("tx1", "lt1")
    for _ in range(2):
        deck.slides.add_slide(deck.slide_layouts[1]).shapes.title.text = "A slide of last year"
    deck.save(tmp_path / "template.pptx")
    return tmp_path / "template.pptx"


def test_a_template_gives_layouts_fonts_and_colours(template):
    pages, found = a_few()
    content = render_deck(pages, found, template=template)
    deck = read(content)
    check_room(deck)
    assert (deck.slide_width, deck.slide_height) == (9144000, 6858000)
    kinds = [[shape.placeholder_format.type for shape in slide.slide_layout.placeholders][:2] for slide in deck.slides]
    assert kinds[0] == [PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.SUBTITLE]
    assert all(kind == [PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.OBJECT] for kind in kinds[1:])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        for name in parts.namelist():
            part = parts.read(name)
            assert b"A slide of last year" not in part
            if re.match("ppt/(slides|charts)/[a-z0-9]+.xml", name):
                assert b"srgbClr" not in part
                assert b"<a:latin" not in part


@pytest.mark.parametrize(
    ("kept", "lacks"),
    [([1, 5], ["a title and a subtitle"]), ([0, 6], ["a title and one body of text"]), ([6], ["subtitle", "body"])],
)
def test_a_template_without_a_layout_is_refused_before_anything_is_read(books, template, kept, lacks):
    deck = Presentation()
    for i, layout in enumerate(list(deck.slide_layouts)):
        if i not in kept:
            deck.slide_layouts.remove(layout)
    deck.save(books.folder / "params/template.pptx")
    path = books.folder / "params/review.yml"
    path.write_text(path.read_text() + "brand: {deck_template: template.pptx}\n")
    books.write("params/books.yml", (books.folder / "params/books.yml").read_text().replace("data", "nowhere"))
    done = books.run(*BUILD, "--deck")
    assert done.status == 1
    assert len(done.lines) == len(lacks)
    for line, what in zip(done.lines, lacks, strict=True):
        assert line.startswith("2026Q3: brand.deck_template: params/template.pptx has no layout with ")
        assert what in line


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"<html>"])
def test_a_template_that_cannot_be_read_is_refused(books, content):
    books.write("params/template.pptx", content)
    path = books.folder / "params/review.yml"
    path.write_text(path.read_text() + "brand: {deck_template: template.pptx}\n")
    done = books.run("check", *BUILD[1:])
    assert (done.status, len(done.lines)) == (1, 1)
    assert "brand.deck_template: params/template.pptx is no presentation that can be read" in done.err


# --- the same bytes ---------------------------------------------------------------------------------------------------


def test_nothing_in_the_file_tells_when_it_was_made(built):
    def check(content):
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            for entry in parts.infolist():
                assert entry.date_time == (1980, 1, 1, 0, 0, 0)
                part = parts.read(entry)
                if entry.filename.endswith(".xlsx"):
                    check(part)
                if entry.filename == "docProps/core.xml":
                    assert set(re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", part)) == {b"2026-10-01T00:00:00Z"}

    check((built.folder / "pack.pptx").read_bytes())


def test_the_manifest_has_its_hash(built):
    assert "pack.pptx" in json.loads((built.folder / "manifest.json").read_text())["files"]
