"""The command line: exit status 0, 1 or 2, one message for a mistake, never a traceback, never a secret."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from helpers.errors import KitError

ROOT = Path(__file__).parents[2]
COMMON = 'period: str = "2026Q3"\nsource: str = "s"\nreview: str = "r"\nas_of: str | None = None\n'
CONTRACT = ["--period", "--source", "--review", "--out", "--as-of", "--only", "--set", "--jobs"]
BUILD = ["build", "--period", "2026Q3", "--source", "params/books.yml"]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    for folder in ("params", "notebooks"):
        (tmp_path / folder).mkdir()
    for theme, more in (("new_revenue", 'basis: str = "acv"'), ("recurring_revenue", "retention_months: int = 12")):
        cell = nbformat.v4.new_code_cell(COMMON + more, metadata={"tags": ["parameters"]})
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"notebooks/{theme}.ipynb")
    write(tmp_path, "review", "company: Fine Co\nthemes: {new_revenue: {basis: tcv}, recurring_revenue: {}}\n")
    write(tmp_path, "books", "name: Books\nconnect: duckdb://\ncurrency: EUR\ntables: {deals: deals}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, name, text):
    (folder / f"params/{name}.yml").write_text(text)


@pytest.fixture
def orders(monkeypatch):
    """What ``build_pack`` is asked for; it builds nothing."""
    found = []

    def build_pack(order, *, out, kernels, say):
        found.append(SimpleNamespace(order=order, out=out, workers=kernels.workers))
        say("prepare")
        return SimpleNamespace(folder=out / order.period.label, failed={}, exit_status=0)

    monkeypatch.setattr("helpers.pack.build.build_pack", build_pack)
    return found


# --- what a build is asked for ----------------------------------------------------------------------------------------


def test_a_build_makes_slides_where_they_are_asked_for(run, orders):
    status, out, _ = run(*BUILD, "--deck")
    assert (status, out.splitlines()[-1]) == (0, "reports/2026Q3/pack.pptx")
    assert [asked.order.deck for asked in orders] == [True]


def test_build_with_the_least(run, orders):
    status, out, err = run(*BUILD)
    assert (status, out) == (0, "reports/2026Q3/pack.html\nreports/2026Q3/pack.pdf\nreports/2026Q3/figures.xlsx\n")
    assert err == "2026Q3: prepare done\n"
    (asked,) = orders
    assert asked.order.parameters == {
        "new_revenue": {
            "period": "2026Q3", "source": "params/books.yml", "review": "params/review.yml", "as_of": "2026-09-30",
            "basis": "tcv",
        },
        "recurring_revenue": {
            "period": "2026Q3", "source": "params/books.yml", "review": "params/review.yml", "as_of": "2026-09-30",
            "retention_months": 12,
        },
    }  # fmt: skip
    assert (asked.order.root, asked.out) == (Path.cwd(), Path("reports"))
    assert asked.workers >= 1


def test_build_with_everything(run, orders, project):
    write(
        project,
        "other",
        "company: Other\nfiscal_year_start_month: 2\nthemes: {recurring_revenue: {}, new_revenue: {}}\n",
    )
    status, out, _ = run(
        "build", "--period", "FY2027Q1", "--period", "2026-07", "--source", project / "params/books.yml", "--review",
        "params/other.yml", "--out", "packs", "--as-of", "2026-08-03", "--only", "new_revenue", "--set",
        "new_revenue.basis=mrr", "rules.grace_days=30", "--jobs", "3",
    )  # fmt: skip
    assert status == 0
    assert out.splitlines()[::3] == ["packs/FY2027Q1/pack.html", "packs/2026-07/pack.html"]
    assert [asked.order.period.label for asked in orders] == ["FY2027Q1", "2026-07"]
    order = orders[0].order
    assert list(order.parameters) == ["new_revenue"]
    assert order.others["recurring_revenue"] == {"retention_months": 12}
    assert order.parameters["new_revenue"]["basis"] == "mrr"
    assert order.parameters["new_revenue"]["as_of"] == "2026-08-03"
    assert order.parameters["new_revenue"]["source"] == "params/books.yml"
    assert order.review.rules.grace_days == 30
    assert orders[0].workers == 3


def test_only_takes_several_themes_in_the_order_of_the_review(run, orders):
    for form in (
        ["--only", "recurring_revenue", "new_revenue"],
        ["--only", "recurring_revenue", "--only", "new_revenue"],
    ):
        assert run(*BUILD, *form)[0] == 0
    assert [list(asked.order.parameters) for asked in orders] == [["new_revenue", "recurring_revenue"]] * 2


def test_a_period_named_twice_is_built_once(run, orders):
    run(*BUILD, "--period", "2026Q3")
    assert len(orders) == 1


def test_sections_that_no_page_shows_are_told(run, orders, project):
    write(project, "review", "company: A\nthemes: {new_revenue: {}}\nokrs: []\ndepartments: [{name: sales}]\n")
    assert "params/review.yml: departments is read and checked, but no page" in run(*BUILD)[2]


def test_rules_that_no_theme_follows_are_told(run, orders):
    _, _, err = run(*BUILD, "--set", "rules.week_mode=iso", "rules.grace_days=30")
    assert "params/review.yml: rules.week_mode is set, but no theme here follows it" in err
    assert "grace_days" not in err


def test_only_tells_nothing_of_themes_that_were_not_asked_for(run, orders, project):
    write(
        project, "review", "company: A\nthemes: {new_revenue: {}, recurring_revenue: {}, kpi_alignment: {}}\n"
        "rules: {grace_days: 30}\ndepartments: [{name: sales}]\n",
    )  # fmt: skip
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(COMMON, metadata={"tags": ["parameters"]})]),
        project / "notebooks/kpi_alignment.ipynb",
    )
    _, _, err = run(*BUILD, "--only", "new_revenue")
    assert err == "2026Q3: prepare done\n"  # departments are on a page of the review, grace_days in one of its themes
    by_hand = (*BUILD, "--only", "new_revenue", "--set", "rules.week_mode=iso", "rules.grace_days=5")
    for basis, told in (("acv", ["rules.grace_days", "rules.week_mode"]), ("mrr", ["rules.week_mode"])):
        _, _, err = run(*by_hand, f"new_revenue.basis={basis}")  # deals know no grace, MRR does
        lines = [line for line in err.splitlines() if "no theme here follows it" in line]
        assert sorted(line.split()[1] for line in lines) == told


def test_commentary_on_a_theme_that_only_leaves_out_is_no_fault(run, orders, project):
    notes = project / "params/commentary/2026Q3"
    notes.mkdir(parents=True)
    (notes / "recurring_revenue.md").write_text("Fine.")
    run(*BUILD, "--only", "new_revenue")
    assert orders[0].order.commentary().on("recurring_revenue").text == "Fine."


def test_a_period_that_is_not_over_is_told(run, orders):
    assert "2150Q1 is not over; --as-of DATE" in run("build", "--period", "2150Q1", "--source", "params/books.yml")[2]
    told = run("build", "--period", "2150Q1", "--as-of", "2150-02-01", "--source", "params/books.yml")[2]
    assert "is not over" not in told


def test_from_a_folder_within_the_project(run, orders, project, monkeypatch):
    monkeypatch.chdir(project / "notebooks")
    assert (
        run("build", "--period", "2026Q3", "--source", "../params/books.yml", "--review", "../params/review.yml")[0]
        == 0
    )
    assert orders[0].order.root == project
    assert orders[0].order.parameters["new_revenue"]["source"] == "params/books.yml"


# --- exit status ------------------------------------------------------------------------------------------------------


def test_a_failed_section_is_done_in_part(run, monkeypatch):
    built = SimpleNamespace(folder=Path("reports/2026Q3"), failed={"new_revenue": "cell [4] stopped"}, exit_status=2)
    monkeypatch.setattr("helpers.pack.build.build_pack", lambda *_, **__: built)
    status, out, err = run(*BUILD)
    assert status == 2
    assert "2026Q3: section new_revenue failed: cell [4] stopped" in err
    assert "pack.html" in out


def test_a_build_that_fails_is_nothing_done(run, monkeypatch):
    def build_pack(*_, **__):
        raise KitError("deals.csv cannot be read", "users.csv cannot be read")

    monkeypatch.setattr("helpers.pack.build.build_pack", build_pack)
    assert run(*BUILD) == (1, "", "2026Q3: deals.csv cannot be read\n2026Q3: users.csv cannot be read\n")


def test_one_period_of_two_is_done_in_part(run, monkeypatch):
    def build_pack(order, **__):
        if order.period.label == "2026Q2":
            raise KitError("every section failed")
        return SimpleNamespace(folder=Path("reports/2026Q3"), failed={}, exit_status=0)

    monkeypatch.setattr("helpers.pack.build.build_pack", build_pack)
    status, out, err = run(*BUILD, "--period", "2026Q2")
    assert (status, err) == (2, "2026Q2: every section failed\n")
    assert "reports/2026Q3/pack.html" in out


@pytest.mark.parametrize("stop", [KeyboardInterrupt, PermissionError(13, "Permission denied", "/srv/packs")])
def test_interrupts_and_the_operating_system(run, monkeypatch, stop):
    def build_pack(*_, **__):
        raise stop

    monkeypatch.setattr("helpers.pack.build.build_pack", build_pack)
    status, _, err = run(*BUILD)
    assert status == 1
    assert err.strip() == ("interrupted" if stop is KeyboardInterrupt else "/srv/packs: Permission denied")


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["buld"], "kpi-review: No such command 'buld'. Did you mean 'build'?"),
        (["build"], "kpi-review build: Missing option '--period'"),
        (["build", "--period", "2026Q3"], "kpi-review build: Missing option '--source'"),
        ([*BUILD, "--perod", "x"], "kpi-review build: No such option: --perod"),
        ([*BUILD, "--jobs", "0"], "kpi-review build: Invalid value for '--jobs'"),
        ([*BUILD, "--jobs", "two"], "kpi-review build: Invalid value for '--jobs'"),
        ([*BUILD, "more"], "kpi-review build: Got unexpected extra argument"),
        (["--nope"], "kpi-review: No such option: --nope"),
        (["sample"], "kpi-review sample: Missing option '--out'"),
        ([*BUILD, "--as-of", "30.9.2026"], "--as-of 30.9.2026: must be a day such as 2026-09-30"),
        ([*BUILD, "--as-of", "2026-06-30"], "as-of 2026-06-30 lies before 2026Q3 (2026-07-01 to 2026-09-30)"),
        ([*BUILD, "--period", "2026Q5"], "period '2026Q5' is not a period; expected a quarter"),
        ([*BUILD, "--period", "FY2027Q1"], "the quarter that holds 2027-01-01 is 2027Q1"),
        ([*BUILD, "--review", "params/none.yml"], "params/none.yml cannot be read: No such file or directory"),
        (
            [*BUILD, "--only", "new_revenu"],
            "--only new_revenu: not a theme of this review; did you mean 'new_revenue'?",
        ),
        ([*BUILD, "--set", "rules.grace_day=3"], "--set rules.grace_day is not known; did you mean 'grace_days'?"),
        ([*BUILD, "--set", "new_revenue.base=3"], "--set new_revenue.base is not known; did you mean 'basis'?"),
        (
            [*BUILD, "--only", "new_revenue", "--set", "recurring_revenue.retention_months=6"],
            "--set recurring_revenue.retention_months is of no theme that is asked for",
        ),
        ([*BUILD, "--force"], "kpi-review build: No such option: --force"),
        ([*BUILD, "--no-warm"], "kpi-review build: No such option: --no-warm"),
        ([*BUILD, "--set", "basis=acv"], "--set basis=acv: must be THEME.NAME=VALUE or rules.NAME=VALUE"),
        (["sample", "--out", "data", "--seed", "-1"], "seed == -1, must be 0 or more"),
        (["check", "--period", "2026Q3"], "kpi-review check: Missing option '--source'"),
        (["check", *BUILD[1:], "--period", "2026Q2"], "--period is given 2 times; a check is of one period"),
        (["check", *BUILD[1:], "--as-of", "2026-06-30"], "as-of 2026-06-30 lies before 2026Q3"),
        (["check", *BUILD[1:]], "params/books.yml: tables.deals: the engine has no table 'deals'"),
        (["check", *BUILD[1:], "--html", "none/report.html"], "--html none/report.html: none is not a folder"),
    ],
)
def test_a_mistake_is_one_message_and_status_1(run, orders, arguments, expected):
    status, out, err = run(*arguments)
    assert status == 1
    assert out == ""
    assert expected in err
    assert len(err.splitlines()) == 1
    assert orders == []


def test_the_faults_of_source_and_review_are_told_together(run, orders, project):
    write(project, "review", "compani: A\nthemes: {}\n")
    write(project, "books", "name: Books\nconnect: duckdb://\ntables: {deal: x}\n")
    status, _, err = run(*BUILD)
    assert status == 1
    assert err.splitlines() == [
        "params/books.yml: tables.deal is not a canonical table; did you mean 'deals'?",
        "params/review.yml: company is missing",
        "params/review.yml: themes == {}, must have at least 1 item after validation, not 0",
        "params/review.yml: compani is not known; did you mean 'company'?",
    ]


def test_the_faults_of_files_and_options_are_told_together(run, orders, project):
    write(project, "review", "compani: A\nthemes: {new_revenue: {basi: x}}\n")
    status, _, err = run(*BUILD, "--only", "nope", "--as-of", "July", "--set", "rules.grace_day=1", "new_revenue.b=1")
    assert status == 1
    assert [line.partition(" is ")[0].partition(": must")[0] for line in err.splitlines()] == [
        "params/review.yml: company", "params/review.yml: compani", "--as-of July", "--only nope: not a theme of this "
        "review; known: new_revenue", "--set new_revenue.b", "params/review.yml: themes.new_revenue.basi",
        "--set rules.grace_day",
    ]  # fmt: skip


def test_the_faults_of_periods_and_currency_are_told_together(run, orders, project):
    write(project, "books", "name: Books\nconnect: duckdb://\ntables: {deals: x}\n")
    status, _, err = run(*BUILD, "--period", "2026Q9", "--as-of", "2026-07-31")
    assert status == 1
    assert [line.split(":")[0] for line in err.splitlines()] == [
        "params/review.yml", "period '2026Q9' is not a period; expected a quarter (2026Q3, or FY2027Q1 "
        "where the fiscal year is not the calendar year), a month (2026-07) or an ISO week (2026-W39)",
    ]  # fmt: skip


def test_outside_a_project(run, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    status, _, err = run(*BUILD)
    assert status == 1
    assert "no folder from here upward holds params/" in err


def test_a_secret_is_in_no_output(run, orders, project, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    write(
        project,
        "books",
        "name: Books\nconnect: 'x://me:${DB_PASSWORD}@db'\ntimezone: ${DB_PASSWORD}\ntables: {deals: x}\n",
    )
    status, out, err = run(*BUILD)
    assert status == 1
    assert "hunter2" not in out + err
    assert "timezone == '${DB_PASSWORD}'" in err


def test_a_secret_of_a_connection_that_fails_is_in_no_output(run, project, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    write(project, "books", "name: B\nconnect: 'nosuch://me:${DB_PASSWORD}@db'\ncurrency: EUR\ntables: {deals: x}\n")
    status, out, err = run(*BUILD)
    assert status == 1
    assert "hunter2" not in out + err


# --- check ------------------------------------------------------------------------------------------------------------

CHECK = ["check", *BUILD[1:]]
ROWS = """
  deals: select * from (values ({keys}, date '2021-05-01', date '2026-08-01', 'won', 100.0))
    as t(deal_id, created_at, closed_at, outcome, amount)
"""


def deals(project, key="D1", more=""):
    """A source with one deal, won in 2026Q3."""
    rows = ROWS.replace("{keys}", f"'{key}'")
    write(project, "books", f"name: Books\nconnect: duckdb://\ncurrency: EUR\ntables:{rows}{more}")


def test_check_tells_the_report_and_the_next_step(run, project):
    deals(project)
    status, out, err = run(*CHECK)
    assert (status, err) == (0, "2026Q3: prepare done\n2026Q3: KPIs done\n")
    assert out.startswith("Books, 2026Q3\nas known at the end of 30 Sept 2026, UTC\n\nWhat was read\n")
    assert re.search(r"^deals +1 +1 +0 +1 May 2021 +1 May 2021 +1,978$", out, re.MULTILINE)  # to 30 September 2026
    assert out.endswith("\nNext: kpi-review build --period 2026Q3 --source params/books.yml\n")


def test_check_repeats_its_arguments_in_the_next_step(run, project):
    deals(project)
    (project / "params/review.yml").rename(project / "params/our review.yml")
    _, out, _ = run(*CHECK, "--review", "params/our review.yml", "--out", "packs", "--as-of", "2026-10-07", "--strict")
    assert out.endswith("--source params/books.yml --review 'params/our review.yml' --out packs --as-of 2026-10-07\n")


def test_check_holds_definitions_against_the_packs_of_the_same_folder_as_build(run, project):
    deals(project)
    for folder in ("packs", "reports"):
        manifest = project / folder / "published/2026Q2/v1/manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{")
    for more, folder in (["--out", "packs"], "packs"), ([], "reports"):
        assert f"{folder}/published/2026Q2/v1/manifest.json cannot be read" in run(*CHECK, *more)[2]
        assert f"{folder}/published/2026Q2/v1/manifest.json cannot be read" in run(*BUILD, *more)[2]


@pytest.mark.parametrize(("strict", "status"), [([], 0), (["--strict"], 2)])
def test_check_with_warnings(run, project, strict, status):
    deals(project)
    write(project, "review", "company: A\nthemes: {new_revenue: {}}\ndepartments: [{name: sales}]\n")
    found, out, _ = run(*CHECK, *strict)
    assert found == status
    assert "\nWarnings\n- params/review.yml: departments is read and checked, but no page" in out


def test_check_strict_without_warnings(run, project):
    deals(project)
    assert run(*CHECK, "--strict")[0] == 0


def test_check_tells_the_faults_of_the_source_together(run, project):
    write(project, "books", "name: B\nconnect: duckdb://\ncurrency: EUR\ntables: {deals: select 1, users: select 2}\n")
    status, out, err = run(*CHECK, "--html", "report.html")
    assert (status, out) == (1, "")
    assert {line.split(": ")[1] for line in err.splitlines()} == {"tables.deals", "tables.users"}
    assert not (project / "report.html").exists()


def test_check_tells_a_card_that_stops(run, project, monkeypatch):
    def stopped(*_, **__):
        raise KeyError("Baltic")

    monkeypatch.setattr("helpers.kpis.new_revenue.cards.judged_tables", stopped)
    deals(project)
    status, out, err = run(*CHECK)
    assert status == 1
    assert "\nFaults\n- new_revenue.new_revenue stopped: KeyError: 'Baltic'" in out
    assert err.endswith("faults told in the report: 2; mend them and check again\n")
    assert "Next:" not in out


@pytest.mark.whole
def test_check_writes_a_page_that_asks_the_network_for_nothing(run, project):
    key = "concat('<script>alert(1)</script> &', chr(27), '[31mред', chr(8238))"
    again = f"    union all select {key}, date '2026-05-02', date '2026-05-01', 'won', 1.0\n"
    deals(project, more=again)
    _, out, _ = run(*CHECK, "--html", "report.html")
    page = (project / "report.html").read_text(encoding="utf-8")
    assert "report.html\n" in out
    assert "<title>Books, 2026Q3</title>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in page
    assert "alert(1)</script>" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    for text in (page, out):
        assert "ред" in text
        assert not {"\x1b", "\u202e"} & set(text)


def test_check_leaves_nothing_behind(run, project, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    deals(project)
    run(*CHECK)
    assert list(folder.iterdir()) == []


# --- sql --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked_for_sql(monkeypatch, tmp_path_factory):
    """The reviews that were asked for a query; a stand-in answers them."""
    found = []

    def sql(self, kpi_id):
        found.append(self)
        return f"select {kpi_id} from {self.period.label}"

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr("helpers.review.OpenReview.sql", sql, raising=False)
    return found


def test_sql_prints_the_query_of_the_period_with_the_parameters_in_force(run, project, asked_for_sql):
    deals(project)
    words = [
        "--period",
        "2026-07",
        "--source",
        "params/books.yml",
        "--set",
        "new_revenue.basis=mrr",
        "rules.grace_days=3",
    ]
    status, told, errors = run("sql", "new_revenue", *words)
    assert (status, told.splitlines()[0], errors) == (0, "select new_revenue from 2026-07", "")
    (mark,) = [line for line in told.splitlines() if line.startswith("--   new_revenue: {by: , on: , of: ")]
    assert '"basis": "mrr"' in mark
    assert '"grace_days": 3' in mark
    (opened,) = asked_for_sql
    assert opened.review.themes["new_revenue"]["basis"] == "mrr"
    assert opened.review.themes["recurring_revenue"]["retention_months"] == 12
    assert opened.review.rules.grace_days == 3


def test_sql_takes_period_and_source_of_the_notebook_where_none_is_given(run, project, asked_for_sql):
    deals(project)
    (project / "s").write_text((project / "params/books.yml").read_text())
    status, told, _ = run("sql", "new_revenue")
    assert (status, told.splitlines()[0]) == (0, "select new_revenue from 2026Q3")


def test_sql_of_no_kpi(run):
    assert run("sql", "new_revenu")[2].startswith("'new_revenu' is not a KPI; did you mean 'new_revenue'")


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_names_every_option_of_the_contract_and_fits_a_screen(run):
    status, out, _ = run("build", "--help")
    assert status == 0
    assert all(f"{option} " in out for option in CONTRACT)
    assert len(out.splitlines()) <= 30
    assert max(map(len, out.splitlines())) <= 80
    assert run("--help")[0] == run("sample", "--help")[0] == 0


def test_help_of_check_fits_a_screen(run):
    status, out, _ = run("check", "--help")
    assert status == 0
    assert all(f"{option} " in out for option in ("--period", "--source", "--review", "--as-of", "--html", "--strict"))
    assert len(out.splitlines()) <= 24
    assert max(map(len, out.splitlines())) <= 80


def test_no_command_prints_the_help_and_is_a_usage_error(run):
    status, out, err = run()
    assert status == 1
    assert "build" in out + err


def test_help_imports_nothing_heavy():
    heavy = "{'pandas', 'ibis', 'duckdb', 'papermill', 'nbconvert', 'matplotlib', 'pydantic'}"
    code = f"import sys, helpers.cli; found = {heavy} & set(sys.modules); assert not found, found"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_console_script_returns_the_status():
    done = subprocess.run(
        [Path(sys.executable).parent / "kpi-review", "build", "--nope"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")


# --- sample -----------------------------------------------------------------------------------------------------------


@pytest.mark.whole
def test_sample_writes_the_company(run, project):
    status, out, _ = run("sample", "--out", "data/sample", "--customers", "30", "--seed", "7")
    assert status == 0
    written = {path.name for path in (project / "data/sample").glob("*.parquet")}
    assert {"customers.parquet", "subscriptions.parquet", "deals.parquet"} <= written
    assert {line.split(":")[0] for line in out.splitlines()} == {f"data/sample/{name}" for name in written}


def test_every_fault_of_a_review_is_told_at_once(run, orders, project):
    write(project, "review", "company: X\ncolour: red\nthemes: {new_revenu: {}, recurring_revenue: {retention: 6}}\n")
    status, _, err = run(*BUILD)
    assert (status, orders) == (1, [])
    assert [line.split(": ")[1].split(" ")[0] for line in err.splitlines()] == [
        "colour", "themes.new_revenu", "themes.recurring_revenue.retention",
    ]  # fmt: skip
