"""What the made-up company sells, and tries to sell: deals with the stages that new ones pass.

New business starts as a lead, whatever becomes of it. Every contract, renewal and increase of a subscription line has
its won deal; renewals and offers to existing customers that came to nothing, and those still open, are here too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.data.company.accounts import CURRENCY, SEGMENTS, SMALL, SOURCES
from helpers.data.company.contracts import ANALYTICS, ASSIST, CORE, LAUNCHED
from helpers.data.company.days import END, START, clock, day_clock, days, pick, seasonal_days, stream
from helpers.data.company.names import person_names

STAGES = ("lead", "mql", "sql", "opportunity")
CONVERSION = {  # share of leads that are won, and of opportunities that are won
    "inbound": (0.105, 0.27), "outbound": (0.075, 0.24), "partner": (0.15, 0.31), "events": (0.06, 0.22),
    "referral": (0.21, 0.42), "paid search": (0.028, 0.15),
}  # fmt: skip
DROPPED = {0: 0.48, 1: 0.30, 2: 0.22}  # the last stage of leads that never become an opportunity
CAMPAIGN_ON = np.datetime64("2025-11-03")  # more money for paid search: leads, and few of them any good
RUN_IN = np.timedelta64(270, "D")
EXISTING = "existing customer"


def make_deals(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per deal in the order of creation, won, lost or open at the end of the history.

    Columns are those of the canonical table, with ``account`` (row of ``accounts``, -1 for none), and the clock values
    ``created``, ``mql``, ``sql``, ``opportunity`` and ``closed``, missing where the deal did not get there.
    """
    real = versions[versions.kind != "test"].copy()
    real["months"], real["won"] = np.maximum(real.term, 12), True
    real["currency"] = accounts.currency.to_numpy()[real.account]
    parts = [
        _new_business(seed, accounts, real),
        _contracts(stream(seed, "contract deals"), accounts, real),
        _renewals_without_success(stream(seed, "renewal deals"), real),
        _offers_without_success(stream(seed, "offers"), real),
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found.created < day_clock(END)].sort_values("created", kind="stable", ignore_index=True)
    found["deal_id"] = [f"D-{i:07d}" for i in range(1, len(found) + 1)]
    owner = accounts.owner.to_numpy()[found.account]
    rng = stream(seed, "sales people")
    sellers = np.array(person_names(rng, min(max(3, len(accounts) // 45), 400)))
    found["owner"] = np.where(found.source == EXISTING, owner, rng.choice(sellers, size=len(found)))
    recorded = accounts.recorded_at.reindex(found.account)
    return found.assign(recorded_at=recorded.array)


def _new_business(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Leads and what became of them: the accounts won, those on trial, the many that came to nothing, those still open."""
    won = _won(accounts, versions)
    found = pd.concat(
        [won, _tried(accounts), _unwon(stream(seed, "leads"), len(won)), _won_later(stream(seed, "future"), len(won))]
    )
    found = _staged(stream(seed, "stages"), found.reset_index(drop=True))
    return found[~(found.closed < day_clock(START))].assign(deal_type="new_logo", product=CORE)


def _won(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    first = versions[(versions.change == "start") & (versions.spell == 0) & (versions["product"] == CORE)]
    first = first[~first.installed].set_index("account")
    of = accounts.loc[first.index]
    return pd.DataFrame({
        "account": first.index, "created": of.lead_at.to_numpy(), "cycle": (of.won_at - of.lead_at).to_numpy(),
        "reached": 4, "source": of.source.to_numpy(), "currency": of.currency.to_numpy(),
        "amount": (first.mrr * np.maximum(first.term, 12)).to_numpy(), "one_off_amount": of.services.to_numpy(),
        "term_months": np.maximum(first.term, 12).to_numpy(),
    })  # fmt: skip


def _tried(accounts: pd.DataFrame) -> pd.DataFrame:
    """Prospects that had a trial and did not buy."""
    of = accounts[accounts.kind == "prospect"]
    return pd.DataFrame({
        "account": of.index, "created": of.lead_at, "cycle": of.cycle + of.trial_days, "reached": 3, "source": of.source,
        "currency": of.currency, "amount": (of.seats * of.price * 12).round(2), "one_off_amount": 0.0, "term_months": 12,
    })  # fmt: skip


def _unwon(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that nobody bought: so many per source that the shares of ``CONVERSION`` come out, and a campaign's."""
    found = []
    for source, (conversion, win_rate) in CONVERSION.items():
        leads = round(1.22 * won * SOURCES[source] * (1 / conversion - 1))
        found.append(
            _leads(rng, leads, source, START - RUN_IN, lost=(conversion / win_rate - conversion) / (1 - conversion))
        )
    campaign = _leads(rng, round(0.9 * won), "paid search", CAMPAIGN_ON, lost=0.10)
    return pd.concat([*found, campaign])


def _leads(rng: np.random.Generator, n: int, source: str, first: np.datetime64, *, lost: float) -> pd.DataFrame:
    """``n`` leads of a source; the share ``lost`` becomes an opportunity and is lost."""
    segment = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    reached = np.where(rng.random(n) < lost, 3, pick(rng, DROPPED, n))
    return _anonymous(rng, segment, reached, source, clock(rng, seasonal_days(rng, n, first, END)))


def _won_later(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that will be won after the history ends: open in it."""
    n = round(0.3 * won)
    segment = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    cycle = np.array([s.cycle for s in SEGMENTS])[segment] * np.exp(0.4 * rng.standard_normal(n))
    created = clock(rng, seasonal_days(rng, n, END, END + 250)) - cycle
    return _anonymous(rng, segment, np.full(n, 4), pick(rng, SOURCES, n), created).assign(cycle=cycle)


def _anonymous(
    rng: np.random.Generator, segment: np.ndarray, reached: np.ndarray, source: np.ndarray | str, created: np.ndarray
) -> pd.DataFrame:
    """Leads without an account, with what they would be worth."""
    n = len(segment)
    seats, price, cycle = (
        np.array([value(s) for s in SEGMENTS])[segment]
        for value in (lambda s: s.seats[0], lambda s: s.price, lambda s: s.cycle)
    )
    return pd.DataFrame({
        "account": -1, "created": created, "cycle": cycle * np.exp(0.5 * rng.standard_normal(n)), "reached": reached,
        "source": source, "currency": np.where(rng.random(n) < 0.09, "USD", CURRENCY),
        "amount": (seats * np.exp(0.5 * rng.standard_normal(n))).round() * price * 12, "one_off_amount": 0.0,
        "term_months": 12,
    })  # fmt: skip


def _staged(rng: np.random.Generator, found: pd.DataFrame) -> pd.DataFrame:
    """When each lead entered each stage and was closed; what lies after the end of the history has not happened."""
    n, end = len(found), day_clock(END)
    cycle, reached = found.cycle.to_numpy(), found.reached.to_numpy()
    shares = (rng.uniform(0.03, 0.10, size=n), rng.uniform(0.15, 0.25, size=n), rng.uniform(0.32, 0.45, size=n))
    entered = [found.created + share * cycle for share in shares]
    entered = [np.where((reached > i) & (at < end), at, np.nan) for i, at in enumerate(entered)]
    last = np.fmax.reduce([found.created, *entered])
    lost = last + np.where(reached == 3, cycle * rng.uniform(0.3, 0.9, size=n), rng.uniform(3, 30, size=n))
    closed = np.where(reached == 4, found.created + cycle, lost)
    closed = np.where(closed < end, closed, np.nan)
    outcome = np.where(np.isnan(closed), "open", np.where(reached == 4, "won", "lost"))
    found = found.assign(mql=entered[0], sql=entered[1], opportunity=entered[2], closed=closed, outcome=outcome)
    qualified = found.opportunity.notna()
    return found.assign(
        amount=found.amount.where(qualified).round(2),
        term_months=found.term_months.astype(float).where(qualified),
        one_off_amount=found.one_off_amount.where(qualified & (found.one_off_amount > 0)),
        currency=found.currency.where(qualified),
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
    wait = rng.uniform(12, 60, size=len(found))
    return _existing(rng, found.assign(deal_type="renewal", amount=found.mrr * found.months, wait=wait, won=False))


def _offers_without_success(rng: np.random.Generator, versions: pd.DataFrame) -> pd.DataFrame:
    """Offers to customers that came to nothing or are not decided yet."""
    core = versions[(versions["product"] == CORE) & (versions.role == "")]
    n = round(2.6 * len(core))
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
        one_off_amount=np.nan, source=EXISTING, created=closed - found.wait, closed=np.where(decided, closed, np.nan),
        outcome=np.where(found.won, "won", np.where(decided, "lost", "open")), mql=np.nan, sql=np.nan, opportunity=np.nan,
    )  # fmt: skip
