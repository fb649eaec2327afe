"""The same company saved by spreadsheets of several countries: each comes out as the clean file, or is asked about.

Whatever is asked, one of the lines that the message gives is written, as a user does who sees which of the values is
the right one. The figures are then those of the clean file, which are worked out below by hand.
"""

import re
from datetime import date

import pytest
import yaml

from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.kpis.recurring_revenue import mrr, mrr_movements
from helpers.kpis.rows import run
from helpers.kpis.spine import Spine
from helpers.params import load_review, load_source
from tests.canonical import defaults

pytestmark = pytest.mark.whole

READS = re.compile(r"reads: (\{(?:[^{}\[\]]|\[[^\]]*\])*\})")
D = date
COLUMNS = {
    "customers": ["customer_id", "name", "signed_up_on"],
    "subscriptions": ["subscription_id", "customer_id", "start_on", "end_on", "mrr"],
    "invoices": ["invoice_line_id", "customer_id", "invoiced_on", "amount", "kind"],
}
MONEY = ("mrr", "amount")
# Ten customers: C01 pays 1,001.50 a month, C02 1,002.50 and so on to C10 with 1,010.50.
CUSTOMERS = [(f"C{i:02}", i, D(2025, i, 12)) for i in range(1, 11)]
SUBSCRIPTIONS = [(f"S{i:02}", f"C{i:02}", D(2025, i, 12), None, 1000.5 + i) for i in range(1, 11)]
SUBSCRIPTIONS[1] = ("S02", "C02", D(2025, 2, 12), D(2026, 8, 1), 1002.5)  # leaves in 2026Q3
SUBSCRIPTIONS[9] = ("S10", "C10", D(2026, 9, 1), None, 1010.5)  # comes in 2026Q3
INVOICES = [(f"I{i:02}", f"C{i:02}", D(2026, 9, i), 12_000 + i + 0.25, "services") for i in range(1, 11)]
INVOICES.append(("I11", "C01", D(2026, 9, 30), -1234.5, "services"))  # a credit
ROWS = {"customers": CUSTOMERS, "subscriptions": SUBSCRIPTIONS, "invoices": INVOICES}
# All ten are 10 × 1,000.50 + 55 = 10,060; C02 is gone at the end, C10 was not there at the start.
RIGHT = {
    "mrr": 10_060 - 1002.5, "mrr_opening": 10_060 - 1010.5, "mrr_new": 1010.5, "mrr_churn": -1002.5,
    "paying_customers": 9,
}  # fmt: skip
INVOICED = 10 * 12_000 + 55 + 10 * 0.25 - 1234.5

FULL_WIDTH = str.maketrans("0123456789,.-", "０１２３４５６７８９，．－")


def german(value):
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,")) if isinstance(value, float) else value


def german_accounts(value):
    return f"{german(value)} €" if isinstance(value, float) else german(value)


def american(value):
    if isinstance(value, date):
        return f"{value.month}/{value.day}/{value.year}"
    if isinstance(value, float):
        return f"(${-value:,.2f})" if value < 0 else f"${value:,.2f}"
    return value


def american_short(value):
    if isinstance(value, float):
        return f"-${-value:,.2f}" if value < 0 else f" ${value:,.2f} "
    return f"{value.month}/{value.day}/{value:%y}" if isinstance(value, date) else value


def chinese(value):
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    return f"￥{value:,.2f}".replace("￥-", "-￥") if isinstance(value, float) else value


def chinese_slashes(value):
    if isinstance(value, date):
        return f"{value.year}/{value.month}/{value.day}"
    return f"￥{value:,.2f}" if isinstance(value, float) else value  # a credit is ￥-1,234.50


def chinese_in_unicode(value):
    return chinese_slashes(value).replace("￥", "¥") if isinstance(value, float) else chinese_slashes(value)


def chinese_wide(value):
    if isinstance(value, date):
        return chinese(value).translate(FULL_WIDTH)
    return f"{value:,.2f}".translate(FULL_WIDTH) if isinstance(value, float) else value


def japanese_wide(value):
    return f"{value:,.2f}円".translate(FULL_WIDTH) if isinstance(value, float) else chinese_wide(value)


def japanese(value):
    if isinstance(value, float):
        return chinese(value).replace("￥", "\\")  # the yen of Shift-JIS
    return chinese_slashes(value)


def japanese_eras(value):
    return f"令和{value.year - 2018}年{value.month}月{value.day}日" if isinstance(value, date) else japanese_wide(value)


WESTERN = ["Müller", "Gießerei Köln", "Société", "Ångström", "Zoë", "Façade", "Señor", "Citroën", "Bäcker", "Öl"]
CHINESE = [
    "北京贸易", "上海电子", "广州食品", "深圳科技", "天津机械",
    "重庆化工", "南京服装", "武汉建材", "成都旅游", "大连水产",
]  # fmt: skip
JAPANESE = [
    "東京電力", "大阪ガス", "鈴木商店", "トヨタ自動車", "京都工業",
    "日本郵便", "みずほ銀行", "北海道食品", "田中建設", "山本薬品",
]  # fmt: skip
# How each saves a file: the encoding, the delimiter, the end of a line, a value, the names of customers, the currency.
HABITS = {
    "german": ("cp1252", ";", "\r\n", german, WESTERN, "EUR"),
    "german with the currency": ("cp1252", ";", "\r\n", german_accounts, WESTERN, "EUR"),
    "german from a Mac": ("mac_roman", ";", "\r", german, WESTERN, "EUR"),
    "american": ("cp1252", ",", "\r\n", american, WESTERN, "USD"),
    "american, two digits of the year": ("utf-8-sig", ",", "\r\n", american_short, WESTERN, "USD"),
    "chinese": ("gbk", ",", "\r\n", chinese, CHINESE, "CNY"),
    "chinese with slashes": ("gb18030", "\t", "\r\n", chinese_slashes, CHINESE, "CNY"),
    "chinese, full width": ("gb18030", ",", "\n", chinese_wide, CHINESE, "CNY"),
    "unicode text of Excel": ("utf-16", "\t", "\r\n", chinese_in_unicode, CHINESE, "CNY"),
    "japanese": ("cp932", ",", "\r\n", japanese, JAPANESE, "JPY"),
    "japanese, full width": ("cp932", ",", "\r\n", japanese_wide, JAPANESE, "JPY"),
    "japanese eras": ("cp932", ",", "\r\n", japanese_eras, JAPANESE, "JPY"),
}


def saved(folder, encoding, delimiter, end, value, names, currency, headers=None, reads=None, kind="file"):
    """The source of the company's files, saved in a habit."""
    folder.mkdir(exist_ok=True)
    for table, rows in ROWS.items():
        lines = [(headers or COLUMNS)[table]]
        for row in rows:
            row = [names[cell - 1] if isinstance(cell, int) else cell for cell in row]
            lines.append(["" if cell is None else str(value(cell)) for cell in row])
        cells = [[f'"{cell}"' if delimiter in cell else cell for cell in line] for line in lines]
        text = end.join(delimiter.join(line) for line in cells) + end
        (folder / f"{table}.csv").write_bytes(text.encode(encoding))
    tables = {table: {"file": f"{table}.csv"} for table in ROWS}
    for table in tables if headers else ():
        tables[table]["columns"] = dict(zip(COLUMNS[table], headers[table], strict=True))
    if kind == "query":
        tables = {table: f"select {', '.join(COLUMNS[table])} from '{table}.csv'" for table in ROWS}
    source = {"name": "test", "connect": "duckdb://", "files": ".", "timezone": "UTC", "currency": currency}
    write(folder, source | {"reads": reads or {}, "tables": tables})
    (folder / "review.yml").write_text("company: Test\nthemes: {recurring_revenue: {retention_months: 12}}\n")
    return folder


def write(folder, source):
    (folder / "source.yml").write_text(yaml.safe_dump(source, allow_unicode=True, sort_keys=False), encoding="utf-8")


def read(folder):
    """The rows of each table as they are known, and the figures."""
    review, source = load_review(folder / "review.yml"), load_source(folder / "source.yml")
    period = review.calendar(source).period("2026Q3")
    found = prepare(source, period, currency=str(source.currency), folder=folder / "prepared")
    known = f"left_out is null and date '{period.known_until}' between known_from and known_until"
    engine = found.connect()
    rows = {
        table: engine.execute(f"select {', '.join(columns)} from '{table}.parquet' where {known} order by 1").fetchall()
        for table, columns in COLUMNS.items()
    }
    spine = Spine(found, period, defaults(), [period])
    figures = [row for card in (mrr, mrr_movements) for row in run(card, spine)]
    return rows, {row.kpi_id: row.value for row in figures if row.kpi_id in RIGHT and not row.segment}


def answered(folder, choose):
    """Reads the source, and writes of what is proposed the line that ``choose`` takes, until all is read."""
    asked = []
    while True:
        try:
            return *read(folder), asked
        except KitError as error:
            faults = [fault.split("source.yml: ", 1)[1] for fault in error.faults]
        source = yaml.safe_load((folder / "source.yml").read_text(encoding="utf-8"))
        said = {key: value for fault in faults for key, value in choose(READS.findall(fault)).items()}
        assert not said.items() <= source["reads"].items(), faults  # what was proposed is written once
        asked += faults
        write(folder, source | {"reads": source["reads"] | said})


def right_line(encoding, decimal, dates="iso"):
    """Takes of the lines that are proposed the one that is right for a habit."""
    true = {"encoding": encoding, "decimal": decimal, "dates": dates}
    same = {"gbk": "gb18030"}

    def choose(lines):
        for line in map(yaml.safe_load, lines):
            if all(value == same.get(true[key], true[key]) for key, value in line.items()):
                return line
        raise AssertionError(f"none of {lines} is right")

    return choose


def written_by_hand(names):
    rows = {
        table: [tuple(names[c - 1] if isinstance(c, int) else c for c in row) for row in ROWS[table]] for table in ROWS
    }
    return {table: sorted(found) for table, found in rows.items()}


@pytest.mark.parametrize("kind", ["file", "query"])
@pytest.mark.parametrize("habit", HABITS)
def test_a_company_saved_in_a_countrys_habits_has_the_figures_of_the_clean_file(tmp_path, habit, kind):
    encoding, _, _, value, names, _ = HABITS[habit]
    folder = saved(tmp_path / "files", *HABITS[habit], kind=kind)
    choose = right_line(encoding, "," if value in (german, german_accounts) else ".", "mdy")
    rows, figures, _ = answered(folder, choose)
    assert rows == written_by_hand(names)
    assert sum(row[3] for row in rows["invoices"]) == pytest.approx(INVOICED)
    assert figures == pytest.approx(RIGHT)


def test_headers_in_the_countrys_own_words_are_mapped(tmp_path):
    headers = {
        "customers": ["客户编号", "客户名称", "注册日期"],
        "subscriptions": ["合同号", "客户编号", "开始日期", "结束日期", "月费"],
        "invoices": ["发票行", "客户编号", "开票日期", "金额", "类别"],
    }
    folder = saved(tmp_path / "files", *HABITS["chinese"], headers=headers, reads={"encoding": "gbk"})
    rows, figures = read(folder)
    assert rows == written_by_hand(CHINESE)
    assert figures == pytest.approx(RIGHT)


def test_of_two_encodings_both_are_shown(tmp_path):
    folder = saved(tmp_path / "files", *HABITS["chinese"])
    (folder / "customers.csv").write_bytes(
        "customer_id,name,signed_up_on\nC01,전자,2025-01-12\nC02,삼성전자 주식회사,2025-01-12\n".encode("cp949")
    )
    with pytest.raises(KitError) as caught:
        read(folder)
    [told] = [fault for fault in caught.value.faults if "tables.customers" in fault]
    assert "in cp949 it says 'C01,전자,2025-01-12'" in told
    assert told.endswith("; write reads: {encoding: gb18030} or reads: {encoding: cp949}")


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("▲1,234.50", "amount: '▲1,234.50' is not a number (1 of 11 values)"),  # in other countries it went up by that
        ("1,234.50 USD", "amount: '1,234.50 USD' is not a number (1 of 11 values)"),
        ("$1 $2", "amount: '$1 $2' is not a number (1 of 11 values)"),
    ],
)
def test_what_is_no_number_to_everybody_is_refused(tmp_path, amount, told):
    def value(cell):
        return amount if cell == -1234.5 else american(cell)

    folder = saved(tmp_path / "files", "utf-8", ",", "\n", value, WESTERN, "USD")
    with pytest.raises(KitError, match=re.escape(told)):
        read(folder)


def dollars_for_the_first(value):
    return american(value) if value == INVOICES[0][3] or isinstance(value, date) else chinese_slashes(value)


def test_the_sign_of_another_currency_is_asked_about_and_right_once_said(tmp_path):
    folder = saved(tmp_path / "files", "utf-8", ",", "\n", american, WESTERN, "EUR", reads={"dates": "mdy"})
    with pytest.raises(KitError) as caught:
        read(folder)
    told = "'$12,001.25' bears the sign of a currency, and its row is in EUR (11 rows)"
    assert f"tables.invoices: amount: {told}; if that is USD, write currency: USD in the source" in str(caught.value)
    write(folder, yaml.safe_load((folder / "source.yml").read_text()) | {"currency": "USD"})
    assert read(folder) == (written_by_hand(WESTERN), pytest.approx(RIGHT))


def test_the_sign_of_some_rows_gives_them_their_currency(tmp_path):
    folder = saved(
        tmp_path / "files", "utf-8", ",", "\n", dollars_for_the_first, CHINESE, "CNY", reads={"dates": "mdy"}
    )
    with pytest.raises(KitError) as caught:
        read(folder)
    [told] = caught.value.faults
    assert "amount: '$12,001.25' bears the sign of a currency, and its row is in CNY (1 rows)" in told
    source = yaml.safe_load((folder / "source.yml").read_text())
    added = re.search(r"case .* as currency", told)[0]
    source["tables"]["invoices"] = f"select *, {added} from 'invoices.csv'"
    write(folder, source)
    read(folder)
    found = load_source(folder / "source.yml")
    period = load_review(folder / "review.yml").calendar(found).period("2026Q3")
    paid = prepare(found, period, currency="CNY", folder=folder / "prepared").connect()
    sums = paid.execute("select currency, sum(amount) from 'invoices.parquet' group by 1 order by 1").fetchall()
    assert sums == [("CNY", pytest.approx(INVOICED - 12_001.25)), ("USD", pytest.approx(12_001.25))]
