"""Notebooks -> executed notebooks -> the pack."""
