"""What tests of the data share."""

import pyarrow as pa
import pytest

from helpers.data import staging


@pytest.fixture
def travelled(monkeypatch):
    """How many rows were streamed from the source's engine, per stream. Small tables come whole, and are not told."""
    arrive, counts = staging._arrive, []

    def counting(engine, rows, sql):
        if isinstance(rows, pa.RecordBatchReader):
            rows = rows.read_all()
            counts.append(rows.num_rows)
        arrive(engine, rows, sql)

    monkeypatch.setattr(staging, "_arrive", counting)
    return counts
