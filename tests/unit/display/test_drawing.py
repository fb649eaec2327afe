import random
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from matplotlib.colors import to_rgb

from helpers.display import charts, palette, signals, sparkline
from helpers.display.charts.frame import spread_apart
from tests.unit.display.fake_review import interval, months, quarters, review, share
from tests.unit.display.forms import SVG


def luminance(colour):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("brand", ["#ffe600", "#ffffff", "#1f3a5f", "#e2001a", "#000000", "#00ff00"])
def test_any_brand_colour_becomes_one_that_reads_on_white(brand):
    assert 1.05 / (luminance(palette.ink(brand)) + 0.05) > 4.5


@pytest.mark.parametrize("colour", [palette.GOOD, palette.BAD, palette.QUIET, palette.TEXT])
def test_words_in_a_tone_read_on_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) > 4.5


def contrast(one, other):
    low, high = sorted([luminance(one) + 0.05, luminance(other) + 0.05])
    return high / low


def seen_without_green(colour):
    """A colour as who has no cones for green sees it (Machado, Oliveira and Fernandes 2009, severity 1)."""
    matrix = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    mixed = [min(max(sum(m * c for m, c in zip(row, linear, strict=True)), 0.0), 1.0) for row in matrix]
    return [c * 12.92 if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in mixed]


TOUCHING = [*pairwise(palette.FILLS.values()), (palette.FILLS["good"], palette.FILLS["bad"])]
BRANDS = ["#ffe600", "#ffffff", "#1f3a5f", "#1f4e79", "#e2001a", "#000000", "#00ff00"]
SHADES = [pair for brand in BRANDS for pair in combinations(palette.shades(palette.ink(brand)), 2)]


@pytest.mark.parametrize(("one", "other"), TOUCHING + SHADES)
def test_fills_that_touch_are_told_apart_in_grey_and_by_who_sees_no_green(one, other):
    """Good, bad and neither; actual, the year before and a third part, for any brand."""
    assert contrast(one, other) >= 1.6
    assert contrast(seen_without_green(one), seen_without_green(other)) >= 1.5
    assert min(contrast(colour, "#ffffff") for colour in (one, other)) >= 3


def test_labels_never_overlap_and_keep_their_order():
    draw = random.Random(1)
    for _ in range(200):
        wanted = [draw.uniform(0, 10) for _ in range(draw.randint(1, 7))]
        sizes = [draw.uniform(0.5, 2) for _ in wanted]
        placed = spread_apart(wanted, sizes)
        order = sorted(range(len(wanted)), key=lambda i: wanted[i])
        for below, above in pairwise(order):
            assert placed[above] - placed[below] >= (sizes[above] + sizes[below]) / 2 - 1e-9


def test_labels_with_room_stay_where_they_belong():
    assert spread_apart([1.0, 5.0, 9.0], [2.0, 2.0, 2.0]) == [1.0, 5.0, 9.0]


def test_the_style_of_charts_does_not_leak_into_a_notebook():
    import matplotlib

    before = dict(matplotlib.rcParams)
    charts.lines(review(*quarters("mrr", [1, 2])), "mrr")
    assert dict(matplotlib.rcParams) == before


def drawn(*rows, kpi_id):
    found = review(*rows)
    return sparkline.sparkline(found, kpi_id, signals.verdict(found, kpi_id))


def test_a_sparkline_is_of_the_last_twelve_periods():
    picture = drawn(*months("mrr", range(1, 21)), *quarters("mrr", [1, 2]), kpi_id="mrr")
    assert picture["sparkline_alt"] == "Oct 2025 €9 to Sept 2026 €20"
    path = ElementTree.fromstring(picture["sparkline_svg"])[0].attrib["d"]
    assert path.count("L") == 11


def test_a_gap_breaks_the_line():
    picture = drawn(*quarters("arr", [1, 2, None, 4, 5]), kpi_id="arr")
    assert ElementTree.fromstring(picture["sparkline_svg"])[0].attrib["d"].count("M") == 2


def test_the_usual_range_is_a_band_behind_the_line():
    picture = drawn(*quarters("renewal_rate", [0.8, 0.82, 0.81, 0.79, 0.8, 0.83, 0.8]), kpi_id="renewal_rate")
    assert ElementTree.fromstring(picture["sparkline_svg"])[0].tag.endswith("rect")
    assert "usual range" in picture["sparkline_alt"]


def test_one_value_is_no_sparkline():
    assert drawn(*quarters("arr", [None, 5]), kpi_id="arr") == {"sparkline_svg": "", "sparkline_alt": ""}


def named(source):
    rows = [share("win_rate", 7, 26, segment=("source", each), interval=interval(0.1, 0.5)) for each in (source, "b")]
    return ElementTree.fromstring(charts.bars(review(*rows), "win_rate", "source").svg)


@pytest.mark.parametrize("source", ["Łódź & Söhne", "Москва", "חברת קפה"])
def test_the_words_of_a_chart_are_text(source):
    assert source in [each.text for each in named(source).iter(f"{SVG}text")]


@pytest.mark.parametrize("source", ["n\u0308ame", "שָׁלוֹם", "العَرَبِيَّة", "☎\ufe0f", "a\u200db", "ɨ"])
def test_words_that_a_pdf_sets_in_no_picture_are_outlines(source):
    drawn = named(source)
    assert not list(drawn.iter(f"{SVG}text"))
    assert len(list(drawn.iter(f"{SVG}use"))) > 20  # the glyphs


def test_the_room_of_a_name_is_measured_in_the_typeface_that_has_all_of_it():
    [first] = [each for each in named("חברת Tel Aviv").iter(f"{SVG}text") if "Tel Aviv" in each.text]
    assert "font-family: 'Fira Sans'," not in first.attrib["style"]
    assert "font-family: 'Fira Sans'," in next(each for each in named("Tel Aviv").iter(f"{SVG}text")).attrib["style"]
