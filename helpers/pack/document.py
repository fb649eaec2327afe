"""A pack as one document of plain texts and parts, the same for HTML and PDF; only the sections' bodies differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from helpers.pack.images import picture
from helpers.pack.parts import markdown_parts
from helpers.pack.view import Changes, PackView, Section
from helpers.texts import printable

CHANGES = {
    "failed": "Failed",
    "not_provided": "Not provided",
    "refused": "Refused",
    "restated": "Restated figures",
    "redefined": "Changed definitions",
    "data": "What to know of the data",
}


def document(view: PackView, sections: Sequence[Section]) -> dict[str, Any]:
    """What the pages print, bodies of sections apart: view, commentary, changes, sections, actions, chapters."""
    actions = markdown_parts(view.actions, "pack.actions")
    return printable(
        {
            "view": {**asdict(view), "logo": view.logo and picture(view.logo, view.company)},
            "commentary": markdown_parts(view.commentary, "pack.summary"),
            "changes": _changes(view.changes),
            "sections": [_section(section) for section in sections],
            "actions": actions,
            "chapters": _chapters(sections, bool(actions)),
        }
    )


def _section(section: Section) -> dict[str, Any]:
    return {
        "theme": section.theme,
        "title": section.title,
        "failure": section.failure and asdict(section.failure),
        "commentary": markdown_parts(section.commentary, f"{section.theme}.commentary"),
    }


def _changes(changes: Changes) -> list[dict[str, Any]]:
    """What there is to tell, under the headings that a reader sees."""
    found = [(title, getattr(changes, name)) for name, title in CHANGES.items()]
    return [
        {"title": title, "table": told} if isinstance(told, dict) else {"title": title, "sentences": list(told)}
        for title, told in found
        if told
    ]


def _chapters(sections: Sequence[Section], has_actions: bool) -> list[dict[str, Any]]:
    """The contents: every chapter's id and title."""
    themes = [(section.theme, section.title, bool(section.failure)) for section in sections]
    found = [("pack.summary", "Summary", False), ("pack.changes", "What changed", False), *themes]
    found += [("pack.actions", "Actions", False)] * has_actions + [("pack.appendix", "Appendix", False)]
    return [{"id": name, "title": title, "failed": failed} for name, title, failed in found]
