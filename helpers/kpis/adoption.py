"""Which features the users of a persona use, and which of those meant for them they do not.

Source: specification, card K08.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.kpis.activity import Use, roster, window
from helpers.kpis.activity_blocks import RECENT_DAYS, own_activity

if TYPE_CHECKING:
    from helpers.data.known import Tables

UNKNOWN = "(none)"


def feature_users(
    tables: Tables, day: date, use: Use, persona_features: Mapping[str, Sequence[str]] | None = None
) -> pd.DataFrame:
    """One row per persona and feature used in the 28 days to a day: ``persona``, ``feature``, ``used``, ``active``.

    ``active`` are the users of the persona with any activity in them; for a feature first used within them, since that
    day. Every pair of a persona and a feature is there, 0 where nobody of it uses it, and so is what is meant for a
    persona and used by nobody at all.
    """
    rows = _recent(tables, day, use)
    last = rows.group_by("user_id", "persona").aggregate(last_on=rows.active_on.max())
    features = _released(tables, day).semi_join(rows, "feature")
    pairs = last.cross_join(features)
    active = pairs.group_by("persona", "feature").aggregate(active=(pairs.last_on >= pairs.since).sum().fill_null(0))
    users = rows.filter(rows.feature.notnull()).group_by("persona", "feature").aggregate(used=rows.user_id.nunique())
    found = active.left_join(users, ["persona", "feature"])
    found = tables.fetch(found.select("persona", "feature", "active", used=found.used.fill_null(0)))
    seen = set(found["feature"])
    meant = [(p, name) for p, names in (persona_features or {}).items() for name in names if name not in seen]
    if meant:
        people = tables.fetch(rows.group_by("persona").aggregate(active=rows.user_id.nunique()))
        unused = pd.DataFrame(meant, columns=["persona", "feature"]).merge(people, on="persona").assign(used=0)
        found = pd.concat([found, unused], ignore_index=True)
    return found.sort_values(["persona", "feature"], ignore_index=True)


def missing_features(
    tables: Tables, day: date, use: Use, persona_features: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """One row per active user of a persona that uses not all of the features meant for it.

    Columns: ``user_id``, ``account_id``, ``persona``, ``missing`` (the features, in their order), ``used`` (how many).
    """
    rows = _recent(tables, day, use)
    rows = rows.filter(rows.persona.isin(list(persona_features)))
    named = sorted({feature for features in persona_features.values() for feature in features})
    uses = {f"uses_{i}": (rows.feature == feature).any().fill_null(False) for i, feature in enumerate(named)}
    found = tables.fetch(rows.group_by("user_id", "account_id", "persona").aggregate(**uses))
    found = found.sort_values(["account_id", "user_id"], ignore_index=True)
    missing, used = [], []
    for user in found.to_dict("records"):
        meant = persona_features[user["persona"]]
        lacks = [feature for feature in meant if not user[f"uses_{named.index(feature)}"]]
        missing.append(", ".join(lacks))
        used.append(len(meant) - len(lacks))
    found = found.assign(missing=pd.Series(missing, found.index, "str"), used=used)
    return found.loc[found["missing"] != "", ["user_id", "account_id", "persona", "missing", "used"]].reset_index(
        drop=True
    )


def _recent(tables: Tables, day: date, use: Use) -> ibis.Table:
    """The activity of four weeks of the users on the roster, with their persona."""
    tables.require("events.feature", "users.persona")
    users = roster(tables, day, day, use.customers)
    users = users.select("user_id", persona=users.persona.nullif("").fill_null(UNKNOWN))
    rows = own_activity(tables, day, use, RECENT_DAYS)
    rows = rows.mutate(feature=rows.feature.nullif(""))
    return rows.select("user_id", "account_id", "feature", "active_on").join(users, "user_id")


def _released(tables: Tables, day: date) -> ibis.Table:
    """Per feature, the day from which the four weeks are counted: their first, or that of its first use by anybody."""
    rows = tables["events"]
    rows = rows.mutate(feature=rows.feature.nullif(""))
    opens, _ = window(day, RECENT_DAYS)
    first = rows.filter(rows.feature.notnull(), rows.active_on <= day).group_by("feature")
    return first.aggregate(since=ibis.greatest(rows.active_on.min(), opens))
