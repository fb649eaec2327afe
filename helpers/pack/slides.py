"""Slides: a presentation made of a user's template or of a plain one, with texts that fit and bytes that repeat.

A template's layouts are used by what they are: one with a title and a subtitle is the cover, one with a title and a
single body holds all else. What stands on a slide names the fonts and colours of the theme alone, so that they are the
template's own.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.exc import PackageNotFoundError
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Pt

from helpers.display.palette import BAD, BAND, GOOD, LINE, QUIET, TEXT, ink, lighter
from helpers.errors import KitError
from helpers.language import _, in_force, locale_in_force, page_language
from helpers.pack.appearance import TEMPLATES, colours_of
from helpers.pack.appearance import TEXT as TYPEFACE
from helpers.pack.slide_charts import Drawing, chart_data, look_of_chart
from helpers.pack.slide_room import (
    AFTER,
    BULLET,
    CELL,
    SMALLEST,
    SMALLEST_IN_TABLES,
    Box,
    Column,
    Line,
    fitted,
    fitted_table,
    row_height,
)
from helpers.strict_yaml import shown
from helpers.texts import printable

PLAIN = TEMPLATES / "deck" / "plain.pptx"  # whoever wants a template of their own may begin with it
LARGEST_TITLE, LARGEST_ON_COVER = 30, 40
INSET = (Inches(0.1), Inches(0.05))  # of text from the sides of its box, and from above and below
BODIES = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT)
TITLES = (PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE)
AT_FOOT = (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)
# What Office shows East Asian text in; a machine that lacks it takes one of the same region.
OFFICE_CJK = {"zh_Hant": "Microsoft JhengHei"}  # else that of the mainland
INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


# --- the presentation -------------------------------------------------------------------------------------------------


class Deck:
    """A presentation on its way; ``footer`` stands at the foot of each slide, beside its number.

    Raises:
        KitError: the template cannot be read, or lacks a layout.
    """

    def __init__(self, template: Path | None, *, colour: str, footer: str) -> None:
        self.file, self.is_plain = opened(template or PLAIN), template is None
        if self.is_plain:
            _put_in_colours(self.file, colour)
        self.footer = footer
        self.layouts = _layouts(self.file)

    def slide(self, title: str, notes: str, *, cover: bool = False) -> Slide:
        """A new last slide under a title."""
        made = Slide(self, self.file.slides.add_slide(self.layouts[0 if cover else 1]))
        size = LARGEST_ON_COVER if cover else self._title_size
        _write(made.file.shapes.title, [Line(title, size)])
        made.file.notes_slide.notes_text_frame.text = printable(notes)
        return made

    @property
    def _title_size(self) -> int:
        """The template's own size of titles, where that is not too large for a sentence."""
        own = self.file.slide_master.element.xpath("p:txStyles/p:titleStyle/a:lvl1pPr/a:defRPr/@sz")
        return min([LARGEST_TITLE, *(int(size) // 100 for size in own)])

    def saved(self, *, title: str, company: str, status: str, on: date) -> bytes:
        """The presentation as a file, dated by a day: the same slides give the same bytes."""
        for number, slide in enumerate(self.file.slides, 1):
            if number > 1:
                self._add_foot(slide, number)
        known, moment = self.file.core_properties, datetime.combine(on, time())
        known.title, known.author, known.last_modified_by = printable([title[:255], company[:255], company[:255]])
        known.language, known.content_status, known.revision = _lang(), status, 1
        known.subject = known.keywords = known.comments = known.category = ""
        known.created = known.modified = known.last_printed = moment
        content = io.BytesIO()
        self.file.save(content)
        return _dated(content.getvalue(), moment)

    def _add_foot(self, slide: Any, number: int) -> None:
        """The footer and the number of a slide, where the template has them, else below the body: read last."""
        layout = self.layouts[1]
        for kind in AT_FOOT:
            if present := _of(layout, kind):
                element = deepcopy(present[0]._element)
                element.spPr.clear()  # its place is the layout's
                element.nvSpPr.cNvPr.set("id", str(max(shape.shape_id for shape in slide.shapes) + 1))
                slide.shapes._spTree.append(element)
                shape = list(slide.shapes)[-1]
            else:
                shape = slide.shapes.add_textbox(*self._below(_box(*_of(layout, *BODIES)), kind))
            lines = [Line(self.footer, SMALLEST_IN_TABLES)] if kind == PP_PLACEHOLDER.FOOTER else []
            _write(shape, lines, least=SMALLEST_IN_TABLES)
            if not lines:
                _add_number(shape.text_frame.paragraphs[0], number)

    def _below(self, body: Box, kind: Any) -> Box:
        """A place in the lowest line of a slide, for the footer or the number."""
        height, number = Inches(0.36), Inches(0.8)
        box = Box(body.left, self.file.slide_height - height, body.width - number, height)
        return box if kind == PP_PLACEHOLDER.FOOTER else box._replace(left=box.left + box.width, width=number)


def _dated(content: bytes, moment: datetime) -> bytes:
    """A file of Office with the dates of its entries, of its properties and of the workbooks in it fixed."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = old.read(name)
            if name.endswith(".xlsx"):
                part = _dated(part, moment)
            elif name == "docProps/core.xml":
                part = INSTANT.sub(f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode(), part)
            new.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)
    return found.getvalue()


@dataclass(frozen=True)
class Slide:
    """One slide: its body holds text, or gives its place to a table; a chart stands beside it."""

    deck: Deck
    file: Any

    @property
    def body(self) -> Any:
        """The body, or on the cover the subtitle."""
        kinds = (*BODIES, PP_PLACEHOLDER.SUBTITLE)
        return next(shape for shape in self.file.placeholders if shape.placeholder_format.type in kinds)

    @property
    def place(self) -> Box:
        """The place of the body."""
        return _box(self.body)

    def text(self, lines: Sequence[Line], box: Box | None = None) -> None:
        """Paragraphs in the body, or in a part of its place."""
        _write(self.body, lines, box)

    def chart(self, drawing: Drawing, box: Box) -> None:
        """A chart that can be edited."""
        kind, data = chart_data(drawing)
        frame = self.file.shapes.add_chart(kind, *box, data)
        _describe(frame, _("Chart"), drawing.alt)
        look_of_chart(frame.chart, drawing, box.width)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], alt: str) -> None:
        """A table in the place of the body; of rows that there is no room for, it says how many there are."""
        box = self.place
        self.body._element.getparent().remove(self.body._element)
        size, widths, kept, cells = fitted_table(columns, printable(rows), box)
        frame = self.file.shapes.add_table(len(cells), len(kept), *box._replace(width=sum(widths)))
        _describe(frame, _("Table"), alt)
        frame.table.horz_banding = False
        for column, width in zip(frame.table.columns, widths, strict=True):
            column.width = width
        for y, texts in enumerate(cells):
            frame.table.rows[y].height = row_height(texts, widths, size, bold=not y)
            for x, text in enumerate(texts):
                cell = frame.table.cell(y, x)
                cell.margin_left, cell.margin_top = cell.margin_right, cell.margin_bottom = CELL
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                paragraph = cell.text_frame.paragraphs[0]
                paragraph.alignment = PP_ALIGN.RIGHT if columns[kept[x]].figures else PP_ALIGN.LEFT
                _add_run(paragraph, Line(text, size))

    def picture(self, content: bytes, alt: str, box: Box) -> None:
        """A picture, as large as its place allows, in the lower right of it."""
        shape = self.file.shapes.add_picture(io.BytesIO(content), 0, 0)
        scale = min(box.width / shape.width, box.height / shape.height)
        width, height = int(shape.width * scale), int(shape.height * scale)
        _put(shape, Box(box.left + box.width - width, box.top + box.height - height, width, height))
        _describe(shape, _("Logo"), alt)


# --- the template -----------------------------------------------------------------------------------------------------


def opened(template: Path) -> Any:
    """A user's template without the slides in it.

    Raises:
        KitError: it cannot be read, or lacks a layout; the message says which.
    """
    where = f"brand.deck_template: {shown(template)}"
    try:
        found = Presentation(str(template))
        layouts = _layouts(found)
    except (PackageNotFoundError, KeyError, ValueError, AttributeError, zipfile.BadZipFile, etree.XMLSyntaxError):
        raise KitError(f"{where} is no presentation that can be read; save it as .pptx in PowerPoint") from None
    wanted = zip(("a title and a subtitle", "a title and one body of text"), layouts, strict=True)
    if lacking := [what for what, layout in wanted if layout is None]:
        raise KitError(*(f"{where} has no layout with {what}; add one, in the slide master" for what in lacking))
    ids = found.slides._sldIdLst
    for slide in list(ids):
        found.part.drop_rel(slide.rId)
        ids.remove(slide)
    for tag in ("p:custShowLst", "p:extLst"):  # shows and sections are lists of slides
        for element in found.part._element.findall(qn(tag)):
            found.part._element.remove(element)
    package = found.part.package
    for name, relation in list(package._rels.items()):
        if relation.reltype == RELATIONSHIP_TYPE.THUMBNAIL:  # of a slide that is gone
            package.drop_rel(name)
    return found


def _layouts(deck: Any) -> tuple[Any, Any]:
    """The first layout that is a cover, and that with the largest body; None where there is none."""
    titled = [each for master in deck.slide_masters for each in master.slide_layouts if _of(each, *TITLES)]
    covers = [each for each in titled if _of(each, PP_PLACEHOLDER.SUBTITLE)]
    sizes = {i: _area(each) for i, each in enumerate(titled)}
    largest = max(sizes, key=lambda i: sizes[i], default=None)
    return (covers[0] if covers else None), (titled[largest] if largest is not None and sizes[largest] else None)


def _area(layout: Any) -> int:
    """The area of a layout's body; none where there is no body, or something beside it."""
    unseen = (*TITLES, *AT_FOOT, PP_PLACEHOLDER.DATE)
    others = [shape for shape in layout.placeholders if shape.placeholder_format.type not in unseen]
    return int(others[0].width * others[0].height) if others == _of(layout, *BODIES) and len(others) == 1 else 0


def _of(layout: Any, *kinds: Any) -> list[Any]:
    """The placeholders of these kinds whose text is not turned upright."""
    found = [shape for shape in layout.placeholders if shape.placeholder_format.type in kinds]
    return [shape for shape in found if shape._element.ph_orient == "horz" and shape.width]


def _put_in_colours(deck: Any, colour: str) -> None:
    """The plain presentation in a brand's colour: the band of its cover, the title on that, and the theme."""
    colours = colours_of(colour)
    band, title, *_rest = deck.slide_layouts[0].element.iter(qn("a:srgbClr"))
    band.set("val", colours["brand"][1:])
    title.set("val", colours["ink"][1:])
    _set_theme(deck.slide_master, colour, colours["accent"])


def _set_theme(master: Any, colour: str, accent: str) -> None:
    """The pack's typeface and colours as those of the theme."""
    part = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme = etree.fromstring(part.blob)
    actual = ink(colour)
    wanted = {
        "dk1": TEXT, "lt1": "#ffffff", "dk2": accent, "lt2": BAND, "accent1": actual, "accent2": lighter(actual),
        "accent3": GOOD, "accent4": BAD, "accent5": QUIET, "accent6": LINE, "hlink": accent, "folHlink": accent,
    }  # fmt: skip
    (scheme,) = theme.iter(qn("a:clrScheme"))
    for element in scheme:
        value = wanted[etree.QName(element).localname].lstrip("#").upper()
        element[:] = [parse_xml(f'<a:srgbClr {nsdecls("a")} val="{value}"/>')]
    for element in theme.iter(qn("a:latin")):
        element.set("typeface", TYPEFACE)
    for element in theme.iter(qn("a:ea")):
        element.set("typeface", OFFICE_CJK.get(in_force(), "Microsoft YaHei"))
    part.blob = etree.tostring(theme, xml_declaration=True, encoding="UTF-8", standalone=True)


# --- what stands on a slide -------------------------------------------------------------------------------------------


def _write(shape: Any, lines: Sequence[Line], box: Box | None = None, *, least: int = SMALLEST) -> None:
    """Paragraphs into a shape, moved to a place where one is given."""
    frame, place = shape.text_frame, box or _box(shape)
    if box:
        _put(shape, box)
    frame.clear()
    frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
    for name, inset in zip(("lIns", "tIns", "rIns", "bIns"), INSET * 2, strict=True):
        frame._txBody.bodyPr.set(name, str(inset))
    for i, line in enumerate(fitted(lines, place.width - 2 * INSET[0], place.height - 2 * INSET[1], least)):
        paragraph = frame.add_paragraph() if i else frame.paragraphs[0]
        paragraph.line_spacing, paragraph.space_before, paragraph.space_after = 1.0, Pt(0), Pt(AFTER * line.size)
        properties = paragraph._p.get_or_add_pPr()
        properties.set("marL", str(BULLET * line.bullet))
        properties.set("indent", str(-BULLET * line.bullet))
        mark = 'buChar {} char="•"' if line.bullet else "buNone {}"
        properties.append(parse_xml(f"<a:{mark.format(nsdecls('a'))}/>"))
        _add_run(paragraph, line)


def _add_run(paragraph: Any, line: Line) -> None:
    if not line.text:  # an empty paragraph is as high as its end
        paragraph._p.append(parse_xml(f'<a:endParaRPr {nsdecls("a")} lang="{_lang()}" sz="{line.size}00"/>'))
        return
    run = paragraph.add_run()
    run.text, run.font.size = line.text, Pt(line.size)
    if line.bold:
        run.font.bold = True
    run._r.get_or_add_rPr().set("lang", _lang())


def _add_number(paragraph: Any, number: int) -> None:
    """The field that says the number of a slide."""
    field = (
        f'<a:fld {nsdecls("a")} id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">'
        f'<a:rPr lang="{_lang()}" sz="{SMALLEST_IN_TABLES}00"/><a:t>{number}</a:t></a:fld>'
    )
    paragraph._p.insert_element_before(parse_xml(field), "a:endParaRPr")
    paragraph.alignment = PP_ALIGN.RIGHT


def _lang() -> str:
    """The language in force as Office names it: by the locale, where that is one of the language."""
    locale, language = locale_in_force().replace("_", "-"), page_language()
    return locale if locale.startswith(language) else language


def _box(shape: Any) -> Box:
    return Box(shape.left, shape.top, shape.width, shape.height)


def _put(shape: Any, box: Box) -> None:
    shape.left, shape.top, shape.width, shape.height = box


def _describe(shape: Any, name: str, alt: str) -> None:
    """The name and the alternative text of a shape."""
    properties = shape._element._nvXxPr.cNvPr
    properties.set("name", f"{name} {shape.shape_id}")
    properties.set("descr", printable(alt))
