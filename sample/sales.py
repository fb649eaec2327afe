"""What the made-up company sells, and tries to sell: its deals, from new business to renewals.

Every contract, handled renewal and increase of a subscription line has its won deal; renewals and offers to existing
customers that came to nothing, and those still open, are here too. The deals of small accounts' renewals are not:
their contracts renew by themselves.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import SMALL
from sample.contracts import ANALYTICS, ASSIST, CORE, LAUNCHED
from sample.days import END, START, clock, day_clock, days, seasonal_days, stream
from sample.leads import make_leads
from sample.names import person_names

EXISTING = "existing customer"


def make_deals(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per deal in the order of creation, won, lost or open at the end of the history.

    Columns are those of the canonical table, with ``account`` (row of ``accounts``, -1 for none), and the clock values
    ``created``, ``mql``, ``sql``, ``opportunity`` and ``closed``, missing where the deal did not get there.
    """
    real = versions[versions.kind != "test"]
    currency = accounts.currency.reindex(real.account).array
    real = real.assign(months=np.maximum(real.term, 12), won=True, currency=currency)
    parts = [
        make_leads(seed, accounts, real),
        _contracts(stream(seed, "contract deals"), accounts, real),
        _renewals_without_success(stream(seed, "renewal deals"), real),
        _offers_without_success(stream(seed, "offers"), real),
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found.created < day_clock(END)].sort_values("created", kind="stable", ignore_index=True)
    rng = stream(seed, "sales people")
    sellers = person_names(rng, min(max(3, len(accounts) // 45), 400))
    seller, keeper = rng.choice(sellers, size=len(found)), accounts.owner.reindex(found.account)
    return found.assign(
        deal_id=[f"D-{i:07d}" for i in range(1, len(found) + 1)],
        owner=np.where(found.source == EXISTING, keeper, seller),
        recorded_at=accounts.recorded_at.reindex(found.account).array,
    )


def _contracts(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The won deals of existing customers: running contracts, renewals, and whatever raised the MRR of a line."""
    seats_before = versions.groupby("line").seats.shift()
    v = versions.assign(rise=(versions.mrr - versions.before).round(2))
    begins, renews, grows = v.change == "start", v.change == "renewal", v.seats > seats_before
    handled = v.segment != SMALL  # small accounts renew by themselves
    held = v.installed & (v.spell == 0) & (v.start_on == v.anchor)
    first = held & (days(v.start_on) == days(accounts.first_paid_on)[v.account])
    added = begins & ~held & (v["product"] != CORE)
    young = (v["product"] == ASSIST) & (days(v.signed_on) <= LAUNCHED[ASSIST] + 365)
    signings = (
        (begins & first, "new_logo", v.mrr * v.months, (5, 13)),
        (begins & held & ~first, "renewal", v.mrr * v.months, (30, 60)),
        (renews & handled, "renewal", v.mrr * v.months, (30, 60)),
        (grows & (v.rise > 0) & ~(renews & handled), "upsell", v.rise * 12, (2, 30)),
        (begins & (v.spell == 1) & (v["product"] == CORE), "upsell", v.mrr * 12, (3, 10)),
        (added & young, "new_product", v.mrr * 12, (8, 40)),
        (added & ~young, "cross_sell", v.mrr * 12, (8, 40)),
    )
    found = [
        v[rows].assign(deal_type=kind, amount=amount[rows], wait=rng.uniform(*wait, size=rows.sum()))
        for rows, kind, amount, wait in signings
    ]
    rows = pd.concat(found)
    return _existing(rng, rows.assign(closed_on=rows.signed_on, due=rows.start_on))


def _renewals_without_success(rng: np.random.Generator, versions: pd.DataFrame) -> pd.DataFrame:
    """Renewals that were lost, and those of the coming hundred days that are not signed yet."""
    last = versions[(versions.term > 1) & (versions.segment != SMALL) & ~versions.duplicated("line", keep="last")]
    lost = last[last.cancelled_on.notna() & (last.reason != "payment")]
    due = days(last.renewal_on)
    ahead = last[last.cancelled_on.isna() & (due >= END) & (due < END + 100)]
    found = pd.concat(
        [
            lost.assign(closed_on=lost.cancelled_on, due=lost.end_on),
            ahead.assign(closed_on=ahead.renewal_on, due=ahead.renewal_on),
        ]
    )
    wait, amount = rng.uniform(12, 60, size=len(found)), found.mrr * found.months
    return _existing(rng, found.assign(deal_type="renewal", amount=amount, wait=wait, won=False))


def _offers_without_success(rng: np.random.Generator, versions: pd.DataFrame) -> pd.DataFrame:
    """Offers to customers that came to nothing or are not decided yet."""
    core = versions[(versions["product"] == CORE) & (versions.role == "")]
    n = round(4.8 * len(core))
    rows = core.iloc[rng.integers(len(core), size=n)].reset_index(drop=True)
    on = seasonal_days(rng, n, START, END + 45)
    product = np.where(rng.random(n) < 0.6, CORE, np.where(on < LAUNCHED[ASSIST] + 60, ANALYTICS, ASSIST))
    young = (product == ASSIST) & (on <= LAUNCHED[ASSIST] + 365)
    kind = np.where(product == CORE, "upsell", np.where(young, "new_product", "cross_sell"))
    rows = rows.assign(
        deal_type=kind, product=product, closed_on=on, due=on, won=False, wait=rng.uniform(8, 40, size=n),
        amount=rows.mrr * 12 * rng.uniform(0.08, 0.25, size=n),
    )  # fmt: skip
    running = (on > days(rows.start_on) + 60) & ~(on >= days(rows.end_on)) & ~(on > days(rows.cancelled_on) - 30)
    return _existing(rng, rows[running])


def _existing(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """The deals; lines of one product that change on one day are one deal."""
    found = rows.groupby(["account", "due", "deal_type", "product"], as_index=False).agg(
        amount=("amount", "sum"), term_months=("months", "max"), wait=("wait", "max"),
        closed_on=("closed_on", "min"), currency=("currency", "first"), won=("won", "first"),
    )  # fmt: skip
    closed = clock(rng, days(found.closed_on))
    decided = closed < day_clock(END)
    whole_term = found.deal_type.isin(["renewal", "new_logo"])
    return found.assign(
        amount=found.amount.round(2), term_months=found.term_months.where(whole_term, 12).astype(float),
        source=EXISTING, created=closed - found.wait, closed=np.where(decided, closed, np.nan),
        outcome=np.where(found.won, "won", np.where(decided, "lost", "open")),
    )  # fmt: skip
