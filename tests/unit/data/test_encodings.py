"""Texts that are not UTF-8: which encodings are proposed, what is shown of each, and what else is asked with them."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.params import load_source
from helpers.periods import Calendar
from tests.canonical import Known

PERIOD = Calendar("Europe/Berlin").period("2026Q1")
READS = re.compile(r"reads: (\{[^{}]*\})")
HEAD = "customer_id,name,signed_up_on\n"


def saved(folder: Path, name: str, encoding: str, *names: str) -> None:
    """A list of customers in an encoding; the first is C0."""
    rows = "".join(f"C{i},{each},2025-01-05\n" for i, each in enumerate(names))
    (folder / name).write_bytes(f"{HEAD}{rows}".encode(encoding))


def known(folder: Path, reads=None, **tables) -> Known:
    said = {"name": "test", "connect": "duckdb://", "files": ".", "timezone": "Europe/Berlin", "currency": "EUR"}
    (folder / "source.yml").write_text(yaml.safe_dump(said | {"reads": reads or {}, "tables": tables}))
    found = prepare(load_source(folder / "source.yml"), PERIOD, currency="EUR", folder=folder / "prepared")
    return Known(found, PERIOD.as_of_on)


def faults(folder: Path, reads=None, **tables) -> list[str]:
    with pytest.raises(KitError) as caught:
        known(folder, reads, **tables)
    return [fault.split("source.yml: ", 1)[1] for fault in caught.value.faults]


def names(folder: Path, reads, file: str) -> list[str]:
    return sorted(name for (name,) in known(folder, reads, customers={"file": file}).rows("customers", "name"))


# what is proposed -----------------------------------------------------------------------------------------------------


def test_of_encodings_that_read_every_byte_alike_one_is_proposed(tmp_path):
    saved(tmp_path, "customers.csv", "cp1252", "Müller", "Café")
    assert (tmp_path / "customers.csv").read_bytes().decode("cp1250").endswith("C1,Café,2025-01-05\n")
    [asked] = faults(tmp_path, customers={"file": "customers.csv"})
    assert asked == (
        "tables.customers: customers.csv is not UTF-8; in cp1252 it says 'C0,Müller,2025-01-05'; "
        "if that is right, write reads: {encoding: cp1252}"
    )
    assert names(tmp_path, {"encoding": "cp1252"}, "customers.csv") == ["Café", "Müller"]


@pytest.mark.parametrize("before", [1, 500])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_of_two_encodings_a_line_is_shown_that_they_read_otherwise_wherever_it_stands(tmp_path, before, end):
    saved(tmp_path, "customers.csv", "cp1252", *(f"Müller {i}" for i in range(before)), "España")
    text = (tmp_path / "customers.csv").read_bytes().replace(b"\n", end.encode())
    (tmp_path / "customers.csv").write_bytes(text)
    [asked] = faults(tmp_path, customers={"file": "customers.csv"})
    line = f"C{before},Espa{{}}a,2025-01-05"
    assert f"in cp1252 it says '{line.format('ñ')}' and in cp1250 it says '{line.format('ń')}'; write " in asked
    western, central = map(yaml.safe_load, READS.findall(asked))
    assert names(tmp_path, western, "customers.csv")[0] == "España"
    assert names(tmp_path, central, "customers.csv")[0] == "Espańa"


def test_of_a_long_line_the_part_is_shown_in_which_two_encodings_differ(tmp_path):
    saved(tmp_path, "customers.csv", "cp1252", f"Müller{' und Partner' * 20} España")
    [asked] = faults(tmp_path, customers={"file": "customers.csv"})
    shown = re.findall(r"it says '(.*?)'", asked)
    assert ["España" in shown[0], "Espańa" in shown[1]] == [True, True]
    assert max(map(len, shown)) <= 60


@pytest.mark.parametrize(("answer", "found"), [(0, ["España", "Müller"]), (1, ["Espańa", "Müller"])])
def test_the_files_of_a_table_are_looked_at_together(tmp_path, answer, found):
    saved(tmp_path, "a_1.csv", "cp1252", "Müller")  # which alone may be in either
    saved(tmp_path, "a_2.csv", "cp1252", "España")
    (tmp_path / "a_2.csv").write_bytes((tmp_path / "a_2.csv").read_bytes().replace(b"C0", b"D0"))
    [asked] = faults(tmp_path, customers={"file": "a_*.csv"})
    assert names(tmp_path, yaml.safe_load(READS.findall(asked)[answer]), "a_*.csv") == found


def test_files_of_one_table_in_different_encodings_are_refused_and_right_once_saved_anew(tmp_path):
    saved(tmp_path, "a_1.csv", "utf-8", "Müller")
    saved(tmp_path, "a_2.csv", "cp1252", "Söhne")
    told = (
        "a_1.csv is UTF-8, and a_2.csv is not; files of one table must be in one encoding: save a_2.csv anew as UTF-8"
    )
    for reads in ({}, {"encoding": "cp1252"}):  # in which a_1.csv would say MÃ¼ller
        assert faults(tmp_path, reads, customers={"file": "a_*.csv"}) == [f"tables.customers: {told}"]
    (tmp_path / "a_2.csv").write_text(HEAD + "D0,Söhne,2025-01-05\n", encoding="utf-8")
    assert names(tmp_path, {}, "a_*.csv") == ["Müller", "Söhne"]
    saved(tmp_path, "a_2.csv", "mac_roman", "Société")
    saved(tmp_path, "a_1.csv", "cp1252", "Société")
    [told] = faults(tmp_path, customers={"file": "a_*.csv"})
    assert told.startswith("tables.customers: a_1.csv and a_2.csv are in different encodings")


def test_a_line_of_each_file_is_shown_where_one_encoding_is_proposed(tmp_path):
    saved(tmp_path, "a_1.csv", "cp1252", "Größe")
    saved(tmp_path, "a_2.csv", "mac_roman", "Größe")  # which could be words in both
    [told] = faults(tmp_path, customers={"file": "a_*.csv"})
    assert "in cp1252 it says 'C0,Größe,2025-01-05 … C0,Grš§e,2025-01-05'; if that is right" in told


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xff\xfea"])
def test_what_only_begins_as_utf_16_is_told(tmp_path, data):
    (tmp_path / "customers.csv").write_bytes(data)
    assert "customers.csv is not UTF-8; in " in faults(tmp_path, customers={"file": "customers.csv"})[0]


def test_utf_8_in_a_source_that_says_another_encoding_is_asked_about(tmp_path):
    saved(tmp_path, "customers.csv", "utf-8", "Müller")
    [asked] = faults(tmp_path, {"encoding": "cp1252"}, customers={"file": "customers.csv"})
    assert asked == (
        "tables.customers: customers.csv is UTF-8, not cp1252; in utf-8 it says 'C0,Müller,2025-01-05'; "
        "if that is right, write reads: {encoding: utf-8} under this table"
    )
    under = {"file": "customers.csv", "reads": yaml.safe_load(READS.findall(asked)[0])}
    assert known(tmp_path, {"encoding": "cp1252"}, customers=under).rows("customers", "name") == [("Müller",)]


def test_of_two_files_of_a_query_one_may_be_in_another_encoding(tmp_path):
    saved(tmp_path, "customers.csv", "utf-8", "Müller")
    (tmp_path / "more.csv").write_bytes("id,country\nC0,Österreich\n".encode("cp1252"))
    query = "select c.*, country from 'customers.csv' as c join {} as m on m.id = c.customer_id"
    [asked] = faults(tmp_path, customers=query.format("'more.csv'"))
    assert asked.endswith(", or for that file alone, in the query: read_csv('more.csv', encoding = '…')")
    [other] = faults(tmp_path, {"encoding": "cp1252"}, customers=query.format("'more.csv'"))
    assert "customers.csv is UTF-8, not cp1252" in other
    reader = asked.rpartition("in the query: ")[2].replace("…", "cp1252")
    assert known(tmp_path, customers=query.format(reader)).rows("customers", "name", "country") == [
        ("Müller", "Österreich")
    ]


# what is asked with it ------------------------------------------------------------------------------------------------

DEALS = """\
deal_id,customer_id,created_at,outcome,closed_at,amount,one_off_amount,owner,source
D1,C1,1/2/2026,open,,"1.250","1.000 €",España,N/A
D2,C1,2/2/2026,open,,"2.500","2.500 €",Anna,Fair
"""


@pytest.mark.parametrize("form", ["file", "query"])
def test_all_that_is_to_be_asked_of_a_file_is_asked_with_its_encoding_and_each_answer_is_right(tmp_path, form):
    (tmp_path / "deals.csv").write_bytes(DEALS.encode("cp1252"))
    tables = {"deals": {"file": "deals.csv"} if form == "file" else "from 'deals.csv'"}
    asked = faults(tmp_path, **tables)
    assert "deals.csv is not UTF-8; in cp1252 it says 'D1,C1" in asked[0]
    assert sorted(fault.split(": ")[1] for fault in asked[1:]) == ["amount", "created_at", "source"]
    answers = {"encoding": "cp1252", "empty": ["N/A"], "dates": "dmy", "decimal": ","}
    proposed = [yaml.safe_load(line) for fault in asked for line in READS.findall(fault)]
    assert all({key: value} in proposed for key, value in answers.items())
    rows = known(tmp_path, answers, **tables).rows("deals", "amount", "one_off_amount", "owner", "source", "created_at")
    assert sorted(rows) == [
        (1250, 1000, "España", None, "2026-02-01"), (2500, 2500, "Anna", "Fair", "2026-02-02"),
    ]  # fmt: skip


def test_of_two_encodings_nothing_is_asked_of_what_they_read_otherwise(tmp_path):
    text = "deal_id,customer_id,created_at,outcome,amount,owner\nD1,C1,2026-01-05,open,12 €,España\n"
    (tmp_path / "deals.csv").write_bytes(text.encode("mac_roman"))
    asked = faults(tmp_path, deals={"file": "deals.csv"})
    assert len(asked) == 1  # in cp1252 the amount would be 12 Û, and no number
    assert "in mac_roman it says" in asked[0]
    assert known(tmp_path, {"encoding": "mac_roman"}, deals={"file": "deals.csv"}).rows("deals", "amount", "owner") == [
        (12, "España")
    ]


@pytest.mark.parametrize("form", ["file", "query"])
def test_a_column_whose_name_is_not_ascii_is_not_missed_before_the_encoding_is_known(tmp_path, form):
    (tmp_path / "k.csv").write_bytes("Nr,Größe,Seit\nC0,España,1/2/2025\n".encode("mac_roman"))
    columns = {"customer_id": "Nr", "name": "Größe", "signed_up_on": "Seit"}
    given = {"file": "k.csv", "columns": columns}
    if form == "query":
        given = "select Nr as customer_id, Größe as name, Seit as signed_up_on from 'k.csv'"
    asked = faults(tmp_path, customers=given)
    assert all("has no column" not in fault and "not there" not in fault for fault in asked)
    assert "k.csv is not UTF-8" in asked[0]
    assert known(tmp_path, {"encoding": "mac_roman", "dates": "mdy"}, customers=given).rows("customers", "name") == [
        ("España",)
    ]
