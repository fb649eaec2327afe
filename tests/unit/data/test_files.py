"""Tables from files: every kind of file, table and type of column is read right, or asked about."""

import gzip
import re
from datetime import date, datetime

import duckdb
import pandas as pd
import pytest
import yaml
from babel.dates import format_date

from helpers.data.canonical_tables import TABLES
from helpers.data.prepare import prepare
from helpers.data.readings import LANGUAGES, SPACES, WORDS, never_empty
from helpers.errors import KitError
from helpers.params import load_source
from helpers.periods import Calendar
from helpers.reads import Reads
from tests.canonical import Known

PERIOD = Calendar("Europe/Berlin").period("2026Q1")
READS = re.compile(r"reads: (\{(?:[^{}\[\]]|\[[^\]]*\])*\})")
MONEY = "invoice_line_id,customer_id,invoiced_on,kind,amount\n"


def source(folder, reads=None, timezone="Europe/Berlin", **tables):
    said = {"name": "test", "connect": "duckdb://", "timezone": timezone, "currency": "EUR", "reads": reads or {}}
    if any(isinstance(given, str) for given in tables.values()):
        said["files"] = "."  # which is not needed where tables name their files
    path = folder / "source.yml"
    written = {name: value for name, value in said.items() if value} | {"tables": tables}
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    return load_source(path)


def known(folder, reads=None, **tables):
    found = prepare(source(folder, reads, **tables), PERIOD, currency="EUR", folder=folder / "prepared")
    return Known(found, PERIOD.as_of_on)


def faults(folder, reads=None, **tables):
    with pytest.raises(KitError) as caught:
        known(folder, reads, **tables)
    return [fault.split("source.yml: ", 1)[1] for fault in caught.value.faults]


def amounts(folder, reads=None, file="invoices.csv"):
    return known(folder, reads, invoices={"file": file}).frame("invoices", "invoice_line_id")["amount"].tolist()


def invoices(folder, *amounts, head=MONEY, sep=",", name="invoices.csv"):
    rows = [sep.join([f"I{i}", "C", "2026-01-05", "usage", amount]) for i, amount in enumerate(amounts)]
    (folder / name).write_text(head.replace(",", sep) + "\n".join(rows) + "\n")


def deals(folder, *days, name="deals.csv"):
    rows = [f"D{i},{day}" for i, day in enumerate(days)]
    (folder / name).write_text("deal_id,created_at\n" + "\n".join(rows) + "\n")


def created(folder, reads=None):
    return [row[0] for row in sorted(known(folder, reads, deals={"file": "deals.csv"}).rows("deals", "created_at"))]


# every table and every type of column ---------------------------------------------------------------------------------

PLAIN = {"str": "x1", "int": "3", "dec": "1.5", "bool": "yes", "date": "2026-01-05", "ts": "2026-01-05 10:00:00"}
DOUBTFUL = {"int": "1.000", "dec": "1.250", "date": "3/5/2025", "ts": "3/5/2025 10:00"}


def one_row(table, values):
    cells = {column.name: values[column.type] if not column.values else column.values[0] for column in table.columns}
    return cells | ({"currency": "EUR"} if "currency" in cells else {})


def written(folder, table, cells):
    (folder / f"{table.name}.csv").write_text(f"{';'.join(cells)}\n{';'.join(cells.values())}\n")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_type_of_every_table_is_read(tmp_path, table):
    written(tmp_path, table, one_row(table, PLAIN))
    given = source(tmp_path, **{table.name: {"file": f"{table.name}.csv"}})
    assert prepare(given, PERIOD, currency="EUR", folder=tmp_path / "out").report["tables"][table.name]["read"] == 1


@pytest.mark.whole
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("form", ["file", "query"])
def test_every_column_that_fits_two_readings_is_asked_about(tmp_path, table, form):
    written(tmp_path, table, one_row(table, PLAIN | DOUBTFUL))
    name = f"{table.name}.csv"
    asked = faults(tmp_path, **{table.name: {"file": name} if form == "file" else f"from read_csv('{name}')"})
    told = {word for fault in asked for word in re.split(r", | and ", fault.split(": ")[1])}
    assert told == {column.name for column in table.columns if column.type in DOUBTFUL}
    assert all("write reads: {d" in fault for fault in asked)
    assert len(asked) == len({column.type in ("date", "ts") for column in table.columns if column.type in DOUBTFUL})


@pytest.mark.whole
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_words_for_nothing_are_asked_about_in_every_column(tmp_path, table):
    names = [c.name for c in table.columns if not c.required and c.name not in ("contact_email", "owner", "currency")]
    written(tmp_path, table, one_row(table, PLAIN) | dict.fromkeys(names, "N/A"))
    [asked] = faults(tmp_path, **{table.name: {"file": f"{table.name}.csv"}})
    assert set(re.split(r", | and ", asked.split(": ")[1])) == set(names)
    assert asked.endswith("'N/A' may stand for nothing; if so, write reads: {empty: [N/A]}, else reads: {empty: []}")


# numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1.25", "300", "-0.5", "+2", ".5"], [1.25, 300, -0.5, 2, 0.5]),
        (["1.250", "2.5"], [1.25, 2.5]),  # no thousand has one digit
        (["0.125", "0.500"], [0.125, 0.5]),  # and none begins with 0
        (["1234.567"], [1234.567]),
        (["1 250.50", "3\u00a0000"], [1250.5, 3000]),
        (["1'250.50"], [1250.5]),
        (["1.5E+06"], [1.5e6]),
        (['"12,34,567.50"', '"1,00,000"'], [1_234_567.5, 100_000]),  # as in India: 12 lakh
        (["", "  ", "7 "], [None, None, 7]),
    ],
)
def test_a_decimal_point_is_read_where_nothing_else_fits(tmp_path, texts, values):
    invoices(tmp_path, *texts)
    found = known(tmp_path, invoices={"file": "invoices.csv"}).prepared.connect()
    read = found.execute("select amount from 'invoices.parquet' order by invoice_line_id").fetchall()
    assert [value for (value,) in read] == values


@pytest.mark.parametrize(
    ("reads", "values"),
    [
        ({"decimal": ","}, [1250, 2000.5]),
        ({"thousands": "."}, [1250, 2000.5]),
        ({"decimal": ",", "thousands": "."}, [1250, 2000.5]),
    ],
)
def test_a_decimal_comma_is_read_where_it_is_said(tmp_path, reads, values):
    invoices(tmp_path, "1.250", "2.000,5", sep=";")
    assert amounts(tmp_path, reads) == values


@pytest.mark.parametrize(
    ("texts", "first", "second"),
    [
        (["1.250", "10.000"], [1.25, 10], [1250, 10_000]),
        (['"1,250"', '"10,000"', "3"], [1250, 10_000, 3], [1.25, 10, 3]),
    ],
)
def test_three_decimals_throughout_are_asked_about_and_each_answer_is_right(tmp_path, texts, first, second):
    invoices(tmp_path, *texts)
    [asked] = faults(tmp_path, invoices={"file": "invoices.csv"})
    one, other = map(yaml.safe_load, READS.findall(asked))
    assert (amounts(tmp_path, one), amounts(tmp_path, other)) == (first, second)


def test_a_number_that_a_query_would_cast_for_another_is_asked_about(tmp_path):
    invoices(tmp_path, "1.250", "10.000")
    query = "select * replace (cast(amount as double) as amount) from read_csv('invoices.csv')"
    [asked] = faults(tmp_path, invoices=query)
    assert asked.startswith("tables.invoices: amount: '1.250' is 1.25 with decimal: \".\" and 1250 with decimal:")
    found = known(tmp_path, yaml.safe_load(READS.findall(asked)[1]), invoices=query)
    assert found.frame("invoices", "invoice_line_id")["amount"].tolist() == [1250, 10_000]


def test_what_is_no_number_is_told_with_how_many(tmp_path):
    invoices(tmp_path, "12", "twelve", "13")
    [asked] = faults(tmp_path, invoices={"file": "invoices.csv"})
    assert asked.startswith("tables.invoices: amount: 'twelve' is not a number (1 of 3 values); correct the file, or")


@pytest.mark.parametrize("reads", [{"decimal": ","}, {"thousands": "."}])
def test_what_the_source_says_already_is_not_proposed_again(tmp_path, reads):
    invoices(tmp_path, "100.50")
    [asked] = faults(tmp_path, reads, invoices={"file": "invoices.csv"})
    assert asked.endswith(
        "amount: '100.50' is not a number (1 of 1 values); correct the file, or say otherwise under this table, "
        'such as reads: {decimal: "."}'
    )
    assert amounts(tmp_path, yaml.safe_load(READS.findall(asked)[0])) == [100.5]
    deals(tmp_path, "31.31.2026")
    [asked] = faults(tmp_path, {"dates": "dmy"}, deals={"file": "deals.csv"})
    assert asked.endswith("correct the file, or say otherwise than dates: dmy under this table")


# days -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["2026-01-05", "2026/1/6"], ["2026-01-05", "2026-01-06"]),
        (["20260105"], ["2026-01-05"]),
        (["05.01.2026", "6.1.26"], ["2026-01-05", "2026-01-06"]),  # with dots the day comes first
        (["1/31/2026", "2/1/2026"], ["2026-01-31", "2026-02-01"]),
        (["31/1/2026 14:30", "1/2/2026 02:30 PM"], ["2026-01-31", "2026-02-01"]),
        (["5/5/2025"], ["2025-05-05"]),  # the same in both
        (["2026-01-05T23:30:00Z"], ["2026-01-06"]),  # an hour later in Berlin
        (["2026-01-05T23:30:00.000+0000", "2026-01-05 23:30:00-01:00"], ["2026-01-06", "2026-01-06"]),
        (["2026-01-05 23:30:00 +0000", "2026-01-05 22:30:00 -05"], ["2026-01-06", "2026-01-06"]),
        (["31/1/26", "1/2/26"], ["2026-01-31", "2026-02-01"]),  # a year of one digit is none
        (["2026-01-05", "2026-01-06 10:00"], ["2026-01-05", "2026-01-06"]),
        (["1. März 2026", "02. Feb. 2026 10:00"], ["2026-02-02", "2026-03-01"]),
        (["1er mars 2026", "14 févr. 2026"], ["2026-02-14", "2026-03-01"]),
        (["1 de marzo de 2026", "2 feb 2026"], ["2026-02-02", "2026-03-01"]),
        (["1 марта 2026 г."], ["2026-03-01"]),
    ],
)
def test_days_are_read_in_the_only_reading_that_fits(tmp_path, texts, days):
    deals(tmp_path, *texts)
    assert created(tmp_path) == days


def test_no_language_calls_a_month_as_another_language_calls_another():
    meant = {}
    for language in LANGUAGES:
        for month in range(1, 13):
            for form in ("MMMM", "MMM"):
                name = format_date(date(2026, month, 1), form, language).rstrip(".").lower()
                assert meant.setdefault(name, month) == month


def test_a_month_of_another_language_is_told_and_right_as_the_advice_says(tmp_path):
    deals(tmp_path, "1. maaliskuuta 2026")
    [asked] = faults(tmp_path, deals={"file": "deals.csv"})
    assert asked.endswith("correct the file: write days with numbers, such as 2026-03-01")
    deals(tmp_path, "2026-03-01")
    assert created(tmp_path) == ["2026-03-01"]


@pytest.mark.parametrize(
    ("texts", "line", "days"),
    [
        (["46027", "46028.5"], "{dates: spreadsheet}", ["2026-01-05", "2026-01-06"]),
        (["5-Jan-2026"], '{dates: "%d-%b-%Y"}', ["2026-01-05"]),
        (["5-Jan-26", "6-Feb-26"], '{dates: "%d-%b-%y"}', ["2026-01-05", "2026-02-06"]),
        (["2026-01", "2026-02"], '{dates: "%Y-%m"}', ["2026-01-01", "2026-02-01"]),
        (["05-Jan-2026 10:00"], '{dates: "%d-%b-%Y %H:%M"}', ["2026-01-05"]),  # as Chargebee has them
    ],
)
def test_other_forms_of_days_are_proposed_and_right_once_written(tmp_path, texts, line, days):
    deals(tmp_path, *texts)
    [asked] = faults(tmp_path, deals={"file": "deals.csv"})
    assert asked.endswith(f"if so, write reads: {line}")
    assert created(tmp_path, yaml.safe_load(line)) == days


@pytest.mark.parametrize(
    ("first", "second", "line", "days"),
    [
        ("26-01-05", "26-02-06", '{dates: "%y-%m-%d"}', ["2026-01-05", "2026-02-06"]),
        ("26/01/05", "26/02/06", '{dates: "%y/%m/%d"}', ["2026-01-05", "2026-02-06"]),
        ("26-01-05 10:00", "26-02-06 00:00", '{dates: "%y-%m-%d %H:%M"}', ["2026-01-05", "2026-02-06"]),
        ("31/01/26", "05/02/26", "{dates: dmy}", ["2026-01-31", "2026-02-05"]),  # or 26 January 2031
    ],
)
@pytest.mark.parametrize(
    "given", [{"file": "deals.csv"}, "select deal_id, cast(created_at as timestamp) as created_at from 'deals.csv'"]
)
def test_a_year_of_two_digits_may_be_a_day_and_is_asked_about(tmp_path, first, second, line, days, given):
    deals(tmp_path, first, second)
    [asked] = faults(tmp_path, deals=given)
    assert line in READS.findall(asked)
    found = known(tmp_path, yaml.safe_load(line), deals=given)
    assert [day for (day,) in sorted(found.rows("deals", "created_at"))] == [day for day in days if day < "2026-04-01"]


@pytest.mark.parametrize(("unit", "of_a_second"), [("seconds", 1), ("milliseconds", 1e3), ("microseconds", 1e6)])
def test_a_number_since_1970_is_told_and_right_with_the_query_that_is_proposed(tmp_path, unit, of_a_second):
    at = (date(2026, 1, 5) - date(1970, 1, 1)).days * 86_400 + 23 * 3600
    deals(tmp_path, f"{at * of_a_second:.0f}")
    [asked] = faults(tmp_path, deals={"file": "deals.csv"})
    [proposed] = re.findall(f"if it is {unit} since 1970, write (.*) in a query", asked)
    found = known(tmp_path, deals=f"select deal_id, {proposed} from 'deals.csv'").frame("deals", "deal_id")
    assert list(found.created_at.dt.strftime("%Y-%m-%d %H")) == ["2026-01-05 23"]  # in UTC


def test_a_form_of_ones_own(tmp_path):
    deals(tmp_path, "2026_01_05")
    assert created(tmp_path, {"dates": "%Y_%m_%d"}) == ["2026-01-05"]


def test_iso_is_read_whatever_else_is_said_of_the_source(tmp_path):
    deals(tmp_path, "2026-01-05")
    assert created(tmp_path, {"dates": "dmy"}) == ["2026-01-05"]


def test_times_need_a_zone(tmp_path):
    deals(tmp_path, "2026-01-05 10:00")
    with pytest.raises(
        KitError, match="created_at: it has times without a time zone; say which it is in with timezone"
    ):
        known(tmp_path, timezone=None, deals={"file": "deals.csv"})


@pytest.mark.parametrize(
    ("ended", "day"),
    [
        ("2026-02-28 23:30:00", "2026-03-01"),  # UTC, half past midnight in Berlin
        ("2026-02-28 00:00:00", "2026-02-28"),  # a day, as a data frame writes it
    ],
)
def test_times_in_a_column_of_days(tmp_path, ended, day):
    (tmp_path / "m.csv").write_text(f"customer_id,stage,started_on,ended_on\nC,a,2026-01-01,{ended}\n")
    for given in ({"file": "m.csv"}, "from read_csv('m.csv')"):
        found = known(tmp_path, timezone="UTC", milestones=given)
        assert found.rows("milestones", "ended_on") == [(day,)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_days_that_are_midnights_in_utc_are_asked_about_west_of_it_and_each_answer_is_right(tmp_path, kind):
    (tmp_path / "m.csv").write_text("customer_id,stage,started_on\nC,a,2026-02-01T00:00:00.000Z\n")
    if kind == "parquet":
        duckdb.sql(
            f"copy (select * replace (cast(started_on as timestamptz) as started_on) from '{tmp_path}/m.csv') "
            f"to '{tmp_path}/m.parquet'"
        )
    file = f"m.{kind}"
    assert known(tmp_path, milestones={"file": file}).rows("milestones", "started_on") == [("2026-02-01",)]  # Berlin
    west = Calendar("America/New_York").period("2026Q1")
    found = source(tmp_path, milestones={"file": file})
    with pytest.raises(KitError, match="midnight in UTC, such as that of 1 February 2026, which is still 31 January"):
        prepare(found, west, currency="EUR", folder=tmp_path / "prepared")
    with pytest.raises(KitError) as caught:
        prepare(found, west, currency="EUR", folder=tmp_path / "prepared")
    ways = re.findall(r"cast\(.*? as date\)", str(caught.value))
    for way, day in zip(ways, ("2026-02-01", "2026-01-31"), strict=True):
        query = source(tmp_path, milestones=f"select * replace ({way} as started_on) from '{file}'")
        again = prepare(query, west, currency="EUR", folder=tmp_path / "prepared")
        assert Known(again, west.as_of_on).rows("milestones", "started_on") == [(day,)]


# ends -----------------------------------------------------------------------------------------------------------------

ENDS = {
    "subscriptions": "subscription_id,customer_id,start_on,end_on,mrr\nS1,C,2025-01-01,2025-06-30,1\n"
    "S2,C,2025-07-01,2025-12-31,1\nS3,C,2026-01-01,,1\n",
    "entitlements": "customer_id,meter,limit_qty,start_on,end_on,reset\nC,a,1,2025-01-01,2025-06-30,none\n"
    "C,a,1,2025-07-01,2025-12-31,none\nC,a,1,2026-01-01,,none\n",
    "milestones": "customer_id,stage,started_on,ended_on\nC,a,2025-01-01,2025-06-30\nC,b,2025-07-01,2025-12-31\n"
    "C,c,2026-01-01,\n",
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_on_the_eve_are_asked_about_in_every_table_that_has_ends(tmp_path, name):
    (tmp_path / "x.csv").write_text(ENDS[name])
    [asked] = faults(tmp_path, **{name: {"file": "x.csv"}})
    assert "2 rows end on the day before the same customer's next one begins (C: 2025-06-30, then 2025-07-01)" in asked
    end = asked.split(": ")[1]
    inclusive, exclusive = map(yaml.safe_load, READS.findall(asked))
    for reads, day in ((inclusive, "2025-07-01"), (exclusive, "2025-06-30")):
        found = known(tmp_path, reads, **{name: {"file": "x.csv"}}).prepared.connect()
        assert str(found.execute(f"select min({end}) from '{name}.parquet'").fetchall()[0][0]) == day


def test_ends_on_the_day_of_the_next_begin_are_exclusive(tmp_path):
    text = ENDS["subscriptions"].replace("2025-06-30", "2025-07-01")
    (tmp_path / "x.csv").write_text(text)
    assert known(tmp_path, subscriptions={"file": "x.csv"}).prepared.report["tables"]["subscriptions"]["clean"] == 3


# ids ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"file": "users.csv"}, "from read_csv('users.csv')", "from 'users.csv'"])
def test_ids_are_text_as_they_stand(tmp_path, given):
    ids = ["00123", "123", "1E5", "100000", "1.10", "1.1", "12345678901234567890", "true"]
    (tmp_path / "users.csv").write_text("user_id,customer_id\n" + "".join(f"{each},C\n" for each in ids))
    found = known(tmp_path, users=given)
    assert sorted(found.frame("users")["user_id"]) == sorted(ids)


def test_ids_that_the_engine_would_guess_are_refused_and_right_as_text(tmp_path):
    (tmp_path / "users.csv").write_text("user_id,customer_id,persona\n00123,7,a\n")
    query = "from read_csv('users.csv', types = {'persona': 'varchar'})"
    [asked] = faults(tmp_path, users=query)
    assert asked.startswith(
        "tables.users: customer_id is bigint, must be str; write all_varchar = true in its read_csv(…)"
    )
    found = known(tmp_path, users="from read_csv('users.csv', all_varchar = true)")
    assert found.rows("users", "user_id", "customer_id") == [("00123", "7")]


# kinds of files -------------------------------------------------------------------------------------------------------


def customers(names):
    return pd.DataFrame(
        {
            "Kunde": ["00123", "124"], "Firma": names, "Seit": [date(2025, 1, 31), date(2025, 2, 3)],
            "Segment": ["klein", None],
        }
    )  # fmt: skip


MAPPED = {"customer_id": "Kunde", "name": "Firma", "signed_up_on": "Seit", "segment": "Segment"}


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("a.csv", "utf-8"), ("a.csv", "utf-8-sig"), ("a.csv", "utf-16"), ("a.csv", "cp1252"), ("a.csv", "mac_roman"),
        ("a.tsv", "utf-8"), ("a.csv.gz", "utf-8"), ("a.csv.gz", "cp1252"), ("a.xlsx", ""), ("a.parquet", ""),
        ("a.jsonl", ""),
    ],
)  # fmt: skip
def test_the_same_rows_from_every_kind_of_file(tmp_path, name, encoding):
    frame = customers(["Müller & Söhne", 'O"Hara, Ltd'])
    text = frame.to_csv(index=False, sep="\t" if "tsv" in name else ";").encode(encoding or "utf-8")
    if name == "a.xlsx":
        frame.to_excel(tmp_path / name, index=False)
    elif name == "a.parquet":
        frame.to_parquet(tmp_path / name)
    elif name == "a.jsonl":
        frame.assign(Seit=frame["Seit"].astype(str)).to_json(tmp_path / name, orient="records", lines=True)
    else:
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    reads = {"encoding": encoding} if encoding in ("utf-16", "cp1252", "mac_roman") else {}
    if reads:
        [asked] = faults(tmp_path, customers={"file": name, "columns": MAPPED})
        assert "is not UTF-8; in " in asked
        assert encoding == "mac_roman" or yaml.safe_load(READS.findall(asked)[0]) == reads
    found = known(tmp_path, reads, customers={"file": name, "columns": MAPPED})
    assert found.rows("customers", *MAPPED) == [
        ("00123", "Müller & Söhne", "2025-01-31", "klein"), ("124", 'O"Hara, Ltd', "2025-02-03", None),
    ]  # fmt: skip


def test_a_name_that_stands_more_often_in_one_file_is_read_only_where_it_has_one_place_in_all(tmp_path):
    def saved(name, sprints):
        cells = "".join(f",S{i}" for i in range(sprints))
        text = f"deal_id,created_at{',Sprint' * sprints},owner\n{name},2026-01-05{cells},Ann\n"
        (tmp_path / f"deals_{name}.csv").write_text(text)

    saved("A", 1)
    saved("B", 3)
    assert sorted(known(tmp_path, deals={"file": "deals_*.csv"}).rows("deals", "deal_id", "owner")) == [
        ("A", "Ann"), ("B", "Ann"),
    ]  # fmt: skip
    for column in ("Sprint", "Sprint (column 3)"):  # A has the one, B has the other
        [told] = faults(tmp_path, deals={"file": "deals_*.csv", "columns": {"product": column}})
        assert "'Sprint' is a different number of times in the headers of the files" in told
    saved("A", 2)
    [told] = faults(tmp_path, deals={"file": "deals_*.csv", "columns": {"product": "Sprint"}})
    assert told.endswith("name the one that is meant: 'Sprint (column 3)' or 'Sprint (column 4)'")  # not the fifth
    found = known(tmp_path, deals={"file": "deals_*.csv", "columns": {"product": "Sprint (column 4)"}})
    assert sorted(found.rows("deals", "deal_id", "product")) == [("A", "S1"), ("B", "S1")]


def test_a_type_of_a_files_own_is_told_with_the_column_of_the_file_and_right_in_the_query_that_is_proposed(tmp_path):
    # a data frame with a missing number holds all of them as fractions
    pd.DataFrame({"Nr": [7.0, None], "Tag": [date(2026, 1, 5)] * 2, "id": ["D1", "D2"]}).to_parquet(
        tmp_path / "d.parquet"
    )
    columns = {"deal_id": "id", "created_at": "Tag", "owner": "Nr"}
    [asked] = faults(tmp_path, deals={"file": "d.parquet", "columns": columns})
    assert asked == (
        "tables.deals: owner is double, must be str; write cast(cast(Nr as bigint) as varchar) as owner in a query in "
        "place of file"
    )
    way = re.search(r"cast\(cast.*as owner", asked)[0]
    found = known(tmp_path, deals=f"select id as deal_id, Tag as created_at, {way} from 'd.parquet'")
    assert found.rows("deals", "deal_id", "owner") == [("D1", "7"), ("D2", None)]


@pytest.mark.parametrize("value", ["[1.5]", "{'v': 1.5}"])
def test_values_that_have_parts_are_told(tmp_path, value):
    duckdb.sql(f"copy (select 'D' as deal_id, date '2026-01-05' as created_at, {value} as amount) "
               f"to '{tmp_path}/d.parquet'")  # fmt: skip
    [asked] = faults(tmp_path, deals={"file": "d.parquet"})
    assert asked.endswith("must be dec; write a query that takes out of it what is meant")


def test_ids_with_a_point_are_not_rounded(tmp_path):
    (tmp_path / "k.csv").write_text("Konto,Firma,Seit\n4711.1,Aye,2025-01-01\n4711.10,Bee,2025-01-01\n")
    columns = "select Konto as customer_id, Firma as name, Seit as signed_up_on from "
    [asked] = faults(tmp_path, customers=f"{columns}'k.csv'")
    assert "write all_varchar = true in its read_csv(…)" in asked
    found = known(tmp_path, customers=f"{columns}read_csv('k.csv', all_varchar = true)")
    assert found.rows("customers", "customer_id", "name") == [("4711.1", "Aye"), ("4711.10", "Bee")]


COLUMNS = re.compile(r"columns: (\{.*?\})")


def test_columns_that_a_file_calls_otherwise_are_told_with_the_line_that_maps_them(tmp_path):
    (tmp_path / "abo.csv").write_text(
        "Vertrag,Kunden-Nr.,Beginn,Vertragsende,Monatspreis,Währung\nS1,C1,2025-01-10,2025-08-01,200,EUR\n"
    )
    asked = faults(tmp_path, subscriptions={"file": "abo.csv"})
    assert len(asked) == 5  # three columns, the end and the price
    lines = [yaml.safe_load(line) for fault in asked for line in COLUMNS.findall(fault)]
    mapped = {name: theirs for line in lines for name, theirs in line.items()}
    found = known(tmp_path, subscriptions={"file": "abo.csv", "columns": mapped})
    assert found.rows("subscriptions", *mapped) == [("S1", "C1", "2025-01-10", "2025-08-01", 200)]
    told = "abo.csv has a column 'Währung' that is not read; if it is currency, write columns: {currency: Währung}"
    assert told in found.prepared.report["tables"]["subscriptions"]["warnings"]


def test_an_end_that_is_not_read_is_no_open_end(tmp_path):
    text = "subscription_id,customer_id,start_on,end_date,mrr\nS1,C1,2025-01-10,2025-08-01,200\n"
    (tmp_path / "a.csv").write_text(text)
    [asked] = faults(tmp_path, subscriptions={"file": "a.csv"})
    assert "a.csv has a column 'end_date' that is not read, so that nothing would end" in asked
    mapped = yaml.safe_load(COLUMNS.findall(asked)[0])
    found = known(tmp_path, subscriptions={"file": "a.csv", "columns": mapped})
    assert found.rows("subscriptions", "end_on") == [("2025-08-01",)]


def test_what_a_file_has_is_told_where_nothing_in_it_is_like_a_column(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,deal_id\n1,2,3\n")
    assert faults(tmp_path, deals={"file": "a.csv"}) == [
        "tables.deals: created_at is missing; a.csv has a, b beside deal_id"
    ]


def test_several_files_by_a_pattern_must_have_the_same_header(tmp_path):
    invoices(tmp_path, "1", name="invoices_1.csv")
    invoices(tmp_path, "2", name="invoices_2.csv")
    (tmp_path / "invoices_2.csv").write_text((tmp_path / "invoices_2.csv").read_text().replace("I0", "J"))
    assert sorted(amounts(tmp_path, file="invoices_*.csv")) == [1, 2]
    (tmp_path / "invoices_3.csv").write_text("invoice,customer_id\n")
    [asked] = faults(tmp_path, invoices={"file": "invoices_*.csv"})
    assert "invoices_3.csv and invoices_1.csv have different columns" in asked


def test_cells_of_a_spreadsheet_have_their_types_and_texts_among_them_are_read(tmp_path):
    sheet = pd.DataFrame(
        {
            "deal_id": [123, "A7"], "created_at": [datetime(2026, 1, 5), datetime(2026, 1, 6, 15, 30)],
            "amount": [1.25, 1000], "options_offered": [3.0, 4.0], "owner": [True, "x"], "closed_at": ["", "7.1.2026"],
        }
    )  # fmt: skip
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        pd.DataFrame({"note": ["of no use"]}).to_excel(book, sheet_name="Notes", index=False)
        sheet.to_excel(book, sheet_name="Deals 2026", index=False, startrow=2)
    [asked] = faults(tmp_path, deals={"file": "a.xlsx"})
    assert asked == (
        "tables.deals: a.xlsx has 2 sheets with cells; write reads: {sheet: Notes} or reads: {sheet: Deals 2026}"
    )
    found = known(tmp_path, yaml.safe_load(READS.findall(asked)[1]), deals={"file": "a.xlsx"})
    columns = ("deal_id", "created_at", "amount", "options_offered", "closed_at")
    assert found.rows("deals", *columns) == [
        ("123", "2026-01-05", 1.25, 3, None), ("A7", "2026-01-06", 1000.0, 4, "2026-01-07"),
    ]  # fmt: skip


def test_a_file_that_is_not_a_spreadsheet_is_told_so(tmp_path):
    (tmp_path / "a.xlsx").write_text("no")
    assert faults(tmp_path, deals={"file": "a.xlsx"}) == [
        "tables.deals: a.xlsx cannot be read as a spreadsheet; save it anew, or as CSV"
    ]


# headers, footers, lines ----------------------------------------------------------------------------------------------


def test_a_header_below_a_title_is_proposed_and_right_once_written(tmp_path):
    invoices(tmp_path, "1", head="Invoices of 2026\nfor us\n\n" + MONEY)
    [asked] = faults(tmp_path, invoices={"file": "invoices.csv"})
    assert "line 1 is no header; line 4 looks like one (invoice_line_id, customer_id, invoiced_on" in asked
    assert amounts(tmp_path, yaml.safe_load(READS.findall(asked)[0])) == [1]


AGAIN = "Deal\tOpened\tLabels\tWorth\tLabels\tWorth\n1\t2026-01-05\ta\t100\tb\t7\n"


def test_a_column_that_stands_again_is_no_matter_where_it_is_not_read(tmp_path):
    (tmp_path / "deals.tsv").write_text(AGAIN)
    columns = {"deal_id": "Deal", "created_at": "Opened"}
    assert known(tmp_path, deals={"file": "deals.tsv", "columns": columns}).rows("deals", "deal_id") == [("1",)]
    query = "select Deal as deal_id, Opened as created_at from 'deals.tsv'"
    assert known(tmp_path, deals=query).rows("deals", "deal_id") == [("1",)]


def test_a_column_that_stands_again_is_asked_about_where_it_is_read_and_each_answer_is_right(tmp_path):
    (tmp_path / "deals.tsv").write_text(AGAIN)
    query = "select Deal as deal_id, Opened as created_at, \"{}\" as amount from 'deals.tsv'"
    columns = {"deal_id": "Deal", "created_at": "Opened"}
    for given in (query.format("worth"), {"file": "deals.tsv", "columns": {**columns, "amount": "Worth"}}):
        [asked] = faults(tmp_path, deals=given)
        assert "the header has 'Worth' 2 times; name the one that is meant: 'Worth (column 4)' or" in asked
    for name, amount in (("Worth (column 4)", 100), ("Worth (column 6)", 7)):
        mapped = {"file": "deals.tsv", "columns": {**columns, "amount": name}}
        for given in (query.format(name), mapped):
            assert known(tmp_path, deals=given).rows("deals", "amount") == [(amount,)]


@pytest.mark.parametrize("given", [{"file": "deals.csv"}, "select * from 'deals.csv'"])
def test_a_canonical_column_that_stands_again_is_asked_about(tmp_path, given):
    (tmp_path / "deals.csv").write_text("deal_id,created_at,amount,Amount,note,note\n1,2026-01-05,100,7,a,b\n")
    [asked] = faults(tmp_path, deals=given)
    assert "the header has 'amount' 2 times; name the one that is meant: 'amount (column 3)' or" in asked


@pytest.mark.parametrize("size", [1, 60_000])
def test_a_footer_is_left_out_and_told(tmp_path, size):
    invoices(tmp_path, *["1"] * size)
    with (tmp_path / "invoices.csv").open("a") as file:
        file.write('\n\n"Our report"\n\n"Confidential, do not share"\n')
    found = known(tmp_path, invoices={"file": "invoices.csv"}).prepared.report["tables"]["invoices"]
    assert found["read"] == size
    assert (
        "the end of invoices.csv is a report's footer, and no rows: 'Our report' and 1 more lines" in found["warnings"]
    )


def test_lines_that_end_in_several_ways_and_empty_ones_are_no_matter(tmp_path):
    (tmp_path / "i.csv").write_bytes(MONEY.encode() + b"I0,C,2026-01-05,usage,1\r\n\nI1,C,2026-01-05,usage,2\n")
    assert amounts(tmp_path, file="i.csv") == [1, 2]


@pytest.mark.parametrize("empty", [",,,,\n", ',"",,,\n'])
def test_lines_of_delimiters_alone_are_no_rows(tmp_path, empty):
    line = "I{},C,2026-01-05,usage,{}\n"  # a spreadsheet saves such lines for cells that were once filled
    (tmp_path / "invoices.csv").write_text(MONEY + line.format(0, 5) + empty * 3 + line.format(1, 7) + empty)
    found = known(tmp_path, invoices={"file": "invoices.csv"})
    assert found.frame("invoices", "invoice_line_id")["amount"].tolist() == [5, 7]
    assert found.prepared.report["tables"]["invoices"]["read"] == 2


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_proposed_and_right_once_written(tmp_path, encoding):
    (tmp_path / "invoices.csv").write_bytes((MONEY + "I0,C,2026-01-05,usage,5\n").encode(encoding))
    [asked] = faults(tmp_path, invoices={"file": "invoices.csv"})
    assert f"invoices.csv is not UTF-8; in {encoding} it says 'invoice_line_id" in asked
    assert amounts(tmp_path, yaml.safe_load(READS.findall(asked)[0])) == [5]


def test_a_file_that_is_no_text_is_told_so(tmp_path):
    for name, begin in (("a.csv", b"PK\x03\x04"), ("a.zip", b"PK\x03\x04"), ("a.txt", b"PAR1")):
        (tmp_path / name).write_bytes(begin + bytes(range(256)))
        [told] = faults(tmp_path, deals={"file": name})
        assert f"{name} is no text, but a packed file or one of another kind; unpack it" in told


def test_a_line_with_too_many_fields_is_told(tmp_path):
    invoices(tmp_path, "1", "2,3")
    [asked] = faults(tmp_path, invoices={"file": "invoices.csv"})
    assert asked == (
        "tables.invoices: invoices.csv: line 3 has 6 fields, the header 5; correct that line: a ',' inside a text must "
        "stand between quotes"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"file": "invoice.csv"}, "there is no file 'invoice.csv' in {folder}; did you mean 'invoices.csv'?"),
        ({"file": "invoices.csv", "columns": {"amount": "Betrg"}}, "invoices.csv has no column 'Betrg'; known: amount"),
        ({"file": "../invoices.csv"}, "'../invoices.csv' lies outside of files ({folder})"),
    ],
)
def test_what_is_not_there_is_told(tmp_path, given, words):
    invoices(tmp_path, "1")
    [asked] = faults(tmp_path, invoices=given)
    assert words.format(folder=tmp_path) in asked


def test_faults_of_all_tables_are_told_at_once(tmp_path):
    invoices(tmp_path, "1.250")
    deals(tmp_path, "3/5/2026")
    (tmp_path / "products.csv").write_bytes("product\nMüll\n".encode("cp1252"))
    given = {name: {"file": f"{name}.csv"} for name in ("invoices", "deals", "products", "users")}
    told = faults(tmp_path, **given)
    assert [fault.split(": ")[0] for fault in told] == [
        "tables.invoices", "tables.deals", "tables.products", "tables.users",
    ]  # fmt: skip


def test_a_currency_is_trimmed_and_in_capitals(tmp_path):
    (tmp_path / "i.csv").write_text(MONEY.replace("amount", "amount,currency") + "I0,C,2026-01-05,usage,1, eur \n")
    assert known(tmp_path, invoices={"file": "i.csv"}).rows("invoices", "currency") == [("EUR",)]


def test_of_a_database_only_ends_are_read_by_the_source(tmp_path):
    found = source(tmp_path, {"dates": "dmy", "end_on": "inclusive"}, deals="deals")
    found = found.model_copy(update={"connect": f"sqlite://{tmp_path}/x.sqlite"})
    with pytest.raises(KitError, match="reads: dates is for files; of a database only end_on is read so"):
        prepare(found, PERIOD, currency="EUR", folder=tmp_path / "out")


# ids that lost their zeros --------------------------------------------------------------------------------------------

EVENTS = (
    "user_id,event,occurred_at\n7,login,2026-02-03 10:00\n7,login,2026-02-04 10:00\n123456,login,2026-02-03 10:00\n"
)


def users_and_events(folder, users, events):
    (folder / "customers.csv").write_text("customer_id,name,signed_up_on\nC,C,2026-01-01\n")
    rows = "".join(f"{user},C,2026-01-01\n" for user in users)
    (folder / "users.csv").write_text(f"user_id,customer_id,created_on\n{rows}")
    (folder / "events.csv").write_text(events)


def events_of(folder, query):
    tables = {name: {"file": f"{name}.csv"} for name in ("customers", "users")}
    found = known(folder, **tables, events={"query": query}).prepared.connect()
    days = "select user_id, active_on, left_out from 'events.parquet' order by all"
    return [(user, day.day, left_out) for user, day, left_out in found.execute(days).fetchall()]


def test_ids_of_events_that_lost_their_zeros_are_told_and_right_with_the_query_that_is_proposed(tmp_path):
    users_and_events(tmp_path, ["000007", "123456"], EVENTS)
    with pytest.raises(KitError) as caught:
        events_of(tmp_path, "from 'events.csv'")
    [asked] = [fault.split("source.yml: ", 1)[1] for fault in caught.value.faults]
    assert asked.startswith(
        "tables.events: user_id: '7' is in users only as '000007' (1 such ids); ids are compared as"
    )
    given = re.search(r"case when .* as user_id", asked)[0]
    days = events_of(tmp_path, f"select * replace ({given}) from 'events.csv'")
    assert days == [("000007", 3, None), ("000007", 4, None), ("123456", 3, None)]


@pytest.mark.parametrize(
    ("users", "lost"), [(["007", "0123456"], "123456"), (["0000007", "123456"], "7")]
)  # two that lost theirs, of 3 and 7 signs; and one of 7 beside one of 6 that is right as it stands
def test_ids_of_several_lengths_are_not_filled_up_to_one(tmp_path, users, lost):
    users_and_events(tmp_path, users, EVENTS)
    with pytest.raises(KitError, match=f"not all have 7 signs, so give '{lost}' its zeros where the query of events"):
        events_of(tmp_path, "from 'events.csv'")


def test_ids_of_events_that_are_not_there_at_all_are_left_out(tmp_path):
    users_and_events(tmp_path, ["000008", "123456"], EVENTS)
    left_out = "user_id not in users"
    assert events_of(tmp_path, "from 'events.csv'") == [("123456", 3, None), ("7", 3, left_out), ("7", 4, left_out)]


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0\t", "N/A", " none ", "\ufeffNull", "\\N", "#REF!", "--", "keine", " Äh"]
)
@pytest.mark.parametrize("empty", [None, (), ("keine", "Äh")])
def test_a_column_is_read_as_it_stands_only_where_no_text_in_it_may_be_for_nothing(text, empty):
    reads, bare = Reads(empty=empty), text.strip(SPACES)
    engine = duckdb.connect()
    engine.execute("create table given as select unnest(['N1', 'nobody', ?, null, '-1']) as name", [text])

    def ask(expressions):
        return engine.execute(f"select {', '.join(expressions)} from given").fetchone()

    for_nothing = not bare or bare.lower() in WORDS or bare in (empty or ())
    assert never_empty(ask, ["name"], reads) == (set() if for_nothing else {"name"})
