"""The plain text of a message: lines that any window has room for, and what management says without its marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from helpers.pack.rich_text import Node, Part
from helpers.texts import width

ROOM = 78
WIDE, OPENING, CLOSING = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef", "（《「『【“", "、。，．；：！？）》」』】”"
# What stays in one line: a word, or a sign of Chinese with the punctuation that belongs to it.
PIECE = re.compile(f"([ \n\t]*)([{OPENING}]*(?:[{WIDE}]|[^ \n\t{WIDE}]+)[{CLOSING}]*)")
INLINE = {"text", "strong", "em", "s", "code_inline", "link", "softbreak", "hardbreak"}


def filled(text: str, begin: str = "") -> str:
    """A text in lines, the first of which begins with a mark, the others below what follows it.

    >>> print(filled("one " * 20, "- "))
    - one one one one one one one one one one one one one one one one one one one
      one
    """
    lines, line, is_begun = list[str](), begin, False
    for blanks, piece in PIECE.findall(text):
        added = f" {piece}" if blanks and is_begun else piece
        if is_begun and width(line + added) > ROOM:
            lines.append(line)
            line = " " * width(begin) + piece
        else:
            line += added
        is_begun = True
    return "\n".join([*lines, line])


def underlined(title: str) -> str:
    """A heading.

    >>> print(underlined("Went well"))
    Went well
    ---------
    """
    return f"{filled(title)}\n{'-' * min(width(title), ROOM)}"


def prose_text(parts: Sequence[Part]) -> str:
    """What management says, paragraph by paragraph."""
    told = [filled(part["text"]) if part["type"] == "heading" else "\n\n".join(_blocks(part["tree"])) for part in parts]
    return "\n\n".join(told)


def _blocks(nodes: Sequence[Node], begin: str = "") -> Iterator[str]:
    """The blocks of a tree as lines; ``begin`` is the mark of the first, and the others stand below what follows it."""
    for is_inline, run in groupby(nodes, key=lambda node: node["type"] in INLINE):
        for node in [{"type": "paragraph", "children": [*run]}] if is_inline else run:
            yield _block(node, begin)
            begin = " " * width(begin)


def _block(node: Node, begin: str) -> str:
    match node["type"]:
        case "paragraph":
            return filled(_words(node["children"]), begin)
        case "bullet_list" | "ordered_list":
            first, marks = node.get("start", 1), node["type"] == "ordered_list"
            items = [
                "\n".join(_blocks(item["children"], f"{begin}{f'{first + i}.' if marks else '-'} "))
                for i, item in enumerate(node["children"])
            ]
            return "\n".join(items)
        case "blockquote":
            return "\n".join(_blocks(node["children"], f"{begin}> "))
        case "code":
            return "\n".join(f"{begin}{line}" for line in node["text"].splitlines())
        case "table":
            rows = (" · ".join(map(_words, row)) for row in (node["head"], *node["rows"]))
            return "\n".join(filled(row, begin) for row in rows)
        case _:  # a rule
            return f"{begin}-----"


def _words(nodes: Sequence[Node]) -> str:
    """The words of a line, each link with its address."""
    told = []
    for node in nodes:
        words = _words(node["children"]) if "children" in node else node.get("text", " ")
        address = node.get("href", "").removeprefix("mailto:")
        told.append(words if address in ("", words) else f"{words} ({address})")
    return "".join(told)
