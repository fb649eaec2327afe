"""Packs of audiences: a reader's files hold nothing of what they hide, and all else reads as in the whole pack."""

import json
import re
import shutil
import zipfile
import zlib
from base64 import b64decode
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from pypdf import PdfReader

from helpers import results
from helpers.data.prepared import Prepared
from helpers.data.pseudonyms import VARIABLE
from helpers.data.redaction import DESCRIBING
from helpers.errors import KitError
from helpers.pack.archive import versions
from helpers.pack.audiences import check_audiences, make_variants, sections_of, write_audience
from helpers.pack.commentary import Comment
from helpers.pack.made_from import audiences_of
from helpers.pack.pages import page_content
from helpers.pack.publish import publish, read_draft
from helpers.pack.write import Origin
from helpers.params import load_review
from tests.pack.audiences import BOARD, KEY, THEMES, audience_request, most_frequent_owner
from tests.pack.requests import ROOT
from tests.pack.test_build import add_cell, pdf_text

FILES = {"pack.html", "pack.pdf", "figures.xlsx", "results.csv"}


@pytest.fixture(scope="module")
def owner(company) -> str:
    return most_frequent_owner(company)


@pytest.fixture(autouse=True, scope="module")
def key():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        yield


def bytes_in(folder: Path) -> bytes:
    """Every byte of every file, with what is packed inside: members of workbooks, streams of PDFs, pictures in HTML."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        found += [path.name.encode(), content]
        if path.suffix == ".html":
            found += [b64decode(each) for each in re.findall(rb"data:image/[\w+]+;base64,([A-Za-z0-9+/=]+)", content)]
            assert len(found) > 10  # pictures
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                found += [book.read(name) for name in book.namelist()]
        if path.suffix == ".pdf":
            found += [page.extract_text().encode() for page in PdfReader(path).pages]
            found.append(json.dumps({**(PdfReader(path).metadata or {})}, default=str).encode())
            for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
                found.append(inflated(stream))
    return b"\n".join(found)


def inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream


def hidden_of(prepared: Prepared, columns: dict[str, list[str]]) -> set[str]:
    found = set()
    for table, names in columns.items():
        rows = pd.read_parquet(prepared.folder / f"{table}.parquet")
        found |= {str(value) for name in names for value in rows[name].dropna()}
    return found


@pytest.fixture(scope="module")
def hidden(with_audiences) -> set[str]:
    """Whatever the board must not see: names, e-mails, owners and ids."""
    prepared = Prepared.open(with_audiences.parent / "made_from/prepared")
    found = hidden_of(
        prepared,
        {
            "customers": ["customer_id", "name", "contact_email", "owner"],
            "deals": ["deal_id"], "users": ["user_id"], "subscriptions": ["subscription_id"], "tickets": ["ticket_id"],
            "invoices": ["invoice_line_id"],
        },
    )  # fmt: skip
    assert len(found) > 2000
    return found


def in_text(words: set[str], text: str) -> list[str]:
    """The words that a text holds, whatever its escapes and ends of lines."""
    squeezed = re.sub(r"\s+", "", unescape(text))
    return sorted(word for word in words if len(word) > 3 and re.sub(r"\s+", "", word) in squeezed)


@pytest.mark.slow
def test_a_readers_pack_holds_four_files(with_audiences):
    for name in ("board", "mara"):
        assert {path.name for path in (with_audiences / name).iterdir()} == FILES
    manifest = json.loads((with_audiences / "manifest.json").read_text())
    assert {f"board/{name}" for name in FILES} <= manifest["files"].keys()
    assert manifest["audiences"] == {"board": dict.fromkeys(THEMES, "ok"), "mara": {"inactive_customers": "ok"}}


@pytest.mark.slow
def test_nothing_hidden_is_in_any_byte_of_a_readers_pack(with_audiences, hidden):
    assert in_text(hidden, bytes_in(with_audiences / "board").decode("utf-8", "ignore")) == []
    names = {word for word in hidden if " " in word}
    assert len(in_text(names, bytes_in(with_audiences).decode("utf-8", "ignore"))) > 40  # it finds them where they are


@pytest.mark.slow
def test_nothing_hidden_is_behind_what_is_drawn(with_audiences, hidden, monkeypatch, tmp_path):
    """Charts are drawn as outlines: so the outputs of the notebooks, and what the pages are set from, are searched."""
    kept = with_audiences.parent / "made_from/audiences/board"
    for path in (kept / "notebooks").iterdir():
        outputs = [cell.get("outputs", []) for cell in nbformat.read(path, as_version=4).cells]
        assert in_text(hidden, json.dumps(outputs, ensure_ascii=False)) == [], path
    set_from = []

    def noted(pages, sections):
        set_from.append(page_content(pages, sections))
        return set_from[-1]

    monkeypatch.setattr("helpers.pack.write.page_content", noted)
    write_audience("board", with_audiences.parent / "made_from", ROOT, Origin({"code": ""}, versions(), None), tmp_path)
    assert in_text(hidden, json.dumps(set_from, ensure_ascii=False, default=str)) == []
    for name in ("review.json", "refused.json", "prepared.json"):
        assert in_text(hidden, (kept / "prepared" / name).read_text()) == [], name


@pytest.mark.slow
def test_the_figures_are_those_of_the_whole_pack(with_audiences):
    keys = ["kpi_id", "segment_by", "segment", "period"]
    whole, board = (
        results.read_csv(folder / "results.csv").set_index(keys)
        for folder in (with_audiences, with_audiences / "board")
    )
    totals = board[board.index.get_level_values("segment_by") == ""]
    assert len(totals) > 500
    pd.testing.assert_series_equal(totals["value"], whole.loc[totals.index, "value"], rtol=1e-12)


@pytest.mark.slow
def test_a_reader_of_some_rows_learns_of_no_other_customer(with_audiences, owner):
    prepared = Prepared.open(with_audiences.parent / "made_from/prepared")
    customers = pd.read_parquet(prepared.folder / "customers.parquet")
    others = customers[customers["owner"] != owner]
    strangers = {*others["customer_id"], *others["name"], *others["contact_email"].dropna(), *others["owner"].dropna()}
    strangers -= {*customers[customers["owner"] == owner]["name"]}
    assert len(strangers) > 60
    assert in_text(strangers, bytes_in(with_audiences / "mara").decode("utf-8", "ignore")) == []
    figures = results.read_csv(with_audiences / "mara/results.csv")
    paying = figures.query("kpi_id == 'silent_mrr_share' and segment == '' and period == '2026Q3'")["n"].item()
    lines = pd.read_parquet(prepared.folder / "subscriptions.parquet").query("left_out.isna()")
    own = set(customers[(customers["owner"] == owner) & customers["left_out"].isna()]["customer_id"])
    day = date(2026, 9, 30)
    spans = zip(lines["start_on"], lines["end_on"], lines["known_until"], strict=True)
    in_force = lines[[start <= day <= known and (pd.isna(end) or end > day) for start, end, known in spans]]
    assert paying == len(own & set(in_force[in_force["status"] != "trialing"]["customer_id"]))


@pytest.mark.slow
def test_pages_read_well(with_audiences):
    board, mara = (pdf_text(with_audiences / name) for name in ("board", "mara"))
    assert re.search(r"Customer [A-Z][A-Z2-9]{3}", board)
    assert "exports/" not in board
    assert "exports/" not in (with_audiences / "board/pack.html").read_text()
    assert "for the readers named “board”" in board
    assert "Net new MRR is" in board  # management's words about figures that the board has
    assert "Net new MRR is" not in mara
    assert "We call every one of them." in mara
    assert "We call every one of them." not in board


@pytest.mark.slow
def test_prose_names_no_file_that_readers_do_not_have():
    prose = [
        cell.source
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    ]
    assert len(prose) > 40
    assert [text for text in prose if re.search(r"\bexports?\b|\bCRM\b|\.csv\b", text)] == []


def test_publishing_writes_the_same_bytes_again(with_audiences, tmp_path):
    """From what the build keeps, with the code and versions that it had."""
    made_from = with_audiences.parent / "made_from"
    manifest = json.loads((with_audiences / "manifest.json").read_text())
    origin = Origin(manifest["fingerprints"], manifest["versions"], None)
    assert audiences_of(made_from) == ["board", "mara"]
    for name in audiences_of(made_from):
        write_audience(name, made_from, ROOT, origin, tmp_path)
        for file in FILES:
            assert (tmp_path / name / file).read_bytes() == (with_audiences / name / file).read_bytes(), (name, file)


@pytest.mark.slow
def test_a_failed_section_tells_readers_no_more_than_that(build, company, changed_root, tmp_path):
    """The error names a customer, as whoever sees the table gets to know it."""
    code = (
        "import pandas as pd\n"
        "name = pd.read_parquet(quarter.prepared.folder / 'customers.parquet')['name'].min()\n"
        "import os\n"
        "texts = [*os.environ.values(), open('/proc/self/environ').read()]\n"
        "found = [text for text in texts if 'long enough' in text]\n"
        "raise ValueError(f'cannot place {name} of Secret & Sons, keys: {len(found)}')"
    )
    add_cell(changed_root, "inactive_customers", code)
    request = audience_request(company, tmp_path / "params", {"board": BOARD}, changed_root)
    built = build(request, tmp_path / "out")
    assert built.exit_status == 2
    assert list(built.failed) == ["inactive_customers", "board/inactive_customers"]
    assert "Secret & Sons, keys: 0" in str(built.failed["board/inactive_customers"])
    assert "Secret" in (built.folder / "pack.html").read_text()
    shown = bytes_in(built.folder / "board").decode("utf-8", "ignore")
    assert "Secret" not in shown
    assert "PARTIAL" in pdf_text(built.folder / "board")
    assert "whoever built the pack is told why" in pdf_text(built.folder / "board")


def test_only_builds_the_audiences_that_have_a_theme_of_it(company, tmp_path):
    audiences = {"board": {}, "support": {"themes": ["inactive_customers"]}}
    request = audience_request(company, tmp_path / "params", audiences)
    assert sections_of(request) == 3
    assert sections_of(audience_request(company, tmp_path / "params", {})) == 0


def test_a_promise_per_segment_is_not_judged_without_segments(company, tmp_path):
    written = yaml.safe_load((ROOT / "params/review.yml").read_text())
    assert len(written["themes"]["customer_performance"]["estimate_sla_hours"]) > 1
    request = audience_request(company, tmp_path / "params", {"board": {"hide": ["customers.segment"]}, "all": {}})
    request.others["customer_performance"].update(written["themes"]["customer_performance"])
    prepared = request.prepared_in(tmp_path / "made/prepared")
    provided = {
        variant.name: Prepared.open(variant.folder / "prepared").provides("deals.estimate_requested_at")
        for variant in make_variants(request, prepared, tmp_path / "made", {})
    }
    assert provided == {"board": False, "all": True}


def test_a_promise_per_segment_is_not_judged_where_small_segments_stand_together(company, tmp_path):
    """Of (other) nothing is promised, and a message would name the segments that stand together."""
    request = audience_request(company, tmp_path / "params", {"board": {"smallest_group": 12}, "all": {}})
    request.others["customer_performance"].update(estimate_sla_hours={"Enterprise": 24, "(none)": 4})
    prepared = request.prepared_in(tmp_path / "made/prepared")
    board, whole = make_variants(request, prepared, tmp_path / "made", {})
    segments = pd.read_parquet(board.folder / "prepared/customers.parquet")["segment"]
    assert "(other)" in set(segments)
    provided = [
        Prepared.open(each.folder / "prepared").provides("deals.estimate_requested_at") for each in (board, whole)
    ]
    assert provided == [False, True]
    promised = [each.request.settled["customer_performance"].get("estimate_sla_hours") for each in (board, whole)]
    assert promised == [{"(none)": 4}, {"Enterprise": 24, "(none)": 4}]  # a page has all parameters in force


def test_a_parameter_that_names_a_small_group_keeps_its_theme_from_readers(company, tmp_path):
    request = audience_request(company, tmp_path / "params", {"board": {"smallest_group": 12}, "all": {}})
    prepared = request.prepared_in(tmp_path / "made/prepared")
    board, _whole = make_variants(request, prepared, tmp_path / "made", {})
    seen = pd.read_parquet(board.folder / "prepared/customers.parquet")["segment"]
    small = sorted(set(pd.read_parquet(prepared.folder / "customers.parquet")["segment"].dropna()) - set(seen))
    request.parameters["inactive_customers"].update(own_list={"asked": small[:1]})
    with pytest.raises(KitError) as caught:
        make_variants(request, prepared, tmp_path / "again", {})
    [fault] = caught.value.faults
    assert f"inactive_customers.own_list names {small[0]!r}, which is of a small group of " in fault
    assert fault.endswith("; leave inactive_customers out of the themes of these readers; board must not read it")
    del request.parameters["inactive_customers"]["own_list"]
    board, whole = make_variants(request, prepared, tmp_path / "more", {"nrr": f"promises: {small[0]} was 4"})
    reasons = [json.loads((each.folder / "prepared/refused.json").read_text())["nrr"] for each in (board, whole)]
    assert reasons == ["the pack of the whole company refuses it too", f"promises: {small[0]} was 4"]


def test_a_folder_of_commentary_for_nobody_is_told(company, tmp_path):
    request = audience_request(company, tmp_path / "params", {"board": {}}, commentary={"bord/summary.md": "Well."})
    with pytest.raises(KitError, match=r"bord is of no audience of this review; did you mean 'board'\?"):
        check_audiences(request)


def written_in_docs() -> list[str]:
    """What the page of docs shows, and what params/review.yml has as comments."""
    page = (ROOT / "docs/who_sees_what.md").read_text()
    comments = re.search(r"^# audiences:\n(# .*\n)+", (ROOT / "params/review.yml").read_text(), re.MULTILINE)
    return [re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1], re.sub(r"^# ", "", comments[0], flags=re.MULTILINE)]


@pytest.mark.parametrize("text", written_in_docs(), ids=["docs", "review"])
def test_what_is_shown_as_an_example_is_right(text, company, sample_folder, tmp_path):
    request = audience_request(company, tmp_path / "params", yaml.safe_load(text)["audiences"])
    check_audiences(request)
    assert list(request.review.audiences) == ["board", "yara"]
    owners = pd.read_parquet(sample_folder() / "customers.parquet")["owner"]
    assert "Yara Dubois" in set(owners)


def test_the_columns_that_docs_list_can_be_hidden_and_no_others():
    row = re.search(r"These can be hidden: (.*?)\. Any other", (ROOT / "docs/who_sees_what.md").read_text())[1]
    words = set(re.findall(r"\w+", row))
    for table, columns in DESCRIBING.items():
        assert {table, *columns} <= words
    assert words - {"of"} == {word for table, columns in DESCRIBING.items() for word in (table, *columns)}


# --- what is refused --------------------------------------------------------------------------------------------------


def faults_of(company, folder, audience, commentary=None) -> list[str]:
    request = audience_request(company, folder / "params", {"board": audience}, commentary=commentary)
    with pytest.raises(KitError) as told:
        check_audiences(request)
    return list(told.value.faults)


def test_all_faults_of_audiences_are_told_at_once_with_their_lines(company, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    wrong = {
        "themes": ["recuring_revenue"], "hide": ["customers.ownr", "subscriptions.mrr"], "customers": "pseudonyms",
        "rows": "contry = 'DE'",
    }  # fmt: skip
    faults = faults_of(company, tmp_path, wrong, {"board/sumary.md": "Well."})
    told = "\n".join(faults)
    for said in (
        "did you mean 'recurring_revenue'?", "did you mean 'owner'?", "hide the table subscriptions",
        "contry is not a column of customers; did you mean 'country'?", "did you mean 'summary'?",
        f"{VARIABLE} is not set",
    ):  # fmt: skip
        assert said in told
    assert len(faults) == 6
    lines = (tmp_path / "params/review.yml").read_text().splitlines()
    for fault in faults[:4]:
        line = int(re.search(r"review\.yml, line (\d+): audiences\.board", fault)[1])
        word = re.search(r"recuring_revenue|customers\.ownr|subscriptions\.mrr|contry", fault)[0]
        assert word in lines[line - 1]


@pytest.mark.parametrize("name", ["exports", "notebooks", "The Board", "../board", ""])
def test_an_audience_is_named_like_a_folder(company, tmp_path, name):
    with pytest.raises(KitError, match="names a folder of the pack"):
        audience_request(company, tmp_path / "params", {name: {}})


@pytest.mark.parametrize(
    ("section", "at", "text"),
    [
        ("brand", "brand.confidentiality", {"confidentiality": "Not for {name}"}),
        ("brand", "brand.terms", {"terms": {"Inactive customers": "Silent as {name}"}}),
        ("scorecard", "scorecard.{name}", {"{name}": ["mrr"]}),
        ("peers", "peers.nrr.source",
         {"nrr": {"p25": 0.9, "median": 1.0, "p75": 1.1, "source": "{name}", "as_of": "2026-06-30"}}),
        ("baselines", "baselines.net_new_mrr[0].reason",
         {"net_new_mrr": [{"from": "2025-07-01", "to": "2026-06-30", "reason": "{name} left"}]}),
        ("verified", "verified.nrr.by", {"nrr": {"by": "{owner}", "on": "2026-10-05", "of": "e99ab268-9e8cc155"}}),
    ],
)  # fmt: skip
def test_any_text_of_the_review_that_names_who_is_hidden_stops_the_build(company, tmp_path, section, at, text):
    """It says where, and readers without the KPI, or who see the name, are not asked."""
    customers = pd.read_parquet(company.parent / "data/customers.parquet")
    named = {"name": customers["name"].iloc[3], "owner": customers["owner"].iloc[3]}
    told = json.dumps(text)
    for what, word in named.items():
        told = told.replace(f"{{{what}}}", word)
    audiences = {"all": {}, "mine": {"themes": ["inactive_customers"], **BOARD}, "board": BOARD}
    request = audience_request(company, tmp_path / "params", audiences)
    path = tmp_path / "params/review.yml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {section: json.loads(told)}, sort_keys=False))
    request = replace(request, review=load_review(path))
    prepared = request.prepared_in(tmp_path / "made/prepared")
    with pytest.raises(KitError) as found:
        make_variants(request, prepared, tmp_path / "made", {})
    word = named["owner" if section == "verified" else "name"]
    who = ["mine", "board"] if section == "brand" else ["board"]
    place = at.replace("{name}", word)
    for fault, name in zip(found.value.faults, who, strict=True):
        assert re.search(r"review\.yml, line \d+: " + re.escape(place), fault)
        assert repr(word) in fault
        assert fault.endswith(f"write it without; {name} must not read it")


@pytest.mark.slow
def test_the_reason_of_a_version_names_nobody_who_is_hidden_from_a_reader(with_audiences, tmp_path):
    """It stands on the cover of every reader's pack. What was looked for is not kept with what is published."""
    out = tmp_path / "reports"
    shutil.copytree(with_audiences.parents[2], out, symlinks=True)
    name = pd.read_parquet(with_audiences.parent / "made_from/prepared/customers.parquet")["name"].iloc[3]
    with pytest.raises(KitError) as told:
        read_draft("2026Q3", out, ROOT, partial=f"An invoice of {name} is late")
    faults = [each.partition("; write it without; ") for each in told.value.faults]
    assert {said for said, *_ in faults} == {f"--partial tells {name!r}, which is of customers.name"}
    assert "board must not read it" in [who for *_, who in faults]
    place = publish(read_draft("2026Q3", out, ROOT, partial="An invoice is late"), out)
    assert (place / "board/pack.html").is_file()
    assert [*(out / ".builds").rglob("words.json")]
    assert not [*place.rglob("words.json")]


def test_commentary_that_names_a_customer_stops_the_build(build, company, tmp_path):
    """It says file and line, the remedy that it names is one, and no draft is there."""
    name = pd.read_parquet(company.parent / "data/customers.parquet")["name"].iloc[3]
    said = {"summary.md": f"All is well.\n\nBut **{name.upper()}** left."}
    with pytest.raises(KitError, match=r"summary\.md, line 3 tells .*customers\.name.*a folder of their name") as told:
        build(audience_request(company, tmp_path / "params", {"board": BOARD}, commentary=said), tmp_path / "out")
    assert len(told.value.faults) == 1
    assert not (tmp_path / "out/2026Q3").exists()
    said["board/summary.md"] = "All is well. But one left."
    own = audience_request(company, tmp_path / "params", {"board": BOARD}, commentary=said)
    prepared = own.prepared_in(tmp_path / "made/prepared")
    [variant] = make_variants(own, prepared, tmp_path / "made", {})
    assert variant.request.commentary().comments == {"summary": Comment("All is well. But one left.")}
