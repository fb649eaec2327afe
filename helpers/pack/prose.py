"""Markdown as parts: one parser and one tree, so that the HTML and the PDF cannot read a text differently.

A tree holds only the node types named here, with plain strings in them; nothing of an author's text is ever markup.
Nodes: paragraph, bullet_list, ordered_list (start), list_item, blockquote, code, rule, table (align, head, rows), and
inside them text, strong, em, s, code_inline, link (href), softbreak, hardbreak.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from helpers.pack.view import Part

Node = dict[str, Any]

LINKS, LONGEST_LINK = {"http", "https", "mailto"}, 2000
DEEPEST = 12
WITH_CHILDREN = {"paragraph", "bullet_list", "ordered_list", "list_item", "blockquote", "strong", "em", "s"}


def prose_parts(text: str) -> list[Part]:
    r"""The headings of a Markdown text and the prose between them, in order.

    >>> [part["type"] for part in prose_parts("## Churn\n\nTwo customers *left*.")]
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
