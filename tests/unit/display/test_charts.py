import json
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from helpers import results as long_table
from helpers.display import charts
from helpers.display.context import MIME_TABLE
from helpers.display.shown_tables import table_from_resource
from helpers.errors import KitError
from tests.unit.display.fake_review import NAMES, Q3, interval, months, partial_quarter, quarters, review, share
from tests.unit.display.forms import assert_fits_in_a_page, marks, reach, texts

MIME = "application/vnd.kpi-review.chart+json"
SVG = "{http://www.w3.org/2000/svg}"
MOVEMENTS = ["mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churn"]


def stock(opening=2_400, new=1_250, expansion=100, contraction=-100, churn=-300, closing=3_350, period=Q3):
    values = {"mrr_opening": opening, "mrr_new": new, "mrr_expansion": expansion, "mrr_contraction": contraction}
    values |= {"mrr_churn": churn, "mrr": closing}
    return [long_table.row(kpi_id, period, value) for kpi_id, value in values.items()]


def funnel_rows(period=Q3, **more):
    counts = {"lead": 10, "mql": 7, "sql": 4, "won": 2}
    rows = [long_table.row("funnel_reached", period, v, segment=("stage", k), **more) for k, v in counts.items()]
    for (_, before), (stage, n) in pairwise(counts.items()):
        step = {"segment": ("stage", stage), "interval": interval(0.1, 0.9), **more}
        rows.append(share("funnel_step_rate", n, before, period=period, **step))
    return [*rows, share("funnel_conversion", 2, 10, period=period, interval=interval(0.0567, 0.5098), **more)]


def by_source(kpi_id, values, period=Q3):
    return [long_table.row(kpi_id, period, v, segment=("source", k)) for k, v in values.items()]


def every_form():
    mrr = [*quarters("mrr", [2_000, 2_100, 2_200, 2_400]), *stock()]
    rows = [row for row in mrr if row.kpi_id != "mrr" or row.period != Q3 or row.value == 3_350]
    rows += [*quarters("nrr", [1.0, 1.02, 1.01], interval=interval(0.95, 1.1)), *quarters("grr", [0.9, 0.91, 0.9])]
    rows += [*months("new_revenue", range(40, 64)), *quarters("new_revenue", [90, 96, 104, 101, 118, 121])]
    rows += [*by_source("new_revenue", {"new_logo": 90, "upsell": 31}), *funnel_rows()]
    rows += [share("win_rate", 7, 26, segment=("source", "inbound"), interval=interval(0.1, 0.5))]
    found = review(*rows, share("win_rate", 7, 26), targets={"new_revenue": 150, "nrr": 1.05})
    return {
        "waterfall": lambda: charts.waterfall(found, "mrr_opening", MOVEMENTS, "mrr"),
        "lines": lambda: charts.lines(found, "nrr", "grr", reference=1.0),
        "columns": lambda: charts.columns(found, "new_revenue"),
        "stacked": lambda: charts.columns(found, "new_revenue", segment_by="source"),
        "xmr": lambda: charts.xmr(found, "new_revenue"),
        "funnel": lambda: charts.funnel(found),
        "bars": lambda: charts.bars(found, "win_rate", "source"),
    }


@cache
def drawn(form):
    """A form, drawn once for all tests that look at it."""
    return every_form()[form]()


@pytest.mark.parametrize("form", every_form())
def test_every_form_is_a_picture_a_sentence_and_a_table(form):
    chart = drawn(form)
    bundle = json.loads(json.dumps(chart._repr_mimebundle_()))
    assert set(bundle[MIME]) == {"title", "sentence", "alt", "svg", "table"}
    assert bundle[MIME]["alt"] == bundle[MIME]["sentence"] == chart.sentence
    assert chart.sentence.endswith(".")
    assert table_from_resource(bundle[MIME]["table"])["rows"]
    assert chart.title in bundle["text/plain"]


@pytest.mark.parametrize("form", every_form())
def test_pictures_are_the_same_bytes_on_every_run(form):
    assert every_form()[form]().svg == drawn(form).svg


@pytest.mark.parametrize("form", every_form())
def test_pictures_name_no_date_and_no_place_and_can_stand_in_a_page(form):
    svg = drawn(form).svg
    assert_fits_in_a_page(svg)
    root = ElementTree.fromstring(svg)
    assert "".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
    assert not root.findall(f".//{SVG}metadata")
    assert "<!--" not in svg
    assert svg.replace("http://www.w3.org/", "").count("http") == 0


def test_marks_tell_what_they_are():
    assert marks(drawn("waterfall").svg)[:2] == ["Opening MRR, 2026Q3: €2,400", "New MRR, 2026Q3: +€1,250"]
    assert "Net revenue retention (NRR), 2026Q3: 101.0%" in marks(drawn("lines").svg)
    assert "inbound: 26.9%, 95% interval 10.0% to 50.0%" in marks(drawn("bars").svg)
    assert marks(drawn("columns").svg)[-3:] == ["The year before 2026Q3: €96", "2026Q3: €121", "Target: €150"]


@pytest.mark.parametrize("name", ['<b id="mark0">&"\'', 'x" onload="y', "mark0", "url(#p) ]]> --"])
def test_a_mark_tells_any_name_and_nothing_more(name):
    svg = charts.bars(review(*by_source("new_revenue", {name: 5, "other": 3})), "new_revenue", "source").svg
    assert marks(svg) == [f"{name}: €5", "other: €3"]
    attributes = {key for each in ElementTree.fromstring(svg).iter() for key in each.attrib}
    assert not {key for key in attributes if key.startswith("on")}


def test_lines_are_told_with_both_comparisons():
    found = review(*quarters("nrr", [1.00, 1.01, 1.03, 1.02, 1.05]), *quarters("grr", [0.9] * 5))
    chart = charts.lines(found, "nrr", "grr")
    assert chart.title == ("Net revenue retention (NRR) and Gross revenue retention (GRR), %, 2025Q3 to 2026Q3")
    assert chart.sentence == (
        "Net revenue retention (NRR) rose to 105.0% in 2026Q3, "
        "3.0 pp above 2026Q2 and 5.0 pp above 2025Q3. "
        "Gross revenue retention (GRR) stayed at 90.0% in 2026Q3, "
        "the same as 2026Q2 and the same as 2025Q3."
    )


def test_lines_of_several_units_are_refused():
    with pytest.raises(KitError, match="mrr, nrr have the units money_per_month, share"):
        charts.lines(review(*quarters("mrr", [1, 2]), *quarters("nrr", [1, 2])), "mrr", "nrr")


def test_one_value_is_no_line():
    chart = charts.lines(review(*quarters("nrr", [None, 1.05])), "nrr")
    assert chart.svg == ""
    assert chart.sentence == (
        "Net revenue retention (NRR): 105.0% in 2026Q3. Fewer than two values: there is no line to draw."
    )


def test_a_chart_without_a_picture_is_displayed_as_its_table():
    bundle = charts.lines(review(*quarters("nrr", [None, 1.05])), "nrr")._repr_mimebundle_()
    assert MIME not in bundle
    shown = table_from_resource(bundle[MIME_TABLE])
    assert shown["title"] == "Net revenue retention (NRR), %, 2026Q2 to 2026Q3"
    assert shown["rows"] == [["2026Q2", "–", "undefined"], ["2026Q3", "105.0%", ""]]
    assert "there is no line to draw" in shown["note"]


def test_a_waterfall_tells_its_movements_largest_first():
    chart = charts.waterfall(review(*stock()), "mrr_opening", MOVEMENTS, "mrr")
    assert chart.svg
    assert chart.sentence == (
        "Monthly recurring revenue (MRR): €3,350 per month in 2026Q3: "
        "New MRR +€1,250, Churn MRR −€300, Expansion MRR +€100, Contraction MRR −€100. "
        "The bars of Opening MRR and Monthly recurring revenue (MRR) are cut; all movements are on one scale."
    )


def test_movements_of_four_quarters_are_on_one_scale_and_those_of_nothing_are_left_out():
    quarter, before = (2_400, 300, 0, 0, -100, 2_600), (2_000, 500, 0, 0, -100, 2_400)
    found = review(*stock(*quarter), *stock(*before, period=Q3.previous()))
    svg = charts.waterfall(found, "mrr_opening", MOVEMENTS, "mrr").svg
    assert not [words for words in marks(svg) if words.startswith(("Expansion", "Contraction"))]
    assert "Expansion MRR" not in texts(svg)
    bars = {words: reach(svg, words) for words in marks(svg)}
    widths = {words: right - left for words, (left, right) in bars.items()}
    long, short, same = (widths[f"{name} MRR, {at}"] for name, at in (
        ("New", "2026Q2: +€500"), ("New", "2026Q3: +€300"), ("Churn", "2026Q3: −€100")))  # fmt: skip
    assert long / 500 == pytest.approx(short / 300) == pytest.approx(same / 100)
    assert bars["New MRR, 2026Q3: +€300"][0] == pytest.approx(bars["Opening MRR, 2026Q3: €2,400"][1])
    closing = bars["Monthly recurring revenue (MRR), 2026Q3: €2,600"]
    assert bars["Churn MRR, 2026Q3: −€100"][0] == pytest.approx(closing[1])
    assert bars["New MRR, 2026Q2: +€500"][1] < bars["Opening MRR, 2026Q3: €2,400"][0]


def test_stocks_that_their_movements_are_large_beside_are_not_cut():
    chart = charts.waterfall(review(*stock(100, 1_000, 0, 0, 0, 1_100)), "mrr_opening", MOVEMENTS, "mrr")
    assert "cut" not in chart.sentence
    start, end = reach(chart.svg, "Opening MRR, 2026Q3: €100")
    moved = reach(chart.svg, "New MRR, 2026Q3: +€1,000")
    assert (moved[1] - moved[0]) / (end - start) == pytest.approx(10)


def test_an_earlier_quarter_that_does_not_add_up_is_told():
    """2,400 + 1,250 + 100 − 100 − 300 = 3,350, 50 less than its end."""
    wrong, older = stock(closing=3_400, period=Q3.previous()), stock(period=Q3.previous(2))
    chart = charts.waterfall(review(*stock(), *wrong, *older), "mrr_opening", MOVEMENTS, "mrr")
    assert chart.sentence.endswith("2026Q2 is not drawn: €50 are in no movement.")
    assert chart.title.endswith(", 2026Q3")


def test_movements_that_do_not_add_up_are_not_drawn():
    # 2,400 + 1,250 + 100 - 100 - 300 = 3,350
    chart = charts.waterfall(review(*stock(closing=3_400)), "mrr_opening", MOVEMENTS, "mrr")
    assert chart.svg == ""
    assert "€50" in chart.sentence


def test_unknown_movements_are_not_drawn():
    rows = [row for row in stock() if row.kpi_id != "mrr_churn"]
    assert charts.waterfall(review(*rows), "mrr_opening", MOVEMENTS, "mrr").svg == ""
    refused = [*rows, long_table.refused("mrr_churn", Q3, "no rate for CHF")]
    assert "no rate for CHF" in charts.waterfall(review(*refused), "mrr_opening", MOVEMENTS, "mrr").sentence


def test_columns_name_the_largest_part():
    rows = [
        *quarters("new_revenue", [140_000, 157_500]),
        *by_source("new_revenue", {"upsell": 70_000, "new_logo": 87_500}),
    ]
    chart = charts.columns(review(*rows), "new_revenue", segment_by="source")
    # 87,500 / 157,500 = 55.56 %
    assert chart.sentence == (
        "New bookings rose to €157,500 in 2026Q3, €17,500 above 2026Q2; largest part: new logo, €87,500 (55.6%)."
    )
    assert chart.title == "New bookings by source, EUR, 2026Q2 to 2026Q3"


def test_parts_that_are_not_drawn_apart_are_all_in_the_table():
    rows = [*quarters("new_revenue", [10, 28]), *by_source("new_revenue", {f"s{i}": i for i in range(1, 8)})]
    shown = table_from_resource(charts.columns(review(*rows), "new_revenue", segment_by="source").table.resource())
    assert [column["label"] for column in shown["columns"]] == ["Period", *(f"s{i}" for i in range(1, 8))]


def test_rates_are_never_stacked():
    found = review(*quarters("win_rate", [0.2, 0.3]), share("win_rate", 1, 2, segment=("source", "a")))
    with pytest.raises(KitError, match="win_rate is a share: its segments do not add up"):
        charts.columns(found, "win_rate", segment_by="source")


def test_a_running_period_is_told_to_date():
    running = partial_quarter("2026-08-20")
    found = review(*quarters("new_revenue", [100, 130], period=running), period=running)
    chart = charts.columns(found, "new_revenue")
    assert chart.sentence == "New bookings rose to €130 in 2026Q3 to date, €30 above 2026Q2."
    assert "dashed edge: to date" in texts(chart.svg)
    assert "stroke-dasharray" in chart.svg
    assert "stroke-dasharray" not in charts.columns(review(*quarters("new_revenue", [100, 130])), "new_revenue").svg


def test_a_change_of_a_few_is_told_in_counts_and_one_of_many_in_per_cent_too():
    """From 5 to 8 is +60 %, which says nothing; from 40 to 50 it is 25 %."""
    few, many = ([before, 0, 0, 0, now] for before, now in ((5, 8), (40, 50)))
    assert "+3" in texts(charts.columns(review(*quarters("new_customers", few)), "new_customers").svg)
    assert "+10 (+25.0%)" in texts(charts.columns(review(*quarters("new_customers", many)), "new_customers").svg)
    money = texts(charts.columns(review(*quarters("new_revenue", few), targets={"new_revenue": 10}), "new_revenue").svg)
    assert "+€3 (+60.0%)" in money
    assert money[money.index("target") :][:4] == ["target", "€10", "−€2", "(−20.0%)"]


def test_a_value_stands_at_the_end_of_its_bar_and_not_of_its_whisker():
    rows = [share("win_rate", 5, 20, segment=("source", "a"), interval=interval(0.1, 0.9))]
    svg = charts.bars(review(*rows), "win_rate", "source").svg
    _, end = reach(svg, "a: 25.0%, 95% interval 10.0% to 90.0%")
    [at] = [float(each.attrib["x"]) for each in ElementTree.fromstring(svg).iter(f"{SVG}text") if each.text == "25.0%"]
    assert at == pytest.approx(end + 4)


def test_a_total_is_a_line_unless_it_is_the_sum_of_the_bars():
    """30 + 20 are the 50 in all; 9 of 30 and 5 of 20 are no part of 14 of 50."""
    sums = review(*quarters("new_revenue", [50]), *by_source("new_revenue", {"a": 30, "b": 20}))
    assert "all €50" not in texts(charts.bars(sums, "new_revenue", "source").svg)
    assert "€50 in total" in charts.bars(sums, "new_revenue", "source").sentence
    parts = [share("win_rate", k, n, segment=("source", name)) for name, k, n in (("a", 9, 30), ("b", 5, 20))]
    rates = review(share("win_rate", 14, 50), *parts)
    assert "all 28.0%" in texts(charts.bars(rates, "win_rate", "source").svg)


def test_segments_have_one_order_in_bars_and_in_columns():
    """That of the results, the first on top; what has no segment is last, and counts stand for a rate of a few."""
    parts = {None: 9, "old": 5, "new": 40}
    rows = [*quarters("new_revenue", [50, 54]), *by_source("new_revenue", parts)]
    rows += [share("win_rate", *kn, segment=("source", name)) for name, kn in (("old", (1, 3)), ("new", (9, 30)))]
    names = ["old", "new", "(none)"]
    found = review(*rows)
    stack = charts.columns(found, "new_revenue", segment_by="source").svg
    assert [text.partition("  ")[0] for text in reversed(texts(stack)) if text.startswith(tuple(names))] == names
    bars = charts.bars(found, "win_rate", "source").svg
    assert [words.partition(":")[0] for words in marks(bars)] == names[:2]
    assert "1 of 3" in texts(bars)
    assert "33.3%" not in " ".join(texts(bars))


def test_a_range_too_wide_for_a_verdict_is_told_in_the_picture():
    """The limits of 10 and 90 in turn lie below zero and above a hundred: nothing that it can be is unusual."""
    varied = charts.xmr(review(*quarters("new_revenue", [10, 90] * 5)), "new_revenue")
    assert "varies too much for a verdict" in texts(varied.svg)


def test_a_segment_that_has_no_value_in_any_period_is_in_no_column():
    refused = long_table.row("new_revenue", Q3, None, segment=("source", "c"), status="refused", warnings=["no rate"])
    rows = [*quarters("new_revenue", [50, 54]), *by_source("new_revenue", {"a": 54})]
    svg = charts.columns(review(*rows, refused), "new_revenue", segment_by="source").svg
    assert marks(svg) == ["a, 2026Q3: €54"]
    assert charts.columns(review(*rows), "new_revenue", segment_by="region").svg == ""


def test_the_gap_to_a_target_is_told_of_a_period_that_is_over():
    found = review(*quarters("nrr", [1.0, 1.02]), targets={"nrr": 1.05})
    assert "target 105.0%, −3.0 pp" in texts(charts.lines(found, "nrr").svg)
    running = partial_quarter("2026-08-20")
    rows = quarters("new_revenue", [100, 130], period=running, status="partial")
    told = texts(charts.columns(review(*rows, period=running, targets={"new_revenue": 200}), "new_revenue").svg)
    assert told[told.index("target") :][1] == "€200"
    assert "−€70" not in " ".join(told)


@pytest.mark.parametrize(("last", "key"), [(30, "diamond: bad news"), (95, "large dot: good news"), (65, None)])
def test_signals_differ_in_shape(last, key):
    svg = charts.xmr(review(*quarters("new_revenue", [62, 66, 64, 69, 65, 61, 67, 66, last])), "new_revenue").svg
    assert [text for text in texts(svg) if "news" in text] == [key] * bool(key)


def test_xmr_tells_the_verdict_and_its_basis():
    found = review(*quarters("new_revenue", [62, 66, 64, 69, 65, 61, 67, 66, 48]))  # specification T4
    chart = charts.xmr(found, "new_revenue")
    assert chart.sentence == (
        "New bookings, 2026Q3: €48, a signal, below its provisional usual range of €55 to €75. "
        "The usual range is that of the first 8 quarters."
    )


def test_a_short_history_is_a_plain_line():
    chart = charts.xmr(review(*quarters("new_revenue", [62, 66, 64])), "new_revenue")
    assert chart.svg
    assert chart.sentence == (
        "New bookings fell to €64 in 2026Q3, €2 below 2026Q2. "
        "No usual range is drawn: it takes 6 quarters with a value, known: 3."
    )


def test_what_is_not_judged_has_no_xmr_chart():
    with pytest.raises(KitError, match=r"mrr is not judged .* draw charts.lines"):
        charts.xmr(review(*quarters("mrr", [1, 2])), "mrr")


def test_a_funnel_tells_the_whole_way():
    chart = charts.funnel(review(*funnel_rows()))
    assert chart.sentence == "Of 10 records that entered in 2026Q3, 2 reached won: 20.0%, 95% interval 5.7% to 51.0%."
    rows = table_from_resource(chart.table.resource())["rows"]
    assert rows[0][:3] == ["lead", "10", "–"]
    assert rows[2][:3] == ["sql", "4", "57.1%"]  # 4 of 7


def test_a_funnel_is_of_the_latest_mature_cohort():
    rows = [*funnel_rows(Q3.previous()), *funnel_rows(status="partial")]
    assert charts.funnel(review(*rows)).title == "Records that reached each stage, 2026Q2"
    alone = charts.funnel(review(*funnel_rows(status="partial")))
    assert alone.sentence.startswith("Of 10 records that entered in 2026Q3, 2 reached won to date")


def test_a_funnel_without_its_table_says_so():
    chart = charts.funnel(review(long_table.not_provided("funnel_conversion", Q3, "stage_history")))
    assert chart.svg == ""
    assert chart.sentence == "Pipeline conversion: no value in 2026Q3 (not provided: “stage history”)."


def test_bars_put_those_of_a_few_last_and_say_what_is_not_drawn():
    rows = [share("win_rate", k, 40, segment=("source", f"s{k}"), interval=interval(0, 1)) for k in range(1, 14)]
    rows += [share("win_rate", 2, 3, segment=("source", "few")), share("win_rate", 93, 523)]
    chart = charts.bars(review(*rows), "win_rate", "source")
    # 13/40 = 32.5 %, 1/40 = 2.5 %, 93/523 = 17.8 %; 14 segments, 12 drawn
    assert chart.sentence == "Win rate in 2026Q3: 17.8% in total, s13 32.5% to s1 2.5%; 2 more are in the table."
    assert table_from_resource(chart.table.resource())["rows"][-1][0] == "few"


def test_bars_tell_why_what_names_no_segment_is_in_none():
    """Also where it has no bar: else readers of a total above all its parts would look for a mistake."""
    why = "80.0% of the spend (960 of 1,200 EUR) names no channel, so it is in no channel's cost"
    parts = {"a": (50, []), "b": (20, []), None: (None, [why])}
    rows = [long_table.row("cac_sm", Q3, v, segment=("channel", k), warnings=w) for k, (v, w) in parts.items()]
    chart = charts.bars(review(*rows, long_table.row("cac_sm", Q3, 300)), "cac_sm", "channel")
    assert chart.sentence.endswith(f"€300 in total, a €50 to b €20. (none): {why}.")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_only_text(name):
    parts = by_source("new_revenue", {name: 5, "other": 2})
    rows = [*quarters("new_revenue", [3, 7]), *parts, share("win_rate", 7, 26), *by_source("win_rate", {name: 0.3})]
    found = review(*rows)
    for chart in (charts.columns(found, "new_revenue", segment_by="source"), charts.bars(found, "win_rate", "source")):
        ElementTree.fromstring(chart.svg)
        html = chart._repr_mimebundle_()["text/html"]
        assert "<script" not in html
        assert "&lt;script&gt;" in html or "script" not in name


@pytest.mark.parametrize("form", ["mrr", "new_revenue", "win_rate"])
def test_an_empty_review_draws_nothing_and_fails_nowhere(form):
    empty = review()
    for chart in (
        charts.lines(empty, form), charts.columns(empty, form), charts.funnel(empty),
        charts.bars(empty, form, "source"), charts.waterfall(empty, "mrr_opening", MOVEMENTS, "mrr"),
    ):  # fmt: skip
        assert chart.svg == ""
        assert chart._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda results: charts.columns(results, "new_revenue"),
        lambda results: charts.columns(results, "new_revenue", segment_by="source"),
        lambda results: charts.lines(results, "new_revenue"),
        lambda results: charts.xmr(results, "new_revenue"),
    ],
)
def test_where_all_is_zero_there_is_a_sentence_and_no_empty_axes(draw):
    chart = draw(review(*quarters("new_revenue", [0, 0, 0]), *by_source("new_revenue", {"upsell": 0})))
    assert chart.svg == ""
    shown = table_from_resource(chart._repr_mimebundle_()[MIME_TABLE])
    assert (shown["rows"], shown["empty"], shown["note"]) == ([], chart.sentence, "")


def test_what_holds_for_one_segment_only_is_said_with_its_name():
    few = {"warnings": ["dominated by few", "of the total"]}
    rows = [
        long_table.row("nrr", Q3, 1.0, warnings=["of the total"]),
        long_table.row("nrr", Q3, 1.1, segment=("segment", "Large"), **few),
        long_table.row("nrr", Q3, 0.9, segment=("segment", "Small")),
    ]
    assert charts.bars(review(*rows), "nrr", "segment").sentence.endswith(" Large: dominated by few.")
