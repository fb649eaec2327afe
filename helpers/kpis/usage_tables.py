"""The tables beside what customers use of what they pay for: features, seats and quotas.

Source: specification, cards K08 to K10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import pandas as pd

from helpers.kpis.activity import Use, UseRules
from helpers.kpis.adoption import missing_features
from helpers.kpis.named_customers import with_names
from helpers.kpis.product_activity import FeatureRules
from helpers.kpis.quotas import quotas
from helpers.kpis.seats import seat_use
from helpers.kpis.subscription_versions import CustomerRules, Rules
from helpers.periods import Period
from helpers.results import Column, Listing

if TYPE_CHECKING:
    from helpers.data.known import Tables

SHOWN = 6
UNNAMED = "No features are named for any persona: set persona_features."


def feature_gaps(tables: Tables, period: Period, **given: Unpack[FeatureRules]) -> Listing:
    """One row per active user that does not use all of the features meant for its persona."""
    found = _gaps(tables, period, given).sort_values(["account_id", "user_id"])
    own = {
        "user_id": Column("User"),
        "persona": Column("Persona"),
        "used": Column("Features used", "count"),
        "missing": Column("Not used"),
    }
    rows, columns = with_names(tables, found, own, who=("owner", "customer"))
    return Listing(
        caption="Active users without features meant for them",
        rows=rows,
        columns=columns,
        when_empty=_no_gaps(given),
        grain="user_id",
        export="feature_gaps",
        on_pages=False,
    )


def gaps_by_customer(tables: Tables, period: Period, **given: Unpack[FeatureRules]) -> Listing:
    """One row per customer with active users that miss a feature meant for them, the most of them first."""
    found = _gaps(tables, period, given)
    each = found.assign(missing=found["missing"].str.split(", ")).explode("missing")
    lacked = each.groupby("account_id")["missing"].agg(lambda features: features.mode().iloc[0]).rename("lacked")
    users = found.groupby("account_id")["user_id"].count().rename("users")
    rows = pd.concat([users, lacked], axis=1).reset_index()
    own = {"users": Column("Users that miss one", "count"), "lacked": Column("Missed by most of them")}
    order = rows.sort_values(["users", "account_id"], ascending=[False, True])
    rows, columns = with_names(tables, order, own, who=("customer", "owner"), key_on_pages=False)
    return Listing(
        caption="Customers whose active users miss a feature meant for them",
        rows=rows,
        columns=columns,
        when_empty=_no_gaps(given),
        grain="customer_id",
        export="feature_gap_customers",
        top=SHOWN,
    )


def seats_by_customer(tables: Tables, period: Period, **given: Unpack[UseRules]) -> Listing:
    """One row per customer with seats: more users than seats first, then the most seats that nobody uses."""
    found = seat_use(tables, period.measured_on, Use.of(given))
    unused = found["seats"] - found["active"]
    found = found.assign(
        unused=unused.clip(lower=0), over=unused < 0, utilisation=found["active"] / found["seats"],
        flag=_deployment(found),
    )  # fmt: skip
    own = {
        "seats": Column("Seats", "count"),
        "assigned": Column("Assigned", "count"),
        "active": Column("Active in 28 days", "count"),
        "unused": Column("Not used", "count"),
        "utilisation": Column("Utilisation", "share"),
        "flag": Column("Note"),
    }
    order = found.sort_values(["over", "unused", "account_id"], ascending=[False, False, True])
    rows, columns = with_names(tables, order, own, who=("customer", "owner"), key_on_pages=False)
    return Listing(
        caption=f"Seats and their use on {period.measured_on}",
        rows=rows,
        columns=columns,
        when_empty="No customer pays for seats.",
        grain="customer_id",
        export="seats_by_customer",
        top=SHOWN + 4,
        note="Over-deployed, with more users active than seats are paid for, first; then the most seats not used.",
    )


def quotas_by_customer(tables: Tables, period: Period, **given: Unpack[CustomerRules]) -> Listing:
    """One row per customer and meter: what is used of the limit, the nearest to it first."""
    found, _ = quotas(tables, period, Rules(**given))
    found = found.assign(usage=found["used"] / found["limit"], pace=found["projected"] / found["limit"])
    own = {
        "meter": Column("Meter"),
        "used": Column("Used", "count"),
        "limit": Column("Limit", "count"),
        "reset": Column("Reset every", on_pages=False),
        "usage": Column("Of limit", "share"),
        "pace": Column("Projected", "share"),
    }
    nearest = found[["usage", "pace"]].max(axis=1)
    order = found.assign(nearest=nearest).sort_values(["nearest", "customer_id"], ascending=[False, True])
    rows, columns = with_names(tables, order, own, who=("customer", "owner"), key_on_pages=False)
    return Listing(
        caption=f"Quotas and their use on {period.measured_on}",
        rows=rows,
        columns=columns,
        when_empty="No limit is in force.",
        grain="customer_id, meter",
        export="quotas_by_customer",
        top=SHOWN,
        note="Nearest to the limit first: near it a customer may need more, far below it may not need the product.",
    )


def _gaps(tables: Tables, period: Period, given: FeatureRules) -> pd.DataFrame:
    return missing_features(tables, period.measured_on, Use.of(given), given.get("persona_features", {}))


def _no_gaps(given: FeatureRules) -> str:
    named = given.get("persona_features")
    return "Every active user uses all features meant for its persona." if named else UNNAMED


def _deployment(found: pd.DataFrame) -> pd.Series:
    note = pd.Series("", index=found.index).mask(found["assigned"] < found["seats"], "seats not assigned")
    return note.mask(found["active"] > found["seats"], "over-deployed")
