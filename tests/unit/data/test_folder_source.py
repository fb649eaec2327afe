"""A folder of exports becomes a source, and a pack, without SQL: the figures are worked out beside the rows."""

import csv
import re
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from helpers import cli
from helpers.data.file_kinds import COLUMN, tools
from helpers.data.folder_source import write_folder_source
from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.errors import KitError
from helpers.kpis.recurring_revenue import mrr
from helpers.params import load_source
from helpers.periods import Calendar
from tests.canonical import Known, defaults, figures, spine_of

pytestmark = pytest.mark.whole

STRIPE = """
id | Customer ID | Customer Email | Plan | Quantity | Currency | Interval | Amount | Status | Created (UTC) | Start (UTC) | Current Period Start (UTC) | Canceled At (UTC) | Ended At (UTC)
sub_1 | cus_A | a@x.de | Team | 1 | eur | month | 300.00  | active   | 2025-03-01 09:00 | 2025-03-01 09:00 | 2026-09-01 09:00 | |
sub_2 | cus_B | b@x.de | Year | 1 | eur | year  | 2400.60 | active   | 2025-05-01 09:00 | 2025-05-01 09:00 | 2026-05-01 09:00 | |
sub_3 | cus_C | c@x.de | Team | 1 | eur | month | 100.00  | canceled | 2025-06-01 09:00 | 2025-06-01 09:00 | 2026-07-01 09:00 | 2026-07-10 08:00 | 2026-08-01 09:00
"""  # noqa: E501
HUBSPOT = """
Record ID | Deal Name | Deal Stage | Close Date | Create Date | Deal owner | Amount | Associated Company (Primary) | Deal Type
101 | A | Closed Won    | 2026-08-15 10:00 | 2026-07-01 10:00 | Ann | 1200 | Ährenfeld GmbH | New Business
102 | B | Closed Lost   | 2026-09-15 10:00 | 2026-07-05 10:00 | Ann | 500  | Borea AG       |
103 | C | Contract Sent | 2026-12-15 10:00 | 2026-08-05 10:00 | Ann | 800  | Cirrus KG      |
"""  # noqa: E501
ZENDESK = """
Summation column | Id | Requester | Requester email | Status | Via | Created at | Organization | Solved at | Satisfaction Score | Reopens | Replies
1 | 1 | Zoe | z@x.de | Solved | Mail | 2026-08-01 23:30 | Ährenfeld GmbH | 2026-08-02 10:00 | Good    | 0 | 2
1 | 2 | Zoe | z@x.de | Open   | Web  | 2026-08-03 10:00 | Borea AG       |                  | Offered | 1 | 0
"""  # noqa: E501
CUSTOMERS = [
    ["Kundenliste, Stand 30.09.2026"], [],
    ["Kundennr.", "Firma", "Kunde seit", "Branche", "Stripe-ID"],
    ["00017", "Ährenfeld GmbH", "01.02.2025", "Handel", "cus_A"],
    ["00018", "Borea AG", "15.04.2025", "Energie", "cus_B"],
    ["00019", "Cirrus KG", "20.05.2025", "Handel", "cus_C"],
]  # fmt: skip


def table(path: Path, text: str, delimiter: str = ",", encoding: str = "utf-8") -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        rows = ([cell.strip() for cell in line.split("|")] for line in text.strip().splitlines())
        csv.writer(file, delimiter=delimiter).writerows(rows)


@pytest.fixture
def four(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    table(folder / "subscriptions.csv", STRIPE)
    table(folder / "hubspot-crm-exports-all-deals.csv", HUBSPOT)
    table(folder / "tickets-2026.csv", ZENDESK)
    book = openpyxl.Workbook()
    for row in CUSTOMERS:
        book.active.append(row)
    book.save(folder / "customers.xlsx")
    return folder


PERIOD = Calendar("Europe/Berlin").period("2026Q3")


def pack(folder: Path, *themes: str) -> dict[str, float]:
    """The figures of 2026Q3 by the two commands."""
    source, out = folder.parent / "source.yml", folder.parent / "reports"
    made = ["new-source", str(folder), "--out", str(source), "--timezone", "Europe/Berlin", "--currency", "EUR"]
    built = ["build", "--period", "2026Q3", "--source", str(source), "--out", str(out), "--only", *themes]
    for command in (made, [*built, "--jobs", "1"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(command)
        assert stopped.value.code == 0
    book = openpyxl.load_workbook(out / "2026Q3/figures.xlsx", read_only=True)
    head, *rows = book["Results"].iter_rows(min_row=6, values_only=True)
    found = [dict(zip(head, row, strict=True)) for row in rows]
    return {row["kpi_id"]: row["value"] for row in found if row["period"] == "2026Q3" and not row["segment"]}


def prepared(source: Path) -> Prepared:
    return prepare(load_source(source), PERIOD, currency="EUR", folder=source.parent / "prepared")


def mrr_of(rows: Prepared) -> float | None:
    spine = spine_of(rows, PERIOD, defaults(), [PERIOD])
    return next(row.value for row in figures(mrr, spine) if row.kpi_id == "mrr" and not row.segment)


def rows_of(source: Path) -> dict[str, pd.DataFrame]:
    folder = prepared(source).folder
    found = {file.stem: pd.read_parquet(file) for file in folder.glob("*.parquet")}
    return {name: facts[facts.known_until == facts.known_until.max()] for name, facts in found.items()}


# --- from a folder to a pack ------------------------------------------------------------------------------------------


def test_four_exports_become_a_pack_by_two_commands(four):
    shown = pack(four, "recurring_revenue", "new_revenue")
    assert shown["mrr"] == pytest.approx(300 + 2400.60 / 12)
    assert shown["mrr_churn"] == pytest.approx(-100)  # sub_3, on 1 August
    assert shown["paying_customers"] == 2
    assert shown["new_revenue"] == 1200  # one deal won of three


def test_invoices_alone_become_a_pack_by_two_commands(tmp_path):
    folder = tmp_path / "rechnungen"
    folder.mkdir()
    lines = ["Rechnungsnr.|Kunde|Rechnungsdatum|Nettobetrag|Währung|Leistung von|Leistung bis"]
    for customer, amount, months in (("Müller GmbH", "1.200,00", 9), ("Süd AG", "99,50", 8)):
        for month in range(1, months + 1):
            last = (pd.Timestamp(2026, month, 1) + pd.offsets.MonthEnd()).day
            days = f"01.{month:02}.2026|{last}.{month:02}.2026"
            lines.append(f"R{len(lines)}|{customer}|01.{month:02}.2026|{amount}|EUR|{days}")
    table(folder / "rechnungen.csv", "\n".join(lines), ";", "cp1252")
    shown = pack(folder, "recurring_revenue")
    assert "subscriptions: {from: invoices}" in (tmp_path / "source.yml").read_text()
    assert shown["mrr"] == pytest.approx(1200)
    assert shown["mrr_churn"] == pytest.approx(-99.5)  # Süd AG is served until 31 August
    assert shown["paying_customers"] == 1


# --- what is written --------------------------------------------------------------------------------------------------


def test_each_reading_stands_with_a_value_beside_it(four, tmp_path):
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert found.files == {
        "customers.xlsx": "your own customers", "hubspot-crm-exports-all-deals.csv": "deals of HubSpot",
        "subscriptions.csv": "subscriptions of Stripe", "tickets-2026.csv": "tickets of Zendesk",
    }  # fmt: skip
    assert (found.open, found.told) == ([], [])
    text = found.path.read_text()
    for line in (
        "header_row: 3   # ", "dates: dmy   # Kunde seit: '20.05.2025' is 2025-05-20",
        'decimal: "."   # Amount: \'300.00\' is 300', "this file has Closed Lost, Closed Won, Contract Sent",
        "Customer ID is Stripe-ID of customers.xlsx", "Organization is Firma of customers.xlsx",
    ):  # fmt: skip
        assert line in text


def test_rows_of_tools_are_those_of_their_customers(four, tmp_path):
    rows = rows_of(write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR").path)
    assert sorted(rows["customers"].customer_id) == ["00017", "00018", "00019"]
    tickets = rows["tickets"].sort_values("ticket_id")
    assert list(tickets.customer_id) == ["00017", "00018"]
    assert tickets.created_at.iloc[0] == pd.Timestamp("2026-08-01 23:30", tz="Europe/Berlin")
    assert set(zip(rows["deals"].customer_id, rows["deals"].outcome, strict=True)) == {
        ("00017", "won"), ("00018", "lost"), ("00019", "open"),
    }  # fmt: skip


def test_an_invoice_with_an_interval_pays_for_whole_months_from_its_day(tmp_path):
    (tmp_path / "bills").mkdir()
    text = "invoice number|customer|invoice date|net amount|billing interval\n7|Aye|2026-01-15|1200|yearly\n"
    table(tmp_path / "bills/invoices.csv", f"{text}8|Aye|2026-02-15|10|monthly\n8|Aye|2026-02-15|5|once")
    rows = rows_of(write_folder_source(tmp_path / "bills", tmp_path / "source.yml", currency="EUR").path)["invoices"]
    found = {row.amount: (row.service_to, row.kind) for row in rows.itertuples()}
    assert found[1200] == (date(2027, 1, 14), "recurring")
    assert found[10] == (date(2026, 3, 14), "recurring")
    assert found[5][1] == "one_off"
    assert rows.invoice_line_id.is_unique  # invoice 8 has two lines


def test_an_interval_is_of_its_months_and_one_that_is_not_known_is_told(tmp_path):
    (tmp_path / "bills").mkdir()
    months = {
        "jährlich": 12, "vierteljährlich": 3, "Halbjährlich": 6, "alle 2 Jahre": 24, "12 Monate": 12, "mtl.": 1,
        "p.a.": 12, "half-yearly": 6, "every 3 months": 3, "Quarterly": 3, "per month": 1,
    }  # fmt: skip
    bills = [f"{i}|A|2026-09-01|€ 1.200,00|{each}" for i, each in enumerate([*months, "einmalig", "", "bimonthly"])]
    head = "Rechnungsnr|Kunde|Rechnungsdatum|Netto|Zahlungsweise"
    table(tmp_path / "bills/rechnungen.csv", "\n".join([head, *bills]), ";")
    found = write_folder_source(tmp_path / "bills", tmp_path / "source.yml", currency="EUR")
    made = prepared(found.path)
    rows = pd.read_parquet(made.folder / "invoices.parquet").sort_values("invoiced_on")
    assert sum(rows.kind == "recurring") == len(months)
    assert sum(rows.kind == "one_off") == 2
    assert {(row.service_from, row.service_to) for row in rows.itertuples() if row.kind == "recurring"} == {
        (date(2026, 9, 1), (pd.Timestamp(2026, 9, 1) + pd.DateOffset(months=each, days=-1)).date())
        for each in months.values()
    }
    assert "1 of 14 rows left out: kind empty" in made.report["tables"]["invoices"]["warnings"]
    assert mrr_of(made) is None  # refused, since 1 of 14 rows is more than 5 %


LINES = """
{number} | customer_id | invoiced_on | amount | kind | service_from | service_to{more}
7 | Aye | 2026-07-01 | 300 | recurring | 2026-07-01 | 2026-09-30{first}
7 | Aye | 2026-07-01 | {second} | recurring | 2026-07-01 | 2026-09-30{later}
8 | Bee | 2026-07-01 | 90  | recurring | 2026-07-01 | 2026-09-30{first}
"""
AGAIN = {"more": " | updated_at", "first": " | 2026-07-01", "later": " | 2026-07-20"}
ONCE = {"more": "", "first": "", "later": ""}


@pytest.mark.parametrize(
    ("second", "columns", "answer", "amounts"),
    [
        (300, ONCE, "equal rows of one Invoice number are several lines", [90, 300, 300]),
        (300, ONCE, "equal rows of one Invoice number are one line, which stands there again", [90, 300]),
        (240, AGAIN, "rows of one Invoice number are its lines", [90, 240, 300]),
        (240, AGAIN, "rows of one Invoice number are one line, of which the newest counts", [90, 240]),
    ],
)
def test_whether_rows_of_one_invoice_are_lines_is_asked_and_an_answer_leads_on(
    tmp_path, second, columns, answer, amounts
):
    (tmp_path / "bills").mkdir()
    table(tmp_path / "bills/invoices.csv", LINES.format(number="Invoice number", second=second, **columns))
    found = write_folder_source(tmp_path / "bills", tmp_path / "source.yml", currency="EUR")
    assert f"invoices.csv: {answer}" in found.open
    assert len(found.open) == 2
    with pytest.raises(KitError, match="invoice_line_id is missing"):
        rows_of(found.path)
    lines = [
        line.replace("-- choose: ", "") if line.endswith(answer) else line
        for line in found.path.read_text().splitlines()
    ]
    found.path.write_text("\n".join(lines))
    assert sorted(rows_of(found.path)["invoices"].amount) == amounts


def test_a_line_has_its_own_id_the_newest_of_it_counts_and_a_credit_names_the_line_that_it_corrects(tmp_path):
    (tmp_path / "bills").mkdir()
    text = LINES.format(number="invoice_line_id", second=240, **AGAIN).strip().splitlines()
    head, *lines = [line + more for line, more in zip(text, [" | corrects", " |", " |", " |"], strict=True)]
    credit = "9 | Bee | 2026-08-01 | -30 | recurring | 2026-07-01 | 2026-09-30 | 2026-08-01 | 8"
    table(tmp_path / "bills/invoices.csv", "\n".join([head, *lines, credit]))
    found = write_folder_source(tmp_path / "bills", tmp_path / "source.yml", currency="EUR")
    assert mrr_of(prepared(found.path)) == pytest.approx(240 / 3 + (90 - 30) / 3)


def test_an_export_of_jira_with_columns_that_stand_again_is_read(tmp_path):
    (tmp_path / "jira").mkdir()
    head = "Issue key|Issue Type|Status|Created|Due date|Resolved|Sprint|Sprint|Labels|Labels|Comment|Comment"
    rows = "A-1|Story|Done|2026-07-01|2026-08-15|2026-08-14|S1|S2|x|y|one|two\nA-2|Story|Open|2026-07-01|2026-09-15"
    table(tmp_path / "jira/issues.csv", f"{head}\n{rows}|||||||")
    found = write_folder_source(tmp_path / "jira", tmp_path / "source.yml", currency="EUR")
    assert (found.files, found.told) == ({"issues.csv": "issues of Jira"}, [])
    assert 'delimiter: ","' in found.path.read_text()
    deliveries = rows_of(found.path)["deliveries"].set_index("delivery_id")
    assert deliveries.committed_on.to_dict() == {"A-1": date(2026, 8, 15), "A-2": date(2026, 9, 15)}
    assert deliveries.delivered_on["A-1"] == date(2026, 8, 14)


JIRA = "Issue key|Issue Type|Status|Created|Due date|Resolved"


def test_exports_of_jira_with_another_number_of_sprints_are_one_table(tmp_path):
    (tmp_path / "jira").mkdir()
    rows = "A-{0}|Story|Done|2026-07-01|2026-08-1{0}|2026-08-1{0}"
    several = {1: ("", ""), 2: ("|Sprint|Labels|Labels", "|S1|x|y"), 3: ("|Sprint|Sprint|Labels|Labels", "|S1|S2|x|y")}
    for number, (head, cells) in several.items():
        text = f"{JIRA}{head}\n{rows.format(number)}{cells}"
        table(tmp_path / f"jira/issues-{number}.csv", text)
    found = write_folder_source(tmp_path / "jira", tmp_path / "source.yml", currency="EUR")
    assert (found.open, found.told) == ([], [])
    deliveries = rows_of(found.path)["deliveries"].set_index("delivery_id")
    assert deliveries.committed_on.to_dict() == {f"A-{i}": date(2026, 8, 10 + i) for i in (1, 2, 3)}
    text = found.path.read_text()
    for name in ("Sprint", "Labels (column 8)"):  # of which another file has several, or at another place
        sql = text.replace("as delivery_id,", f'as delivery_id, "{name}" as customer_id,')
        found.path.write_text(sql)
        with pytest.raises(KitError, match="' is a different number of times in the headers of the files"):
            rows_of(found.path)
    table(tmp_path / "jira/issues-3.csv", f"{JIRA}|Sprint|Labels|Points\n{rows.format(3)}|S1|x|5")
    again = write_folder_source(tmp_path / "jira", tmp_path / "again.yml", currency="EUR")
    assert "and their columns differ (Points, Sprint)" in again.open[0]


STAGES = """
Issue key | Summary | Issue Type | Status | Created | Due date | Resolved | Parent summary | Custom field (Actual start)
A-1 | contract | Task | Done | 01/Jun/26 9:00 AM |                   | 10/Jun/26 4:30 PM | Borea AG  | 02/Jun/26 9:00 AM
A-2 | training | Task | Open | 01/Jun/26 9:00 AM | 15/Jul/26 12:00 AM |                  | Borea AG  | 12/Jun/26 11:30 PM
A-3 | training | Task | Open | 01/Jun/26 9:00 AM |                   |                   | Cirrus KG |
A-4 | a fault  | Bug  | Done | 01/Jun/26 9:00 AM |                   | 05/Jun/26 4:30 PM |           | 02/Jun/26 9:00 AM
"""  # noqa: E501


def test_issues_below_one_with_a_customers_name_are_its_milestones_where_they_have_an_actual_start(four, tmp_path):
    table(four / "jira.csv", STAGES)
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert (found.open, found.told) == ([], [])
    assert found.tables["milestones"] == "jira.csv (issues of Jira)"
    rows = rows_of(found.path)
    stages = {(row.customer_id, row.stage): (row.started_on, row.ended_on) for row in rows["milestones"].itertuples()}
    assert stages["00018", "contract"] == (date(2026, 6, 2), date(2026, 6, 10))
    assert stages.keys() == {("00018", "contract"), ("00018", "training")}  # A-3 has not begun, A-4 is no customer's
    assert stages["00018", "training"][0] == date(2026, 6, 12)
    assert rows["deliveries"].committed_on.tolist() == [date(2026, 7, 15)]


def test_an_export_of_jira_without_actual_starts_gives_no_milestones(four, tmp_path):
    table(four / "jira.csv", STAGES.replace("Custom field (Actual start)", "Custom field (Start date)"))
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert (found.open, found.told) == ([], [])
    assert "milestones" not in found.tables
    assert "deliveries" in found.tables


# --- several files of one kind ----------------------------------------------------------------------------------------

BILLS = "invoice number|customer|invoice date|net amount|billing interval"
OF_2025 = f"{BILLS}\n1|Aye|2025-01-15|1200|yearly\n2|Bee|2025-12-15|10|monthly"
OF_2026 = f"{BILLS}\n3|Aye|2026-01-15|1260|yearly"


def bills(tmp_path, **texts: str) -> Path:
    folder = tmp_path / "bills"
    folder.mkdir(exist_ok=True)
    for year, text in texts.items():
        table(folder / f"invoices-{year.removeprefix('of_')}.csv", text)
    return folder


def amounts(source: Path) -> dict[str, list[float]]:
    """The amounts of each customer; nothing where there are no invoices."""
    invoices = rows_of(source)["invoices"]
    return invoices.sort_values("invoiced_on").groupby("customer_id").amount.apply(list).to_dict()


def test_files_of_one_kind_with_the_same_headers_are_one_table(tmp_path):
    folder = bills(tmp_path, of_2025=OF_2025, of_2026=OF_2026)
    found = write_folder_source(folder, tmp_path / "bills.yml", currency="EUR")
    text = found.path.read_text()
    assert (found.open, found.told) == ([], [])
    assert found.files == dict.fromkeys(["invoices-2025.csv", "invoices-2026.csv"], "your own invoices")
    assert "# invoices-*.csv: your own invoices, in 2 files: invoices-2025.csv, invoices-2026.csv\n" in text
    assert "from 'invoices-*.csv'" in text
    assert amounts(found.path) == {"Aye": [1200, 1260], "Bee": [10]}
    [total, *_] = figures(mrr, spine_of(prepared(found.path), PERIOD, defaults(), [PERIOD]))
    assert total.value == pytest.approx(1260 / 12)  # Bee's only month is over


def test_tables_and_exports_of_several_files_are_read_by_their_pattern(four, tmp_path):
    head, *deals = HUBSPOT.strip().splitlines()
    (four / "hubspot-crm-exports-all-deals.csv").unlink()
    for number, rows in ((1, deals[:1]), (2, deals[1:])):
        table(four / f"deals {number}.csv", "\n".join([head, *rows]))
    table(four / "users-a.csv", "user id|customer id|created\nu1|00017|2026-01-01")
    table(four / "users-b.csv", "customer id|created|user id\n00018|2026-01-02|u2")  # in another order
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert 'file: "users-*.csv"' in found.path.read_text()
    rows = rows_of(found.path)
    assert dict(zip(rows["users"].user_id, rows["users"].customer_id, strict=True)) == {"u1": "00017", "u2": "00018"}
    assert dict(zip(rows["deals"].deal_id, rows["deals"].customer_id, strict=True)) == {
        "101": "00017", "102": "00018", "103": "00019",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("of_2026", "why"),
    [
        (OF_2026.replace("billing interval", "remark"), "their columns differ (billing interval, remark)"),
        (OF_2026.replace("3|Aye", "2|Bee"), "invoice number 2 is in more than one of them"),
    ],
)
def test_files_that_may_not_be_parts_of_one_table_are_open_and_each_answer_leads_on(tmp_path, of_2026, why):
    folder = bills(tmp_path, of_2025=OF_2025, of_2026=of_2026)
    found = write_folder_source(folder, tmp_path / "source.yml", currency="EUR")
    said = f"invoices: invoices-2025.csv or invoices-2026.csv: each is your own invoices, and {why}"
    assert said in found.open
    assert "invoices" not in found.tables
    assert f"# choose: {said}. Take the marks off" in found.path.read_text()
    with pytest.raises(KitError, match="tables"):
        load_source(found.path)
    # one of them
    head, *blocks = re.split(r"(?m)^(?=  # invoices-20)", found.path.read_text())
    of_2025 = [block.splitlines()[3:] for block in blocks if block.startswith("  # invoices-2025")]
    lines = [line.replace("# ", "", 1) for block in of_2025 for line in block]
    found.path.write_text(head + "\n".join(lines) + "\n")
    assert amounts(found.path) == {"Aye": [1200], "Bee": [10]}
    # the same columns, each row in one
    bills(tmp_path, of_2026=OF_2026)
    again = write_folder_source(folder, tmp_path / "again.yml", currency="EUR")
    assert amounts(again.path) == {"Aye": [1200, 1260], "Bee": [10]}


def test_files_that_are_read_differently_or_have_no_pattern_are_open(tmp_path):
    folder = bills(tmp_path, of_2025=OF_2025)
    table(folder / "invoices-2026.csv", OF_2026, ";")
    [line, *_] = write_folder_source(folder, tmp_path / "a.yml").open
    assert "they are read differently (" in line
    assert 'delimiter: ";"' in line
    table(folder / "invoices-2026.csv", OF_2026)
    table(folder / "invoices-notes.csv", "page|hits\nhome|3")
    found = write_folder_source(folder, tmp_path / "b.yml")
    assert "from 'invoices-202*.csv'" in found.path.read_text()
    table(folder / "invoices-2027-notes.csv", "page|hits\nhome|3")
    assert "no pattern finds them and no other file" in write_folder_source(folder, tmp_path / "c.yml").open[0]


OF_2024 = f"{BILLS}\n5|Käthe|2024-12-15|15|monthly"
OF_2023 = f"{BILLS}\n6|España|2023-12-15|16|monthly"


def test_a_file_that_is_ascii_is_one_table_with_those_of_another_encoding(tmp_path):
    folder = bills(tmp_path, of_2025=OF_2025, of_2026=OF_2026)
    table(folder / "invoices-2024.csv", OF_2024, encoding="cp1252")
    found = write_folder_source(folder, tmp_path / "bills.yml", currency="EUR")
    assert (found.open, found.told) == ([], [])
    assert "encoding: cp1252   # it says 5,Käthe,2024-12-15" in found.path.read_text()
    assert amounts(found.path) == {"Aye": [1200, 1260], "Bee": [10], "Käthe": [15]}


@pytest.mark.parametrize(("answer", "customer"), [("cp1252", "España"), ("cp1250", "Espańa")])
def test_the_encoding_of_several_files_is_the_one_that_all_of_them_may_be_in(tmp_path, answer, customer):
    folder = bills(tmp_path, of_2025=OF_2025)
    for year, text in ((2024, OF_2024), (2023, OF_2023)):  # the first alone is cp1252, since cp1250 reads it alike
        table(folder / f"invoices-{year}.csv", text, encoding="cp1252")
    found = write_folder_source(folder, tmp_path / "bills.yml", currency="EUR")
    assert [line.partition(": it says ")[0] for line in found.open] == [  # once, though they give two tables
        "invoices-*.csv: encoding: cp1252", "invoices-*.csv: encoding: cp1250",
    ]  # fmt: skip
    with pytest.raises(KitError) as caught:
        rows_of(found.path)
    [asked] = caught.value.faults
    assert "tables.customers and tables.invoices: invoices-2023.csv is not UTF-8; in cp1252 it says" in asked
    assert asked.endswith(", once for the source, or under each table where they differ")
    text = found.path.read_text().replace(f"# choose: encoding: {answer}", f"encoding: {answer}")
    found.path.write_text(text)
    assert amounts(found.path) == {"Aye": [1200], "Bee": [10], "Käthe": [15], customer: [16]}


@pytest.mark.parametrize("answer", ["cp1252", "cp1250"])
def test_the_customers_of_a_query_are_read_in_their_own_encoding_and_from_their_own_header(tmp_path, answer):
    folder = tmp_path / "mine"
    folder.mkdir()
    kunden = "Kundennummer|Firma|Kunde seit\nK1|España|2025-01-01\nK2|Müller|2025-01-01"
    table(folder / "kunden.csv", kunden, ";", "cp1252")
    name = "España".encode("cp1252").decode(answer)
    deals = HUBSPOT.strip().replace("Borea AG", name).replace("Ährenfeld GmbH", "Müller").replace("Cirrus KG", "Müller")
    table(folder / "deals.csv", f"Report|||||||\n|||||||\n{deals}")  # in UTF-8, its header in the third line
    found = write_folder_source(folder, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert "header_row: 3" in found.path.read_text()
    text = re.sub(rf"(# |-- )choose: (.*{answer})", r"\2", found.path.read_text())
    found.path.write_text(re.sub(r"-- choose: (matched.customer_id)", r"\1", text))
    deals = rows_of(found.path)["deals"].set_index("deal_id")
    assert deals.customer_id.to_dict() == {"101": "K2", "102": "K1", "103": "K2"}


def test_files_of_one_kind_in_utf_8_and_another_encoding_are_open(tmp_path):
    folder = bills(tmp_path, of_2025=OF_2025, of_2024=OF_2024)
    table(folder / "invoices-2023.csv", OF_2023, encoding="cp1252")
    line, *_ = write_folder_source(folder, tmp_path / "a.yml", currency="EUR").open
    assert "invoices-2024.csv is UTF-8, and invoices-2023.csv is not; files of one table must be in one" in line
    table(folder / "invoices-2023.csv", OF_2023)
    found = write_folder_source(folder, tmp_path / "b.yml", currency="EUR")
    assert amounts(found.path) == {"Aye": [1200], "Bee": [10], "Käthe": [15], "España": [16]}


EXPORTS = [(tool, what, kind) for tool in tools() for what, kind in tool.kinds.items()]
VALUES = {"ts": "2026-01-05 10:00", "dec": "1", "int": "1"}


@pytest.mark.parametrize(("tool", "what", "kind"), EXPORTS, ids=[f"{tool.name} {what}" for tool, what, _ in EXPORTS])
def test_each_kind_of_export_gives_its_tables(tool, what, kind, tmp_path):
    queries = " ".join(given.query + " ".join(given.open.lines if given.open else ()) for given in kind.tables.values())
    row = {names.split("|")[0]: VALUES.get(word, "a") for word, names in COLUMN.findall(queries)}
    row = dict.fromkeys([*kind.headers, *kind.customer], "a") | row
    row |= {name: "month" for name in row if name.endswith(("Interval", "period_unit"))}
    row |= {name: "EUR" for name in row if "urrency" in name}
    row |= {name: "active" if what == "subscriptions" else "open" for name in row if name.lower().endswith("status")}
    (tmp_path / "export").mkdir()
    table(tmp_path / "export/file.csv", f"{'|'.join(row)}\n{'|'.join(row.values())}")
    found = write_folder_source(tmp_path / "export", tmp_path / "source.yml", currency="EUR")
    assert (found.files, found.told) == ({"file.csv": f"{what} of {tool.name}"}, [])
    assert [line.split(": ")[1:3] for line in found.open] == [["end_on", "choose"]] * (tool.name == "Chargebee")
    answered = found.path.read_text().replace("end_on: choose", "end_on: exclusive").replace("then 'choose'", "then 0")
    found.path.write_text(answered)
    assert {name: len(rows) for name, rows in rows_of(found.path).items()} == dict.fromkeys(kind.tables, 1)


COMPANIES = """
Record ID | Company name | Company Domain Name | City | Country/Region | Create Date
1 | Nord AG | nord.de | Kiel | Germany | 2025-03-01 10:00
2 | Nord AG | nord.at | Graz | Austria | 2025-04-01 10:00
"""
DEALS = """
Record ID | Deal Name | Deal Stage | Amount | Close Date | Create Date | Deal owner | Associated Company IDs | Associated Company IDs (Primary) | Associated Company (Primary)
11 | A | Closed Won | 1000 | 2026-08-15 10:00 | 2026-07-01 10:00 | Ann | 1;2 | 2 | Nord AG
12 | B | Closed Won | 400  | 2026-08-16 10:00 | 2026-07-02 10:00 | Ann | 1   | 1 | Nord AG
"""  # noqa: E501
TICKETS = """
Ticket ID | Ticket name | Pipeline | Ticket status | Create date | Close date | Ticket owner | Source | Associated Company IDs (Primary)
21 | Login | Support | Closed | 2026-08-01 10:00 | 2026-08-03 10:00 | Ann | Email | 2
22 | Print | Support | New    | 2026-08-02 10:00 |                  |     | Phone | 1
"""  # noqa: E501
CONTACTS = """
Record ID | First Name | Last Name | Email | Contact owner | Create Date | Company Name
7 | Eva | Ek | e@nord.de | Ann | 2025-03-01 10:00 | Nord AG
8 | Ole | Ek | o@nord.at | Ann | 2025-04-01 10:00 | Nord AG
"""


def test_records_of_hubspot_are_their_primary_companys_where_names_do_not_tell(tmp_path):
    folder = tmp_path / "hubspot"
    folder.mkdir()
    for name, rows in {"companies": COMPANIES, "deals": DEALS, "tickets": TICKETS, "all-contacts": CONTACTS}.items():
        table(folder / f"{name}.csv", rows)
    found = write_folder_source(folder, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert found.open == []
    rows = rows_of(found.path)
    assert rows["customers"].set_index("customer_id").country.to_dict() == {"1": "Germany", "2": "Austria"}
    won = rows["deals"].groupby("customer_id").amount.sum()
    assert won.to_dict() == {"1": 400, "2": 1000}  # B is of company 1, A of 2, though 1 stands first
    tickets = rows["tickets"].set_index("ticket_id")
    assert tickets.customer_id.to_dict() == {"21": "2", "22": "1"}
    assert tickets.solved_at.notna().to_dict() == {"21": True, "22": False}


@pytest.mark.parametrize(
    "rows",
    [
        CONTACTS,
        "Opportunity Name | Account ID | Account Name | Created Date | Amount\nX | 001A | Nord AG | 2026-07-01 | 10",
        "Case Number | Subject | Account ID | Account Name | Created Date\n5 | Login | 001A | Nord AG | 2026-07-01",
        "First Name | Last Name | Account ID | Account Name | Created Date\nEva | Ek | 001A | Nord AG | 2026-07-01",
    ],
    ids=["contacts of HubSpot", "opportunities without a stage", "cases", "contacts of Salesforce"],
)
def test_people_and_other_things_with_a_companys_name_are_not_taken_for_companies(tmp_path, rows):
    (tmp_path / "export").mkdir()
    table(tmp_path / "export/report.csv", rows)
    table(tmp_path / "export/companies.csv", COMPANIES)
    found = write_folder_source(tmp_path / "export", tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert list(found.files) == ["companies.csv"]  # the other is told with its columns, and not used
    assert "report.csv is not used: its columns are" in found.path.read_text()
    assert found.tables == {"customers": "companies.csv (companies of HubSpot)"}
    assert sorted(rows_of(found.path)["customers"].customer_id) == ["1", "2"]


STRIPE_CUSTOMERS = """
id | Description | Email | Name | Created (UTC) | Delinquent | Plan | Status | Total Spend | Payment Count | Refunded Volume | Dispute Losses
cus_A | Nord, Kiel | a@x.de | Nord AG | 2025-03-01 23:30 | false | Team | active | 300.00 | 1 | 0.00 | 0.00
cus_B | Sued, Graz | b@x.de |         | 2025-04-01 10:00 | false |      |        | 0.00   | 0 | 0.00 | 0.00
"""  # noqa: E501


def test_customers_of_stripe_sign_up_on_the_day_of_their_zone(tmp_path):
    (tmp_path / "stripe").mkdir()
    table(tmp_path / "stripe/unified_customers.csv", STRIPE_CUSTOMERS)
    rows = rows_of(write_folder_source(tmp_path / "stripe", tmp_path / "source.yml", "Europe/Berlin").path)
    customers = rows["customers"].set_index("customer_id")
    # 23:30 in UTC is half past midnight of 2 March in Berlin
    assert customers.signed_up_on.to_dict() == {"cus_A": date(2025, 3, 2), "cus_B": date(2025, 4, 1)}
    assert customers.name.to_dict() == {"cus_A": "Nord AG", "cus_B": "Sued, Graz"}


SALESFORCE = """
Opportunity Owner | Account Name | Opportunity Name | Stage | Fiscal Period | Amount Currency | Amount | Probability (%) | Age | Close Date | Created Date | Next Step | Lead Source | Type | Owner Role
Ann | Nord AG | A | Closed Won  | Q3-2026 | EUR | 1000 | 100 | 45 | 2026-08-15 | 2026-07-01 | | Web | New Business      | Sales
Ann | Nord AG | B | Closed Lost | Q3-2026 | EUR | 500  | 0   | 45 | 2026-08-16 | 2026-07-02 | | Web | Existing Business | Sales
Ann | Sued SE | C | Proposal    | Q4-2026 | EUR | 700  | 50  | 45 | 2026-12-16 | 2026-07-03 | |     |                   | Sales
"""  # noqa: E501


def test_a_report_of_salesforce_with_its_standard_columns_gives_its_deals(tmp_path):
    (tmp_path / "reports").mkdir()
    table(tmp_path / "reports/report1777000000000.csv", SALESFORCE)
    rows = rows_of(write_folder_source(tmp_path / "reports", tmp_path / "source.yml", "Europe/Berlin").path)
    deals = rows["deals"].set_index(rows["deals"].deal_id.str[-1])
    assert deals.outcome.to_dict() == {"A": "won", "B": "lost", "C": "open"}
    assert deals.amount.sum() == 1000 + 500 + 700
    assert set(deals.currency) == {"EUR"}
    assert pd.isna(deals.closed_at["C"])  # an open one's close date is a plan
    assert deals.deal_type["A"] == "new_logo"


# --- open lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "day"), [("dmy", date(2025, 10, 1)), ("mdy", date(2025, 1, 10))])
def test_what_can_be_read_in_two_ways_is_left_open_and_an_answer_leads_on(tmp_path, answer, day):
    (tmp_path / "mine").mkdir()
    table(
        tmp_path / "mine/customers.csv", "Customer ID | Name | Customer since\nA | Aye | 1/10/2025\nB | Bee | 2/11/2025"
    )
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml")
    assert found.open == [
        "customers.csv: dates: dmy: Customer since: '1/10/2025' is 1 October 2025",
        "customers.csv: dates: mdy: Customer since: '1/10/2025' is 10 January 2025",
    ]
    with pytest.raises(KitError, match=r"write reads: \{dates: dmy\} or reads: \{dates: mdy\}"):
        rows_of(found.path)
    found.path.write_text(found.path.read_text().replace(f"# choose: dates: {answer}", f"dates: {answer}"))
    customers = rows_of(found.path)["customers"].set_index("customer_id")
    assert customers.signed_up_on["A"] == day


@pytest.mark.parametrize(("answer", "price"), [("one", 300), ("all", 100)])
def test_a_price_that_may_be_of_one_or_of_all_is_left_open(tmp_path, answer, price):
    (tmp_path / "stripe").mkdir()
    of_three = STRIPE.replace("Team | 1 | eur | month | 300.00", "Team | 3 | eur | month | 300.00")
    table(tmp_path / "stripe/subscriptions.csv", of_three)
    found = write_folder_source(tmp_path / "stripe", tmp_path / "source.yml", currency="EUR")
    assert found.open == [
        "subscriptions.csv: Amount is the price of one: 300 for one",
        "subscriptions.csv: Amount is the price of all: 100 for one",
    ]
    with pytest.raises(KitError, match="no price; give unit_amount"):
        rows_of(found.path)
    lines = [
        line.replace("-- choose: ", "") if f"the price of {answer}" in line else line
        for line in found.path.read_text().splitlines()
    ]
    found.path.write_text("\n".join(lines))
    assert rows_of(found.path)["subscriptions"].set_index("subscription_id").unit_amount["sub_1"] == price


def test_a_price_a_month_beside_a_number_of_seats_may_be_that_of_one(tmp_path):
    (tmp_path / "mine").mkdir()
    contracts = "Contract no|Customer no|Start date|Monthly price|Seats\nV1|A|2025-03-01|10|5\nV2|B|2025-03-01|20|1"
    table(tmp_path / "mine/contracts.csv", contracts)
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    assert found.open == [
        'contracts.csv: Monthly price is the price of all of Seats; if it is that of one, write "Monthly price" * '
        '"Seats" as mrr in a query'
    ]
    with pytest.raises(KitError, match="no price"):
        rows_of(found.path)
    found.path.write_text(found.path.read_text().replace("# choose: mrr", "mrr"))
    assert mrr_of(prepared(found.path)) == 10 + 20
    table(tmp_path / "mine/contracts.csv", contracts.replace("|5\n", "|1\n"))
    found.path.unlink()
    assert write_folder_source(tmp_path / "mine", found.path, currency="EUR").open == []


def test_a_match_of_a_part_of_the_customers_is_open_with_its_numbers_and_each_answer_leads_on(four, tmp_path):
    for other in ("hubspot-crm-exports-all-deals.csv", "subscriptions.csv"):
        (four / other).unlink()
    table(
        four / "tickets-2026.csv",
        f"{ZENDESK}1 | 3 | Zoe | z@x.de | Open | Web | 2026-08-04 10:00 | Delta SE | | | 0 | 0\n"
        "1 | 4 | Zoe | z@x.de | Open | Web | 2026-08-05 10:00 | Delta SE | | | 0 | 0",
    )
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert found.open == [
        "tickets-2026.csv: Organization is Firma of customers.xlsx: 2 of 3 are found there, 'Delta SE' is not "
        "(rows without a customer: 2); take the mark off if those are no customers, else add them there"
    ]
    with pytest.raises(KitError, match="customer_id"):
        rows_of(found.path)
    text = found.path.read_text()
    found.path.write_text(text.replace("-- choose: matched.customer_id", "matched.customer_id"))
    tickets = rows_of(found.path)["tickets"].set_index("ticket_id").customer_id
    assert tickets[["1", "2"]].to_dict() == {"1": "00017", "2": "00018"}
    assert tickets[["3", "4"]].isna().all()  # and the data report counts them
    book = openpyxl.load_workbook(four / "customers.xlsx")
    book.active.append(["00020", "Delta SE", "21.05.2025", "Handel", "cus_D"])
    book.save(four / "customers.xlsx")
    again = write_folder_source(four, tmp_path / "again.yml", "Europe/Berlin", "EUR")
    whole = rows_of(again.path)["tickets"].set_index("ticket_id").customer_id
    assert whole.to_dict() == {"1": "00017", "2": "00018", "3": "00020", "4": "00020"}


CONTRACTS = "contract|customer|start|end|monthly price\nS1|A|2025-01-01|{0}|100\nS2|A|2026-01-01|{1}|110\n"
CONTRACTS += "S3|B|2025-01-01|{0}|50\nS4|B|2026-01-01||60"


@pytest.mark.parametrize(
    ("ends", "said", "last"),
    [
        (("2025-12-31", "2026-12-31"), "inclusive   # 2 end on the day before", date(2027, 1, 1)),
        (("2026-01-01", "2027-01-01"), "exclusive   # 2 end on the day on which", date(2027, 1, 1)),
    ],
)
def test_whether_an_end_is_the_last_day_is_written_where_the_next_begin_tells(tmp_path, ends, said, last):
    (tmp_path / "mine").mkdir()
    table(tmp_path / "mine/contracts.csv", CONTRACTS.format(*ends))
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    assert found.open == []
    assert f"end_on: {said}" in found.path.read_text()
    assert rows_of(found.path)["subscriptions"].set_index("subscription_id").end_on["S2"] == last


@pytest.mark.parametrize(("answer", "last"), [("inclusive", date(2026, 6, 1)), ("exclusive", date(2026, 5, 31))])
def test_whether_an_end_is_the_last_day_is_open_where_nothing_tells(tmp_path, answer, last):
    (tmp_path / "mine").mkdir()
    table(tmp_path / "mine/contracts.csv", "contract|customer|start|end|monthly price\nS1|A|2025-01-01|2026-05-31|9")
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    told = "contracts.csv: end_on: choose: write inclusive if end, such as 2026-05-31, is the last day of service"
    assert found.open[0].startswith(told)
    with pytest.raises(KitError, match="end_on"):
        load_source(found.path)
    found.path.write_text(found.path.read_text().replace("end_on: choose", f"end_on: {answer}"))
    assert rows_of(found.path)["subscriptions"].end_on.tolist() == [last]


def test_the_end_of_a_subscription_of_stripe_is_the_first_day_without(four, tmp_path):
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    line = "end_on: exclusive   # Ended At (UTC): 2026-08-01 09:00 is the instant at which it ended, as Stripe counts"
    assert line in found.path.read_text()
    assert rows_of(found.path)["subscriptions"].set_index("subscription_id").end_on["sub_3"] == date(2026, 8, 1)


CHARGEBEE = """
subscriptions.id | subscriptions.status | subscriptions.started_at | subscriptions.cancelled_at | subscriptions.currency_code | subscriptions.plan_id | subscriptions.plan_unit_price | subscriptions.plan_quantity | subscriptions.billing_period | subscriptions.billing_period_unit | customers.id
c1 | cancelled | 2026-01-01 00:00 | 2026-07-31 23:59 | EUR | basic | 100 | 1 | 1 | month | A
c2 | active    | 2026-01-01 00:00 |                  | EUR | basic | 100 | 1 | 1 | month | B
"""  # noqa: E501


@pytest.mark.parametrize(
    ("answer", "end", "may"), [("inclusive", date(2026, 8, 1), 200), ("exclusive", date(2026, 7, 31), 100)]
)
def test_the_end_of_a_subscription_of_chargebee_is_asked_with_its_time(tmp_path, answer, end, may):
    (tmp_path / "chargebee").mkdir()
    table(tmp_path / "chargebee/subscriptions.csv", CHARGEBEE)
    found = write_folder_source(tmp_path / "chargebee", tmp_path / "source.yml", "Europe/Berlin", "EUR")
    [line] = found.open
    assert line.startswith(
        "subscriptions.csv: end_on: choose: write inclusive if subscriptions.cancelled_at, such as 2026-07-31 23:59, is"
    )
    with pytest.raises(KitError, match="end_on"):
        load_source(found.path)
    found.path.write_text(found.path.read_text().replace("end_on: choose", f"end_on: {answer}"))
    rows = rows_of(found.path)["subscriptions"].set_index("subscription_id")
    assert rows.end_on["c1"] == end
    on_31_july = rows[rows.end_on.isna() | (rows.end_on > date(2026, 7, 31))]  # c1 pays on it, or not any more
    assert on_31_july.unit_amount.sum() == may


def test_an_encoding_in_which_letters_stay_letters_is_open_where_there_are_two(tmp_path):
    (tmp_path / "mine").mkdir()
    table(tmp_path / "mine/customers.csv", "Customer ID|Name|Customer since\nA|España|2025-01-01", encoding="cp1252")
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml")
    assert found.open == [
        "customers.csv: encoding: cp1252: it says A,España,2025-01-01",
        "customers.csv: encoding: cp1250: it says A,Espańa,2025-01-01",
    ]


def test_a_value_with_several_lines_stays_in_its_comment(tmp_path):
    """The first is shown beside the encoding, the stage beside the query of the deals."""
    (tmp_path / "exports").mkdir()
    rows = HUBSPOT.replace("Contract Sent", "Sent\\nconnect: 'duckdb:///elsewhere'").replace("Ann", "\\nname: Änn")
    lines = [[cell.strip().replace("\\n", "\n") for cell in line.split("|")] for line in rows.strip().splitlines()]
    with (tmp_path / "exports/deals.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    found = write_folder_source(tmp_path / "exports", tmp_path / "exports.yml", currency="EUR")
    text = found.path.read_text()
    assert "name: Änn" in text
    assert "Sent connect: 'duckdb:///elsewhere'" in text
    source = load_source(found.path)
    assert (source.name, source.connect) == ("exports", "duckdb://")
    prepare(source, Calendar().period("2026Q3"), currency="EUR", folder=tmp_path / "prepared")


def test_a_file_that_is_nothing_known_is_told_with_its_columns(four, tmp_path):
    table(four / "visits.csv", "page|hits\nhome|3")
    (four / "2026").mkdir()
    for name in ("2026/all.zip", "app.sqlite", ".DS_Store"):
        (four / name).write_bytes(b"PK")
    found = write_folder_source(four, tmp_path / "source.yml", currency="EUR")
    assert found.told == [
        "not read: 2026/all.zip, app.sqlite; unpack archives, and save what another program holds as CSV",
        "visits.csv is not recognised",
    ]
    assert "# visits.csv is not used: its columns are page, hits." in found.path.read_text()


def test_a_file_is_what_its_name_tells_or_nothing_and_an_id_is_of_what_the_name_tells(four, tmp_path):
    table(four / "stripe-invoices.csv", "id|Customer|Date (UTC)|Subtotal|Currency\nin_1|cus_A|2026-08-01 10:00|90|eur")
    table(four / "recurly_subscriptions.csv", "subscription_id|customer_id|created_at\ns|A|2026-08-01 10:00")
    table(four / "charges.csv", "id|customer|created|amount|currency\nch_1|cus_A|2026-08-01 10:00|90|eur")
    found = write_folder_source(four, tmp_path / "source.yml", "Europe/Berlin", "EUR")
    assert set(found.files) == {
        "customers.xlsx", "hubspot-crm-exports-all-deals.csv", "subscriptions.csv", "tickets-2026.csv"
    }  # fmt: skip
    assert found.told == [
        "charges.csv is not recognised; as deals it lacks a column for deal_id",
        "recurly_subscriptions.csv is not recognised; as subscriptions it lacks a column for start_on, mrr",
        "stripe-invoices.csv is not recognised; as invoices it lacks a column for invoiced_on, amount",
    ]


# a stage, and what anybody would take it as; none where it says more than won or lost
DECIDED = {
    "Closed Won": "won", "closedwon": "won", "Closed-Won (Sales)": "won", "6 - Closed won": "won", "Gewonnen": "won",
    "Closed Lost": "lost", "Lost (Sales)": "lost", "Verloren": "lost", "Contract sent": "open", "Wonder": "open",
    "Won - not interested": None, "Not won": None, "Closed lost (won back)": None, "Lost contact": None,
}  # fmt: skip


@pytest.mark.parametrize("tool", ["hubspot", "salesforce"])
def test_a_stage_that_says_more_than_won_or_lost_is_left_out_until_it_is_said_which_it_is(tmp_path, tool):
    (tmp_path / "mine").mkdir()
    deals = pd.DataFrame({"Record ID": range(len(DECIDED)), "Deal Stage": list(DECIDED), "Deal Name": "x"})
    deals = deals.assign(**{"Create Date": "2026-01-05", "Close Date": "2026-09-01"})
    if tool == "salesforce":
        names = {"Record ID": "Opportunity ID", "Deal Stage": "Stage", "Deal Name": "Opportunity Name"}
        names |= {"Create Date": "Created Date"}
        deals = deals.rename(columns=names).assign(**{"Account Name": "A"})
    deals.to_csv(tmp_path / "mine/deals.csv", index=False)
    write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    found = Known(prepared(tmp_path / "source.yml"), PERIOD.as_of_on)
    assert dict(found.rows("deals", "deal_id", "outcome")) == {
        str(i): meant for i, meant in enumerate(DECIDED.values()) if meant
    }
    text = (tmp_path / "source.yml").read_text()
    (tmp_path / "source.yml").write_text(text.replace("then lower_stage ", "then 'lost' "))
    found = Known(prepared(tmp_path / "source.yml"), PERIOD.as_of_on)
    assert dict(found.rows("deals", "deal_id", "outcome")) == {
        str(i): meant or "lost" for i, meant in enumerate(DECIDED.values())
    }


SIGNED = {
    "hubspot": "Record ID|Deal Name|Deal Stage|Create Date|Close Date|Amount",
    "pipedrive": "Deal - ID|Deal - Title|Deal - Status|Deal - Deal created|Deal - Won time|Deal - Value",
}


@pytest.mark.parametrize("tool", SIGNED)
def test_amounts_with_the_sign_of_a_currency_are_read(tmp_path, tool):
    (tmp_path / "mine").mkdir()
    rows = [f"{i}|x|Won|2026-07-05|2026-09-01|{amount}" for i, amount in enumerate(["€1,200.50", "300 €", "12"])]
    table(tmp_path / "mine/deals.csv", "\n".join([SIGNED[tool], *rows]))
    write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    amounts = rows_of(tmp_path / "source.yml")["deals"].set_index("deal_id").amount
    assert amounts.to_dict() == {"0": 1200.5, "1": 300, "2": 12}
    text = (tmp_path / "source.yml").read_text()
    [line] = [line for line in text.splitlines() if line.endswith(" as amount,")]
    cast = f"cast({line.strip().removesuffix(' as amount,')} as double) as amount,"
    (tmp_path / "source.yml").write_text(text.replace(line.strip(), cast))
    with pytest.raises(KitError, match=r"'€1,200\.50', which has the sign of a currency; leave out the cast, or take"):
        prepared(tmp_path / "source.yml")


def test_what_a_coupon_of_stripe_takes_off_is_asked_and_then_taken_off(tmp_path):
    """A pays 300 a month less 20 % for good, B 100 and has no coupon: 340, where 400 would have been told."""
    head = STRIPE.strip().splitlines()[0].replace("| Status ", "| Status | Coupon ")
    rows = [
        f"sub_{who} | cus_{who} | x@x.de | Team | 1 | eur | month | {amount} | active | {coupon}"
        " | 2025-03-01 09:00 | 2025-03-01 09:00 | 2026-09-01 09:00 | |"
        for who, amount, coupon in (("A", 300, "PARTNER"), ("B", 100, ""))
    ]
    (tmp_path / "mine").mkdir()
    table(tmp_path / "mine/sub.csv", "\n".join([head, *rows]))
    path = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR").path
    text = path.read_text()
    assert "0 for one that is over; this file has PARTNER." in text
    with pytest.raises(KitError, match=r"'choose' is not a number .*write what discount_mrr is in its place, in the"):
        prepared(path)
    path.write_text(text.replace("then 'choose' end", "then 0.2 * 300 end"))
    assert mrr_of(prepared(path)) == pytest.approx(340)


def test_prices_of_stripe_with_the_sign_of_a_currency_are_shown_under_each_reading(tmp_path):
    (tmp_path / "mine").mkdir()
    row = "sub_1|cus_A|a@x.de|Team|2|eur|month|€1,300.00|active" + "|2025-03-01 09:00" * 3 + "||"
    table(tmp_path / "mine/sub.csv", STRIPE.strip().splitlines()[0] + "\n" + row)
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    assert found.open == [
        "sub.csv: Amount is the price of one: 1300 for one", "sub.csv: Amount is the price of all: 650 for one",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["subscriptions.csv", "subscriptions.xlsx", "deals.csv"])
def test_a_header_that_has_a_name_twice_is_told_with_its_columns_and_right_once_one_is_renamed(tmp_path, name):
    columns = ["subscription_id", "customer_id", "start_on", "mrr", "mrr", "currency"]
    row, again = ["S", "A", "2026-01-01", "100", "90", "EUR"], ("mrr", 4, 5)
    if name == "deals.csv":  # HubSpot's
        columns = ["Record ID", "Deal Name", "Deal Stage", "Create Date", "Amount", "Amount"]
        row, again = ["1", "A", "Closed Won", "2026-01-01", "100", "90"], ("amount", 5, 6)

    def written():
        (tmp_path / "mine").mkdir(exist_ok=True)
        rows = pd.DataFrame([row], columns=columns)
        save = rows.to_csv if name.endswith(".csv") else rows.to_excel
        save(tmp_path / "mine" / name, index=False)
        (tmp_path / "source.yml").unlink(missing_ok=True)
        return write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")

    with pytest.raises(KitError) as caught:
        written()
    word, one, other = again
    place = columns[one - 1]
    assert list(caught.value.faults[1:]) == [
        f"{name} is left out: its header has {word!r} 2 times, as '{place} (column {one})' and "
        f"'{place} (column {other})'; rename all but the one that is meant in the file"
    ]
    columns[other - 1] = "before"
    text = written().path.read_text()
    assert ("mrr: mrr" if word == "mrr" else 'cast("Amount" as double) as amount') in text


def test_files_with_the_canonical_columns_are_known(tmp_path):
    (tmp_path / "mine").mkdir()
    prices = "subscription_id|customer_id|start_on|unit_amount|quantity|interval|interval_count"
    table(tmp_path / "mine/contracts.csv", f"{prices}\nS|A|2025-01-01|1200|2|year|1")
    table(tmp_path / "mine/events.csv", "user_id|event_type|event_time|feature\nu|export|2026-09-29T08:00:00Z|reports")
    table(tmp_path / "mine/log.csv", "user_id|event|occurred_at\nu|export|2026-09-29T08:00:00Z")
    table(tmp_path / "mine/stages.csv", "record_id|stage|entered_at\nd|lead|2026-09-29T08:00:00Z")
    (tmp_path / "mine/log.csv").rename(tmp_path / "mine/log.txt")
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    assert found.files == {
        "contracts.csv": "your own subscriptions", "events.csv": "your own events", "log.txt": "your own events",
        "stages.csv": "your own stage_history",
    }  # fmt: skip
    (tmp_path / "mine/log.txt").unlink()
    found.path.unlink()
    rows = rows_of(write_folder_source(tmp_path / "mine", found.path, currency="EUR").path)
    assert list(rows["events"].feature) == ["reports"]
    assert mrr_of(Prepared.open(tmp_path / "prepared")) == pytest.approx(2 * 1200 / 12)


def test_german_words_are_known_as_german_columns_are(tmp_path):
    (tmp_path / "mine").mkdir()
    table(
        tmp_path / "mine/vertraege.csv",
        "Vertrag|Kundennr|Beginn|Ende|Monatspreis|Status\nV1|A|01.03.2025||100,00|aktiv\n"
        "V2|B|01.03.2025|31.12.2025|50,00|Gekündigt",
        ";",
    )
    table(
        tmp_path / "mine/angebote.csv",
        "Angebotsnr|Angebotsdatum|Abschlussdatum|Status|Wert\n1|01.05.2026|13.07.2026|gewonnen|10,50\n"
        "2|01.05.2026|13.07.2026|verloren|5,50\n3|01.05.2026||offen|5,50",
        ";",
    )
    table(tmp_path / "mine/kosten.csv", "Monat|Abteilung|Betrag\n2026-07|Vertrieb|5\n2026-07|Kundendienst|6")
    found = write_folder_source(tmp_path / "mine", tmp_path / "source.yml", currency="EUR")
    found.path.write_text(found.path.read_text().replace("end_on: choose", "end_on: inclusive"))
    rows = rows_of(found.path)
    assert sorted(rows["subscriptions"].status) == ["active", "canceled"]
    assert sorted(rows["deals"].outcome) == ["lost", "open", "won"]
    assert dict(zip(rows["spend"].department, rows["spend"].amount, strict=True)) == {"sales": 5, "support": 6}


def test_a_deal_of_pipedrive_that_was_won_and_lost_afterwards_is_closed_on_the_day_of_its_loss(tmp_path):
    (tmp_path / "deals").mkdir()
    table(
        tmp_path / "deals/deals.csv",
        "Deal - ID|Deal - Title|Deal - Status|Deal - Value|Deal - Deal created|Deal - Won time|Deal - Lost time\n"
        "1|A|Lost|90|2026-06-01 09:00:00|2026-07-02 09:00:00|2026-09-03 09:00:00\n"
        "2|B|Won|90|2026-06-01 09:00:00|2026-09-04 09:00:00|2026-07-02 09:00:00",
    )
    rows = rows_of(write_folder_source(tmp_path / "deals", tmp_path / "source.yml", currency="EUR").path)["deals"]
    assert {row.deal_id: row.closed_at.date() for row in rows.itertuples()} == {
        "1": date(2026, 9, 3), "2": date(2026, 9, 4)
    }  # fmt: skip


def test_a_folder_of_nothing_known_is_refused(tmp_path):
    table(tmp_path / "visits.csv", "page|hits\nhome|3")
    with pytest.raises(KitError, match="no file is recognised"):
        write_folder_source(tmp_path, tmp_path / "source.yml")
    assert not (tmp_path / "source.yml").exists()
