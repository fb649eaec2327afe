"""A connection -> canonical tables, checked -> the prepared folder."""
