"""Spreadsheets as programs save them: no cell that shows something is read as empty, and no number as another."""

import zipfile
from datetime import date

import openpyxl
import pytest
import xlsxwriter
import yaml
from python_calamine import CalamineWorkbook

from helpers.data import files
from helpers.data.prepare import prepare
from helpers.data.sheets import SHEETS, book_of
from tests.unit.data.test_files import PERIOD, READS, faults, known, source

HEADER = ["subscription_id", "customer_id", "start_on", "end_on", "mrr"]
ROWS = [
    ["S1", "C1", date(2025, 1, 10), None, 100.5],
    ["S2", "C2", date(2025, 2, 3), date(2025, 8, 1), 200],
    ["S3", "C3", date(2025, 3, 15), None, 1000],
]
TABLES = {"subscriptions": {"file": "a.xlsx"}}


@pytest.fixture
def saved(tmp_path):
    """Saves the rows with some cells written otherwise, by their places."""

    def save(**cells):
        book = openpyxl.Workbook()
        for row in (HEADER, *ROWS):
            book.active.append(row)
        for place, value in cells.items():
            book.active[place] = value
            if str(value).startswith("#"):
                book.active[place].data_type = "e"
        book.save(tmp_path / "a.xlsx")
        return tmp_path

    return save


def ends(folder, reads=None):
    return known(folder, reads, **TABLES).rows("subscriptions", "subscription_id", "end_on")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"])
def test_a_day_that_shows_an_error_is_asked_about_and_is_no_open_end(saved, error):
    [asked] = faults(saved(D3=error), **TABLES)
    assert asked.startswith(f"tables.subscriptions: end_on: '{error}' may stand for nothing; if so, write reads: ")
    empty, as_it_stands = map(yaml.safe_load, READS.findall(asked))
    assert ends(saved(D3=error), empty) == [("S1", None), ("S2", None), ("S3", None)]
    [refused] = faults(saved(D3=error), as_it_stands, **TABLES)
    assert f"end_on: '{error}' is not a day" in refused


@pytest.mark.parametrize(("name", "told"), [("a.xls", 3), ("a.xlsb", 3), ("a.xlsx", 0)])
def test_what_cannot_tell_errors_from_empty_cells_says_how_many_are_empty(saved, monkeypatch, name, told):
    """The reader gives nothing for an error of the older forms, as for one of an .xlsx that nobody looked into."""
    folder = saved(D3="#N/A")
    (folder / name).write_bytes((folder / "a.xlsx").read_bytes())
    monkeypatch.setattr(files, "book_of", lambda file: CalamineWorkbook.from_path(str(folder / "a.xlsx")))
    found = prepare(source(folder, subscriptions={"file": name}), PERIOD, currency="EUR", folder=folder / "prepared")
    warnings = [each for each in found.report["tables"]["subscriptions"]["warnings"] if "read as empty" in each]
    assert [each.partition(" cells of ")[0] for each in warnings] == [str(told)] * bool(told)
    assert all(f"cells of {name} are read as empty; so is a cell of this form" in each for each in warnings)


def test_a_price_that_shows_an_error_is_asked_about(saved):
    [asked] = faults(saved(E2="#N/A"), **TABLES)
    assert "mrr: '#N/A' may stand for nothing" in asked


def test_a_column_that_is_not_read_may_show_errors(saved):
    assert ends(saved(F1="lookup", F2="#N/A")) == [("S1", None), ("S2", "2025-08-01"), ("S3", None)]


def test_a_formula_that_was_never_calculated_is_told_with_its_place(saved):
    assert faults(saved(D3="=DATE(2025,8,1)"), **TABLES) == [
        "tables.subscriptions: a.xlsx: cell D3 (=DATE(2025,8,1)) holds a formula and no value; open the file in a "
        "spreadsheet program, and save it there"
    ]


def test_a_zero_is_a_value_only_where_the_book_was_calculated(saved, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:  # which writes 0 for what it does not calculate
        sheet = book.add_worksheet()
        for y, row in enumerate((HEADER, *ROWS)):
            sheet.write_row(y, 0, [str(cell) if isinstance(cell, date) else cell for cell in row])
        sheet.write_formula("E2", "=100+0.5")
        sheet.write_formula("E3", "=100+100", None, 200)
    [told] = faults(tmp_path, **TABLES)
    assert "cell E2 (=100+0.5) holds a formula and no value" in told
    changed(tmp_path / "a.xlsx", "xl/workbook.xml", b' fullCalcOnLoad="1"', b"")
    assert known(tmp_path, **TABLES).frame("subscriptions", "subscription_id")["mrr"].tolist() == [0, 200, 1000]


def test_a_formula_that_gives_an_empty_text_is_empty(saved, tmp_path):
    saved(D2='=IF(TRUE,"","")')
    changed(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml", b'<c r="D2">', b'<c r="D2" t="str">')
    assert ends(tmp_path) == [("S1", None), ("S2", "2025-08-01"), ("S3", None)]


def test_cells_of_sheets_with_a_prefix_are_told_too(saved, tmp_path):
    saved(D3="=DATE(2025,8,1)", E2="#N/A")
    sheet = "xl/worksheets/sheet1.xml"
    changed(tmp_path / "a.xlsx", sheet, b"</", b"<!/")
    changed(tmp_path / "a.xlsx", sheet, b"<", b"<x:")
    changed(tmp_path / "a.xlsx", sheet, b"<x:!/", b"</x:")
    changed(tmp_path / "a.xlsx", sheet, b"xmlns=", b"xmlns:x=")
    cells = book_of(tmp_path / "a.xlsx").get_sheet_by_index(0).to_python()
    assert (cells[2][3], cells[1][4]) == ("\ue000=DATE(2025,8,1)", "#N/A")


def test_an_error_of_libreoffice_is_told(tmp_path):
    cell = "<table:table-cell {}><text:p>{}</text:p></table:table-cell>"
    error = 'table:formula="of:=NA()" office:value-type="string" office:string-value="" calcext:value-type="error"'
    row = cell.format('office:value-type="string"', "C1") + cell.format(error, "#N/A")
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<office:document-content{names} xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:'
        f'calcext:1.0"><office:body><office:spreadsheet><table:table table:name="A"><table:table-row>{row}'
        "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", "<manifest/>")
        book.writestr("content.xml", content)
    assert book_of(tmp_path / "a.ods").get_sheet_by_index(0).to_python() == [["C1", "#N/A"]]
    assert ".ods" in SHEETS


@pytest.mark.parametrize("reads", [{"decimal": ","}, {"thousands": "."}, {"decimal": ",", "thousands": "."}])
def test_a_number_beside_texts_with_a_decimal_comma_stays_the_number_that_it_is(saved, reads):
    folder = saved(E2=234.125, E3="1.200,50")
    found = known(folder, reads, **TABLES).frame("subscriptions", "subscription_id")["mrr"]
    assert found.tolist() == [234.125, 1200.5, 1000]


def changed(file, part, old, new):
    """A packed file with some bytes of a part replaced."""
    with zipfile.ZipFile(file) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(file, "w") as packed:
        for name, data in parts.items():
            packed.writestr(name, data)
