"""A redacted folder holds nothing of what an audience must not see, and all else as it was."""

import json
import re
from datetime import date
from functools import partial
from itertools import combinations

import duckdb
import pandas as pd
import pytest

from helpers.data.canonical_tables import HELD
from helpers.data.prepare import prepare
from helpers.data.prepared import Prepared
from helpers.data.pseudonyms import LONG, SHORT, VARIABLE, codes, pseudonym_key
from helpers.data.redaction import DESCRIBING, Redaction, hide_fault, row_filter
from helpers.data.small_groups import GROUPS, merged, sizes, stand_together
from helpers.errors import KitError
from helpers.kpis.rows import cards_of, run
from helpers.kpis.spine import Spine, periods_of
from helpers.language import retold, speaking
from helpers.notebook_parameters import theme_parameters
from helpers.params import Audience, load_review, load_source
from helpers.review import rules_of
from tests.pack.requests import ROOT

KEY = b"a key that is long enough"
BY_SEGMENT = {"customers.segment": "deals.estimate_requested_at"}
KEYS = ["kpi_id", "segment_by", "segment", "period"]
OWNERS = "select distinct owner from read_parquet('{}/customers.parquet') where owner is not null order by 1"


@pytest.fixture(scope="module")
def review():
    return load_review(ROOT / "params/review.yml")


@pytest.fixture(scope="module")
def prepared_of(company, review, tmp_path_factory):
    """Gives the prepared folder of the sample company for a period, made once."""
    made = {}

    def of(label: str) -> tuple[Prepared, object]:
        if label not in made:
            source = load_source(company)
            period = review.calendar(source).period(label)
            folder = tmp_path_factory.mktemp(label)
            made[label] = prepare(source, period, currency="EUR", folder=folder), period
        return made[label]

    return of


@pytest.fixture
def redacted(prepared_of, tmp_path):
    """Redacts a period's folder for an audience: the folder, and what made it."""

    def of(label: str = "2026Q3", key: bytes = b"", before=None, **audience) -> tuple[Prepared, Redaction]:
        prepared, period = before or prepared_of(label)
        days = [each.measured_on for each in periods_of(period)]
        made = Redaction(
            prepared, Audience(**audience), days, key, {"customers.segment": "deals.estimate_requested_at"}
        )
        return made.write(tmp_path / f"redacted-{label}", period, 4), made

    return of


def rows_of(prepared: Prepared, name: str) -> pd.DataFrame:
    return duckdb.sql(f"select * from read_parquet('{prepared.folder}/{name}.parquet')").df()


def texts_in(prepared: Prepared) -> set[str]:
    """Every text in every table, and the record beside them."""
    found = {prepared.folder.joinpath("prepared.json").read_text()}
    for name in prepared.held:
        texts = rows_of(prepared, name).select_dtypes("str")
        found |= {value for column in texts for value in texts[column].dropna()}
    return found


def figures_of(prepared: Prepared, period, review, themes=("recurring_revenue",)) -> pd.DataFrame:
    spine = Spine(prepared, period, rules_of(review), review=review)
    rows = [row for theme in themes for card in cards_of(theme) for row in run(card, spine)]
    return pd.DataFrame(
        [(r.kpi_id, r.segment_by, r.segment, r.period.label, r.value, r.status) for r in rows],
        columns=[*KEYS, "value", "status"],
    )


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_hidden_column_is_not_provided_and_empty(redacted):
    found, _ = redacted(hide=["customers.owner", "subscriptions.plan"])
    assert not found.provides("customers.owner")
    assert not found.provides("subscriptions.plan")
    assert rows_of(found, "customers")["owner"].isna().all()
    assert rows_of(found, "subscriptions")["plan"].isna().all()
    assert rows_of(found, "customers")["segment"].notna().any()


def test_who_is_hidden_in_one_column_is_shown_in_no_other(redacted, company):
    """Owners of customers own deals too."""
    found, made = redacted(hide=["customers.owner"])
    owners = {name for (name,) in duckdb.sql(OWNERS.format(company.parent / "data")).fetchall()}
    assert not {owner for owner in owners for text in texts_in(found) if owner in text}
    assert "Owner of deals" in " ".join(made.told)
    assert owners <= made.words.keys()


def test_a_hidden_table_is_not_there(redacted):
    found, _ = redacted(hide=["tickets"])
    assert not found.provides("tickets")
    assert not (found.folder / "tickets.parquet").exists()
    assert "tickets" in found.report["not_provided"]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("custmers", "did you mean 'customers'"),
        ("customers.ownr", "did you mean 'owner'"),
        ("customers.name", "write customers: pseudonyms"),
        ("customers", "hide its columns"),
        ("subscriptions.mrr", "hide the table subscriptions"),
        ("subscriptions.end_on", "hide the table subscriptions"),
        ("invoices.currency", "hide the table invoices"),
        ("customers.product_type", "hide the table customers"),
    ],
)
def test_what_decides_figures_cannot_be_hidden(what, says):
    assert says in hide_fault(what)


ALL = [f"{table}.{column}" for table, columns in DESCRIBING.items() for column in columns]


@pytest.mark.slow
@pytest.mark.parametrize(
    "hide",
    [ALL, ["customers.segment"], ["spend.segment"], ["deals.source"]],
    ids=["all", "segments", "spend", "sources"],
)
def test_hiding_changes_no_figure(hide, redacted, prepared_of, review):
    """Each figure of every theme stays, or says that it is not provided; segments of what is hidden are gone."""
    prepared, period = prepared_of("2026Q3")
    found, _ = redacted(hide=hide)
    given = theme_parameters(review.themes, ROOT / "notebooks", file=review.path)
    settled = review.model_copy(update={"themes": {**given.asked, **given.others}})
    themes = [theme for theme in review.themes if theme != "kpi_experiments"]
    before, after = (figures_of(each, period, settled, themes).set_index(KEYS) for each in (prepared, found))
    told = after[after["status"] != "not_provided"]
    assert len(told) > 1400
    assert "customers.segment" not in hide or "turbo_estimate" not in told.index  # its promise differs by segment
    pd.testing.assert_frame_equal(told, before.loc[told.index], rtol=1e-12)


# --- names ------------------------------------------------------------------------------------------------------------


def test_no_name_and_no_id_is_left(redacted, prepared_of):
    prepared, _ = prepared_of("2026Q3")
    found, _ = redacted(key=KEY, customers="pseudonyms")
    hidden = set()
    for name in prepared.held:
        rows = rows_of(prepared, name)
        columns = [c for c in rows if c.endswith("_id") and c not in ("experiment_id", "line_id")]
        hidden |= {value for c in [*columns, *({"name", "contact_email"} & set(rows))] for value in rows[c].dropna()}
    assert len(hidden) > 1000
    shown = texts_in(found)
    assert not hidden & shown
    record = (found.folder / "prepared.json").read_text()
    assert not [each for each in hidden if re.search(rf"\b{re.escape(each)}\b", record)]
    names = rows_of(found, "customers")["name"]
    assert names.str.fullmatch(r"Customer [A-Z][A-Z2-9]{3,}").all()
    assert names.nunique() == rows_of(prepared, "customers")["customer_id"].nunique()


def test_rows_belong_to_whom_they_belonged(redacted, prepared_of):
    """Each customer has as many rows of each kind as before, and as much money."""
    prepared, _ = prepared_of("2026Q3")
    found, made = redacted(key=KEY, customers="pseudonyms")
    for name in ("subscriptions", "users", "events", "tickets", "deals", "invoices"):
        before, after = (rows_of(each, name).groupby("customer_id").size() for each in (prepared, found))
        assert after.to_dict() == {made.code(customer): n for customer, n in before.items()}, name
    linked = [
        len(set(rows_of(each, "stage_history")["record_id"]) & set(rows_of(each, "deals")["deal_id"]))
        for each in (prepared, found)
    ]
    assert linked[0] == linked[1] > 100


@pytest.mark.slow
def test_figures_are_the_same_under_pseudonyms(redacted, prepared_of, review):
    """But for the last digit of a sum, which depends on the order of what is added up."""
    prepared, period = prepared_of("2026Q3")
    found, _ = redacted(key=KEY, customers="pseudonyms")
    before, after = (figures_of(each, period, review).set_index(KEYS).sort_index() for each in (prepared, found))
    pd.testing.assert_frame_equal(after, before, rtol=1e-12)


@pytest.mark.slow
def test_a_customer_has_one_pseudonym_in_every_period(redacted):
    _, now = redacted("2026Q3", key=KEY, customers="pseudonyms")
    _, then = redacted("2025Q4", key=KEY, customers="pseudonyms", hide=["customers.owner"])
    customers = duckdb.sql("select distinct customer_id from all_customers", connection=then._engine).fetchall()
    assert len(customers) > 30
    assert [then.code(each) for (each,) in customers] == [now.code(each) for (each,) in customers]


def test_another_key_gives_other_pseudonyms():
    ids = [f"C-{n}" for n in range(1000)]
    one, other = (codes(key, ids, SHORT) for key in (KEY, b"another key, long enough"))
    assert len([each for each in ids if one[each] == other[each]]) < 5
    assert not any(each in code for each, code in one.items())


def test_codes_never_meet_and_new_customers_change_none():
    """Of 20,000 customers many would share four signs."""
    ids = [f"C-{n}" for n in range(20_000)]
    found = codes(KEY, ids, SHORT)
    assert len(set(found.values())) == len(ids)
    assert any(len(code) > SHORT for code in found.values())
    assert codes(KEY, ids[:9_000], SHORT).items() <= found.items()
    others = codes(KEY, [f"D-{n}" for n in range(1000)], LONG, found.values())
    assert not set(others.values()) & set(found.values())


@pytest.mark.parametrize("key", ["", "too short"])
def test_without_a_key_there_are_no_pseudonyms(key, monkeypatch):
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(KitError, match=r"KPI_REVIEW_PSEUDONYM_KEY.*secrets\.token_hex") as told:
        pseudonym_key()
    made = {}
    exec(re.search(r'python -c "(.*)"', str(told.value))[1].replace("print(", "made.update(key="), {"made": made})
    monkeypatch.setenv(VARIABLE, made["key"])
    assert pseudonym_key() == made["key"].encode()


def test_a_name_in_another_column_takes_the_column_out(redacted, prepared_of, tmp_path):
    prepared, period = prepared_of("2026Q3")
    name = rows_of(prepared, "customers")["name"].iloc[5]
    changed = changed_copy(prepared, tmp_path / "named", "tickets", f"channel: 'Call of {name.upper()}.'")
    found, made = redacted(key=KEY, customers="pseudonyms", before=(changed, period))
    assert not found.provides("tickets.channel")
    assert rows_of(found, "tickets")["channel"].isna().all()
    assert "Channel of tickets" in " ".join(made.told)
    assert not made._holds_word("customers", "segment")
    changed = changed_copy(prepared, tmp_path / "required", "events", f"event: 'opened {name}'")
    with pytest.raises(KitError, match=r"events\.event.*hide the table events"):
        redacted(key=KEY, customers="pseudonyms", before=(changed, period))


def changed_copy(prepared: Prepared, folder, table: str, change: str) -> Prepared:
    """A copy of a prepared folder in which a column of a table says something else."""
    column, _, value = change.partition(": ")
    folder.mkdir()
    for file in prepared.folder.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / f"{table}.parquet").unlink()
    value = value[0] + value[1:-1].replace("'", "''") + value[-1] if value.startswith("'") else value
    rows = f"select * replace ({value} as {column}) from read_parquet('{prepared.folder}/{table}.parquet')"
    duckdb.sql(f"copy ({rows}) to '{folder}/{table}.parquet' (format parquet)")
    record = json.loads((prepared.folder / "prepared.json").read_text())
    return Prepared(folder, record)


@pytest.mark.parametrize(
    ("name", "value"), [("東京電力", "新東京電力の件"), ("Åse Öl", "an åse öl."), ("Ōsumi", "ŌSUMI!")]
)
def test_names_of_any_script_are_found(name, value, redacted, prepared_of, tmp_path):
    prepared, period = prepared_of("2026Q3")
    named = changed_copy(prepared, tmp_path / "named", "customers", f"name: '{name}'")
    record = json.loads((prepared.folder / "prepared.json").read_text())
    both = Prepared(changed_copy(named, tmp_path / "both", "tickets", f"channel: '{value}'").folder, record)
    found, _ = redacted(key=KEY, customers="pseudonyms", before=(both, period))
    assert not found.provides("tickets.channel")
    assert found.provides("customers.segment")


# --- rows -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_row_filter_is_as_if_the_source_had_those_rows_alone(redacted, company, prepared_of, review, tmp_path):
    """Compared with a source whose own queries leave out every other customer. Who was
    merged goes with whom it became.
    """
    prepared, period = prepared_of("2026Q3")
    data = company.parent / "data"
    owner = duckdb.sql(OWNERS.format(data)).fetchall()[0][0]
    found, made = redacted(rows=f"owner = '{owner}'")
    own = (
        "(select c.customer_id from read_parquet('customers.parquet') c "
        "left join read_parquet('customers.parquet') m on m.customer_id = c.merged_into "
        f"where coalesce(m.owner, c.owner) = '{owner}')"
    )
    (tmp_path / "part.yml").write_text(f"""
name: Part
connect: duckdb://
files: {data.resolve()}
timezone: Europe/Berlin
currency: EUR
tables:
  customers: select * from read_parquet('customers.parquet') where customer_id in {own}
  subscriptions: select * from read_parquet('subscriptions.parquet') where customer_id in {own}
  fx_rates: select * from read_parquet('fx_rates.parquet')
  products: select * from read_parquet('products.parquet')
""")
    part = prepare(load_source(tmp_path / "part.yml"), period, currency="EUR", folder=tmp_path / "part")
    mine, independent = (figures_of(each, period, review).set_index(KEYS) for each in (found, part))
    same = mine.index.intersection(independent[independent["status"] == "ok"].index)
    assert len(same) > 500
    assert {"mrr", "mrr_churn", "nrr", "logo_churn"} <= set(same.get_level_values("kpi_id"))
    pd.testing.assert_frame_equal(mine.loc[same], independent.loc[same], rtol=1e-12)
    assert set(rows_of(found, "customers").query("left_out.isna()")["owner"]) == {owner}
    strangers = set(rows_of(prepared, "customers")["name"]) - set(rows_of(found, "customers")["name"])
    assert len(strangers) > 20
    assert strangers <= made.words.keys()
    assert not strangers & texts_in(found)


def test_what_is_of_no_single_customer_is_left_out_of_chosen_rows(redacted):
    found, made = redacted(rows="segment is not null")
    for name in ("spend", "cash_movements", "deals", "stage_history", "deliveries", "assignments"):
        assert not found.provides(name), name
    for name in ("subscriptions", "users", "events", "tickets", "invoices", "products", "fx_rates"):
        assert found.provides(name), name
    assert "Deals, stage history, spend, cash movements, deliveries, assignments: left out" in " ".join(made.told)


def test_a_filter_may_read_what_is_hidden_and_tells_it_nowhere(redacted, company):
    owner = duckdb.sql(OWNERS.format(company.parent / "data")).fetchall()[0][0]
    found, made = redacted(rows=f"owner = '{owner}'", hide=["customers.owner"], key=KEY, customers="pseudonyms")
    assert len(rows_of(found, "customers"))
    assert not [text for text in (*texts_in(found), *made.told) if owner in text]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ownr = 'x'", "ownr is not a column of customers; did you mean 'owner'"),
        ("owner", "gives varchar, not yes or no"),
        ("owner = 'x", "must be one condition"),
        ("true; drop table customers", "must be one condition"),
        ("true), (false", "must be one condition"),
        ("owner in (select content from read_text('/etc/hostname'))", "reads a file"),
        ("owner in (select column0 from '/etc/hostname.csv')", "reads a file"),
        ("customer_id in (select customer_id from deals)", "must be one condition"),
        ("count(*) > 1", "must be one condition"),
    ],
)
def test_a_row_filter_is_one_condition_over_customers(text, says):
    with pytest.raises(KitError, match=re.escape(says)):
        row_filter(text, HELD["customers"].names)


def test_a_filter_that_holds_for_nobody_or_too_few_is_refused(redacted):
    with pytest.raises(KitError, match="holds for no customer"):
        redacted(rows="owner = 'Nobody'")
    with pytest.raises(KitError, match="holds for 1 customers, must hold for smallest_group, which is 5"):
        redacted(rows="customer_id = 'C-000001'", smallest_group=5)


# --- small groups -----------------------------------------------------------------------------------------------------


@pytest.fixture
def with_a_small_group(prepared_of, tmp_path):
    """The company in which three paying customers are of the segment Public."""
    prepared, period = prepared_of("2026Q3")
    paying = duckdb.sql(
        f"select customer_id from read_parquet('{prepared.folder}/subscriptions.parquet') "
        "where left_out is null and start_on <= date '2024-06-30' and end_on is null group by 1 order by 1 limit 3"
    ).fetchall()
    ids = ", ".join(f"'{each}'" for (each,) in paying)
    change = f"segment: case when customer_id in ({ids}) then 'Public' else segment end"
    changed = changed_copy(prepared, tmp_path / "small", "customers", change)
    return (changed, period), [each for (each,) in paying]


@pytest.mark.slow
def test_a_small_group_is_in_no_figure_and_cannot_be_worked_out(redacted, with_a_small_group, review):
    """An attack: no figure, no total less any of its parts, and no sum of parts is that of the group."""
    (changed, period), _ = with_a_small_group
    hidden = figures_of(changed, period, review)
    is_public = (hidden["segment"] == "Public") & (hidden["kpi_id"].isin(["mrr", "paying_customers"]))
    secrets = hidden[is_public & (hidden["value"] > 0)].set_index(["kpi_id", "period"])["value"]
    assert len(secrets) > 20
    found, made = redacted(before=(changed, period), smallest_group=5)
    shown = figures_of(found, period, review)
    assert "Public" not in set(shown["segment"])
    assert "Public" not in texts_in(found)
    tried = 0
    for (kpi_id, label), secret in secrets.items():
        told = shown[(shown["kpi_id"] == kpi_id) & (shown["period"] == label)]
        total = told.loc[told["segment_by"] == "", "value"].item()
        parts = list(told.loc[told["segment_by"] == "segment", "value"])
        assert sum(parts) == pytest.approx(total)  # parts still add up
        guesses = [sign * sum(some) + base for n in range(len(parts) + 1) for some in combinations(parts, n)
                   for sign, base in ((1, 0), (-1, total))]  # fmt: skip
        tried += len(guesses)
        assert not [guess for guess in guesses if guess == pytest.approx(secret, abs=0.005)], (kpi_id, label)
    assert tried > 100
    assert re.search(r"Segment of customers: 2 of \d+ values stand together", " ".join(made.told))


def test_the_attack_works_where_nothing_is_merged(redacted, with_a_small_group, review):
    """So that the test above can fail."""
    (changed, period), _ = with_a_small_group
    found, _ = redacted(before=(changed, period))
    assert "Public" in set(figures_of(found, period, review)["segment"])


def test_spend_goes_with_the_segment_that_it_was_for(redacted, with_a_small_group):
    (changed, period), _ = with_a_small_group
    found, made = redacted(before=(changed, period), smallest_group=5)
    for column, table in (("segment", "spend"), ("segment", "customers")):
        assert not set(rows_of(found, table)[column]) & set(made._merged["customers", "segment"])
    assert rows_of(found, "spend")["amount"].sum() == pytest.approx(rows_of(changed, "spend")["amount"].sum())


def test_a_group_that_was_small_two_quarters_ago_is_merged():
    assert merged({"A": [50, 40, 40], "B": [20, 6, 3], "C": [30, 30, 30]}, 5) == ["B", "C"]


def test_customers_of_two_small_plans_are_counted_once():
    """Three have both of the old plans, so that these are of three together, and not of six; ten have basic."""
    engine = duckdb.connect()
    old = [(f"C{i}", plan) for i in range(3) for plan in ("Early", "Older")]
    rows = [*old, *((f"C{i}", "Basic") for i in range(3, 13)), *((f"C{i}", "Large") for i in range(13, 40))]
    columns = "customer_id varchar, plan varchar, start_on date, end_on date, left_out varchar"
    engine.execute(f"create table subscriptions ({columns})")
    engine.executemany("insert into subscriptions values (?, ?, date '2026-01-01', null, null)", rows)
    [plans] = [group for group in GROUPS if group.column == "plan"]
    count = partial(sizes, engine, plans, [date(2026, 3, 31)], paying=True)
    assert merged(count(), 5) == ["Early", "Older"]  # as if they were six
    assert count(as_one=["Early", "Older"])["(other)"] == [3, 3]
    assert stand_together(count, 5) == (["Early", "Older", "Basic"], 4)
    assert stand_together(count, 3) == ([], 4)


def test_none_is_a_group_too():
    assert merged({"A": [50], None: [2], "B": [9]}, 5) == [None, "B"]


def test_a_column_of_small_groups_alone_is_hidden(redacted, prepared_of, tmp_path):
    prepared, period = prepared_of("2026Q3")
    changed = changed_copy(prepared, tmp_path / "each", "customers", "country: customer_id")
    found, _ = redacted(before=(changed, period), smallest_group=5)
    assert not found.provides("customers.country")
    assert rows_of(found, "customers")["country"].isna().all()


def test_what_its_readers_are_told_is_said_in_their_language(redacted, with_a_small_group):
    before, _ = with_a_small_group
    _, made = redacted(before=before, smallest_group=5, rows="segment is not null")
    assert len(made.told) > 3
    with speaking("ru"):
        assert [told for told in made.told if not re.match("[А-Я]", retold(told))] == []
