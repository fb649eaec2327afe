"""What every form of chart has, whatever it shows."""

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from helpers.display.shown_tables import table_from_resource
from helpers.pack.inline_svg import inline_svg

MIME = "application/vnd.kpi-review.chart+json"
HIGHEST = 60 / 25.4 * 72  # points: on paper, three charts with what is said of them fill a page
SVG = "{http://www.w3.org/2000/svg}"


def assert_picture_sentence_and_table(draw: Callable[[], Any]) -> None:
    """A chart is the same picture each time, with a sentence, the table behind it, and words for each mark."""
    chart = draw()
    bundle = json.loads(json.dumps(chart._repr_mimebundle_()))
    assert bundle[MIME]["alt"] == chart.sentence
    assert chart.sentence.endswith(".")
    assert table_from_resource(bundle[MIME]["table"])["rows"]
    assert_fits_in_a_page(chart.svg)
    assert draw().svg == chart.svg


def assert_fits_in_a_page(svg: str) -> None:
    """Its text is text, its marks have words, only forecasts are hatched, and it can be an element of the page."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert any(each.text for each in root.iter(f"{SVG}text"))
    assert root.findall(f".//{SVG}g[@class='mark']")
    assert all(": " in words for words in marks(svg))
    assert 'class="mark"' in inline_svg(svg, alt="x", prefix="c1-")
    assert bool(root.findall(f".//{SVG}pattern")) == any(words.startswith("Forecast") for words in marks(svg))
    assert float(root.attrib["viewBox"].split()[3]) <= HIGHEST


def marks(svg: str) -> list[str]:
    """What the marks of a picture tell."""
    return [each.attrib["data-value"] for each in ElementTree.fromstring(svg).iterfind(f".//{SVG}g[@class='mark']")]


def texts(svg: str) -> list[str]:
    """The texts of a picture, in the order in which they are drawn."""
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def reach(svg: str, words: str) -> tuple[float, float]:
    """How far from left to right the bar reaches that tells these words."""
    [group] = ElementTree.fromstring(svg).findall(f".//{SVG}g[@data-value='{words}']")
    xs = [float(x) for x in re.findall(r"[ML] (\S+) ", group.find(f"{SVG}path").attrib["d"])]
    return min(xs), max(xs)
