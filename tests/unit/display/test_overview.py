"""What JupyterLab shows of the figures of a theme."""

from bs4 import BeautifulSoup

from helpers import results as long_table
from helpers.display.notebook import overview_html
from tests.unit.display.fake_review import Q3, months, quarters, review, share


def cells(results):
    """The rows of the table by the first cell, each with the texts of the others."""
    rows = BeautifulSoup(overview_html(results), "html.parser").select("tbody tr")
    texts = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows]
    return {name: others for name, *others in texts}


def test_one_row_per_kpi_with_its_value_its_change_its_count_and_its_status():
    found = review(
        *quarters("mrr", [100, 112], n=40), *months("mrr", [90, 95, 112]),
        long_table.row("mrr", Q3, 60, segment=("segment", "small")), share("win_rate", 30, 120),
    )  # fmt: skip
    assert cells(found) == {
        "Monthly recurring revenue (MRR)": ["€112", "per month", "+€12 (+12.0%)", "40", "ok"],
        "Win rate": ["25.0%", "", "–", "120", "ok"],
    }
    assert "7 figures" in overview_html(found)  # 2 quarters, 3 months, a segment, and the share


def test_why_a_figure_is_missing_stands_in_the_place_of_its_status():
    found = review(
        long_table.not_provided("nrr", Q3, "subscriptions"), long_table.refused("arr", Q3, "no rate for USD"),
        long_table.row("feature_adoption", Q3, 0.5, segment=("persona", "<b>director</b>")),
    )  # fmt: skip
    assert cells(found) == {
        "Net revenue retention (NRR)": ["–", "", "–", "–", "Not provided: subscriptions"],
        "Annual recurring revenue (ARR)": ["–", "", "–", "–", "No rate for USD"],
        "Feature adoption": ["–", "", "–", "–", "Only by persona"],
    }


def test_a_period_that_is_maturing_is_told_by_the_one_before_it():
    rows = [*quarters("funnel_conversion", [0.2, 0.3, 0.1])]
    rows[-1] = long_table.row("funnel_conversion", Q3, 0.1, status="partial")
    assert cells(review(*rows)) == {"Pipeline conversion, 2026Q2": ["30.0%", "", "+10.0 pp", "–", "ok"]}


def test_without_figures_a_sentence_says_so():
    assert "There are no figures." in overview_html(review())
