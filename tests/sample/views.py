"""The sample company as written, opened with nothing but SQL."""

from pathlib import Path

import duckdb

SIZES = {
    "default": {}, "tiny": {"customers": 10, "seed": 1}, "odd": {"customers": 37, "seed": 5},
    "medium": {"customers": 700, "seed": 5}, "large": {"customers": 2_000, "seed": 7},
}  # fmt: skip
TABLES = [
    "customers", "subscriptions", "deals", "stage_history", "products", "fx_rates", "invoices", "spend", "tickets",
    "deliveries", "measurements", "assignments", "milestones", "users", "events", "entitlements",
    "cash_movements",
]  # fmt: skip

VIEWS = """
    create view real as select * from customers where not is_test;
    create view paid as select s.*, unit_amount * quantity / case "interval" when 'month' then 1 when 'quarter' then 3
        else 12 end - coalesce(discount_mrr, 0) as mrr
        from subscriptions s join real using (customer_id) where status <> 'trialing';
    create view steps as select *, lag(mrr, 1, 0) over line as mrr_before, lag(quantity, 1, 0) over line as seats_before
        from paid window line as (partition by line_id order by start_on);
    create view won as select *, closed_at::date as won_on, amount / term_months as per_month from deals
        where outcome = 'won';
    create view leads as select record_id, min(entered_at) filter (stage = 'lead') as lead,
        min(entered_at) filter (stage = 'mql') as mql, min(entered_at) filter (stage = 'sql') as sql,
        min(entered_at) filter (stage = 'opportunity') as opportunity, min(entered_at) filter (stage = 'won') as won,
        min(entered_at) filter (stage = 'lost') as lost from stage_history group by record_id;
"""


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    engine.execute("set timezone = 'Europe/Berlin'")
    for name in TABLES:
        engine.execute(f"create view {name} as from read_parquet('{folder / name}.parquet')")
    engine.execute(VIEWS)
    return engine


def figure(engine: duckdb.DuckDBPyConnection, sql: str) -> float:
    [value] = engine.execute(sql).fetchone()
    return float(value)


def mrr_by_customer(engine, day: str) -> dict[str, float]:
    """MRR of each customer on a day in EUR at finance's rate of 0.92; the double counts with what it is part of."""
    rows = engine.execute(f"""
        select coalesce(merged_into, customer_id), sum(mrr * if(currency = 'USD', 0.92, 1)) from paid join real
        using (customer_id) where start_on <= date '{day}' and coalesce(end_on > date '{day}', true)
            and paid.recorded_at is null group by 1""").fetchall()
    return dict(rows)
