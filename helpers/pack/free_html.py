"""An analyst's own HTML as parts: text, lists, links and tables are kept, in order; nothing of its markup is.

What comes out are the nodes of ``prose`` and tables, so that HTML and PDF show the same, and nothing needs to be
sanitised: an element that has no node of its own gives its text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from helpers.pack.prose import Node, bounded, is_link
from helpers.pack.tables import html_table
from helpers.pack.view import Part

if TYPE_CHECKING:
    from bs4 import PageElement, Tag

UNSEEN = {"script", "style", "template", "head", "noscript"}
PICTURES = {"img", "svg", "canvas", "video", "audio", "iframe", "object", "embed"}
EMPHASIS = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "s": "s", "del": "s"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
LISTS = {"ul": "bullet_list", "ol": "ordered_list"}
BLOCKS = {
    "p", "div", "section", "article", "header", "footer", "main", "aside", "figure", "figcaption", "dl", "dt", "dd",
    "blockquote", "pre", "table", "hr", "details", "summary", "html", "body", *HEADINGS, *LISTS,
}  # fmt: skip


def html_parts(text: str) -> list[Part]:
    """The prose and tables of an HTML fragment, in order.

    >>> html_parts("<p>Two <b>left</b>.</p><script>track()</script>")[0]["tree"][0]["children"][1]
    {'type': 'strong', 'children': [{'type': 'text', 'text': 'left'}]}
    """
    from bs4 import BeautifulSoup

    parts: list[Part] = []
    for block in _blocks(BeautifulSoup(text, "html.parser").children):
        if block["type"] == "table":
            parts.append(block)
        elif parts and parts[-1]["type"] == "prose":
            parts[-1]["tree"] += bounded([block])
        else:
            parts.append({"type": "prose", "tree": bounded([block])})
    return parts


def _blocks(elements: Iterable[PageElement]) -> list[Node]:
    """Block nodes; running text between blocks becomes paragraphs."""
    found: list[Node] = []
    line: list[PageElement] = []
    for element in elements:
        if _is_block(element):
            found += [*_paragraph(line), *_block(element)]  # type: ignore[arg-type]
            line = []
        else:
            line.append(element)
    return found + _paragraph(line)


def _is_block(element: PageElement) -> bool:
    from bs4 import Tag

    return isinstance(element, Tag) and (element.name in BLOCKS or element.find(list(BLOCKS)) is not None)


def _block(element: Tag) -> list[Node]:
    if element.name == "table":
        return [html_table(element)]
    if element.name == "hr":
        return [{"type": "rule"}]
    if element.name == "pre":
        return [{"type": "code", "text": element.get_text()}]
    if element.name in HEADINGS:
        return [{"type": "paragraph", "children": [{"type": "strong", "children": _inline(element.children)}]}]
    if element.name in LISTS:
        items = [
            {"type": "list_item", "children": _blocks(i.children)} for i in element.find_all("li", recursive=False)
        ]
        return [{"type": LISTS[element.name], "start": 1, "children": items}]
    return _blocks(element.children)


def _paragraph(elements: Iterable[PageElement]) -> list[Node]:
    inline = _inline(elements)
    seen = any(node["type"] != "text" or node["text"].strip() for node in inline)
    return [{"type": "paragraph", "children": inline}] if seen else []


def _inline(elements: Iterable[PageElement]) -> list[Node]:
    return [node for element in elements for node in _inline_node(element)]


def _inline_node(element: PageElement) -> list[Node]:
    from bs4 import Tag
    from bs4.element import PreformattedString

    if isinstance(element, PreformattedString):  # comments, declarations
        return []
    if not isinstance(element, Tag):
        return [{"type": "text", "text": " ".join(f"[{element}]".split())[1:-1]}]
    if element.name in UNSEEN:
        return []
    if element.name in PICTURES:
        words = str(element.get("alt") or element.get("title") or "no description")
        return [{"type": "text", "text": f"[a picture that is not shown here: {words}]"}]
    if element.name == "br":
        return [{"type": "hardbreak"}]
    return _with_meaning(element, _inline(element.children))


def _with_meaning(element: Tag, children: list[Node]) -> list[Node]:
    href = str(element.get("href", ""))
    if element.name == "a" and is_link(href):
        return [{"type": "link", "href": href, "children": children}]
    if element.name in EMPHASIS:
        return [{"type": EMPHASIS[element.name], "children": children}]
    if element.name == "code":
        return [{"type": "code_inline", "text": element.get_text()}]
    return children
