"""The sheets that calculate: small companies under every rule that moves a figure, and the sample, by LibreOffice."""

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date, timedelta

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import results
from helpers.display.context import Results
from helpers.errors import KitError
from helpers.kpis import new_revenue, recurring_revenue
from helpers.language import _, speaking
from helpers.pack.audit import audit_sheets
from helpers.pack.workbook import render_workbook
from helpers.params import Review, Rules
from helpers.periods import Calendar
from tests import canonical
from tests.pack import fixtures as made
from tests.spec import test_customer_mrr as companies
from tests.spec.test_customer_mrr import EXAMPLE
from tests.spec.test_recurring_revenue import CUSTOMERS

pytestmark = pytest.mark.whole

Q1 = Calendar().period("2026Q1")
# Euros gain and lose against the dollar; B buys more on the way, C leaves, D pays in dollars.
EUROS = """
    subscription_id | customer_id | start_on   | end_on     | mrr | currency
    a               | A           | 2025-01-01 |            | 100 | EUR
    b               | B           | 2025-01-01 | 2026-02-10 | 100 | EUR
    b               | B           | 2026-02-10 |            | 120 | EUR
    c               | C           | 2025-01-01 | 2026-03-10 | 70  | EUR
    d               | D           | 2025-01-01 |            | 50  | USD
"""
RATES = """
    currency | rate | on
    EUR      | 1.20 | 2024-12-31
    EUR      | 1.10 | 2025-12-31
    EUR      | 1.05 | 2026-02-15
    EUR      | 1.25 | 2026-03-31
"""
COMPANIES = {
    "as it is": {},
    "quarter": {"rules": {"movement_grain": "quarter"}},
    "month": {"period": Calendar().period("2026-03")},
    "week": {"period": Calendar().period("2026-W10")},
    "running": {"period": Calendar().period("2026Q1", date(2026, 2, 10))},
    "parents": {
        "rules": {"account_level": "parent"},
        "subscriptions": companies.TestAccounts.SUBSCRIPTIONS,
        "customers": companies.TestAccounts.CUSTOMERS,
    },
    "rates": {"rules": {"fx_mode": "period_end"}, "subscriptions": EUROS, "fx_rates": RATES},
    "no rate before": {
        "rules": {"fx_mode": "period_end"},
        "subscriptions": EUROS,
        "fx_rates": "\n".join(line for line in RATES.splitlines() if "2024" not in line),
    },
    "names": {
        "customers": CUSTOMERS.replace("Aurora", "=cmd()").replace("enterprise", "=1+1").replace("mid-market", "*")
    },
}


def opened(rules=None, period=Q1, subscriptions=EXAMPLE, **more):
    review = Review(company="C", themes={"recurring_revenue": {}}, rules=Rules(**(rules or {})))
    return canonical.opened(period, review, subscriptions=subscriptions, **more)


def audited(quarter, change=lambda frame: frame) -> bytes:
    """The workbook of a company; ``change`` alters the pack's figures, and not the customers."""
    found = quarter.compute(recurring_revenue)
    found = Results(change(found.frame), found.context)
    return render_workbook(made.view(), [], found, audit_sheets(quarter, found))


@pytest.fixture(scope="module")
def as_it_is() -> bytes:
    """The workbook of the example, which no test changes."""
    return audited(opened())


def read(content: bytes, **how) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content), **how)


def grid(sheet, *, first="A") -> dict[str, list]:
    """The rows of the table that begins in a column, by their first cell."""
    [area] = [table.ref for table in sheet.tables.values() if table.ref.startswith(f"{first}6:")]
    return {row[0].value: [cell.value for cell in row[1:]] for row in sheet[area][1:]}


def checks(content: bytes) -> dict[str, list]:
    """What stands beside each check: two values, how far they are apart, and the result."""
    return grid(read(content, data_only=True)["Checks"])


@pytest.mark.parametrize("name", COMPANIES)
def test_all_checks_pass(name):
    found = checks(audited(opened(**COMPANIES[name])))
    assert {told[-1] for told in found.values()} == {"PASS"}
    kpis = {"Opening MRR", "New MRR", "Churn MRR", "Net new MRR", "Currency effect on MRR", "Paying customers"}
    assert kpis <= set(found)


def test_the_bridge_by_month(as_it_is):
    book = read(as_it_is, data_only=True)
    bridge = grid(book["Audit"])
    # A 1000, B 500, C 400, D 300, E 200 on 31 December; F 250 and H 450 (who paid until September) in January, when C
    # leaves; B grows to 800 in February and shrinks to 600 in March, when C comes back, D leaves and J is new.
    assert bridge["Opening"] == [2400, 2700, 3000, 2400]
    assert bridge["New"] == [250, 0, 1000, 1250]
    assert bridge["Reactivation"] == [450, 0, 300, 750]
    assert bridge["Expansion"] == [0, 300, 0, 300]
    assert bridge["Contraction"] == [0, 0, -200, -200]
    assert bridge["Churn"] == [-400, 0, -300, -700]
    assert bridge["Closing"] == bridge["Sum of customers"] == [2700, 3000, 3800, 3800]
    measures = grid(book["Audit"], first="G")
    assert measures["Their MRR"] == [1000 + 500 + 400 + 300 + 200 + 150, 2400]
    assert measures["What they pay now"] == [1000 + 600 + 300 + 200 + 450, 2100]
    assert measures["GRR"] == [pytest.approx((1000 + 500 + 300 + 200 + 150) / 2550), pytest.approx(2000 / 2400)]


def test_customers_by_month_are_numbers_with_the_day_of_the_first_payment(as_it_is):
    sheet = read(as_it_is)["Customers by month"]
    head = [cell.value for cell in sheet[6]]
    rows = {
        row[0].value: dict(zip(head, (cell.value for cell in row), strict=True)) for row in sheet.iter_rows(min_row=7)
    }
    assert set(rows) == {"A", "B", "C", "D", "E", "F", "H", "J"}  # G came and went in February
    days = [name for name in head if re.fullmatch(r"\d{4}-\d\d-\d\d", name or "")]
    assert (len(days), days[0], days[-1]) == (15, "2025-01-31", "2026-03-31")  # nothing is known before 2025
    assert [rows["H"][day] for day in ("2025-08-31", "2025-09-30", "2025-12-31", "2026-01-31")] == [150, 0, 0, 450]
    assert rows["H"]["First paid on"].date() == date(2025, 1, 31)
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize(("most", "columns"), [(8, 5), (9, 15)])
def test_of_many_customers_the_sheet_has_only_the_days_that_the_figures_compare(most, columns):
    quarter = opened()  # nine customers have paid
    many = quarter.alone.spine.relations["has_many_customers"]
    assert "10000 as most" in many.query
    quarter.alone.spine.relations["has_many_customers"] = replace(
        many, query=many.query.replace("10000 as most", f"{most} as most")
    )
    content = audited(quarter)
    sheet = read(content)["Customers by month"]
    days = [cell.value for cell in sheet[6] if re.fullmatch(r"\d{4}-\d\d-\d\d", cell.value or "")]
    compared = ["2025-03-31", "2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31"]
    assert (len(days), set(days) >= set(compared)) == (columns, True)
    assert (f"since more than {most} customers paid" in sheet["A5"].value) is (columns == len(compared))
    assert {told[-1] for told in checks(content).values()} == {"PASS"}


def test_where_rates_move_a_movement_is_counted_at_the_later_rate():
    bridge = grid(read(audited(opened(**COMPANIES["rates"])), data_only=True)["Audit"])
    # February: B's 100 € are 105 $ at the rate of its end, and grow by 20 € to 126 $; A, B and C lose 0.05 $ on 270 €
    assert bridge["Expansion"][1] == pytest.approx(20 * 1.05)
    assert bridge["Currency effect"][:2] == [0, pytest.approx(-0.05 * 270)]
    assert bridge["Churn"][2] == pytest.approx(-70 * 1.25)


def test_a_rate_that_the_pack_does_not_have_is_named():
    found = read(audited(opened(**COMPANIES["no rate before"])))["Checks"]["A5"].value
    assert "Net revenue retention (NRR) is not calculated: refused." in found


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    versions=companies.TestProperties.versions,
    grain=st.sampled_from(["month", "quarter"]),
    fx_mode=st.sampled_from(["fixed", "period_end"]),
    period=st.sampled_from(["2026Q1", "2026-02", "2026-W10"]),
)
def test_all_checks_pass_whatever_was_paid(versions, grain, fx_mode, period):
    days = ((date(2025, 1, 1) + timedelta(start), length) for _, start, length, *_ in versions)
    rows = [
        f"s{i} | {customer} | {start} | {start + timedelta(length)} | {mrr} | {currency}"
        for i, ((customer, *_, mrr, currency), (start, length)) in enumerate(zip(versions, days, strict=True))
    ]
    company = {
        "rules": {"movement_grain": grain, "fx_mode": fx_mode},
        "period": Calendar().period(period),
        "subscriptions": "\n".join(["subscription_id | customer_id | start_on | end_on | mrr | currency", *rows]),
        "fx_rates": RATES,
    }
    content = audited(opened(**company))
    if "Audit" in read(content).sheetnames:  # else nobody pays on any of its days
        assert {told[-1] for told in checks(content).values()} == {"PASS"}


def test_a_figure_that_is_not_that_of_the_customers_fails():
    def more(frame):
        return frame.assign(value=frame["value"].where(frame["kpi_id"] != "mrr_new", frame["value"] + 0.02))

    content = audited(opened(), more)
    found, title = checks(content), read(content)["Checks"]["A4"].value
    assert found["New MRR"] == [pytest.approx(1250), pytest.approx(1250.02), pytest.approx(-0.02), "FAIL"]
    assert found["All checks"][-1] == "FAIL"
    assert [name for name, told in found.items() if told[-1] == "FAIL"] == ["All checks", "New MRR"]
    assert title == f"{len(found) - 2} of {len(found) - 1} checks pass"


@pytest.mark.parametrize(
    ("company", "why"),
    [
        ({"rules": {"movement_grain": "day"}}, r"movements lead over 91 days \(movement_grain: day\)"),
        ({"subscriptions": EUROS}, "no rate for EUR"),
        ({"subscriptions": EXAMPLE.split("    a ")[0] + "    z | Z | 2030-01-01 | | 5 | | |\n"}, "Nobody pays"),
    ],
)
def test_where_no_sheet_of_customers_can_be_made_the_checks_say_why(company, why):
    book = read(audited(opened(**company)))
    assert not {"Customers by month", "Audit"} & set(book.sheetnames)
    assert re.search(why, book["Checks"]["A5"].value)


def test_without_recurring_revenue_there_is_nothing_to_check():
    quarter = opened()
    assert audit_sheets(quarter, quarter.compute(new_revenue)) == []


def recalculated(folder, **books: bytes) -> dict[str, openpyxl.Workbook]:
    """Workbooks whose formulas have lost their values, calculated by LibreOffice."""
    for name, content in books.items():
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(folder / f"{name}.xlsx", "w") as new:
            for part in old.namelist():
                new.writestr(part, re.sub(rb"</f><v>[^<]*</v>", b"</f>", old.read(part)))
    profile, out = f"-env:UserInstallation={(folder / 'profile').as_uri()}", folder / "calculated"
    files = [str(folder / f"{name}.xlsx") for name in books]
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(out), *files]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {name: openpyxl.load_workbook(out / f"{name}.xlsx", data_only=True) for name in books}


@pytest.mark.parametrize("language", ["ru", "zh_Hans", "zh_Hant"])
def test_formulas_name_the_sheets_as_the_language_does(language, as_it_is):
    english = checks(as_it_is)
    with speaking(language):
        content, name, passed = audited(opened()), _("Checks"), _("PASS")
    book = read(content)
    formulas = [str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert {found for formula in formulas for found in re.findall("'([^']+)'!", formula)} < set(book.sheetnames)
    told = grid(read(content, data_only=True)[name])
    assert {row[-1] for row in told.values()} == {passed}
    assert [row[:-1] for row in told.values()] == [row[:-1] for row in english.values()]


def test_a_term_that_gives_two_sheets_one_name_is_refused():
    with speaking("en", {"Audit": "Scorecard"}), pytest.raises(KitError, match=r"two sheets .* are named 'Scorecard'"):
        audited(opened())


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="no LibreOffice; install libreoffice-calc-nogui")
def test_libreoffice_calculates_the_same(built, tmp_path):
    wrong = audited(opened(), lambda frame: frame.assign(value=frame["value"] * 1.1))
    books = {name.replace(" ", "_"): audited(opened(**company)) for name, company in COMPANIES.items()}
    books |= {"wrong": wrong, "sample": (built.folder / "figures.xlsx").read_bytes()}
    found = recalculated(tmp_path, **books)
    for name, content in books.items():
        formulas, shown = read(content), read(content, data_only=True)
        cells = [cell for sheet in formulas for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        assert len(cells) > 75, name
        for cell in cells:
            there = (book[cell.parent.title][cell.coordinate].value for book in (found[name], shown))
            calculated, kept = (each if isinstance(each, str) else pytest.approx(each, abs=1e-6) for each in there)
            assert calculated == kept, (name, cell.parent.title, cell.coordinate, cell.value)
    # the same against the results of the sample, figure by figure
    figures = results.read_csv(built.folder / "results.csv").query("period == '2026Q3' and segment == ''")
    values = figures.set_index("kpi_id")["value"]
    told = grid(found["sample"]["Checks"])
    labels = {"Opening MRR": "mrr_opening", "New MRR": "mrr_new", "Churn MRR": "mrr_churn", "Logo churn": "logo_churn"}
    labels |= {"Net revenue retention (NRR)": "nrr", "Gross revenue retention (GRR)": "grr"}
    for label, kpi_id in labels.items():
        assert told[label][0] == pytest.approx(values[kpi_id], rel=1e-9)
    assert told["All checks"][-1] == "PASS"
    assert grid(found["wrong"]["Checks"])["All checks"][-1] == "FAIL"
