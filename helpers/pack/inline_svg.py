"""A chart's SVG as part of a page: its words can be found, its marks point to their values, and its ids are its own.

A chart carries names that nobody has checked, and a notebook may display any SVG as one. So only what charts are drawn
with is let in, by name; an SVG with anything else is none that the page takes in, and stays a picture of its own.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup

ROOM = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
SHAPES = {
    "svg", "g", "defs", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan",
    "clipPath", "pattern",
}  # fmt: skip
ATTRIBUTES = {
    "clip-path", "cx", "cy", "d", "data-value", "fill", "height", "patternUnits", "points", "r", "rx", "ry", "stroke",
    "stroke-width", "style", "text-anchor", "transform", "viewBox", "width", "x", "x1", "x2", "y", "y1", "y2",
}  # fmt: skip
LOOKS = re.compile(r"(fill|stroke|font|text-anchor|opacity|clip|letter-spacing|mix-blend-mode)[a-z-]*")
LOCAL = re.compile(r"#[\w.:-]+")
ADDRESS = re.compile(r"url\(\s*['\"]?(#[\w.:-]+)['\"]?\s*\)")
FOR_ALL = re.compile(r"\*\s*\{\s*stroke-linejoin: round; stroke-linecap: butt;?\s*\}")  # matplotlib's own, and no other
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}(?![\d.]*e)")
NOT_TURNED = re.compile(r"rotate\(-?0(?: [^)]*)?\)")


def inline_svg(svg: str, *, alt: str, prefix: str) -> Markup:
    """An SVG as an element of a page; empty if it holds anything that charts are not drawn with.

    ``alt`` says what it shows; ``prefix`` begins every id, so that two charts of a page have none in common.

    >>> inline_svg('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>A &amp; B</text></svg>',
    ...            alt="Two", prefix="c1-")
    Markup('<svg role="img" aria-label="Two" viewBox="0 0 9 9"><text>A &amp; B</text></svg>')
    >>> inline_svg('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', alt="", prefix="")
    Markup('')
    """
    try:
        root = ElementTree.fromstring(svg)
        pointed_at = set(ADDRESS.findall(svg)) | {element.get(LINK, element.get("href", "")) for element in root.iter()}
        [drawn] = _drawn(root, pointed_at, prefix)
    except (ElementTree.ParseError, ValueError):  # or it holds what charts are not drawn with
        return Markup("")
    size = f"0 0 {_points(root, 'width')} {_points(root, 'height')}"
    shown = Element("svg", {"role": "img", "aria-label": alt, "viewBox": _short(drawn.get("viewBox", size))})
    shown.extend(drawn)
    return Markup(ElementTree.tostring(shown, encoding="unicode"))


def _drawn(element: Element, pointed_at: set[str], prefix: str) -> list[Element]:
    """An element as the page shows it: nothing where it shows nothing, its children where it only holds them."""
    name = element.tag.removeprefix(ROOM)
    if name == "style" and FOR_ALL.fullmatch((element.text or "").strip()):
        return []  # the page's own style says it for all charts
    if name == "metadata":
        return []
    if name not in SHAPES or not element.tag.startswith(ROOM):
        raise ValueError(name)
    children = [found for child in element for found in _drawn(child, pointed_at, prefix)]
    looks = _looks(element.get("style", ""), prefix)
    shown = Element(name)
    if f"#{element.get('id')}" in pointed_at:
        shown.set("id", f"{prefix}{element.get('id')}")
    for key, value in element.attrib.items():
        _take(shown, key, value, prefix)
    if looks:
        shown.set("style", looks)
    if name in ("text", "tspan"):
        shown.text = element.text
        for child, old in zip(children, element, strict=True):
            child.tail = old.tail
    shown.extend(children)
    if (name == "g" and not shown.attrib) or (name == "defs" and not children):
        return children
    unseen = name == "path" and looks == "fill:none" and not {"id", "stroke"} & shown.attrib.keys()
    return [] if unseen else [shown]


def _take(shown: Element, key: str, value: str, prefix: str) -> None:
    """One attribute, if it is one that charts have."""
    if key in (LINK, "href") and LOCAL.fullmatch(value):
        shown.set("href", f"#{prefix}{value[1:]}")
    elif key == "data-value" or (key, value) == ("class", "mark"):
        shown.set(key, value)
    elif key in ATTRIBUTES:
        if key != "style" and (short := NOT_TURNED.sub("", _safe(value, prefix))):
            shown.set(key, _short(short))
    elif key not in ("id", "version", "type"):
        raise ValueError(key)


def _looks(style: str, prefix: str) -> str:
    """A style in which each property is one of how shapes and words look; the typeface is the page's."""
    found = []
    for declared in filter(None, map(str.strip, style.split(";"))):
        name, _, value = declared.partition(":")
        if not LOOKS.fullmatch(name.strip()):
            raise ValueError(name)
        if name.strip() != "font-family":
            found.append(f"{name.strip()}:{_short(_safe(value.strip(), prefix))}")
    return ";".join(found)


def _safe(value: str, prefix: str) -> str:
    """A value whose addresses all lie in this picture."""
    rest = ADDRESS.sub("", value)
    if re.search(r"url|[\\@:<>]", rest, re.IGNORECASE):
        raise ValueError(value)
    return ADDRESS.sub(lambda found: f"url(#{prefix}{found[1][1:]})", value)


def _short(value: str) -> str:
    """A value with its numbers to a hundredth of a point, on one line.

    >>> _short("M 29.365859 -180.3")
    'M 29.37 -180.3'
    """
    plain = " ".join(value.split())
    return LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), plain)


def _points(root: Element, name: str) -> float:
    return float(root.get(name, "0").removesuffix("pt").removesuffix("px"))
