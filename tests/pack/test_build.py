"""The whole build on the sample company: what a pack holds, and what happens when a section fails."""

import hashlib
import json
import re
from dataclasses import replace
from html import escape

import nbformat
import pandas as pd
import pytest
import yaml
from pypdf import PdfReader

from helpers import results
from helpers.errors import KitError
from helpers.pack.run import Executed
from helpers.pack.write import write_exports
from tests.pack import fixtures as made
from tests.pack.projects import BUILD, changeable_root
from tests.pack.requests import ROOT, request_of

SAME_BYTES = ("pack.html", "pack.pdf", "pack.pptx", "figures.xlsx", "results.csv")


def add_cell(root, theme, source, cell=nbformat.v4.new_code_cell):
    path = root / f"notebooks/{theme}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(len(notebook.cells) - 1, cell(source))
    nbformat.write(notebook, path)


def pdf_text(folder) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(folder / "pack.pdf").pages).split())


def test_a_pack_holds_what_the_contract_says(built):
    names = {path.name for path in built.folder.iterdir()}
    assert {"pack.html", "pack.pdf", "figures.xlsx", "results.csv", "exports", "notebooks", "manifest.json"} <= names
    assert built.exit_status == 0
    assert built.folder.is_symlink()
    themes = set(yaml.safe_load((ROOT / "params/review.yml").read_text())["themes"])
    assert {path.stem for path in (built.folder / "notebooks").iterdir()} == themes


def test_the_manifest_has_the_hash_of_every_file(built):
    files = json.loads((built.folder / "manifest.json").read_text())["files"]
    found = {p.relative_to(built.folder.resolve()).as_posix() for p in built.folder.resolve().rglob("*") if p.is_file()}
    assert files.keys() == found - {"manifest.json"}
    for name, digest in files.items():
        assert hashlib.sha256((built.folder / name).read_bytes()).hexdigest() == digest


def test_results_are_those_that_the_notebooks_computed(built):
    figures = results.read_csv(built.folder / "results.csv")
    assert list(figures.columns) == list(results.COLUMNS)
    assert not figures.duplicated(["kpi_id", "segment_by", "segment", "period"]).any()
    left = []
    for path in (built.folder / "notebooks").iterdir():
        for cell in nbformat.read(path, as_version=4).cells:
            if "results" in cell.metadata.get("tags", []):
                left += cell.outputs[0]["data"]["application/vnd.dataresource+json"]["data"]
    assert len(left) == len(figures)
    assert sum(row["value"] or 0 for row in left) == pytest.approx(figures["value"].sum())


def test_eight_quarters_and_24_months_come_before(built):
    figures = results.read_csv(built.folder / "results.csv")
    periods = figures.loc[(figures["kpi_id"] == "net_new_mrr") & (figures["segment"] == ""), "period"]
    assert sorted(p for p in periods if "Q" in p) == [
        "2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2", "2026Q3",
    ]  # fmt: skip
    months = sorted(p for p in periods if "Q" not in p)
    assert (len(months), months[0], months[-1]) == (24, "2024-10", "2026-09")


def test_months_of_a_quarter_add_up_to_it(built):
    figures = results.read_csv(built.folder / "results.csv").query("segment == ''").set_index(["kpi_id", "period"])
    for kpi_id in ("net_new_mrr", "mrr_new", "mrr_churn", "new_revenue"):
        months = figures["value"].loc[[(kpi_id, m) for m in ("2026-07", "2026-08", "2026-09")]]
        assert months.sum() == pytest.approx(figures.loc[(kpi_id, "2026Q3"), "value"], abs=0.005), kpi_id


def test_exports_hold_every_row_keyed_for_a_crm(built):
    exports = sorted((built.folder / "exports").glob("*.csv"))
    assert exports
    for path in exports:
        assert {"customer_id", "deal_id", "subscription_id"} & set(pd.read_csv(path).columns), path.name


def test_a_customers_page_tells_of_nobody_else(built, company):
    """Each has the name of its own customer, and neither name nor id of any other."""
    customers = pd.read_parquet(company.parent / "data/customers.parquet")[["customer_id", "name"]]
    pages = {path.stem: path.read_text() for path in (built.folder / "exports/delivered_value").iterdir()}
    assert pages.keys() == set(pd.read_csv(built.folder / "exports/delivered_value.csv")["customer_id"])
    assert len(pages) > 5
    for customer_id, page in pages.items():
        is_own = customers["customer_id"] == customer_id
        assert escape(customers.loc[is_own, "name"].item()) in page
        for other in customers[~is_own].itertuples():
            assert other.customer_id not in page
            assert escape(other.name) not in page


def test_no_export_has_a_formula(tmp_path):
    rows = [{"name": "=cmd|' /C calc'!A0", "mrr": -12.5}, {"name": "Fish & Chips", "mrr": None}]
    notebook = made.notebook(made.code(made.table_output(data=rows, export="exports/lost.csv")))
    write_exports([Executed("theme", notebook, 1.0)], tmp_path)
    assert (tmp_path / "exports/lost.csv").read_text() == "name,mrr\n'=cmd|' /C calc'!A0,-12.5\nFish & Chips,\n"


def test_a_table_that_is_shown_as_a_chart_is_exported_too(tmp_path):
    behind = made.resource("Seats", rows=2, export="exports/seats.csv")
    notebook = made.notebook(made.code(made.chart_output(table=behind)))
    write_exports([Executed("theme", notebook, 1.0)], tmp_path)
    assert (tmp_path / "exports/seats.csv").read_text() == "name,mrr\nCustomer 0,0.0\nCustomer 1,1000.0\n"


def test_one_theme_is_built_from_start_to_end_by_the_command(books):
    """The one whole build of make test, so small that it may be there; all others are marked whole."""
    books.source(
        "  customers: select 'C1' as customer_id, 'Aye' as name, date '2026-01-01' as signed_up_on\n"
        "  deals: select 'D1' as deal_id, 'C1' as customer_id, timestamp '2026-07-01' as created_at, "
        "timestamp '2026-08-01' as closed_at, 'won' as outcome, 2400 as amount, 24 as term_months, "
        "'new_logo' as deal_type"
    )
    done = books.run(*BUILD)
    assert (done.status, done.lines[-1]) == (0, "2026Q3: render done")
    draft = books.folder / "reports/2026Q3"
    figures = results.read_csv(draft / "results.csv").query("period == '2026Q3' and segment == ''").set_index("kpi_id")
    assert figures.loc["new_revenue", "value"] == 1200  # of two years, what is of one
    assert "€1,200" in (draft / "pack.html").read_text().replace("\u2060", "")
    assert "€1,200" in pdf_text(draft)
    assert books.run("verify", "reports/2026Q3").status == 0


def test_the_same_inputs_give_the_same_bytes(build, company, tmp_path):
    order = replace(request_of(company, "pipeline_conversion"), deck=True)
    first, second = (build(order, tmp_path / name).folder for name in ("a", "b"))
    for name in SAME_BYTES:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.fixture(scope="module")
def changed(build, company, tmp_path_factory):
    """A pack with a section that fails, and one to which an analyst added prose, a table and a picture."""
    folder = tmp_path_factory.mktemp("changed")
    root = changeable_root(folder)
    add_cell(root, "new_revenue", "prices = {}\nprices['Baltic']")
    theme = "pipeline_conversion"
    add_cell(root, theme, "## Our own view\n\nSeen in *Tallinn*.", nbformat.v4.new_markdown_cell)
    add_cell(root, theme, "import pandas as pd\npd.DataFrame({'Harbour': ['Pärnu', 'Narva'], 'Boats': [3, 12]})")
    add_cell(root, theme, "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()")
    return build(request_of(company, "new_revenue", theme, root=root), folder / "out")


def test_a_failed_section_is_labelled_and_the_rest_is_there(changed):
    assert changed.exit_status == 2
    assert list(changed.failed) == ["new_revenue"]
    html, pdf = (changed.folder / "pack.html").read_text(), pdf_text(changed.folder)
    for shown in (html, pdf):
        assert "PARTIAL" in shown
        assert "KeyError" in shown
        assert "Baltic" in shown
    assert "Traceback" not in html
    figures = results.read_csv(changed.folder / "results.csv")
    assert set(figures["kpi_id"]) >= {"funnel_conversion", "win_rate"}
    assert "new_revenue" not in set(figures["kpi_id"])
    assert json.loads((changed.folder / "manifest.json").read_text())["themes"]["new_revenue"]["status"] == "failed"


def test_a_build_that_fails_leaves_the_draft_as_it_was(build, company, changed_root, tmp_path):
    out = tmp_path / "out"
    add_cell(changed_root, "pipeline_conversion", "raise ValueError('no')")
    (out / ".builds/old").mkdir(parents=True)
    (out / "2026Q3").symlink_to(".builds/old")
    with pytest.raises(KitError, match="every section failed"):
        build(request_of(company, "pipeline_conversion", root=changed_root), out)
    assert (out / "2026Q3").readlink().name == "old"
    assert [path.name for path in (out / ".builds").iterdir()] == ["old"]


def test_what_an_analyst_adds_appears_in_both(changed):
    html, pdf = (changed.folder / "pack.html").read_text(), pdf_text(changed.folder)
    for text in ("Our own view", "Tallinn", "Harbour", "Pärnu"):
        assert text in html
        assert text in pdf
    (figure,) = re.findall(r'<img[^>]*alt="Chart in Pipeline conversion, cell \d+[^"]*"[^>]*>', html)
    assert "data:image/svg+xml;base64," in figure


def test_a_parameter_set_on_the_command_line_reaches_the_numbers(build, company, built, tmp_path):
    sets = ("recurring_revenue.retention_months=6", "rules.movement_grain=quarter")
    order = request_of(company, "recurring_revenue", sets=sets)
    changed = build(order, tmp_path)
    figures = results.read_csv(changed.folder / "results.csv").query("segment == '' and period == '2026Q3'")
    told = dict(zip(figures["kpi_id"], figures["params"].map(json.loads), strict=True))
    assert told["nrr"]["retention_months"] == 6
    assert told["mrr_new"]["movement_grain"] == "quarter"
    was = results.read_csv(built.folder / "results.csv").query("segment == '' and period == '2026Q3'")
    net = [frame.set_index("kpi_id").loc["net_new_mrr", "value"] for frame in (figures, was)]
    assert net[0] == pytest.approx(net[1], abs=0.005)  # the grain changes the split, never the net
