"""Markdown and an analyst's own HTML as one tree of plain texts, so that HTML and PDF cannot read a text differently.

A tree holds only the node types named here, with plain strings in them; nothing of an author's markup is left, and
nothing needs to be sanitised. An element of HTML that has no node of its own gives its text.
Nodes: paragraph, bullet_list, ordered_list (start), list_item, blockquote, code, rule, table (align, head, rows), and
inside them text, strong, em, s, code_inline, link (href), softbreak, hardbreak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from helpers.language import _

if TYPE_CHECKING:
    from bs4 import PageElement, Tag

Node = dict[str, Any]
Part = dict[str, Any]  # what pages are made of; helpers.pack.notebook_content says which kinds there are

LINKS, LONGEST_LINK = {"http", "https", "mailto"}, 2000
DEEPEST = 12
WITH_CHILDREN = {"paragraph", "bullet_list", "ordered_list", "list_item", "blockquote", "strong", "em", "s"}

UNSEEN = {"script", "style", "template", "head", "noscript"}
PICTURES = {"img", "svg", "canvas", "video", "audio", "iframe", "object", "embed"}
EMPHASIS = {"strong": "strong", "b": "strong", "em": "em", "i": "em", "s": "s", "del": "s"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
LISTS = {"ul": "bullet_list", "ol": "ordered_list"}
BLOCKS = {
    "p", "div", "section", "article", "header", "footer", "main", "aside", "figure", "figcaption", "dl", "dt", "dd",
    "blockquote", "pre", "table", "hr", "details", "summary", "html", "body", *HEADINGS, *LISTS,
}  # fmt: skip
NUMBER = re.compile(r"[+\-−]?[^\w\s]?\s?\d[\d.,'\s]*\s?[^\w\s]?")


def markdown_parts(text: str) -> list[Part]:
    r"""The headings of a Markdown text and the prose between them, in order.

    >>> [part["type"] for part in markdown_parts("## Churn\n\nTwo customers *left*.")]
    ['heading', 'prose']
    """
    parts: list[Part] = []
    run: list[Token] = []
    tokens = iter(_parser().parse(text))
    for token in tokens:
        if token.type == "heading_open" and token.level == 0:
            parts += _prose(run)
            run = []
            parts.append({"type": "heading", "level": int(token.tag[1]), "text": _plain(next(tokens))})
            next(tokens)
        else:
            run.append(token)
    return parts + _prose(run)


def text_table(
    columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[str]], *, title: str = "", empty: str = ""
) -> Part:
    """The table part of rows of texts; columns have a ``label`` and an ``align``, and ``empty`` stands for no rows."""
    table = {"type": "table", "title": title, "columns": columns, "rows": rows, "values": rows, "group": None}
    return {**table, "note": "", "empty": "" if rows else empty}


def is_link(href: str) -> bool:
    """Whether an address is one that a reader of the pack can follow; others are printed as text.

    >>> is_link("https://example.com"), is_link("javascript:alert(1)"), is_link("../data.csv")
    (True, False, False)
    """
    try:
        return urlsplit(href).scheme in LINKS and len(href) <= LONGEST_LINK
    except ValueError:
        return False


def bounded(nodes: Sequence[Node], room: int = DEEPEST) -> list[Node]:
    """The nodes without what is nested deeper than a page can show; the text in there stays.

    >>> bounded([{"type": "em", "children": [{"type": "text", "text": "deep"}]}], room=0)
    [{'type': 'text', 'text': 'deep'}]
    """
    found: list[Node] = []
    for node in nodes:
        if node["type"] == "table":
            head, *rows = [[bounded(cell, room) for cell in row] for row in (node["head"], *node["rows"])]
            found.append({**node, "head": head, "rows": rows})
        elif "children" not in node:
            found.append(node)
        elif room:
            found.append({**node, "children": bounded(node["children"], room - 1)})
        else:
            found += bounded(node["children"], 0)
    return found


def plain_text(nodes: Sequence[Node]) -> str:
    """The text of nodes without what marks it.

    >>> plain_text([{"type": "text", "text": "two "}, {"type": "em", "children": [{"type": "text", "text": "left"}]}])
    'two left'
    """
    return "".join(node.get("text", " ") if "children" not in node else plain_text(node["children"]) for node in nodes)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _prose(tokens: Sequence[Token]) -> list[Part]:
    tree = bounded(_nodes(SyntaxTreeNode(tokens).children)) if tokens else []
    return [{"type": "prose", "tree": tree}] if tree else []


def _plain(inline: Token) -> str:
    return "".join(child.content or " " * (child.type == "softbreak") for child in inline.children or ())


def _nodes(children: Iterable[SyntaxTreeNode]) -> list[Node]:
    return [node for child in children for node in _node(child)]


def _node(node: SyntaxTreeNode) -> list[Node]:
    if node.type == "inline" or (node.type == "paragraph" and node.hidden):
        return _nodes(node.children)
    if node.type in WITH_CHILDREN:
        start = {"start": int(node.attrs.get("start", 1))} if node.type == "ordered_list" else {}
        return [{"type": node.type, **start, "children": _nodes(node.children)}]
    if node.type == "heading":  # one inside a list or a quotation, where no heading of the document can stand
        return [{"type": "paragraph", "children": [{"type": "strong", "children": _nodes(node.children)}]}]
    if node.type == "link":
        href, inside = str(node.attrs["href"]), _nodes(node.children)
        return [{"type": "link", "href": href, "children": inside}] if is_link(href) else inside
    return [_leaf(node)]


def _leaf(node: SyntaxTreeNode) -> Node:
    match node.type:
        case "table":
            return _table(node)
        case "fence" | "code_block":
            return {"type": "code", "text": node.content}
        case "hr":
            return {"type": "rule"}
        case "softbreak" | "hardbreak":
            return {"type": node.type}
        case "code_inline":
            return {"type": "code_inline", "text": node.content}
        case _:  # text, and of an image its alternative text
            return {"type": "text", "text": node.content}


def _table(node: SyntaxTreeNode) -> Node:
    rows = [row.children for group in node.children for row in group.children]
    head, *body = [[_nodes(cell.children) for cell in row] for row in rows]
    align = [str(cell.attrs.get("style", "")).removeprefix("text-align:") or "left" for cell in rows[0]]
    return {"type": "table", "align": align, "head": head, "rows": body}


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
        return [_html_table(element)]
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
        words = str(element.get("alt") or element.get("title") or _("no description"))
        return [{"type": "text", "text": _("[a picture that is not shown here: {words}]").format(words=words)}]
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


def _html_table(element: Tag) -> Part:
    """The table part of an HTML table: spans filled in, several header rows joined, numbers to the right."""
    caption = element.caption.get_text(" ", strip=True) if element.caption else ""
    rows = [row for row in element.find_all("tr") if row.find_parent("table") is element]
    heads = [row for row in rows if row.find_parent("thead") or not row.find("td")]
    grid = _grid(rows)
    head = [grid[rows.index(row)] for row in heads]
    body = [line for row, line in zip(rows, grid, strict=True) if row not in heads]
    labels = [" · ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*head, strict=True)]
    if not labels:
        labels = [""] * max(map(len, body), default=0)
    columns = [{"label": label, "align": _align([line[i] for line in body])} for i, label in enumerate(labels)]
    return text_table(columns, body, title=caption, empty=_("No rows."))


def _grid(rows: Sequence[Tag]) -> list[list[str]]:
    """The texts of a table's cells as a full rectangle."""
    cells: dict[tuple[int, int], str] = {}
    for y, row in enumerate(rows):
        x = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while (y, x) in cells:
                x += 1
            text = cell.get_text(" ", strip=True)
            for down in range(min(_span(cell, "rowspan"), len(rows) - y)):
                cells.update({(y + down, x + right): text for right in range(_span(cell, "colspan"))})
    width = max((x for _, x in cells), default=-1) + 1
    return [[cells.get((y, x), "") for x in range(width)] for y in range(len(rows))]


def _span(cell: Tag, name: str) -> int:
    """A span as HTML reads it: what is no number is one, and none is longer than a page could show."""
    digits = str(cell.get(name, "1")).strip()
    return min(max(int(digits), 1), 1000) if digits.isdecimal() else 1


def _align(texts: Sequence[str]) -> str:
    given = [text for text in texts if text not in ("", "–", "NaN", "None", "NaT", "...")]
    return "right" if given and all(NUMBER.fullmatch(text) for text in given) else "left"
