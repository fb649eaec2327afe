"""A small company whose every name and text is hostile, and what of each a page must show."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pandas as pd

from helpers.pack.appearance import uncovered
from tests.pack.projects import Project, project

LONG = "Donaudampfschifffahrts" * 14  # 308 characters without a place to break

# What is written, each in a place of its own; what a page shows of it is `shown(text)`.
NAMES = {
    "quotes": """Quote " ' ` ´ & Sons <Ltd>""",
    "script": """<script>alert("one")</script>""",
    "handler": """<img src=x onerror=alert(2)>""",
    "attribute": """" onmouseover="alert(3)" x='""",
    "svg": """'><svg onload=alert(4)><a href="javascript:alert(5)">""",
    "address": """<link rel=stylesheet href=http://evil.example/x.css>""",
    "comment": "--><!-- ]]> </style></textarea></title>",
    "entity": "&lt;b&gt; &amp;amp; &#x41;",
    "hebrew": "חברת קפה בע״מ",
    "arabic": "شركة القهوة ٢٠٢٦",
    "bidi": "Evil \u202egpj.exe\u202c \u2066x\u2069",
    "cjk": "株式会社例 简体中文",
    "emoji": "Rocket 🚀 family 👩‍👩‍👧‍👦 flag 🇩🇪 thumb 👍🏽",
    "combined": "Z̴̨a͙l̶g̸o né ﬁ Ǆ ẞ",
    "typst": "#let x = 1; $a^2$ *bold* _em_ @ref `raw` \\u{41} // ~ <label> #eval",
    "latex": r"\textbf{L} $\frac{1}{0}$ \input{/etc/passwd} ^_ %",
    "template": "{{ 7*7 }} {% raw %} {{ nrr }} ${HOME}",
    "markdown": "**md** [x](javascript:alert(6)) ![i](http://evil.example/i.png) | # h",
    "long": LONG,
    "control": "bell\x07 escape\x1b[31m nul\x00 zero\u200bwidth\u200d \ufeffmark",
    "formula": "=1+1",
    "plus": "+49 30 1234",
    "minus": "-5 below",
    "at": "@SUM(1)",
    "pipe": "=cmd|' /C calc'!A0",
    "money": "$10 and $20 deals",
}
SEGMENTS = [NAMES[key] for key in ("script", "money", "hebrew", "long")]
SOURCES = [NAMES[key] for key in ("typst", "handler", "arabic", "cjk", "formula")]
OWNERS = [NAMES[key] for key in ("latex", "attribute", "emoji")]
STAGES = ["lead", "<b>$\\frac{}$</b>", NAMES["arabic"], "won"]
COMPANY = "Förder & <script>alert(7)</script> $x^2$ #eval {{ 7*7 }} חברה"


def write_company(folder: Path) -> Project:
    """A project with this company's data, review and commentary, and an analyst's table of all its names."""
    data = folder / "tables"
    data.mkdir(parents=True)
    for name, rows in {"customers": _customers(), "subscriptions": _subscriptions(), "deals": _deals()}.items():
        pd.DataFrame(rows).to_parquet(data / f"{name}.parquet")
    pd.DataFrame(_stages()).to_parquet(data / "stage_history.parquet")
    (folder / "project").mkdir()
    made = project(folder / "project", data)
    names = ("customers", "subscriptions", "deals", "stage_history")
    queries = "\n".join(f"  {name}: select * from read_parquet('{name}.parquet')" for name in names)
    made.source(queries, name=json.dumps(NAMES["handler"] + COMPANY))
    made.write("params/review.yml", json.dumps(_review(), ensure_ascii=True))
    for page in ("summary", "actions", "new_revenue"):
        made.write(
            f"params/commentary/2026Q3/{page}.md", "\n\n".join(_as_prose(settable(text)) for text in NAMES.values())
        )
    return made


def shown(text: str) -> str:
    """What a page shows of a text: nothing of characters that cannot be seen, and that turn other text around."""
    unseen = dict.fromkeys([*range(9), *range(11, 32), 0x202A, 0x202C, 0x202E, 0x2066, 0x2069, 0xFEFF])
    return text.translate(unseen)


def _review() -> dict[str, object]:
    themes = {"pipeline_conversion": {"stages": STAGES}, "new_revenue": {}, "recurring_revenue": {}}
    brand = {"confidentiality": NAMES["attribute"] + NAMES["typst"], "colour": "#1f4e79"}
    targets = {f"new_revenue[{NAMES['script']}]": {"2026Q3": 5}}
    return {"company": COMPANY, "currency": "EUR", "themes": themes, "brand": brand, "targets": targets}


def settable(text: str) -> str:
    """A text without the signs that no font has, which are refused in what people write for the pages."""
    return "".join(sign for sign in text if not uncovered(sign))


def _as_prose(text: str) -> str:
    """A text in a paragraph of its own, without the figures that commentary would look up."""
    return text.replace("{{ 7*7 }}", "").replace("{{ nrr }}", "")


def _customers() -> list[dict[str, object]]:
    return [
        {
            "customer_id": f"C{i:02}{key}", "name": name, "signed_up_on": date(2024, 1, 2),
            "segment": SEGMENTS[i % len(SEGMENTS)], "country": "DE", "owner": OWNERS[i % len(OWNERS)],
        }
        for i, (key, name) in enumerate(NAMES.items())
    ]  # fmt: skip


def _subscriptions() -> list[dict[str, object]]:
    """The first half has renewals due, the second half is new in the quarter: so each stands in a table of 15 rows."""
    half = len(NAMES) // 2
    return [
        {
            "subscription_id": f"S{i:02}", "customer_id": f"C{i:02}{key}", "currency": "EUR", "quantity": 1,
            "start_on": date(2024, 10, 15) if i < half else date(2026, 8, 1), "unit_amount": 100.0 * (i + 1),
            "interval": "month", "interval_count": 1, "product": SOURCES[i % len(SOURCES)], "status": "active",
            "renewal_on": date(2026, 10, 15) if i < half else date(2027, 8, 1), "is_recurring": True,
        }
        for i, key in enumerate(NAMES)
    ]  # fmt: skip


def _deals() -> list[dict[str, object]]:
    return [
        {
            "deal_id": f"D{i:02}", "customer_id": f"C{i:02}{key}", "created_at": datetime(2026, 7, 2, tzinfo=UTC),
            "closed_at": datetime(2026, 8, 1, tzinfo=UTC), "outcome": "won", "amount": 1200.0 * (i + 1),
            "currency": "EUR", "term_months": 12.0, "deal_type": "new_logo", "source": SOURCES[i % len(SOURCES)],
            "owner": OWNERS[i % len(OWNERS)], "product": SOURCES[i % len(SOURCES)],
        }
        for i, key in enumerate(NAMES)
    ]  # fmt: skip


def _stages() -> list[dict[str, object]]:
    days = [datetime(2026, 7, 2 + 7 * i, tzinfo=UTC) for i in range(len(STAGES))]
    return [
        {"record_id": f"D{i:02}", "stage": stage, "entered_at": day}
        for i in range(len(NAMES))
        for stage, day in zip(STAGES[: 2 + i % 3], days, strict=False)
    ]


def add_table_of_all(made: Project) -> None:
    """An analyst's own cell: every name in a plain DataFrame, whose column heading is hostile too."""
    path = made.folder / "notebooks/new_revenue.ipynb"
    notebook = nbformat.read(path, as_version=4)
    path.unlink()
    rows = ascii(list(NAMES.values()))
    cell = nbformat.v4.new_code_cell(
        f"import pandas as pd\npd.DataFrame({{{COMPANY!a}: {rows}, 'n': range({len(NAMES)})}})"
    )
    notebook.cells.insert(-1, cell)
    nbformat.write(notebook, path)
