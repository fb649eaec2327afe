"""Pictures as figure parts, and as the SVG that the PDF draws."""

from __future__ import annotations

import base64
import io
from xml.etree import ElementTree

from helpers.errors import KitError
from helpers.pack.view import Part

SIGNATURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg"}


def picture(data: bytes, alt: str) -> Part:
    """The figure part of a PNG, JPEG or SVG file.

    Raises:
        KitError: it is none of these.
    """
    for signature, form in SIGNATURES.items():
        if data.startswith(signature):
            return {"type": "figure", "format": form, "data": base64.b64encode(data).decode(), "alt": alt}
    svg = data.decode("utf-8", "replace")
    if not is_svg(svg):
        raise KitError("brand.logo is no picture that the pack can show, must be a PNG, JPEG or SVG file")
    return {"type": "figure", "format": "svg", "data": svg, "alt": alt}


def is_svg(text: str) -> bool:
    """Whether a text is a well-formed SVG document.

    >>> is_svg('<svg xmlns="http://www.w3.org/2000/svg"/>'), is_svg("<svg>")
    (True, False)
    """
    try:
        return ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    except ElementTree.ParseError:
        return False


def is_raster(data: str) -> bool:
    """Whether a base64 text is a picture that can be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.verify()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False
    return True


def as_svg(figure: Part) -> str:
    """A figure as SVG; pixels become an SVG around them, so that every picture travels as text."""
    from PIL import Image

    if figure["format"] == "svg":
        return str(figure["data"])
    data = "".join(figure["data"].split())
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        width, height = image.size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image href="data:image/{figure["format"]};base64,{data}" width="{width}" height="{height}"/></svg>'
    )
