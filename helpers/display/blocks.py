"""KPI blocks (being written; ``Results`` and ``Context`` are ready)."""

from helpers.display.context import Context, Results

__all__ = ["Context", "Results"]
