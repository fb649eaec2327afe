"""What an executed notebook holds: it opens fast, its tables once, and the figures of its theme as a table to read."""

import nbformat
import pytest
from bs4 import BeautifulSoup

from helpers.display.context import MIME_TABLE
from helpers.display.shown_tables import SEEN
from helpers.pack.notebook_content import MIME_CHART
from tests.pack.requests import ROOT, request_of

MEGABYTE = 1_000_000


def outputs(folder):
    """What each executed notebook displayed: the cell's id and the data."""
    for path in sorted((folder / "notebooks").iterdir()):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", ()):
                yield f"{path.stem}: {cell.id}", output.get("data", {})


def test_the_rows_of_a_table_stand_in_a_notebook_once(built):
    """As data; of a long one the first rows are shown too, in HTML and in plain text."""
    long = []
    for where, data in outputs(built.folder):
        table = data.get(MIME_TABLE) or data.get(MIME_CHART, {}).get("table")
        if table and len(table["data"]) > SEEN and table["title"] != "results":
            long.append(table["title"])
            assert data["text/html"].count("<tr>") <= 1 + SEEN, where
            assert len(data["text/plain"].splitlines()) <= SEEN + 3, where
    assert len(long) >= 2, long


def test_the_figures_of_a_theme_are_shown_as_a_table_to_read(built):
    shown = [data["text/html"] for where, data in outputs(built.folder) if where.endswith(": results")]
    assert len(shown) == len(list((built.folder / "notebooks").iterdir()))
    for page in shown:
        heads = [head.get_text() for head in BeautifulSoup(page, "html.parser").select("thead th")]
        assert heads == ["KPI", "Value", "", "On the period before", "n", "Status"]
        assert "nan" not in page.lower()


@pytest.mark.slow
def test_an_executed_notebook_of_the_sample_opens_fast(tmp_path, build, sample_folder):
    """The two with most figures and rows; more than half of each are the figures of 33 periods and every segment."""
    source = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", str(sample_folder()))
    (tmp_path / "source.yml").write_text(source)
    themes = ("product_activity", "recurring_revenue")
    folder = build(request_of(tmp_path / "source.yml", *themes), tmp_path / "out").folder
    sizes = {path.stem: path.stat().st_size for path in (folder / "notebooks").iterdir()}
    assert sizes.keys() == {*themes}
    assert max(sizes.values()) < 3.5 * MEGABYTE, sizes
