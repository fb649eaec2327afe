"""What is set once in a notebook, so that whatever it displays can travel into the pack."""

from __future__ import annotations

import warnings

import pandas as pd


def set_up_notebook() -> None:
    """Plain DataFrames carry their table, matplotlib draws SVG in the pack's style, libraries complain less."""
    pd.options.display.html.table_schema = True
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message=".*infer_string.*")
    from IPython import get_ipython

    from helpers.display.drawing import apply_style

    if shell := get_ipython():
        shell.enable_matplotlib("inline")
        shell.run_line_magic("config", "InlineBackend.figure_formats = ['svg']")
    apply_style()
