"""An executed notebook as parts: what is shown, in which form, and what is left out."""

import io

import pandas as pd
import pytest
from matplotlib.figure import Figure

from helpers.pack.notebook_content import parts_of, table_part, title_of
from helpers.pack.pages import calls_due
from helpers.pack.run import Executed
from tests.pack.fixtures import (
    PIXEL,
    SOURCE,
    SVG,
    block,
    blocks_output,
    bundle,
    chart_output,
    code,
    display,
    error,
    markdown,
    notebook,
    printed,
    recurring_revenue,
    table_output,
)


def parts(*cells):
    return parts_of(notebook(*cells), theme="churn", title="Churn")


def shown(*outputs, **more):
    return parts(code(*outputs, **more))


def words(tree):
    return "".join(node.get("text", " ") + words(node.get("children", [])) for node in tree)


def test_a_notebook_becomes_its_parts_in_order():
    found = parts_of(recurring_revenue(), theme="recurring_revenue", title="Recurring revenue")
    assert [part["type"] for part in found] == [
        "prose",  # the question; the notebook's title is the section's heading
        "heading", "blocks", "chart",
        "heading", "prose", "table",
        "heading", "prose",
    ]  # fmt: skip
    assert SOURCE not in str(found)
    assert title_of(recurring_revenue()) == "Recurring revenue"


def test_tables_that_follow_each_other_and_lack_the_same_are_told_once():
    refused = [
        table_output(title=title, rows=0, empty="Refused: no day.") for title in ("Curve", "Customers", "Customers")
    ]
    stages = table_output(title="Stages", rows=0, empty="Not provided: milestones.")
    found = shown(*refused, stages, table_output())
    assert [(part["title"], part["empty"]) for part in found[:2]] == [
        ("Curve · Customers", "Refused: no day."), ("Stages", "Not provided: milestones.")
    ]  # fmt: skip
    assert [part["title"] for part in found[2:]] == ["Lost customers"]
    # a brief shows tagged cells alone, and keeps what they lack
    one, other = parts(code(refused[0]), code(refused[1], tags=("brief",)))
    assert (one["title"], other["title"], other["brief"]) == ("Curve", "Customers", True)


@pytest.mark.parametrize("tag", ["parameters", "injected-parameters", "results", "hide"])
def test_tagged_cells_show_nothing_but_an_error(tag):
    found = shown(printed("x"), table_output(), error("KeyError", "'mrr'"), tags=(tag,), count=3)
    assert found == [{"type": "error", "cell": 3, "message": "KeyError: 'mrr'"}]


def test_the_kit_speaks_plain_words_in_its_errors():
    assert shown(error("KitError", "deals.csv: no rows"))[0]["message"] == "deals.csv: no rows"


def test_headings_are_namespaced_unique_and_skip_no_level():
    found = parts(markdown("# Churn\n\n#### Why\n\n## Why\n\n# Why\n\n##### Deep\n\n## "))
    headings = [(part["level"], part["id"]) for part in found]
    assert headings == [(2, "churn.why"), (2, "churn.why-2"), (2, "churn.why-3"), (3, "churn.deep")]


def test_blocks_notes_and_charts_pass_as_they_are():
    note = bundle("application/vnd.kpi-review.note+json", {"text": "“retention months” is 6 here"})
    blocks, chart, told = shown(blocks_output(block()), chart_output(), note)
    assert blocks["blocks"] == [block()]
    assert (chart["svg"], chart["table"]["rows"][1]) == (SVG, ["Customer 1", "€1,000"])
    assert told == {"type": "note", "text": "“retention months” is 6 here"}


def test_tables_are_formatted_by_unit_and_say_what_they_leave_out():
    (table,) = shown(table_output(rows=3, top=2, export="exports/lost.csv"))
    assert table["columns"] == [{"label": "Customer", "align": "left"}, {"label": "MRR lost", "align": "right"}]
    assert table["rows"] == [["Customer 0", "€0"], ["Customer 1", "€1,000"]]
    assert table["note"] == "2 of 3 shown; all in exports/lost.csv."
    assert shown(table_output(rows=0))[0]["empty"] == "Nobody left."


def test_a_table_that_is_not_for_pages_is_named_with_where_it_stands():
    hidden = table_output(title="Every customer", rows=3, on_pages=False, export="exports/all.csv")
    text = "Every customer: 3 rows, in the workbook and in exports/all.csv."
    assert shown(hidden) == [{"type": "note", "text": text, "export": "exports/all.csv"}]
    assert shown(table_output(title="Few", rows=1, on_pages=False))[0]["text"] == "Few: 1 row, in the workbook."


def test_a_plain_dataframe_is_a_table_with_and_without_its_schema():
    frame = pd.DataFrame({"segment": ["SMB", "Mid"], "won": [12, 7]})
    with pd.option_context("display.html.table_schema", True):
        (by_schema,) = shown(display(**{"application/vnd.dataresource+json": frame._repr_data_resource_()}))
    (by_html,) = shown(display(**{"text/html": frame.to_html(index=False), "text/plain": str(frame)}))
    for table in (by_schema, by_html):
        assert [column["label"] for column in table["columns"]] == ["segment", "won"]
        assert [column["align"] for column in table["columns"]] == ["left", "right"]
        assert table["rows"] == [["SMB", "12"], ["Mid", "7"]]


def test_html_tables_fill_in_spans_and_join_header_rows():
    frame = pd.DataFrame(
        [[1, 2], [3, 4]],
        index=pd.MultiIndex.from_tuples([("EU", "SMB"), ("EU", "Mid")]),
        columns=pd.MultiIndex.from_tuples([("2026", "won"), ("2026", "lost")]),
    )
    (table,) = shown(display(**{"text/html": frame.to_html()}))
    assert [column["label"] for column in table["columns"]] == ["", "", "2026 · won", "2026 · lost"]
    assert table["rows"] == [["EU", "SMB", "1", "2"], ["EU", "Mid", "3", "4"]]


def test_free_html_keeps_its_text_and_loses_its_markup():
    text = """<h1 onclick="x()">Big</h1><p id="summary">Two <b>left</b>, <a href="javascript:x()">why</a>?<br>
    <img src="http://x/y.png" alt="a map"></p><script>track()</script><ul><li>one</ul><!-- secret -->"""
    (prose,) = shown(display(**{"text/html": text}))
    assert "".join(words(prose["tree"]).split()) == "BigTwoleft,why?[apicturethatisnotshownhere:amap]one"
    assert not {"track", "secret", "onclick", "javascript", "http"} & set(str(prose).replace("'", " ").split())


@pytest.mark.parametrize(
    ("mime", "data", "form"), [("image/svg+xml", SVG, "svg"), ("image/png", PIXEL, "png")], ids=["svg", "png"]
)
def test_a_picture_has_an_alternative_text(mime, data, form):
    plain = display(**{mime: data, "text/plain": "<Figure size 640x480>"})
    described = display({mime: {"alt": "MRR rises"}}, **{mime: data})
    assert [(part["format"], part["alt"]) for part in shown(plain, described, count=7)] == [
        (form, "Chart in Churn, cell 7"),
        (form, "MRR rises"),
    ]


def test_a_matplotlib_figure_is_a_picture():
    figure = Figure()
    figure.subplots().plot([1, 2])
    file = io.StringIO()
    figure.savefig(file, format="svg")
    assert [part["type"] for part in shown(display(**{"image/svg+xml": file.getvalue()}))] == ["figure"]


@pytest.mark.parametrize(("mime", "data"), [("image/svg+xml", "<svg"), ("image/png", "bm90IGEgcGljdHVyZQ==")])
def test_a_picture_that_is_none_is_said_to_be_missing(mime, data):
    assert shown(display(**{mime: data}))[0] == {
        "type": "note",
        "text": f"An output cannot be shown here (Churn, cell 1: {mime}).",
    }


def test_printed_text_is_joined_and_what_was_overwritten_is_gone():
    found = shown(printed("rows "), printed("read\n10%\r100%\x1b[0m done\n"), printed("careful!", "stderr"))
    assert found[0] == {"type": "text", "text": "rows read\n100% done"}
    assert found[1]["text"] == "Warnings of 1 cell are not shown here; they are in notebooks/churn.ipynb."
    assert "careful" not in str(found)


def test_the_address_of_an_object_is_no_result():
    assert shown(display(**{"text/plain": "[<matplotlib.lines.Line2D at 0x7f3c5c0b5d10>]"})) == []
    assert shown(display(**{"text/plain": "42"})) == [{"type": "text", "text": "42"}]


def test_characters_that_no_page_can_show_are_left_out():
    (table,) = shown(table_output(title="Acme\u202e\x00 Ltd"))
    assert table["title"] == "Acme Ltd"


def test_markdown_outputs_and_cells_are_read_alike():
    text = "Two *left*:\n\n1. [Acme](https://acme.example)\n2. ![logo](x.png)\n\n```\ncode\n```\n\n| a |\n|--:|\n| 1 |"
    assert shown(display(**{"text/markdown": text, "text/plain": "<IPython.core.display.Markdown object>"})) == parts(
        markdown(text)
    )
    kinds = [node["type"] for node in parts(markdown(text))[0]["tree"]]
    assert kinds == ["paragraph", "ordered_list", "code", "table"]


def test_nesting_is_bounded():
    (prose,) = shown(display(**{"text/html": "<b>" * 60 + "deep"}))
    assert words(prose["tree"]).strip() == "deep"
    assert str(prose).count("strong") == 11  # the paragraph is the twelfth


def test_names_of_customers_stand_as_they_are_written_and_keys_in_words():
    fields = [{"name": name, "type": "string"} for name in ("customer", "owner", "reason")]
    row = {"customer": "acme_corp", "owner": "j_doe", "reason": "too_expensive"}
    part = table_part({"schema": {"fields": fields}, "data": [row]})
    assert part["rows"] == [["acme_corp", "j_doe", "too expensive"]]


def test_who_is_due_is_whose_renewal_lies_within_ninety_days_the_last_day_itself_included():
    fields = [{"name": name, "type": "number"} for name in ("customer", "mrr", "days_to_renewal")]
    rows = [("today", 1, 0), ("soon", 3, 90), ("later", 9, 91), ("unknown", 9, None), ("past", 2, -5)]
    data = [dict(zip(("customer", "mrr", "days_to_renewal"), row, strict=True)) for row in rows]
    shown = code(table_output(schema={"fields": fields}, data=data, export="exports/call_list.csv"))
    found = calls_due([Executed("inactive_customers", notebook(shown), 0.0)])
    assert [row["customer"] for row in found["data"]] == ["soon", "past", "today"]
