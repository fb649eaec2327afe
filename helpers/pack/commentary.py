"""What management says about the numbers: Markdown files whose figures are filled in from the results.

``{{ nrr }}``, ``{{ new_revenue[upsell] }}`` or ``{{ new_revenue[source: upsell] }}`` stands for the value of the review
period, formatted by its unit, so that a sentence cannot disagree with the page beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from helpers.catalogue import CATALOGUE
from helpers.errors import KitError, nearest

FIGURE = re.compile(r"\{\{\s*(?P<kpi_id>\w+)(?:\[(?P<segment>[^\]]*)\])?\s*\}\}")


def read_commentary(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The commentary of one period by name (``summary``, ``actions`` or a theme); empty where no folder is.

    Raises:
        KitError: a file that belongs to no page, or a figure that is not a KPI; all of them at once.
    """
    files = sorted(folder.glob("*.md")) if folder.is_dir() else []
    texts, faults = _decoded(files)
    faults += [
        f"{folder / name}.md belongs to no page of this pack{nearest(name, names)}"
        for name in texts
        if name not in names
    ]
    for name, text in texts.items():
        faults += [
            f"{folder / name}.md: {{{{ {found['kpi_id']} }}}} is not a KPI{nearest(found['kpi_id'], CATALOGUE)}"
            for found in FIGURE.finditer(text)
            if found["kpi_id"] not in CATALOGUE
        ]
    if faults:
        raise KitError(*faults)
    return texts


def named_in(text: str) -> list[tuple[str, str]]:
    """The figures that a text names, each as a KPI and a segment, which is empty for the total."""
    return [(found["kpi_id"], found["segment"] or "") for found in FIGURE.finditer(text)]


def _decoded(files: list[Path]) -> tuple[dict[str, str], list[str]]:
    """The texts by name, and a fault for each file that is none."""
    texts, faults = {}, []
    for path in files:
        content = path.read_bytes()
        try:
            texts[path.stem] = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            faults.append(f"{path}, line {line} is not plain text in UTF-8; save it again in that encoding")
    return texts, faults


def fill_in(text: str, figure: Callable[[str, str], str]) -> str:
    """The text with every ``{{ kpi_id[segment] }}`` replaced by ``figure(kpi_id, segment)``.

    >>> fill_in("MRR is {{ mrr }}.", lambda kpi_id, segment: "€512,000")
    'MRR is €512,000.'
    """
    return FIGURE.sub(lambda found: figure(found["kpi_id"], found["segment"] or ""), text)
