"""Source files for tools that users have: what is written, and the rows it gives, checked by hand and with pandas."""

import csv
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from helpers import cli
from helpers.data.mapping import Exports, Queries, tool, tool_names
from helpers.data.new_source import Place, suggested_period, write_source
from helpers.data.prepare import prepare
from helpers.errors import KitError
from helpers.params import load_source
from helpers.periods import Calendar

ROOT = Path(__file__).parents[3]
EXPORTS = ROOT.parent / "shared/data/connector_exports"
needs_exports = pytest.mark.skipif(not EXPORTS.is_dir(), reason=f"{EXPORTS} is not there")

TEXT = (Path(__file__).with_name("made_up_exports.txt")).read_text(encoding="utf-8")
MADE_UP = dict(re.findall(r"^== (\S+)\n(.+?)(?:\n\n|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def write_exports(folder: Path) -> Path:
    for name, text in MADE_UP.items():
        path = folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([cell.strip() for cell in line.split("|")] for line in text.strip().splitlines())
    return folder


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> Path:
    return write_exports(tmp_path_factory.mktemp("exports"))


def rows_of(written) -> dict[str, pd.DataFrame]:
    """The prepared tables, as known after 2026Q3."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(load_source(written.path), Calendar().period("2026Q3"), currency="USD", folder=Path(folder))
        found = {file.stem: pd.read_parquet(file) for file in Path(folder).glob("*.parquet")}
        return {name: facts[facts.known_until == facts.known_until.max()] for name, facts in found.items()}


@pytest.fixture
def rows(tmp_path):
    """The rows that tools give over a folder of exports, as text: nothing for what is missing."""

    def call(tools: str, folder: Path, timezone: str = "Europe/Berlin") -> dict[str, pd.DataFrame]:
        return rows_of(write_source(tools, Place("duckdb://", folder, timezone, "USD"), tmp_path / "source.yml"))

    return call


def shown(frame: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    """Columns as text, an instant without its zone (all are UTC), sorted."""

    def text(value) -> str:
        if pd.isna(value):
            return ""
        if isinstance(value, pd.Timestamp):
            return value.tz_convert("UTC").strftime("%Y-%m-%d %H:%M") if value.tz else value.strftime("%Y-%m-%d")
        return f"{value:g}" if isinstance(value, float) else str(value)

    return sorted(tuple(text(value) for value in row) for row in frame[list(columns)].itertuples(index=False))


# --- rows, checked by hand --------------------------------------------------------------------------------------------


def test_stripe_customers(rows, made_up):
    found = rows("stripe", made_up)["customers"]
    assert shown(found, "customer_id", "name", "signed_up_on", "country", "is_test") == [
        ("cus_1", "Acme GmbH", "2025-01-11", "DE", "False"),  # half past midnight in Berlin
        ("cus_2", "Borea", "2025-01-11", "JP", "False"),
        ("cus_3", "k@kaveh.kw", "2025-01-12", "KW", "False"),
        ("cus_4", "Try-out", "2025-01-13", "", "True"),
        ("cus_5", "Twin", "2025-01-14", "FR", "False"),
        ("cus_6", "Twin", "2025-01-15", "FR", "False"),
    ]


def test_stripe_versions_are_cut_at_trials_discounts_and_ends(rows, made_up):
    found = rows("stripe", made_up)["subscriptions"]
    assert shown(found, "subscription_id", "line_id", "start_on", "end_on", "status", "cancelled_at") == [
        ("sub_1", "si_1", "2025-02-01", "2025-02-15", "trialing", ""),
        ("sub_1", "si_1", "2025-02-15", "2025-02-20", "active", ""),
        ("sub_1", "si_1", "2025-02-20", "2025-03-01", "active", ""),
        ("sub_1", "si_1", "2025-03-01", "2025-06-01", "active", ""),
        ("sub_1", "si_1", "2025-06-01", "", "active", ""),
        ("sub_2", "si_2", "2025-03-01", "2026-01-31", "canceled", "2026-01-15 09:00"),
        ("sub_2", "si_3", "2025-03-01", "2026-01-31", "canceled", "2026-01-15 09:00"),
        ("sub_3", "si_4", "2025-04-01", "2025-05-01", "past_due", ""),
        ("sub_3", "si_4", "2025-05-01", "", "past_due", ""),
        (
            "sub_4",
            "si_5",
            "2025-05-01",
            "2027-01-01",
            "active",
            "2026-06-01 09:00",
        ),  # the end of 2026 is 2027 in Berlin
        ("sub_4", "si_7", "2025-05-01", "2027-01-01", "active", "2026-06-01 09:00"),
    ]


def test_stripe_prices_are_in_major_units_of_their_currency(rows, made_up):
    found = rows("stripe", made_up)["subscriptions"].drop_duplicates("line_id")
    price = ("line_id", "unit_amount", "currency", "quantity", "interval", "interval_count", "is_recurring", "plan")
    assert shown(found, *price) == [
        ("si_1", "99", "EUR", "3", "month", "1", "True", "Team"),  # the price, not the plan of the same id
        ("si_2", "120000", "JPY", "2", "year", "1", "True", "p_jpy"),
        ("si_3", "60000", "JPY", "1", "year", "1", "True", "p_jpy2"),
        ("si_4", "90.5", "KWD", "1", "month", "3", "True", "Gulf"),
        ("si_5", "0.005", "EUR", "0", "month", "1", "False", "Calls"),  # half a cent; metered, so not recurring
        ("si_7", "0", "EUR", "0", "month", "1", "False", "Tiers"),  # has no unit amount, and needs none
    ]
    assert shown(found, "line_id", "product")[:3] == [("si_1", "Suite"), ("si_2", "Suite"), ("si_3", "")]


def test_stripe_discounts_hold_for_their_time_and_are_shared_by_the_items(rows, made_up):
    found = rows("stripe", made_up)["subscriptions"].dropna(subset="discount_mrr")
    assert shown(found, "line_id", "start_on", "discount_mrr", "discount_kind") == [
        ("si_1", "2025-02-20", "29.7", "forever"),  # its customer's: a tenth of 3 x 99
        ("si_1", "2025-03-01", "148.5", "limited"),  # its own, in the place of that: half of 3 x 99
        ("si_1", "2025-06-01", "29.7", "forever"),  # its own is over
        ("si_2", "2025-03-01", "2000", "forever"),  # 30,000 a year is 2,500 a month; 240,000 of 300,000 of it
        ("si_3", "2025-03-01", "500", "forever"),
        ("si_4", "2025-05-01", "0", "forever"),  # yen off a price in dinars
        ("si_5", "2025-05-01", "0", "forever"),  # a tenth of nothing
        ("si_7", "2025-05-01", "0", "forever"),
    ]


def test_stripe_products_are_known_by_name(rows, made_up):
    assert shown(rows("stripe", made_up)["products"], "product", "launched_on") == [("Suite", "2025-01-01")]


def test_stripe_invoices_hold_what_was_taken_back_as_negative_lines(rows, made_up):
    found = rows("stripe", made_up)["invoices"]
    line = ("invoice_line_id", "customer_id", "invoiced_on", "amount", "currency", "kind", "due_on")
    assert shown(found, *line) == [
        ("cn_1", "cus_1", "2025-04-20", "-50", "EUR", "recurring", ""),
        ("du_1", "cus_3", "2025-07-20", "-1.5", "KWD", "recurring", ""),
        ("il_1", "cus_1", "2025-04-01", "297", "EUR", "recurring", "2025-04-15"),
        ("il_2", "cus_1", "2025-04-01", "-10", "EUR", "recurring", "2025-04-15"),
        ("il_4", "cus_2", "2025-05-31", "5000", "JPY", "one_off", ""),
        ("il_5", "cus_1", "2025-04-01", "7", "EUR", "usage", "2025-04-15"),  # of a metered price
        ("il_6", "cus_1", "2025-04-01", "3", "EUR", "usage", "2025-04-15"),  # of a metered plan
        ("in_1 adjusted", "cus_1", "2025-04-01", "-148.5", "EUR", "recurring", "2025-04-15"),  # 176.72 - 28.22 - 297
        ("re_2", "cus_2", "2025-06-20", "-500", "JPY", "one_off", ""),  # re_1 is the refund of cn_1
    ]


def test_hubspot_customers(rows, made_up):
    found = rows("hubspot", made_up)["customers"]
    assert shown(found, "customer_id", "name", "signed_up_on", "segment", "country") == [
        ("1", "ACME gmbh", "2025-01-06", "Machines", "Germany"),
        ("2", "Twin", "2025-01-06", "Retail", "France"),
        ("4", "Nowhere", "2025-01-08", "", ""),
    ]


def test_hubspot_deals_close_by_their_stage_and_belong_to_their_primary_company(rows, made_up):
    found = rows("hubspot", made_up)["deals"]
    deal = ("deal_id", "customer_id", "created_at", "closed_at", "outcome", "amount", "currency", "owner")
    assert shown(found, *deal) == [
        ("101", "1", "2025-02-01 08:00", "2025-03-01 09:30", "won", "1200.5", "USD", "seven@kit.example"),
        ("102", "2", "2025-02-02 08:00", "2025-03-02 08:00", "lost", "800", "USD", "8"),
        ("103", "4", "2025-02-03 08:00", "", "open", "", "USD", ""),
    ]


def test_hubspot_stages_are_their_labels(rows, made_up):
    found = rows("hubspot", made_up)["stage_history"]
    assert shown(found, "record_id", "stage", "entered_at", "exited_at") == [
        ("101", "Evaluation", "2025-02-01 08:00", "2025-03-01 09:29"),
        ("101", "Won", "2025-03-01 09:30", ""),
        ("102", "s_gone", "2025-02-02 08:00", ""),
    ]


def test_hubspot_tickets_are_solved_by_their_stage_and_belong_to_their_one_company(rows, made_up):
    found = rows("hubspot", made_up)["tickets"]
    assert shown(found, "ticket_id", "customer_id", "created_at", "solved_at", "topic") == [
        ("301", "1", "2025-06-01 08:00", "2025-06-03 10:00", "Billing"),
        ("302", "2", "2025-06-02 08:00", "", ""),  # stage 4 closes in pipeline 0, not in 7
        ("303", "", "2025-06-03 08:00", "", ""),  # of two companies, in a stage that is not known; 304 is deleted
    ]


def test_salesforce_customers_sign_up_with_their_first_won_opportunity(rows, made_up):
    found = rows("salesforce", made_up)["customers"]
    customer = ("customer_id", "name", "signed_up_on", "parent_id", "segment", "owner", "merged_into")
    assert shown(found, *customer) == [
        ("A1", "Acme GmbH", "2025-04-10", "A4", "Machines", "Uma", ""),
        ("A2", "Acme", "", "", "Machines", "Uma", "A1"),
        ("A4", "Holding", "", "", "", "U2", ""),
    ]


def test_salesforce_deals(rows, made_up):
    found = rows("salesforce", made_up)["deals"]
    deal = ("deal_id", "customer_id", "created_at", "closed_at", "outcome", "amount", "source", "owner")
    assert shown(found, *deal) == [
        ("O1", "A1", "2025-02-01 08:00", "2025-04-10 00:00", "won", "1200.5", "Fair", "Uma"),
        ("O2", "A1", "2025-02-02 08:00", "", "open", "700", "Web", "Uma"),  # A2 was merged into A1
        ("O3", "A1", "2025-02-03 08:00", "2025-05-10 00:00", "lost", "", "", "U2"),
    ]


def test_salesforce_stages_are_entered_where_the_stage_changes(rows, made_up):
    found = rows("salesforce", made_up)["stage_history"]
    assert shown(found, "record_id", "stage", "entered_at", "exited_at") == [
        ("O1", "Closed Won", "2025-04-10 12:00", ""),
        ("O1", "Prospecting", "2025-02-01 08:05", "2025-04-10 12:00"),
        ("O2", "Negotiation", "2025-07-01 08:00", ""),  # Proposal was entered before history began
    ]


def test_zendesk_tickets(rows, made_up):
    found = rows("zendesk", made_up)["tickets"]
    course = ("ticket_id", "customer_id", "solved_at", "reopens", "csat", "is_spam", "merged_into", "created_by")
    assert shown(found, *course) == [
        ("1", "10", "2025-06-03 10:00", "1", "good", "False", "", "customer"),
        ("2", "11", "2025-06-03 08:00", "0", "", "False", "", "agent"),  # its requester's organization
        ("3", "12", "2025-06-02 09:30", "0", "", "False", "2", "customer"),
        ("4", "10", "", "0", "", "True", "2", "customer"),
        ("5", "10", "", "1", "", "False", "", "customer"),  # open again: not solved
    ]
    talk = ("ticket_id", "public_agent_replies", "requester_replies", "channel", "created_at")
    assert shown(found, *talk) == [
        ("1", "2", "1", "email", "2025-06-01 08:00"),  # not the question, not the internal note
        ("2", "1", "0", "web", "2025-06-02 08:00"),  # an agent's question is no reply
        ("3", "0", "0", "web", "2025-06-02 09:00"),
        ("4", "0", "0", "web", "2025-06-04 08:00"),
        ("5", "0", "0", "email", "2025-06-05 08:00"),
    ]


def test_jira_sprints_are_deliveries(rows, made_up):
    found = rows("jira", made_up)["deliveries"]
    assert shown(found, "delivery_id", "committed_on", "delivered_on", "scope_committed", "scope_delivered") == [
        # committed 71, 72, 74; 73 came later. 71 and 73 were resolved in time, 72 an hour late, 74 was taken out
        ("1", "2025-06-14", "2025-06-14", "3", "2"),
        ("2", "2025-06-27", "", "1", ""),
    ]


def test_jira_issues_below_one_with_a_customers_name_are_its_milestones(rows, made_up):
    found = rows("stripe+jira", made_up)["milestones"]
    assert shown(found, "customer_id", "stage", "started_on", "ended_on") == [
        ("cus_1", "connectors", "2025-03-12", ""),  # half past midnight in Berlin
        ("cus_1", "contract", "2025-03-02", "2025-03-10"),  # first in progress; 83 has not begun, 85 is deleted
    ]


def test_milestones_that_cannot_be_placed_are_counted_and_the_project_leaves_other_work_out(tmp_path, made_up):
    written = write_source("stripe+jira", Place("duckdb://", made_up, "UTC", "USD"), tmp_path / "source.yml")

    def counted() -> tuple[int, int]:
        period = Calendar().period("2026Q3")
        prepared = prepare(load_source(written.path), period, currency="USD", folder=tmp_path / "prepared")
        told = prepared.report["tables"]["milestones"]
        return told["read"], told["empty_key"]

    # 81, 82, 84 of cus_1, and 72 below Lists, which is no customer; 84 was never in progress
    assert counted() == (4, 2)
    text = written.path.read_text()
    written.path.write_text(text.replace("-- and cast(issue.project", "and cast(issue.project"))
    assert counted() == (3, 1)


def test_segment_users_and_events(rows, made_up):
    found = rows("segment", made_up)
    assert shown(found["users"], "user_id", "customer_id", "created_on") == [
        ("u1", "cus_1", "2025-02-02"),
        ("u2", "cus_2", "2025-02-05"),
    ]
    assert shown(found["events"], "user_id", "event", "events") == [
        ("u1", "report_opened", "2"),
        ("u2", "export_made", "1"),
    ]


# --- several tools ----------------------------------------------------------------------------------------------------


def test_the_tool_named_first_gives_a_table_and_the_other_stays_as_a_comment(tmp_path, made_up):
    written = write_source("hubspot+stripe", Place("duckdb://", made_up), tmp_path / "source.yml")
    assert written.tables == {
        "customers": "HubSpot", "subscriptions": "Stripe", "deals": "HubSpot", "stage_history": "HubSpot",
        "tickets": "HubSpot", "invoices": "Stripe", "products": "Stripe",
    }  # fmt: skip
    text = written.path.read_text()
    assert "# Not used: HubSpot comes first. To have it from Stripe:" in text
    assert "\n  # customers: |\n  #   select\n  #     cast(customer.id as varchar) as customer_id,\n" in text
    assert (
        load_source(written.path)
        .tables["customers"]
        .endswith("where not coalesce(cast(company.is_deleted as boolean), false)\n")
    )


def test_a_comment_made_a_query_gives_the_other_tools_table(tmp_path, made_up):
    written = write_source("hubspot+stripe", Place("duckdb://", made_up, currency="USD"), tmp_path / "source.yml")
    used, commented = re.split(r"(?m)^  # Not used: .*\n", written.path.read_text(), maxsplit=1)
    used = re.sub(r"(?ms)^  customers: \|.*?^$", "", used)
    block, rest = commented.split("\n\n", 1)
    block = "".join(
        line.replace("# ", "", 1) for line in block.splitlines(keepends=True) if not line.startswith("  # One")
    )
    written.path.write_text(f"{used}\n{block}\n\n{rest}")
    assert shown(rows_of(written)["customers"], "customer_id")[0] == ("cus_1",)


def test_accounts_of_other_tools_are_customers_by_given_id_or_by_name(rows, made_up):
    found = rows("stripe+zendesk+hubspot", made_up)
    assert shown(found["deals"], "deal_id", "customer_id") == [
        ("101", "cus_1"),  # ACME gmbh is Acme GmbH
        ("102", ""),  # there are two of the name Twin
        ("103", ""),
    ]
    assert shown(found["tickets"], "ticket_id", "customer_id") == [
        ("1", "cus_1"),  # organization 10 has cus_1 as its external_id
        ("2", "cus_2"),  # BOREA
        ("3", ""),
        ("4", "cus_1"),
        ("5", "cus_1"),
    ]


def test_subscriptions_join_the_customers_of_a_crm(rows, made_up):
    found = rows("salesforce+stripe", made_up)
    assert dict(shown(found["subscriptions"], "subscription_id", "customer_id")) == {
        "sub_1": "A1", "sub_2": "", "sub_3": "", "sub_4": "A1",
    }  # fmt: skip
    assert set(found["invoices"]["customer_id"].dropna()) == {"A1"}


def test_the_choice_of_who_a_customer_is_stands_in_the_query(tmp_path, made_up):
    text = write_source("stripe+zendesk", Place("duckdb://", made_up), tmp_path / "source.yml").path.read_text()
    assert "-- choose: which customer of Stripe an account of Zendesk is: given_id, else that of its name" in text
    assert "matched" not in write_source("zendesk", Place("duckdb://", made_up), tmp_path / "one.yml").path.read_text()


# --- the real layouts -------------------------------------------------------------------------------------------------


@needs_exports
@pytest.mark.parametrize("name", [name for name in MADE_UP if not name.startswith("segment")])
def test_the_made_up_tables_have_columns_of_the_real_ones(name):
    real = pd.read_csv(EXPORTS / f"{name}.csv", nrows=0)
    header = [cell.strip() for cell in MADE_UP[name].strip().splitlines()[0].split("|")]
    assert set(header) <= set(real), set(header) - set(real)


def real(name: str) -> pd.DataFrame:
    return pd.read_csv(EXPORTS / f"{name}.csv", dtype=str)


@needs_exports
def test_the_exports_of_stripe(rows):
    found = rows("stripe", EXPORTS, "UTC")
    customers = real("stripe/customer_data")
    assert shown(found["customers"], "customer_id", "name", "signed_up_on") == sorted(
        zip(customers["id"], customers["name"], customers["created"].str[:10], strict=True)
    )
    price = ("subscription_id", "start_on", "end_on", "status", "unit_amount", "quantity", "interval", "currency")
    assert shown(found["subscriptions"], *price) == [
        # 150,000 cents a month; in trial from its first day to its last; the other one is not _fivetran_active
        ("sdgfs4536", "2021-02-18", "2021-02-19", "trialing", "1500", "1", "month", "USD"),
    ]
    assert len(found["products"]) == real("stripe/product_data")["name"].nunique() == 10


@needs_exports
def test_the_exports_of_stripe_add_up(rows):
    lines, notes, refunds, disputes = (
        real(f"stripe/{name}_data") for name in ("invoice_line_item", "credit_note", "refund", "dispute")
    )
    refunds = refunds[(refunds["status"] == "succeeded") & ~refunds["id"].isin(notes["refund_id"])]
    lost = disputes[disputes["status"] == "lost"]
    cents = lines["amount"].astype(int).sum() - notes["subtotal"].astype(int).sum()
    cents -= refunds["amount"].astype(int).sum() + lost["amount"].astype(int).sum()
    currencies = {*lines["currency"], *notes["currency"], *refunds["currency"], *lost["currency"]}
    found = rows("stripe", EXPORTS, "UTC")["invoices"]
    assert currencies == {"usd"}
    assert len(found) == len(lines) + len(notes) + len(refunds) + len(lost)
    assert found["amount"].sum() == pytest.approx(cents / 100)
    assert shown(found.dropna(subset="customer_id"), "invoice_line_id", "customer_id", "invoiced_on", "amount") == [
        ("ad1111", "sdgfs84854", "2021-02-19", "0.21")
    ]


@needs_exports
def test_the_exports_of_hubspot(rows):
    found = rows("hubspot", EXPORTS, "UTC")
    companies, deals, stages = (real(f"hubspot/{name}_data") for name in ("company", "deal", "deal_stage"))
    assert shown(found["customers"], "customer_id", "name", "segment", "signed_up_on") == sorted(
        zip(
            companies["id"], companies["property_name"], companies["property_industry"],
            companies["property_createdate"].str[:10], strict=True,
        )
    )  # fmt: skip
    assert shown(found["deals"], "deal_id", "created_at", "outcome", "closed_at") == sorted(
        (deal, at[:16], "open", "") for deal, at in zip(deals["deal_id"], deals["property_createdate"], strict=True)
    )
    assert found["deals"]["owner"].notna().sum() == deals["owner_id"].notna().sum()
    assert len(found["stage_history"]) == len(stages)
    assert found["stage_history"]["entered_at"].min() == pd.to_datetime(stages["date_entered"], utc=True).min()


@needs_exports
def test_the_exports_of_salesforce(rows, tmp_path):
    found = rows("salesforce", EXPORTS, "UTC")
    assert shown(found["customers"], "customer_id", "name", "merged_into") == [
        ("0015500000Xyy06AAB", "Eric's Test", ""),
        ("0015500000Ygpq1AAB", "Seinfeld", "L4izOo4yZpLq5io5YM8pvA=="),
    ]
    assert found["deals"].empty  # all ten are deleted
    undeleted = shutil.copytree(
        EXPORTS / "salesforce", tmp_path / "undeleted/salesforce", copy_function=shutil.copyfile
    )
    opportunities = real("salesforce/sf_opportunity_data").assign(is_deleted="false")
    opportunities.to_csv(undeleted / "sf_opportunity_data.csv", index=False)
    (tmp_path / "source.yml").unlink()
    deals = rows("salesforce", undeleted.parent, "UTC")["deals"]
    won, over = opportunities["is_won"] == "true", opportunities["is_closed"] == "true"
    outcome = pd.Series("open", index=opportunities.index).mask(over, "lost").mask(won, "won")
    assert deals["outcome"].value_counts().to_dict() == outcome.value_counts().to_dict()
    assert deals["amount"].sum() == opportunities["amount"].astype(float).sum() > 0
    closed = opportunities[opportunities["is_closed"] == "true"]
    assert shown(deals.dropna(subset="closed_at"), "deal_id", "closed_at") == sorted(
        (deal, day[:16]) for deal, day in zip(closed["id"], closed["close_date"], strict=True)
    )


@needs_exports
def test_the_exports_of_zendesk(rows):
    found = rows("zendesk", EXPORTS, "UTC")["tickets"]
    tickets, users = real("zendesk/ticket_data"), real("zendesk/user_data").set_index("id")
    asked_by = tickets["requester_id"].map(users["organization_id"])  # 11071 names no organization, its requester does
    whose = tickets["organization_id"].fillna(asked_by)
    assert whose.notna().all()
    assert shown(found, "ticket_id", "customer_id", "created_at") == sorted(
        zip(tickets["id"], whose, tickets["created_at"].str[:16], strict=True)
    )
    # only 11071 has its course in the history: solved on 2020-11-14 after pending, on hold and open, never re-opened
    assert shown(found.dropna(subset="solved_at"), "ticket_id", "solved_at", "reopens", "created_by") == [
        ("11071", "2020-11-14 11:01", "0", "customer")
    ]
    assert found["is_spam"].sum() == (tickets["status"] == "deleted").sum() == 2


@needs_exports
def test_the_exports_of_jira(rows):
    found = rows("jira", EXPORTS, "UTC")["deliveries"]
    assert shown(found, "delivery_id", "committed_on", "delivered_on", "scope_committed", "scope_delivered") == [
        # 10011 and 10027 were put into sprint 1 a week after its start; 10011 was resolved in May
        ("1", "2020-11-17", "2020-11-10", "0", "1"),
        ("3", "2020-11-26", "", "1", ""),
        ("4", "2020-11-26", "", "1", ""),
    ]


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tool_names())
def test_every_tool_has_a_file_that_loads(name, tmp_path, made_up):
    written = write_source(name, Place("duckdb://", made_up), tmp_path / "source.yml")
    source = load_source(written.path)
    assert set(source.tables) == set(written.tables) == set(tool(name).tables)
    assert (source.name, source.connect, source.files, source.timezone) == (
        tool(name).name,
        "duckdb://",
        made_up,
        "UTC",
    )
    assert max(map(len, written.path.read_text().splitlines())) <= 180


def test_a_warehouse_file_names_its_tables_and_keeps_the_connection_as_given(tmp_path):
    url = "postgres://reader:${DB_PASSWORD}@db.example.com/warehouse"
    written = write_source("jira", Place(url, None, "Europe/Berlin", "EUR"), tmp_path / "source.yml")
    text = written.path.read_text()
    assert f"connect: {url}\n" in text
    assert "from jira.sprint\n" in text
    assert "read_csv" not in text
    assert "at time zone 'Europe/Berlin'" in text
    assert "currency: EUR " in text
    assert "may name some types otherwise" not in text


def test_an_engine_that_was_not_tried_is_told(tmp_path):
    text = write_source("jira", Place("bigquery://project/data"), tmp_path / "source.yml").path.read_text()
    assert "tried on Postgres and DuckDB: bigquery may name some types otherwise" in text


def test_the_default_file_is_named_after_the_tools(tmp_path, monkeypatch, made_up):
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    written = write_source(" Stripe + zendesk+stripe", Place("duckdb://", made_up))
    assert written.path == tmp_path / "params/sources/stripe_zendesk.yml"
    assert load_source(written.path).name == "Stripe and Zendesk"


def test_a_relative_folder_is_relative_to_the_file(tmp_path, monkeypatch, made_up):
    monkeypatch.chdir(made_up)
    written = write_source("jira", Place("duckdb://", Path("jira")), tmp_path / "params/sources/jira.yml")
    assert load_source(written.path).files == made_up / "jira"


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("stripe", ["stripe keeps the price", "proration", "without tax", "fees of stripe", "tiers", "metered", "seats",
                    "metadata hold the segment", "november 2023"]),
        ("hubspot", ["holds the segment", "where the deal came from", "recurring part of a deal", "lifecyclestage",
                     "stages: […]", "primary company", "deal_currency_code", "what a ticket is about"]),
        ("salesforce", ["account.created_date", "recurring part of a deal", "currency_iso_code", "history mode"]),
        ("zendesk", ["the status that means solved", "what tickets are about", "spam"]),
        ("jira", ["looks like the first", "story points", "customers are onboarded"]),
        ("segment", ["the trait that holds the customer's id", "segment.groups", "of your own staff"]),
    ],
)  # fmt: skip
def test_what_a_user_must_decide_stands_in_a_comment(name, choices, tmp_path, made_up):
    text = write_source(name, Place("duckdb://", made_up), tmp_path / "source.yml").path.read_text().lower()
    comments = "\n".join(line for line in text.splitlines() if re.match(r"\s*(#|--)", line))
    assert [choice for choice in choices if choice not in comments] == []


@pytest.mark.parametrize(
    ("review", "now", "expected"),
    [
        (None, "2026-11-22T12:00Z", "2026Q3"),
        (None, "2026-09-30T22:30Z", "2026Q3"),  # half past midnight in Berlin
        (None, "2026-09-30T21:30Z", "2026Q2"),
        ("fiscal_year_start_month: 2", "2026-05-01T12:00Z", "FY2027Q1"),
        ("timezone: UTC", "2026-09-30T22:30Z", "2026Q2"),
        (
            "quarter_starts: {2025Q3: 2025-06-30, 2025Q4: 2025-09-29}",
            "2026-11-22T12:00Z",
            "2026Q3",
        ),  # does not reach it
    ],
)
def test_the_period_suggested_is_the_last_quarter_that_is_over(review, now, expected, tmp_path):
    if review:
        (tmp_path / "review.yml").write_text(f"company: Fine Co\nthemes: {{new_revenue: {{}}}}\n{review}\n")
    moment = datetime.fromisoformat(now)
    assert suggested_period(tmp_path / "review.yml", "Europe/Berlin", moment) == expected


# --- a folder of exports ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["sprint.csv", "sprint_data.csv", "jira_sprint.csv", "Sprint.CSV", "jira/sprint.csv", "2026/jira/sprint.parquet"],
)
def test_a_table_has_its_file_under_many_names(name, tmp_path):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    read = f"read_parquet('{name}')" if name.endswith("parquet") else f"read_csv('{name}', all_varchar = true)"
    assert Exports(tmp_path).reader("jira", "sprint") == read


def test_a_file_of_another_tool_is_not_taken(tmp_path):
    (tmp_path / "hubspot").mkdir()
    (tmp_path / "hubspot/owner.csv").touch()
    assert Exports(tmp_path).reader("salesforce", "owner") is None


def test_two_files_that_could_be_a_table_are_refused(tmp_path):
    for name in ("sprint.csv", "jira_sprint.csv"):
        (tmp_path / name).touch()
    with pytest.raises(KitError, match=r"jira_sprint.csv and sprint.csv could each be jira.sprint; keep one"):
        Exports(tmp_path).reader("jira", "sprint")


def test_a_table_whose_files_are_missing_stays_a_comment_that_says_so(tmp_path, made_up):
    folder = shutil.copytree(made_up, tmp_path / "exports")
    (folder / "stripe/coupon_data.csv").unlink()
    (folder / "hubspot/company_data.csv").unlink()
    written = write_source("stripe+hubspot", Place("duckdb://", folder), tmp_path / "source.yml")
    assert list(written.lacking) == ["subscriptions", "deals", "tickets"]  # both need companies, to find whose they are
    assert "coupon of Stripe" in written.lacking["subscriptions"]
    assert "stripe/coupon.csv" in written.lacking["subscriptions"]
    assert "# Not provided: subscriptions needs coupon of Stripe" in written.path.read_text()
    assert set(load_source(written.path).tables) == {"customers", "invoices", "products", "stage_history"}


def test_the_next_tool_gives_a_table_whose_files_the_first_lacks(tmp_path, made_up):
    folder = shutil.copytree(made_up, tmp_path / "exports")
    (folder / "stripe/customer_data.csv").unlink()
    place = Place("duckdb://", folder)
    assert Queries(["stripe", "hubspot"], "UTC", Exports(folder)).giver == "hubspot"
    written = write_source("stripe+hubspot", place, tmp_path / "source.yml")
    assert written.tables["customers"] == "HubSpot"


# --- refusals ---------------------------------------------------------------------------------------------------------


def faults(tools, place, out):
    with pytest.raises(KitError) as caught:
        write_source(tools, place, out)
    return caught.value.faults


def test_an_existing_file_is_not_overwritten(tmp_path):
    file = tmp_path / "source.yml"
    file.write_text("mine")
    assert "is there already; name another file with --out" in faults("jira", Place("postgres://db/x"), file)[0]
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ("strip", "'strip' is no tool that there are queries for; did you mean 'stripe'?"),
        ("chargebee", "'chargebee' is no tool that there are queries for; known: hubspot, jira, salesforce, segment, "),
        ("stripe+", "'' is no tool that there are queries for"),
        ("../stripe", "'../stripe' is no tool"),
    ],
)
def test_an_unknown_tool(tools, expected, tmp_path):
    assert expected in faults(tools, Place("postgres://db/x"), tmp_path / "source.yml")[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://me:hunter2@db/x", "--connect holds a password"),
        ("postgres://me:hun/ter2@db/x", "--connect holds a password"),
        ("postgres://me:hun@ter2@db/x", "--connect holds a password"),
        ("postgres://me:1${DB_PASSWORD}hunter2@db/x", "--connect holds a password"),
        ("postgres://db/x?user=me&password=hunter2", "--connect holds password, a secret"),
        ("duckdb:///md:x?motherduck_token=hunter2", "--connect holds motherduck_token, a secret"),
        ("snowflake://me@x?private_key=hunter2", "--connect holds private_key, a secret"),
    ],
)
def test_a_password_is_not_written_nor_printed(url, expected, tmp_path):
    (fault,) = faults("jira", Place(url), tmp_path / "source.yml")
    assert fault.startswith(expected)
    assert "put ${NAME} in its place, in single quotes" in fault
    assert "hunter2" not in fault
    assert "ter2" not in fault
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:${DB_PASSWORD}@db.example.com:5432/x",
        "postgres://me@db:5432/x",
        "postgres://db:5432/x?user=me@example.com",
        "snowflake://me:${SNOW}@account/db?warehouse=small&token=${TOKEN}",
    ],
)
def test_a_connection_without_a_secret_is_taken(url, tmp_path):
    write_source("jira", Place(url), tmp_path / "source.yml")
    assert f"connect: {url}\n" in (tmp_path / "source.yml").read_text()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("warehouse"), "--connect must be a URL such as postgres://"),
        (Place("duckdb://"), "--connect duckdb:// alone has no tables; add --files FOLDER"),
        (Place("duckdb://", Path("nowhere")), "--files nowhere: must be a folder that exists"),
        (Place("postgres://db/x", Path()), "--files is for duckdb://, not for postgres://"),
        (Place("postgres://db/x", timezone="Berlin"), "--timezone Berlin: must be an IANA time zone such as"),
        (Place("postgres://db/x", currency="EURO"), "--currency EURO: must be an ISO 4217 code such as 'EUR'"),
    ],
)
def test_a_place_that_cannot_be(place, expected, tmp_path):
    (fault,) = faults("jira", place, tmp_path / "source.yml")
    assert fault.startswith(expected)


def test_all_faults_are_told_at_once(tmp_path):
    (tmp_path / "source.yml").touch()
    place = Place("postgres://me:hunter2@db/x", timezone="Berlin", currency="EURO")
    assert len(faults("strip", place, tmp_path / "source.yml")) == 5


def test_a_folder_without_any_table_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    _, fault = faults("jira", Place("duckdb://", tmp_path / "empty"), tmp_path / "source.yml")
    assert "deliveries needs sprint, issue_multiselect_history, field, issue of Jira" in fault
    assert not (tmp_path / "source.yml").exists()


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    (tmp_path / "params").mkdir()
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["new-source", *map(str, arguments)])
        printed = capsys.readouterr()
        return stopped.value.code, printed.out.splitlines(), printed.err.splitlines()

    return call


def test_the_command_tells_what_was_written_and_the_next_step(run, made_up):
    status, out, err = run("hubspot+jira", "--connect", "duckdb://", "--files", made_up, "--currency", "EUR")
    assert (status, err) == (0, [])
    assert out[:-1] == [
        "params/sources/hubspot_jira.yml", "  customers from HubSpot", "  deals from HubSpot",
        "  stage_history from HubSpot", "  milestones from Jira", "  tickets from HubSpot",
        "  deliveries from Jira", "",
    ]  # fmt: skip
    quarter = Calendar().quarter_of(datetime.now(UTC).date()).previous().label
    assert out[-1].endswith(f"then kpi-review check --period {quarter} --source params/sources/hubspot_jira.yml")


def test_what_is_not_provided_is_told(run, made_up, tmp_path):
    folder = shutil.copytree(made_up / "hubspot", tmp_path / "exports")
    (folder / "deal_stage_data.csv").unlink()
    status, out, err = run("hubspot", "--connect", "duckdb://", "--files", "exports", "--out", "crm.yml")
    assert (status, out[0]) == (0, "crm.yml")
    assert err == [
        "not provided: stage_history needs deal_stage of HubSpot; exports has no file of that name, such as "
        "hubspot/deal_stage.csv"
    ]
    assert load_source(tmp_path / "crm.yml").files == folder


def test_a_mistake_is_one_message_and_status_1(run, made_up):
    assert run("jira", "--connect", "duckdb://", "--files", made_up)[0] == 0
    status, out, err = run("jira", "--connect", "duckdb://", "--files", made_up)
    assert (status, out) == (1, [])
    assert err == ["params/sources/jira.yml is there already; name another file with --out, or remove it first"]
    assert run("jira")[2] == [
        "jira is no folder; give the folder of your exports, or --connect URL where jira names tools"
    ]
