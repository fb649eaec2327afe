"""Executed notebooks to HTML, PDF and workbook: the door through which a build, and ``jupyter nbconvert``, come in."""

from helpers.pack.html import HtmlExporter, render_html
from helpers.pack.pdf import PdfExporter, UnprintableWarning, render_pdf
from helpers.pack.workbook import render_workbook

__all__ = ["HtmlExporter", "PdfExporter", "UnprintableWarning", "render_html", "render_pdf", "render_workbook"]
