"""What a draft was made from: whoever changes it after the build changes neither a published version nor a mail."""

import json
import shutil
from pathlib import Path

import pytest

from helpers.pack.archive import read_manifest
from helpers.pack.audiences import WORDS
from helpers.pack.made_from import altered_since_build
from tests.pack.projects import BUILD, REVIEW, Project, project

MORE = """brand: {logo: logo.svg}
audiences: {board: {themes: [new_revenue], hide: [customers.owner]}}
"""
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="#123456"/></svg>'
SAID = "---\nauthor: Mara\ndate: 2026-10-12\n---\nBookings are {{ new_revenue }}.\n"
RECIPIENTS = """sender: kpi@fine.example
owner: kpi@fine.example
allowed_domains: [fine.example]
smtp: {host: 127.0.0.1, port: 9, security: none}
lists:
  board: {to: [eve@fine.example], attach: [pdf]}
  readers: {to: [eve@fine.example], attach: [pdf], audience: board}
"""
# One of each kind of file.
KINDS = (
    "build.json",
    "commentary/2026Q3/new_revenue.md",
    "logo.svg",
    "prepared/deals.parquet",
    "prepared/prepared.json",
    "prepared/review.json",
    "prepared/refused.json",
    "queries/new_revenue/new_revenue.sql",
    "audiences/board/build.json",
    "audiences/board/commentary/2026Q3/new_revenue.md",
    "audiences/board/notebooks/new_revenue.ipynb",
    "audiences/board/prepared/deals.parquet",
    "audiences/board/prepared/review.json",
)
COMMANDS = {
    "publish": ("publish", "2026Q3"),
    "send": ("send", "2026Q3", "--list", "board", "--draft", "--dry-run"),
    "send to an audience": ("send", "2026Q3", "--list", "readers", "--draft", "--dry-run"),
    "verify": ("verify", "reports/2026Q3"),
}


@pytest.fixture(scope="session")
def drafted_with_all(made_once, dozen, warm) -> Path:
    """A project with a draft of 2026Q3 that has a logo, commentary and an audience."""

    def make(folder: Path) -> None:
        made = project(folder, dozen)
        made.write("params/review.yml", REVIEW + MORE)
        made.write("params/logo.svg", LOGO)
        made.write("params/commentary/2026Q3/new_revenue.md", SAID)
        made.write("params/recipients.yml", RECIPIENTS)
        done = made.run(*BUILD)
        assert done.status == 0, done.err

    return made_once("drafted_with_all", make)


@pytest.fixture
def books(tmp_path, drafted_with_all) -> Project:
    shutil.copytree(drafted_with_all, tmp_path / "books", symlinks=True)
    return Project(tmp_path / "books")


def made_from(books: Project) -> Path:
    return (books.folder / "reports/2026Q3").resolve().parent / "made_from"


def check_refused(books: Project, *lines: str) -> None:
    """Every command refuses the draft in these lines, and writes nothing."""
    for name, arguments in COMMANDS.items():
        done = books.run(*arguments)
        assert (done.status, done.lines) == (1, list(lines)), name
        assert not (books.folder / "reports/published").exists(), name
        assert not (books.folder / "reports/outbox").exists(), name


def test_as_it_was_built_a_draft_is_verified_mailed_and_published(books):
    for name in ("verify", "send", "send to an audience", "publish"):
        done = books.run(*COMMANDS[name])
        assert done.status == 0, (name, done.err)
    files = [path for path in made_from(books).parent.rglob("*") if path.is_file() and path.name != "at-work"]
    told = books.run(*COMMANDS["verify"]).out.splitlines()[0]
    assert told == f"reports/2026Q3: {len(files) - 1} files are as they were written"  # without the manifest itself


def test_a_change_of_any_file_is_seen(books):
    folder, draft = made_from(books), books.folder / "reports/2026Q3"
    manifest = read_manifest(draft)
    assert altered_since_build(draft, manifest) == []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        file.write_bytes(content + b" ")
        assert altered_since_build(draft, manifest) == [f"{file} was changed; build the draft again"]
        file.write_bytes(content)


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_file_stops_every_command_and_is_named(books, name):
    file = made_from(books) / name
    file.write_bytes(file.read_bytes() + b"\n")
    check_refused(books, f"{file} was changed; build the draft again")


@pytest.mark.parametrize("name", ["build.json", "prepared/review.json", "prepared/prepared.json"])
def test_a_file_that_cannot_be_read_any_more_is_named_as_changed(books, name):
    file = made_from(books) / name
    file.write_text("{")
    check_refused(books, f"{file} was changed; build the draft again")


@pytest.mark.parametrize("name", KINDS)
def test_a_missing_file_stops_every_command_and_is_named(books, name):
    file = made_from(books) / name
    file.unlink()
    check_refused(books, f"{file} is gone; build the draft again")


@pytest.mark.parametrize(
    "name",
    ["commentary/2026Q3/summary.md", "deck_template.pptx", "prepared/costs.parquet", "audiences/staff/build.json"],
)
def test_an_added_file_stops_every_command_and_is_named(books, name):
    file = made_from(books) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    check_refused(books, f"{file} is no file of this pack; build the draft again")


def test_a_note_that_tables_were_removed_excuses_no_draft(books):
    """Packs that were published long ago may be kept without tables, and have such a note."""
    folder = made_from(books)
    note, table = folder / "removed.json", folder / "prepared/deals.parquet"
    note.write_text(json.dumps({"tables": [table.name], "at": "2026-10-10", "by": "Eve", "why": "Eve says so"}))
    table.write_bytes(b"")
    check_refused(
        books,
        f"{table} was changed; build the draft again",
        f"{note} is no file of this pack; build the draft again",
    )


def test_a_note_that_a_table_was_removed_excuses_no_other_table_in_its_place(books):
    assert books.run(*COMMANDS["publish"]).status == 0
    folder = books.folder / "reports/published/2026Q3/v1/made_from"
    for path in (folder, folder / "prepared", folder / "prepared/deals.parquet"):
        path.chmod(0o755)
    note = {"tables": ["deals.parquet"], "at": "2026-10-10", "by": "Eve", "why": "Eve says so"}
    (folder / "removed.json").write_text(json.dumps(note))
    (folder / "prepared/deals.parquet").write_bytes(b"")
    done = books.run("verify", "reports/published/2026Q3")
    assert done.status == 1
    assert done.lines == ["reports/published/2026Q3/v1/made_from/prepared/deals.parquet was changed"]


def test_what_is_changed_while_the_publisher_thinks_it_over_is_not_published(books, monkeypatch):
    from helpers.pack import publish

    real, file = publish.read_draft, made_from(books) / "commentary/2026Q3/new_revenue.md"

    def changed_later(*given, **more):
        found = real(*given, **more)
        file.write_text(SAID.replace("Mara", "Eve"))
        return found

    monkeypatch.setattr(publish, "read_draft", changed_later)
    done = books.run(*COMMANDS["publish"])
    assert (done.status, done.lines) == (1, [f"{file} was changed; build the draft again"])
    assert list((books.folder / "reports/published/2026Q3").iterdir()) == []


def test_a_draft_whose_manifest_does_not_hold_what_it_was_made_from_is_refused(books):
    """As those that were built before manifests did."""
    file = books.folder / "reports/2026Q3/manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["made_from"]
    file.write_text(json.dumps(manifest))
    [line] = books.run(*COMMANDS["verify"]).lines
    assert line == "reports/2026Q3/manifest.json does not hold what the draft was made from; build the draft again"


def test_a_published_manifest_holds_it_among_its_files(books):
    assert books.run(*COMMANDS["publish"]).status == 0
    draft = read_manifest(books.folder / "reports/2026Q3")
    published = read_manifest(books.folder / "reports/published/2026Q3/v1")
    assert published.keys() == (draft.keys() - {"made_from"}) | {"published"}
    kept = {f"made_from/{name}": digest for name, digest in draft["made_from"].items()
            if not name.endswith(f"/{WORDS}")}  # fmt: skip
    assert {name: digest for name, digest in published["files"].items() if name in kept} == kept
