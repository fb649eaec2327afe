"""Brings the catalogues of ``helpers/locale`` up to date with what the kit says: ``make messages``.

Texts are found by Babel in Python and in Jinja templates, where ``_``, ``plural``, ``message`` and ``template`` mark
them, and here in what marks nothing: rows of the catalogue, docstrings of cards, notebooks, what parameters may be set
to, Typst templates, and the lines ``-- message: …`` of queries. What is no longer said leaves the catalogues; a new
text comes in untranslated.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from helpers.catalogue import CATALOGUE, THEMES, english_title
from helpers.data.canonical_tables import HELD, TABLES
from helpers.language import CHOICE, IN_TYPST, PIECE, RETOLD, catalogue_path, fields_of, forms_of
from helpers.notebook_parameters import GIVEN, notebook_schema
from helpers.params import Rules
from helpers.texts import docstring_sections, from_outside

ROOT = Path(__file__).resolve().parents[1]
CANONICAL = "helpers/data/canonical_tables.py"
KEYWORDS: dict[str, Any] = {"_": None, "plural": (1, 2), "message": None}
TEMPLATES = {"template": None}
IN_SQL = re.compile(r"^-- message: (.+)$", re.MULTILINE)
UNDATED: dict[str, Any] = dict.fromkeys(("creation_date", "revision_date"), datetime(2026, 1, 1, tzinfo=UTC))
# What OpenCC leaves in the words of the mainland, or takes for words of software. Each is a pattern, in this order:
# a row is 行 on the mainland and 列 in Taiwan, where 列 on the mainland is a column.
TAIWAN = {
    "釋出": "發布", "觀察視窗": "觀察期", "視窗期?": "期間", "擴充套件": "擴展", "籤核": "簽核", "回[複復]": "回覆",
    "曆時": "歷時", "天后": "天後", "線上以上": "在線以上", "跟蹤": "追蹤", "線索": "潛在客戶", "條形": "長條",
    "柱形": "直條", "發件人": "寄件人", "薪酬": "薪資", "軟體包": "套件", "想象": "想像", "點贊": "按讚",
    "關注者": "追蹤者", "統計功效": "檢定力", "增速": "成長率",
    "物件(?!編號)": "對象", "(?<=[好壞])訊息": "消息", "引數": "參數", "演算法": "算法",
    "(?<!不是)專案": "項目", "型別": "類型", "許可權": "權限", "合同": "合約", "迴流": "回流",
    "臺(?=[賬帳])": "台", "注冊": "註冊", "寫明瞭": "寫明了",
    "賬": "帳", "周": "週", "單元格": "儲存格", "工作簿": "活頁簿", "透視表": "樞紐分析表", "轉化": "轉換",
    "最小二乘": "最小平方法", "自助法": "拔靴法", "檢驗力": "檢定力", "符號檢驗": "符號檢定", "t檢驗": "t檢定",
    "噪聲": "雜訊", "(?<!平)均值": "平均值", "計劃": "計畫", "渠道": "通路", "市場(?=(與|、)銷售|交接)": "行銷",
    "銷售與市場": "銷售與行銷", "增長": "成長", "環比": "較上期", "同比": "較去年同期", "財年": "會計年度",
    "(?<=正常|通常)水平": "水準", "應收款": "應收帳款", "丟單": "失單", "自然月": "日曆月", "“": "「", "”": "」",
    "(?<=某一)列|(?<=第{n})列|(?<=」)列|(?<=各)列|(?<=每)列|^列$|列(?=數過多)": "欄",
    "發票行": "發票明細", "(?<![進執可先實並自另現])行(?![動銷業])": "列",
}  # fmt: skip
Found = tuple[str, Any, str]  # the file, the text or its two forms, the context


def texts() -> Iterator[Found]:
    """Everything that a pack says, by file."""
    for path in sorted(ROOT.glob("helpers/**/*.py")):
        yield from _marked(path, "python", KEYWORDS, "")
        yield from _marked(path, "python", TEMPLATES, RETOLD)
    for path in sorted([*ROOT.glob("templates/html/*.j2"), *ROOT.glob("templates/email/*.j2")]):
        yield from _marked(path, "jinja2.ext:babel_extract", KEYWORDS, "")
    for pattern, files, context in ((IN_TYPST, "templates/pdf/*.typ", ""), (IN_SQL, "helpers/**/*.sql", RETOLD)):
        for path in sorted(ROOT.glob(files)):
            for text in pattern.findall(path.read_text(encoding="utf-8")):
                yield str(path.relative_to(ROOT)), text, context
    for table in (*TABLES.values(), *HELD.values()):
        yield from ((CANONICAL, name.replace("_", " "), "") for name in (table.name, *table.names))
    for row in CATALOGUE.values():
        yield from (("helpers/catalogue.py", text, "") for text in (row.label, row.definition))
        yield from _of_card(row.theme, row.card)
    yield from (("helpers/catalogue.py", english_title(theme), "") for theme in THEMES)
    for name, rule in Rules.model_fields.items():
        yield from (("helpers/params.py", text, context) for text, context in _of_parameter(name, rule.annotation))
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        file = str(path.relative_to(ROOT))
        yield from ((file, text, "") for text in _of_notebook(path))
        for name, parameter in notebook_schema(path).items():
            if name not in GIVEN:
                yield from ((file, text, context) for text, context in _of_parameter(name, parameter.type))


def template_of(found: Iterator[Found]) -> Catalog:
    """The template of all catalogues, in the order in which texts are found."""
    template = Catalog(project="kpi-review", header_comment="# What the packs of the KPI Review kit say.", **UNDATED)
    for file, text, context in found:
        flags = ["python-brace-format"] if fields_of(text if isinstance(text, str) else text[1]) - {""} else []
        template.add(text, locations=[(file, 0)], context=context or None, flags=flags)
    return template


def update(template: Catalog) -> dict[str, int]:
    """Writes the template and every catalogue; says how many texts each language lacks."""
    _write(template, catalogue_path(""))
    lacking = {}
    for language in ("ru", "zh_Hans", "zh_Hant"):
        path = catalogue_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue = Catalog(locale=language, header_comment=template.header_comment, **UNDATED)
        with suppress(FileNotFoundError), path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        if language == "zh_Hant":
            _from_simplified(catalogue)
        _write(catalogue, path)
        lacking[language] = sum(not is_said(each) for each in catalogue if each.id)
    return lacking


def is_said(text: Message) -> bool:
    """Whether a catalogue has a translation of a text, in each of its forms."""
    return all(forms_of(text))


def _from_simplified(catalogue: Catalog) -> None:
    """Fills what Traditional Chinese lacks from Simplified Chinese, with the words of Taiwan."""
    from opencc import OpenCC

    convert = OpenCC("s2twp").convert
    with catalogue_path("zh_Hans").open("rb") as file:
        simplified = read_po(file, locale="zh_Hans")
    for each in catalogue:
        told = simplified.get(each.id, each.context) if each.id else None
        if told and is_said(told) and not is_said(each):
            forms = [_of_taiwan(convert(form)) for form in forms_of(told)]
            each.string = forms[0] if isinstance(told.string, str) else tuple(forms)


def _of_taiwan(text: str) -> str:
    """A text that OpenCC made, in the words of a finance department in Taiwan.

    >>> _of_taiwan("賬戶的均值"), _of_taiwan("平均值")
    ('帳戶的平均值', '平均值')
    """
    for word, own in TAIWAN.items():
        text = re.sub(word, own, text)
    return text


def _marked(path: Path, method: str, keywords: dict[str, Any], context: str) -> Iterator[Found]:
    for _line, text, *_rest in extract_from_file(method, path, keywords):
        yield str(path.relative_to(ROOT)), text, context


def _of_card(theme: str, card: str) -> Iterator[Found]:
    """What a pack prints of a card's docstring."""
    sections = docstring_sections(inspect.getdoc(getattr(import_module(f"helpers.kpis.{theme}"), card)) or "")
    shown = (sections.get("Definition", ""), from_outside(sections.get("Source", "")), sections.get("Departs", ""))
    yield from ((f"helpers/kpis/{theme}", text, "") for text in shown if text)


def _of_notebook(path: Path) -> Iterator[str]:
    """The prose of a notebook."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            yield from (" ".join(piece[2].split()) for piece in PIECE.finditer("".join(cell["source"])))


def _of_parameter(name: str, kind: Any) -> Iterator[tuple[str, str]]:
    """The name of a parameter or a rule in words, and the words that it may be set to, each with its context.

    >>> list(_of_parameter("churn_day", Literal["service_end", "cancelled_at"]))
    [('churn day', ''), ('service end', 'choice'), ('cancelled at', 'choice')]
    """
    yield name.replace("_", " "), ""
    if get_origin(kind) is Literal:
        yield from ((word.replace("_", " "), CHOICE) for word in get_args(kind))


def _write(catalogue: Catalog, path: Path) -> None:
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_by_file=False)


if __name__ == "__main__":
    for language, n in update(template_of(texts())).items():
        print(f"{language}: {n} texts are not translated")
