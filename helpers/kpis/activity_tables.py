"""The tables beside the product activity coefficient: customer by customer, who moved, and from where to where.

Source: specification, cards K05 to K07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import pandas as pd

from helpers.kpis.activity import Use, blocks_end, period_before
from helpers.kpis.activity_blocks import BLOCKS, NEW, account_blocks, block_series, user_blocks
from helpers.kpis.customer_mrr import with_stock
from helpers.kpis.named_customers import with_names
from helpers.kpis.product_activity import BlockRules, user_moves
from helpers.kpis.subscription_versions import rules_in
from helpers.periods import Period
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

SHOWN = 8
STATES = [*(str(score) for score in range(BLOCKS + 1)), NEW]


class WorthRules(BlockRules, total=False):
    """The rules of a table that values customers beside their activity."""

    fx_mode: str


def account_activity(tables: Tables, period: Period, **given: Unpack[WorthRules]) -> Listing:
    """One row per paying customer: how active it is now and was a period ago, how broadly, and what it pays."""
    found = _accounts(tables, period, given).sort_values(["pac", "mrr", "account_id"], ascending=[True, False, True])
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "pac": Column("Active weeks", "count"),
        "pac_before": Column("Active weeks before", "count"),
        "change": Column("Change", "count"),
        "pac_mean": Column("Mean of its users", "weeks"),
        "users": Column("Users", "count"),
        "active_users": Column("Active in 28 days", "count"),
        "breadth": Column("Breadth", "share"),
        "weeks": Column("Users active, week by week", "series"),
    }
    rows, columns = with_names(tables, found, own)
    return Listing(
        caption=f"Product activity of every customer on {period.measured_on}",
        rows=rows,
        columns=columns,
        when_empty="No customer was paying on the period's last day.",
        grain="customer_id",
        export="product_activity",
        note="Least active first, then by MRR.",
        on_pages=False,
    )


def accounts_down(tables: Tables, period: Period, **given: Unpack[WorthRules]) -> Listing:
    """One row per customer that was active in fewer weeks than a period ago: the most MRR × weeks lost first."""
    found = _accounts(tables, period, given)
    found = found[found["change"] < 0]
    found = found.assign(weight=found["mrr"] * found["change"]).sort_values(["weight", "account_id"])
    own = {
        "mrr": Column("MRR", "money_per_month"),
        "pac_before": Column("Weeks before", "count"),
        "pac": Column("Weeks now", "count"),
        "change": Column("Change", "count"),
        "active_users": Column("Users now", "count"),
        "users": Column("of", "count"),
        "weeks": Column("Week by week", "series"),
    }
    rows, columns = with_names(tables, found, own, who=("customer", "owner"), key_on_pages=False)
    return Listing(
        caption=f"Customers whose activity fell since {period_before(period).label}",
        rows=rows,
        columns=columns,
        when_empty="No customer is active in fewer weeks than a period ago.",
        grain="customer_id",
        export="activity_down",
        top=SHOWN,
        note="By MRR times weeks lost, of seven weeks with any active user. Users now are those active in 28 days; "
        "week by week, how many were, the newest on the right. Customers new since then are not compared.",
    )


def movement_matrix(tables: Tables, period: Period, **given: Unpack[BlockRules]) -> Listing:
    """Users by their coefficient a period ago (rows) and now (columns); the margins are the two histograms."""
    moves = user_moves(tables, period, Use.of(given), given.get("block_days", 7))
    before, now = _states(moves["before"], moves["weeks_before"]), _states(moves["now"], moves["weeks_now"])
    counts = pd.crosstab(before, now).reindex(index=[*STATES, "absent"], columns=[*STATES, "absent"], fill_value=0)
    rows = counts.rename_axis("before").reset_index()
    columns = {
        "before": Column(f"{period_before(period).label} \\ {period.label}"),
        **{state: Column(state, "count") for state in STATES},
        "absent": Column("left", "count"),
    }
    return Listing(
        caption=f"From {period_before(period).label} to {period.label}: users by active weeks, before and now",
        rows=rows[list(columns)].replace({"before": {"absent": "entered"}}),
        columns=columns,
        when_empty="No user is on the roster.",
        grain="before",
        note="Users on the diagonal stayed the same, right of it they went up, left of it down. New are those created "
        "within the seven weeks; pac_moves, in the results, compares them too where they were there both times.",
    )


def _accounts(tables: Tables, period: Period, given: WorthRules) -> pd.DataFrame:
    """Every paying customer: activity now and a period ago (missing if it was not paying then), users and MRR."""
    use, block_days = Use.of(given), given.get("block_days", 7)
    now, before = (
        account_blocks(tables, blocks_end(p, use.week_mode), p.measured_on, use, block_days)
        for p in (period, period_before(period))
    )
    users = user_blocks(tables, blocks_end(period, use.week_mode), period.measured_on, use, block_days)
    found = now.rename(columns={"pac_any": "pac"}).merge(
        before[["account_id", "pac_any"]].rename(columns={"pac_any": "pac_before"}), on="account_id", how="left"
    )
    found = found.merge(_by_account(users), on="account_id", how="left")
    found["series"] = found["series"].map(lambda s: s if isinstance(s, list) else [0] * BLOCKS)
    found = found.fillna({"active_users": 0}).assign(
        change=found["pac"] - found["pac_before"],
        breadth=(found["active_users"].fillna(0) / found["users"]).where(found["users"] > 0),
        weeks=found["series"].map(lambda series: " ".join(map(str, series))),
    )
    return with_stock(tables, found, period, rules_in(given))


def _by_account(users: pd.DataFrame) -> pd.DataFrame:
    """Users active in the last 28 days, and in each block, the oldest first."""
    blocks = pd.DataFrame([block_series(blocks) for blocks in users["blocks"]], columns=range(BLOCKS))
    by_block = blocks.groupby(users["account_id"]).sum()
    recent = users.groupby("account_id")["recent"].sum().rename("active_users")
    series = pd.Series(by_block.to_numpy().tolist(), by_block.index, name="series", dtype="object")
    return pd.concat([recent, series], axis=1).reset_index()


def _states(scores: pd.Series, weeks: pd.Series) -> pd.Series:
    return scores.astype(str).mask(weeks < BLOCKS, NEW).mask(scores < 0, "absent")
