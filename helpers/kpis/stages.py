"""Stage entries as journeys: which stages of the pipeline each record reached, and when.

One row per record. Nothing here knows periods or sources, so a journey can be counted over any group of records.
Days are local days: a record that becomes a lead at noon and is won, without a time, on the same date is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from operator import and_, or_

import ibis
import ibis.expr.types as ir

Flags = list[ir.BooleanValue]


def journeys(entries: ir.Table, stages: Sequence[str]) -> ir.Table:
    """One row per record that entered a listed stage, with the day of its first entry to each.

    Args:
        entries: record_id, stage and the local ``day`` of entry; going back and forth does not matter.
        stages: the stages in order, two or more.

    Returns:
        record_id; ``day_1`` to ``day_m``, missing where the stage was not entered; ``entered``, the day of entry to
        the first stage; ``implied``, whether that day is only the first one known, for want of an entry;
        ``won_too_early``, whether the last stage came before the first.
    """
    listed = entries.filter(entries.stage.isin(list(stages)))
    first = {f"day_{i}": listed.day.min(where=listed.stage == stage) for i, stage in enumerate(stages, 1)}
    found = listed.group_by("record_id").aggregate(**first)
    days = [found[name] for name in first]
    start = ibis.coalesce(days[0], ibis.least(*days[:-1]))
    return found.mutate(
        entered=ibis.coalesce(start, days[-1]),
        implied=days[0].isnull(),
        won_too_early=(days[-1] < start).fill_null(False),
    )


def reached(
    found: ir.Table, stages: Sequence[str], *, skip: str = "imply", horizon_days: int | None = None
) -> ir.Table:
    """The journeys with ``reached_1`` to ``reached_m``: whether the record reached each stage in time.

    Every record has reached the first stage. ``skip`` says what else an entry shows: ``imply`` that all stages before
    were passed too, ``strict`` nothing unless all of them were entered in order, ``any`` only itself.
    Entries more than ``horizon_days`` after the entry to the first stage do not count; None counts all.
    """
    days = [found.entered, *(found[f"day_{i}"] for i in range(2, len(stages) + 1))]
    in_time = [day.notnull() if horizon_days is None else _within(found.entered, day, horizon_days) for day in days]
    flags = SKIP[skip](days, in_time)
    return found.mutate(**{f"reached_{i}": flag for i, flag in enumerate(flags, 1)})


def _within(start: ir.DateValue, day: ir.DateValue, limit: int) -> ir.BooleanValue:
    return (day <= start + ibis.interval(days=limit)).fill_null(False)


def _imply(_: Sequence[ir.DateValue], in_time: Flags) -> Flags:
    return list(accumulate(reversed(in_time), or_))[::-1]


def _strict(days: Sequence[ir.DateValue], in_time: Flags) -> Flags:
    in_order = [flag & (after >= before) for flag, (before, after) in zip(in_time[1:], pairwise(days), strict=True)]
    return list(accumulate([in_time[0], *in_order], and_))


def _any(_: Sequence[ir.DateValue], in_time: Flags) -> Flags:
    return in_time


SKIP: dict[str, Callable[[Sequence[ir.DateValue], Flags], Flags]] = {"imply": _imply, "strict": _strict, "any": _any}
