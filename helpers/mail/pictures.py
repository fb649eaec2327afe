"""The pictures of a message: the lines of the scorecard and the logo, as PNG on white, which mail programs show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typst

from helpers.pack.appearance import TEMPLATES, typst_fonts
from helpers.pack.notebook_content import as_svg

SPARK, LOGO_HEIGHT, LOGO_WIDTH = 88, 40, 180  # pixels of CSS; a logo has no more than that
DENSITY = 2  # pixels of a picture for each of them
LOGO = "logo"


def draw(view: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """What pages show of a pack as pictures, each by its KPI, and the logo.

    Returns:
        The PNGs by content id; and by ``kpi_id`` or ``logo`` what a tag says: ``cid``, ``width``, ``height``.
    """
    rows = (row for group in view["scorecard"] for row in group["rows"] if row["sparkline_svg"])
    drawn: dict[str, Any] = {row["kpi_id"]: {"svg": row["sparkline_svg"], "width": SPARK} for row in rows}
    if view["logo"]:
        drawn[LOGO] = {"svg": as_svg(view["logo"]), "height": LOGO_HEIGHT, "most": LOGO_WIDTH}
    compiler = typst.Compiler(
        TEMPLATES / "email" / "pictures.typ", root=TEMPLATES / "email", font_paths=typst_fonts(),
        sys_inputs={"pictures": json.dumps([*drawn.values()])},
    )  # fmt: skip
    pages: Any = compiler.compile(format="png", ppi=72 * DENSITY) if drawn else []
    found = dict(zip(drawn, pages if isinstance(pages, list) else [pages], strict=True))
    return {_cid(name): png for name, png in found.items()}, {name: _tag(name, png) for name, png in found.items()}


def _cid(name: str) -> str:
    return f"{name}@kpi-review"


def _tag(name: str, png: bytes) -> dict[str, Any]:
    """A PNG as a tag names it; its size stands in its head."""
    width, height = (int.from_bytes(png[at : at + 4]) // DENSITY for at in (16, 20))
    return {"cid": _cid(name), "width": width, "height": height}
