"""The tables beside time to value: the curve and its cohorts, each customer, the stages, who waits, what has helped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from helpers.errors import NotProvided, Refused
from helpers.kpis.rows import customer_columns, with_names
from helpers.kpis.spine import Spine
from helpers.kpis.time_to_value.cards import UNATTRIBUTED, UNDEFINED, has_rival, in_order, labels_without_value
from helpers.language import _, enumerated, message, paragraph, plural, retold, template
from helpers.results import FOUR_QUARTERS, Column, Listing
from helpers.statistics import aalen_johansen, kaplan_meier, log_rank

SHOWN, WAITING_SHOWN, RECENT = 10, 15, 12
STATES = {0: template("still waiting"), 1: template("has value"), 2: template("left before")}
WAITED_ON = ("us", "customer", "third_party")
WORDS = {
    "us": message("us"), "customer": message("the customer"), "third_party": message("a third party"),
    "untold": message("(not told)"),
}  # fmt: skip
UNDER_WAY, NO_STAGE = message("work under way"), message("none")
NOBODY = message("No customer of this cohort has reached value yet.")


@dataclass(frozen=True)
class Cohort:
    """The customers that signed, or reached value, in the periods that ``words`` name; the earliest stand first."""

    words: str
    first_day: date
    customers: pd.DataFrame

    @property
    def has_value(self) -> pd.Series:
        return self.customers["cause"] == 1

    @property
    def reached(self) -> pd.DataFrame:
        """The customers that reached value."""
        return self.customers[self.has_value].reset_index(drop=True)

    def __len__(self) -> int:
        return len(self.customers)


def value_curve(spine: Spine) -> Listing:
    """The share still without value, day by day after signing: of the cohort, and of the one before it.

    One row per cohort and day on which something happened; ``cohort`` is the words for it, the review's own first.
    Where 5 % or more left before value, ``of_all`` is the share of all customers without value, those who left
    included (Aalen–Johansen).
    """
    columns = {
        "cohort": Column(_("Customers"), own_words=True),
        "days": Column(_("Days after the start"), "days"),
        "waiting": Column(_("Still without value"), "share"),
        "low": Column(_("95% from"), "share"),
        "high": Column(_("to"), "share"),
        "of_all": Column(_("Of all, those who left included"), "share"),
        "unseen": Column(_("Not followed any further"), "count"),
    }
    rows = [_curve_rows(_words(spine, found), found) for found in _cohorts(spine) if len(found)]
    return Listing(
        caption=_("Customers still without value"),
        rows=pd.concat(rows, ignore_index=True)[list(columns)] if rows else pd.DataFrame(columns=list(columns)),
        columns=columns,
        when_empty=_("No customer signed in these periods."),
        note=_("Who still waits, or left, is followed no further."),
    )


def cohorts_compared(spine: Spine) -> Listing:
    """The cohort beside the one before it, which has none of its customers, and each of their quarters alone."""
    both, rmst_days = _cohorts(spine), spine.rules["rmst_days"]
    alone = _by_quarter(spine, both[0]) if spine.rules["ttv_cohort"] == "trailing_year" else []
    columns = {
        "cohort": Column(_("Customers"), own_words=True),
        "customers": Column(_("Customers"), "count"),
        "reached": Column(_("Have value"), "count"),
        "left": Column(_("Left before"), "count"),
        "median": Column(_("Median days"), "days"),
        "low": Column(_("95% from"), "days"),
        "high": Column(_("to"), "days"),
        "restricted": Column(_("Mean of at most {n} days").format(n=rmst_days), "days"),
        "mean": Column(_("Mean of those with value"), "days"),
    }
    rows = [_summary(_words(spine, found), found, rmst_days) for found in [*both, *alone] if len(found)]
    return Listing(
        caption=_("Time to value, cohort by cohort"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("No customer signed in these periods."),
        note=_tested(spine, both),
    )


def value_by_customer(spine: Spine) -> Listing:
    """One row per customer of the cohort, the longest way first, with how it ended or that it goes on."""
    found = _cohorts(spine)[0]
    rows = found.customers.assign(state=found.customers["cause"].map(STATES))
    own = {
        "start_on": Column(_("Clock started"), "date"),
        "state": Column(_("State"), own_words=True),
        "days": Column(_("Days"), "days"),
        "value_on": Column(_("First value"), "date"),
    }
    columns = customer_columns(spine, own)
    rows = rows.sort_values(["days", "account_id"], ascending=[False, True])
    return Listing(
        caption=_("Days to value of each customer, {cohort}").format(cohort=_words(spine, found)),
        rows=with_names(spine, rows, columns),
        columns=columns,
        when_empty=_("No customer is in this cohort."),
        export="time_to_value",
        top=SHOWN,
        note=_("The longest stand first; of who has no value, the days so far."),
    )


def stage_contributions(spine: Spine) -> Listing:
    """One row per stage, the most days first: what it adds to the mean time to value, and to that of the cohort before.

    The contributions add up to the mean. ``when_present`` is the mean over the customers that passed the stage,
    ``open_days`` how long it was then open, shared with others or not, ``before_clock`` its days before the start.
    """
    spine.require("milestones")
    found, *more = _cohorts(spine)
    earlier = more[0] if more else None
    columns = {
        "stage": Column(_("Stage"), own_words=True),
        "days": Column(_("Days of the mean"), "days"),
        "running": Column(_("Running total"), "share"),
        "waiting": Column(_("of these waiting"), "days"),
        "working": Column(_("working"), "days"),
        "customers": Column(_("Customers that passed it"), "count"),
        "when_present": Column(_("Their mean days"), "days"),
        "open_days": Column(_("Their days open"), "days"),
        "before_clock": Column(_("Days before the clock"), "days"),
        "earlier": Column(_("Days of the mean, {period}").format(period=earlier.words if earlier else ""), "days"),
    }
    rows = _contributions(spine, found)
    if earlier is None or rows.empty:
        rows, columns = rows.assign(earlier=None), {name: columns[name] for name in columns if name != "earlier"}
    else:
        rows = _beside(rows, _contributions(spine, earlier))
    return Listing(
        caption=plural(
            "Where the days to value went, {n} customer, {period}",
            "Where the days to value went, {n} customers, {period}",
            len(found.reached),
        ).format(n=len(found.reached), period=found.words),
        rows=rows[list(columns)],
        columns=columns,
        when_empty=_(NOBODY),
        note=_(
            "A day on which several stages were open is shared out among them, so the days add up to the mean; days "
            "open are not shared out. Days before the clock started are in no sum."
        ),
    )


def waiting_for(spine: Spine) -> Listing:
    """Whom the days of waiting were spent for: us, the customer or a third party, and the stage with most of them."""
    spine.require("milestones")
    found = _cohorts(spine)[0]
    days = _stage_days(spine, found).assign(untold=lambda rows: rows["waiting"] - rows[list(WAITED_ON)].sum(axis=1))
    columns = {
        "who": Column(_("Waiting for")),
        "days": Column(_("Days of the mean"), "days"),
        "share": Column(_("Of the days waiting"), "share"),
        "stage": Column(_("Most of them in"), own_words=True),
    }
    by_stage = days.groupby("stage")[[*WAITED_ON, "untold"]].sum().round(9)
    rows = [
        {
            "who": _(WORDS[str(who)]), "days": parts.sum() / len(found.reached),
            "share": parts.sum() / days["waiting"].sum(), "stage": parts.idxmax(),
        }
        for who, parts in by_stage.items() if parts.sum()
    ]  # fmt: skip
    return Listing(
        caption=_("Whom customers waited for on the way to value, {period}").format(period=found.words),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("No day of waiting is recorded."),
    )


def recent_timelines(spine: Spine) -> Listing:
    """The stages of the twelve customers of the cohort that reached value last, in days after their clock started.

    One row per customer and stretch of a stage; ``total`` is the customer's days to value.
    """
    spine.require("milestones")
    found = _cohorts(spine)[0]
    recent = found.reached.sort_values(["value_on", "account_id"], ascending=[False, True]).head(RECENT)
    own = {
        "stage": Column(_("Stage"), own_words=True),
        "kind": Column(_("Kind"), own_words=True),
        "from_day": Column(_("From day"), "days"),
        "to_day": Column(_("to day"), "days"),
        "total": Column(_("Days to value"), "days"),
    }
    recent = recent.assign(place=range(len(recent)), total=recent["days"])[["account_id", "place", "total"]]
    rows = recent.merge(spine.frame("stretch"), on="account_id", how="left")
    columns = customer_columns(spine, own, who=("customer",))
    rows = rows.sort_values(["place", "from_day", "to_day", "stage"], ignore_index=True)
    return Listing(
        caption=plural(
            "The way to value of the {n} customer that reached it last",
            "The way to value of the {n} customers that reached it last",
            len(recent),
        ).format(n=len(recent)),
        rows=with_names(spine, rows, columns),
        columns=columns,
        when_empty=_(NOBODY),
        note=_("Day 0 is the start of the clock; what lies before it is in no sum."),
    )


def still_waiting(spine: Spine) -> Listing:
    """Who signed in the four quarters and waits for value, the longest first: at which stage, since when, for whom.

    They are in no mean. Who signed before those quarters and has no value either is counted in the note.
    """
    found = _cohorts(spine, "trailing_year")[0]
    waiting = found.customers[found.customers["cause"] == 0]
    waiting = waiting.sort_values(["days", "account_id"], ascending=[False, True], ignore_index=True)
    own = {
        "stage": Column(_("Stage open now")),
        "stage_days": Column(_("Days in it so far"), "days"),
        "waits_on": Column(_("Waiting for")),
        "days": Column(_("Days so far"), "days"),
        "start_on": Column(_("Clock started"), "date"),
    }
    if spine.provides("milestones"):
        waiting = waiting.merge(_open_now(spine), on="account_id", how="left").fillna({"stage": _(NO_STAGE)})
    else:
        own = {name: own[name] for name in ("days", "start_on")}
    columns = customer_columns(spine, own)
    older = _older_waiting(spine, found.first_day)
    more = ""
    if older:
        more = plural(
            "{n} that signed before {period} has no value either.",
            "{n} that signed before {period} have no value either.",
            older,
        ).format(n=older, period=found.words)
    return Listing(
        caption=_("Customers still waiting for value, signed in {period}").format(period=found.words),
        rows=with_names(spine, waiting, columns),
        columns=columns,
        when_empty=_("Every customer that signed in these four quarters has value, or has left."),
        export="still_waiting",
        top=WAITING_SHOWN,
        note=paragraph(_("The longest wait stands first. These days are in no mean."), more),
    )


def improvements_made(spine: Spine) -> Listing:
    """The improvements of the review, each with what its stage adds to the mean before and after it was done.

    Before and after go by the start of the customer's clock, over eight quarters.
    """
    spine.require("milestones")
    parts = _cohorts(spine, "trailing_year")
    customers = pd.concat([part.customers for part in reversed(parts)], ignore_index=True)
    days = _stage_days(spine, Cohort("", parts[0].first_day, customers))
    columns = {
        "stage": Column(_("Stage"), own_words=True),
        "idea": Column(_("Improvement")),
        "owner": Column(_("Owner")),
        "status": Column(_("Status")),
        "expected": Column(_("Days to save"), "days"),
        "done_on": Column(_("Done on"), "date"),
        "before": Column(_("Days of the mean before"), "days"),
        "after": Column(_("after"), "days"),
        "customers": Column(_("Customers before and after")),
    }
    rows = [_improvement(spine, each, customers, days) for each in spine.review.improvements]
    return Listing(
        caption=_("Improvements on the way to value"),
        rows=pd.DataFrame(rows, columns=list(columns)),
        columns=columns,
        when_empty=_("The review lists no improvements; add them under improvements:."),
        note=_(
            "Before and after by the day on which the customer's clock started. Who started after it and still waits "
            "is in no mean yet, so that the days after it may grow; before and after is no proof of the cause."
        ),
    )


def _cohorts(spine: Spine, chosen_by: str = "") -> list[Cohort]:
    """The cohort of the review's period and, where the calendar has it, the one before it."""
    spine.require("customers")
    chosen_by = chosen_by or spine.rules["ttv_cohort"]
    if chosen_by == "trailing_year" and spine.period.kind != "quarter":
        raise NotProvided(FOUR_QUARTERS.format(reason=spine.period.kind))
    if spine.period.label in labels_without_value(spine):
        raise Refused(UNDEFINED)
    days = spine.frame("cohort_days", "part desc").query("chosen_by == @chosen_by").drop_duplicates("part")
    customers = spine.frame("onboarding", "start_on, account_id")
    customers = customers[(customers["chosen_by"] == chosen_by) & customers["left_out"].isna()]
    return [
        Cohort(str(words), first_day.date(), customers[customers["part"] == part].reset_index(drop=True))
        for words, first_day, part in zip(days["words"], days["first_day"], days["part"], strict=True)
    ]


def _words(spine: Spine, found: Cohort) -> str:
    by_value = spine.rules["ttv_cohort"] == "value_quarter"
    return (_("reached value in {period}") if by_value else _("signed in {period}")).format(period=found.words)


def _by_quarter(spine: Spine, found: Cohort) -> list[Cohort]:
    """The customers of each of the four quarters, followed to the same day."""
    quarters = [*spine.period.history(3), spine.period]
    starts = found.customers["start_on"]
    parts = {q: starts.between(pd.Timestamp(q.start), pd.Timestamp(q.end), inclusive="left") for q in quarters}
    return [Cohort(q.label, q.start, found.customers[part].reset_index(drop=True)) for q, part in parts.items()]


def _curve_rows(words: str, found: Cohort) -> pd.DataFrame:
    customers = found.customers
    days, steps = kaplan_meier(customers["days"], found.has_value).steps()
    value = aalen_johansen(customers["days"], customers["cause"]) if has_rival(customers) else None
    of_all = [np.nan if value is None else 1 - value.at(day) for day in days]
    return pd.DataFrame({"cohort": words, "days": days, **steps, "of_all": of_all})


def _summary(words: str, found: Cohort, rmst_days: int) -> dict[str, Any]:
    curve = kaplan_meier(found.customers["days"], found.has_value)
    interval = curve.median_interval
    return {
        "cohort": words,
        "customers": len(found),
        "reached": len(found.reached),
        "left": int((found.customers["cause"] == 2).sum()),
        "median": curve.median,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "restricted": curve.restricted_mean(rmst_days),
        "mean": found.reached["days"].mean() if len(found.reached) else None,
    }


def _tested(spine: Spine, both: Sequence[Cohort]) -> str:
    """How to read the table, after what the log-rank test says of the first two cohorts.

    Customers chosen by their value have no curve to compare.
    """
    reading = _("All are followed to the same day; a dash: not reached, or not followed so long.")
    if spine.rules["ttv_cohort"] == "value_quarter" or len(both) < 2:
        return reading
    p = log_rank(
        np.concatenate([part.customers["days"] for part in both]),
        np.concatenate([part.has_value for part in both]),
        np.repeat([0, 1], [len(part) for part in both]),
    )
    if p is None:
        return reading
    in_100 = _("less than 1") if p < 0.01 else f"{100 * p:.0f}"
    if p < 0.05:
        told = _("Between the first two rows: likely a real difference ({n} in 100 by chance).").format(n=in_100)
    else:
        told = _("Between the first two rows: that may be chance ({n} in 100).").format(n=in_100)
    return paragraph(told, reading)


def _stage_days(spine: Spine, found: Cohort) -> pd.DataFrame:
    """The days of each stage, of the customers of a cohort that reached value."""
    return spine.frame("stage_days", "account_id, stage").merge(found.reached[["account_id"]], on="account_id")


def _contributions(spine: Spine, found: Cohort) -> pd.DataFrame:
    """The sums by stage over all customers that reached value, the most days first."""
    days, n = _stage_days(spine, found), len(found.reached)
    passed = days[days["days"] > 0].groupby("stage")
    sums = days.groupby("stage")[["days", "waiting", "working", "open_days", "before"]].sum()
    sums["customers"] = passed["account_id"].nunique().reindex(sums.index).fillna(0)
    rows = pd.DataFrame(
        {
            **{name: sums[name] / n for name in ("days", "waiting", "working")},
            "customers": sums["customers"],
            "when_present": sums["days"] / sums["customers"].where(sums["customers"] > 0),
            "open_days": sums["open_days"] / sums["customers"].where(sums["customers"] > 0),
            "before_clock": sums["before"] / n,
        }
    ).reset_index()
    rows = rows.assign(last=rows["stage"] == UNATTRIBUTED)
    rows = rows.sort_values(["last", "days", "stage"], ascending=[True, False, True], ignore_index=True)
    total = rows["days"].sum()
    return rows.assign(running=rows["days"].cumsum() / total if total else None)


def _beside(rows: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The contributions with those of the cohort before as ``earlier``; a stage that only they passed comes last."""
    found = rows.merge(before[["stage", "days"]].rename(columns={"days": "earlier"}), on="stage", how="outer")
    order = {stage: i for i, stage in enumerate(dict.fromkeys([*rows["stage"], *in_order(before["stage"])]))}
    found = found.fillna(dict.fromkeys(("days", "waiting", "working", "customers", "before_clock"), 0.0))
    if len(before):
        found = found.fillna({"earlier": 0.0})
    return found.sort_values("stage", key=lambda stages: stages.map(order), ignore_index=True)


def _open_now(spine: Spine) -> pd.DataFrame:
    """The stages that each customer is in, as one row: ``stage``, ``stage_days`` since the oldest, ``waits_on``."""
    rows = spine.frame("open_stage", "account_id, since, stage")
    today = pd.Timestamp(spine.period.known_until)
    rows = rows.assign(
        stage=rows["stage"].map(retold),
        stage_days=(today - rows["since"]).dt.days,
        waits_on=rows["waiting_on"]
        .map({who: _(words) for who, words in WORDS.items()})
        .where(rows["work"] != "working", _(UNDER_WAY)),
    )
    return rows.groupby("account_id", as_index=False).agg(
        stage=("stage", _listed), stage_days=("stage_days", "max"), waits_on=("waits_on", _listed)
    )


def _older_waiting(spine: Spine, before: date) -> int:
    """How many customers that signed before a day pay and have no value."""
    clocks = spine.frame("clock")
    waits = clocks["pays"] & clocks["value_on"].isna() & clocks["left_on"].isna()
    return int((waits & (clocks["start_on"] < pd.Timestamp(before))).sum())


def _listed(texts: pd.Series) -> str | None:
    return enumerated(dict.fromkeys(texts.dropna())) or None


def _improvement(spine: Spine, each: Any, customers: pd.DataFrame, days: pd.DataFrame) -> dict[str, Any]:
    """One row of the list; one that is not done yet has only a before."""
    done = each.done_on if each.done_on and each.done_on <= spine.period.known_until else None
    after = customers["start_on"] >= pd.Timestamp(done) if done else pd.Series(False, customers.index)
    means: dict[str, float | None] = {}
    counts = []
    for name, part in {"before": customers[~after], "after": customers[after]}.items():
        reached = part.loc[part["cause"] == 1, "account_id"]
        spent = days.loc[(days["stage"] == each.stage) & days["account_id"].isin(reached), "days"].sum()
        means[name] = spent / len(reached) if len(reached) else None
        counts.append(len(reached))
    waiting = int((customers[after]["cause"] == 0).sum())
    told = _("{before} and {after}, {waiting} still waiting") if waiting else _("{before} and {after}")
    return {
        "stage": each.stage, "idea": each.idea, "owner": each.owner, "status": each.status,
        "expected": each.expected_days_saved, "done_on": each.done_on, **means,
        "customers": told.format(before=counts[0], after=counts[1], waiting=waiting),
    }  # fmt: skip
