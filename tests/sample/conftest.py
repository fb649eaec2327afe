"""What the tests of the sample share."""

from collections.abc import Callable
from functools import cache

import duckdb
import pytest

from tests.sample.views import SIZES, opened


@pytest.fixture(scope="session")
def engine(sample_folder) -> Callable[[str], duckdb.DuckDBPyConnection]:
    """Gives the sample of a size, opened once."""
    return cache(lambda size: opened(sample_folder(**SIZES[size])))
