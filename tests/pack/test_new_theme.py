"""`kpi-review new` in a copy of the kit: what it writes runs at once, and what it refuses leaves no trace."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from textwrap import indent

import duckdb
import pytest

from helpers import results
from helpers.new_theme import with_entry
from tests.pack.requests import ROOT

KIT = (
    "helpers", "notebooks", "sample", "templates", "tests", "params", "pyproject.toml", "requirements.lock",
    "environment.yml", "README.md",
)  # fmt: skip
FOLDER = Path("helpers/kpis/renewal_risk")
NEW = ("new", "renewal_risk")
BUILD = ("build", "--period", "2026Q3", "--source", "params/books.yml", "--only", "renewal_risk")
WRITTEN = """\
helpers/kpis/renewal_risk/__init__.py
helpers/kpis/renewal_risk/cards.py
helpers/kpis/renewal_risk/tables.py
helpers/kpis/renewal_risk/renewal_risk.sql
notebooks/renewal_risk.ipynb
tests/spec/test_renewal_risk.py
helpers/catalogue.py: renewal_risk and renewal_risk_share added
params/review.yml: themes.renewal_risk and kpis.renewal_risk added

Next: kpi-review build --period 2026Q3 --source params/sources/sample.yml --only renewal_risk
"""


def copied(folder: Path, company: Path) -> Path:
    """A copy of the kit, over the files of a company."""
    folder.mkdir()
    for name in KIT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    source = (ROOT / "params/sources/sample.yml").read_text().replace("../../data/sample", str(company))
    (folder / "params/books.yml").write_text(source)
    return folder


@pytest.fixture
def kit(tmp_path, dozen, takes_seconds) -> Path:
    """A copy of the kit, over the company with 12 customers."""
    return copied(tmp_path / "kit", dozen)


@pytest.fixture(scope="module")
def written_kit(tmp_path_factory, dozen, takes_seconds) -> Path:
    """A copy of the kit into which the theme was written."""
    folder = copied(tmp_path_factory.mktemp("written") / "kit", dozen)
    assert run(folder, *NEW) == (0, WRITTEN, "")
    return folder


@pytest.fixture
def new_kit(written_kit, tmp_path) -> Path:
    """The same as a copy that a test may change."""
    return shutil.copytree(written_kit, tmp_path / "kit")


def environment(kit: Path) -> dict[str, str]:
    """That of a process of the copied kit, which leaves nothing else in it."""
    return {**os.environ, "PYTHONPATH": str(kit), "PYTHONDONTWRITEBYTECODE": "1"}


def run(kit: Path, *words: str) -> tuple[int, str, str]:
    """The exit status of a command of the copied kit, and what it prints; steps that are done are not told."""
    command = [sys.executable, "-c", "from helpers.cli import main; main()", *words]
    done = subprocess.run(command, cwd=kit, env=environment(kit), capture_output=True, text=True, check=False)
    told = "\n".join(line for line in done.stderr.splitlines() if not line.endswith(" done"))
    return done.returncode, done.stdout, told


def module(kit: Path, name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """A tool of development over the copied kit."""
    own = {**os.environ, "PYTHONPATH": str(kit)}
    return subprocess.run(
        [sys.executable, "-m", name, *words], cwd=kit, env=own, capture_output=True, text=True, check=False
    )


def files(kit: Path) -> dict[Path, bytes]:
    return {path.relative_to(kit): path.read_bytes() for path in kit.rglob("*") if path.is_file()}


# --- what is written --------------------------------------------------------------------------------------------------


def test_what_is_written_is_built_at_once(new_kit, dozen):
    """The figures are those of a query over the source's own files."""
    assert run(new_kit, *BUILD)[::2] == (0, "")
    counted, paying = duckdb.sql(f"""
        select count(*) filter (since > date '2026-09-30' - 90), count(*)
        from (
            select min(start_on) as since from '{dozen}/subscriptions.parquet' join '{dozen}/customers.parquet' using (customer_id)
            where merged_into is null and not coalesce(is_test, false) and coalesce(recorded_at < timestamptz '2026-10-01 00:00:00+02', true)
            group by customer_id
            having bool_or(start_on <= date '2026-09-30' and coalesce(end_on > date '2026-09-30', true))
        )
    """).fetchone()  # noqa: E501
    assert (counted, paying) == (1, 8)
    found = results.read_csv(new_kit / "reports/2026Q3/results.csv").query("period == '2026Q3' and segment_by == ''")
    assert list(zip(found["kpi_id"], found["label"], found["value"], strict=True)) == [
        ("renewal_risk", "Renewal risk", counted),
        ("renewal_risk_share", "Renewal risk, share of paying customers", counted / paying),
    ]
    page = (new_kit / "reports/2026Q3/pack.html").read_text()
    assert "create view renewal_risk_rows as" in page
    assert "Try this" not in page
    assert (new_kit / "reports/2026Q3/exports/renewal_risk.csv").read_text().count("\n") == counted + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sky", "renewals_that_may_be_at_a_risk"], ids=len)
def test_what_is_written_needs_no_edit_for_the_checks_of_the_kit(kit, name):
    assert run(kit, "new", name)[::2] == (0, "")
    assert module(kit, "ruff", "format", "--check", ".").returncode == 0
    assert module(kit, "ruff", "check", "--no-cache", ".").stdout == "All checks passed!\n"
    notebooks, architecture, own = "tests/notebooks", "tests/unit/test_architecture.py", f"tests/spec/test_{name}.py"
    done = module(kit, "pytest", own, architecture, notebooks, "-p", "no:cacheprovider", "-p", "no:xdist")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_what_is_written_is_typed_and_its_queries_give_its_figures(kit):
    assert run(kit, *NEW)[::2] == (0, "")
    assert module(kit, "mypy").returncode == 0
    done = module(kit, "pytest", "tests/spec/test_definitions.py", "-k", "renewal_risk", "-p", "no:xdist")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_rest_of_the_catalogue_and_of_the_review_stays_as_it_is(kit, written_kit):
    before, after = files(kit), files(written_kit)
    assert added(after, "helpers/catalogue.py", "catalogue.txt", "") == before[Path("helpers/catalogue.py")]
    after[Path("params/review.yml")] = added(after, "params/review.yml", "review_themes.yml", "  ")
    assert added(after, "params/review.yml", "review_kpis.yml", "  ") == before[Path("params/review.yml")]
    assert {path for path in before if before[path] != after[path]} <= {
        Path("helpers/catalogue.py"),
        Path("params/review.yml"),
    }


def added(found: dict[Path, bytes], file: str, template: str, margin: str) -> bytes:
    """A file without what the command added to it from a template."""
    text = (ROOT / "templates/theme" / template).read_text().replace("{today}", date.today().isoformat())
    text = indent(text.replace("your_theme", "renewal_risk").replace("Your theme", "Renewal risk"), margin)
    assert found[Path(file)].count(text.encode()) == 1
    return found[Path(file)].replace(text.encode(), b"")


def test_a_second_theme_stands_beside_the_first(new_kit):
    assert run(new_kit, "new", "early_warning")[0] == 0
    done = module(new_kit, "pytest", "tests/unit/test_architecture.py", "-p", "no:cacheprovider", "-p", "no:xdist")
    assert done.returncode == 0, done.stdout


def test_a_review_without_a_register_gets_the_theme_alone(kit):
    (kit / "params/own.yml").write_text("company: A\ncurrency: EUR\nthemes:\n    mine: {} # the last\n")
    shutil.copy(kit / "notebooks/new_revenue.ipynb", kit / "notebooks/mine.ipynb")
    assert "params/own.yml: themes.renewal_risk added\n" in run(kit, *NEW, "--review", "params/own.yml")[1]
    assert (kit / "params/own.yml").read_text() == (
        "company: A\ncurrency: EUR\nthemes:\n    mine: {} # the last\n    renewal_risk:\n      renewal_risk_days: 90"
        "  # a customer counts that has paid for fewer days\n"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("themes:\n  a:\n    b: 1 # b\n  # a\n\nc: 1", "themes:\n  a:\n    b: 1 # b\n  new: {}\n  # a\n\nc: 1"),
        ("themes:\n  a: {}", "themes:\n  a: {}\n  new: {}\n"),
        ("themes:\r\n  a: {}\r\nrest: 1\r\n", "themes:\r\n  a: {}\r\n  new: {}\r\nrest: 1\r\n"),
        ("themes:\n  a: |\n    text\nrest: 1\n", "themes:\n  a: |\n    text\n  new: {}\nrest: 1\n"),
        ("themes:\n  a:\n  - 1\n  - 2\nrest: 1\n", "themes:\n  a:\n  - 1\n  - 2\n  new: {}\nrest: 1\n"),
        ("# 💶\nthemes:\n  a: # ä\nrest: 1\n", "# 💶\nthemes:\n  a: # ä\n  new: {}\nrest: 1\n"),
    ],
)  # fmt: skip
def test_an_entry_is_added_where_a_section_ends(text, found):
    assert with_entry(text, "themes", "new: {}\n") == found


# --- what is refused --------------------------------------------------------------------------------------------------


NO_NAME = "'{}' cannot be the name of a theme; it must be 3 to 30 small letters, digits and underscores"
REFUSED = {
    "recurring_revenue": "recurring_revenue is a theme already; choose another name",
    "nrr": "nrr is a KPI already; choose another name",
    "window": "window is a word of SQL already; choose another name\nwindow_days is a rule already",
    "grace": "grace_days is a rule already; choose another name",
    "block": "block_days is a parameter of notebooks/product_activity.ipynb already",
    "deals": "deals is a table already",
    "account": "account is a relation already",
    "filter": "filter is a word of Python already",
    "shared": "helpers/kpis/shared is there already; choose another name, or remove it",
    "spine": "helpers/kpis/spine.py is there already",
    "what_if_price": "what_if_price holds _if_, which means something in names of relations",
    **{name: NO_NAME.format(name) for name in ("renewal-risk", "2renewals", "it", "risk_", "../risk", "r" * 31)},
}
NOT_ADDED = {
    "themes: {mine: {}}": (
        "nothing can be added to themes: as it is written; write each theme on a line of its own, indented alike"
    ),
    "themes:\n  renewal_risk: {}": "themes.renewal_risk is there already; choose another name",
    "themes:\n  mine: {}\nkpis:\n  renewal_risk: {external: true}": (
        "kpis.renewal_risk is there already; choose another name"
    ),
    "themes:\n  mine: {}\nlogo: x": "logo is not known",
}
# One process asks for all of them, and prints as JSON what became of each.
ASKED_IN_TURN = """
import contextlib, io, json, sys
from helpers.cli import main

told = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["new", *words])
        except SystemExit as stopped:
            told.append((stopped.code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory, takes_seconds) -> dict[str, tuple[int, str, str]]:
    """The exit status of `kpi-review new` for each name and review, and what it prints; the kit stays as it was."""
    kit = tmp_path_factory.mktemp("refusing")
    for name in KIT[:6]:
        shutil.copytree(ROOT / name, kit / name, ignore=shutil.ignore_patterns("__pycache__"))
    asked = {name: [name] for name in REFUSED}
    for i, themes in enumerate(NOT_ADDED):
        (kit / f"params/own{i}.yml").write_text(f"company: A\n{themes}\n")
        asked[themes] = ["renewal_risk", "--review", f"params/own{i}.yml"]
    before = files(kit)
    done = subprocess.run(
        [sys.executable, "-c", ASKED_IN_TURN, json.dumps([*asked.values()])], cwd=kit, env=environment(kit),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert files(kit) == before
    return dict(zip(asked, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("name", "told"), REFUSED.items())
def test_a_name_that_is_taken_or_none_is_refused(refusals, name, told):
    status, out, err = refusals[name]
    assert (status, out) == (1, "")
    assert err.startswith(told)


@pytest.mark.parametrize(("at", "themes"), [*enumerate(NOT_ADDED)])
def test_a_review_to_which_nothing_can_be_added_is_refused(refusals, at, themes):
    status, out, err = refusals[themes]
    assert (status, out) == (1, "")
    assert err.startswith(f"params/own{at}.yml: {NOT_ADDED[themes]}")


def test_a_kit_that_is_installed_elsewhere_writes_no_theme(books):
    (books.folder / "helpers").unlink()
    done = books.run(*NEW)
    assert done.status == 1
    assert done.err == (
        f"the kit that runs is installed in {ROOT}, and a theme is written into the kit's own folder; "
        "clone the kit, run pip install -e . in it, and start from there\n"
    )
    assert not (books.folder / "notebooks/renewal_risk.ipynb").exists()


def test_a_folder_that_lacks_a_part_of_the_kit_is_refused(kit):
    shutil.rmtree(kit / "tests")
    status, _, err = run(kit, *NEW)
    assert status == 1
    assert err.startswith(f"{kit} lacks tests/canonical.py, which a theme needs; clone the kit")


def test_a_disk_that_is_full_leaves_nothing_half_written(kit):
    """No file may be larger than 16 KB: there is room for each new file, and none for the catalogue."""
    before = files(kit)
    command = f"ulimit -f 16; exec '{sys.executable}' -c 'from helpers.cli import main; main()' new renewal_risk"
    done = subprocess.run(
        ["bash", "-c", command], cwd=kit, env=environment(kit), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "File too large" in done.stderr
    assert files(kit) == before
    assert not (kit / FOLDER).exists()


# --- what is taken away again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "helpers/catalogue.py", '    "renewal_risk": {\n', '    "other": {\n',
            "params/review.yml: themes.renewal_risk has no rows in helpers/catalogue.py; "
            "add one for each kpi_id of its cards",
        ),
        (
            f"{FOLDER}/__init__.py", "import renewal_risk\n", "import renewal_risk as card\n",
            "helpers/kpis/renewal_risk has no card renewal_risk, which helpers/catalogue.py names; "
            "import it in __init__.py",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_before_a_kernel_starts(new_kit, file, old, new, told):
    text = (new_kit / file).read_text()
    assert old in text
    (new_kit / file).write_text(text.replace(old, new))
    status, _, err = run(new_kit, *BUILD)
    assert (status, err) == (1, told)
    assert not (new_kit / "reports").exists()


def test_a_folder_that_is_missing_is_told_before_a_kernel_starts(new_kit):
    shutil.rmtree(new_kit / FOLDER)
    assert run(new_kit, *BUILD)[::2] == (
        1, "helpers/kpis/renewal_risk is not there, and helpers/catalogue.py names cards of it; make that folder"
    )  # fmt: skip
    assert not (new_kit / "reports").exists()
