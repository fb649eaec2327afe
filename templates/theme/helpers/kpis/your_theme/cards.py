"""The card of your_theme; its query stands in ``your_theme.sql``.

It runs as it stands. To make it yours, change the query first, then the words of the docstring, then the names of the
KPIs in ``helpers/catalogue.py``, and with each step the test of the same name in ``tests/spec/``.
"""

from __future__ import annotations

from helpers.kpis.rows import Rows, require_subscriptions
from helpers.kpis.spine import Spine
from helpers.results import Row


def your_theme(spine: Spine) -> list[Row]:
    """Paying customers that have not paid for long yet.

    Definition:
        Of the customers that pay on the last day of the period, those whose first paid day lies fewer than 90 days
        before it (``your_theme_days``). The share is these ÷ all that pay.

    Returns:
        ``your_theme`` (count) and ``your_theme_share`` (with its interval),
        in all and by customer segment. Where nobody pays, the count is 0 and the share undefined.

    Raises:
        NotProvided: There are no subscriptions, or no parents where parents pay.
        Refused: Versions of a line overlap, a price is below 0, or a currency has no rate.

    Source:
        Say here who settled this definition, and when.
    """
    require_subscriptions(spine)
    rows = Rows(spine, "your_theme", notes="stock_notes", left_out=("subscriptions", "customers"))
    for answer in rows.answers:
        counted, n = answer["your_theme"], answer["paying"]
        rows.add("your_theme", answer, counted, n=n)
        rows.proportion("your_theme_share", answer, counted, n)
    return rows.done()
