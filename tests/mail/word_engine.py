"""What Word's engine shows of a mail, which Outlook on Windows reads HTML with; and what a message has beside that.

The lists are those of Microsoft's "Word 2007 HTML and CSS Rendering Capabilities in Outlook 2007", as far as a message
needs them; what Word does with them since is as caniemail.com has tested it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, Comment, Tag

MOST = 100_000
TAGS = {
    "html", "head", "meta", "title", "style", "body", "table", "tbody", "tr", "th", "td", "p", "h1", "h2", "h3", "div",
    "span", "strong", "em", "s", "a", "img", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code",
}  # fmt: skip
ANYWHERE = {"class", "style", "lang", "dir", "role", "aria-label"}  # Word passes by roles and labels, readers do not
ATTRIBUTES = {
    "table": {"width", "align", "cellpadding", "cellspacing", "border"},
    "td": {"width", "align", "bgcolor", "nowrap", "colspan"},
    "th": {"width", "align", "bgcolor", "nowrap", "colspan", "scope"},
    "img": {"src", "width", "height", "alt"},
    "a": {"href"},
    "ol": {"start"},
    "meta": {"charset", "name", "content"},
}
TEXT = {"color", "font-family", "font-size", "font-weight", "font-style", "line-height", "text-align", "vertical-align"}
BOX = {"background-color", "border", "border-bottom", "border-top", "width", "mso-hide"}
MARGIN, PADDING = re.compile(r"margin(-\w+)?"), re.compile(r"padding(-\w+)?")
PADDED = {"td", "th", "ul", "ol"}  # and nowhere else: Word passes it by
# What Word passes by and other programs need: lines that do not break within a figure, words that do where they are
# too long, and the most width of a page, for which Word has a table of its own.
BESIDE = {"white-space": {"nowrap"}, "word-break": {"normal", "break-word"}, "max-width": {"600px"}}
VALUE = re.compile(r"[\w\s.,#%'-]+")  # no address, function, variable or importance
GHOST = re.compile(r"\[if mso\]>(?P<inside>.*)<!\[endif\]", re.DOTALL)
OPENED = '<table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" border="0"><tr><td>'
CLOSED = "</td></tr></table>"
# Word is to take pixels for what they are, however many of them a screen has to an inch.
SETTINGS = (
    '<xml><o:OfficeDocumentSettings xmlns:o="urn:schemas-microsoft-com:office:office"><o:AllowPNG/>'
    "<o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml>"
)


def faults(html: str, pictures: Mapping[str, bytes]) -> list[str]:
    """What Word's engine would not show, or a reader would miss."""
    page = BeautifulSoup(html, "html.parser")
    found = [fault for tag in page.find_all(True) for fault in _of_tag(tag)]
    found += [f"{tag.name} has {tag['style']}: {fault}" for tag in page.find_all(style=True) for fault in _styles(tag)]
    found += _of_pictures(page, pictures)
    found += _of_comments(page)
    found += [f"style: {rule}" for sheet in page.find_all("style") for rule in _outside_media(sheet.get_text())]
    size = len(html.encode())
    return [*found, *([f"{size} bytes, and Gmail cuts at {MOST}"] if size >= MOST else [])]


def _of_tag(tag: Tag) -> Iterator[str]:
    if tag.name not in TAGS:
        yield f"{tag.name} is no tag that is shown"
    for name in tag.attrs.keys() - ANYWHERE - ATTRIBUTES.get(tag.name, set()):
        yield f"{tag.name} has {name}"
    if tag.name == "table":
        if tag.get("role") not in ("presentation", "table"):
            yield f"a table is neither layout nor data: {tag.attrs}"
        if [tag.get(name) for name in ("cellpadding", "cellspacing", "border")] != ["0", "0", "0"]:
            yield f"a table has gaps: {tag.attrs}"
        if tag["role"] == "presentation" and tag.find("th", recursive=False):
            yield "a table for layout has headings"
    if tag.name == "th" and tag.get("scope") not in ("row", "col", "colgroup"):
        yield f"a heading says not what it heads: {tag.get_text()}"
    if tag.name == "a" and not re.match("https?://|mailto:", str(tag["href"])):
        yield f"a link to {tag['href']}"


def _styles(tag: Tag) -> Iterator[str]:
    given = dict(rule.split(":", 1) for rule in str(tag["style"]).split(";") if rule.strip())
    for name, value in ((name.strip(), value.strip()) for name, value in given.items()):
        if not VALUE.fullmatch(value):
            yield f"{name}: {value}"
        elif name == "display":
            if value != "none" or given.get("mso-hide") != "all":
                yield "display is for what is hidden, from Word by mso-hide"
        elif PADDING.fullmatch(name):
            if tag.name not in PADDED:
                yield f"{name} on {tag.name}"
        elif name in BESIDE:
            if value not in BESIDE[name]:
                yield f"{name}: {value}"
        elif name not in TEXT | BOX and not MARGIN.fullmatch(name):
            yield name


def _of_pictures(page: BeautifulSoup, pictures: Mapping[str, bytes]) -> Iterator[str]:
    shown = {str(tag["src"]): tag for tag in page.find_all("img")}
    if shown.keys() != {f"cid:{name}" for name in pictures}:
        yield f"pictures {sorted(shown)}, and {sorted(pictures)} go with it"
    for name, tag in shown.items():
        png = pictures[name.removeprefix("cid:")]
        size = tuple(int.from_bytes(png[at : at + 4]) for at in (16, 20))
        if not png.startswith(b"\x89PNG") or not tag.get("alt"):
            yield f"{name} is no PNG, or says nothing to those who do not see it"
        if any(
            abs(pixels - 2 * int(str(tag[side]))) > 1 for side, pixels in zip(("width", "height"), size, strict=True)
        ):
            yield f"{name} has {size} pixels, shown as {tag['width']} by {tag['height']}"


def _of_comments(page: BeautifulSoup) -> Iterator[str]:
    comments = page.find_all(string=lambda text: isinstance(text, Comment))
    inside = [found["inside"] if (found := GHOST.fullmatch(text)) else text for text in comments]
    if inside != [SETTINGS, OPENED, CLOSED]:
        yield f"comments: {inside}"


def _outside_media(sheet: str) -> Iterator[str]:
    """What of a style sheet is not for phones: Gmail would show it, and Word would not."""
    rest = re.sub(r"@media \(max-width:480px\)\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", sheet).strip()
    if rest:
        yield rest
