"""Management's words: figures are filled in, and what names no page or no KPI is refused before any kernel."""

import pytest

from helpers.errors import KitError
from helpers.pack.request import fill_in, read_commentary

PAGES = ("summary", "actions", "new_revenue")


def test_no_folder_is_no_commentary(tmp_path):
    assert read_commentary(tmp_path / "2026Q3", PAGES) == {}


def test_every_fault_is_told_at_once(tmp_path):
    (tmp_path / "sumary.md").write_text("Fine.")
    (tmp_path / "new_revenue.md").write_text("{{ new_revenu }} and {{ nrrr[x] }} and {{ nrr }}.")
    with pytest.raises(KitError) as told:
        read_commentary(tmp_path, PAGES)
    assert [fault.rpartition("did you mean ")[2] for fault in told.value.faults] == [
        "'summary'?", "'new_revenue'?", "'nrr'?",
    ]  # fmt: skip


def test_a_figure_of_a_segment_is_that_of_the_segment():
    found = fill_in("{{new_revenue}} of which {{ new_revenue[cross_sell] }}", lambda k, s: f"<{k}|{s}>")
    assert found == "<new_revenue|> of which <new_revenue|cross_sell>"


def test_the_pack_prints_the_commentary_with_its_figures(built):
    html = (built.folder / "pack.html").read_text()
    assert "From management" in html
    assert "{{" not in html
