"""What the made-up company sells and tries to sell: leads and their stages, and deals with customers that there are.

Every contract, handled renewal and increase of a subscription line has its won deal; renewals and offers to existing
customers that came to nothing, and those still open, are here too. The renewals of small accounts are not: their
contracts renew by themselves.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sample.accounts import CURRENCY, ENTERPRISE, MID_MARKET, SEGMENTS, SMALL, SOURCES
from sample.contracts import ANALYTICS, ASSIST, CORE, LAUNCHED
from sample.names import person_names
from sample.time_and_chance import (
    CAMPAIGN_ON,
    DAY,
    END,
    START,
    as_days,
    at_some_hour,
    days_of,
    instants,
    opening,
    pick,
    seasonal_days,
    stream,
)

# leads
STAGES = ("lead", "mql", "sql", "opportunity")
OPPORTUNITY, WON = 3, 4  # how far a lead comes, as a position in STAGES and after it
CONVERSION = {  # share of leads that are won, and of opportunities that are won
    "inbound": (0.105, 0.27), "outbound": (0.075, 0.24), "partner": (0.15, 0.31), "events": (0.06, 0.22),
    "referral": (0.21, 0.42), "paid search": (0.028, 0.15),
}  # fmt: skip
DROPPED = {0: 0.48, 1: 0.30, 2: 0.22}  # where leads end that never become an opportunity
RUN_IN = np.timedelta64(270, "D")  # the longest that most leads take: those closed before the history are left out
# deals with customers
EXISTING = "existing customer"
NEW_PRODUCT_UNTIL = LAUNCHED[ASSIST] + 365 * DAY
# estimates
RESPONSE = (1.4, 0.20, 0.15)  # median workdays until the estimate is sent, for each segment
NEW = ("cross_sell", "new_product", "upsell")
LARGE, MEDIUM = 50_000, 12_000  # a year, from which on a prospect's size is told without knowing its segment
FORGOTTEN = 0.05  # of the requests that came to nothing
OFFERED = {"won": {1: 0.16, 2: 0.34, 3: 0.36, 4: 0.14}, "other": {1: 0.32, 2: 0.40, 3: 0.21, 4: 0.07}}
USUAL = "One year, paid yearly"
OPTIONS = {  # months of the term, months between invoices
    (1, 1): "Month by month", (12, 1): "One year, paid monthly", (12, 3): "One year, paid quarterly",
    (12, 12): USUAL,
}  # fmt: skip
LONGER = {24: "Two years, fixed price", 36: "Three years, fixed price"}


def make_deals(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: one row per deal in the order of creation, won, lost or open at the end of the history.

    Beside it, ``account`` (row of ``accounts``, -1 for none) and the work times ``created``, ``mql``, ``sql``,
    ``opportunity`` and ``closed``, missing where the deal did not get there.
    """
    real = versions[versions.kind != "test"]
    currency = accounts.currency.reindex(real.account).array
    real = real.assign(months=np.maximum(real.term, 12), won=True, currency=currency)
    parts = [
        _leads(seed, accounts, real),
        _contracts_won(stream(seed, "contract deals"), accounts, real),
        _renewals_not_won(stream(seed, "renewal deals"), real),
        _offers_not_won(stream(seed, "offers"), real),
    ]
    deals = pd.concat(parts, ignore_index=True)
    deals = deals[deals.created < opening(END)].sort_values("created", kind="stable", ignore_index=True)
    rng = stream(seed, "sales people")
    sellers = person_names(rng, min(max(3, len(accounts) // 45), 400))
    seller, keeper = rng.choice(sellers, size=len(deals)), accounts.owner.reindex(deals.account)
    deals = deals.assign(
        deal_id=[f"D-{i:07d}" for i in range(1, len(deals) + 1)],
        owner=np.where(deals.source == EXISTING, keeper, seller),
        customer_id=accounts.customer_id.reindex(deals.account).array,
        created_at=instants(deals.created.to_numpy()),
        closed_at=instants(deals.closed.to_numpy()),
        recorded_at=accounts.recorded_at.reindex(deals.account).array,
    )
    return _with_estimates(stream(seed, "estimates"), accounts, versions, deals)


def stage_history_table(deals: pd.DataFrame) -> pd.DataFrame:
    """The canonical table: the stages of new business and how it ended; deals with customers pass no stages."""
    leads = deals[deals.source != EXISTING]
    ended = leads.assign(**{how: leads.closed.where(leads.outcome == how) for how in ("won", "lost")})
    stages = ended.rename(columns={"created": "lead"})[["deal_id", "recorded_at", *STAGES, "won", "lost"]]
    stages = stages.melt(["deal_id", "recorded_at"], var_name="stage", value_name="entered").dropna(subset="entered")
    stages = stages.sort_values(["deal_id", "entered"], kind="stable", ignore_index=True)
    exited = stages.groupby("deal_id").entered.shift(-1)
    return stages.rename(columns={"deal_id": "record_id"}).assign(
        entered_at=instants(stages.entered.to_numpy()), exited_at=instants(exited.to_numpy())
    )


# --- leads: deals with new customers ----------------------------------------------------------------------------------


def _leads(seed: int, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """One row per lead: accounts won, prospects on trial, the many that came to nothing, and those still open.

    Columns: ``account`` (-1 for none), ``source``, ``outcome``; ``amount``, ``one_off_amount``, ``currency`` and
    ``term_months`` from the opportunity on; the work times of the stages.
    """
    won = _leads_won(accounts, versions)
    unwon, later = _leads_not_won(stream(seed, "leads"), len(won)), _leads_won_later(stream(seed, "future"), len(won))
    leads = pd.concat([won, _prospects(accounts), unwon, later], ignore_index=True)
    leads = _with_prices(_with_stages(stream(seed, "stages"), leads))
    return leads[~(leads.closed < opening(START))].assign(deal_type="new_logo", product=CORE)


def _leads_won(accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The leads that became customers within the history."""
    first = (versions.change == "start") & (versions.spell == 0) & (versions["product"] == CORE) & ~versions.installed
    leads = versions.loc[first, ["account", "mrr", "months"]].join(
        accounts[["lead_at", "won_at", "source", "currency", "services"]], on="account"
    )
    return leads.assign(
        created=leads.lead_at,
        cycle=leads.won_at - leads.lead_at,
        reached=WON,
        amount=leads.mrr * leads.months,
        term_months=leads.months,
        one_off_amount=leads.services,
    ).drop(columns=["mrr", "months", "lead_at", "won_at", "services"])


def _prospects(accounts: pd.DataFrame) -> pd.DataFrame:
    """Prospects that had a trial and did not buy."""
    tried = accounts[accounts.kind == "prospect"].rename_axis("account").reset_index()
    return tried[["account", "source", "currency"]].assign(
        created=tried.lead_at,
        cycle=tried.cycle + tried.trial_days,
        reached=OPPORTUNITY,
        amount=tried.seats * tried.price * 12,
        term_months=12,
        one_off_amount=0.0,
    )


def _leads_not_won(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that nobody bought: so many per source that the shares of ``CONVERSION`` come out, and the campaign's."""
    leads = [_leads_of_source(rng, round(0.7 * won), source="paid search", since=CAMPAIGN_ON, lost=0.10)]
    for source, (conversion, win_rate) in CONVERSION.items():
        count = round(1.22 * won * SOURCES[source] * (1 / conversion - 1))  # the run-in is 0.22 of the history
        lost = (conversion / win_rate - conversion) / (1 - conversion)
        leads.append(_leads_of_source(rng, count, source=source, since=START - RUN_IN, lost=lost))
    return pd.concat(leads)


def _leads_of_source(
    rng: np.random.Generator, n: int, *, source: str, since: np.datetime64, lost: float
) -> pd.DataFrame:
    """``n`` leads of a source, of which the share ``lost`` becomes an opportunity and is lost."""
    created = at_some_hour(rng, seasonal_days(rng, n, since, END))
    reached = np.where(rng.random(n) < lost, OPPORTUNITY, pick(rng, DROPPED, n))
    return _strangers(rng, n).assign(source=source, created=created, reached=reached)


def _leads_won_later(rng: np.random.Generator, won: int) -> pd.DataFrame:
    """Leads that will be won after the history ends, and are open in it."""
    n = round(0.3 * won)
    leads = _strangers(rng, n).assign(source=pick(rng, SOURCES, n), reached=WON)
    return leads.assign(created=at_some_hour(rng, seasonal_days(rng, n, END, END + 250 * DAY)) - leads.cycle)


def _strangers(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Leads without an account: how long they take, and what they would be worth."""
    segment = pick(rng, {i: s.share for i, s in enumerate(SEGMENTS)}, n)
    cycle, seats, price = np.array([(s.cycle, s.seats[0], s.price) for s in SEGMENTS])[segment].T
    columns = {
        "account": -1,
        "cycle": cycle * np.exp(0.45 * rng.standard_normal(n)),
        "amount": (seats * np.exp(0.5 * rng.standard_normal(n))).round() * price * 12,
        "currency": np.where(rng.random(n) < 0.09, "USD", CURRENCY),
        "term_months": 12,
        "one_off_amount": 0.0,
    }
    return pd.DataFrame(columns, index=range(n))


def _with_stages(rng: np.random.Generator, leads: pd.DataFrame) -> pd.DataFrame:
    """When each lead entered each stage and was closed; what lies after the end of the history has not happened."""
    n, cycle, reached = len(leads), leads.cycle.to_numpy(), leads.reached.to_numpy()
    created = leads.created.to_numpy()
    shares = (rng.uniform(0.03, 0.10, size=n), rng.uniform(0.15, 0.25, size=n), rng.uniform(0.32, 0.45, size=n))
    entered = [np.where(reached > i, created + share * cycle, np.nan) for i, share in enumerate(shares)]
    dropped = np.fmax.reduce([created, *entered]) + rng.uniform(3, 30, size=n)
    lost = entered[-1] + cycle * rng.uniform(0.3, 0.9, size=n)
    closed = np.select([reached == WON, reached == OPPORTUNITY], [created + cycle, lost], dropped)
    happened = [np.where(at < opening(END), at, np.nan) for at in (*entered, closed)]
    outcome = np.select([np.isnan(happened[-1]), reached == WON], ["open", "won"], "lost")
    return leads.assign(outcome=outcome, **dict(zip((*STAGES[1:], "closed"), happened, strict=True)))


def _with_prices(leads: pd.DataFrame) -> pd.DataFrame:
    """The leads with a price from the opportunity on."""
    priced = leads.opportunity.notna()
    return leads.assign(
        amount=leads.amount.where(priced).round(2),
        term_months=leads.term_months.astype(float).where(priced),
        one_off_amount=leads.one_off_amount.where(priced & (leads.one_off_amount > 0)),
        currency=leads.currency.where(priced),
    )


# --- deals with customers that there are ------------------------------------------------------------------------------


def _contracts_won(rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """The won deals of existing customers: running contracts, renewals, and whatever raised the MRR of a line."""
    rise, product = (versions.mrr - versions.before).round(2), versions["product"]
    whole_term, a_year = versions.mrr * versions.months, versions.mrr * 12
    begins, more_seats = versions.change == "start", versions.seats > versions.groupby("line").seats.shift()
    held = versions.installed & (versions.spell == 0) & (versions.start_on == versions.anchor)
    first = held & (as_days(versions.start_on) == as_days(accounts.first_paid_on)[versions.account])
    renews = (versions.change == "renewal") & (versions.segment != SMALL)
    added = begins & ~held & (product != CORE)
    young = (product == ASSIST) & (as_days(versions.signed_on) <= NEW_PRODUCT_UNTIL)
    deals = (  # which versions, what kind of deal, its amount, and how many workdays it took
        (begins & first, "new_logo", whole_term, (5, 13)),
        (begins & held & ~first, "renewal", whole_term, (30, 60)),
        (renews, "renewal", whole_term, (30, 60)),
        (more_seats & (rise > 0) & ~renews, "upsell", rise * 12, (2, 30)),
        (begins & (versions.spell == 1) & (product == CORE), "upsell", a_year, (3, 10)),
        (added & young, "new_product", a_year, (8, 40)),
        (added & ~young, "cross_sell", a_year, (8, 40)),
    )
    rows = pd.concat(
        [
            versions[which].assign(deal_type=kind, amount=amount[which], took=rng.uniform(*took, size=which.sum()))
            for which, kind, amount, took in deals
        ]
    )
    return _with_customers(rng, rows.assign(closed_on=rows.signed_on, due=rows.start_on))


def _renewals_not_won(rng: np.random.Generator, versions: pd.DataFrame) -> pd.DataFrame:
    """Renewals that were lost, and those of the coming hundred days that are not signed yet."""
    last = versions[(versions.term > 1) & (versions.segment != SMALL) & ~versions.duplicated("line", keep="last")]
    lost = last[last.cancelled_on.notna() & (last.reason != "payment")]
    due = as_days(last.renewal_on)
    ahead = last[last.cancelled_on.isna() & (due >= END) & (due < END + 100 * DAY)]
    rows = pd.concat(
        [
            lost.assign(closed_on=lost.cancelled_on, due=lost.end_on),
            ahead.assign(closed_on=ahead.renewal_on, due=ahead.renewal_on),
        ]
    )
    took = rng.uniform(12, 60, size=len(rows))
    return _with_customers(rng, rows.assign(deal_type="renewal", amount=rows.mrr * rows.months, took=took, won=False))


def _offers_not_won(rng: np.random.Generator, versions: pd.DataFrame) -> pd.DataFrame:
    """Offers to customers that came to nothing or are not decided yet."""
    core = versions[(versions["product"] == CORE) & (versions.role == "")]
    n = round(4.8 * len(core))
    rows = core.iloc[rng.integers(len(core), size=n)].reset_index(drop=True)
    on = seasonal_days(rng, n, START, END + 45 * DAY)
    product = np.where(rng.random(n) < 0.6, CORE, np.where(on < LAUNCHED[ASSIST] + 60 * DAY, ANALYTICS, ASSIST))
    young = (product == ASSIST) & (on <= NEW_PRODUCT_UNTIL)
    kind = np.where(product == CORE, "upsell", np.where(young, "new_product", "cross_sell"))
    rows = rows.assign(
        deal_type=kind, product=product, closed_on=on, due=on, won=False, took=rng.uniform(8, 40, size=n),
        amount=rows.mrr * 12 * rng.uniform(0.08, 0.25, size=n),
    )  # fmt: skip
    running = (on > as_days(rows.start_on) + 60 * DAY) & ~(on >= as_days(rows.end_on))
    running &= ~(on > as_days(rows.cancelled_on) - 30 * DAY)
    return _with_customers(rng, rows[running])


def _with_customers(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """The deals of the rows; lines of one product that change on one day are one deal."""
    deals = rows.groupby(["account", "due", "deal_type", "product"], as_index=False).agg(
        amount=("amount", "sum"), term_months=("months", "max"), took=("took", "max"),
        closed_on=("closed_on", "min"), currency=("currency", "first"), won=("won", "first"),
    )  # fmt: skip
    closed = at_some_hour(rng, as_days(deals.closed_on))
    decided = closed < opening(END)
    whole_term = deals.deal_type.isin(["renewal", "new_logo"])
    return deals.assign(
        amount=deals.amount.round(2), term_months=deals.term_months.where(whole_term, 12).astype(float),
        source=EXISTING, created=closed - deals.took, closed=np.where(decided, closed, np.nan),
        outcome=np.where(deals.won, "won", np.where(decided, "lost", "open")),
    )  # fmt: skip


# --- estimates, options, cancellations --------------------------------------------------------------------------------


def _with_estimates(
    rng: np.random.Generator, accounts: pd.DataFrame, versions: pd.DataFrame, deals: pd.DataFrame
) -> pd.DataFrame:
    """The deals with what the buyer asked for: the price and how soon it came, and which options were in it.

    Who asks for a large number of seats waits for days, as such a price takes a second signature. What a customer
    never paid for is taken back: the deals of contracts that ended for want of payment within a year are cancelled.
    """
    requested = np.where(deals.deal_type.isin(NEW), deals.created, deals.opportunity)
    sent = _sent(rng, accounts, deals, requested)
    return deals.assign(
        estimate_requested_at=instants(requested),
        estimate_sent_at=instants(sent),
        cancelled_at=instants(_cancelled(rng, versions, deals)),
        **_options(rng, accounts, deals, sent),
    )


def _sent(rng: np.random.Generator, accounts: pd.DataFrame, deals: pd.DataFrame, requested: np.ndarray) -> np.ndarray:
    """When each estimate was sent, at the latest halfway to the day of winning; missing if it never was."""
    median = np.array(RESPONSE)[_segments(accounts, deals)]
    sent = requested + median * rng.lognormal(0, 0.75, size=len(deals))
    won = (deals.outcome == "won").to_numpy()
    sent = np.where(won, np.minimum(sent, (requested + deals.closed) / 2), sent)
    forgotten = (rng.random(len(deals)) < FORGOTTEN) & ~won
    too_late = ~(sent < deals.closed.fillna(opening(END)))
    return np.where(forgotten | too_late, np.nan, sent)


def _segments(accounts: pd.DataFrame, deals: pd.DataFrame) -> np.ndarray:
    """The segment of each deal's account, or that of an account of the deal's size."""
    by_size = np.select([deals.amount >= LARGE, deals.amount >= MEDIUM], [ENTERPRISE, MID_MARKET], SMALL)
    known = accounts.segment.reindex(deals.account).to_numpy()
    return np.where(np.isnan(known), by_size, known).astype(int)


def _options(
    rng: np.random.Generator, accounts: pd.DataFrame, deals: pd.DataFrame, sent: np.ndarray
) -> dict[str, pd.Series]:
    """How many options an estimate names, the one on top, and the one that the customer took."""
    n, won = len(deals), (deals.outcome == "won").to_numpy()
    offered = np.where(won, *(pick(rng, OFFERED[how], n) for how in ("won", "other")))
    named = ~np.isnan(sent) & (deals.deal_type != "upsell").to_numpy()  # more seats come on the terms that run
    terms = pd.Series(zip(accounts.term, accounts.billing, strict=True), accounts.index)
    took = accounts.term.map(LONGER).fillna(terms.map(OPTIONS)).reindex(deals.account).set_axis(deals.index)
    return {
        "options_offered": pd.Series(offered, deals.index, "Int64").where(named),
        "default_option": took.where(won & (offered == 1), USUAL).where(named),
        "option_chosen": took.where(named & won),
    }


def _cancelled(rng: np.random.Generator, versions: pd.DataFrame, deals: pd.DataFrame) -> np.ndarray:
    """When each deal was taken back: as its contract ended for want of payment, within a year of winning."""
    unpaid = versions[versions.reason == "payment"].groupby(["account", "product"], as_index=False).cancelled_on.max()
    on = as_days(deals[["account", "product"]].merge(unpaid, on=["account", "product"], how="left").cancelled_on)
    won_on = days_of(deals.closed.where(deals.outcome == "won").to_numpy())
    taken_back = (on > won_on) & (on <= won_on + 365 * DAY) & (deals.deal_type != "renewal").to_numpy()
    return np.where(taken_back, at_some_hour(rng, np.where(taken_back, on, END)), np.nan)
