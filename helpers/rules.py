"""The definitions that more than one theme uses, set once under ``rules:`` and equal everywhere (specification 12)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from helpers.strict_yaml import Frozen, expected

WholeDays = Annotated[int, Field(ge=1)]
Margin = Annotated[float, Field(gt=0, le=1)]


class Rules(Frozen):
    """The rules of a review; a card gets those that its parameters name."""

    week_mode: Literal["rolling7", "iso"] = "rolling7"
    activity_events: tuple[str, ...] = ()
    window_days: Annotated[
        WholeDays | dict[str, WholeDays], expected("a whole number of days from 1, or one per product type")
    ] = 14
    health_signals: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    start_clock: Literal["order", "signature", "invoice", "contract_start"] = "order"
    movement_grain: Literal["month", "quarter", "day"] = "month"
    churn_day: Literal["service_end", "cancelled_at"] = "service_end"
    discounts: Literal["all", "forever", "none"] = "all"
    grace_days: Annotated[int, Field(ge=0)] = 0
    fx_mode: Literal["fixed", "period_end"] = "fixed"
    account_level: Literal["customer", "parent"] = "customer"
    gross_margin: Annotated[
        Margin | dict[str, Margin] | None, expected("none, or a share above 0 and up to 1, or one per period")
    ] = None
    feed_max_age_days: Annotated[int, Field(ge=0)] = 4

    @field_validator("gross_margin", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return None if value == "none" else value
