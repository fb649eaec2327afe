"""What a review registers about its KPIs: who owns them, why they were chosen, what is expected of them.

Specification K02, G01, G03, G05 and C07. Only the form is checked here; whether departments, KPIs and objectives fit
each other is told by ``kpis.registered``, on the pages and by ``kpi-review check``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from dateutil.relativedelta import relativedelta
from pydantic import ConfigDict, Field, field_validator, model_validator

from helpers.strict_yaml import Frozen, expected

Increment = Literal["time", "convenience", "options", "money_saved", "recognition", "other"]
KEYS = {"kpis": "kpi_id", "departments": "name", "okrs": "id", "cpis": "id"}


class RegisteredKpi(Frozen):
    """A KPI as an experiment (G03), and how it is guarded (G02)."""

    kpi_id: str
    definition_version: Annotated[int | str, expected("a number or a name")] = 1
    hypothesis: str = ""
    why: str = ""
    customer_value: str = ""
    owner: str = ""
    departments: tuple[str, ...] = ()
    direction: Literal["up", "down", "neutral"] | None = None
    definition: str = ""
    started_on: date | None = None
    review_on: date | None = None
    success_test: str = ""
    decision: Literal["keep", "change", "drop", "pending"] = "pending"
    decided_on: date | None = None
    notes: str = ""
    guardrail: str = ""
    external: bool = False
    company_wide: bool = False
    override_reason: str = ""

    @property
    def due_for_review(self) -> date | None:
        """When it is looked at again: two quarters after it was started, where the review does not say."""
        return self.review_on or (self.started_on and self.started_on + relativedelta(months=6))


class Department(Frozen):
    """A department and the KPIs it is held to (G01), in hand-over order."""

    name: str
    kpi_ids: tuple[str, ...] = ()
    owner: str = ""


class Conflict(Frozen):
    """Two KPIs that pull against each other, and the one that settles it if both departments are held to that (G01).

    Without a joint KPI it may be written as the pair alone: ``[mql_count, lead_acceptance]``.
    """

    pair: tuple[str, str]
    joint: str = ""

    @model_validator(mode="before")
    @classmethod
    def _of_a_pair(cls, value: Any) -> Any:
        return {"pair": value} if isinstance(value, list | tuple) else value

    @field_validator("pair", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Okr(Frozen):
    """An objective and the KPI that measures it (G05); ``due_on`` is the first day that is too late."""

    id: str
    objective: str
    kpi_id: str
    segment: str = ""
    baseline: float
    baseline_on: date
    target: float
    due_on: date
    owner: str = ""


class Evidence(Frozen):
    """What one customer showed or said (C07)."""

    date: date
    customer_id: str = ""
    method: str
    finding: str = ""


class Cpi(Frozen):
    """A customer performance indicator: the customer's outcome and the evidence for it (C07).

    ``outcome_of`` says whose outcome it is, and ``asked_by`` who heard the evidence.
    """

    id: str
    department: str = ""
    outcome: str = ""
    outcome_of: Literal["customer", "company"] = "customer"
    increment: Increment | None = None
    unit: str = ""
    touch_point: str = ""
    evidence: tuple[Evidence, ...] = ()
    asked_by: str = ""
    source: str = ""
    linked_kpis: tuple[str, ...] = ()
    guardrail_kpi: str = ""
    owner: str = ""


class Baseline(Frozen):
    """The days whose values say what is usual of a KPI, both counted, and why it is these (T4)."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_on: date = Field(alias="from")
    to_on: date = Field(alias="to")
    reason: Annotated[str, Field(min_length=1)]


class Peers(Frozen):
    """What other companies have of a KPI, in its unit: quartiles, and who says so, of which day."""

    p25: float
    median: float
    p75: float
    source: Annotated[str, Field(min_length=1)]
    as_of: date


class Verified(Frozen):
    """Who verified the definition of a KPI, when, and what: the fingerprint of its query and words, and its rules."""

    by: Annotated[str, Field(min_length=1, max_length=80), expected("a name of 1 to 80 characters")]
    on: date
    of: Annotated[str, Field(pattern="^[0-9a-f]{8}-[0-9a-f]{8}$"), expected("the text that kpi-review sql prints")]
    rules: Mapping[str, Any] = Field(default_factory=dict)


class Improvement(Frozen):
    """An idea to shorten one stage of the way to value (K02)."""

    stage: str
    idea: str
    owner: str = ""
    status: str = ""
    expected_days_saved: float | None = Field(default=None, ge=0)
    done_on: date | None = None


def as_records(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections as lists of records, where they are written as mappings from name to fields.

    >>> as_records({"kpis": {"nrr": {"owner": "CFO"}}, "company": "Fine Co"})
    {'kpis': [{'kpi_id': 'nrr', 'owner': 'CFO'}], 'company': 'Fine Co'}
    """
    return {name: _records(value, KEYS.get(name)) for name, value in sections.items()}


def _records(value: Any, key: str | None) -> Any:
    if key is None or not isinstance(value, dict) or not all(isinstance(fields, dict) for fields in value.values()):
        return value
    return [{key: name, **fields} for name, fields in value.items()]
