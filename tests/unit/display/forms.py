"""What every form of chart has, whatever it shows."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from helpers.display.shown_tables import table_from_resource

MIME = "application/vnd.kpi-review.chart+json"
SVG = "{http://www.w3.org/2000/svg}"


def assert_picture_sentence_and_table(draw: Callable[[], Any]) -> None:
    """A chart is the same picture each time, letters drawn, with a sentence and the table behind it."""
    chart = draw()
    bundle = json.loads(json.dumps(chart._repr_mimebundle_()))
    assert bundle[MIME]["alt"] == chart.sentence
    assert chart.sentence.endswith(".")
    assert table_from_resource(bundle[MIME]["table"])["rows"]
    root = ElementTree.fromstring(chart.svg)
    assert root.tag == f"{SVG}svg"
    assert not root.findall(f".//{SVG}text")
    assert draw().svg == chart.svg
