"""What tests of the data share."""

import pytest

from helpers.data import staging


@pytest.fixture
def travelled(monkeypatch):
    """How many rows of events were streamed from the source's engine, per stream; those of other tables always are."""
    arrive, counts = staging._arrive, []

    def counting(engine, rows, sql):
        if not sql.startswith("create table"):
            whole = rows.read_all()
            counts.append(whole.num_rows)
            rows = whole.to_reader()
        arrive(engine, rows, sql)

    monkeypatch.setattr(staging, "_arrive", counting)
    return counts
