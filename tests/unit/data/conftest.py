"""What tests of the data share."""

import pytest

from helpers.data.engines import OtherEngine


@pytest.fixture
def travelled(monkeypatch):
    """How many rows of events left the source's engine, per query."""
    brought, counts = OtherEngine.rows, []

    def counting(engine, sql, given):
        relation = brought(engine, sql, given)
        if "occurred_at" in sql:
            counts.extend(engine.local.execute(f"select count(*) from {relation}").fetchall()[0])
        return relation

    monkeypatch.setattr(OtherEngine, "rows", counting)
    return counts
