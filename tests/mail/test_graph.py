import base64
import json
import ssl
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from helpers.errors import KitError
from helpers.mail import graph
from helpers.mail.graph import GraphWay
from helpers.mail.letter import Attachment, Content, letter
from helpers.mail.recipients import GraphMailbox, SmtpServer, read_person
from helpers.mail.smtp import SmtpWay
from tests.mail.graph_stand_in import APP, APP_SECRET, MAILBOX, UPLOAD_TOKEN, Draft, graph_stand_in, readers
from tests.mail.letters import outcomes, sent_by
from tests.mail.servers import mail_server, server_context
from tests.postgres import free_port

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
CERTIFICATES = ssl.create_default_context()
ANN, BO, HID = (read_person(f"{name} <{name.lower()}@example.com>") for name in ("Ann", "Bo", "Hid"))


@pytest.fixture
def stand(monkeypatch):
    """It speaks plain HTTP: the certificates of this machine, which take long to load, are loaded once."""
    monkeypatch.setattr(graph, "ssl", SimpleNamespace(create_default_context=lambda: CERTIFICATES))
    monkeypatch.setenv("TOKEN", "good")
    monkeypatch.setenv("APP_SECRET", APP_SECRET)
    with graph_stand_in() as stand:
        yield stand


def by_token(stand) -> GraphWay:
    return GraphWay(GraphMailbox(mailbox=MAILBOX, token={"environment": "TOKEN"}, url=stand.url))


def app_of(stand) -> dict:
    return {**APP, "secret": {"environment": "APP_SECRET"}, "login": stand.url}


def by_app(stand) -> GraphWay:
    return GraphWay(GraphMailbox(mailbox=MAILBOX, app=app_of(stand), url=stand.url))


def a_letter(people=None, *, attachments=(), pictures=None):
    return letter(
        Content("text\n.\nüber", "<p>über</p>", pictures or {}, attachments),
        people or {ANN: "to"},
        sender=read_person(f"KPI <{MAILBOX}>"),
        owner=read_person("Mara Lind <mara@example.com>"),
        subject="Vesper – Отчёт 2026Q3 " + "x" * 80,
        key="1",
        at=AT,
    )


@pytest.fixture
def narrow(monkeypatch):
    """Limits that a small letter passes."""
    monkeypatch.setattr(graph, "IN_ONE_REQUEST", 1_000_000)
    monkeypatch.setattr(graph, "ATTACHED_AT_ONCE", 2_100_000)
    monkeypatch.setattr(graph, "PIECE", 4 * 320 * 1024)


# for narrow limits: in pieces, of which the last is short, and one that needs no session
BEYOND = (
    Attachment("pack.pdf", "application/pdf", bytes(range(256)) * 8600),
    Attachment("figures.xlsx", "application/xlsx", b"x" * 1000),
)


# letters in one request


def test_a_small_letter_goes_as_it_is(stand):
    sent = a_letter({ANN: "to", BO: "cc"}, attachments=[Attachment("a.pdf", "application/pdf", b"%PDF")])
    answers, handed = sent_by(by_token(stand), sent)
    assert outcomes(answers) == {"ann@example.com": "sent", "bo@example.com": "sent"}
    assert stand.raw == [sent.whole]
    assert handed == [("ann@example.com", "bo@example.com")]
    assert stand.requests == [f"POST /v1.0/users/{MAILBOX}/sendMail"]


def test_readers_who_are_hidden_are_reached(stand):
    many = {read_person(f"hidden{i}@example.com"): "bcc" for i in range(100)}
    sent = a_letter({ANN: "to", **many})
    answers, _ = sent_by(by_token(stand), sent)
    assert answers.keys() == {"ann@example.com", *(person.address for person in many)}
    assert set(outcomes(answers).values()) == {"sent"}
    assert sorted(stand.reached) == sorted(answers)
    assert stand.raw[0].endswith(sent.whole)
    assert max(map(len, stand.raw[0].splitlines())) < 998


def test_nobody_is_written_to_a_second_time(stand):
    """Graph knows no readers but those of the head."""
    both = a_letter({ANN: "to", BO: "to"})
    for other in (("bo@example.com",), ("bo@example.com", "cy@example.com")):
        fewer = type(both)(both.id, both.sender, other, both.head, both.content)
        way = by_token(stand)
        with pytest.raises(KitError, match=r"also to (ann@example.com|nobody)"):
            sent_by(way, fewer)
    assert stand.requests == []


def test_the_largest_letter_in_one_request(stand):
    """Beyond what goes in one request Graph answers 200 and sends nothing, which is never taken for sent."""
    bare = a_letter(attachments=[Attachment("a.pdf", "application/pdf", b"")])
    room = graph.IN_ONE_REQUEST - len(bare.whole)
    most = a_letter(attachments=[Attachment("a.pdf", "application/pdf", b"x" * (room * 56 // 77))])
    assert graph.IN_ONE_REQUEST - 20_000 < len(most.whole) <= graph.IN_ONE_REQUEST
    answers, _ = sent_by(by_token(stand), most)
    assert outcomes(answers) == {"ann@example.com": "sent"}
    assert stand.requests == [f"POST /v1.0/users/{MAILBOX}/sendMail"]


def test_an_answer_of_200_is_not_taken_for_sent(stand, monkeypatch):
    monkeypatch.setattr(graph, "IN_ONE_REQUEST", 10_000_000)
    attached = Attachment("a.pdf", "application/pdf", b"x" * 1_800_000)
    answers, _ = sent_by(by_token(stand), a_letter(attachments=[attached]))
    assert outcomes(answers) == {"ann@example.com": "unknown"}
    assert stand.sent == []


# letters as drafts


def test_a_large_letter_goes_as_a_draft_with_all_its_parts(stand):
    attached = (
        Attachment("pack.pdf", "application/pdf", bytes(range(256)) * 30_000),
        Attachment("figures.xlsx", "application/xlsx", b"x" * 2_999_999),
    )
    pictures = {"chart": b"\x89PNG" + b"p" * 100}
    sent = a_letter({ANN: "to", BO: "cc", HID: "bcc"}, attachments=attached, pictures=pictures)
    answers, handed = sent_by(by_token(stand), sent)
    assert outcomes(answers) == dict.fromkeys(("ann@example.com", "bo@example.com", "hid@example.com"), "sent")
    assert handed == [("ann@example.com", "bo@example.com", "hid@example.com")]
    [draft] = stand.sent
    assert isinstance(draft, Draft)
    message = draft.message
    assert message["subject"] == "Vesper – Отчёт 2026Q3 " + "x" * 80
    assert message["body"] == {"contentType": "html", "content": "<p>über</p>"}
    assert message["internetMessageId"] == sent.id
    assert message["from"] == {"emailAddress": {"name": "KPI", "address": MAILBOX}}
    assert message["replyTo"] == [{"emailAddress": {"name": "Mara Lind", "address": "mara@example.com"}}]
    assert message["toRecipients"] == [{"emailAddress": {"name": "Ann", "address": "ann@example.com"}}]
    assert message["bccRecipients"] == [{"emailAddress": {"address": "hid@example.com"}}]
    assert readers(draft) == ["ann@example.com", "bo@example.com", "hid@example.com"]
    got = {each["name"]: each for each in draft.attachments}
    assert {name: each["content"] for name, each in got.items()} == {
        "chart.png": pictures["chart"],
        **{each.name: each.content for each in attached},
    }
    assert (got["chart.png"]["isInline"], got["chart.png"]["contentId"]) == (True, "chart")
    assert got["pack.pdf"]["contentType"] == "application/pdf"
    pieces = [request for request in stand.requests if request.startswith("PUT")]
    assert len(pieces) == 2


def test_text_alone_as_a_draft(stand, monkeypatch):
    monkeypatch.setattr(graph, "IN_ONE_REQUEST", 10)
    plain = letter(
        Content("words"),
        {HID: "bcc", ANN: "bcc"},
        sender=read_person(MAILBOX),
        owner=ANN,
        subject="s",
        key="1",
        at=AT,
    )
    answers, _ = sent_by(by_token(stand), plain)
    assert set(outcomes(answers).values()) == {"sent"}
    assert stand.sent[0].message["body"] == {"contentType": "text", "content": "words"}
    assert stand.reached == ["hid@example.com", "ann@example.com"]


FAULTS_OF_DRAFTS = [
    ("/attachments", (500, "ErrorInternalServerError"), "later"),
    ("/attachments", "drop", "later"),
    ("/attachments", (429, "ApplicationThrottled", {"Retry-After": "7"}), "later"),
    ("/attachments", (400, "ErrorMessageSizeExceeded"), "stops"),
    ("createUploadSession", (403, "ErrorAccessDenied"), "stops"),
    ("createUploadSession", "done", "later"),
    ("/upload/0", (500, "ErrorInternalServerError"), "later"),
    ("/upload/0", (401, "ErrorTokenExpired"), "later"),
    ("/upload/0", (400, "ErrorMessageSizeExceeded"), "stops"),
    ("/upload/0", "drop", "later"),
    ("/send", (403, "ErrorSendAsDenied"), "stops"),
    ("/send", (429, "ApplicationThrottled", {"Retry-After": "7"}), "later"),
    ("/send", (404, "ErrorItemNotFound"), "later"),
    ("/send", (400, "ErrorInvalidRecipients"), "refused"),
    ("/send", "drop", "unknown"),
    ("/send", "done", "unknown"),
    ("/send", (504, "UnknownError", {"Retry-After": "7"}), "unknown"),
    ("/messages", (403, "ErrorAccessDenied"), "stops"),
    ("/messages", "drop", "later"),
]


@pytest.mark.parametrize(("where", "fault", "outcome"), FAULTS_OF_DRAFTS)
def test_a_draft_that_was_certainly_not_sent_is_deleted(stand, narrow, where, fault, outcome):
    stand.faults[where] = [fault]
    way, handed = by_token(stand), []
    if outcome == "stops":
        with pytest.raises(KitError):
            way.send(a_letter(attachments=BEYOND), handed.append)
    else:
        answer = way.send(a_letter(attachments=BEYOND), handed.append)["ann@example.com"]
        assert answer.outcome == outcome
        assert answer.wait == (7 if "ApplicationThrottled" in fault else 0)
    way.close()
    assert len(stand.sent) == (fault == "done" and where == "/send")
    left = [*stand.drafts]
    assert len(left) == (outcome == "unknown" and fault != "done")
    assert bool(handed) == (where == "/send")


def test_an_upload_that_is_not_whole_is_not_sent(stand, narrow):
    stand.faults["/upload/0"] = [None, (200, "")]  # the last piece is taken without a word that it was the last
    answers, handed = sent_by(by_token(stand), a_letter(attachments=BEYOND))
    assert outcomes(answers) == {"ann@example.com": "later"}
    assert (handed, stand.sent, stand.drafts) == ([], [], {})


def test_a_ledger_that_cannot_be_written_keeps_the_letter_back(stand, narrow):
    def full(addresses):
        raise OSError("disk full")

    for attachments in ((), BEYOND):
        way = by_token(stand)
        with pytest.raises(OSError, match="disk full"):
            way.send(a_letter(attachments=attachments), full)
        way.close()
    assert stand.sent == []
    assert stand.drafts == {}


# what answers mean


@pytest.mark.parametrize(
    ("fault", "outcome", "wait"),
    [
        ((429, "ApplicationThrottled", {"Retry-After": "12"}), "later", 12),
        ((429, "ApplicationThrottled"), "later", 0),
        ((503, "ErrorServerBusy", {"Retry-After": "3"}), "later", 3),
        ((503, "ErrorServerBusy", {"Retry-After": "Mon, 30 Nov 2026 12:00:00 GMT"}), "later", 0),
        ((503, "ErrorServerBusy"), "unknown", 0),
        ((500, "ErrorInternalServerError"), "unknown", 0),
        ((502, "UnknownError"), "unknown", 0),
        ((504, "UnknownError"), "unknown", 0),
        ((200, ""), "unknown", 0),
        ((400, "ErrorInvalidRecipients"), "refused", 0),
        ("drop", "unknown", 0),
        ("done", "unknown", 0),
    ],
)
def test_what_an_answer_means(stand, fault, outcome, wait):
    stand.faults["/sendMail"] = [fault]
    way, handed = by_token(stand), []
    answer = way.send(a_letter(), handed.append)["ann@example.com"]
    assert (answer.outcome, answer.wait) == (outcome, wait)
    assert handed == [("ann@example.com",)]
    assert len(stand.sent) == (fault == "done")
    if isinstance(fault, tuple):
        assert answer.words.startswith(f"{fault[0]} {fault[1]}")
    assert outcomes(way.send(a_letter({BO: "to"}), handed.append)) == {"bo@example.com": "sent"}
    way.close()


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ((403, "ErrorAccessDenied"), "Mail.Send .*Mail.ReadWrite"),
        ((403, "ErrorSendAsDenied"), "Send As"),
        ((404, "ErrorInvalidUser"), "graph.mailbox"),
        ((404, "MailboxNotEnabledForRESTAPI"), "graph.mailbox"),
        ((413, "RequestEntityTooLarge"), "attach less"),
        ((400, "ErrorMimeContentInvalid"), "see graph in"),
        ((403, "ErrorSubmissionQuotaExceeded"), "tomorrow"),
        ((302, "Found"), "see graph in"),
    ],
)
def test_what_is_the_senders_fault_stops_everything(stand, fault, advice):
    stand.faults["/sendMail"] = [fault]
    with pytest.raises(KitError, match=f"{fault[0]} {fault[1]} told by the server.*{advice}"):
        sent_by(by_token(stand), a_letter())
    assert stand.sent == []


def test_nobody_listens(stand):
    way = GraphWay(GraphMailbox(mailbox=MAILBOX, token={"environment": "TOKEN"}, url=f"http://127.0.0.1:{free_port()}"))
    answer = way.send(a_letter(), lambda _: None)["ann@example.com"]
    assert answer.outcome == "later"
    assert "refused" in answer.words
    with pytest.raises(KitError, match="nothing was sent"):
        way.check()
    way.close()


def test_an_answer_that_does_not_come_is_unknown(stand, monkeypatch):
    monkeypatch.setattr(graph, "ANSWER", 0.1)
    way = by_token(stand)
    original = stand.good

    class Slow(set):
        def __iter__(self):
            time.sleep(0.3)
            return iter({"good"})

    stand.good = Slow()
    answers = dict(way.send(a_letter(), lambda _: None))
    stand.good = original
    way.close()
    assert outcomes(answers) == {"ann@example.com": "unknown"}


def test_encrypted_with_the_certificate_of_a_company(trusted, monkeypatch):
    monkeypatch.setenv("APP_SECRET", APP_SECRET)
    with graph_stand_in(tls=server_context(trusted)) as stand:
        answers, _ = sent_by(by_app(stand), a_letter())
    assert outcomes(answers) == {"ann@example.com": "sent"}
    assert stand.reached == ["ann@example.com"]


@pytest.mark.parametrize("url", ["https://a:b:c", "https://\u0000x", "https://a..b"])
def test_an_address_that_is_none(monkeypatch, url):
    monkeypatch.setenv("TOKEN", "good")
    way = GraphWay(GraphMailbox(mailbox=MAILBOX, token={"environment": "TOKEN"}, url=url))
    for tried in (way.check, lambda: way.send(a_letter(), lambda _: None)):
        with pytest.raises(KitError, match="is no address of a server"):
            tried()
    way.close()


def test_an_unverified_certificate_stops_everything(trusted, monkeypatch):
    monkeypatch.setenv("TOKEN", "good")
    with mail_server(tls=server_context(trusted, "mail.example.org")) as server:
        way = GraphWay(
            GraphMailbox(mailbox=MAILBOX, token={"environment": "TOKEN"}, url=f"https://localhost:{server.port}")
        )
        for tried in (way.check, lambda: way.send(a_letter(), lambda _: None)):
            with pytest.raises(KitError, match="its certificate cannot be verified"):
                tried()
        way.close()


# tokens


def test_an_application_gets_a_token_and_keeps_it(stand):
    way = by_app(stand)
    for _ in range(3):
        assert outcomes(way.send(a_letter(), lambda _: None)) == {"ann@example.com": "sent"}
    way.close()
    [form] = stand.forms
    assert form["scope"] == f"{stand.url}/.default"


def test_a_token_is_got_anew_before_its_end(stand):
    stand.lasts = 299
    way = by_app(stand)
    for _ in range(2):
        way.send(a_letter(), lambda _: None)
    way.close()
    assert len(stand.forms) > 1


@pytest.mark.parametrize("attachments", [(), BEYOND], ids=["whole", "draft"])
def test_an_expired_token_is_got_once_more(stand, narrow, attachments):
    way = by_app(stand)
    way.send(a_letter(), lambda _: None)
    stand.good = {"another"}
    handed = []
    assert outcomes(way.send(a_letter({BO: "to"}, attachments=attachments), handed.append)) == {
        "bo@example.com": "sent"
    }
    way.close()
    assert handed == [("bo@example.com",)]
    assert len(stand.forms) == 2


def test_a_token_that_stays_refused_stops_everything(stand, monkeypatch):
    old = f"e30.{base64.urlsafe_b64encode(json.dumps({'exp': 1_000_000_000}).encode()).decode()}.s"
    monkeypatch.setenv("TOKEN", old)
    with pytest.raises(KitError, match=r"401 InvalidAuthenticationToken.*expired at 2001-09-09 01:46 UTC") as told:
        sent_by(by_token(stand), a_letter())
    assert old not in str(told.value)
    assert len(stand.requests) == 1, "the same token is not tried twice"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (7000215, "copy the Value, not the Secret ID"),
        (7000222, "app.secret has expired"),
        (700016, "app.client is not known in this tenant"),
        (90002, "app.tenant is not known"),
        (70011, ""),
    ],
)
def test_what_the_login_server_refuses(stand, code, advice):
    told = f"AADSTS{code}: told in many words. {APP_SECRET}\r\nTrace ID: 0000aaaa"
    stand.login = 401, {"error": "invalid_client", "error_description": told, "error_codes": [code]}
    for way in (by_app(stand), SmtpWay(smtp_by_app(stand, 25))):
        ask = way._tokens.current if isinstance(way, SmtpWay) else way.check
        with pytest.raises(
            KitError, match=rf"gives no token: 401 AADSTS{code}: told in many words\..*{advice}"
        ) as error:
            ask()
        assert APP_SECRET not in str(error.value)
        way.close()


def smtp_by_app(stand, port) -> SmtpServer:
    return SmtpServer(host="localhost", port=port, user=MAILBOX, app=app_of(stand))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_login_server_in_trouble_is_later(stand, status):
    stand.login = status, {"error": "temporarily_unavailable", "error_description": "AADSTS90033: busy"}
    way, handed = by_app(stand), []
    answer = way.send(a_letter(), handed.append)["ann@example.com"]
    way.close()
    assert answer.outcome == "later"
    assert "AADSTS90033" in answer.words
    assert handed == []


def test_an_application_logs_in_at_a_mail_server(stand, trusted):
    with mail_server(starttls=server_context(trusted), tokens={MAILBOX: "app-token-2"}) as server:
        way = SmtpWay(smtp_by_app(stand, server.port))
        answers, _ = sent_by(way, a_letter())
    assert outcomes(answers) == {"ann@example.com": "sent"}
    assert [form["scope"] for form in stand.forms] == ["https://outlook.office365.com/.default"] * 2


@pytest.mark.parametrize("token", ["two words", "bad\nX-Header: 1", "\u0442\u043e\u043a\u0435\u043d"])
def test_what_cannot_be_a_token_is_told_without_it(stand, monkeypatch, token):
    monkeypatch.setenv("TOKEN", token)
    with pytest.raises(KitError, match="is no token") as told:
        sent_by(by_token(stand), a_letter())
    assert token not in repr(told.value)
    assert stand.requests == []


def test_no_log_shows_a_token(stand, narrow, caplog, capfd):
    caplog.set_level(0)
    answers, _ = sent_by(by_app(stand), a_letter(attachments=BEYOND))
    assert outcomes(answers) == {"ann@example.com": "sent"}
    told = "\n".join([*(record.getMessage() for record in caplog.records), *capfd.readouterr()])
    for secret in (UPLOAD_TOKEN, APP_SECRET, *stand.good):
        assert secret not in told


# trying it


def token_of(**claims) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


@pytest.mark.parametrize("knows", [True, False])
def test_check_says_what_the_token_allows(stand, monkeypatch, knows):
    token = token_of(exp=4_000_000_000, roles=["Mail.Send"])
    monkeypatch.setenv("TOKEN", token)
    stand.good, stand.knows = {token}, knows
    way = by_token(stand)
    found = way.check()
    way.close()
    unseen = "" if knows else ", which this token may not look up, nor needs to"
    assert found == [
        f"{stand.url} answers for {MAILBOX}{unseen}",
        "logged in by token; good until 2096-10-02 07:06 UTC",
        "the token allows Mail.Send",
        "the token does not name Mail.ReadWrite, for messages of more than 2.2 MB; Exchange may still allow it",
        "a message may have 35.0 MB",
    ]
    assert stand.requests == [f"GET /v1.0/users/{MAILBOX}"]


@pytest.mark.parametrize(
    "token", [token_of(scp="Mail.Send Mail.ReadWrite"), "opaque", "a.b.c", "e30.W10.x", token_of(exp="x")]
)
def test_check_reads_any_token(stand, monkeypatch, token):
    monkeypatch.setenv("TOKEN", token)
    stand.good = {token}
    way = by_token(stand)
    found = way.check()
    way.close()
    assert ("the token allows Mail.ReadWrite" in found) == (token == token_of(scp="Mail.Send Mail.ReadWrite"))


def test_check_of_a_mailbox_that_is_not_there(stand):
    way = GraphWay(GraphMailbox(mailbox="nobody@example.com", token={"environment": "TOKEN"}, url=stand.url))
    with pytest.raises(KitError, match=r"404 ErrorInvalidUser .*graph.mailbox"):
        way.check()
    way.close()
