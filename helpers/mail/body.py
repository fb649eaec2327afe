"""The two bodies of a message, HTML and plain text, written by ``templates/email`` from the same content.

The HTML is for Word's engine, which Outlook reads mail with, and for Gmail, which cuts what is larger than 102 kB. The
plain text has lines that any window has room for, and what management says without its marks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import css_inline
from jinja2 import Environment, FileSystemLoader
from jinja2.nodes import EvalContext
from jinja2.utils import pass_eval_context
from markupsafe import Markup, escape

from helpers.display.blocks import MARKS, TARGETS
from helpers.display.palette import LINE, QUIET, TEXT
from helpers.display.sentences import REASONS
from helpers.errors import KitError
from helpers.language import _, page_language
from helpers.pack.appearance import TEMPLATES, colours_of
from helpers.pack.rich_text import Node, Part
from helpers.texts import width

MOST = 100_000  # bytes of HTML
SAID = ("asked", "commentary")  # what management says, in the order in which it is kept
KEPT = '<style data-css-inline="keep">'  # the style sheet that is not written into the tags: that of phones
PANEL = "#f3f4f6"
CHINESE = {
    "zh-Hans": "'Microsoft YaHei','PingFang SC','Noto Sans CJK SC',",
    "zh-Hant": "'Microsoft JhengHei','PingFang TC','Noto Sans CJK TC',",
}
# A sign before a currency, and its figure: browsers would break the line between them.
SIGNED = re.compile(r"[+−][^\w\s.,:;()&<]\d(?:[\d.,\xa0\u202f]*\d)?")
ROOM = 78
WIDE, OPENING, CLOSING = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef", "（《「『【“", "、。，．；：！？）》」』】”"
# What stays in one line: a word, or a sign of Chinese with the punctuation that belongs to it.
PIECE = re.compile(f"([ \n\t]*)([{OPENING}]*(?:[{WIDE}]|[^ \n\t{WIDE}]+)[{CLOSING}]*)")
INLINE = {"text", "strong", "em", "s", "code_inline", "link", "softbreak", "hardbreak"}


def write_bodies(content: Mapping[str, Any], shown: Mapping[str, Any]) -> tuple[str, str]:
    """The HTML and the text of a message.

    Where what management says makes it too large, it has as much of that as there is room for, and says so.

    Args:
        content: what pages print (:func:`helpers.pack.pages.page_content`).
        shown: what the message says beside that.

    Raises:
        KitError: it is too large without what management says.
    """
    fonts = f"Arial,Helvetica,{CHINESE.get(page_language(), '')}sans-serif"
    colours = {"text": TEXT, "quiet": QUIET, "line": LINE, "panel": PANEL}
    look = {**colours_of(content["view"]["colour"]), **colours, "fonts": fonts}
    said = [(name, piece) for name in SAID for piece in _in_pieces(content[name])]

    def printed(template: str, pieces: int) -> str:
        parts = {name: [piece for of, piece in said[:pieces] if of == name] for name in SAID}
        values = {
            **content,
            **shown,
            **parts,
            "look": look,
            "lang": page_language(),
            "is_shortened": pieces < len(said),
        }
        return _templates().get_template(template).render(values)

    def html(pieces: int) -> str:
        return _inliner().inline(printed("message.html.j2", pieces)).replace(KEPT, "<style>", 1)

    def size(pieces: int) -> int:
        return len(html(pieces).encode())

    kept = len(said) if size(len(said)) < MOST else bisect_right(range(len(said)), MOST - 1, key=size) - 1
    if kept < 0:
        raise KitError(
            f"the body of the mail has {size(0):,} bytes without what management says, and Gmail cuts it at {MOST:,}; "
            "shorten the names of segments, and of the scorecard's groups in review.yml"
        )
    return html(kept), f"{printed('message.txt.j2', kept).strip()}\n"


def _in_pieces(parts: Sequence[Part]) -> Iterator[Part]:
    """What management says, paragraph by paragraph."""
    for part in parts:
        yield from ({**part, "tree": [node]} for node in part["tree"]) if "tree" in part else (part,)


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "email"),
        autoescape=lambda name: ".html." in (name or ""),  # names and commentary are not to be trusted
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"marks": MARKS, "targets": TARGETS, "missing": list(REASONS), "_": _}
    environment.filters |= {"filled": filled, "prose": prose_text, "underlined": underlined}
    return environment


@pass_eval_context
def _unbroken(context: EvalContext, shown: Any) -> Any:
    """What HTML prints, with a sign, its currency and its figure on one line."""
    if not context.autoescape or not isinstance(shown, str) or isinstance(shown, Markup):
        return shown
    return Markup(SIGNED.sub(r'<span style="white-space:nowrap">\g<0></span>', str(escape(shown))))


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
