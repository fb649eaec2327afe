"""The structure tree of a PDF, which readers for the blind go by."""

from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader


def structure(reader: PdfReader) -> Iterator[Any]:
    """Every node of the structure tree."""
    waiting = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop()
        kids = node.get("/K", [])
        kids = kids.get_object() if hasattr(kids, "get_object") else kids
        for kid in kids if isinstance(kids, list) else [kids]:
            found = kid.get_object() if hasattr(kid, "get_object") else kid
            if hasattr(found, "get") and "/S" in found:
                yield found
                waiting.append(found)


def tags(reader: PdfReader, name: str) -> list[Any]:
    """The nodes of one kind, such as ``/Figure``."""
    return [node for node in structure(reader) if node["/S"] == name]
