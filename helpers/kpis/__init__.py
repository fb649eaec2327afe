"""Canonical tables -> results: one module per theme, one function per card of the specification."""
