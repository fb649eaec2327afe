"""Executed notebooks as HTML: one as a page of its own, or a review's as one file that asks the network for nothing.

``jupyter nbconvert --to kpi_html executed.ipynb`` uses :class:`HtmlExporter`; a build calls :func:`render_html`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets import Bool, Unicode, default

from helpers.display.blocks import MARKS
from helpers.display.sentences import REASONS
from helpers.display.sparkline import series_svg
from helpers.pack import colours, fonts
from helpers.pack.document import document
from helpers.pack.parts import parts_of, slug, title_of
from helpers.pack.view import VERDICTS, PackView, Part, Section
from helpers.texts import printable

SIGN_BEFORE_CURRENCY = re.compile("([+−])(?=[^\\w\\s.,:;()])")
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


class HtmlExporter(HTMLExporter):
    """One executed notebook as HTML, without its code: nbconvert's exporter on the kit's own template."""

    export_from_notebook = "KPI review page (HTML)"
    locale = Unicode("en_GB", help="Locale of numbers in tables that name none.").tag(config=True)
    whole_page = Bool(True, help="A page of its own; False gives the section that a pack is made of.").tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.register_preprocessor(self._with_parts)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "html"

    @default("extra_template_basedirs")
    def _template_folders(self) -> list[str]:
        return [str(TEMPLATES)]

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape = (
            True  # nbconvert leaves it off, but names and texts of a notebook are not to be trusted
        )
        environment.finalize = unbroken
        environment.globals |= {"marks": MARKS, "verdicts": VERDICTS, "missing": list(REASONS)}
        environment.filters |= {"slug": slug, "svg": svg_address, "image": image_address, "sort_key": sort_key}
        environment.filters |= {"series": series_svg}
        return environment

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """The notebook as a page, or as a section of the pack."""
        body, found = super().from_notebook_node(nb, resources, **more)
        if self.whole_page:
            body = self.page("notebook.html.j2", lang=self.language_code, title=found["title"], body=Markup(body))
        return body, found

    def _with_parts(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The last preprocessor: what the template shows of the notebook."""
        name = resources["metadata"]["name"]
        title = resources.get("title") or title_of(nb) or name
        parts = parts_of(nb, theme=name, title=title, locale=self.locale)
        return nb, resources | {"title": title, "parts": parts, "first_level": 2 if self.whole_page else 3}

    def page(self, template: str, *, colour: str = PackView.colour, **shown: Any) -> str:
        """A whole page of the kit's, with its typeface, colours, one script, and the policy that lets in no other."""
        style, script = ((TEMPLATES / "html" / name).read_text(encoding="utf-8") for name in ("pack.css", "table.js"))
        shown |= {
            "style": Markup(style),
            "script": Markup(script),
            "policy": _policy(script),
            "colour": colours.look(colour),
        }
        write = self.environment.get_template(template).render
        characters = "".join(sorted(set(write(shown))))
        return write(shown, faces=Markup(fonts.font_faces(characters)))


def render_html(view: PackView, sections: Sequence[Section]) -> str:
    """The pack as one HTML file."""
    exporter = HtmlExporter(locale=view.locale, whole_page=False)
    shown = document(view, sections)
    for section, told in zip(sections, shown["sections"], strict=True):
        told["body"] = Markup("" if section.failure else _body(exporter, section))
    shown["titles"] = {section["theme"]: section["title"] for section in shown["sections"]}
    return exporter.page("pack.html.j2", colour=view.colour, lang=view.lang, **shown)


def render_report(title: str, subtitle: str, told: Sequence[Mapping[str, Any]], *, colour: str) -> str:
    """What a command tells (:func:`helpers.display.tables.print_report`) as one HTML file."""
    shown = printable({"title": title, "subtitle": subtitle, "told": told})
    return HtmlExporter(whole_page=False).page("report.html.j2", colour=colour, lang=PackView.lang, **shown)


def unbroken(shown: Any) -> Any:
    """Whatever a template prints, with no line break between a sign and the currency after it.

    >>> unbroken("down −€5,000").split("\u2060")
    ['down −', '€5,000']
    """
    plain = isinstance(shown, str) and not isinstance(shown, Markup)
    return SIGN_BEFORE_CURRENCY.sub("\\1\u2060", shown) if plain else shown


def svg_address(svg: str) -> str:
    """An SVG as the address of an ``img``: in there no script of it runs and no link of it is followed."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def image_address(figure: Part) -> str:
    """A figure part as the address of an ``img``."""
    if figure["format"] == "svg":
        return svg_address(figure["data"])
    return f"data:image/{figure['format']};base64,{''.join(figure['data'].split())}"


def sort_key(value: Any) -> str:
    """What a table cell sorts by; nothing sorts last.

    >>> sort_key(12.5), sort_key(None), sort_key("–")
    ('12.5', '', '')
    """
    return "" if value is None or value == "–" else str(value)


def _body(exporter: HtmlExporter, section: Section) -> str:
    resources = {"metadata": {"name": section.theme}, "title": section.title}
    return exporter.from_notebook_node(section.notebook, resources)[0]


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
