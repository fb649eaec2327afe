"""Management's words: figures are filled in; what names no page, KPI or figure is refused with the nearest."""

import json
from datetime import date

import pytest

from helpers import results
from helpers.errors import KitError
from helpers.pack.commentary import Comment, SignOff, figure_faults, read_commentary
from helpers.periods import Calendar
from tests.pack.projects import BUILD

Q3 = Calendar().period("2026Q3")
THEMES = ("new_revenue", "recurring_revenue")


def read(folder, **files):
    """The commentary of a folder with these files; a name is that of a page, or ``signoff``."""
    for name, text in files.items():
        (folder / (f"{name}.yml" if name == "signoff" else f"{name}.md")).write_text(text)
    return read_commentary(folder, THEMES, Q3)


def faults(folder, **files):
    with pytest.raises(KitError) as told:
        read(folder, **files)
    return [fault.replace(f"{folder}/", "") for fault in told.value.faults]


def test_no_folder_is_no_commentary(tmp_path):
    found = read_commentary(tmp_path / "2026Q3", THEMES, Q3)
    assert (found.comments, found.signed) == ({}, {})


def test_every_fault_is_told_at_once(tmp_path):
    told = faults(
        tmp_path,
        sumary="Fine.",
        new_revenue="---\nautor: Ana\n---\n{{ new_revenu }} and {{ nrrr[x] }} and {{ nrr }}.",
        recurring_revenue="Once {{ mrr@2025Q3 }}, {{ mrr[Large }}, now {{ mrr [Large] }} or {{ arpa }}.",
        actions="| Action | Due |\n|--|--|\n| Call | soon |",
        signoff="recuring_revenue: {by: Ana, on: 2026-10-12}\nnew_revenue: {by: Ana}",
    )
    assert told == [
        "signoff.yml: new_revenue.on is missing",
        "signoff.yml: recuring_revenue is not known; did you mean 'recurring_revenue'?",
        "actions.md: Due of “Call” is 'soon', must be a day such as 2026-10-31",
        "new_revenue.md: autor is not known; did you mean 'author'?",
        "new_revenue.md: {{ new_revenu }} is not a KPI; did you mean 'new_revenue'?",
        "new_revenue.md: {{ nrrr }} is not a KPI; did you mean 'nrr'?",
        "recurring_revenue.md: {{ mrr@2025Q3 }} is not a KPI; did you mean 'mrr'?",
        "recurring_revenue.md: {{ mrr[Large }} is not a KPI; did you mean 'mrr'?",
        "sumary.md belongs to no page of this pack; did you mean 'summary'?",
    ]


def test_a_figure_of_a_segment_is_that_of_the_segment():
    found = Comment("{{new_revenue}} of which {{ new_revenue[cross_sell] }}").filled_in(lambda k, s: f"<{k}|{s}>")
    assert found.text == "<new_revenue|> of which <new_revenue|cross_sell>"


# --- author and date --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["\n", "\r\n", "  \n"])
def test_a_text_begins_with_its_author_and_date(tmp_path, ends):
    text = f"---{ends}author: Head of sales{ends}date: 2026-10-12{ends}---{ends}Two *left*.{ends}{ends}---{ends}More."
    found = read(tmp_path, summary=text).on("summary")
    assert (found.author, found.on) == ("Head of sales", date(2026, 10, 12))
    assert found.text.split() == ["Two", "*left*.", "---", "More."]


@pytest.mark.parametrize("text", ["Two left.\n\n---\nauthor: x\n---\n", "", "Two left."])
def test_a_draft_may_say_nothing_of_its_author(tmp_path, text):
    assert read(tmp_path, summary=text).on("summary") == Comment(text)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("author: Ana\n", "summary.md begins with --- and has no second line of ---"),
        (
            "date: 12 October 2026\n---\n",
            "summary.md: date == '12 October 2026', must be a valid date in the format YYYY",
        ),
        ("date: 20261012\n---\n", "summary.md: date == 20261012, must be a valid date"),
        (
            "date: 2026-06-30\n---\n",
            "summary.md: date == '2026-06-30', must be 2026-07-01 or later: 2026Q3 had not begun",
        ),
        ("author: ''\n---\n", "summary.md: author == '', must be a name of 1 to 80 characters"),
        (f"author: {'x' * 81}\n---\n", "summary.md: author == 'xxx"),
        ("author: A\nauthor: B\n---\n", "summary.md: author is given twice, on line 2 and line 3"),
        ("author: [\n---\n", "summary.md, line 3 is not YAML"),
        ("- Ana\n---\n", "summary.md is a list, must be a mapping"),
    ],
)
def test_a_head_that_is_not_as_it_must_be_is_refused(tmp_path, head, told):
    (fault,) = faults(tmp_path, summary=f"---\n{head}Fine.")
    assert fault.startswith(told)


def test_nothing_of_the_environment_comes_into_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    found = read(
        tmp_path,
        summary="---\nauthor: ${DB_PASSWORD}\n---\nFine.",
        signoff="new_revenue: {by: '${DB_PASSWORD}', on: 2026-10-12}",
    )
    assert found.on("summary").author == found.signed["new_revenue"].by == "${DB_PASSWORD}"


# --- sign-offs --------------------------------------------------------------------------------------------------------


def test_a_sign_off_says_who_and_when(tmp_path):
    found = read(tmp_path, signoff="new_revenue: {by: Ana, on: 2026-09-30, remark: Fine}")
    assert found.signed == {"new_revenue": SignOff(by="Ana", on=date(2026, 9, 30), remark="Fine")}


def test_a_file_without_a_sign_off_signs_nothing(tmp_path):
    assert read(tmp_path, signoff="# nobody yet\n").signed == {}


def test_the_sign_off_of_another_quarter_is_refused(tmp_path):
    (told,) = faults(tmp_path, signoff="new_revenue: {by: Ana, on: 2026-07-12}")
    assert told.endswith(
        "new_revenue.on == '2026-07-12', must be 2026-09-30 or later: before that day nobody knew the figures of 2026Q3"
    )


# --- figures that are not there ---------------------------------------------------------------------------------------


def figures(*segments, kpi_id="new_revenue", period=Q3):
    return [results.row(kpi_id, period, 1, segment=segment) for segment in segments]


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("new_revenue", ""),
        ("new_revenue[web]", ""),
        ("new_revenue[source: web]", ""),
        ("new_revenue[fair]", ""),  # there was one a quarter ago, and there is none now
        ("new_revenue[wep]", "new_revenue has no segment 'wep'; did you mean 'web'?"),
        ("pac_users", "pac_users has no total; name a segment, such as pac_users[0]"),
        ("mrr[web]", "mrr has no segments here; name mrr alone"),
        ("win_rate[web]", ""),  # its data are not provided, which the page says
        ("nrr[web]", ""),  # its theme is not in this pack
    ],
)
def test_a_figure_that_is_not_there_is_told_with_the_nearest(tmp_path, named, told):
    rows = [
        *figures(("", ""), ("source", "web")),
        *figures(("source", "fair"), period=Q3.previous()),
        *figures(("weeks", "0"), ("weeks", "7"), kpi_id="pac_users"),
        *figures(("", ""), kpi_id="mrr"),
        results.not_provided("win_rate", Q3, "deals"),
    ]
    found = figure_faults(read(tmp_path, summary=f"It is {{{{ {named} }}}}."), tmp_path, results.frame(rows))
    assert found == ([f"{tmp_path}/summary.md: {told}"] if told else [])


def test_a_build_stops_before_pages_are_made_and_the_draft_stays(books, warm):
    link = books.draft()
    books.write("params/commentary/2026Q3/new_revenue.md", "{{ new_revenue[upsel] }} and {{ new_revenue[upsell] }}")
    done = books.run(*BUILD)
    assert (done.status, done.lines[-1:]) == (1, [
        "2026Q3: params/commentary/2026Q3/new_revenue.md: new_revenue has no segment 'upsel'; did you mean 'upsell'?"
    ])  # fmt: skip
    assert (link / "pack.html").read_text() == "the old pack"
    books.write("params/commentary/2026Q3/new_revenue.md", "It is {{ new_revenue[upsell] }}.")
    link.unlink()
    assert books.run(*BUILD).status == 0
    figures = results.read_csv(link / "results.csv")
    now = figures[(figures["period"] == "2026Q3") & (figures["segment"] == "upsell")]
    (value,) = now[now["kpi_id"] == "new_revenue"]["value"]
    assert f"It is €{value:,.0f}." in (link / "pack.html").read_text().replace("\u2060", "")
    assert json.loads((link / "manifest.json").read_text())["status"] == "DRAFT"


def test_the_pack_prints_the_commentary_with_its_figures(built):
    html = (built.folder / "pack.html").read_text()
    assert "From management" in html
    assert "{{" not in html
