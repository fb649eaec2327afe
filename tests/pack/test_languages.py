"""Packs in other languages: every text is translated, nothing of the kit is left in English, no figure changes."""

import ast
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from unicodedata import east_asian_width

import nbformat
import pandas as pd
import pytest
from babel.messages.pofile import read_po

from helpers.display.charts.frame import wrapped
from helpers.display.formats import format_period
from helpers.display.plain_words import plain, plain_cell, plain_value
from helpers.errors import KitError
from helpers.language import LOCALES, _, catalogue_path, fields_of, forms_of, in_prose, plural, retold, speaking
from helpers.messages import ROOT, is_said, template_of, texts
from helpers.pack.appearance import refuse_unprintable, uncovered
from helpers.pack.notebook_content import parts_of, tables_of
from helpers.pack.pages import asked_and_told
from helpers.params import Brand, load_review
from helpers.results import COLUMNS, NUMBERS, read_csv
from tests.pack import fixtures as made
from tests.pack.requests import request_of

OTHERS = [language for language in LOCALES if language != "en"]
MARKED_IN = ("helpers/kpis", "helpers/display", "helpers/pack")
WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
# Queries, styles, marks of HTML, SVG and Typst, typefaces, and the keys of verdicts, of states and of matplotlib.
OF_MACHINES = re.compile(
    r"\s*(select|with|order|from|union) |<style>|.*( desc\b| asc\b| nulls last\b| is not null\b| as double\b)|.*<\w+|"
    r".* Sans\b|Droid |Noto |th scope=|#set |\"><image|mmm yyyy|"
    r"(not judged|not confirmed|too short|offset points|axes fraction|upper left)$"
)
# All queries, and what is told in a terminal alone.
UNSEEN = {"helpers/kpis/spine.py", "helpers/kpis/kpi_alignment/findings.py"}
UNSEEN |= {f"helpers/pack/{name}.py" for name in ("publish", "verify", "made_from", "request")}
# Texts of a terminal, queries, typefaces and XML stand here too: nothing tells a machine which texts are of pages.
UNSEEN |= {
    f"helpers/pack/{name}.py"
    for name in ("actions", "appearance", "archive", "audiences", "causes", "commentary", "excel", "render", "sign_off",
                 "slides", "slide_charts", "slide_room")
}  # fmt: skip
WHOLE = {"heading", "prose", "blocks", "chart", "note"}  # the parts of which every text is looked at
SAYING = {"_", "plural", "message", "template", "KitError", "ValueError", "compile", "getattr"}
NAMES = {
    "Excel",
    "MRR",
    "ARR",
    "NRR",
    "GRR",
    "CAC",
    "LTV",
    "ARPA",
    "KPI",
    "OKR",
    "CPI",
    "api",
    "interactive",
    "monitoring",
}


def catalogue(language):
    with catalogue_path(language).open("rb") as file:
        return read_po(file, locale=language or None)


def addresses(found):
    return {(each.id, each.context) for each in found if each.id}


# --- the catalogues ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def said(takes_seconds):
    """Every text that the kit says."""
    return template_of(texts())


@pytest.mark.parametrize("language", ["", *OTHERS])
def test_catalogues_hold_what_the_kit_says_and_nothing_else(said, language):
    lacking, stale = addresses(said) - addresses(catalogue(language)), addresses(catalogue(language)) - addresses(said)
    assert (lacking, stale) == (set(), set()), "run make messages"


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language):
    lacking = [each.id for each in catalogue(language) if each.id and not is_said(each)]
    assert lacking == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_insert_what_the_english_does(language):
    wrong = {
        form: each.id
        for each in catalogue(language)
        if each.id
        for form in forms_of(each)
        if form and fields_of(form) != fields_of(each.id if isinstance(each.id, str) else each.id[1])
    }
    assert wrong == {}


@pytest.mark.parametrize("language", OTHERS)
def test_fonts_have_every_sign_of_the_catalogues(language):
    with speaking(language):
        words = " ".join(form for each in catalogue(language) if each.id for form in forms_of(each))
        assert uncovered(words) == ""


def test_traditional_chinese_has_the_words_of_taiwan():
    mainland = ["數據", "軟件", "默認", "信息", "質量", "用戶", "賬", "單元格", "工作簿", "計劃", "周", "“"]
    mainland += ["釋出", "視窗", "引數", "演算法", "型別", "許可權", "專案標"]  # of software, or torn words
    mainland += ["擴充套件", "籤核", "回複", "曆時", "天后", "線上以上", "跟蹤", "窗口", "線索", "薪酬"]
    wrong = {
        (word, form) for each in catalogue("zh_Hant") if each.id for form in forms_of(each)
        for word in mainland if word in form
    }  # fmt: skip
    assert wrong == set()


def test_russian_has_its_dashes_and_no_sentence_ends_with_two_points():
    texts = [(each.id, each.context, form) for each in catalogue("ru") if each.id for form in forms_of(each)]
    assert [form for _id, _context, form in texts if " – " in form or " — " in form] == []  # none begins a line
    assert [form for id_, context, form in texts if context and form.endswith(".") > str(id_).endswith(".")] == []
    assert [form for _id, _context, form in texts if re.search(r"\} (дн|мес|нед|п)\.", form)] == []


# --- what is said -----------------------------------------------------------------------------------------------------


def test_numbers_take_their_forms():
    def days(n):
        return plural("{n} day", "{n} days", n).format(n=n)

    assert [days(n) for n in (1, 2, 0.5)] == ["1 day", "2 days", "0.5 days"]
    with speaking("ru"):
        assert [days(n) for n in (1, 21, 2, 5, 11, 2.5)] == [
            "1\xa0день",
            "21\xa0день",
            "2\xa0дня",
            "5\xa0дней",
            "11\xa0дней",
            "2.5\xa0дня",
        ]
    with speaking("zh_Hans"):
        assert days(1) == "1天"


def test_what_stands_in_results_is_said_where_it_is_shown():
    with speaking("zh_Hans"):
        assert retold("not asked: too new") == "未纳入统计：成为客户时间太短"
        assert retold("no_users: 3 inactive customers have no user on record") == "3个不活跃客户没有用户记录"
        assert retold("Too New Ltd") == "Too New Ltd"
    assert retold("not asked: too new") == "not asked: too new"


def test_periods_are_written_as_the_language_does():
    with speaking("ru"):
        assert plain("Клиенты, 2026Q3") == "Клиенты, 3\xa0кв.\xa02026"
    assert plain("Lost in 2026Q3 and FY2027Q1, 2026-W39") == "Lost in 2026Q3 and FY2027Q1, 2026-W39"


def test_what_has_no_value_in_a_dimension_is_told_in_the_language_in_any_cell():
    with speaking("ru"):
        assert (plain_cell("(none)"), plain_cell("(none) of them")) == ("(не указано)", "(none) of them")
    assert plain_cell("(none)") == "(none)"


def test_figures_in_stored_texts_are_written_as_the_language_does():
    stored = "invoices: 3 of 1200 rows left out, with 1,250.50 EUR of 98,000.00 EUR a month (1.28%): no price"
    told = "счета: исключено строк: 3 из 1_200, на сумму 1_250,50 EUR из 98_000,00 EUR в месяц (1,28_%): нет цены"
    with speaking("ru"):
        assert retold(stored) == told.replace("_", "\xa0")
        assert retold("no_users: 12 inactive customers have no user on record").endswith(": 12")
    assert retold(stored) == stored


@pytest.mark.parametrize(
    ("language", "locale", "told"),
    [
        (
            "en",
            "de_DE",
            "invoices: 3 of 1.200 rows left out, with 1.250,50 EUR of 98.000,00 EUR per month (1,28_%): no",
        ),
        (
            "en",
            "fr_FR",
            "invoices: 3 of 1_200 rows left out, with 1_250,50 EUR of 98_000,00 EUR per month (1,28_%): no",
        ),
        ("zh_Hans", "de_CH", "发票：1’200行中排除3行，金额1’250.50 EUR，总额98’000.00 EUR/月（1.28%）：没有价格"),
    ],
)
def test_figures_in_stored_texts_are_written_as_the_locale_does(language, locale, told):
    stored = "invoices: 3 of 1200 rows left out, with 1,250.50 EUR of 98,000.00 EUR a month (1.28%): no price"
    with speaking(language, {}, locale):
        assert retold(stored).startswith(told.replace("_", "\xa0"))
        assert retold("Too New Ltd 1,250.50") == "Too New Ltd 1,250.50"


def test_what_parameters_may_be_set_to_is_said_and_names_of_the_company_are_not():
    settings = {"ttv_cohort": "trailing_year", "start_clock": "order", "lifetime_months": 60.0, "gross_margin": 0.78}
    with speaking("ru"):
        assert [plain_value(each) for each in settings.values()] == ["договоры последнего года", "заказ", "60", "0,78"]
        assert plain_value(["order", "lead", "mql"]) == "order, лид, MQL"
        assert plain_value({"(none)": 4.5, "Enterprise": 1200}) == "(не указано): 4,5; Enterprise: 1\xa0200"
    with speaking("zh_Hans"):
        assert plain_value(["api", "monitoring"]) == "api、monitoring"
    assert [plain_value(each) for each in settings.values()] == ["trailing year", "order", "60", "0.78"]


def test_labels_of_charts_are_as_wide_in_chinese_as_in_latin_letters():
    def wide(line):
        return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in line)

    for text in (
        "Reactivation of customers that left",
        "不活跃客户的经常性收入占比",
        "Talvenor Heating and Cooling 不活跃客户的经常性收入占比",
    ):
        lines = wrapped(text, 18).split("\n")
        assert 14 <= max(map(wide, lines)) <= 19, lines  # a sign may be cut by half a width
        assert len(lines) == 2
    assert wrapped("不活跃客户", 10) == "不活跃客户"


def test_prose_is_translated_by_paragraph_and_keeps_its_marks():
    text = "## Whom to call\n\nA paragraph of an analyst.\n\n"
    text += "- Did several fall silent in the same week, and what did we\n  change then?"
    with speaking("ru"):
        assert in_prose(text).split("\n\n") == [
            "## Кому звонить", "A paragraph of an analyst.",
            "- Замолчали ли несколько клиентов в одну и ту же неделю и что мы тогда изменили?",
        ]  # fmt: skip
    assert in_prose(text) == text


def test_a_company_has_its_own_words_in_any_language():
    for language in LOCALES:
        with speaking(language, {"Inactive customers": "Silent accounts"}):
            assert _("Inactive customers") == "Silent accounts"
    assert _("Inactive customers") == "Inactive customers"


def test_what_the_board_is_asked_may_stand_under_the_heading_of_the_language():
    for language in LOCALES:
        with speaking(language):
            for heading in ("Asked of the board", _("Asked of the board")):
                asked, others = asked_and_told(made.view(commentary=f"Slow.\n\n## {heading}\n\nTwo posts."))
                assert ([part["type"] for part in asked], len(others)) == (["prose"], 1)


@pytest.mark.parametrize(
    ("brand", "told"),
    [
        (
            "terms: {Inactive custommers: Silent}",
            "brand.terms: 'Inactive custommers' is no text of the pack; did you mean",
        ),
        ("terms: {'{n} pp': points}", "brand.terms: '{n} pp' is to be 'points', must insert n"),
        ("language: fr", "brand.language"),
    ],
)
def test_what_is_no_term_or_language_is_refused(tmp_path, brand, told):
    path = tmp_path / "review.yml"
    path.write_text(f"company: Fine Co\nthemes: {{cash: {{}}}}\nbrand: {{{brand}}}\n", encoding="utf-8")
    with pytest.raises(KitError, match=re.escape(told)):
        load_review(path)


def test_the_locale_follows_the_language():
    assert [Brand(language=language).locale for language in LOCALES] == list(LOCALES.values())
    assert Brand(language="ru", locale="ru_KZ").locale == "ru_KZ"


def test_own_words_that_no_font_has_are_refused_by_name():
    with pytest.raises(KitError, match=r"params/review.yml: no font of the pack has \U00010450; write it without"):
        refuse_unprintable({"params/review.yml": "Fine \U00010450 Co"})
    refuse_unprintable({"params/review.yml": "Fine Co – Прекрасно"})


# --- what is not marked -----------------------------------------------------------------------------------------------


@cache
def keys():
    """The words that code decides by, which types list: pages say them in words of their own."""
    return {
        each.value
        for path in ROOT.glob("helpers/**/*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal"
        for each in ast.walk(node.slice)
        if isinstance(each, ast.Constant)
    }  # fmt: skip


def unmarked(path):
    """The texts of a module that are words of a reader and that nothing marks."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in SAYING:
                kept |= set(map(id, ast.walk(node)))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            kept.add(id(node.value))
        if isinstance(node, ast.JoinedStr) and isinstance(begin := node.values[0], ast.Constant):
            kept |= set(map(id, ast.walk(node))) if OF_MACHINES.match(str(begin.value)) else set()
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in kept
        and WORDS.search(node.value) and not OF_MACHINES.match(node.value) and node.value not in keys()
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        *(path for part in MARKED_IN for path in sorted((ROOT / part).rglob("*.py"))
          if str(path.relative_to(ROOT)) not in UNSEEN),
        *(ROOT / f"helpers/mail/{name}.py" for name in ("message", "body")),
    ],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_every_text_of_a_page_is_marked(path):
    assert unmarked(path) == []


def test_the_lint_finds_what_it_is_for(tmp_path):
    path = tmp_path / "module.py"
    path.write_text('"""All of it."""\nx = _("so it is")\ny = f"{x} is not so"\nz = "left as it is"\n')
    assert unmarked(path) == ["left as it is", " is not so"]


# --- packs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packs(company, build, tmp_path_factory):
    """The sections of inactive customers and of the pipeline in every language."""
    found = {}
    for language in LOCALES:
        request = request_of(company, "inactive_customers", "pipeline_conversion")
        brand = request.review.brand.model_copy(update={"language": language, "locale": LOCALES[language]})
        request = replace(request, review=request.review.model_copy(update={"brand": brand}))
        found[language] = build(request, tmp_path_factory.mktemp(language)).folder
    return found


def words_of_section(folder, language):
    """What the section of a pack says, of what is marked: its prose, its blocks, and what its tables say.

    Names are taken out: those of customers and of colleagues, which are data.
    """
    notebook = nbformat.read(folder / "notebooks/inactive_customers.ipynb", as_version=4)
    with speaking(language):
        parts = parts_of(notebook, theme="inactive_customers", title="T")
        yield from (in_prose(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    customers = {row[1] for part in parts if part["type"] == "table" for row in part["rows"] if len(row) > 1}
    for part in parts:
        kind = part["type"]
        if kind == "table":
            yield from (part["title"], re.sub(r"exports/\w+\.csv", "", part["note"]))
            yield from (column["label"] for column in part["columns"])
            yield from (text for row in part["rows"] for text in row[2:])
        elif kind == "blocks":
            yield from (block[key] for block in part["blocks"] for key in ("label", "definition", "unit_note", "value"))
        if kind == "chart":
            customers |= {row[0] for row in part["table"]["rows"]}
        if kind in WHOLE:
            yield from (re.sub("|".join(map(re.escape, customers)), "", text) for text in strings(part))


def strings(value):
    """All texts of a part but its pictures, and the keys that say how something looks."""
    if isinstance(value, dict):
        unseen = {
            "id",
            "type",
            "kpi_id",
            "values",
            "svg",
            "sparkline_svg",
            "align",
            "status",
            "verdict",
            "target_status",
        }
        value = [item for key, item in value.items() if key not in unseen and not key.endswith("_tone")]
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
def test_nothing_of_a_marked_section_is_left_in_english(packs, language):
    told = list(words_of_section(packs[language], language))
    latin = {word for text in told for word in re.findall(r"[A-Za-z]{2,}", text)} - NAMES
    assert len(told) > 60
    assert latin == set()


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
def test_periods_in_tables_and_charts_are_named_as_prose_names_them(packs, language):
    notebook = nbformat.read(packs[language] / "notebooks/pipeline_conversion.ipynb", as_version=4)
    with speaking(language):
        parts = parts_of(notebook, theme="pipeline_conversion", title="T")
        quarter = format_period("2026Q3")
    tables = [
        part["table"] if part["type"] == "chart" else part for part in parts if part["type"] in ("chart", "table")
    ]
    heads = [column["label"] for table in tables for column in table["columns"]]
    cells = [text for table in tables for row in table["rows"] for text in row]
    titles = [resource["title"] for resource in tables_of(notebook) if "title" in resource]  # which the workbook shows
    assert [text for text in (*titles, *heads, *cells) if re.search(r"\d{4}Q\d", text)] == []
    assert any(quarter in title for title in titles)
    assert any(quarter in head for head in heads)
    assert quarter in cells


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
def test_figures_are_the_same_in_every_language(packs, language):
    english, other = (read_csv(packs[name] / "results.csv") for name in ("en", language))
    same = [name for name in COLUMNS if name not in ("label",)]
    pd.testing.assert_frame_equal(english[same], other[same])
    assert set(NUMBERS) < set(same)
    assert set(english["label"]) & set(other["label"]) <= {"MRR"}


@pytest.mark.slow
@pytest.mark.parametrize("language", OTHERS)
def test_pages_declare_their_language(packs, language):
    assert f'<html lang="{language.replace("_", "-")}">' in (Path(packs[language]) / "pack.html").read_text("utf-8")
