"""What a pack page needs beside the executed notebooks; ``build`` fills it, the HTML and the PDF print it.

Everything in it is ready to be shown: figures are formatted, sentences are written. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from nbformat import NotebookNode

from helpers.pack.definitions import Definition
from helpers.pack.run import Failure

Part = dict[str, Any]

# A verdict in the few words that a scorecard has room for; the section says it in full.
VERDICTS = {"signal": "signal", "noise": "usual range", "too short": "too short to say"}


@dataclass(frozen=True)
class Section:
    """One theme of the pack.

    ``title`` is the section's heading; the notebook's own ``# Title`` is not printed beside it.
    Of a failed section only the failure is shown, never what was computed before it.
    ``commentary`` is management's, as Markdown.
    """

    theme: str
    title: str
    notebook: NotebookNode
    failure: Failure | None = None
    commentary: str = ""


@dataclass(frozen=True)
class Changes:
    """What a reader must know before comparing this pack with the last: sentences, and tables where figures are due."""

    failed: Sequence[str] = ()
    not_provided: Sequence[str] = ()
    refused: Sequence[str] = ()
    restated: Part | None = None
    redefined: Part | None = None
    data: Sequence[str] = ()


@dataclass(frozen=True)
class PackView:
    """The pack without its sections.

    ``scorecard`` holds groups with theme, title and rows; a row is what ``display.blocks.figures`` gives.
    ``logo`` is a PNG, JPEG or SVG file; ``parameters``, ``versions`` and each of ``data`` are parts (``tables.table``).
    ``as_of_on`` dates the PDF, so that the same inputs give the same bytes. Of a ``brief`` pack, each section is a page
    of the PDF: its figures and its list.
    """

    company: str
    title: str
    period_label: str
    period_dates: str
    as_of: str
    as_of_on: date
    brief: bool = False
    status: str = ""
    confidentiality: str = ""
    colour: str = "#1f3a5f"
    logo: bytes | None = None
    locale: str = "en_GB"
    lang: str = "en"
    paper: Literal["a4", "letter"] = "a4"
    headlines: Sequence[str] = ()
    judged_note: str = ""
    commentary: str = ""
    actions: str = ""
    scorecard: Sequence[Mapping[str, Any]] = ()
    changes: Changes = field(default_factory=Changes)
    definitions: Sequence[Definition] = ()
    parameters: Part | None = None
    source: str = ""
    data: Sequence[Part] = ()
    versions: Part | None = None
