"""The command ``kpi-review send``, over a pack that was really built and published, to a mail server."""

import io
import re
import shutil
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from pypdf import PdfReader

from helpers import cli, results
from helpers.mail import mailing
from tests.mail.servers import MailServer, mail_server
from tests.pack.projects import BUILD, REVIEW, Project

RECIPIENTS = """
sender: KPI review <kpi@example.com>
owner: Mara Lind <mara@example.com>
allowed_domains: [example.com]
smtp: {{host: localhost, port: {port}, security: none}}
lists:
  board: {{to: [Ann Lee <ann@example.com>, bo@example.com]}}
  reviewers: {{to: [mara@example.com], attach: [pdf, xlsx, html], language: ru}}
  locked: {{to: [eve@example.com], pdf_password: {{environment: KPI_PDF}}}}
  slides: {{to: [eve@example.com], attach: [pptx]}}
  sales: {{to: [eve@example.com], audience: sales}}
"""


@pytest.fixture(scope="session")
def published_once(made_once, drafted) -> Path:
    """A project with a draft of 2026Q3 and its published version, which no test writes to."""

    def make(folder: Path) -> None:
        shutil.copytree(drafted, folder, symlinks=True, dirs_exist_ok=True)
        assert Project(folder).run("publish", "2026Q3").status == 0

    return made_once("mailed", make)


@pytest.fixture
def server():
    with mail_server() as found:
        yield found


@pytest.fixture
def books(tmp_path, published_once, server) -> Project:
    shutil.copytree(published_once, tmp_path / "books", symlinks=True)
    found = Project(tmp_path / "books")
    found.write("params/recipients.yml", RECIPIENTS.format(port=server.port))
    return found


def messages(server: MailServer) -> dict:
    """What each address got, parsed."""
    return {
        address: message_from_bytes(each.content, policy=policy.default)
        for each in server.received
        for address in each.addresses
    }


def attached(message) -> dict[str, bytes]:
    return {part.get_filename(): part.get_content() for part in message.iter_attachments()}


def test_the_published_pack_goes_to_each_reader_once(books, server):
    done = books.run("send", "2026Q3", "--list", "board")
    assert (done.status, done.out.splitlines()[-1]) == (0, "sent to 2 of 2")
    again = books.run("send", "2026Q3", "--list", "board")
    assert again.status == 0
    assert "nobody is due, so nothing was sent" in again.err
    assert sorted(server.reached) == ["ann@example.com", "bo@example.com"]
    got = messages(server)["ann@example.com"]
    assert got["Subject"] == "Fine Co – Quarterly KPI review 2026Q3"
    assert got["To"] == "Ann Lee <ann@example.com>"
    pdf = books.folder / "reports/published/2026Q3/v1/pack.pdf"
    assert attached(got) == {"kpi-review-2026Q3-v1.pdf": pdf.read_bytes()}
    page = got.get_body(("html",)).get_content()
    assert "PUBLISHED" in page
    pictures = {part["Content-ID"].strip("<>") for part in got.walk() if part.get_content_type() == "image/png"}
    assert set(re.findall(r'src="cid:([^"]+)"', page)) == pictures


def test_who_has_it_is_told(books, server):
    assert books.run("send", "2026Q3", "--status").out == "nothing of 2026Q3 was sent from reports\n"
    server.replies["RCPT bo@example.com"] = "550 5.1.1 no such mailbox"
    done = books.run("send", "2026Q3", "--list", "board")
    assert done.status == 2
    assert done.out.splitlines()[-1] == "sent to 1 of 2"
    assert "bo@example.com: refused by the mail server: 550 5.1.1 no such mailbox" in done.err
    told = books.run("send", "2026Q3", "--status").out
    assert re.search(r"^2026Q3, v1$", told, re.MULTILINE)
    assert re.search(r"board  ann@example.com  sent  \S+ \S+ UTC  250 2.0.0 taken", told)
    assert re.search(r"board  bo@example.com  refused  \S+ \S+ UTC  550 5.1.1 no such mailbox", told)
    assert books.run("send", "2026Q3", "--list", "board").status == 2  # Bo is still not reached
    server.replies.clear()
    assert books.run("send", "2026Q3", "--list", "board", "--again", "The mailbox is there now").status == 0
    assert server.reached == ["ann@example.com", "mara@example.com", "bo@example.com"]
    notice = messages(server)["mara@example.com"]  # the owner, not the board
    assert "bo@example.com: refused by the mail server" in notice.get_body().get_content()
    assert not list(notice.iter_attachments())


def test_a_draft_goes_to_reviewers_marked_so_and_in_their_language(books, server):
    assert books.run("send", "2026Q3", "--list", "reviewers", "--draft").status == 0
    got = messages(server)["mara@example.com"]
    assert "черновик" in got["Subject"]
    assert list(attached(got)) == [f"kpi-review-2026Q3-draft.{form}" for form in ("pdf", "xlsx", "html")]
    assert "ЧЕРНОВИК" in got.get_body(("html",)).get_content()
    told = books.run("send", "2026Q3", "--status").out
    assert "draft" in told
    assert not (books.folder / "reports/published/2026Q3/sent.jsonl").exists()


def test_a_draft_that_is_built_again_while_it_is_read_is_not_sent(books, server, monkeypatch):
    """Files of the one build would go with the words of the other."""
    draft = books.folder / "reports/2026Q3"
    real = mailing.message_of

    def read_late(*arguments):
        new = draft.resolve().parent.with_name("2026Q3-29991231T000000000000")
        shutil.copytree(draft.resolve().parent, new)
        draft.unlink()
        draft.symlink_to(new / "pack")
        return real(*arguments)

    monkeypatch.setattr(mailing, "message_of", read_late)
    done = books.run("send", "2026Q3", "--list", "reviewers", "--draft")
    assert (done.status, server.received) == (1, [])
    place = books.folder / "reports/2026Q3"
    assert done.lines == [f"{place} is newer than what was to be sent; nothing was sent, send again"]


def test_a_version_that_was_corrected_while_one_is_asked_is_not_sent(books, server, monkeypatch):
    """Those who have got the correction meanwhile would get what it corrects after it."""
    asked = []

    def answer(question):
        asked.append(question)
        folder = books.folder / "reports/published/2026Q3"
        shutil.copytree(folder / "v1", folder / "v2")
        return True

    monkeypatch.setattr(cli.typer, "confirm", answer)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    done = books.run("send", "2026Q3", "--list", "board")
    assert (len(asked), done.status, server.received) == (1, 1, [])
    place = books.folder / "reports/published/2026Q3/v2"
    assert done.lines == [f"{place} is newer than what was to be sent; nothing was sent, send again"]


def test_a_dry_run_writes_what_would_be_sent_and_sends_nothing(books, server):
    done = books.run("send", "2026Q3", "--list", "board", "--dry-run")
    files = [books.folder / line for line in done.out.splitlines() if line.endswith(".eml")]
    assert [file.name for file in files] == ["001-ann@example.com.eml", "002-bo@example.com.eml"]
    assert server.connections == 0
    assert books.run("send", "2026Q3", "--list", "board").status == 0

    def undated(whole: bytes) -> bytes:
        return re.sub(rb"Date: .*\r\n", b"", whole)

    assert [undated(file.read_bytes()) for file in files] == [undated(each.content) for each in server.received]
    last = books.run("send", "2026Q3", "--list", "board", "--dry-run").out.splitlines()[-1]
    assert last == "nobody is due, so no message was written"


def test_a_test_goes_to_one_address_and_counts_for_nobody(books, server):
    assert books.run("send", "2026Q3", "--list", "board", "--to", "me@example.com").status == 0
    assert books.run("send", "2026Q3", "--list", "board").status == 0
    assert server.reached == ["me@example.com", "ann@example.com", "bo@example.com"]
    assert messages(server)["me@example.com"]["Subject"].endswith("(test)")


def test_after_a_test_alone_nothing_was_sent(books):
    books.run("send", "2026Q3", "--list", "board", "--to", "me@example.com")
    assert books.run("send", "2026Q3", "--status").out == "nothing of 2026Q3 was sent from reports\n"


def test_the_pdf_of_a_list_opens_with_its_password_alone(books, server):
    done = books.run("send", "2026Q3", "--list", "locked", KPI_PDF="pass the salt")
    assert done.status == 0
    assert "pass the salt" not in done.out + done.err
    (pdf,) = attached(messages(server)["eve@example.com"]).values()
    reader = PdfReader(io.BytesIO(pdf))
    assert not reader.decrypt("another")
    assert reader.decrypt("pass the salt")
    plain = PdfReader(books.folder / "reports/published/2026Q3/v1/pack.pdf")
    assert reader.pages[1].extract_text() == plain.pages[1].extract_text()
    assert b"pass the salt" not in server.received[0].content
    ledger = books.folder / "reports/published/2026Q3/sent.jsonl"
    assert "pass the salt" not in ledger.read_text()


@pytest.mark.parametrize("what", ["changed", "gone"])
def test_a_pack_that_was_altered_is_refused(books, server, what):
    pack = books.folder / "reports/published/2026Q3/v1"
    pack.chmod(0o755)
    file = pack / "pack.pdf"
    file.unlink()
    if what == "changed":
        file.write_bytes(b"%PDF of somebody else")
    done = books.run("send", "2026Q3", "--list", "board")
    assert done.status == 1
    assert "pack.pdf" in done.err
    assert server.connections == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["2026Q2", "--list", "board"], "nothing of 2026Q2 is published in reports/published; publish it first"),
        (["2026Q2", "--list", "board", "--draft"], "reports/2026Q2 is no draft; build it first"),
        (["2026Q3", "--list", "bord"], "'bord' is no list; did you mean 'board'?"),
        (["2026Q3"], "give a period and a list: kpi-review send 2026Q3 --list board"),
        (["../2026Q3", "--list", "board"], "../2026Q3 is no period"),
        (["--status"], "give a period: kpi-review send 2026Q3 --status"),
        (["2026Q3", "--list", "board", "--status", "--check"], "--status goes without --list, --check"),
        (["--check", "--draft", "--dry-run"], "--check goes without --draft, --dry-run"),
        (["2026Q3", "--list", "board", "--to", "eve@example.org"], "must be of allowed_domains: example.com"),
        (["2026Q3", "--list", "board", "--to", "eve"], "--to 'eve' must be an address"),
        (["2026Q3", "--list", "locked"], "environment variable KPI_PDF is not set"),
        (["2026Q3", "--list", "slides"], "lists.slides.attach asks for pptx"),
        (["2026Q3", "--list", "sales"], "lists.sales.audience == 'sales'"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(books, server, arguments, told):
    done = books.run("send", *arguments)
    assert done.status == 1
    assert told in done.err
    assert len(done.lines) == 1
    assert server.connections == 0


def test_what_is_larger_than_the_server_takes_is_refused_with_the_sizes(books, server):
    with mail_server(size=100_000) as small:
        books.write("params/recipients.yml", RECIPIENTS.format(port=small.port))
        done = books.run("send", "2026Q3", "--list", "board")
    assert done.status == 1
    assert re.search(r"has 0\.\d MB \(kpi-review-2026Q3-v1\.pdf .*this way takes 0\.1 MB", done.err)
    assert not small.received


def test_the_way_is_tried_without_sending(books, server):
    done = books.run("send", "--check")
    assert done.status == 0
    assert f"localhost:{server.port} answers, not encrypted" in done.out
    assert not [each for each in server.commands if each.startswith(("MAIL", "DATA"))]


def test_a_server_that_is_not_there_is_told(books, server):
    books.write("params/recipients.yml", RECIPIENTS.format(port=1))
    done = books.run("send", "2026Q3", "--list", "board")
    assert done.status == 1
    assert "localhost:1" in done.err
    assert not (books.folder / "reports/published/2026Q3/sent.jsonl").exists()


@pytest.mark.slow
def test_a_correction_says_what_changed_and_goes_to_those_who_got_the_one_before(books, server):
    """An amount of the quarter is corrected in the source; Bo's server refused the first version."""
    server.replies["RCPT bo@example.com"] = "550 5.1.1 no such mailbox"
    assert books.run("send", "2026Q3", "--list", "board").status == 2
    server.replies.clear()
    corrected(books)
    assert books.run(*BUILD).status == 0
    assert books.run("publish", "2026Q3", "--correct", "A deal was booked twice").status == 0
    server.received.clear()
    done = books.run("send", "2026Q3", "--list", "board")
    assert (done.status, server.reached) == (0, ["ann@example.com"])
    assert "bo@example.com got no version before v2" in done.out
    got = messages(server)["ann@example.com"]
    assert "version 2" in got["Subject"]
    for part in ("html", "plain"):
        body = " ".join(got.get_body((part,)).get_content().split())
        assert "A deal was booked twice" in body
        assert "What changed" in body
        assert "New revenue" in body
    assert re.search(
        r"v2$.*?ann@example.com  sent.*^2026Q3, v1$", books.run("send", "2026Q3", "--status").out, re.S | re.M
    )


@pytest.mark.slow
def test_a_list_of_an_audience_gets_its_files_and_nothing_of_the_whole(books, server):
    """Those of the customers of one segment; the row filter is shown before it is sent."""
    customers = f"read_parquet('{books.folder}/data/customers.parquet')"
    (segment,) = duckdb.sql(f"select segment from {customers} group by all order by count(*) desc limit 1").fetchone()
    rows = f"segment = '{segment}'"
    books.write("params/review.yml", f'{REVIEW}audiences: {{sales: {{rows: "{rows}"}}}}\n')
    assert books.run(*BUILD).status == 0
    done = books.run("send", "2026Q3", "--list", "sales", "--draft")
    assert (done.status, server.reached) == (0, ["eve@example.com"])
    assert f"to sales, audience sales, rows {rows}" in done.out
    got = messages(server)["eve@example.com"]
    draft = books.folder / "reports/2026Q3"
    assert list(attached(got).values()) == [(draft / "sales/pack.pdf").read_bytes()]
    figures = results.read_csv(str(draft / "results.csv"))
    now = figures[(figures["kpi_id"] == "new_revenue") & (figures["period"] == "2026Q3") & (figures["segment"] == "")]
    of_all = f"€{now['value'].iloc[0]:,.0f}"
    assert of_all in (draft / "pack.html").read_text()
    assert of_all not in got.get_body(("plain",)).get_content()


def corrected(books: Project) -> None:
    """The largest deal that was won in the quarter loses half of its amount in the source."""
    data = books.folder / "data"
    target = data.resolve()
    data.unlink()
    shutil.copytree(target, data)
    duckdb.sql(
        f"""copy (select * replace (case when deal_id = (select deal_id from read_parquet('{target}/deals.parquet')
        where outcome = 'won' and closed_at >= '2026-07-01' and closed_at < '2026-10-01' order by amount desc limit 1)
        then amount * 0.5 else amount end as amount) from read_parquet('{target}/deals.parquet'))
        to '{data}/deals.parquet' (format parquet)"""
    )


def test_a_file_that_is_altered_after_the_pack_was_looked_over_is_refused(books, server, monkeypatch):
    real = mailing.opened

    def altered_later(pack, root):
        found = real(pack, root)
        pack.chmod(0o755)
        (pack / "pack.pdf").unlink()
        (pack / "pack.pdf").write_bytes(b"%PDF of somebody else")
        return found

    monkeypatch.setattr(mailing, "opened", altered_later)
    done = books.run("send", "2026Q3", "--list", "board")
    assert (done.status, server.connections) == (1, 0)
    assert done.lines == ["reports/published/2026Q3/v1/pack.pdf was changed; restore it, or build and publish it again"]
